package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/history"
)

// A workload is the clients of a round, and what they saw.
type workload struct {
	*cluster
	next   atomic.Int64 // number of the latest key
	flying flying

	mu   sync.Mutex
	asks map[string]*ask // by key
}

// An ask is what is asked for with a key, the same at every try.
type ask struct {
	pool, key, customer string
	wish                history.Wish // empty: as the pool says
	rich                bool         // its pool is

	mu      sync.Mutex
	answer  *client.Assignment // once there is one
	unknown bool               // a try has ended without saying what happened
	denied  bool               // the last try was told that nothing happened, for a reason that is not the request's
	end     *ending            // of its release, once that was asked for
	open    []history.Call     // voids and reassignments that have ended without saying what happened
}

// An ending is a release that was asked for.
type ending struct {
	done, unknown bool
}

func newWorkload(c *cluster) *workload {
	return &workload{cluster: c, asks: map[string]*ask{}}
}

// client calls until ctx is done: new requests, old ones again, a key with
// another body, releases, planners that come and go, and in rich pools all else
// that may happen to assignments and numbers. What it asks for depends on the
// seed; when, and of whom it gets an answer, does not.
func (w *workload) client(ctx context.Context, n int) {
	rnd := random(w.plan.seed, fmt.Sprint("client-", n))
	var mine []*ask
	for ctx.Err() == nil {
		var old *ask
		if len(mine) > 0 {
			old = mine[rnd.IntN(len(mine))]
		}
		switch r := rnd.IntN(1000); {
		case r < 100 && old != nil && !old.believed():
			w.assign(n, rnd, old, patience(rnd), leavesAfter(rnd))
		case r < 110 && old != nil:
			w.reuse(n, rnd, old)
		case r < 300 && old != nil:
			w.release(n, rnd, old, leavesAfter(rnd))
		case r < 310:
			w.turn(n, rnd)
		case r < 325:
			w.care(n, rnd)
		case r < 330:
			w.releaseMany(n, rnd)
		case r < 500 && old != nil && old.rich:
			w.change(n, rnd, old, leavesAfter(rnd))
		default:
			a := w.newAsk(rnd)
			if mine = append(mine, a); len(mine) > 100 {
				mine = mine[1:]
			}
			w.assign(n, rnd, a, patience(rnd), leavesAfter(rnd))
			if a.rich && rnd.IntN(3) == 0 {
				w.change(n, rnd, a, leavesAfter(rnd)) // while it is still somebody's latest turn
			}
		}
		w.pause(ctx, rnd)
	}
}

// pause is the time in which a client thinks, so that the machine has time for
// faults.
func (w *workload) pause(ctx context.Context, rnd *rand.Rand) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(rnd.IntN(w.plan.clients)) * 400 * time.Microsecond):
	}
}

func (w *workload) newAsk(rnd *rand.Rand) *ask {
	n, pool := w.next.Add(1), rnd.IntN(w.plan.pools)
	a := &ask{pool: poolName(pool), rich: w.plan.isRich(pool), key: fmt.Sprint("key-", n), customer: fmt.Sprint("customer ", n)}
	if a.rich && rnd.IntN(10) < 7 {
		a.customer = fmt.Sprint("regular ", rnd.IntN(5))
	}
	none := 3
	if a.rich {
		none = 6 // else most would be refused for want of a number
	}
	switch r := rnd.IntN(10); {
	case r < 1 && w.plan.numbers > 0:
		a.wish = client.AssignmentRequestNumberRequired
	case r < none:
		a.wish = client.AssignmentRequestNumberNone
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asks[a.key] = a
	return a
}

func (a *ask) body() client.AssignmentRequest {
	body := client.AssignmentRequest{Customer: &a.customer}
	if a.wish != "" {
		body.Number = &a.wish
	}
	return body
}

// assign asks once. With patience, the caller says how long it waits.
func (w *workload) assign(n int, rnd *rand.Rand, a *ask, patience, leave time.Duration) history.Call {
	i, name := w.any(rnd)
	call := history.Call{Client: n, Instance: name, Kind: history.Assign, Pool: a.pool, Key: a.key, Customer: a.customer, Wish: a.wish}
	params := &client.CreateAssignmentParams{IdempotencyKey: &a.key}
	if call.Timeout = patience; patience > 0 {
		seconds := client.RequestTimeout(patience.Seconds())
		params.RequestTimeout = &seconds
	}
	w.call(&call, leave, func(ctx context.Context) (*http.Response, error) {
		return i.CreateAssignment(ctx, a.pool, params, a.body(), history.SendOnce)
	})
	a.learn(call)
	return call
}

func (a *ask) learn(call history.Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch call.Outcome() {
	case history.Done:
		a.answer = call.Answer
	case history.Unknown:
		a.unknown = true
	}
	a.denied = call.Status == http.StatusServiceUnavailable && call.Outcome() == history.Refused
}

// believed is whether the caller takes the last answer for true and asks no
// more: only then is seen that it was not.
func (a *ask) believed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.denied
}

