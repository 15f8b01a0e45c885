package store_test

import (
	"sync"
	"testing"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// Each mode must keep the same promises: the lock is not what makes the data
// right.
var modes = map[string]store.Options{"named lock": {}, "lock off": {LockOff: true}}

func TestConcurrentAssignsStayLevel(t *testing.T) {
	t.Parallel()
	for name, o := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const planners, requests = 7, 300
			h := storetest.New(t, o)
			h.Fill(t, "demo", planners, 100)

			var wg sync.WaitGroup
			for range requests {
				wg.Go(func() {
					a, err := h.Assign(t.Context(), assign.Request{Pool: "demo"})
					if err != nil {
						t.Error(err)
						return
					}
					if a.Seq > 1 && a.Seq%3 == 0 {
						if _, err := h.Release(t.Context(), assign.Release{ID: a.ID}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			v, err := h.Store.Pool(t.Context(), "demo")
			if err != nil {
				t.Fatal(err)
			}
			if v.Spread() > 1 || v.Assigned != requests {
				t.Errorf("after %d assigns: %+v", requests, v)
			}
		})
	}
}
