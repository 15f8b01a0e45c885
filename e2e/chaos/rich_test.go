package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/history"
)

// What clients do in rich pools beside what they do in any.

// note is a text that no other call has, which tells in the log whose an event
// is.
func (w *workload) note() string { return fmt.Sprint("call ", w.next.Add(1)) }

// change calls the number of an assignment that was answered, or voids or
// reassigns it; or repeats a reassignment whose outcome is not known.
func (w *workload) change(n int, rnd *rand.Rand, a *ask, leave time.Duration) {
	answer := a.answered()
	if answer == nil {
		return
	}
	call := history.Call{Pool: a.pool, ID: answer.ID, Note: w.note()}
	switch r := rnd.IntN(10); {
	case r < 4:
		if answer.Number != nil {
			w.ring(n, rnd, a.pool, *answer.Number, leave)
		}
		return
	case r < 7:
		call.Kind = history.Void
		call.Reason = []string{"mistake", "no_show"}[rnd.IntN(2)]
	default:
		call.Kind, call.Key, call.OrCurrent = history.Reassign, call.Note, rnd.IntN(3) == 0
		call.Reason = []string{"mistake", "customer", "unavailable", "declined"}[rnd.IntN(4)]
	}
	if open := a.pending(); open != nil && rnd.IntN(2) == 0 {
		call = *open
	}
	call.Client = n
	done := w.changeAnywhere(rnd, call, leave)
	if call.Kind == history.Reassign && done.Outcome() != history.Refused && rnd.IntN(2) == 0 {
		done = w.changeAnywhere(rnd, call, 0) // which the key makes the same call
	}
	a.mu.Lock()
	if done.Outcome() == history.Unknown {
		a.open = append(a.open, call)
	}
	a.mu.Unlock()
	if call.Kind == history.Reassign && answer.Number != nil {
		w.ring(n, rnd, a.pool, *answer.Number, 0) // does it lead to the new one?
	}
}

// pending is a reassignment that has ended without saying what happened, nil if
// there is none.
func (a *ask) pending() *history.Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.open {
		if a.open[i].Kind == history.Reassign {
			call := a.open[i]
			return &call
		}
	}
	return nil
}

func (w *workload) changeAnywhere(rnd *rand.Rand, call history.Call, leave time.Duration) history.Call {
	i, name := w.any(rnd)
	call.Instance = name
	return w.send(i.ClientWithResponses, call, leave)
}

// changeOnce makes a void or a reassignment once more.
func (w *workload) changeOnce(call history.Call, leave time.Duration) history.Call {
	i, name := w.seats[0].now()
	call.Instance = name
	return w.send(i.ClientWithResponses, call, leave)
}

// send makes a call that voids or reassigns.
func (w *workload) send(i *client.ClientWithResponses, call history.Call, leave time.Duration) history.Call {
	w.call(&call, leave, func(ctx context.Context) (*http.Response, error) {
		if call.Kind == history.Void {
			reason := client.VoidRequestReason(call.Reason)
			return i.VoidAssignment(ctx, call.ID, nil, client.VoidRequest{Reason: &reason, Note: &call.Note}, history.SendOnce)
		}
		exclude := !call.OrCurrent
		return i.ReassignAssignment(ctx, call.ID, &client.ReassignAssignmentParams{IdempotencyKey: &call.Key},
			client.ReassignRequest{Reason: client.ReassignRequestReason(call.Reason), ExcludeCurrent: &exclude, Note: &call.Note}, history.SendOnce)
	})
	return call
}

// ring does what the telephone switch does for a call on a number: it asks where
// that goes, and notes it.
func (w *workload) ring(n int, rnd *rand.Rand, pool, number string, leave time.Duration) {
	i, name := w.any(rnd)
	asked := history.Call{Client: n, Instance: name, Kind: history.Route, Pool: pool, Number: number}
	w.call(&asked, leave, func(ctx context.Context) (*http.Response, error) {
		return i.GetRoute(ctx, number, nil, history.SendOnce)
	})
	call := history.Call{Client: n, Instance: name, Kind: history.Touch, Pool: pool, Number: number}
	w.call(&call, leave, func(ctx context.Context) (*http.Response, error) {
		return i.TouchNumber(ctx, number, nil, history.SendOnce)
	})
}

// richPool is one of the rich pools; ok is false if there is none.
func (w *workload) richPool(rnd *rand.Rand) (pool int, ok bool) {
	pool = rnd.IntN(w.plan.pools)
	return pool, w.plan.isRich(pool)
}

