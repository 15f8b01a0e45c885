package load

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// lateAfter is from when on a call of an open loop counts as late.
const lateAfter = 10 * time.Millisecond

// A pacer says when calls begin. Times are since the run began.
type pacer struct {
	now            func() int64
	rate           Rate // 0: closed loop
	warm           int64
	end            int64 // of the measured time; far away if calls are counted
	count          int64 // of measured calls; 0: until end
	stop           <-chan struct{}
	tickets, begun atomic.Int64
	stopped        atomic.Int64 // when the first worker found no more to do
}

func newPacer(ctx context.Context, o *Options, now func() int64) *pacer {
	p := &pacer{now: now, rate: o.Rate, warm: int64(o.WarmUp), end: int64(o.WarmUp + o.For), count: o.Count, stop: ctx.Done()}
	if p.count > 0 {
		p.end = math.MaxInt64
	}
	return p
}

// next waits until another call may begin. due is when it should have, or -1
// in a closed loop. Before it waits for long it calls idle.
func (p *pacer) next(idle func()) (due int64, more bool) {
	due, more = -1, false
	select {
	case <-p.stop:
	default:
		if p.rate > 0 {
			due, more = p.nextDue(idle)
		} else {
			more = p.nextFree()
		}
	}
	if more {
		p.begun.Add(1)
	} else {
		p.stopped.CompareAndSwap(0, p.now())
	}
	return due, more
}

// nextFree is for the closed loop, where a free worker may call until time is
// up or enough calls were measured.
func (p *pacer) nextFree() bool {
	now := p.now()
	if p.count > 0 && now >= p.warm {
		return p.tickets.Add(1) <= p.count
	}
	return now < p.end
}

// nextDue is for the open loop, whose times are fixed in advance. What is too
// late to begin at all is left out at the end, and counted.
func (p *pacer) nextDue(idle func()) (due int64, more bool) {
	n := p.tickets.Add(1) - 1
	due = int64(p.rate.due(n))
	if due >= p.end || p.count > 0 && n >= p.count+p.scheduled(p.warm) {
		return due, false
	}
	wait := due - p.now()
	if wait > 5e6 {
		idle()
	}
	if wait > 0 {
		timer := time.NewTimer(time.Duration(wait))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.stop:
			return due, false
		}
	}
	now := p.now()
	return due, now < p.end || now-due < int64(lateAfter)
}

// cutPause is how long a client of a closed loop waits after its connection was
// cut. A dead service would be called ten thousands of times a second without it.
const cutPause = 50 * time.Millisecond

func (p *pacer) pause() {
	timer := time.NewTimer(cutPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.stop:
	}
}

// scheduled is how many calls of an open loop should begin before a time.
func (p *pacer) scheduled(before int64) int64 {
	return int64(math.Ceil(time.Duration(before).Seconds() * float64(p.rate)))
}

// neverBegun is how many calls of an open loop should have begun and did not.
func (p *pacer) neverBegun() int64 {
	if p.rate == 0 {
		return 0
	}
	wanted := p.scheduled(min(p.stopped.Load(), p.end))
	if p.count > 0 {
		wanted = min(wanted, p.count+p.scheduled(p.warm))
	}
	return max(0, wanted-p.begun.Load())
}
