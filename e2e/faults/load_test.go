package faults

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/e2e/program"
)

// A load is callers who each ask for one assignment after the other, and ask
// again with the same key until they have it.
type load struct {
	answers atomic.Int64
	stop    chan struct{}
	callers sync.WaitGroup
}

// A demand says what a load asks for.
type demand struct {
	callers int
	pause   time.Duration // of a caller between two assignments
	pools   []string      // default: pool
}

// fewCallers leave a machine with two processors time for other tests.
var fewCallers = demand{callers: 4, pause: 5 * time.Millisecond}

// load starts callers. Each turns to one instance after the other.
func (s *site) load(t *testing.T, d demand, instances ...*program.Instance) *load {
	t.Helper()
	if len(d.pools) == 0 {
		d.pools = []string{pool}
	}
	l := &load{stop: make(chan struct{})}
	for c := range d.callers {
		l.callers.Go(func() {
			for n := c; !l.stopped(d.pause) && !t.Failed(); n++ {
				first := n % len(instances)
				order := append(append([]*program.Instance{}, instances[first:]...), instances[:first]...)
				s.ask(t, d.pools[n%len(d.pools)], s.newKey(), order...)
				l.answers.Add(1)
			}
		})
	}
	t.Cleanup(func() { l.end() }) // or callers would report to a test that is over
	return l
}

// stopped pauses, and reports whether it is time to stop.
func (l *load) stopped(pause time.Duration) bool {
	select {
	case <-l.stop:
		return true
	case <-time.After(pause):
		return false
	}
}

// end lets callers finish what they have begun. It may be called again.
func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.callers.Wait()
}

// awaitMore waits for n further answers, unless the test has failed, upon which
// callers stop.
func (l *load) awaitMore(t *testing.T, n int64) {
	t.Helper()
	n += l.answers.Load()
	await(t, "callers have more answers", 90*time.Second, func() bool { return l.answers.Load() >= n || t.Failed() })
}
