package assign

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// A fate is what becomes of a unit.
type fate string

const (
	fine      fate = "fine"       // committed, if there is anything to commit
	lostReply fate = "lost reply" // committed, but nobody hears of it
	lostWrite fate = "lost write" // not committed, and nobody hears of it
	refused   fate = "refused"    // not committed: the database refuses a row
	busy      fate = "busy"       // the pool stays taken for as long as the unit waits
	down      fate = "down"       // the database fails before anything is written
)

// A stage is a memLedger on which a test says what goes wrong.
type stage struct {
	*memLedger

	// script has the fates of the first units; the others are fine.
	script []fate

	// fated, if set, has the fate of the next unit of a pool instead.
	fated func(PoolID) fate

	// before, if set, runs before a unit has its pool, between before it
	// writes. Both may block.
	before  func(unit int, pool PoolID)
	between func(unit int)

	// poison, if set, says which changes are refused.
	poison func(Changes) bool

	// hang, if set, is how long it takes to find the pool of an assignment.
	hang time.Duration

	mu      sync.Mutex
	seen    []sighting
	running map[PoolID]int
	most    int // units that ran at once
}

// A sighting is what a stage has seen of a unit.
type sighting struct {
	pool    PoolID
	claim   Claim
	need    Need
	ctx     context.Context
	at      time.Time
	changes Changes
	fate    fate
}

func newStage(script ...fate) *stage {
	return &stage{memLedger: newMemLedger(bubbleTime), script: script, running: map[PoolID]int{}}
}

// bubbleTime is a clock like a database's.
func bubbleTime() time.Time { return time.Now().UTC().Round(0).Truncate(time.Microsecond) }

func (s *stage) Unit(ctx context.Context, claim Claim, ask func() Need, decide func(State) Changes) (Trace, error) {
	pool, need := claim.Pool, Need{}
	if !claim.AskLate {
		need = ask()
	}
	s.mu.Lock()
	unit, f := len(s.seen), fine
	if unit < len(s.script) {
		f = s.script[unit]
	}
	if s.fated != nil {
		f = s.fated(pool)
	}
	s.seen = append(s.seen, sighting{pool: pool, claim: claim, need: need, ctx: ctx, at: time.Now(), fate: f})
	s.enter(pool)
	s.mu.Unlock()
	defer s.exit(pool)

	if s.before != nil {
		s.before(unit, pool)
	}
	switch f {
	case busy:
		sleep(ctx, claim.Wait)
		return Trace{}, fmt.Errorf("lock: %w", ErrBusy)
	case down:
		return Trace{}, fmt.Errorf("dial: %w", ErrUnavailable)
	}
	if ctx.Err() != nil {
		return Trace{}, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
	if claim.AskLate {
		need = ask()
		s.mu.Lock()
		s.seen[unit].need = need
		s.mu.Unlock()
	}
	state := s.read(pool, need)
	trace := Trace{Seq: state.Pool.Seq}
	changes := decide(state)
	s.mu.Lock()
	s.seen[unit].changes = changes
	s.mu.Unlock()
	if s.between != nil {
		s.between(unit)
	}
	switch {
	case changes.Empty():
		return trace, s.commit(changes)
	case f == refused, s.poison != nil && s.poison(changes):
		return trace, fmt.Errorf("duplicate: %w: %w", ErrRefused, ErrOutcomeUnknown)
	case f == lostWrite:
		return trace, fmt.Errorf("broken pipe: %w", ErrOutcomeUnknown)
	}
	if err := s.commit(changes); err != nil {
		panic(err)
	}
	if f == lostReply {
		return trace, fmt.Errorf("broken pipe: %w", ErrOutcomeUnknown)
	}
	return trace, nil
}

// enter and exit count the units that run. Two of one pool are a bug.

func (s *stage) enter(pool PoolID) {
	if s.running[pool]++; s.running[pool] > 1 {
		panic(fmt.Sprintf("%d units of pool %s at once", s.running[pool], pool))
	}
	all := 0
	for _, n := range s.running {
		all += n
	}
	s.most = max(s.most, all)
}

func (s *stage) exit(pool PoolID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[pool]--
}

func (s *stage) PoolOf(ctx context.Context, assignment string) (PoolID, error) {
	if s.hang > 0 && !sleep(ctx, s.hang) {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	return s.memLedger.PoolOf(ctx, assignment)
}

// units returns what was seen of the units so far.
func (s *stage) units() []sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// writes is how many units tried to write.
func (s *stage) writes() int {
	n := 0
	for _, u := range s.units() {
		if !u.changes.Empty() {
			n++
		}
	}
	return n
}

// set makes a pool with planners and numbers, without a unit.
func (s *stage) set(pool PoolID, planners, numbers int) {
	b := &bench{memLedger: s.memLedger}
	b.unit(pool, &settling{eventID: "settle"})
	var changes []PlannerChange
	for i := range planners {
		changes = append(changes, PlannerChange{ID: plannerID(i)})
	}
	b.unit(pool, &staffing{Staffing: Staffing{Changes: changes}, eventID: "staff"})
	var stock []Number
	for i := range numbers {
		stock = append(stock, Number(fmt.Sprintf("%s%04d", "0507", i)))
	}
	b.unit(pool, &stocking{Stocking: Stocking{Numbers: stock}, eventID: "stock"})
}

// check fails the test if anything is wrong in a pool.
func (s *stage) check(t *testing.T, pools ...PoolID) {
	t.Helper()
	for _, pool := range pools {
		(&bench{memLedger: s.memLedger}).check(t, pool)
	}
}

// newIDs returns ids that sort by time, like ULIDs.
func newIDs() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("id-%06d", n)
	}
}
