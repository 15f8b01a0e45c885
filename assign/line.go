package assign

import (
	"container/list"
	"context"
	"time"
)

// A unit holds at most so many calls and about so many bytes: the time to roll
// it back is the time in which a killed holder frees its pool.
const (
	maxUnitCalls = 512
	maxUnitBytes = 256 << 10
)

// A phase is how far an entry has come. It only goes forward, unless the entry
// is put back in line.
type phase int

const (
	waiting phase = iota // nothing has happened
	taken                // a unit decides it; the outcome belongs to the unit
	gone                 // its caller has left
)

// An entry is a call in line. Its fields are guarded by the Combiner's mutex,
// but for done.
type entry struct {
	call
	deadline time.Time
	phase    phase
	place    *list.Element // in the line, nil when it is not

	// done is closed when the call has its answer.
	done chan struct{}
}

// A line is the calls that wait for one pool, first in, first out. At most one
// unit of it runs. Its fields are guarded by the Combiner's mutex.
type line struct {
	pool    PoolID
	entries list.List // of *entry
	queued  bool      // running, or queued to run
	crowded bool      // the latest unit had more than one call

	// stuck is set while the pool's lock could not be had, until it can.
	stuck bool

	// typical is a moving average of how long a good unit takes, and spread of
	// how far from that they are.
	typical, spread time.Duration
}

func (l *line) add(e *entry) { e.place = l.entries.PushBack(e) }

func (l *line) remove(e *entry) {
	if e.place != nil {
		l.entries.Remove(e.place)
		e.place = nil
	}
}

// putBack makes entries, in their order, the first in line again.
func (l *line) putBack(entries []*entry) {
	for i := len(entries) - 1; i >= 0; i-- {
		entries[i].place = l.entries.PushFront(entries[i])
	}
}

// take takes the next unit's entries out of the line: as many as fit, in
// order, a call that wants to be alone alone. Those whose deadline is nearer
// than a unit takes come back as hopeless.
func (l *line) take(now time.Time) (unit, hopeless []*entry) {
	for size := 0; len(unit) < maxUnitCalls; {
		front := l.entries.Front()
		if front == nil {
			break
		}
		e := front.Value.(*entry)
		if e.deadline.Sub(now) < l.ample() {
			l.remove(e)
			hopeless = append(hopeless, e)
			continue
		}
		size += e.size()
		if len(unit) > 0 && (e.alone() || size > maxUnitBytes) {
			break
		}
		l.remove(e)
		unit = append(unit, e)
		if e.alone() {
			break
		}
	}
	if len(unit) == 0 {
		// Or a slow spell would be remembered for ever.
		l.typical -= l.typical / 8
		l.spread -= l.spread / 8
	}
	return unit, hopeless
}

// took notes that a good unit took d.
func (l *line) took(d time.Duration) {
	l.spread += ((d - l.typical).Abs() - l.spread) / 4
	l.typical += (d - l.typical) / 4
}

// ample is what hardly any unit takes longer than, as TCP estimates it for
// round trips. A call that a unit has taken can no longer be refused: if its
// deadline passes now, nobody can tell it what became of it.
func (l *line) ample() time.Duration { return l.typical + 4*l.spread }

// deadlineOf is ctx's deadline, at most limit from now.
func deadlineOf(ctx context.Context, now time.Time, limit time.Duration) time.Time {
	last := now.Add(limit)
	if d, ok := ctx.Deadline(); ok && d.Before(last) {
		return d
	}
	return last
}
