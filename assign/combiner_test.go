package assign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A rig is a Combiner on a stage. It belongs into a synctest bubble.
type rig struct {
	*stage
	*Combiner
	t    *testing.T
	gate atomic.Pointer[chan struct{}] // each unit takes one before it reads; closed: go ahead
}

// newRig returns a rig whose gate is open, with a pool p.
func newRig(t *testing.T, config CombinerConfig) *rig {
	t.Helper()
	r := &rig{stage: newStage(), t: t}
	c, err := NewCombiner(&Service{Ledger: r.stage, NewID: newIDs()}, config)
	if err != nil {
		t.Fatal(err)
	}
	r.Combiner = c
	r.set("p", 3, 2)
	r.shut()
	r.open()
	r.before = func(int, PoolID) { <-*r.gate.Load() }
	return r
}

// shut makes units wait at the gate from now on.
func (r *rig) shut() {
	gate := make(chan struct{})
	r.gate.Store(&gate)
}

// pass lets time pass, and waits until everything has come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// let lets one unit through, and waits until everything has come to rest.
func (r *rig) let() {
	*r.gate.Load() <- struct{}{}
	synctest.Wait()
}

func (r *rig) open() {
	close(*r.gate.Load())
	synctest.Wait()
}

// A reply is what somebody was told.
type reply struct {
	answer any
	err    error
	at     time.Time // zero: not yet
}

// start makes a call from a goroutine of its own, and returns when it stands
// in line or has its reply.
func (r *rig) start(f func() (any, error)) *reply {
	var got reply
	go func() {
		answer, err := f()
		got = reply{answer, err, time.Now()}
	}()
	synctest.Wait()
	return &got
}

// ask asks pool p for an assignment, with so much time.
func (r *rig) ask(key string, limit time.Duration) *reply {
	return r.start(func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		return r.Assign(ctx, Request{Pool: "p", Key: key})
	})
}

// want checks that a reply came at a time, with an answer or with an error.
func (r *rig) want(what string, got *reply, at time.Time, err error) {
	r.t.Helper()
	if !errors.Is(got.err, err) || !got.at.Equal(at) {
		r.t.Errorf("%s: %v at %v, want %v at %v", what, got.err, got.at, err, at)
	}
	var busy *BusyError
	if errors.Is(got.err, ErrBusy) && (!errors.As(got.err, &busy) || busy.RetryAfter < time.Second || busy.RetryAfter%time.Second != 0) {
		r.t.Errorf("%s: %#v, want whole seconds to come back after", what, got.err)
	}
	if a, ok := got.answer.(Assigned); ok && err == nil && !slices.Contains(r.pool(a.Pool).Assignments, a.Assignment) {
		r.t.Errorf("%s: %+v is not in the ledger", what, a)
	}
}

// rode returns what the units of a pool carried: keys of requests, "-" for a
// release, "!" for the others.
func (r *rig) rode(pool PoolID) []string {
	var all []string
	for _, u := range r.units() {
		if u.pool != pool {
			continue
		}
		calls := slices.Clone(u.need.Keys)
		for range u.need.Assignments {
			calls = append(calls, "-")
		}
		if len(calls) == 0 {
			calls = []string{"!"}
		}
		all = append(all, strings.Join(calls, " "))
	}
	return all
}

func (r *rig) wantRode(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.rode("p")); diff != "" {
		r.t.Errorf("units (-want +got):\n%s", diff)
	}
}

// never checks that the ledger has nothing of these keys.
func (r *rig) never(keys ...string) {
	r.t.Helper()
	for _, a := range r.pool("p").Assignments {
		if slices.Contains(keys, a.Key) {
			r.t.Errorf("decided: %+v", a)
		}
	}
}

// end checks that nothing is left over.
func (r *rig) end() {
	r.t.Helper()
	synctest.Wait()
	if s := r.Stats(); s != (CombinerStats{}) {
		r.t.Errorf("left over: %+v", s)
	}
	for pool, l := range r.lines {
		if !l.stuck && !l.crowded || l.queued || l.entries.Len() > 0 {
			r.t.Errorf("line of pool %s left over: %+v", pool, l)
		}
	}
	if err := r.Close(r.t.Context()); err != nil {
		r.t.Error(err)
	}
	r.check(r.t, "p")
}

