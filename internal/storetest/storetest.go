// Package storetest gives tests a migrated database with the whole domain on
// top, as the binary wires it.
package storetest

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/oklog/ulid/v2"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/store"
)

// A House is one instance of the service on a database, without HTTP.
type House struct {
	*assign.Combiner
	Store    *store.Store
	Database *dbtest.Database
}

// New returns a House on an empty, migrated database of its own.
func New(tb testing.TB, o store.Options) *House {
	tb.Helper()
	db := dbtest.New(tb)
	h := On(tb, db, o)
	if _, err := h.Store.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return h
}

// On returns another House on a database that is there.
func On(tb testing.TB, db *dbtest.Database, o store.Options) *House {
	tb.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := store.Open(db.DSN, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return &House{Combiner: Combine(tb, s), Store: s, Database: db}
}

// Combine puts the domain on top of a ledger, with default settings.
func Combine(tb testing.TB, l assign.Ledger) *assign.Combiner {
	tb.Helper()
	service := &assign.Service{Ledger: l, NewID: func() string { return ulid.Make().String() }}
	c, err := assign.NewCombiner(service, assign.CombinerConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Fill creates a pool with so many planners and numbers.
func (h *House) Fill(tb testing.TB, pool assign.PoolID, planners, numbers int) {
	tb.Helper()
	if _, err := h.ChangePool(tb.Context(), assign.PoolChange{Pool: pool}); err != nil {
		tb.Fatal(err)
	}
	for from := 0; from < planners; from += assign.MaxBulk {
		s := assign.Staffing{Pool: pool}
		for i := from; i < min(planners, from+assign.MaxBulk); i++ {
			name := fmt.Sprintf("Planner %d", i+1)
			s.Changes = append(s.Changes, assign.PlannerChange{ID: assign.PlannerID(fmt.Sprintf("p%06d", i+1)), Name: &name})
		}
		if _, err := h.Staff(tb.Context(), s); err != nil {
			tb.Fatal(err)
		}
	}
	for from := 0; from < numbers; from += assign.MaxBulk {
		s := assign.Stocking{Pool: pool}
		for i := from; i < min(numbers, from+assign.MaxBulk); i++ {
			s.Numbers = append(s.Numbers, assign.Number(fmt.Sprintf("0507%07d", i)))
		}
		if _, err := h.Stock(tb.Context(), s); err != nil {
			tb.Fatal(err)
		}
	}
}
