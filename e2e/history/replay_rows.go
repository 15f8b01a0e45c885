package history

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/api/client"
)

// compare holds the rows that say how things stand against what the log led
// to.
func (r *replay) compare() {
	r.compareSettings()
	r.comparePool()
	r.comparePlanners()
	r.compareNumbers()
	for i := range r.Assignments {
		r.compareState(&r.Assignments[i])
	}
}

func (r *replay) compareSettings() {
	kept := settings{r.Row.CooldownSeconds, r.Row.NumberTTLSeconds, string(r.Row.NumberTTLFrom), r.Row.Sticky, r.Row.OnExhausted}.full()
	if kept != r.settings {
		r.wrong("the pool's settings are kept as %+v, the log says %+v", kept, r.settings)
	}
}

// counts are those of a pool's row, but for how many of the free numbers rest,
// which changes with the time of day.
type counts struct {
	planners, active, assigned, open           int64
	numbers, given, draining, suspended, aside int64
	freeAndResting                             int64
	spread                                     int64
}

func (r *replay) comparePool() {
	n := r.Row.Numbers
	kept := counts{
		planners: r.Row.Planners, active: r.Row.ActivePlanners, assigned: r.Row.Assigned, open: r.Row.Open,
		numbers: n.Total, given: n.Active, draining: n.Draining, suspended: n.Suspended, aside: n.SetAside,
		freeAndResting: n.Free + n.Cooling, spread: r.Row.Spread,
	}
	want := r.counts()
	if over := want.given - kept.given; over > 0 && over <= int64(r.expiring.Len()) {
		kept.given, kept.freeAndResting = kept.given+over, kept.freeAndResting-over // what has ended by itself may be counted as such
	}
	if kept != want {
		r.wrong("the pool's row says %+v, its log %+v", kept, want)
	}
	if len(r.log) > 0 && !r.Row.UpdatedAt.Equal(r.log[len(r.log)-1].at) {
		r.wrong("the pool's row is of %v, its log of %v", r.Row.UpdatedAt, r.log[len(r.log)-1].at)
	}
}

func (r *replay) counts() counts {
	c := counts{planners: int64(len(r.planners)), open: int64(len(r.live)), numbers: int64(len(r.numbers))}
	for _, n := range r.numbers {
		switch n.state {
		case client.NumberStateActive:
			c.given++
		case client.NumberStateDraining:
			c.draining++
		case client.NumberStateSuspended:
			c.suspended++
		case client.NumberStateSetAside:
			c.aside++
		default:
			c.freeAndResting++
		}
	}
	most := int64(0)
	for _, p := range r.planners {
		c.assigned += int64(len(p.taken))
		if p.Active {
			c.active++
			most = max(most, p.load())
		}
	}
	if _, least, any := r.turns.first(); any {
		c.spread = most - least.load
	}
	return c
}

func (r *replay) comparePlanners() {
	seen := map[string]bool{}
	for _, kept := range r.Planners {
		seen[kept.ID] = true
		p := r.planners[kept.ID]
		if p == nil {
			r.wrong("planner %s is listed, and not in the log", kept.ID)
			continue
		}
		if want := p.row(); !samePlanner(kept, want) {
			r.wrong("planner %s is kept as %s, the log says %s", p.id, plannerText(kept), plannerText(want))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.planners)) {
		if !seen[id] {
			r.wrong("planner %s is in the log, and not listed", id)
		}
	}
}

// row is how the planner should be listed, but for the phone, which no event
// tells.
func (p *planner) row() client.Planner {
	row := client.Planner{ID: p.id, Name: p.Name, Active: p.Active, Assigned: int64(len(p.taken)), Open: p.open, Load: p.load()}
	if last := p.last(); last.seq > 0 {
		row.LastAssignedAt = &last.at
	}
	return row
}

func samePlanner(a, b client.Planner) bool {
	at := same(a.LastAssignedAt, b.LastAssignedAt)
	a.LastAssignedAt, b.LastAssignedAt, a.Phone, b.Phone = nil, nil, nil, nil
	return at && a == b
}

func plannerText(p client.Planner) string {
	last := "never"
	if p.LastAssignedAt != nil {
		last = p.LastAssignedAt.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%q active %v assigned %d open %d load %d last %s", p.Name, p.Active, p.Assigned, p.Open, p.Load, last)
}

func (r *replay) compareNumbers() {
	seen := map[string]bool{}
	for _, kept := range r.Numbers {
		seen[kept.Number] = true
		n := r.numbers[kept.Number]
		switch {
		case n == nil:
			r.wrong("number %s is listed, and not in the log", kept.Number)
		case !n.is(kept) && !n.isOver(kept):
			r.wrong("number %s is kept as %s of %q from %s, expires %s, used %s, released %s; the log says %v", kept.Number,
				kept.State, text(kept.Assignment), timeText(kept.FreeAt), timeText(kept.ExpiresAt), timeText(kept.UsedAt), timeText(kept.ReleasedAt), n)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(r.numbers)) {
		if !seen[n] {
			r.wrong("number %s is in the log, and not listed", n)
		}
	}
}

// is reports whether the number is listed as it should be. Whether one that is
// free still rests depends on when it was read.
func (n *number) is(kept client.Number) bool {
	if text(kept.Assignment) != n.holder || !same(kept.ExpiresAt, n.expires) || !same(kept.UsedAt, n.used) || !same(kept.ReleasedAt, n.released) {
		return n.state == client.NumberStateSetAside && kept.State == n.state
	}
	if n.state == client.NumberStateFree {
		return (kept.State == client.NumberStateFree || kept.State == client.NumberStateCooling) && same(kept.FreeAt, &n.freeAt)
	}
	return kept.State == n.state && kept.FreeAt == nil
}

// isOver reports whether the number is listed as one may be whose assignment
// has ended by itself, which is not in the log yet. From when it is free the
// settings will say that the pool has then.
func (n *number) isOver(kept client.Number) bool {
	if n.expires == nil || kept.Assignment != nil || kept.ExpiresAt != nil || !same(kept.ReleasedAt, n.expires) {
		return false
	}
	if n.state == client.NumberStateActive {
		return kept.State == client.NumberStateFree || kept.State == client.NumberStateCooling
	}
	return kept.State == n.state
}

// compareState holds what has become of an assignment against the log. One
// whose time is over may be listed as ended before the log says so.
func (r *replay) compareState(a *client.Assignment) {
	l := r.lives[a.ID]
	if l == nil {
		return // another has its id, which is told elsewhere
	}
	over := l.expires != nil && a.State == client.AssignmentStateReleased && same(a.ReleasedAt, l.expires)
	if !over && (a.State != l.state || !same(a.ReleasedAt, l.ended)) || !same(a.VoidedAt, l.voided) {
		r.wrong("seq %d is kept as %s at %s, void since %s, the log says %s at %s, void since %s",
			a.Seq, a.State, timeText(a.ReleasedAt), timeText(a.VoidedAt), l.state, timeText(l.ended), timeText(l.voided))
	}
	if now := holderOf(a); now != l.holder {
		r.wrong("seq %d is kept as with %v, the log says with %v", a.Seq, now, l.holder)
	}
}

// holderOf is who has the assignment now.
func holderOf(a *client.Assignment) client.AssignedPlanner {
	if a.ReassignedTo != nil {
		return *a.ReassignedTo
	}
	return a.Planner
}