func (a *ask) answered() *client.Assignment {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.answer
}

// reuse asks for something else with a key that was answered.
func (w *workload) reuse(n int, rnd *rand.Rand, a *ask) {
	if a.answered() == nil {
		return
	}
	i, name := w.any(rnd)
	customer := "somebody else"
	call := history.Call{Client: n, Instance: name, Kind: history.Assign, Pool: a.pool, Key: a.key, Customer: customer}
	w.call(&call, 0, func(ctx context.Context) (*http.Response, error) {
		return i.CreateAssignment(ctx, a.pool, &client.CreateAssignmentParams{IdempotencyKey: &a.key}, client.AssignmentRequest{Customer: &customer}, history.SendOnce)
	})
}

// release ends an assignment that was answered; perhaps once more.
func (w *workload) release(n int, rnd *rand.Rand, a *ask, leave time.Duration) history.Call {
	answer := a.answered()
	if answer == nil {
		return history.Call{}
	}
	i, name := w.any(rnd)
	call := history.Call{Client: n, Instance: name, Kind: history.Release, Pool: a.pool, ID: answer.ID}
	w.call(&call, leave, func(ctx context.Context) (*http.Response, error) {
		return i.ReleaseAssignment(ctx, answer.ID, nil, client.ReleaseRequest{}, history.SendOnce)
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.end == nil {
		a.end = &ending{}
	}
	a.end.done = a.end.done || call.Outcome() == history.Done
	a.end.unknown = a.end.unknown || call.Outcome() == history.Unknown
	return call
}

// turn switches a planner on or off, more often on.
func (w *workload) turn(n int, rnd *rand.Rand) {
	i, name := w.any(rnd)
	call := history.Call{Client: n, Instance: name, Kind: history.Switch,
		Pool: poolName(rnd.IntN(w.plan.pools)), Planner: plannerName(rnd.IntN(w.plan.planners)), Active: rnd.IntN(4) > 0}
	w.call(&call, 0, func(ctx context.Context) (*http.Response, error) {
		return i.PatchPlanner(ctx, call.Pool, call.Planner, nil, client.PatchPlannerJSONRequestBody{Active: &call.Active}, history.SendOnce)
	})
}

// patience is what a caller says in Request-Timeout; most say nothing. The
// shortest ends in the middle of a unit.
func patience(rnd *rand.Rand) time.Duration {
	switch rnd.IntN(10) {
	case 0:
		return time.Duration(200+rnd.IntN(3000)) * time.Millisecond
	case 1:
		return time.Duration(2+rnd.IntN(60)) * time.Millisecond
	}
	return 0
}

// leavesAfter is when a caller goes without waiting for the answer; 0 is not
// at all.
func leavesAfter(rnd *rand.Rand) time.Duration {
	if rnd.IntN(8) > 0 {
		return 0
	}
	return time.Duration(rnd.IntN(20_000)) * time.Microsecond
}

// lost is when a client gives up on an answer that is overdue by far. It is
// less than the HTTP client's own limit, so that it is seen here.
const lost = 14 * time.Second

// call makes one call and records it. A caller who leaves does so after leave,
// if that is not 0, or when the nemesis says so.
func (w *workload) call(call *history.Call, leave time.Duration, send func(context.Context) (*http.Response, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), lost)
	defer cancel()
	f := w.flying.add(call.Instance, call.Pool, cancel)
	defer w.flying.remove(f)
	if leave > 0 {
		defer time.AfterFunc(leave, f.leave).Stop()
	}
	call.Sent = w.record.Now()
	resp, err := send(ctx)
	if err == nil {
		err = read(resp, call)
	}
	call.Got = w.record.Now()
	if err != nil {
		call.Status = 0
	}
	call.Left = f.left.Load()
	w.record.Add(*call)
}

// read takes from an answer what is recorded of it.
func read(resp *http.Response, call *history.Call) error {
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return err
	}
	call.Status = resp.StatusCode
	call.Replayed = resp.Header.Get("Idempotency-Replayed") == "true"
	if resp.StatusCode >= 300 {
		var p client.Problem
		if err := json.Unmarshal(body.Bytes(), &p); err != nil {
			return fmt.Errorf("problem document: %w", err)
		}
		call.Code = p.Code
		return nil
	}
	if into := answerOf(call); into != nil {
		return json.Unmarshal(body.Bytes(), into)
	}
	return nil
}

