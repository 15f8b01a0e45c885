package assign

import "container/heap"

// A Release ends an assignment: the work is over.
type Release struct {
	ID     string
	Reason string // for people; may be empty
	Actor  string // who asks for it
}

// releasing is the call of one [Release].
type releasing struct {
	Release
	eventID string

	answer Assignment
	err    error
}

func (c *releasing) alone() bool    { return false }
func (c *releasing) fail(err error) { c.err = err }
func (c *releasing) unknown() error { return ErrOutcomeUnknown }
func (c *releasing) need(n *Need)   { n.Assignments = append(n.Assignments, c.ID) }

func (c *releasing) settled(s State) bool {
	return s.Assignments[c.ID].Assignment.State != AssignmentActive
}

// size covers the event, the assignment's row, its planner and its number.
func (c *releasing) size() int { return 400 + len(c.Reason) }

// decide answers a second release like the first.
func (c *releasing) decide(d *draft) {
	c.answer, c.err = Assignment{}, nil
	held, ok := d.state.Assignments[c.ID]
	if !ok {
		c.err = ErrAssignmentNotFound
		return
	}
	a := held.Assignment
	if again, ok := d.released[c.ID]; ok {
		a = again
	}
	if a.State == AssignmentActive {
		a = c.release(d, a, held.Number)
	}
	c.answer = a
}

func (c *releasing) release(d *draft, a Assignment, n NumberRecord) Assignment {
	a.State, a.ReleasedAt = AssignmentReleased, d.now
	data := Released{ID: a.ID, Seq: a.Seq, Reason: c.Reason}
	if d.freeNumber(a, n) {
		freeAt := d.numbers[n.Number].FreeAt
		data.Number, data.FreeAt = &n.Number, &freeAt
	}
	d.event(EventReleased, c.eventID, c.Actor, data)
	d.released[a.ID] = a

	s := d.planners[a.Planner]
	s.Open--
	d.moved(s)
	d.Pool.Open--
	return a
}

// freeNumber gives back the number of an assignment that ends, to rest for the
// pool's cool-down. It reports false if there is none, or if the number's own
// record says that the assignment does not hold it; such a number stays out of
// use, for people to look at.
func (d *draft) freeNumber(a Assignment, n NumberRecord) bool {
	if a.Number == "" || n.Number != a.Number || n.Pool != a.Pool || n.State != NumberActive || n.Assignment != a.ID {
		return false
	}
	n.State, n.Assignment = NumberFree, ""
	n.FreeAt = d.now.Add(d.Pool.Settings.Cooldown)
	d.numbers[n.Number] = n
	d.Pool.NumbersActive--
	d.Pool.FreeFrom = least(d.Pool.FreeFrom, n.Rank())
	heap.Push(&d.free, n)
	return true
}
