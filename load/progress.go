package load

import (
	"sync"
	"time"
)

// A Phase is a part of a run.
type Phase string

// The phases of a run, in their order.
const (
	Preparing Phase = "making pools"
	WarmingUp Phase = "warming up"
	Measuring Phase = "measuring"
	Settling  Phase = "settling"
	Replaying Phase = "replaying"
)

// Progress says how far a run has come.
type Progress struct {
	Phase Phase

	// Done of how many steps of the phase; while calls are made these are
	// calls that began if they are counted, and else milliseconds.
	Done, Of int64

	Elapsed, Total time.Duration // while calls are made; Total is 0 if they are counted

	// Of the moments before: new assignments a second, and how long they took.
	Rate         float64
	P50Ms, P99Ms float64

	Refused, Failed, Violations int64 // so far, measured
}

// A watch tells somebody who watches, by one goroutine at a time.
type watch struct {
	tell func(Progress)
	mu   sync.Mutex
	last time.Time
}

// pause is how often calls that are made are told of.
func (*watch) pause() time.Duration { return 500 * time.Millisecond }

// say tells of a phase, but not of every small step.
func (w *watch) say(p Progress) {
	if w.tell == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); p.Done == p.Of || now.Sub(w.last) >= w.pause()/2 {
		w.last = now
		w.tell(p)
	}
}

// progress is that of the time since the last.
func (r *run) progress(p *pacer, at, since int64) Progress {
	m := r.meter
	g := Progress{
		Phase: Measuring, Elapsed: time.Duration(at - p.warm), Done: (at - p.warm) / 1e6,
		Rate:  float64(m.recentAssigned) / time.Duration(since).Seconds(),
		P50Ms: millis(m.recent.ValueAtQuantile(50)), P99Ms: millis(m.recent.ValueAtQuantile(99)),
		Refused: m.refused, Failed: m.failed, Violations: r.findings.count(),
	}
	switch {
	case at < p.warm:
		g.Phase, g.Elapsed, g.Total = WarmingUp, time.Duration(at), time.Duration(p.warm)
		g.Done, g.Of = at/1e6, p.warm/1e6
	case p.count > 0:
		g.Done, g.Of = min(p.count, p.measuredTickets()), p.count
	default:
		g.Total, g.Of = time.Duration(p.end-p.warm), (p.end-p.warm)/1e6
	}
	m.recent.Reset()
	m.recentAssigned = 0
	return g
}

// measuredTickets is how many of the calls that are counted were given out.
func (p *pacer) measuredTickets() int64 {
	if p.rate > 0 {
		return max(0, p.tickets.Load()-p.scheduled(p.warm))
	}
	return p.tickets.Load()
}
