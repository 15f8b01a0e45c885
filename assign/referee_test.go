package assign

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A referee goes through a pool's log from its first entry. It knows the rule
// in its plainest form, keeps all planners and numbers in sight, and has seen
// nothing of the code that decided.
type referee struct {
	pool     *memPool
	cooldown time.Duration
	planners map[PlannerID]Planner
	numbers  map[Number]NumberRecord
	released map[int64]time.Time // of assignments, by seq
}

// referee checks each decision in a pool's log, and that the log alone leads to
// the state that the pool is in.
func (l *memLedger) referee(id PoolID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &referee{
		pool:     l.pools[id],
		planners: map[PlannerID]Planner{},
		numbers:  map[Number]NumberRecord{},
		released: map[int64]time.Time{},
	}
	assignments, events := r.pool.Assignments, r.pool.Events
	var last time.Time
	for seq := int64(1); seq <= r.pool.Pool.Seq; seq++ {
		var at time.Time
		var err error
		switch {
		case len(assignments) > 0 && assignments[0].Seq == seq:
			at, err = assignments[0].AssignedAt, r.assignment(assignments[0])
			assignments = assignments[1:]
		case len(events) > 0 && events[0].Seq == seq:
			at, err = events[0].At, r.event(events[0])
			events = events[1:]
		default:
			err = fmt.Errorf("neither assignment nor event")
		}
		if err == nil && at.Before(last) {
			err = fmt.Errorf("at %v, after %v", at, last)
		}
		if err != nil {
			return fmt.Errorf("pool %s, seq %d: %w", id, seq, err)
		}
		last = at
	}
	if len(assignments)+len(events) > 0 {
		return fmt.Errorf("pool %s: entries past seq %d: %+v %+v", id, r.pool.Pool.Seq, assignments, events)
	}
	if diff := cmp.Diff(r.pool.Planners, r.planners); diff != "" {
		return fmt.Errorf("pool %s: planners as kept and as told by the log (-kept +told):\n%s", id, diff)
	}
	kept := maps.Clone(l.numbers)
	maps.DeleteFunc(kept, func(_ Number, n NumberRecord) bool { return n.Pool != id })
	for _, numbers := range []map[Number]NumberRecord{kept, r.numbers} {
		for k, n := range numbers {
			switch n.State {
			case NumberActive:
				n.FreeAt = time.Time{} // has no meaning
			case NumberAside:
				n = NumberRecord{Number: n.Number, Pool: n.Pool, State: n.State} // what it says is not to be trusted
			}
			numbers[k] = n
		}
	}
	if diff := cmp.Diff(kept, r.numbers); diff != "" {
		return fmt.Errorf("pool %s: numbers as kept and as told by the log (-kept +told):\n%s", id, diff)
	}
	if got := r.pool.Pool.Settings.Cooldown; got != r.cooldown {
		return fmt.Errorf("pool %s: cooldown is %v, the log says %v", id, got, r.cooldown)
	}
	return nil
}

func (r *referee) assignment(a Assignment) error {
	var next *Planner
	for _, p := range r.planners {
		if p.Active && (next == nil || precedes(p, *next)) {
			next = &p
		}
	}
	if next == nil || next.ID != a.Planner || next.Name != a.PlannerName {
		return fmt.Errorf("the rule gives %+v, assigned was %+v", next, a)
	}
	next.Assigned++
	next.Open++
	next.LastSeq, next.LastAt = a.Seq, a.AssignedAt
	r.planners[next.ID] = *next

	number := Number("")
	for _, n := range r.numbers {
		if n.State == NumberFree && !n.FreeAt.After(a.AssignedAt) &&
			(number == "" || n.FreeAt.Before(r.numbers[number].FreeAt) ||
				n.FreeAt.Equal(r.numbers[number].FreeAt) && n.Number < number) {
			number = n.Number
		}
	}
	if a.Wish == NumberNone {
		number = ""
	}
	if a.Number != number {
		return fmt.Errorf("the number that is free for longest is %q, not that of %+v", number, a)
	}
	if number == "" && a.Wish == NumberRequired {
		return fmt.Errorf("no number for %+v", a)
	}
	if number != "" {
		n := r.numbers[number]
		n.State, n.Assignment = NumberActive, a.ID
		r.numbers[number] = n
	}
	return nil
}