// answerOf is where the answer to a call belongs, nil if it is of no interest.
func answerOf(call *history.Call) any {
	switch call.Kind {
	case history.Assign, history.Release, history.Void, history.Reassign:
		call.Answer = new(client.Assignment)
		return call.Answer
	case history.ReleaseMany:
		call.Many = new(client.BulkReleased)
		return call.Many
	case history.Care, history.Touch:
		call.Seen = new(client.Number)
		return call.Seen
	case history.Route:
		call.Goes = new(client.Route)
		return call.Goes
	}
	return nil
}

// flying is the calls that wait for their answers, for whoever makes callers
// leave.
type flying struct {
	mu    sync.Mutex
	calls map[*flight]struct{}
	added int
}

type flight struct {
	instance, pool string
	stays          bool
	left           atomic.Bool
	cancel         context.CancelFunc
}

func (f *flight) leave() {
	f.left.Store(true)
	f.cancel()
}

func (f *flying) add(instance, pool string, cancel context.CancelFunc) *flight {
	one := &flight{instance: instance, pool: pool, cancel: cancel}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.added++
	one.stays = f.added%2 == 0
	if f.calls == nil {
		f.calls = map[*flight]struct{}{}
	}
	f.calls[one] = struct{}{}
	return one
}

func (f *flying) remove(one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.calls, one)
}

// leave makes every other caller leave who waits for a pool at an instance, and
// returns how many. The others see how long they have to wait.
func (f *flying) leave(instance, pool string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for one := range f.calls {
		if one.instance == instance && one.pool == pool && !one.stays {
			one.leave()
			n++
		}
	}
	return n
}

// settle asks until the outcome of every call is known. Nothing is broken any
// more, so each must be had in plan.settle. Who was told that nothing happened
// does not ask again: whether that was true is for the judge.
func (w *workload) settle() error {
	for p := range w.plan.pools {
		if err := w.insist(func() error { return told(w.everybodyBack(poolName(p))) }); err != nil {
			return fmt.Errorf("switch everybody of %s on: %w", poolName(p), err)
		}
	}
	work := make(chan *ask)
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() {
			for a := range work {
				if failed.Load() != nil {
					continue // one is enough
				}
				if err := w.settleOne(a, n); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	for _, a := range w.asks {
		work <- a
	}
	close(work)
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return w.calm()
}

// everybodyBack makes all planners of a pool active.
func (w *workload) everybodyBack(pool string) history.Call {
	i, name := w.seats[0].now()
	call := history.Call{Client: w.plan.clients, Instance: name, Kind: history.Other, Pool: pool}
	w.call(&call, 0, func(ctx context.Context) (*http.Response, error) {
		return i.PostPlanners(ctx, pool, nil, w.plan.everybody(), history.SendOnce)
	})
	return call
}

func (w *workload) settleOne(a *ask, n int) error {
	rnd := random(w.plan.seed, "settle "+a.key)
	if a.answer == nil && a.unknown {
		if err := w.insist(func() error { return told(w.assign(n, rnd, a, 0, 0)) }); err != nil {
			return fmt.Errorf("%s after all is well again: %w", a.key, err)
		}
	}
	for _, call := range a.open {
		if err := w.insist(func() error { return told(w.changeOnce(call, 0)) }); err != nil {
			return fmt.Errorf("%s of %s after all is well again: %w", call.Kind, a.key, err)
		}
	}
	if e := a.end; e != nil && e.unknown && !e.done {
		if err := w.insist(func() error { return told(w.release(n, rnd, a, 0)) }); err != nil {
			return fmt.Errorf("release of %s after all is well again: %w", a.key, err)
		}
	}
	return nil
}

// told is nil if a call was answered with a success, or with a refusal that is
// about the request and not about the state of the service.
func told(call history.Call) error {
	if call.Status >= 200 && call.Status < 300 || call.Status >= 400 && call.Status < 500 {
		return nil
	}
	return fmt.Errorf("%d %s", call.Status, call.Code)
}

// insist calls do until it succeeds, with short pauses, for as long as a cluster
// may take to get over what was done to it.
func (w *workload) insist(do func() error) error {
	for deadline := time.Now().Add(w.plan.settle); ; {
		err := do()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond) // between tries, not a wait for anything
	}
}
