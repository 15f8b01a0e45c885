package assign

import "time"

// A Touch says that a call came in on a number.
type Touch struct {
	Number Number
	Actor  string
}

// touching is the call of one [Touch].
type touching struct {
	Touch
	eventID string
	at      time.Time // the unit's, of the latest attempt

	answer NumberView
	err    error
}

func (c *touching) alone() bool    { return false }
func (c *touching) fail(err error) { c.err = err }
func (c *touching) unknown() error { return ErrOutcomeUnknown }
func (c *touching) need(n *Need)   { n.Numbers = append(n.Numbers, c.Number) }
func (c *touching) size() int      { return 400 }

// settled goes by the time, which no two units share that touch one number.
// Unless somebody has called since, it tells what became of the attempt.
func (c *touching) settled(s State) bool {
	return !c.at.IsZero() && s.Numbers[c.Number].UsedAt.Equal(c.at)
}

func (c *touching) decide(d *draft) {
	c.answer, c.err = NumberView{}, nil
	read, ok := d.state.Numbers[c.Number]
	if !ok || read.Pool != d.Pool.ID {
		c.err = ErrNumberNotFound
		return
	}
	was := d.current(read.NumberRecord)
	switch hidden := !c.at.IsZero() && read.UsedAt.After(c.at); {
	case c.settled(d.state):
		c.answer = was.View(d.now, d.Pool.Settings.Cooldown)
		return
	case !was.Leads(d.now) && hidden:
		c.err = ErrOutcomeUnknown
		return
	case !was.Leads(d.now):
		c.err = &NumberNotLiveError{was.LastReleased(d.now)}
		return
	}
	c.at = d.now
	n := was
	n.UsedAt = d.now
	if d.Pool.Settings.TTLFromUse {
		n.ExpiresAt = d.Pool.Settings.expiry(d.now)
	}
	d.put(was, n)
	data := NumberTouched{Number: n.Number, Assignment: n.Assignment}
	if !n.ExpiresAt.IsZero() {
		data.ExpiresAt = &n.ExpiresAt
	}
	d.event(EventNumberTouched, c.eventID, c.Actor, data)
	c.answer = n.View(d.now, d.Pool.Settings.Cooldown)
}

// Leads reports whether a call on the number at now leads to a planner.
func (n NumberRecord) Leads(now time.Time) bool {
	return n.Assignment != "" && (n.State == NumberActive || n.State == NumberDraining) && !n.Expired(now)
}

// LastReleased is when the latest assignment ended that the number was in,
// looked at from now; zero if there was none.
func (n NumberRecord) LastReleased(now time.Time) time.Time {
	if n.Expired(now) {
		return n.ExpiresAt
	}
	return n.ReleasedAt
}
