package assign

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Service runs calls in units and settles unclear outcomes. All fields are
// required.
type Service struct {
	Ledger Ledger
	NewID  func() string // unique, and sorting by time: ulid.Make().String

	hints sync.Map // of hint, by PoolID
}

// A hint is what a pool had when it was last seen, which spares its units to
// ask for what is not there. It may be old: a unit that sees it was wrong runs
// once more.
type hint struct {
	expiring bool // numbers that expire
	sticky   bool // by its settings
}

func hintOf(p Pool) hint { return hint{p.NumbersExpiring > 0, p.Settings.Sticky} }

func (s *Service) hint(pool PoolID) hint {
	h, _ := s.hints.Load(pool)
	known, _ := h.(hint)
	return known
}

const (
	// maxFailures is how often in a row a unit may fail before it has written
	// anything. A killed session costs one; a database that is down, all.
	maxFailures = 3

	// maxWrites is how often a unit is written. It is written again only
	// after the former write is known to have left nothing behind.
	maxWrites = 4

	// A failure is followed by a pause that doubles from the first to the
	// last of these.
	firstPause = 10 * time.Millisecond
	lastPause  = 320 * time.Millisecond
)

// unit decides calls of one pool together: those that board returns, which is
// called once, or not at all if the unit fails before claim wants it. When the
// pool has been read, wanted says for which of them somebody still waits; the
// others are left out. With inDoubt, an earlier write of these calls may have
// been committed.
//
// A nil error means that every wanted call has its answer, which may be an
// error of its own. Otherwise they failed together, with one of the errors of
// [Ledger]. Time is up when ctx is done.
func (s *Service) unit(ctx context.Context, claim Claim, board func() []call, wanted func([]call) []call, inDoubt bool) error {
	a := attempt{Service: s, claim: claim, board: board, wanted: wanted, inDoubt: inDoubt}
	failures := 0
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := a.run(ctx)
		switch {
		case err == nil && a.again:
			continue
		case err == nil:
			return nil
		case errors.Is(err, ErrRefused) && a.writes > 1 && len(a.calls) > 1:
			return s.halves(ctx, claim, a.calls, wanted)
		case !a.inDoubt:
			failures++
			if errors.Is(err, ErrBusy) || failures == maxFailures {
				return err
			}
		}
		if !sleep(ctx, pause) {
			return a.timeUp(err)
		}
	}
}

// halves looks for the call that makes the database refuse a whole unit: all
// others are to have their answers.
func (s *Service) halves(ctx context.Context, claim Claim, calls []call, wanted func([]call) []call) error {
	mid := len(calls) / 2
	for _, half := range [][]call{calls[:mid], calls[mid:]} {
		if err := s.unit(ctx, claim, func() []call { return half }, wanted, true); err != nil {
			for _, c := range half {
				c.fail(err)
			}
		}
	}
	return nil
}

// An attempt is a unit on its way to a clear outcome.
type attempt struct {
	*Service
	claim  Claim
	board  func() []call // nil once it was called
	calls  []call
	wanted func([]call) []call
	need   Need

	inDoubt bool // the latest write may or may not have been committed
	writes  int
	refusal error // why the latest write failed
	again   bool  // the unit mended the state and decided nothing
}

// run runs the unit once. What it reads is also the barrier for a write in
// doubt: the pool can only be had when that write's session is over, so its
// rows are there by now, or never will be.
func (a *attempt) run(ctx context.Context) error {
	a.again = false
	trace, err := a.Ledger.Unit(ctx, a.claim, a.ask, a.decide)
	if errors.Is(err, ErrOutcomeUnknown) {
		a.inDoubt = true
		a.refusal = errors.New(err.Error()) // what it says; it is settled when it is told
		a.writes++
		a.need.Event = trace.Seq + 1
	}
	return err
}

// ask boards the calls, the first time, and says what they need.
func (a *attempt) ask() Need {
	if a.board != nil {
		a.calls, a.board = a.board(), nil
		a.gather(a.hint(a.claim.Pool))
	}
	return a.need
}

// gather puts together what the calls need in a pool of which this is known.
func (a *attempt) gather(h hint) {
	a.need = Need{Calls: len(a.calls), Event: a.need.Event, hint: h}
	for _, c := range a.calls {
		c.need(&a.need)
	}
}

// blind reports whether the pool has what the calls would have asked for, had
// it been known.
func (a *attempt) blind(is hint) bool {
	asked := a.need.hint
	return a.need.FreeNumbers > 0 && (is.expiring && !asked.expiring || is.sticky && !asked.sticky)
}

func (a *attempt) decide(state State) Changes {
	if is := hintOf(state.Pool); state.Found {
		if a.hint(a.claim.Pool) != is {
			a.hints.Store(a.claim.Pool, is)
		}
		if a.blind(is) {
			a.gather(is)
			a.again = true
			return Changes{}
		}
	}
	doubt := a.inDoubt
	a.inDoubt = false
	var calls []call
	for _, c := range a.wanted(a.calls) {
		switch {
		case c.alone() && c.settled(state):
			// Committed by a former attempt, whose answer stands.
		case a.writes < maxWrites || c.settled(state):
			calls = append(calls, c)
		default:
			c.fail(fmt.Errorf("%w: %w", ErrUnavailable, a.refusal))
		}
	}
	if len(calls) == 0 {
		return Changes{}
	}
	var changes Changes
	changes, a.again = decide(state, a.claim.Pool, calls, a.NewID())
	if changes.Pool.NumbersExpiring > 0 && !a.need.expiring {
		a.hints.Store(a.claim.Pool, hintOf(changes.Pool))
	}
	if a.again {
		a.inDoubt = doubt // no call has been answered
	}
	return changes
}

// timeUp is what the calls are told when err was the latest failure and there
// is no time for another try.
func (a *attempt) timeUp(err error) error {
	if a.inDoubt {
		return ErrOutcomeUnknown
	}
	return err
}

// sleep waits for d and reports whether ctx allows to go on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