func TestCombinerConfig(t *testing.T) {
	for _, c := range []CombinerConfig{
		{}, {Units: 2, Line: 1, LockWait: time.Second}, {Units: 1000, Line: 1 << 20, LockWait: 30 * time.Second},
	} {
		if _, err := NewCombiner(&Service{}, c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []CombinerConfig{
		{Units: 1}, {Units: -1}, {Line: -1}, {LockWait: -1}, {LockWait: time.Second - 1}, {LockWait: 31 * time.Second}, {LockWait: 1500 * time.Millisecond},
	} {
		if _, err := NewCombiner(&Service{}, c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

// A call that finds its pool idle is not held back, not even by a tick.
func TestLoneCallStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		began := time.Now()
		for i := range 3 {
			r.want("lone call", r.ask(fmt.Sprint(i), time.Minute), began, nil)
		}
		r.wantRode("0", "1", "2")
		r.end()
	})
}

func TestArrivalsDuringAUnitFormTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		held := r.ask("held", time.Minute).answer.(Assigned)
		r.shut()
		var replies []*reply
		for _, key := range []string{"a", "b", "c", "d"} {
			replies = append(replies, r.ask(key, time.Minute))
		}
		replies = append(replies, r.start(func() (any, error) { return r.Release(t.Context(), Release{ID: held.ID}) }))
		replies = append(replies, r.ask("e", time.Minute))
		if got, want := r.Stats(), (CombinerStats{Waiting: 5, Running: 1}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		pass(time.Second)
		r.let()
		r.want("first", replies[0], time.Now(), nil)
		r.want("second", replies[1], time.Time{}, nil)
		replies = append(replies, r.ask("f", time.Minute))
		r.let()
		r.open()
		for i, got := range replies {
			r.want(fmt.Sprint(i), got, time.Now(), nil)
		}
		r.wantRode("held", "a", "b c d e -", "f")
		var order []string
		for _, a := range r.pool("p").Assignments {
			order = append(order, a.Key)
		}
		if got := strings.Join(order, " "); got != "held a b c d e f" {
			t.Errorf("assigned in the order %s", got)
		}
		// The release came before e, which got what it gave back.
		if got := replies[5].answer.(Assigned); got.Number != "" && got.Seq != replies[3].answer.(Assigned).Seq+2 {
			t.Errorf("after the release came %+v", got)
		}
		r.end()
	})
}

func TestUnitsAreBounded(t *testing.T) {
	big := strings.Repeat("x", 255)
	for name, test := range map[string]struct {
		calls    int
		key      string
		customer string
		most     int
	}{
		"calls": {2*maxUnitCalls + 7, "", "", maxUnitCalls},
		"bytes": {500, big[:250], strings.Repeat("😀", MaxText), maxUnitBytes / (300 + 254 + 4*MaxText)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, CombinerConfig{})
				r.shut()
				for i := range test.calls + 1 {
					go r.Assign(context.Background(), Request{Pool: "p", Key: test.key + fmt.Sprintf("%04d", i), Customer: test.customer})
					if i == 0 {
						synctest.Wait() // the first rides alone
					}
				}
				synctest.Wait()
				r.open()
				want := []int{1}
				for left := test.calls; left > 0; left -= test.most {
					want = append(want, min(left, test.most))
				}
				var got []int
				for _, u := range r.units() {
					got = append(got, len(u.need.Keys))
				}
				if !slices.Equal(got, want) {
					t.Errorf("units of %v calls, want %v", got, want)
				}
				r.end()
			})
		})
	}
}

func TestConfigCallsRideAloneInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		held := r.ask("held", time.Minute).answer.(Assigned)
		other := r.ask("other", time.Minute).answer.(Assigned)
		r.shut()
		staff := func(id PlannerID) func() (any, error) {
			return func() (any, error) { return r.Staff(t.Context(), Staffing{Pool: "p", Changes: joins(id)}) }
		}
		replies := []*reply{
			r.ask("a", time.Minute),
			r.ask("b", time.Minute),
			r.start(staff("x")),
			r.start(func() (any, error) { return r.ChangePool(t.Context(), PoolChange{Pool: "p", Actor: "me"}) }),
			r.ask("c", time.Minute),
			r.start(func() (any, error) { return r.Release(t.Context(), Release{ID: held.ID}) }),
			r.start(func() (any, error) { return r.Stock(t.Context(), Stocking{Pool: "p", Numbers: []Number{"1234"}}) }),
			r.start(staff("y")),
			r.ask("d", time.Minute),
			r.start(func() (any, error) { return r.Touch(t.Context(), Touch{Number: other.Number}) }),
			r.ask("e", time.Minute),
			r.start(func() (any, error) {
				a, err := r.Reassign(t.Context(), Reassignment{ID: other.ID, Reason: ReassignDeclined})
				return a.Assignment, err
			}),
			r.start(func() (any, error) { return r.Void(t.Context(), Void{ID: other.ID}) }),
			r.start(func() (any, error) { return r.Care(t.Context(), Care{Number: held.Number, To: CareDrain}) }),
			r.start(func() (any, error) { return r.ReleaseMany(t.Context(), BulkRelease{Pool: "p", Age: 1, Limit: 1}) }),
			r.ask("f", time.Minute),
		}
		r.open()
		for i, got := range replies {
			r.want(fmt.Sprint(i), got, time.Now(), nil)
		}
		r.wantRode("held", "other", "a", "b", "!", "!", "c -", "!", "!", "d e", "-", "-", "!", "!", "f")
		if got := replies[8].answer.(Assigned).Planner; got != "x" && got != "y" {
			t.Errorf("d went to %s, not to a joiner", got)
		}
		for i, want := range map[int]any{
			2: Staffed{Created: 1, Last: r.joiner("x")},
			3: false,
			6: Stocked{Added: 1},
		} {
			if diff := cmp.Diff(want, replies[i].answer); diff != "" {
				t.Errorf("reply %d (-want +got):\n%s", i, diff)
			}
		}
		r.end()
	})
}

// joiner is a planner as it was when it joined, nobody having had more than
// one request.
func (r *rig) joiner(id PlannerID) PlannerView {
	return PlannerView{Planner: Planner{ID: id, Active: true, Base: r.pool("p").Planners[id].Base}}
}

func TestCallsOnUnknownThings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		_, err := r.Assign(t.Context(), Request{Pool: "q"})
		wantErr(t, "assign", err, ErrPoolNotFound)
		_, err = r.Release(t.Context(), Release{ID: "x"})
		wantErr(t, "release", err, ErrAssignmentNotFound)
		_, err = r.Void(t.Context(), Void{ID: "x"})
		wantErr(t, "void", err, ErrAssignmentNotFound)
		_, err = r.Reassign(t.Context(), Reassignment{ID: "x"})
		wantErr(t, "reassign", err, ErrAssignmentNotFound)
		_, err = r.ReleaseMany(t.Context(), BulkRelease{Pool: "q", Limit: 1})
		wantErr(t, "release many", err, ErrPoolNotFound)
		_, err = r.Care(t.Context(), Care{Number: "1234", To: CareDrain})
		wantErr(t, "care", err, ErrNumberNotFound)
		_, err = r.Touch(t.Context(), Touch{Number: "1234"})
		wantErr(t, "touch", err, ErrNumberNotFound)
		_, err = r.Staff(t.Context(), Staffing{Pool: "q", Changes: joins("a")})
		wantErr(t, "staff", err, ErrPoolNotFound)
		_, err = r.Stock(t.Context(), Stocking{Pool: "q", Numbers: []Number{"1234"}})
		wantErr(t, "stock", err, ErrPoolNotFound)
		created, err := r.ChangePool(t.Context(), PoolChange{Pool: "q"})
		if err != nil || !created {
			t.Errorf("create: %t, %v", created, err)
		}
		r.end()
	})
}

func TestFullLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{Line: 2})
		r.shut()
		began := time.Now()
		in := []*reply{r.ask("running", time.Minute), r.ask("a", time.Minute), r.ask("b", 2*time.Second)}
		r.want("one too many", r.ask("c", time.Minute), began, ErrBusy)
		// Another pool has a line of its own.
		other := r.start(func() (any, error) { return r.ChangePool(t.Context(), PoolChange{Pool: "q"}) })

		pass(2 * time.Second)
		r.want("gone", in[2], time.Now(), ErrBusy)
		in[2] = r.ask("d", time.Minute) // has the place of b
		r.want("one too many", r.ask("e", time.Minute), time.Now(), ErrBusy)
		r.open()
		for i, got := range append(in, other) {
			r.want(fmt.Sprint(i), got, time.Now(), nil)
		}
		r.wantRode("running", "a d")
		r.never("b", "c", "e")
		r.end()
	})
}

