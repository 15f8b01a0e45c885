package assign

import "time"

// What becomes of assignments while a unit is decided.

// held is an assignment that was read, as the draft has it by now.
func (d *draft) held(id string) (Held, bool) {
	h, ok := d.state.Assignments[id]
	if a, over := d.released[id]; over {
		h.Assignment = a
	}
	return h, ok
}

// end ends a live assignment at a time, and says so as events do. It is still
// the planner's turn: no load changes.
func (d *draft) end(h Held, at time.Time) Ended {
	a := h.Assignment
	e := Ended{ID: a.ID, Seq: a.Seq}
	if n, ok := d.freeNumber(a, h.Number, at); ok {
		e.Number, e.FreeAt = &n.Number, &n.FreeAt
	}
	a.State, a.ReleasedAt, a.ExpiresAt = AssignmentReleased, at, time.Time{}
	d.released[a.ID] = a

	s := d.planners[a.Holder()]
	s.Open--
	d.moved(s)
	d.Pool.Open--
	return e
}

// expire ends those of the assignments that have ended by themselves.
func (d *draft) expire(held []Held, eventID string) {
	var data Expired
	for _, h := range held {
		_, over := d.released[h.Assignment.ID]
		n := d.current(h.Number)
		if over || h.Assignment.State != AssignmentActive || !n.holds(h.Assignment) || !n.Expired(d.now) {
			continue
		}
		at := n.ExpiresAt
		data.Assignments = append(data.Assignments, ExpiredOne{d.end(h, at), at})
	}
	if data.Assignments != nil {
		d.event(EventExpired, eventID, "", data)
	}
}

// whole reports whether all planners are there who had a turn of the assignment
// that was read with them. Without one, whom only a hand in the tables can have
// removed, there is no load to take a turn from.
func (d *draft) whole() bool {
	for _, t := range d.state.Turns.Turns {
		if d.planners[t.Planner] == nil {
			return false
		}
	}
	return true
}

// giveBack takes a turn from the load of the planner who had it, whose latest
// turn is then an earlier one: of another assignment, or of those in rest.
func (d *draft) giveBack(t Turn, rest []Turn) TurnBack {
	last := d.lastWithout(t, rest)
	s := d.planners[t.Planner]
	s.Assigned--
	s.LastSeq, s.LastAt = last.Seq, last.At
	d.moved(s)
	d.Pool.Assigned--
	if s.Active {
		d.Pool.PickFrom = least(d.Pool.PickFrom, s.Rank())
	}
	back := TurnBack{Planner: t.Planner, Turn: t.Seq, LastSeq: last.Seq}
	if last.Seq != 0 {
		back.LastAt = &last.At
	}
	return back
}

// lastWithout is the latest turn that counts of the planner who has turn t, but
// for t: of another assignment, or of those in rest.
func (d *draft) lastWithout(t Turn, rest []Turn) Turn {
	last := d.state.Turns.Others[t.Planner]
	for _, r := range rest {
		if r.Counts && r.Planner == t.Planner && r.Seq > last.Seq {
			last = r
		}
	}
	return last
}
