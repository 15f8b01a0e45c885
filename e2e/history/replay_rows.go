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
	r.comparePool()
	r.comparePlanners()
	r.compareNumbers()
	for i := range r.Assignments {
		r.compareState(&r.Assignments[i])
	}
}

// counts are those of a pool's row, but for how many of the free numbers rest,
// which changes with the time of day.
type counts struct {
	planners, active, assigned, open      int64
	numbers, given, aside, freeAndResting int64
	cooldown, spread                      int64
}

func (r *replay) comparePool() {
	n := r.Row.Numbers
	kept := counts{
		planners: r.Row.Planners, active: r.Row.ActivePlanners, assigned: r.Row.Assigned, open: r.Row.Open,
		numbers: n.Total, given: n.Active, aside: n.SetAside, freeAndResting: n.Free + n.Cooling,
		cooldown: r.Row.CooldownSeconds, spread: r.Row.Spread,
	}
	if want := r.counts(); kept != want {
		r.wrong("the pool's row says %+v, its log %+v", kept, want)
	}
	if len(r.log) > 0 && !r.Row.UpdatedAt.Equal(r.log[len(r.log)-1].at) {
		r.wrong("the pool's row is of %v, its log of %v", r.Row.UpdatedAt, r.log[len(r.log)-1].at)
	}
}

func (r *replay) counts() counts {
	c := counts{
		planners: int64(len(r.planners)), assigned: int64(len(r.Assignments)), open: int64(len(r.live)),
		numbers: int64(len(r.numbers)), cooldown: int64(r.cooldown / time.Second),
	}
	for _, n := range r.numbers {
		switch {
		case n.aside:
			c.aside++
		case n.holder != "":
			c.given++
		default:
			c.freeAndResting++
		}
	}
	most := int64(0)
	for _, p := range r.planners {
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

// row is how the planner should be listed.
func (p *planner) row() client.Planner {
	row := client.Planner{ID: p.id, Name: p.Name, Active: p.Active, Assigned: p.assigned, Open: p.open, Load: p.load()}
	if p.lastSeq > 0 {
		row.LastAssignedAt = &p.lastAt
	}
	return row
}

func samePlanner(a, b client.Planner) bool {
	at := same(a.LastAssignedAt, b.LastAssignedAt)
	a.LastAssignedAt, b.LastAssignedAt = nil, nil
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
		case !n.is(kept):
			r.wrong("number %s is kept as %s of %q, free from %v, the log says %v", kept.Number, kept.State, text(kept.Assignment), kept.FreeAt, n)
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
	switch {
	case n.aside:
		return kept.State == client.NumberStateSetAside
	case n.holder != "":
		return kept.State == client.NumberStateActive && text(kept.Assignment) == n.holder && kept.FreeAt == nil
	}
	resting := kept.State == client.NumberStateFree || kept.State == client.NumberStateCooling
	return resting && kept.Assignment == nil && same(kept.FreeAt, &n.freeAt)
}

func (r *replay) compareState(a *client.Assignment) {
	state, at := client.AssignmentStateActive, (*time.Time)(nil)
	if ended, ok := r.ended[a.ID]; ok {
		state, at = client.AssignmentStateReleased, &ended
	}
	if a.State != state || !same(a.ReleasedAt, at) {
		r.wrong("seq %d is kept as %s at %v, the log says %s at %v", a.Seq, a.State, a.ReleasedAt, state, at)
	}
}
