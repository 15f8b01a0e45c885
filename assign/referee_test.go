package assign

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/google/go-cmp/cmp"
)

// A referee goes through a pool's log from its first entry, and lets a model
// do what each entry says that was asked for. The model must come to the same.
type referee struct {
	*model
	keys map[int64]string // of reassignments, by seq
}

// referee checks each decision in a pool's log, and that the log alone leads to
// the state that the pool is in.
func (l *memLedger) referee(id PoolID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	pool := l.pools[id]
	r := &referee{model: newModel(id), keys: map[int64]string{}}
	for _, t := range pool.Turns {
		r.keys[t.Seq] = t.Key
	}
	assignments, events := pool.Assignments, pool.Events
	for seq := int64(1); seq <= pool.Pool.Seq; seq++ {
		var err error
		switch {
		case len(assignments) > 0 && assignments[0].Seq == seq:
			err = r.assignment(assignments[0])
			assignments = assignments[1:]
		case len(events) > 0 && events[0].Seq == seq:
			err = r.event(events[0])
			events = events[1:]
		default:
			err = fmt.Errorf("neither assignment nor event")
		}
		if err != nil {
			return fmt.Errorf("pool %s, seq %d: %w", id, seq, err)
		}
	}
	if len(assignments)+len(events) > 0 {
		return fmt.Errorf("pool %s: entries past seq %d: %+v %+v", id, pool.Pool.Seq, assignments, events)
	}
	return l.same(pool, r.model)
}

// same compares what is kept with what it must be.
func (l *memLedger) same(p *memPool, m *model) error {
	kept, told := p.Pool, m.row()
	kept.PickFrom, kept.FreeFrom = Rank{}, FreeRank{}
	if p.Pool.NumbersAside > 0 || told.NumbersAside > 0 {
		kept.NumbersExpiring, told.NumbersExpiring = 0, 0 // what a hand has made of it, nobody knows
	}
	if diff := cmp.Diff(told, kept); diff != "" {
		return fmt.Errorf("pool %s (-must be +is):\n%s", m.id, diff)
	}
	if diff := cmp.Diff(m.planners(), p.Planners); diff != "" {
		return fmt.Errorf("planners of %s (-must be +are):\n%s", m.id, diff)
	}
	var assignments []Assignment
	for _, a := range m.assignments {
		assignments = append(assignments, *a)
	}
	if diff := cmp.Diff(assignments, p.Assignments); diff != "" {
		return fmt.Errorf("assignments of %s (-must be +are):\n%s", m.id, diff)
	}
	numbers := maps.Clone(l.numbers)
	maps.DeleteFunc(numbers, func(_ Number, n NumberRecord) bool { return n.Pool != m.id })
	if diff := cmp.Diff(trusted(m.records()), trusted(numbers)); diff != "" {
		return fmt.Errorf("numbers of %s (-must be +are):\n%s", m.id, diff)
	}
	return nil
}

// trusted leaves of numbers what has a meaning.
func trusted(numbers map[Number]NumberRecord) map[Number]NumberRecord {
	rows := map[Number]NumberRecord{}
	for k, n := range numbers {
		if n.Assignment != "" {
			n.FreeAt = n.ReleasedAt
		}
		if n.State == NumberAside {
			n = NumberRecord{Number: n.Number, Pool: n.Pool, State: n.State} // a hand was there
		}
		rows[k] = n
	}
	return rows
}

// assignment lets the model decide a request, and takes over what became of
// the assignment's request later: nothing.
func (r *referee) assignment(a Assignment) error {
	if a.AssignedAt.Before(r.at) {
		return fmt.Errorf("at %v, after %v", a.AssignedAt, r.at)
	}
	got, err := r.assign(a.AssignedAt, Request{Customer: a.Customer, Key: a.Key, Wish: a.Wish, CustomerPhone: GivenPhone{Phone: a.CustomerPhone}}, a.ID)
	if err != nil {
		return fmt.Errorf("%w for %+v", err, a)
	}
	want := a
	want.State, want.ReleasedAt, want.VoidedAt, want.TurnBack = AssignmentActive, got.ReleasedAt, got.VoidedAt, false
	want.ReassignedTo, want.ReassignedToName = "", ""
	if *got != want {
		return fmt.Errorf("the rule gives %+v, assigned was %+v", *got, want)
	}
	return nil
}

