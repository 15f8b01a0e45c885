package faults

import (
	"context"
	"syscall"
	"testing"
	"time"

	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// An instance that stands still in the middle of a unit is in nobody's way for
// longer than a session may be silent. When it goes on it finds its session gone,
// and its turn is somebody else's.
func TestStoppedInstance(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.Place{})
	a, b := s.start(t), s.start(t)
	a.HTTP.Timeout = time.Minute // or the caller would not hear the answer
	s.fill(t, a, pool)
	c, key := s.catchAssign(t, plannerRows, a)
	s.letRead(t, a, c)
	stopped := time.Now()
	l, _ := s.blocked(t, stopped, b)
	time.Sleep(time.Until(stopped.Add(waitTimeout + 5*time.Second))) // the length of the stop
	resume(t, a)
	t.Logf("the caller was told: %s", <-c.outcome) // it may be too late to tell it anything
	s.ask(t, pool, key, a)
	l.end()
	l = s.load(t, fewCallers, a, b)
	l.awaitMore(t, 50)
	l.end()
	s.check(t, a, pool)
}

// letRead stops an instance whose unit waits for rows, and lets it have the
// rows: the unit stands between what it reads and what it writes.
func (s *site) letRead(t *testing.T, i *program.Instance, c *caught) {
	t.Helper()
	stop(t, i)
	c.stranger.leave()
	s.awaitState(t, c.session, saysNothing)
}

// stop stops an instance's process, and returns when it stands still.
func stop(t *testing.T, i *program.Instance) {
	t.Helper()
	if err := i.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Signal(syscall.SIGCONT) }) // or it would not end
	await(t, "the instance stands still", 10*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := i.GetHealthWithResponse(ctx)
		return err != nil
	})
}

func resume(t *testing.T, i *program.Instance) {
	t.Helper()
	if err := i.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// blocked lets callers come to i, and wants them to be served in the time that
// is promised after a holder was cut off. It returns how long that was.
func (s *site) blocked(t *testing.T, cut time.Time, i *program.Instance) (*load, time.Duration) {
	t.Helper()
	l := s.load(t, fewCallers, i)
	l.awaitMore(t, 1)
	took := time.Since(cut).Round(time.Millisecond)
	t.Logf("the pool was blocked for %v", took)
	if took > waitTimeout+2*time.Second {
		t.Errorf("the pool was blocked for %v", took)
	}
	return l, took
}
