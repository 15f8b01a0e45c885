package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"fairlead/assign"
	"fairlead/internal/seed"
	"fairlead/store"
)

type seedCmd struct {
	storeFlags

	Pool     string `help:"Pool to fill; made if there is none. Without files, a demo pool."`
	Planners string `type:"existingfile" placeholder:"FILE.csv" help:"Planners, one a line: id[,name[,active]]."`
	Numbers  string `type:"existingfile" placeholder:"FILE.csv" help:"Safe numbers, one a line."`
}

// Run reads the files to their end before it writes anything.
func (c *seedCmd) Run(ctx context.Context) error {
	demo := c.Pool == "" && c.Planners == "" && c.Numbers == ""
	var (
		pool     assign.PoolID
		planners []assign.PlannerChange
		numbers  []assign.Number
	)
	if !demo {
		if c.Pool == "" {
			return errors.New("--pool is missing: say which pool the files are for")
		}
		var err error
		if pool, err = assign.ParsePoolID("--pool", c.Pool); err != nil {
			return err
		}
		planners, err = fromFile(c.Planners, seed.Planners)
		if err == nil {
			numbers, err = fromFile(c.Numbers, seed.Numbers)
		}
		if err != nil {
			return err
		}
	}
	return c.withStore(ctx, func(st *store.Store) error {
		if _, err := st.Migrate(ctx); err != nil {
			return err
		}
		combiner, err := combine(st, assign.CombinerConfig{})
		if err != nil {
			return err
		}
		if demo {
			if err := seed.Demo(ctx, combiner); err != nil {
				return err
			}
			fmt.Printf("pool %s is there, with three planners and ten numbers\n", seed.DemoPool)
			return nil
		}
		return fill(ctx, combiner, pool, planners, numbers)
	})
}

func fill(ctx context.Context, c *assign.Combiner, pool assign.PoolID, planners []assign.PlannerChange, numbers []assign.Number) error {
	if _, err := c.ChangePool(ctx, assign.PoolChange{Pool: pool, Actor: "seed"}); err != nil {
		return err
	}
	bar := newBar("seeding", int64(len(planners)+len(numbers)))
	done, err := seed.Pool(ctx, c, pool, "seed", planners, numbers, func(done int) { bar.to(int64(done)) })
	bar.end()
	fmt.Printf("pool %s: planners %d created, %d updated, %d unchanged; numbers %d added, %d there before\n", pool,
		done.Planners.Created, done.Planners.Updated, done.Planners.Unchanged, done.Numbers.Added, done.Numbers.Existing)
	return err
}

// fromFile reads a file, which may be left out.
func fromFile[T any](name string, read func(io.Reader) ([]T, error)) ([]T, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: nothing was written; mend these lines:\n%w", name, err)
	}
	if len(values) == 0 {
		return nil, errors.New(name + ": is empty")
	}
	return values, nil
}
