package observe

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"fairlead/assign"
)

// A Ledger counts and times the units of another, and logs those that were
// slow, with the step that made them so, and those that failed. The first three
// fields are required.
type Ledger struct {
	Next    assign.Ledger
	Metrics *Metrics
	Log     *slog.Logger

	// Slow is how long a unit takes that is worth a line; 0 means 500 ms, and
	// less than 0 that none is.
	Slow time.Duration
}

// defaultSlow is far above what a unit takes on a healthy database and well
// below what callers put up with.
const defaultSlow = 500 * time.Millisecond

// Unit implements [assign.Ledger].
func (l *Ledger) Unit(ctx context.Context, claim assign.Claim, ask func() assign.Need, decide func(assign.State) assign.Changes) (assign.Trace, error) {
	began := time.Now()
	var (
		calls   int // 0 if the unit failed before it was asked for them
		settles bool
	)
	asked := func() assign.Need {
		need := ask()
		calls, settles = need.Calls, need.Event != 0
		return need
	}
	trace, err := l.Next.Unit(ctx, claim, asked, decide)
	took := time.Since(began)
	l.Metrics.unit(trace, calls, settles, err)

	slow := l.Slow
	if slow == 0 {
		slow = defaultSlow
	}
	if slow > 0 && took >= slow {
		l.logSlow(ctx, claim.Pool, trace, calls, took, err)
	} else if errors.Is(err, assign.ErrOutcomeUnknown) || errors.Is(err, assign.ErrUnavailable) {
		l.Log.WarnContext(ctx, "unit failed, its calls are tried again", slog.String("pool", string(claim.Pool)), slog.Int("calls", calls), slog.Any("err", err))
	}
	return trace, err
}

// PoolOf implements [assign.Ledger].
func (l *Ledger) PoolOf(ctx context.Context, assignment string) (assign.PoolID, error) {
	return l.Next.PoolOf(ctx, assignment)
}

// PoolOfNumber implements [assign.Ledger].
func (l *Ledger) PoolOfNumber(ctx context.Context, n assign.Number) (assign.PoolID, error) {
	return l.Next.PoolOfNumber(ctx, n)
}

// unit counts a unit. Steps that it did not reach are not timed.
func (m *Metrics) unit(t assign.Trace, calls int, settles bool, err error) {
	m.units.WithLabelValues(outcomeOf(err)).Inc()
	if calls > 0 {
		m.unitCalls.Observe(float64(calls))
	}
	for _, s := range stepsOf(t) {
		if s.took > 0 && s.name != stepLock {
			m.steps.WithLabelValues(s.name).Observe(s.took.Seconds())
		}
	}
	if t.Lock > 0 {
		m.lockWait.Observe(t.Lock.Seconds())
	}
	if held := t.Held(); held > 0 {
		m.lockHold.Observe(held.Seconds())
	}
	if t.Unreleased {
		m.releaseFailures.Inc()
	}
	if settles {
		m.retries.Inc()
	}
}

// A step is a part of a unit.
type step struct {
	name string
	took time.Duration
}

const stepLock = "lock"

func stepsOf(t assign.Trace) [5]step {
	return [...]step{
		{"connection", t.Connect},
		{stepLock, t.Lock},
		{"read", t.Read},
		{"decide", t.Decide},
		{"write", t.Write},
	}
}

// logSlow says of a slow unit which step was. Its context is the unit's, which
// may be over.
func (l *Ledger) logSlow(ctx context.Context, pool assign.PoolID, t assign.Trace, calls int, took time.Duration, err error) {
	steps := stepsOf(t)
	slowest := steps[0]
	attrs := []slog.Attr{
		slog.String("pool", string(pool)),
		slog.Int("calls", calls),
		slog.String("outcome", outcomeOf(err)),
		slog.Float64("took_ms", milliseconds(took)),
	}
	for _, s := range steps {
		if s.took > slowest.took {
			slowest = s
		}
		attrs = append(attrs, slog.Float64(s.name+"_ms", milliseconds(s.took)))
	}
	attrs = append(attrs, slog.String("slowest", slowest.name), slog.Int64("seq", t.Seq))
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	l.Log.LogAttrs(ctx, slog.LevelWarn, "slow unit", attrs...)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
