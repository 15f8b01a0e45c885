package history

import (
	"fmt"
	"slices"
	"time"

	"fairlead/api/client"
)

// A number is one as the log has it.
type number struct {
	number string

	// state is free whether it rests or not, and active only while it is in a
	// live assignment. Draining, suspended and set aside it may be in one.
	state  client.NumberState
	holder string // id of the live assignment; empty if there is none

	freeAt   time.Time  // when it became free, or will; of meaning while there is no holder
	expires  *time.Time // when its assignment ends by itself
	used     *time.Time // when somebody last called it
	released *time.Time // when its latest assignment ended
	former   pair       // who had it last, if the pool was sticky then
}

// A pair is a customer and a planner.
type pair struct{ customer, planner string }

func (n *number) String() string {
	s := string(n.state)
	if n.holder != "" {
		s += " of " + n.holder
	} else {
		s += " from " + n.freeAt.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%s, expires %s, used %s, released %s", s, timeText(n.expires), timeText(n.used), timeText(n.released))
}

func timeText(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// A rest is a number's place in the order in which numbers are given.
type rest struct {
	until  time.Time
	number string
}

// sooner is the rule: longest free, then the number.
func (r rest) sooner(o rest) bool {
	if !r.until.Equal(o.until) {
		return r.until.Before(o.until)
	}
	return r.number < o.number
}

// place puts a number where the orders want it now.
func (r *replay) place(n *number) {
	r.free.drop(n.number)
	r.expiring.drop(n.number)
	switch {
	case n.state == client.NumberStateFree:
		r.free.put(n.number, rest{n.freeAt, n.number})
	case n.state == client.NumberStateActive && n.expires != nil:
		r.expiring.put(n.number, rest{*n.expires, n.number})
	}
}

func (r *replay) stock(e *entry, c *numbersAdded) {
	if len(c.Numbers) == 0 {
		r.wrong("seq %d adds no number", e.seq)
	}
	for _, n := range c.Numbers {
		if r.numbers[n] != nil {
			r.wrong("seq %d adds number %s, which the pool had", e.seq, n)
			continue
		}
		r.numbers[n] = &number{number: n, state: client.NumberStateFree, freeAt: e.at}
		r.place(r.numbers[n])
	}
}

// setAside is what only a hand in the tables brings about, or a number that
// was given twice.
func (r *replay) setAside(e *entry, c *numbersSetAside) {
	for _, n := range c.Numbers {
		r.wrong("seq %d takes number %s out of use", e.seq, n.Number)
		if known := r.numbers[n.Number]; known != nil {
			known.state, known.expires = client.NumberStateSetAside, nil
			r.place(known)
		}
	}
}

// number holds the number that an assignment got against the one that is due,
// and gives it.
func (r *replay) number(l *life) {
	got, due := text(l.Number), r.dueNumber(l)
	if !r.mayGet(l.Assignment, got, due) {
		r.wrong("seq %d has number %q (wish: %v, %s), and %q is due", l.Seq, got, r.wishesFor(l.Assignment), r.settings.OnExhausted, due)
	} else {
		r.notForgotten(l, got, due)
	}
	n := r.numbers[got]
	switch {
	case got == "":
		return
	case n == nil:
		r.wrong("seq %d has number %s, which the pool has not", l.Seq, got)
		return
	}
	n.state, n.holder = client.NumberStateActive, l.ID
	n.expires = r.settings.expiry(l.AssignedAt)
	l.expires = n.expires
	r.place(n)
}

// dueNumber is the number for an assignment that wants one: in a sticky pool
// the one that customer and planner gave back last, whether it rests or not,
// else the one that has been free for longest. It is empty if all are in use or
// rest.
func (r *replay) dueNumber(l *life) string {
	if n := r.formerNumber(pair{l.Customer, l.Planner.ID}); n != nil {
		return n.number
	}
	n, first, ok := r.free.first()
	if !ok || first.until.After(l.AssignedAt) {
		return ""
	}
	return n
}

// formerNumber is the number that the pair may have again, nil if there is
// none. Of two that were given back at the same time it is the smaller.
func (r *replay) formerNumber(p pair) (latest *number) {
	if r.settings.Sticky != client.StickyPrefer || p.customer == "" {
		return nil
	}
	for _, n := range r.former[p] {
		if n.state != client.NumberStateFree || n.former != p {
			continue
		}
		if latest == nil || n.released.After(*latest.released) || n.released.Equal(*latest.released) && n.number < latest.number {
			latest = n
		}
	}
	return latest
}

func (r *replay) wishesFor(a *client.Assignment) []Wish {
	if k := r.asked[a.Key]; k != nil {
		return k.wishes(a)
	}
	return nil
}

// mayGet reports whether the assignment may have got this number. Where no
// caller tells what was wished for, none is as good as the one that is due.
func (r *replay) mayGet(a *client.Assignment, got, due string) bool {
	wishes := r.wishesFor(a)
	if len(wishes) == 0 {
		return got == due || got == ""
	}
	return slices.ContainsFunc(wishes, func(w Wish) bool {
		if w == client.AssignmentRequestNumberNone {
			return got == ""
		}
		return got == due && (got != "" || !r.cannotDoWithout(w))
	})
}

// cannotDoWithout reports whether a request with this wish is refused if no
// number is free.
func (r *replay) cannotDoWithout(w Wish) bool {
	return w == client.AssignmentRequestNumberRequired || w == "" && r.settings.OnExhausted == client.OnExhaustedFail
}

// notForgotten wants an assignment that takes part in the order of free numbers
// not to have been given another than one that has been free by itself for
// longer, or none.
func (r *replay) notForgotten(l *life, got, due string) {
	over, at, any := r.expiring.first()
	until := at.until.Add(r.settings.rest())
	switch {
	case !any, until.After(l.AssignedAt), r.passed.Equal(l.AssignedAt):
		return
	case got == "":
		if w := r.wishesFor(l.Assignment); len(w) == 0 || slices.Contains(w, client.AssignmentRequestNumberNone) {
			return
		}
	case got != due || r.formerNumber(pair{l.Customer, l.Planner.ID}) != nil:
		return
	case !(rest{until, over}).sooner(rest{r.numbers[got].freeAt, got}):
		return
	}
	r.wrong("seq %d of %v has number %q, and %s has come back by itself at %v and rested", l.Seq, l.AssignedAt, got, over, at.until)
}

// outOfUse reports whether the number does not come back when its assignment
// ends. A unit that writes down an end by itself looks for no more of them than
// it has requests, and so may miss one that does.
func (r *replay) outOfUse(name string) bool {
	n := r.numbers[name]
	return n != nil && n.state != client.NumberStateActive
}

// takeBack lets the number of an assignment that ended at a time rest for the
// cool-down. One that is out of use stays so.
func (r *replay) takeBack(e *entry, l *life, c ended, at time.Time) {
	got, n := text(l.Number), r.numbers[text(l.Number)]
	if n == nil || n.state == client.NumberStateSetAside || n.holder != l.ID {
		if c.Number != nil || c.FreeAt != nil {
			r.wrong("seq %d gives back number %s, and seq %d held %q", e.seq, text(c.Number), l.Seq, got)
		}
		return
	}
	n.holder, n.expires, n.released = "", nil, &at
	n.freeAt = at.Add(r.settings.rest())
	n.former = pair{}
	if r.settings.Sticky == client.StickyPrefer && l.Customer != "" {
		n.former = pair{l.Customer, l.holder.ID}
		if !slices.Contains(r.former[n.former], n) {
			r.former[n.former] = append(r.former[n.former], n)
		}
	}
	if n.state == client.NumberStateActive {
		n.state = client.NumberStateFree
	}
	r.place(n)
	if text(c.Number) != got || !same(c.FreeAt, &n.freeAt) {
		r.wrong("seq %d gives back number %q until %v, and seq %d held %q, which rests until %v", e.seq, text(c.Number), timeText(c.FreeAt), l.Seq, got, n.freeAt)
	}
}
