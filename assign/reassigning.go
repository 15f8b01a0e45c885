package assign

import (
	"crypto/sha256"
	"errors"
	"slices"
)

// A ReassignReason says why an assignment goes to somebody else, and with that
// whether the planner who had it gets the turn back.
type ReassignReason string

const (
	// The planner lost the work through no doing of theirs: the turn is given
	// back.
	ReassignMistake  ReassignReason = "mistake"
	ReassignCustomer ReassignReason = "customer"

	// The planner had the turn and did not take it: it counts. Else the next
	// request would be theirs again.
	ReassignUnavailable ReassignReason = "unavailable"
	ReassignDeclined    ReassignReason = "declined"
)

// ParseReassignReason accepts the four reasons, one of which must be given.
// Anything else is an [InvalidError] for field.
func ParseReassignReason(field, s string) (ReassignReason, error) {
	switch v := ReassignReason(s); v {
	case ReassignMistake, ReassignCustomer, ReassignUnavailable, ReassignDeclined:
		return v, nil
	}
	return "", invalid(field, `must be "mistake" or "customer" (the planner's turn is given back), "unavailable" or "declined" (it counts)`)
}

// givesBack reports whether the planner who had the assignment gets the turn
// back.
func (r ReassignReason) givesBack() bool { return r == ReassignMistake || r == ReassignCustomer }

// A Reassignment gives a live assignment to the planner whose turn it is now.
// The number stays, and leads to that planner.
type Reassignment struct {
	ID     string
	Reason ReassignReason // required
	Note   string         // for people; may be empty

	// Key makes a repeated call answer the same; empty: one is made up.
	Key string

	// OrCurrent lets the planner who has it keep it, if the turn that is given
	// back makes that planner the next. Nothing changes then.
	OrCurrent bool

	Actor string
}

// reassigning is the call of one [Reassignment].
type reassigning struct {
	Reassignment
	eventID     string
	fingerprint Fingerprint

	answer Assigned
	err    error
}

func newReassigning(r Reassignment, id string) *reassigning {
	if r.Key == "" {
		r.Key = id
	}
	return &reassigning{Reassignment: r, eventID: id, fingerprint: r.fingerprint()}
}

// fingerprint tells whether two calls with the same key ask for the same.
func (r Reassignment) fingerprint() Fingerprint {
	return sha256.Sum256(encode(struct {
		Reason    ReassignReason `json:"reason"`
		Note      string         `json:"note"`
		OrCurrent bool           `json:"or_current"`
	}{r.Reason, r.Note, r.OrCurrent}))
}

func (c *reassigning) alone() bool          { return true }
func (c *reassigning) settled(s State) bool { return s.EventID == c.eventID }
func (c *reassigning) size() int            { return 0 }

// unknown tells the key, since it is what settles the outcome.
func (c *reassigning) unknown() error { return &UnknownError{Key: c.Key} }

func (c *reassigning) fail(err error) {
	if errors.Is(err, ErrOutcomeUnknown) {
		err = c.unknown()
	}
	c.err = err
}

// need asks for two planners: the first may be the one who has it.
func (c *reassigning) need(n *Need) {
	n.Picks = 2
	n.Assignments = append(n.Assignments, c.ID)
	n.Turns = c.ID
}

func (c *reassigning) decide(d *draft) {
	c.answer, c.err = Assigned{}, nil
	h, ok := d.held(c.ID)
	if !ok {
		c.err = ErrAssignmentNotFound
		return
	}
	if !d.whole() {
		c.err = errPlannerGone
		return
	}
	if turn, ok := c.repeated(d.state.Turns.Turns); ok {
		if c.answer = (Assigned{h.Assignment.At(d.now), true}); turn.Fingerprint != c.fingerprint {
			c.answer, c.err = Assigned{}, ErrKeyReused
		}
		return
	}
	d.expire([]Held{h}, c.eventID)
	h, _ = d.held(c.ID)
	if h.Assignment.State != AssignmentActive {
		c.err = ErrAssignmentOver
		return
	}
	c.answer.Assignment, c.err = c.pass(d, h.Assignment)
}

// repeated is the turn that was given by a call with this key, if there is one.
func (c *reassigning) repeated(turns []Turn) (Turn, bool) {
	i := slices.IndexFunc(turns, func(t Turn) bool { return t.Key == c.Key })
	if i < 0 {
		return Turn{}, false
	}
	return turns[i], true
}

// pass gives a to the planner who is next.
func (c *reassigning) pass(d *draft, a Assignment) (Assignment, error) {
	from := d.planners[a.Holder()]
	to := d.firstBut(from)
	turn, rest := d.lastTurn(from.ID)
	back := c.Reason.givesBack() && turn.Counts
	switch {
	case c.OrCurrent && from.Active && (to == nil || d.rankWithout(from, turn, rest, back).Compare(to.Rank()) < 0):
		return a, nil
	case to == nil && from.Active:
		return Assignment{}, ErrNobodyElse
	case to == nil:
		return Assignment{}, ErrNoPlanner
	}
	data := Reassigned{ID: a.ID, Seq: a.Seq, From: from.ID, To: to.ID, ToName: to.Name, Exclude: !c.OrCurrent,
		TurnsBack: []TurnBack{}, Reason: string(c.Reason), Note: c.Note}
	seq := d.Pool.Seq + 1 // the event's
	if back {
		data.TurnsBack = append(data.TurnsBack, d.giveBack(turn, rest))
		a.TurnBack = a.TurnBack || turn.Seq == a.Seq
		if turn.Seq != a.Seq {
			turn.Counts = false
			d.Turns = append(d.Turns, turn)
		}
	}
	from.Open--
	d.moved(from)
	d.Pool.Open--
	d.assignTo(to, seq)
	d.Turns = append(d.Turns, Turn{Assignment: a.Seq, Seq: seq, Planner: to.ID, At: d.now, Counts: true, Key: c.Key, Fingerprint: c.fingerprint})
	a.ReassignedTo, a.ReassignedToName = to.ID, to.Name
	d.amended[a.ID] = a
	d.event(EventReassigned, c.eventID, c.Actor, data)
	return a, nil
}

// firstBut is the planner whom the rule picks next if one is left out, or nil.
func (d *draft) firstBut(out *seat) (first *seat) {
	for _, s := range d.order {
		if s != out && (first == nil || s.Rank().Compare(first.Rank()) < 0) {
			first = s
		}
	}
	return first
}

// lastTurn is the turn by which a planner has the assignment now, and the
// others of that assignment.
func (d *draft) lastTurn(p PlannerID) (turn Turn, rest []Turn) {
	for _, t := range d.state.Turns.Turns {
		if t.Planner == p {
			turn = t
		}
	}
	for _, t := range d.state.Turns.Turns {
		if t.Seq != turn.Seq {
			rest = append(rest, t)
		}
	}
	return turn, rest
}

// rankWithout is the rank that s would have, were the turn given back.
func (d *draft) rankWithout(s *seat, turn Turn, rest []Turn, back bool) Rank {
	if !back {
		return s.Rank()
	}
	p := s.Planner
	p.Assigned--
	p.LastSeq = d.lastWithout(turn, rest).Seq
	return p.Rank()
}
