package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"fairlead/assign"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// rich is a pool in which everything can happen.
func rich(t *testing.T, h *storetest.House, planners, numbers int) {
	t.Helper()
	h.Fill(t, "p", planners, numbers)
	cooldown, ttl, yes := time.Second, time.Second, true
	_, err := h.ChangePool(t.Context(), assign.PoolChange{Pool: "p", Cooldown: &cooldown, NumberTTL: &ttl, TTLFromUse: &yes, Sticky: &yes})
	if err != nil {
		t.Fatal(err)
	}
}

func allWell(t *testing.T, s *store.Store) {
	t.Helper()
	sum, err := s.Verify(t.Context(), nil, nil, func(f assign.Finding) { t.Error(f) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("verified: %+v", sum)
}

// Everything that can be asked of a pool at once, and the log explains it all.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for name, o := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := storetest.New(t, o)
			rich(t, h, 5, 12)
			m := &mix{House: h, done: map[string]int{}}
			var wg sync.WaitGroup
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
			defer cancel()
			for i := range 12 {
				wg.Go(func() { m.run(ctx, t, rand.New(rand.NewPCG(uint64(i), 1))) })
			}
			wg.Wait()
			t.Log(m.done)
			for _, what := range []string{"assign", "release", "void", "reassign", "release many", "touch", "suspend", "drain", "resume", "phone", "not live", "over"} {
				if m.done[what] == 0 {
					t.Errorf("%s: never", what)
				}
			}
			// Some are left to end by themselves.
			await(t, "something has expired", func() bool {
				pools, err := h.Store.Expired(t.Context())
				return err == nil && len(pools) > 0
			})
			if _, err := h.Assign(t.Context(), assign.Request{Pool: "p"}); err != nil && !errors.Is(err, assign.ErrNoPlanner) {
				t.Fatal(err)
			}
			allWell(t, h.Store)
			events, err := h.Store.Events(t.Context(), "p", 0, 100_000)
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[assign.EventKind]int{}
			for _, e := range events.Items {
				kinds[e.Kind]++
			}
			if t.Log(kinds); kinds[assign.EventExpired] == 0 {
				t.Error("nothing expired")
			}
		})
	}
}

// mix does whatever callers may do, in any order.
type mix struct {
	*storetest.House
	mu   sync.Mutex
	ids  []string
	done map[string]int
}

func (m *mix) did(what string, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for known, as := range map[error]string{
		assign.ErrNumberNotLive: "not live", assign.ErrAssignmentOver: "over", assign.ErrNoNumber: "no number", assign.ErrNoPlanner: "no planner",
	} {
		if errors.Is(err, known) {
			what, err = as, nil
		}
	}
	if err == nil {
		m.done[what]++
	}
	return err
}

func (m *mix) any(r *rand.Rand) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ids) == 0 {
		return "01K2ZJ5Y3QK8J4W1T9V6M7N2XB"
	}
	return m.ids[len(m.ids)-1-r.IntN(min(len(m.ids), 300))]
}

func (m *mix) run(ctx context.Context, t *testing.T, r *rand.Rand) {
	for ctx.Err() == nil {
		if err := m.step(context.WithoutCancel(ctx), r); err != nil && !errors.Is(err, assign.ErrAssignmentNotFound) {
			t.Error(err)
			return
		}
	}
}

