package assign

// A VoidReason says why an assignment is to be as if it had not been.
type VoidReason string

const (
	VoidMistake VoidReason = "mistake" // it should not have been made; the default
	VoidNoShow  VoidReason = "no_show" // the customer never came
)

// ParseVoidReason accepts "mistake", "no_show", and "" for the default.
// Anything else is an [InvalidError] for field.
func ParseVoidReason(field, s string) (VoidReason, error) {
	switch v := VoidReason(s); v {
	case "":
		return VoidMistake, nil
	case VoidMistake, VoidNoShow:
		return v, nil
	}
	return "", invalid(field, `must be "mistake" or "no_show"`)
}

// A Void makes an assignment as if it had not been: it ends, if it has not
// ended, and every turn that it still counts for is given back. Its number
// rests all the same, since somebody may have been told it.
type Void struct {
	ID     string
	Reason VoidReason // empty means [VoidMistake]
	Note   string     // for people; may be empty
	Actor  string
}

// voiding is the call of one [Void].
type voiding struct {
	Void
	eventID string

	answer Assignment
	err    error
}

func (c *voiding) alone() bool          { return true }
func (c *voiding) fail(err error)       { c.err = err }
func (c *voiding) unknown() error       { return ErrOutcomeUnknown }
func (c *voiding) settled(s State) bool { return s.EventID == c.eventID }
func (c *voiding) size() int            { return 0 }

func (c *voiding) need(n *Need) {
	n.Assignments = append(n.Assignments, c.ID)
	n.Turns = c.ID
}

// decide answers a second void like the first.
func (c *voiding) decide(d *draft) {
	c.answer, c.err = Assignment{}, nil
	h, ok := d.held(c.ID)
	switch {
	case !ok:
		c.err = ErrAssignmentNotFound
		return
	case h.Assignment.State == AssignmentVoid:
		c.answer = h.Assignment
		return
	case !d.whole():
		c.err = errPlannerGone
		return
	}
	d.expire([]Held{h}, c.eventID)
	h, _ = d.held(c.ID)
	data := Voided{Ended: Ended{ID: c.ID, Seq: h.Assignment.Seq}, Reason: string(c.reason()), Note: c.Note}
	if h.Assignment.State == AssignmentActive {
		data.Ended = d.end(h, d.now)
		h, _ = d.held(c.ID)
	}
	a := h.Assignment
	data.TurnsBack = d.giveAllBack()
	a.State, a.VoidedAt, a.TurnBack = AssignmentVoid, d.now, true
	d.amended[a.ID] = a
	d.event(EventVoided, c.eventID, c.Actor, data)
	c.answer = a
}

func (c *voiding) reason() VoidReason {
	if c.Reason == "" {
		return VoidMistake
	}
	return c.Reason
}

// giveAllBack gives back all turns of the assignment that was read with them.
func (d *draft) giveAllBack() []TurnBack {
	backs := []TurnBack{}
	turns := d.state.Turns.Turns
	for i, t := range turns {
		if !t.Counts {
			continue
		}
		backs = append(backs, d.giveBack(t, turns[i+1:]))
		if t.Seq != t.Assignment {
			t.Counts = false
			d.Turns = append(d.Turns, t)
		}
	}
	return backs
}
