package history

import "fairlead/api/client"

// What people and the telephone switch do to numbers.

// care applies that a number was taken out of use, or brought back.
func (r *replay) care(e *entry, c *numberChanged) {
	n := r.numbers[c.Number]
	switch {
	case n == nil:
		r.wrong("seq %d changes number %s, which the pool has not", e.seq, c.Number)
		return
	case c.Was != n.state:
		r.wrong("seq %d changes number %s from %s, which was %v", e.seq, c.Number, c.Was, n)
	case c.State == n.state:
		r.wrong("seq %d changes nothing of number %s", e.seq, c.Number)
	case !c.allowed(n):
		r.wrong("seq %d makes number %s %s, which was %v", e.seq, c.Number, c.State, n)
	}
	if n.state == client.NumberStateSetAside {
		n.holder, n.freeAt = "", e.at.Add(r.settings.rest())
	}
	n.state = c.State
	r.place(n)
	if free := n.state == client.NumberStateFree; free && !same(c.FreeAt, &n.freeAt) || !free && c.FreeAt != nil {
		r.wrong("seq %d says that number %s is free from %s, which is %v", e.seq, c.Number, timeText(c.FreeAt), n)
	}
}

// allowed reports whether a number may become so. Back in use it is active if
// an assignment has it, else free; set aside it can only come back.
func (c *numberChanged) allowed(n *number) bool {
	switch c.State {
	case client.NumberStateDraining, client.NumberStateSuspended:
		return n.state != client.NumberStateSetAside
	case client.NumberStateActive:
		return n.holder != "" && n.state != client.NumberStateSetAside
	case client.NumberStateFree:
		return n.holder == "" || n.state == client.NumberStateSetAside
	}
	return false
}

// touch applies a call on a number, which can only come in while the number
// leads somewhere.
func (r *replay) touch(e *entry, c *numberTouched) {
	n := r.numbers[c.Number]
	if n == nil || n.holder == "" || n.holder != c.Assignment {
		r.wrong("seq %d is a call on number %s for %s, which is %v", e.seq, c.Number, c.Assignment, n)
		return
	}
	l := r.live[n.holder]
	r.notExpired(e, l)
	if n.state != client.NumberStateActive && n.state != client.NumberStateDraining {
		r.wrong("seq %d is a call on number %s, which is %v and leads nowhere", e.seq, c.Number, n)
	}
	n.used = &e.at
	n.expires = r.settings.afterUse(n.expires, e.at)
	l.expires = n.expires
	r.place(n)
	if !same(c.ExpiresAt, n.expires) {
		r.wrong("seq %d lets the time of number %s end at %s, and that is %s", e.seq, c.Number, timeText(c.ExpiresAt), timeText(n.expires))
	}
}
