package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"fairlead/assign"
	"fairlead/internal/storetest"
)

// storm does everything to several neighbouring pools at once, and fails the
// test if anything fails that should not.
func storm(t *testing.T, houses ...*storetest.House) {
	t.Helper()
	const pools, workers, calls = 4, 24, 60
	for i := range pools {
		houses[0].Fill(t, assign.PoolID(fmt.Sprint("storm", i)), 5, 0)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(w)))
			var mine []string
			for i := range calls {
				h := houses[rnd.IntN(len(houses))]
				pool := assign.PoolID(fmt.Sprint("storm", rnd.IntN(pools)))
				id, err := stormCall(t, h, pool, rnd, w*calls+i, mine)
				if err != nil && !errors.Is(err, assign.ErrNoPlanner) {
					t.Errorf("worker %d call %d: %v", w, i, err)
				}
				if id != "" {
					mine = append(mine, id)
				}
			}
		})
	}
	wg.Wait()
}

func stormCall(t *testing.T, h *storetest.House, pool assign.PoolID, rnd *rand.Rand, n int, mine []string) (id string, err error) {
	switch r := rnd.IntN(10); {
	case r == 0:
		on := rnd.IntN(2) == 0
		_, err = h.Staff(t.Context(), assign.Staffing{Pool: pool, Changes: []assign.PlannerChange{
			{ID: assign.PlannerID(fmt.Sprintf("p%06d", 1+rnd.IntN(5))), Active: &on}}})
	case r == 1:
		_, err = h.Stock(t.Context(), assign.Stocking{Pool: pool, Numbers: []assign.Number{assign.Number(fmt.Sprintf("0507%06d", n))}})
	case r < 5 && len(mine) > 0:
		_, err = h.Release(t.Context(), assign.Release{ID: mine[rnd.IntN(len(mine))]})
	default:
		var a assign.Assigned
		a, err = h.Assign(t.Context(), assign.Request{Pool: pool, Key: fmt.Sprint("key", n)})
		id = a.ID
	}
	return id, err
}
