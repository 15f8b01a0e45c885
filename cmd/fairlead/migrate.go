package main

import (
	"context"
	"fmt"

	"fairlead/store"
)

type migrateCmd struct {
	Up     migrateUp     `cmd:"" help:"Apply what is pending."`
	Down   migrateDown   `cmd:"" help:"Take back the newest change, with all data in it."`
	Status migrateStatus `cmd:"" help:"Say which version the schema has and what is pending."`
}

type migrateUp struct {
	storeFlags
}

func (c *migrateUp) Run(ctx context.Context) error {
	return c.withStore(ctx, func(st *store.Store) error {
		applied, err := st.Migrate(ctx)
		for _, name := range applied {
			fmt.Println("applied", name)
		}
		if err == nil && len(applied) == 0 {
			fmt.Println("nothing to do: the schema is up to date")
		}
		return err
	})
}

type migrateDown struct {
	storeFlags
	Yes bool `help:"Really do it: the tables of the change are dropped."`
}

func (c *migrateDown) Run(ctx context.Context) error {
	if !c.Yes {
		return fmt.Errorf("taking a change back drops its tables with all that is in them; add --yes to do it")
	}
	return c.withStore(ctx, func(st *store.Store) error {
		undone, err := st.MigrateDown(ctx)
		if err == nil && undone == "" {
			undone = "nothing: the schema is empty"
		}
		if err == nil {
			fmt.Println("took back", undone)
		}
		return err
	})
}

type migrateStatus struct {
	storeFlags
}

func (c *migrateStatus) Run(ctx context.Context) error {
	return c.withExisting(ctx, func(st *store.Store) error {
		s, err := st.SchemaStatus(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("the schema has version %d, the newest is %d\n", s.Version, s.Newest)
		for _, name := range s.Pending {
			fmt.Println("pending", name)
		}
		return nil
	})
}