// RetryAfter is about how long the line takes to become empty.
func TestDrainTime(t *testing.T) {
	l := &line{typical: 700 * time.Millisecond}
	c := &Combiner{}
	for _, test := range []struct {
		calls int
		want  time.Duration
	}{{0, time.Second}, {maxUnitCalls - 1, time.Second}, {maxUnitCalls, 2 * time.Second}, {4 * maxUnitCalls, 4 * time.Second}} {
		for l.entries.Len() < test.calls {
			l.add(&entry{})
		}
		if got := c.drainTime(l); got != test.want {
			t.Errorf("%d calls: %v, want %v", test.calls, got, test.want)
		}
	}
}

func TestNobodyWaitsLongerThanMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.shut()
		began := time.Now()
		replies := []*reply{r.ask("a", time.Hour), r.ask("b", time.Hour)}
		pass(time.Hour)
		for _, got := range replies {
			r.want("patient", got, began.Add(MaxWait), ErrBusy)
		}
		r.open()
		r.never("a", "b")
		r.wantRode("a") // nobody was left for a second unit
		r.end()
	})
}

// Finding the pool of an assignment is part of the wait.
func TestReleaseWaitsNoLongerThanMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		a := r.ask("a", time.Minute).answer.(Assigned)
		began := time.Now()
		r.hang = 7 * time.Second
		r.shut()
		slow := r.start(func() (any, error) { return r.Release(context.Background(), Release{ID: a.ID}) })
		r.hang = time.Hour
		never := r.start(func() (any, error) { return r.Release(context.Background(), Release{ID: a.ID}) })
		pass(2 * time.Hour)
		r.want("slow", slow, began.Add(MaxWait), ErrBusy)
		r.want("never", never, began.Add(MaxWait), ErrUnavailable)
		r.open()
		r.end()
	})
}

// Who leaves before the unit has the pool has never asked, and the unit goes
// on for the others.
func TestLeavingBeforeTheCallIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.shut()
		began := time.Now()
		first, inLine := r.ask("first", time.Second), r.ask("in line", 2*time.Second)
		last := r.ask("last", time.Minute)
		pass(3 * time.Second)
		r.want("first", first, began.Add(time.Second), ErrBusy)
		r.want("in line", inLine, began.Add(2*time.Second), ErrBusy)
		if got, want := r.Stats(), (CombinerStats{Waiting: 1, Running: 1}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		r.open()
		r.want("last", last, time.Now(), nil)
		r.wantRode("first", "last")
		r.never("first", "in line")
		r.end()
	})
}

// Who leaves later is told so, and the unit goes on.
func TestLeavingAfterTheCallIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		writing := make(chan struct{})
		r.between = func(int) { <-writing }
		ctx, cancel := context.WithCancel(t.Context())
		calls := map[string]*reply{
			"assign": r.start(func() (any, error) { return r.Assign(ctx, Request{Pool: "p", Key: "k"}) }),
			"pool":   r.start(func() (any, error) { return r.ChangePool(ctx, PoolChange{Pool: "q"}) }),
		}
		pass(time.Second)
		cancel()
		synctest.Wait()
		var unknown *UnknownError
		for what, got := range calls {
			r.want(what, got, time.Now(), ErrOutcomeUnknown)
			if what == "assign" && (!errors.As(got.err, &unknown) || unknown.Key != "k") {
				t.Errorf("%s: %#v, want an UnknownError with its key", what, got.err)
			}
		}
		for _, u := range r.units() {
			if u.ctx.Err() != nil {
				t.Errorf("unit of pool %s was cancelled: %v", u.pool, u.ctx.Err())
			}
		}
		close(writing)
		again := r.ask("k", time.Minute)
		r.want("again", again, time.Now(), nil)
		if a := again.answer.(Assigned); !a.Replayed {
			t.Errorf("the call of who left was not decided: %+v", a)
		}
		r.check(t, "q")
		r.end()
	})
}

