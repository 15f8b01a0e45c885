package seed

import (
	"context"
	"fmt"

	"fairlead/assign"
)

// DemoPool is the pool that [Demo] makes.
const DemoPool assign.PoolID = "demo"

// Demo makes a pool to try things on: three planners and ten numbers, whose
// prefix (0507) is that of Korean relay numbers. It adds what is missing and
// leaves alone what is there.
func Demo(ctx context.Context, c *assign.Combiner) error {
	if _, err := c.ChangePool(ctx, assign.PoolChange{Pool: DemoPool}); err != nil {
		return fmt.Errorf("make pool %s: %w", DemoPool, err)
	}
	var planners []assign.PlannerChange
	for i := range 3 {
		name := fmt.Sprintf("Demo planner %d", i+1)
		planners = append(planners, assign.PlannerChange{ID: assign.PlannerID(fmt.Sprintf("planner-%d", i+1)), Name: &name})
	}
	var numbers []assign.Number
	for i := range 10 {
		numbers = append(numbers, assign.Number(fmt.Sprintf("0507555%04d", i+1)))
	}
	return Pool(ctx, c, DemoPool, planners, numbers, nil)
}

// Pool puts planners and numbers into a pool that is there, as many at a time
// as one call may name. It calls progress, unless that is nil, with how many
// were put so far. An error leaves what was put before it; the same call again
// goes on from there.
func Pool(ctx context.Context, c *assign.Combiner, pool assign.PoolID, planners []assign.PlannerChange, numbers []assign.Number, progress func(done int)) error {
	done := 0
	said := func(n int) {
		if done += n; progress != nil {
			progress(done)
		}
	}
	for from := 0; from < len(planners); from += assign.MaxBulk {
		part := planners[from:min(len(planners), from+assign.MaxBulk)]
		if _, err := c.Staff(ctx, assign.Staffing{Pool: pool, Changes: part, Actor: "seed"}); err != nil {
			return fmt.Errorf("put planners %d to %d: %w", from+1, from+len(part), err)
		}
		said(len(part))
	}
	for from := 0; from < len(numbers); from += assign.MaxBulk {
		part := numbers[from:min(len(numbers), from+assign.MaxBulk)]
		if _, err := c.Stock(ctx, assign.Stocking{Pool: pool, Numbers: part, Actor: "seed"}); err != nil {
			return fmt.Errorf("put numbers %d to %d: %w", from+1, from+len(part), err)
		}
		said(len(part))
	}
	return nil
}
