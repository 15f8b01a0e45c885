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
	_, err := Pool(ctx, c, DemoPool, "seed", planners, numbers, nil)
	return err
}

// Filled says what [Pool] did.
type Filled struct {
	Planners assign.Staffed
	Numbers  assign.Stocked
}

// Pool puts planners and numbers into a pool that is there, for actor, as many
// at a time as one call may name. It calls progress, unless that is nil, with how many
// were put so far. An error leaves what was put before it, which Filled says;
// the same call again goes on from there.
func Pool(ctx context.Context, c *assign.Combiner, pool assign.PoolID, actor string, planners []assign.PlannerChange, numbers []assign.Number, progress func(done int)) (f Filled, err error) {
	done := 0
	said := func(n int) {
		if done += n; progress != nil {
			progress(done)
		}
	}
	for from := 0; from < len(planners); from += assign.MaxBulk {
		part := planners[from:min(len(planners), from+assign.MaxBulk)]
		staffed, err := c.Staff(ctx, assign.Staffing{Pool: pool, Changes: part, Actor: actor})
		if err != nil {
			return f, fmt.Errorf("put planners %d to %d: %w", from+1, from+len(part), err)
		}
		f.Planners.Created += staffed.Created
		f.Planners.Updated += staffed.Updated
		f.Planners.Unchanged += staffed.Unchanged
		said(len(part))
	}
	for from := 0; from < len(numbers); from += assign.MaxBulk {
		part := numbers[from:min(len(numbers), from+assign.MaxBulk)]
		stocked, err := c.Stock(ctx, assign.Stocking{Pool: pool, Numbers: part, Actor: actor})
		if err != nil {
			return f, fmt.Errorf("put numbers %d to %d: %w", from+1, from+len(part), err)
		}
		f.Numbers.Added += stocked.Added
		f.Numbers.Existing += stocked.Existing
		said(len(part))
	}
	return f, nil
}
