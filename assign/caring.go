package assign

import "time"

// A CareTo is what is to become of a number.
type CareTo string

const (
	CareSuspend CareTo = "suspend" // no new use, and calls on it lead nowhere
	CareDrain   CareTo = "drain"   // no new use; the present one goes on
	CareResume  CareTo = "resume"  // back in use; also for one that was set aside
)

// A Care takes a number out of use or brings it back. It ends no assignment.
type Care struct {
	Number Number
	To     CareTo
	Reason string // for people; may be empty
	Actor  string
}

// caring is the call of one [Care].
type caring struct {
	Care
	eventID string

	answer NumberView
	err    error
}

func (c *caring) alone() bool          { return true }
func (c *caring) fail(err error)       { c.err = err }
func (c *caring) unknown() error       { return ErrOutcomeUnknown }
func (c *caring) settled(s State) bool { return s.EventID == c.eventID }
func (c *caring) need(n *Need)         { n.Numbers = append(n.Numbers, c.Number) }
func (c *caring) size() int            { return 400 + len(c.Reason) }

// decide changes nothing if the number is what it is to be.
func (c *caring) decide(d *draft) {
	c.answer, c.err = NumberView{}, nil
	n, ok := d.state.Numbers[c.Number]
	if !ok || n.Pool != d.Pool.ID {
		c.err = ErrNumberNotFound
		return
	}
	was := n.NumberRecord
	next := c.next(n)
	if next == NumberAside {
		c.err = ErrNumberAside
		return
	}
	if n.State == next {
		c.answer = was.View(d.now, d.Pool.Settings.Cooldown)
		return
	}
	data := NumberChanged{Number: n.Number, State: next, Was: was.State, Reason: c.Reason}
	if was.State == NumberAside {
		// Nobody has it, or it could not come back; who had it last is not known.
		n.Assignment, n.ExpiresAt, n.Earlier = "", time.Time{}, Pair{}
		n.FreeAt = d.now.Add(d.Pool.Settings.Cooldown)
	}
	n.State = next
	if next == NumberFree {
		freeAt := n.FreeAt
		data.FreeAt = &freeAt
		d.Pool.FreeFrom = least(d.Pool.FreeFrom, n.Rank())
	}
	d.put(was, n.NumberRecord)
	d.event(EventNumberChanged, c.eventID, c.Actor, data)
	c.answer = n.NumberRecord.View(d.now, d.Pool.Settings.Cooldown)
}

// next is the state that the number is to have. It stays set aside if its
// records still disagree, or if it is to be anything but back in use.
func (c *caring) next(n SeenNumber) NumberState {
	switch aside := n.State == NumberAside; {
	case aside && (c.To != CareResume || n.HeldBy != ""):
		return NumberAside
	case c.To == CareSuspend:
		return NumberSuspended
	case c.To == CareDrain:
		return NumberDraining
	case n.Assignment != "" && !aside:
		return NumberActive
	}
	return NumberFree
}
