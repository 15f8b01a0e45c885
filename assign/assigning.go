package assign

import "errors"

// A Request asks a pool for a planner.
type Request struct {
	Pool     PoolID
	Key      string // idempotency key; empty: one is made up
	Customer string
	Wish     Wish // empty means [NumberByPool]

	// CustomerPhone is the customer's real phone, for those who are to call
	// back; it has no part in the decision.
	CustomerPhone GivenPhone
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
		r.Wish = NumberByPool
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
func (c *assigning) size() int {
	return 300 + len(c.Key) + len(c.Customer) + 2*len(c.CustomerPhone.Box)
}

func (c *assigning) need(n *Need) {
	n.Picks++
	n.Keys = append(n.Keys, c.Key)
	if c.Wish == NumberNone {
		return
	}
	n.FreeNumbers++
	if n.expiring {
		n.Expiring++
	}
	if n.sticky && c.Customer != "" {
		n.Earlier = append(n.Earlier, customerMark(c.Customer))
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
	if n, ok := d.numbers[earlier.Number]; ok && n.holds(earlier) {
		earlier.ExpiresAt = n.ExpiresAt // a call may have come in on it
	}
	switch {
	case !d.state.Found:
		c.err = ErrPoolNotFound
	case known:
		c.answer, c.err = c.repeat(d, earlier)
	case c.CustomerPhone.NoKey:
		c.err = ErrNoPhoneKey
	default:
		c.answer.Assignment, c.err = c.pick(d)
	}
}

// repeat answers a request whose key is that of an earlier assignment.
func (c *assigning) repeat(d *draft, earlier Assignment) (Assigned, error) {
	if earlier.Fingerprint != c.fingerprint {
		return Assigned{}, ErrKeyReused
	}
	switch same, err := c.CustomerPhone.Is(earlier.CustomerPhone); {
	case err != nil:
		return Assigned{}, err
	case !same:
		return Assigned{}, ErrKeyReused
	}
	// Our own id means that a former attempt at this very call was committed
	// although its answer was lost.
	return Assigned{earlier.At(d.now), earlier.ID != c.id}, nil
}

func (c *assigning) pick(d *draft) (Assignment, error) {
	s := d.first()
	if s == nil {
		return Assignment{}, ErrNoPlanner
	}
	a := Assignment{
		ID:            c.id,
		Pool:          d.Pool.ID,
		Customer:      c.Customer,
		Key:           c.Key,
		Wish:          c.Wish,
		Fingerprint:   c.fingerprint,
		State:         AssignmentActive,
		AssignedAt:    d.now,
		CustomerPhone: c.CustomerPhone.Phone,
	}
	if c.Wish != NumberNone {
		n, ok := d.numberFor(c.Customer, s.ID)
		if !ok && d.Pool.Settings.needs(c.Wish) {
			return Assignment{}, d.noNumber()
		}
		if ok {
			a.Number = n.Number
			a.ExpiresAt = d.giveNumber(n, a.ID)
		}
	}
	a.Seq = d.step()
	a.Planner, a.PlannerName = s.ID, s.Name
	d.assignTo(s, a.Seq)
	d.Assignments = append(d.Assignments, a)
	d.made[a.Key] = a
	return a, nil
}

// needs reports whether a request with this wish cannot do without a number.
func (s Settings) needs(w Wish) bool {
	return w == NumberRequired || w == NumberByPool && s.NumberOrFail
}

// assignTo gives the first in the order, or somebody behind, the turn at seq.
func (d *draft) assignTo(s *seat, seq int64) {
	if s == d.first() {
		d.Pool.PickFrom = s.Rank() // nobody active can rank before it
	}
	s.Assigned++
	s.Open++
	s.LastSeq, s.LastAt = seq, d.now
	d.moved(s)
	d.Pool.Assigned++
	d.Pool.Open++
}