// A key that was made up is told too.
func TestUnknownOutcomeTellsTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.script = append([]fate{lostReply}, slices.Repeat([]fate{busy}, 100)...)
		got := r.ask("", 3*time.Second)
		other := r.ask("", 5*time.Second)
		pass(time.Minute)
		var unknown *UnknownError
		if !errors.As(got.err, &unknown) || unknown.Key != r.pool("p").Assignments[0].Key || unknown.Key == "" {
			t.Errorf("%#v, want the key of %+v", got.err, r.pool("p").Assignments)
		}
		wantErr(t, "other", other.err, ErrBusy)
		r.end()
	})
}

// The search for an outcome ends with the last deadline, and its end is an
// answer for whoever is left.
func TestUnitEndsWithTheLastDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.fated = func(PoolID) fate { return down }
		began := time.Now()
		r.ask("a", 15*time.Millisecond)
		pass(15 * time.Millisecond)
		u := r.units()[0]
		if d, _ := u.ctx.Deadline(); !d.Equal(began.Add(15*time.Millisecond)) || u.ctx.Err() == nil {
			t.Errorf("unit had until %v, want until %v", d, began.Add(15*time.Millisecond))
		}
		r.end()
	})
}

func TestFailureIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.script = []fate{down, down, down}
		got := r.ask("a", time.Minute)
		pass(time.Minute)
		wantErr(t, "a", got.err, ErrUnavailable)
		r.want("b", r.ask("b", time.Minute), time.Now(), nil)
		r.never("a")
		r.end()
	})
}

// Whose deadline is nearer than a unit takes is refused before the ledger is
// asked; the others ride.
func TestHopelessCallsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.shut()
		first := r.ask("first", time.Minute)
		r.mu(func() { r.lines["p"].typical = 5 * time.Second })
		var hopeless []*reply
		for i := range 100 {
			hopeless = append(hopeless, r.ask(fmt.Sprintf("hopeless %d", i), 4*time.Second))
		}
		ok := r.ask("ok", time.Minute)
		pass(time.Second)
		r.let()
		r.want("first", first, time.Now(), nil)
		for i, got := range hopeless {
			r.want(fmt.Sprintf("hopeless %d", i), got, time.Now(), ErrBusy)
			if t.Failed() {
				break
			}
		}
		r.open()
		r.want("ok", ok, time.Now(), nil)
		r.wantRode("first", "ok")
		r.end()
	})
}

func (r *rig) mu(f func()) {
	r.Combiner.mu.Lock()
	defer r.Combiner.mu.Unlock()
	f()
}

// A slow spell is not remembered for ever: where everybody is in a hurry and
// nothing can be measured, the estimate falls until a unit is tried.
func TestEstimateRecovers(t *testing.T) {
	l := &line{pool: "p"}
	for range 40 {
		l.took(8 * time.Second)
	}
	if l.typical < 7*time.Second || l.typical > 8*time.Second {
		t.Fatalf("typical is %v after units of 8s", l.typical)
	}
	now := time.Now()
	for range 40 {
		for range 3 {
			l.add(&entry{call: newAssigning(Request{}, ""), deadline: now.Add(time.Second)})
		}
		unit, hopeless := l.take(now)
		switch {
		case len(unit)+len(hopeless) != 3 || len(unit)*len(hopeless) != 0:
			t.Fatalf("typical %v: %d are taken, %d hopeless", l.typical, len(unit), len(hopeless))
		case len(unit) > 0 && l.typical > time.Second:
			t.Fatalf("typical %v: taken with a second left", l.typical)
		case len(unit) > 0:
			return
		}
	}
	t.Errorf("typical is still %v", l.typical)
}

func TestConcurrentUnitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{Units: 3})
		r.shut()
		var replies []*reply
		for i := range 10 {
			replies = append(replies, r.start(func() (any, error) {
				return r.ChangePool(context.Background(), PoolChange{Pool: PoolID(fmt.Sprint(i))})
			}))
		}
		if got, want := r.Stats(), (CombinerStats{Waiting: 7, Running: 3, Queued: 7}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		for i := range 7 {
			r.let()
			if got, want := r.Stats(), (CombinerStats{Waiting: 6 - i, Running: 3, Queued: 6 - i}); got != want {
				t.Errorf("stats %+v, want %+v", got, want)
			}
		}
		r.open()
		for i, got := range replies {
			r.want(fmt.Sprint(i), got, time.Now(), nil)
		}
		if r.most != 3 {
			t.Errorf("%d units at once, want 3", r.most)
		}
		for i, u := range r.units() {
			if want := PoolID(fmt.Sprint(i)); i >= 3 && u.pool != want {
				t.Errorf("unit %d is of pool %s, want %s, which waits for longest", i, u.pool, want)
			}
		}
		r.end()
	})
}

