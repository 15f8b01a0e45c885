package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A plan is what one round is about. It depends on the seed alone.
type plan struct {
	seed    uint64
	lockOff bool
	time    time.Duration
	settle  time.Duration // how long a call may have to be repeated when it is over

	pools, planners, numbers int // planners and numbers in each pool
	cooldown                 int // seconds
	clients                  int
}

// planOf draws a plan. Few clients on many pools make small units, and many on
// one pool large ones. Every other seed is without the lock.
func planOf(seed uint64, d time.Duration) plan {
	rnd := random(seed, "plan")
	return plan{
		seed: seed, lockOff: seed%2 == 0, time: d, settle: 30 * time.Second,
		pools:    []int{1, 4, 4, 12}[rnd.IntN(4)],
		planners: []int{2, 7, 20, 50}[rnd.IntN(4)],
		numbers:  []int{0, 40, 40, 400}[rnd.IntN(4)],
		cooldown: []int{0, 0, 1, 2}[rnd.IntN(4)],
		clients:  []int{24, 48, 96, 256}[rnd.IntN(4)],
	}
}

func (p plan) lock() string {
	if p.lockOff {
		return "off"
	}
	return "named"
}

func (p plan) String() string {
	return fmt.Sprintf("seed %d, lock %s: %d clients, %d pools of %d planners and %d numbers, cool-down %d s, %v of faults",
		p.seed, p.lock(), p.clients, p.pools, p.planners, p.numbers, p.cooldown, p.time)
}

func poolName(n int) string    { return fmt.Sprintf("pool-%d", n) }
func plannerName(n int) string { return fmt.Sprintf("p%03d", n) }

// random is a source that depends on the round's seed and on who draws, so
// that one does not change what another draws.
func random(seed uint64, who string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(who) {
		h = (h ^ uint64(who[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h))
}