func (r *referee) event(e Event) error {
	if e.At.Before(r.at) {
		return fmt.Errorf("at %v, after %v", e.At, r.at)
	}
	before := len(r.log)
	var err error
	switch e.Kind {
	case EventPool:
		err = told(e, func(d PoolChanged) error { r.settle(e.At, d.settings()); return nil })
	case EventPlanners:
		err = told(e, func(d PlannersChanged) error { return r.staffed(e, d) })
	case EventNumbersAdded:
		err = told(e, func(d NumbersAdded) error { _, err := r.stock(e.At, d.Numbers); return err })
	case EventNumbersSetAside:
		err = told(e, func(d NumbersSetAside) error { return r.aside(e, d) })
	case EventNumberChanged:
		err = told(e, func(d NumberChanged) error { return r.cared(e, d) })
	case EventNumberTouched:
		err = told(e, func(d NumberTouched) error { return r.touched(e, d) })
	case EventReleased:
		err = told(e, func(d Released) error {
			return r.ends(d.ID, func(a *Assignment) error { r.release(e.At, a, d.Reason); return nil })
		})
	case EventReleasedMany:
		err = told(e, func(d ReleasedMany) error { return r.endsMany(e, d) })
	case EventExpired:
		err = told(e, func(d Expired) error { return r.expired(e, d) })
	case EventVoided:
		err = told(e, func(d Voided) error {
			return r.ends(d.ID, func(a *Assignment) error { r.void(e.At, a, VoidReason(d.Reason), d.Note); return nil })
		})
	case EventReassigned:
		err = told(e, func(d Reassigned) error { return r.passed(e, d) })
	default:
		err = fmt.Errorf("event of kind %q", e.Kind)
	}
	if err != nil {
		return err
	}
	if len(r.log) != before+1 {
		return fmt.Errorf("event %s %s: makes %d entries", e.Kind, e.Data, len(r.log)-before)
	}
	want := r.log[before]
	if string(encode(want.Data)) != string(e.Data) || want.Kind != e.Kind {
		return fmt.Errorf("it says %s %s, and must say %s %s", e.Kind, e.Data, want.Kind, encode(want.Data))
	}
	return nil
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

func (r *referee) ends(id string, do func(*Assignment) error) error {
	a := r.model.assignment(id)
	if a == nil || a.State == AssignmentVoid {
		return fmt.Errorf("no such assignment before, or it is void: %+v", a)
	}
	return do(a)
}

func (r *referee) endsMany(e Event, d ReleasedMany) error {
	var live []*Assignment
	for _, one := range d.Assignments {
		if err := r.ends(one.ID, func(a *Assignment) error { live = append(live, a); return nil }); err != nil {
			return err
		}
	}
	r.releaseMany(e.At, live, d.Reason)
	return nil
}

func (r *referee) expired(e Event, d Expired) error {
	var due []*Assignment
	for _, one := range d.Assignments {
		err := r.ends(one.ID, func(a *Assignment) error {
			if !r.over(a, e.At) {
				return fmt.Errorf("%s is not over", a.ID)
			}
			due = append(due, a)
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.expire(e.At, due...)
	return nil
}

func (r *referee) passed(e Event, d Reassigned) error {
	return r.ends(d.ID, func(a *Assignment) error {
		return r.reassign(e.At, a, Reassignment{ID: d.ID, Reason: ReassignReason(d.Reason), Note: d.Note, OrCurrent: !d.Exclude, Key: r.keys[e.Seq]})
	})
}

func (r *referee) cared(e Event, d NumberChanged) error {
	to, n := CareResume, r.numbers[d.Number]
	switch d.State {
	case NumberSuspended:
		to = CareSuspend
	case NumberDraining:
		to = CareDrain
	}
	if n == nil {
		return fmt.Errorf("no such number")
	}
	return r.care(e.At, n, to, d.Reason)
}

func (r *referee) touched(e Event, d NumberTouched) error {
	if n := r.numbers[d.Number]; n == nil || !r.touch(e.At, n) {
		return fmt.Errorf("leads nowhere: %+v", n)
	}
	return nil
}

// aside believes that a hand has been there.
func (r *referee) aside(e Event, d NumbersSetAside) error {
	var numbers []Number
	for _, n := range d.Numbers {
		r.numbers[n.Number].State = n.Was
		numbers = append(numbers, n.Number)
	}
	r.setAside(e.At, numbers...)
	return nil
}

// staffed cannot know which start was asked for: there are two.
func (r *referee) staffed(e Event, d PlannersChanged) error {
	var changes []PlannerChange
	probe := &referee{model: r.clone()}
	for _, c := range d.Planners {
		change := PlannerChange{ID: c.ID, Name: &c.Name, Active: &c.Active, Start: StartZero}
		if c.PhoneChanged {
			phone := GivenPhone{}
			if c.Phone {
				nth := fmt.Sprintf("%d of %d", len(changes), e.Seq)
				phone = GivenPhone{Phone: Phone{Key: "k", Box: nth, Mark: nth}}
			}
			change.Phone = &phone
		}
		if p := probe.staff[c.ID]; p == nil && c.Base != 0 || p != nil && c.Base != p.Base {
			change.Start = StartLevel
		}
		probe.change(e.At, []PlannerChange{change})
		changes = append(changes, change)
	}
	r.change(e.At, changes)
	return nil
}

// clone returns a model whose planners can be changed.
func (m *model) clone() *model {
	c := *m
	c.staff = map[PlannerID]*modelPlanner{}
	for id, p := range m.staff {
		planner := *p
		c.staff[id] = &planner
	}
	return &c
}
