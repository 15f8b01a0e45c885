package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// A nemesis does bad things to a cluster. Several hands work at once, each at
// a pace and in an order of its own, which depend on the seed.
type nemesis struct {
	*cluster
	load *workload

	mu     sync.Mutex
	counts map[string]int
	wrong  []string // what should not have been possible
}

// A fault is one bad thing. It returns how often it hit, under which name; an
// empty name means that there was nothing to hit.
type fault struct {
	weight int
	do     func(n *nemesis, ctx context.Context, rnd *rand.Rand) (name string, hits int)
}

// A hand does one fault after another, with a pause of at most twice every in
// between.
type hand struct {
	name   string
	every  time.Duration
	faults []fault
}

// hands are grouped by what would get into each other's way.
var hands = []hand{
	{"server", 4 * time.Second, []fault{{7, killServer}, {3, stopServer}}},
	{"instances", 1500 * time.Millisecond, []fault{{5, killInstance}, {3, killBeforeAnswer}, {2, stopInstance}}},
	{"steps", 15 * time.Millisecond, []fault{{5, killAtStep}, {1, failAtStep}}},
	{"sessions", 40 * time.Millisecond, []fault{{2, killHolder}, {1, killQuery}, {1, killWaiter}}},
	{"callers", 60 * time.Millisecond, []fault{{1, leaveAtStep}}},
	{"cuts", 60 * time.Millisecond, []fault{{1, cutAtStep}}},
	{"resets", 600 * time.Millisecond, []fault{{1, resetAll}}},
	{"weather", 2 * time.Second, []fault{{1, delay}, {1, silence}}},
	{"strangers", 1500 * time.Millisecond, []fault{{1, lockPoolRow}, {1, lockPlanners}, {1, stealLock}}},
	{"administrator", 4 * time.Second, []fault{{2, changeTable}, {1, flushTables}, {2, exhaust}}},
}

// haunt does faults until ctx is done, and leaves nothing broken.
func (n *nemesis) haunt(ctx context.Context) {
	var wg sync.WaitGroup
	for _, h := range hands {
		wg.Go(func() { n.use(ctx, h) })
	}
	wg.Wait()
	for _, s := range n.seats {
		s.wire.Heal()
		s.wire.Delay(0, 0)
	}
}

func (n *nemesis) use(ctx context.Context, h hand) {
	rnd := random(n.plan.seed, "hand "+h.name)
	all := 0
	for _, f := range h.faults {
		all += f.weight
	}
	for {
		// The pace of the faults, not a wait for anything.
		if !pause(ctx, time.Duration(rnd.Int64N(int64(2*h.every)))) {
			return
		}
		r := rnd.IntN(all)
		for _, f := range h.faults {
			if r -= f.weight; r < 0 {
				n.count(f.do(n, ctx, rnd))
				break
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (n *nemesis) count(name string, hits int) {
	if name == "" || hits == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counts[name] += hits
}

// blame notes what nobody promised could happen.
func (n *nemesis) blame(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wrong = append(n.wrong, fmt.Sprintf(format, args...))
}
