package assign

import "errors"

// A Request asks a pool for a planner.
type Request struct {
	Pool     PoolID
	Key      string // idempotency key; empty: one is made up
	Customer string
	Wish     Wish // empty means [NumberPreferred]
}

// An Assigned is the answer to a [Request].
type Assigned struct {
	Assignment

	// Replayed means that the key had been used before, for the same request,
	// and that this is the answer it got then.
	Replayed bool
}

// assigning is the call of one [Request].
type assigning struct {
	Request
	id          string // of the assignment, if one is made
	fingerprint Fingerprint

	answer Assigned
	err    error
}

func newAssigning(r Request, id string) *assigning {
	if r.Wish == "" {
		r.Wish = NumberPreferred
	}
	if r.Key == "" {
		r.Key = id
	}
	return &assigning{Request: r, id: id, fingerprint: fingerprint(r.Customer, r.Wish)}
}

func (c *assigning) alone() bool { return false }

// unknown tells the key, since it is what settles the outcome.
func (c *assigning) unknown() error { return &UnknownError{Key: c.Key} }

func (c *assigning) fail(err error) {
	if errors.Is(err, ErrOutcomeUnknown) {
		err = c.unknown()
	}
	c.err = err
}

func (c *assigning) settled(s State) bool {
	_, ok := s.Keyed[c.Key]
	return ok || !s.Found
}

// size counts the parts that a caller chooses; 300 covers the rest of the
// assignment, its planner and its number, as the write spells them out.
func (c *assigning) size() int { return 300 + len(c.Key) + len(c.Customer) }

func (c *assigning) need(n *Need) {
	n.Picks++
	n.Keys = append(n.Keys, c.Key)
	if c.Wish != NumberNone {
		n.FreeNumbers++
	}
}

// decide looks the key up before anything else: what was answered once is
// answered the same whatever has become of the pool.
func (c *assigning) decide(d *draft) {
	c.answer, c.err = Assigned{}, nil
	earlier, known := d.state.Keyed[c.Key]
	if a, ok := d.made[c.Key]; ok {
		earlier, known = a, true
	}
	if a, ok := d.released[earlier.ID]; ok {
		earlier = a
	}
	switch {
	case !d.state.Found:
		c.err = ErrPoolNotFound
	case known && earlier.Fingerprint != c.fingerprint:
		c.err = ErrKeyReused
	case known:
		// Our own id means that a former attempt at this very call was
		// committed although its answer was lost.
		c.answer = Assigned{earlier, earlier.ID != c.id}
	default:
		c.answer.Assignment, c.err = c.pick(d)
	}
}

func (c *assigning) pick(d *draft) (Assignment, error) {
	s := d.first()
	if s == nil {
		return Assignment{}, ErrNoPlanner
	}
	a := Assignment{
		ID:          c.id,
		Pool:        d.Pool.ID,
		Customer:    c.Customer,
		Key:         c.Key,
		Wish:        c.Wish,
		Fingerprint: c.fingerprint,
		State:       AssignmentActive,
		AssignedAt:  d.now,
	}
	if c.Wish != NumberNone {
		n, ok := d.takeNumber()
		if !ok && c.Wish == NumberRequired {
			return Assignment{}, ErrNoNumber
		}
		if ok {
			a.Number = n.Number
			d.giveNumber(n, a.ID)
		}
	}
	a.Seq = d.step()
	a.Planner, a.PlannerName = s.ID, s.Name
	d.assignTo(s, a.Seq)
	d.Assignments = append(d.Assignments, a)
	d.made[a.Key] = a
	return a, nil
}

// assignTo counts the assignment at seq for s, the first in the order. Nobody
// active can rank before the rank it had.
func (d *draft) assignTo(s *seat, seq int64) {
	d.Pool.PickFrom = s.Rank()
	s.Assigned++
	s.Open++
	s.LastSeq, s.LastAt = seq, d.now
	d.moved(s)
	d.Pool.Assigned++
	d.Pool.Open++
}

// giveNumber puts n, just taken from the free ones, into assignment id.
func (d *draft) giveNumber(n NumberRecord, id string) {
	d.Pool.FreeFrom = n.Rank()
	d.Pool.NumbersActive++
	n.State, n.Assignment = NumberActive, id
	d.numbers[n.Number] = n
}
