package assign

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// newCrowd returns a rig whose gate is shut, and whose pool p has just had a
// unit of two calls.
func newCrowd(t *testing.T, config CombinerConfig) *rig {
	t.Helper()
	r := newRig(t, config)
	r.shut()
	for _, key := range []string{"a", "b", "c"} {
		r.ask(key, time.Minute)
	}
	r.let()
	r.let()
	r.wantRode("a", "b c")
	return r
}

// late says which of the units were asked when they had the pool.
func (r *rig) late() (late []bool) {
	for _, u := range r.units() {
		late = append(late, u.claim.AskLate)
	}
	return late
}

func (r *rig) wantLate(want ...bool) {
	r.t.Helper()
	got := r.late()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			r.t.Errorf("asked late: %v, want %v", got, want)
			return
		}
	}
}

// Where calls come together, those that come while a unit waits for its pool
// are in it; where they come one by one again, it is asked at once.
func TestCrowdJoinsTheUnitThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newCrowd(t, CombinerConfig{})
		d := r.ask("d", time.Minute)
		if got, want := r.Stats(), (CombinerStats{Waiting: 1, Running: 1}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		pass(time.Second)
		e := r.ask("e", time.Minute)
		r.let()
		r.want("d", d, time.Now(), nil)
		r.want("e", e, time.Now(), nil)
		r.open()
		r.want("f", r.ask("f", time.Minute), time.Now(), nil)
		r.want("g", r.ask("g", time.Minute), time.Now(), nil)
		r.wantRode("a", "b c", "d e", "f", "g")
		r.wantLate(false, false, true, true, false)
		r.end()
	})
}

// Where a whole unit waits already, it is chosen at once.
func TestFullUnitIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, CombinerConfig{})
		r.shut()
		r.ask("first", time.Minute)
		for range 2*maxUnitCalls + maxUnitCalls/2 {
			go r.Assign(context.Background(), Request{Pool: "p"})
		}
		synctest.Wait()
		r.open()
		r.wantLate(false, false, false, true)
		r.end()
	})
}

// Who leaves while the unit waits is not in it, even if nobody is.
func TestLeavingAUnitThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newCrowd(t, CombinerConfig{})
		began := time.Now()
		d := r.ask("d", time.Second)
		pass(2 * time.Second)
		r.want("d", d, began.Add(time.Second), ErrBusy)
		r.open()
		r.want("e", r.ask("e", time.Minute), time.Now(), nil)
		r.wantRode("a", "b c", "!", "e")
		r.wantLate(false, false, true, true)
		r.never("d")
		r.end()
	})
}

// A pool that cannot be had is stuck, and those who wait are told after the
// long wait that follows, in which they are taken at its beginning.
func TestCrowdOfAStuckPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newCrowd(t, CombinerConfig{LockWait: 5 * time.Second})
		r.script = []fate{fine, fine, busy, busy}
		r.open()
		began := time.Now()
		d := r.ask("d", time.Minute)
		pass(500 * time.Millisecond)
		e := r.ask("e", time.Minute)
		pass(501 * time.Millisecond)
		f := r.ask("f", time.Minute)
		pass(5 * time.Second)
		for _, got := range []*reply{d, e} {
			r.want("in vain", got, began.Add(5*time.Second), ErrBusy)
		}
		r.want("f", f, began.Add(5*time.Second), nil)
		r.wantRode("a", "b c", "!", "d e", "f")
		r.wantLate(false, false, true, false, false)
		r.never("d", "e")
		r.end()
	})
}

// A unit that fails before anybody is in it fails those who would have been.
func TestFailureIsToldToTheCrowd(t *testing.T) {
	for name, test := range map[string]struct {
		fate  fate
		units int
		want  error
	}{
		"database is down": {down, maxFailures, ErrUnavailable},
		"lock is kept":     {busy, 1, ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newCrowd(t, CombinerConfig{LockWait: time.Second})
				r.script = []fate{fine, fine}
				for range test.units {
					r.script = append(r.script, test.fate)
				}
				d, e := r.ask("d", time.Minute), r.ask("e", time.Minute)
				r.open()
				pass(10 * time.Second)
				wantErr(t, "d", d.err, test.want)
				wantErr(t, "e", e.err, test.want)
				r.want("f", r.ask("f", time.Minute), time.Now(), nil)
				r.never("d", "e")
				r.end()
			})
		})
	}
}

// The unit has as long as a call that joined it may wait.
func TestLateUnitHasTheLongestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newCrowd(t, CombinerConfig{})
		began := time.Now()
		r.ask("d", time.Second)
		u := r.units()[2]
		if d, _ := u.ctx.Deadline(); !d.Equal(began.Add(MaxWait)) {
			t.Errorf("unit has until %v, want until %v", d, began.Add(MaxWait))
		}
		r.open()
		r.end()
	})
}