// precedes is the rule, once more.
func precedes(a, b Planner) bool {
	if x, y := a.Assigned+a.Base, b.Assigned+b.Base; x != y {
		return x < y
	}
	if a.LastSeq != b.LastSeq {
		return a.LastSeq < b.LastSeq
	}
	return a.ID < b.ID
}

func (r *referee) event(e Event) error {
	switch e.Kind {
	case EventPool:
		return told(e, r.settings)
	case EventPlanners:
		return told(e, r.staffed)
	case EventNumbersAdded:
		return told(e, func(data NumbersAdded) error {
			for _, n := range data.Numbers {
				if _, there := r.numbers[n]; there {
					return fmt.Errorf("%s was there", n)
				}
				r.numbers[n] = NumberRecord{Number: n, Pool: e.Pool, State: NumberFree, FreeAt: e.At}
			}
			return nil
		})
	case EventNumbersSetAside:
		return told(e, func(data NumbersSetAside) error {
			for _, n := range data.Numbers {
				row := r.numbers[n.Number]
				row.State = NumberAside
				r.numbers[n.Number] = row
			}
			return nil
		})
	case EventReleased:
		return told(e, func(data Released) error { return r.release(e, data) })
	}
	return fmt.Errorf("event of kind %q", e.Kind)
}

func told[T any](e Event, apply func(T) error) error {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return fmt.Errorf("event %s: %w", e.Data, err)
	}
	if err := apply(data); err != nil {
		return fmt.Errorf("event %s: %w", e.Data, err)
	}
	return nil
}

func (r *referee) settings(data PoolChanged) error {
	was := SettingsData{int64(r.cooldown / time.Second)}
	if data.Was != nil && *data.Was != was {
		return fmt.Errorf("was %+v", was)
	}
	r.cooldown = time.Duration(data.CooldownSeconds) * time.Second
	return nil
}

func (r *referee) staffed(data PlannersChanged) error {
	for _, c := range data.Planners {
		p, there := r.planners[c.ID]
		was := PlannerData{p.Name, p.Active, p.Base}
		if there != (c.Was != nil) || there && *c.Was != was {
			return fmt.Errorf("planner %s was there: %t, as %+v", c.ID, there, was)
		}
		if raised := c.Base - p.Base; raised < 0 || raised > 0 && raised != r.lacks(p) {
			return fmt.Errorf("planner %s is raised by %d, to be level takes %d", c.ID, raised, r.lacks(p))
		}
		p.ID, p.Name, p.Active, p.Base = c.ID, c.Name, c.Active, c.Base
		r.planners[c.ID] = p
	}
	return nil
}

// lacks is the load that p, who joins, lacks to be level with the others.
func (r *referee) lacks(p Planner) int64 {
	var loads []int64
	for _, o := range r.planners {
		if o.Active && o.ID != p.ID {
			loads = append(loads, o.Assigned+o.Base)
		}
	}
	if loads == nil {
		return 0
	}
	return max(0, slices.Min(loads)-p.Assigned-p.Base)
}

func (r *referee) release(e Event, data Released) error {
	i, ok := r.pool.IDs[data.ID]
	if !ok || r.pool.Assignments[i].Seq != data.Seq || data.Seq >= e.Seq {
		return fmt.Errorf("no such assignment before")
	}
	a := r.pool.Assignments[i]
	if !r.released[a.Seq].IsZero() || a.State != AssignmentReleased || !a.ReleasedAt.Equal(e.At) {
		return fmt.Errorf("released %v, and is %+v", r.released[a.Seq], a)
	}
	r.released[a.Seq] = e.At
	p := r.planners[a.Planner]
	p.Open--
	r.planners[p.ID] = p
	if data.Number == nil {
		if n := r.numbers[a.Number]; a.Number != "" && n.State != NumberAside {
			return fmt.Errorf("number is kept back: %+v", n)
		}
		return nil
	}
	n := r.numbers[*data.Number]
	if n.State != NumberActive || n.Assignment != a.ID || *data.Number != a.Number {
		return fmt.Errorf("gives back %+v", n)
	}
	if want := e.At.Add(r.cooldown); data.FreeAt == nil || !data.FreeAt.Equal(want) {
		return fmt.Errorf("free at %v, want %v", data.FreeAt, want)
	}
	n.State, n.Assignment, n.FreeAt = NumberFree, "", *data.FreeAt
	r.numbers[n.Number] = n
	return nil
}