// care takes a number out of use, or brings it back more often than that.
func (w *workload) care(n int, rnd *rand.Rand) {
	pool, ok := w.richPool(rnd)
	if !ok || w.plan.numbers == 0 {
		return
	}
	i, name := w.any(rnd)
	call := history.Call{Client: n, Instance: name, Kind: history.Care, Pool: poolName(pool), Note: w.note(),
		Number: numberName(pool, rnd.IntN(w.plan.numbers)), To: []history.To{history.Suspend, history.Drain, history.Resume, history.Resume, history.Resume}[rnd.IntN(5)]}
	w.call(&call, 0, func(ctx context.Context) (*http.Response, error) {
		body := client.CareRequest{Reason: &call.Note}
		switch call.To {
		case history.Suspend:
			return i.SuspendNumber(ctx, call.Number, nil, body, history.SendOnce)
		case history.Drain:
			return i.DrainNumber(ctx, call.Number, nil, body, history.SendOnce)
		}
		return i.ResumeNumber(ctx, call.Number, nil, body, history.SendOnce)
	})
}

// releaseMany ends some assignments of a rich pool.
func (w *workload) releaseMany(n int, rnd *rand.Rand) {
	pool, ok := w.richPool(rnd)
	if !ok {
		return
	}
	f := history.Filter{Limit: 1 + rnd.IntN(20), State: []string{"", "active", "expired", "draining", "suspended"}[rnd.IntN(5)]}
	if f.State == "" || rnd.IntN(4) == 0 {
		f.Planner = plannerName(rnd.IntN(w.plan.planners))
	}
	if rnd.IntN(3) == 0 {
		f.Age = time.Duration(1+rnd.IntN(3)) * time.Second
	}
	_ = w.releaseThose(n, rnd, pool, f)
}

func (w *workload) releaseThose(n int, rnd *rand.Rand, pool int, f history.Filter) history.Call {
	i, name := w.any(rnd)
	call := history.Call{Client: n, Instance: name, Kind: history.ReleaseMany, Pool: poolName(pool), Which: &f, Note: w.note()}
	body := client.BulkReleaseRequest{Reason: &call.Note}
	if f.Planner != "" {
		body.Planner = &f.Planner
	}
	if f.State != "" {
		state := client.BulkReleaseRequestState(f.State)
		body.State = &state
	}
	if f.Age > 0 {
		seconds := int64(f.Age / time.Second)
		body.OlderThanSeconds = &seconds
	}
	if f.Limit > 0 {
		body.Limit = &f.Limit
	}
	w.call(&call, 0, func(ctx context.Context) (*http.Response, error) {
		return i.ReleaseAssignments(ctx, call.Pool, nil, body, history.SendOnce)
	})
	return call
}

// calm lets nothing end by itself any more in rich pools, and waits for all that
// is to do so: what is read afterwards is many pages, and nothing may happen
// between them.
func (w *workload) calm() error {
	for pool := range w.plan.pools {
		if !w.plan.isRich(pool) {
			continue
		}
		if err := w.insist(func() error { return told(w.lastForever(pool)) }); err != nil {
			return fmt.Errorf("let numbers of %s last for ever: %w", poolName(pool), err)
		}
		if err := w.insist(func() error { return w.writeDown(pool) }); err != nil {
			return fmt.Errorf("write down all ends of %s: %w", poolName(pool), err)
		}
	}
	return nil
}

func (w *workload) lastForever(pool int) history.Call {
	i, name := w.seats[0].now()
	call := history.Call{Client: w.plan.clients, Instance: name, Kind: history.Other}
	ttl := int64(0)
	w.call(&call, 0, func(ctx context.Context) (*http.Response, error) {
		return i.PutPool(ctx, poolName(pool), nil, client.PoolSettings{NumberTTLSeconds: &ttl}, history.SendOnce)
	})
	return call
}

// writeDown lets the log say what has ended by itself so far. An error says that
// something is still to end.
func (w *workload) writeDown(pool int) error {
	rnd := random(w.plan.seed, "calm")
	if err := told(w.releaseThose(w.plan.clients, rnd, pool, history.Filter{State: "expired"})); err != nil {
		return err
	}
	i, _ := w.seats[0].now()
	limit := 1000
	r, err := i.ListNumbersWithResponse(context.Background(), poolName(pool), &client.ListNumbersParams{Limit: &limit})
	switch {
	case err != nil:
		return err
	case r.JSON200 == nil:
		return fmt.Errorf("list numbers: %s", r.Status())
	}
	for _, n := range r.JSON200.Numbers {
		if n.ExpiresAt != nil {
			return fmt.Errorf("number %s ends at %v", n.Number, n.ExpiresAt)
		}
	}
	return nil
}
