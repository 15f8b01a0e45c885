package main

import (
	"context"
	"fmt"
	"time"

	"fairlead/assign"
	"fairlead/store"
)

type verifyCmd struct {
	storeFlags

	Pool []string `help:"Only this pool; may be given more than once. Default: all."`
}

// Run exits with 1 if something is wrong with the data, and with 2 if that
// could not be found out.
func (c *verifyCmd) Run(ctx context.Context) error {
	var pools []assign.PoolID
	for _, s := range c.Pool {
		pool, err := assign.ParsePoolID("--pool", s)
		if err != nil {
			return err
		}
		pools = append(pools, pool)
	}
	return c.withExisting(ctx, func(st *store.Store) error { return verify(ctx, st, pools) })
}

func verify(ctx context.Context, st *store.Store, pools []assign.PoolID) error {
	if err := st.CheckSchema(ctx); err != nil {
		return err
	}
	bar, began := newBar("verifying", 0), time.Now()
	sum, err := st.Verify(ctx, pools, bar.progress, func(f assign.Finding) {
		bar.clear()
		fmt.Println(f)
	})
	bar.end()
	if err != nil {
		return err
	}
	fmt.Printf("%d pools, %d assignments, %d events replayed in %v: ", sum.Pools, sum.Assignments, sum.Events, time.Since(began).Round(time.Millisecond))
	if sum.Findings > 0 {
		fmt.Printf("%d findings\n", sum.Findings)
		return exitCode(1)
	}
	fmt.Println("all is well")
	return nil
}
