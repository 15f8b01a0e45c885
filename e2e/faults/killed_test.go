package faults

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// A holder that is killed frees its pool as soon as its unit is rolled back, in
// less than a second.
func TestKilledHolder(t *testing.T) {
	s := newSite(t, dbtest.Place{})
	a, b := s.start(t), s.start(t)
	s.fill(t, a, pool)

	t.Run("of calls that ride together", func(t *testing.T) {
		l := s.load(t, demand{callers: 64}, a, b)
		l.awaitMore(t, 200)
		var took []time.Duration
		for range 50 {
			took = append(took, s.killHolder(t, s.awaitHolder(t, pool)))
		}
		l.end()
		inLessThanASecond(t, took)
	})
	t.Run("waiting for a row", func(t *testing.T) {
		var took []time.Duration
		for range 10 {
			c, key := s.catchAssign(t, plannerRows, a)
			took = append(took, s.killHolder(t, c.session))
			c.stranger.leave()
			<-c.outcome
			s.ask(t, pool, key, b)
		}
		inLessThanASecond(t, took)
	})
	t.Run("after writing 10,000 rows", func(t *testing.T) {
		var took []time.Duration
		for n := range 5 {
			c := s.catch(t, nextEvent, func() string { return rename(a, 10_000, fmt.Sprint("Name ", n)) })
			took = append(took, s.killHolder(t, c.session))
			c.stranger.leave()
			if outcome := <-c.outcome; outcome != "200 OK" {
				t.Errorf("a killed unit was not run again: %s", outcome)
			}
		}
		inLessThanASecond(t, took)
	})
	s.check(t, a, pool)
}

// killHolder kills a session, and returns how long the pool's lock stays its.
func (s *site) killHolder(t *testing.T, session int64) time.Duration {
	t.Helper()
	began := time.Now()
	s.kill(t, session)
	s.awaitRelease(t, pool, session)
	return time.Since(began).Round(time.Microsecond)
}

func inLessThanASecond(t *testing.T, took []time.Duration) {
	t.Helper()
	slices.Sort(took)
	longest := took[len(took)-1]
	t.Logf("%d holders killed: their locks were free after %v (median), %v (longest)", len(took), took[len(took)/2], longest)
	if longest >= time.Second {
		t.Errorf("the lock of a killed holder was free after %v", longest)
	}
}

// rename gives n planners a name, in one call, and returns its outcome. Who is
// not there yet is added.
func rename(i *program.Instance, n int, name string) string {
	r, err := i.PostPlannersWithResponse(context.Background(), pool, nil, planners(n, name))
	if err != nil {
		return noAnswer
	}
	return r.Status()
}

// An instance that is killed while its unit waits for a row that a stranger
// keeps does not notice the server. The pool is free when that wait is over.
func TestInstanceKilledWaitingForRow(t *testing.T) {
	for name, rows := range map[string]string{"pool": poolRow, "planner": plannerRows} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, dbtest.Place{})
			a, b := s.start(t), s.start(t)
			s.fill(t, b, pool)
			c, key := s.catchAssign(t, rows, a)
			began := time.Now()
			a.Kill(t)
			l := s.load(t, fewCallers, b)
			s.awaitRelease(t, pool, c.session)
			if took := time.Since(began); took > rowLockTimeout+time.Second {
				t.Errorf("the lock of a dead instance was free after %v", took)
			} else {
				t.Logf("the lock of a dead instance was free after %v", took.Round(time.Millisecond))
			}
			c.stranger.leave()
			l.awaitMore(t, 50)
			if outcome := <-c.outcome; outcome != noAnswer {
				t.Errorf("the dead instance answered %s", outcome)
			}
			s.ask(t, pool, key, b)
			l.end()
			s.check(t, b, pool)
		})
	}
}
