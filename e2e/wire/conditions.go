package wire

import (
	"math/rand/v2"
	"time"
)

// Conditions are what everything on the wire is subject to. They do not
// change: others take their place.
type conditions struct {
	latency, jitter time.Duration
	silent          bool

	over chan struct{} // closed when others have taken the place of these
}

// Delay makes everything arrive latency later, more or less by at most jitter,
// in each direction: an answer is twice as late. Nothing overtakes anything.
// Zero ends it.
func (w *Wire) Delay(latency, jitter time.Duration) {
	w.change(func(c *conditions) { c.latency, c.jitter = latency, jitter })
}

// Silence swallows everything in both directions, until [Wire.Heal]. No side
// learns that the other has hung up, and new connections are accepted and lead
// nowhere.
func (w *Wire) Silence() { w.change(func(c *conditions) { c.silent = true }) }

// Heal ends a silence. Connections that lost something in it are reset; others
// never noticed, and go on. New connections work.
func (w *Wire) Heal() {
	w.change(func(c *conditions) { c.silent = false })
	for _, c := range w.open() {
		if c.lost.Load() {
			c.reset()
		}
	}
}

func (w *Wire) change(edit func(*conditions)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.now.Load()
	fresh := *old
	fresh.over = make(chan struct{})
	edit(&fresh)
	w.now.Store(&fresh)
	close(old.over)
}

// heard waits for the end of a silence. It reports false if done comes first.
func (w *Wire) heard(done <-chan struct{}) bool {
	for {
		now := w.now.Load()
		if !now.silent {
			return true
		}
		select {
		case <-now.over:
		case <-done:
			return false
		}
	}
}

// delay draws how long something is under way.
func (c *conditions) delay() time.Duration {
	if c.jitter <= 0 {
		return c.latency
	}
	return c.latency - c.jitter + rand.N(2*c.jitter)
}
