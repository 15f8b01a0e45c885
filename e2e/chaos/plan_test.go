package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"

	"fairlead/api/client"
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
	rich                     bool // some pools have more settings than the cool-down: [plan.isRich]
	ttl                      int  // of numbers in those, in seconds
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
		rich:     true,
		ttl:      1 + rnd.IntN(3),
	}
}

// isRich reports whether assignments of a pool are voided and reassigned, and
// its numbers cared for and called, beside what happens in any: every other
// pool, and every other pair of rounds if there is only one.
func (p plan) isRich(pool int) bool {
	return p.rich && (pool%2 == 1 || p.pools == 1 && p.seed/2%2 == 0)
}

// settings are those of a pool. The rich ones have all, in several mixtures.
func (p plan) settings(pool int) client.PoolSettings {
	cooldown := int64(p.cooldown)
	if !p.isRich(pool) {
		return client.PoolSettings{CooldownSeconds: &cooldown}
	}
	cooldown = max(1, cooldown)
	n, ttl := uint64(pool/2)+p.seed, int64(p.ttl)
	from := []client.NumberTTLFrom{client.NumberTTLFromLastUse, client.NumberTTLFromAssigned}[n%2]
	sticky := []client.Sticky{client.StickyPrefer, client.StickyPrefer, client.StickyAvoid}[n%3]
	exhausted := []client.OnExhausted{client.OnExhaustedFail, client.OnExhaustedAssignWithout}[n/2%2]
	return client.PoolSettings{CooldownSeconds: &cooldown, NumberTTLSeconds: &ttl, NumberTTLFrom: &from, Sticky: &sticky, OnExhausted: &exhausted}
}

func (p plan) lock() string {
	if p.lockOff {
		return "off"
	}
	return "named"
}

func (p plan) String() string {
	rich := 0
	for pool := range p.pools {
		if p.isRich(pool) {
			rich++
		}
	}
	return fmt.Sprintf("seed %d, lock %s: %d clients, %d pools of %d planners and %d numbers, cool-down %d s, %d of them rich with ends after %d s, %v of faults",
		p.seed, p.lock(), p.clients, p.pools, p.planners, p.numbers, p.cooldown, rich, p.ttl, p.time)
}

func poolName(n int) string    { return fmt.Sprintf("pool-%d", n) }
func plannerName(n int) string { return fmt.Sprintf("p%03d", n) }

func numberName(pool, n int) string { return fmt.Sprintf("050%02d%05d", pool, n) }

// random is a source that depends on the round's seed and on who draws, so
// that one does not change what another draws.
func random(seed uint64, who string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(who) {
		h = (h ^ uint64(who[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h))
}
