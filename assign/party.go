package assign

import (
	"context"
	"time"
)

// A party is the entries that share a unit. Where calls come one by one, it is
// chosen ahead of the unit, whose lock and reading are then one round trip.
// Where they come together it is chosen when the unit has the lock: those who
// come meanwhile are in it too, be it that they were answered by the unit
// before, or that another instance had the pool. A unit is the cheaper the
// more calls share it. Where enough for a whole unit wait already, nobody else
// could join, and the round trip is spared.
type party struct {
	*Combiner
	line    *line
	chosen  bool
	entries []*entry
}

// unit runs the party's unit. It outlives every caller but not the last
// deadline.
func (p *party) unit(stuck bool) error {
	p.mu.Lock()
	late := p.line.crowded && !stuck && p.line.entries.Len() < maxUnitCalls
	p.mu.Unlock()
	last := time.Now().Add(MaxWait)
	if !late {
		if len(p.calls()) == 0 {
			return nil
		}
		last = p.lastDeadline()
	}
	ctx, cancel := context.WithDeadline(context.Background(), last)
	defer cancel()
	claim := Claim{Pool: p.line.pool, Wait: p.wait(stuck), AskLate: late}
	return p.service.unit(ctx, claim, p.calls, p.wanted, false)
}

// calls chooses the party, the first time, and returns its calls.
func (p *party) calls() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.chosen {
		p.chosen = true
		p.entries = p.takeFrom(p.line)
	}
	calls := make([]call, len(p.entries))
	for i, e := range p.entries {
		calls[i] = e
	}
	return calls
}

func (p *party) lastDeadline() (last time.Time) {
	for _, e := range p.entries {
		last = latest(last, e.deadline)
	}
	return last
}