func (m *mix) step(ctx context.Context, r *rand.Rand) error {
	number := assign.Number(fmt.Sprintf("0507%07d", r.IntN(12)))
	switch n := r.IntN(100); {
	case n < 45:
		wishes := []assign.Wish{"", assign.NumberPreferred, assign.NumberRequired, assign.NumberNone}
		a, err := m.Assign(ctx, assign.Request{Pool: "p", Customer: fmt.Sprint("c", r.IntN(4)), Wish: wishes[r.IntN(4)]})
		if err == nil {
			m.mu.Lock()
			m.ids = append(m.ids, a.ID)
			m.mu.Unlock()
		}
		return m.did("assign", err)
	case n < 65:
		_, err := m.Release(ctx, assign.Release{ID: m.any(r)})
		return m.did("release", err)
	case n < 72:
		_, err := m.Void(ctx, assign.Void{ID: m.any(r)})
		return m.did("void", err)
	case n < 80:
		reasons := []assign.ReassignReason{assign.ReassignMistake, assign.ReassignCustomer, assign.ReassignUnavailable, assign.ReassignDeclined}
		_, err := m.Reassign(ctx, assign.Reassignment{ID: m.any(r), Reason: reasons[r.IntN(4)], OrCurrent: r.IntN(2) == 0})
		return m.did("reassign", err)
	case n < 82:
		states := []assign.ReleaseState{"", assign.ReleaseActive, assign.ReleaseExpired, assign.ReleaseDraining, assign.ReleaseSuspended}
		_, err := m.ReleaseMany(ctx, assign.BulkRelease{Pool: "p", Planner: "p000001", Age: 10 * time.Millisecond, State: states[r.IntN(5)], Limit: 3})
		return m.did("release many", err)
	case n < 90:
		_, err := m.Touch(ctx, assign.Touch{Number: number})
		return m.did("touch", err)
	case n < 97:
		to := []assign.CareTo{assign.CareSuspend, assign.CareDrain, assign.CareResume, assign.CareResume}[r.IntN(4)]
		_, err := m.Care(ctx, assign.Care{Number: number, To: to})
		return m.did(string(to), err)
	}
	active := r.IntN(3) > 0
	phone := assign.GivenPhone{Phone: assign.Phone{Key: "k1", Box: fmt.Sprint("box\x00\xff", r.IntN(9)), Mark: fmt.Sprint("mark\x00\xfe", r.IntN(3))}}
	phone.Marks = map[string]string{"k1": phone.Mark}
	id := assign.PlannerID(fmt.Sprintf("p%06d", 1+r.IntN(5)))
	_, err := m.Staff(ctx, assign.Staffing{Pool: "p", Changes: []assign.PlannerChange{{ID: id, Active: &active, Phone: &phone}}})
	return m.did("phone", err)
}

// A number that is not handed out again does not hide one that has come back.
func TestOutOfUseHidesNoNumber(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	h.Fill(t, "p", 1, 2)
	ttl := time.Second
	if _, err := h.ChangePool(t.Context(), assign.PoolChange{Pool: "p", NumberTTL: &ttl}); err != nil {
		t.Fatal(err)
	}
	take := func() (assign.Assigned, error) {
		return h.Assign(t.Context(), assign.Request{Pool: "p", Wish: assign.NumberRequired})
	}
	first, err := take()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Care(t.Context(), assign.Care{Number: first.Number, To: assign.CareSuspend}); err != nil {
		t.Fatal(err)
	}
	second, err := take()
	if err != nil {
		t.Fatal(err)
	}
	var none *assign.NoNumberError
	if _, err := take(); !errors.As(err, &none) || !none.NextFree.Equal(second.AssignedAt.Add(ttl)) {
		t.Errorf("while both are out: %v, %+v; the second comes back at %v", err, none, second.AssignedAt.Add(ttl))
	}
	var third assign.Assigned
	await(t, "the second number comes back", func() bool {
		third, err = take()
		return !errors.Is(err, assign.ErrNoNumber)
	})
	if err != nil || third.Number != second.Number || third.AssignedAt.Sub(second.AssignedAt) > 5*time.Second {
		t.Errorf("%v: %+v", err, third)
	}
	allWell(t, h.Store)
}

// A planner's row that somebody has removed costs an answer, not the service.
func TestTurnOfNobody(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	h.Fill(t, "p", 3, 1)
	a, err := h.Assign(t.Context(), assign.Request{Pool: "p"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reassign(t.Context(), assign.Reassignment{ID: a.ID, Reason: assign.ReassignDeclined}); err != nil {
		t.Fatal(err)
	}
	h.Database.Open(t).MustExec(`DELETE FROM planners WHERE pool = 'p' AND planner = ?`, string(a.Planner))
	if got, err := h.Void(t.Context(), assign.Void{ID: a.ID}); err == nil {
		t.Errorf("voided: %+v", got)
	}
	if got, err := h.Reassign(t.Context(), assign.Reassignment{ID: a.ID, Reason: assign.ReassignMistake}); err == nil {
		t.Errorf("reassigned: %+v", got)
	}
	if _, err := h.Release(t.Context(), assign.Release{ID: a.ID}); err != nil {
		t.Error(err)
	}
	if _, err := h.Assign(t.Context(), assign.Request{Pool: "p"}); err != nil {
		t.Error(err)
	}
}
