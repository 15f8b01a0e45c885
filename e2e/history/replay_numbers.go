package history

import (
	"slices"
	"time"

	"fairlead/api/client"
)

// A number is one as the log has it.
type number struct {
	holder string    // id of the live assignment; empty if there is none
	freeAt time.Time // while there is none
	aside  bool      // out of use
}

func (n *number) String() string {
	switch {
	case n.aside:
		return "set aside"
	case n.holder != "":
		return "active of " + n.holder
	}
	return "free from " + n.freeAt.UTC().Format(time.RFC3339Nano)
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

func (r *replay) stock(e *entry, c *numbersAdded) {
	if len(c.Numbers) == 0 {
		r.wrong("seq %d adds no number", e.seq)
	}
	for _, n := range c.Numbers {
		if r.numbers[n] != nil {
			r.wrong("seq %d adds number %s, which the pool had", e.seq, n)
			continue
		}
		r.numbers[n] = &number{freeAt: e.at}
		r.free.put(n, rest{e.at, n})
	}
}

// setAside is what only a hand in the tables brings about, or a number that
// was given twice.
func (r *replay) setAside(e *entry, c *numbersSetAside) {
	for _, n := range c.Numbers {
		r.wrong("seq %d takes number %s out of use", e.seq, n.Number)
		if known := r.numbers[n.Number]; known != nil {
			known.aside = true
			r.free.drop(n.Number)
		}
	}
}

// give holds the number that an assignment got against the one that is due,
// and gives it.
func (r *replay) give(a *client.Assignment) {
	got, due := text(a.Number), r.dueNumber(a.AssignedAt)
	if !r.mayGet(a, got, due) {
		r.wrong("seq %d has number %q (wish: %v), and %q has been free for longest", a.Seq, got, r.wishesFor(a), due)
	}
	n := r.numbers[got]
	switch {
	case got == "":
	case n == nil:
		r.wrong("seq %d has number %s, which the pool has not", a.Seq, got)
	default:
		n.holder = a.ID
		r.free.drop(got)
	}
}

// dueNumber is the one that has been free for longest, empty if all are in use
// or rest.
func (r *replay) dueNumber(at time.Time) string {
	n, first, ok := r.free.first()
	if !ok || first.until.After(at) {
		return ""
	}
	return n
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
		switch w {
		case client.AssignmentRequestNumberNone:
			return got == ""
		case client.AssignmentRequestNumberRequired:
			return got == due && got != ""
		}
		return got == due
	})
}

// takeBack lets the number of an assignment that ends rest for the cool-down.
func (r *replay) takeBack(e *entry, a *client.Assignment, c *released) {
	got, n := text(a.Number), r.numbers[text(a.Number)]
	if n == nil || n.aside || n.holder != a.ID {
		if c.Number != nil || c.FreeAt != nil {
			r.wrong("seq %d gives back number %s, and seq %d held %q", e.seq, text(c.Number), a.Seq, got)
		}
		return
	}
	n.holder, n.freeAt = "", e.at.Add(r.cooldown)
	r.free.put(got, rest{n.freeAt, got})
	if text(c.Number) != got || !same(c.FreeAt, &n.freeAt) {
		r.wrong("seq %d gives back number %q until %v, and seq %d held %q, which rests until %v", e.seq, text(c.Number), c.FreeAt, a.Seq, got, n.freeAt)
	}
}