// Busy pools take turns, however many wait in each.
func TestBusyPoolsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pools = 10
		r := newRig(t, CombinerConfig{Units: 4})
		r.before = func(int, PoolID) { time.Sleep(10 * time.Millisecond) }
		ctx, cancel := context.WithCancel(t.Context())
		for i := range pools {
			pool := PoolID(fmt.Sprint(i))
			for range 1 + 4*i { // some pools are hot
				go func() {
					for ctx.Err() == nil {
						r.Assign(t.Context(), Request{Pool: pool})
					}
				}()
			}
		}
		pass(2 * time.Second)
		units := r.units()
		cancel()
		pass(time.Second)
		turns := map[PoolID]int{}
		for _, u := range units {
			turns[u.pool]++
		}
		for pool, n := range turns {
			if fair := len(units) / pools; n < fair*9/10 || n > fair*11/10 {
				t.Errorf("pool %s had %d turns of %d", pool, n, len(units))
			}
		}
		if len(units) < 4*195 {
			t.Errorf("%d units in 2s of 4 at once that take 10ms each", len(units))
		}
		r.end()
	})
}

// Pools whose lock cannot be had stall nobody but themselves.
func TestStuckPoolsAreConfined(t *testing.T) {
	for _, config := range []CombinerConfig{
		{Units: 4}, {Units: 8}, {Units: 16}, {Units: 8, LockWait: 2 * time.Second}, {Units: 8, LockWait: 30 * time.Second}, {Units: 8, LockWait: time.Second},
	} {
		t.Run(fmt.Sprintf("%+v", config), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, config)
				r.fated = func(pool PoolID) fate {
					if pool != "p" {
						return busy
					}
					return fine
				}
				ctx, cancel := context.WithCancel(t.Context())
				stuck := 3 * config.Units
				for i := range stuck {
					pool := PoolID(fmt.Sprintf("stuck %d", i))
					for range 3 {
						go func() {
							for ctx.Err() == nil {
								began := time.Now()
								_, err := r.Assign(ctx, Request{Pool: pool})
								if !errors.Is(err, ErrBusy) || time.Since(began) > MaxWait {
									t.Errorf("stuck pool: %v after %v", err, time.Since(began))
								}
							}
						}()
					}
				}
				// At first each pool is given a moment.
				part := max(1, config.Units/4)
				pass(time.Duration(stuck/(config.Units-part)+1) * firstWait)
				for range 300 {
					pass(100 * time.Millisecond)
					r.want("healthy pool", r.ask("", time.Minute), time.Now(), nil)
					if got := r.Stats(); got.Stuck == 0 || got.Running > part {
						t.Errorf("stats %+v, want no more than %d running", got, part)
					}
					if t.Failed() {
						break
					}
				}
				cancel()
				pass(time.Minute)
				r.end()
			})
		})
	}
}

// A pool is remembered as stuck while nobody asks for it, but only so many.
func TestStuckPoolsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{Units: 8, LockWait: time.Second})
		r.fated = func(PoolID) fate { return busy }
		touch := func(pools int) {
			t.Helper()
			for i := range pools {
				r.start(func() (any, error) {
					return r.ChangePool(context.Background(), PoolChange{Pool: PoolID(fmt.Sprint(i))})
				})
			}
		}
		touch(4)
		pass(time.Minute)
		touch(4)
		if got, want := r.Stats(), (CombinerStats{Waiting: 2, Running: 2, Queued: 2, Stuck: 4}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		for i := range 11 * maxMemories / 10 / 60 {
			for j := range 60 {
				go r.ChangePool(context.Background(), PoolChange{Pool: PoolID(fmt.Sprint(i, j))})
			}
			pass(MaxWait)
		}
		if n := len(r.lines); n > maxMemories || n < maxMemories/2 {
			t.Errorf("%d lines, want no more than %d", n, maxMemories)
		}
		r.end()
	})
}

