package assign

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// A call is one thing that somebody asked of a pool. It carries its own
// answer, which stands once the unit that decided it is committed.
type call interface {
	// need adds what the call must see to n.
	need(n *Need)

	// decide makes the call's changes to d and keeps its answer. It may run
	// more than once, each time from a newer state; the last one counts.
	decide(d *draft)

	// settled reports whether the state shows that a former attempt at this
	// call was committed, or that there is nothing to commit.
	settled(s State) bool

	// fail makes err the call's answer.
	fail(err error)

	// unknown is the error for a caller who leaves while the call is decided.
	// It may be asked for at any time.
	unknown() error

	// alone reports whether the call wants a unit of its own, because it
	// changes who comes next.
	alone() bool

	// size is about how many bytes the call adds to what a unit writes.
	size() int
}

// decide is what happens in a unit: the calls, one after the other, on the
// state that was read. It has no other input and no effect but its result and
// the calls' answers.
//
// If the state holds numbers that two places disagree about, those are set
// aside first and no call is decided: the unit must run once more. eventID is
// for the event that says so.
func decide(state State, pool PoolID, calls []call, eventID string) (c Changes, again bool) {
	d := newDraft(state, pool)
	if d.setAside(eventID, state.FreeNumbers, state.Earlier) {
		return d.result(), true
	}
	d.expire(state.Expiring, eventID)
	for _, c := range calls {
		c.decide(d)
	}
	return d.result(), false
}

// A draft is a pool's state while a unit is being decided.
type draft struct {
	Changes
	state State
	now   time.Time

	planners map[PlannerID]*seat
	order    seats // active planners, first picked on top
	free     freeNumbers
	numbers  map[Number]NumberRecord // changed
	released map[string]Assignment   // ended, by id
	amended  map[string]Assignment   // changed in another way, by id
	made     map[string]Assignment   // new, by key
	earlier  map[Pair][]NumberRecord // free ones, by who had them last
}

func newDraft(state State, pool PoolID) *draft {
	d := &draft{
		state:    state,
		now:      latest(state.Now, state.Pool.LastAt),
		planners: make(map[PlannerID]*seat, len(state.Picks)),
		numbers:  map[Number]NumberRecord{},
		released: map[string]Assignment{},
		amended:  map[string]Assignment{},
		made:     map[string]Assignment{},
		earlier:  map[Pair][]NumberRecord{},
	}
	d.Pool, d.From = state.Pool, state.Pool.Seq
	if !state.Found {
		d.Pool = Pool{ID: pool}
	}
	for _, p := range state.Picks {
		d.seat(p)
	}
	for _, p := range state.Planners {
		d.seat(p).phone = state.Phones[p.ID]
	}
	for _, p := range state.Turns.Planners {
		d.seat(p)
	}
	for _, h := range state.Assignments {
		d.seat(h.Planner)
	}
	for _, h := range slices.Concat(state.Expiring, state.Live) {
		d.seat(h.Planner)
	}
	for _, n := range state.FreeNumbers {
		if n.HeldBy == "" {
			d.free = append(d.free, n.NumberRecord)
		}
	}
	heap.Init(&d.free)
	for _, n := range state.Earlier {
		d.earlier[n.Earlier] = append(d.earlier[n.Earlier], n.NumberRecord)
	}
	return d
}

// seat returns p's place in the draft, and makes one if it has none.
func (d *draft) seat(p Planner) *seat {
	if s, ok := d.planners[p.ID]; ok {
		return s
	}
	s := &seat{Planner: p, index: -1}
	d.planners[p.ID] = s
	if p.Active {
		heap.Push(&d.order, s)
	}
	return s
}

// first is the planner whom the rule picks next, or nil.
func (d *draft) first() *seat {
	if len(d.order) == 0 {
		return nil
	}
	return d.order[0]
}

// moved puts s where it belongs after its planner changed.
func (d *draft) moved(s *seat) {
	s.changed = true
	switch in := s.index >= 0; {
	case in && s.Active:
		heap.Fix(&d.order, s.index)
	case in:
		heap.Remove(&d.order, s.index)
	case s.Active:
		heap.Push(&d.order, s)
	}
}

// step advances the pool by one position in its log and returns it.
func (d *draft) step() int64 {
	d.Pool.Seq++
	d.Pool.LastAt = d.now
	return d.Pool.Seq
}

// event adds an event to the log.
func (d *draft) event(kind EventKind, id, actor string, data any) {
	d.Events = append(d.Events, Event{
		Pool:  d.Pool.ID,
		Seq:   d.step(),
		ID:    id,
		Kind:  kind,
		At:    d.now,
		Actor: actor,
		Data:  encode(data),
	})
}

// result is what the draft changes. Rows come in the order of their keys, so
// that two units never wait for each other's rows crosswise.
func (d *draft) result() Changes {
	for _, s := range d.planners {
		switch {
		case s.changed && s.added:
			d.NewPlanners = append(d.NewPlanners, s.Planner)
		case s.changed:
			d.Planners = append(d.Planners, s.Planner)
		}
		if s.rephoned {
			d.Phones = append(d.Phones, OwnedPhone{s.ID, s.phone})
		}
	}
	d.Numbers = d.sortedNumbers()
	for id, a := range d.released {
		if _, ok := d.amended[id]; !ok {
			d.Released = append(d.Released, a)
		}
	}
	for _, a := range d.amended {
		d.Amended = append(d.Amended, a)
	}
	slices.SortFunc(d.Planners, func(a, b Planner) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.NewPlanners, func(a, b Planner) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Phones, func(a, b OwnedPhone) int { return cmp.Compare(a.Planner, b.Planner) })
	slices.SortFunc(d.Released, func(a, b Assignment) int { return cmp.Compare(a.Seq, b.Seq) })
	return d.Changes
}
