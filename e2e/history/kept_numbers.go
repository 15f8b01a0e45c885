package history

import (
	"time"

	"fairlead/api/client"
)

// judgeCared wants numbers to have been what callers were told that they had
// made of them, to have led where callers were sent, and calls on them to have
// been noted, at some position of the log at which that may have been.
func judgeCared(s *scene, v *verdict) {
	if len(s.cared) == 0 {
		return
	}
	n, places := numbersOf(s), placesOf(s)
	for _, c := range s.cared {
		first, last := places.between(c.Sent, c.Got)
		if first > last { // the order is broken, which is told elsewhere
			continue
		}
		switch {
		case c.Outcome() == Done && c.Kind == Route:
			judgeRoute(s, c, n, first, last, v)
		case c.Outcome() == Done && (c.Seen == nil || c.Seen.Number != c.Number):
			v.add(2, s.name, "a success without number %s: %s", c.Number, c.Kind)
		case c.Outcome() == Done && c.Kind == Care:
			judgeCare(s, c, n, first, last, v)
		case c.Outcome() == Done:
			judgeTouch(s, c, n, v)
		case c.Code == client.ProblemCodeNumberNotLive && n.leads.always(c.Number, true, first, last):
			v.add(2, s.name, "number %s was said to lead nowhere, and did lead on from seq %d to %d", c.Number, first, last)
		}
	}
}

// madeBy is what the care of a number makes of it. What it is back in use
// depends on whether an assignment has it.
var madeBy = map[To]client.NumberState{
	Suspend: client.NumberStateSuspended, Drain: client.NumberStateDraining, Resume: inUse,
}

// inUse is free, cooling and active in one.
const inUse client.NumberState = ""

func using(state client.NumberState) client.NumberState {
	switch state {
	case client.NumberStateFree, client.NumberStateCooling, client.NumberStateActive:
		return inUse
	}
	return state
}

func judgeCare(s *scene, c *Call, n *numberLines, first, last int64, v *verdict) {
	want := madeBy[c.To]
	if using(c.Seen.State) != want {
		v.add(2, s.name, "to %s number %s was answered with %s", c.To, c.Number, c.Seen.State)
	}
	if !n.states.was(c.Number, want, first, last) {
		v.add(2, s.name, "to %s number %s was answered, and is not in the log from seq %d to %d", c.To, c.Number, first, last)
	}
}

func judgeTouch(s *scene, c *Call, n *numberLines, v *verdict) {
	if at := c.Seen.UsedAt; at == nil || !n.touched[touchOf{c.Number, at.UnixMicro()}] {
		v.add(2, s.name, "a call on number %s at %s was answered and is lost", c.Number, timeText(at))
	}
}

// judgeRoute is about who picks up: a number must lead to the planner who has the
// assignment that it is in, and to nobody who had it once.
func judgeRoute(s *scene, c *Call, n *numberLines, first, last int64, v *verdict) {
	switch {
	case c.Goes == nil || c.Goes.Number != c.Number:
		v.add(2, s.name, "a success without number %s: %s", c.Number, c.Kind)
	case holderOf(&c.Goes.Assignment).ID != c.Goes.Planner.ID:
		v.add(6, s.name, "number %s was said to lead to %s for %s, which %s has", c.Number, c.Goes.Planner.ID, c.Goes.Assignment.ID, holderOf(&c.Goes.Assignment).ID)
	case !n.routes.was(c.Number, way{c.Goes.Assignment.ID, c.Goes.Planner.ID}, first, last):
		v.add(6, s.name, "number %s was said to lead to %s for %s, and did not from seq %d to %d", c.Number, c.Goes.Planner.ID, c.Goes.Assignment.ID, first, last)
	}
}

// A way is where a call goes: to whom, and for which assignment. Its zero value
// is nowhere.
type way struct{ assignment, planner string }

// numberLines are how a pool's numbers were along its log.
type numberLines struct {
	states  timeline[client.NumberState]
	routes  timeline[way]  // until that ends by itself
	leads   timeline[bool] // surely leads to somebody: not if that may end by itself
	touched map[touchOf]bool

	holder map[string]string // the assignment that a number is in, on the way along the log
	with   map[string]string // who has an assignment
	ttl    bool              // whether any number could end by itself so far
}

type touchOf struct {
	number string
	at     int64 // microseconds
}

func numbersOf(s *scene) *numberLines {
	n := &numberLines{
		states: timeline[client.NumberState]{}, routes: timeline[way]{}, leads: timeline[bool]{}, touched: map[touchOf]bool{},
		holder: map[string]string{}, with: map[string]string{},
	}
	for i := range s.log {
		e := &s.log[i]
		ends, _ := e.endings()
		for _, a := range ends {
			if a.Number != nil {
				n.holder[*a.Number] = ""
				n.led(*a.Number, e.seq)
			}
		}
		n.see(s, e)
	}
	return n
}

func (n *numberLines) see(s *scene, e *entry) {
	switch c := e.data.(type) {
	case *poolChanged:
		n.ttl = n.ttl || c.TTL > 0
	case *numbersAdded:
		for _, number := range c.Numbers {
			n.states.note(number, e.seq, inUse)
		}
	case *numberChanged:
		n.states.note(c.Number, e.seq, using(c.State))
		n.led(c.Number, e.seq)
	case *numberTouched:
		n.touched[touchOf{c.Number, e.at.Truncate(time.Microsecond).UnixMicro()}] = true
	case *reassigned:
		n.with[c.ID] = c.To
		if a := s.byID[c.ID]; a != nil && a.Number != nil {
			n.led(*a.Number, e.seq)
		}
	case nil:
		if a := e.given; a != nil && a.Number != nil {
			n.holder[*a.Number], n.with[a.ID] = a.ID, a.Planner.ID
			n.led(*a.Number, e.seq)
		}
	}
}

// led notes where a number leads behind a position.
func (n *numberLines) led(number string, seq int64) {
	line, to := n.states[number], way{}
	if id := n.holder[number]; id != "" && len(line) > 0 && line[len(line)-1].value != client.NumberStateSuspended {
		to = way{id, n.with[id]}
	}
	n.routes.note(number, seq, to)
	n.leads.note(number, seq, to != way{} && !n.ttl)
}