// Whoever could not be had in a short wait gets the long one, in the order of
// old, and the callers are told when that was in vain too.
func TestPutBackKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{LockWait: 5 * time.Second})
		r.shut()
		replies := map[string]*reply{}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			limit := time.Minute
			if key == "c" {
				limit = 1200 * time.Millisecond
			}
			replies[key] = r.ask(key, limit)
		}
		began := time.Now()
		fates := []fate{busy, fine, busy, busy, fine} // a is at the gate already
		r.fated = func(PoolID) (f fate) {
			f, fates = fates[0], fates[1:]
			return f
		}
		r.open()
		r.want("a", replies["a"], began, nil)

		pass(500 * time.Millisecond)
		replies["f"] = r.ask("f", time.Minute)
		pass(499 * time.Millisecond)
		if got, want := r.Stats(), (CombinerStats{Waiting: 1, Running: 1}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		r.shut()
		pass(time.Millisecond)
		if got, want := r.Stats(), (CombinerStats{Waiting: 0, Running: 1, Stuck: 1}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		pass(time.Second)
		r.want("c", replies["c"], began.Add(1200*time.Millisecond), ErrBusy)
		r.open()
		for _, key := range []string{"b", "d", "e", "f"} {
			r.want(key, replies[key], time.Now(), nil)
		}
		r.wantRode("a", "b c d e", "b c d e f")
		r.never("c")

		// Healed: the next wait is a moment again.
		began = time.Now()
		vain := r.ask("vain", time.Minute)
		pass(10 * time.Second)
		r.want("vain", vain, began.Add(5*time.Second), ErrBusy)
		var waits []time.Duration
		for _, u := range r.units() {
			waits = append(waits, u.claim.Wait/time.Second)
		}
		if want := []time.Duration{1, 1, 4, 1, 4}; !slices.Equal(waits, want) {
			t.Errorf("units waited for %v seconds, want %v", waits, want)
		}
		r.want("healed", r.ask("healed", time.Minute), time.Now(), nil)
		r.end()
	})
}

// Who leaves the line after the call was put back has changed nothing, even if
// the unit had the pool for a moment and mended it.
func TestLeavingAfterPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		n := r.ask("old", time.Minute).answer.(Assigned).Number
		r.numbers[n] = NumberRecord{Number: n, Pool: "p", State: NumberFree, FreeAt: r.now()}
		r.script = []fate{fine, fine, busy, busy}
		began := time.Now()
		got := r.ask("k", 2*time.Second)
		pass(time.Second + time.Millisecond)
		if r.numbers[n].State != NumberAside || len(r.units()) != 4 {
			t.Errorf("number is %+v after %d units", r.numbers[n], len(r.units()))
		}
		pass(5 * time.Second)
		r.want("k", got, began.Add(2*time.Second), ErrBusy)
		r.never("k")
		r.want("healed", r.ask("healed", time.Minute), time.Now(), nil)
		r.end()
	})
}

// The shortest lock wait is not cut in two.
func TestShortLockWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{LockWait: time.Second})
		r.script = []fate{busy, busy}
		for range 2 {
			began := time.Now()
			got := r.ask("k", time.Minute)
			pass(time.Minute)
			r.want("k", got, began.Add(time.Second), ErrBusy)
		}
		r.want("k", r.ask("k", time.Minute), time.Now(), nil)
		r.end()
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{Units: 2})
		r.shut()
		replies := []*reply{r.ask("a", time.Minute), r.ask("b", time.Minute)}
		for i := range 5 {
			replies = append(replies, r.start(func() (any, error) {
				return r.ChangePool(context.Background(), PoolChange{Pool: PoolID(fmt.Sprint(i))})
			}))
		}
		closed := r.start(func() (any, error) { return nil, r.Close(context.Background()) })
		r.want("new", r.ask("new", time.Minute), time.Now(), ErrBusy)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantErr(t, "impatient Close", r.Close(ctx), context.DeadlineExceeded)
		r.want("patient Close", closed, time.Time{}, nil)
		r.open()
		for i, got := range append(replies, closed) {
			r.want(fmt.Sprint(i), got, time.Now(), nil)
		}
		r.never("new")
		r.end() // closes once more
	})
}

func TestCloseIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.end()
		r.want("new", r.ask("new", time.Minute), time.Now(), ErrBusy)
		r.end()
	})
}
