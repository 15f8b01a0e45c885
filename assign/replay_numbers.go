package assign

import (
	"fmt"
	"strings"
	"time"
)

// A stock is a number in a [Replay].
type stock struct {
	NumberRecord
	index int
	held  int64 // position of the assignment that has it, while it is active

	// unsure means that the log has contradicted itself about the number. It
	// is in no order until it is given or given back once more.
	unsure bool

	seen bool // its row
}

func (s *stock) place() *int { return &s.index }

// become moves s to another state and keeps the counts.
func (r *Replay) become(s *stock, state NumberState) {
	r.live += count(state == NumberActive) - count(s.State == NumberActive)
	r.aside += count(state == NumberAside) - count(s.State == NumberAside)
	s.State = state
	if state == NumberFree && !s.unsure {
		r.free.put(s)
	} else {
		r.free.drop(s)
	}
}

func (r *Replay) doubt(s *stock) {
	s.unsure = true
	r.free.drop(s)
}

// add makes a number the pool's, free since at.
func (r *Replay) add(n Number, at time.Time) *stock {
	s := &stock{NumberRecord: NumberRecord{Number: n, Pool: r.pool, FreeAt: at}, index: -1}
	r.numbers[n] = s
	r.become(s, NumberFree)
	return s
}

// numbered checks the number of an assignment, and gives it.
func (r *Replay) numbered(a *Assignment) {
	first := r.free.first()
	if first != nil && first.FreeAt.After(a.AssignedAt) {
		first = nil
	}
	if a.Number == "" {
		r.unnumbered(a, first)
		return
	}
	s := r.numbers[a.Number]
	wrong := a.Wish == NumberNone || s != first && (s == nil || !s.unsure || s.State == NumberActive)
	if wrong && !excused(&r.slack.numbers) {
		r.misnumbered(a, s, first)
	}
	if s == nil {
		s = r.add(Number(strings.Clone(string(a.Number))), a.AssignedAt)
	}
	if wrong && first != nil {
		r.doubt(first)
	}
	s.unsure = wrong
	s.held, s.Assignment = a.Seq, strings.Clone(a.ID)
	r.become(s, NumberActive)
	r.holding[a.Seq] = s
}

// unnumbered checks that an assignment had to do without a number.
func (r *Replay) unnumbered(a *Assignment, first *stock) {
	switch {
	case a.Wish == NumberNone:
	case first != nil:
		if !excused(&r.slack.numbers) {
			r.find(a.Seq, FoundNumber, "it has no number; the rule gives %s", first)
		}
		r.doubt(first)
	case a.Wish == NumberRequired:
		r.find(a.Seq, FoundNumber, "it has no number, although one was required")
	}
}

// misnumbered says what is wrong with an assignment's number: s, or unknown if
// that is nil, instead of first, or none if that is nil.
func (r *Replay) misnumbered(a *Assignment, s, first *stock) {
	switch {
	case s == nil:
		r.find(a.Seq, FoundUnknownNumber, "it has number %s, which no earlier event has added to the pool", a.Number)
	case s.State == NumberActive:
		r.find(a.Seq, FoundNumberTwice, "it has number %s, which the live assignment %s at %d has", a.Number, s.Assignment, s.held)
	case s.State == NumberAside:
		r.find(a.Seq, FoundNumberAside, "it has number %s, which is set aside", a.Number)
	case s.FreeAt.After(a.AssignedAt):
		r.find(a.Seq, FoundCooldown, "it has number %s at %s, which rests until %s", a.Number, clock(a.AssignedAt), clock(s.FreeAt))
	case a.Wish == NumberNone:
		r.find(a.Seq, FoundNumber, "it has number %s, although none was wanted", a.Number)
	default:
		r.find(a.Seq, FoundNumber, "it has number %s; the rule gives %s", s, first)
	}
}

// String is a free number and for how long it has been free.
func (s *stock) String() string {
	return fmt.Sprintf("%s (free since %s)", s.Number, clock(s.FreeAt))
}

func (r *Replay) numbersAdded(e *Event, d NumbersAdded) {
	if len(d.Numbers) == 0 {
		r.find(e.Seq, FoundEvent, "it adds no number")
	}
	for _, n := range d.Numbers {
		if _, known := r.numbers[n]; known {
			r.find(e.Seq, FoundEvent, "it adds number %s, which the pool has", n)
			continue
		}
		r.add(n, e.At)
	}
}

// numbersSetAside reports what the service met: damage that it could keep from
// spreading, but not undo.
func (r *Replay) numbersSetAside(e *Event, d NumbersSetAside) {
	if len(d.Numbers) == 0 {
		r.find(e.Seq, FoundEvent, "it sets no number aside")
	}
	for _, n := range d.Numbers {
		r.find(e.Seq, FoundNumberAside, "number %s was set aside: its record said %s, and assignment %s had it", n.Number, n.Was, n.HeldBy)
		s, known := r.numbers[n.Number]
		if !known {
			s = r.add(n.Number, e.At)
		}
		s.unsure = false
		r.become(s, NumberAside)
	}
}

// giveBack checks which number a release gives back and until when that rests,
// and goes on from what it says.
func (r *Replay) giveBack(e *Event, d Released) {
	had := r.holding[d.Seq]
	delete(r.holding, d.Seq)
	if had != nil && (had.State != NumberActive || had.held != d.Seq) {
		had = nil
	}
	if d.Number == nil {
		if had != nil {
			r.kept(e, had)
		}
		return
	}
	s := r.numbers[*d.Number]
	if s == nil || s != had && !s.unsure {
		r.find(e.Seq, FoundRelease, "it gives back number %s, which assignment %s does not have", *d.Number, d.ID)
	}
	if s == nil {
		s = r.add(*d.Number, e.At)
	}
	if had != nil && had != s {
		r.doubt(had)
	}
	s.FreeAt = r.restsUntil(e, d)
	s.unsure, s.Assignment, s.held = false, "", 0
	r.become(s, NumberFree)
}

// kept is for a release that gives nothing back although there was a number.
// The service does so where the number's own record says something else.
func (r *Replay) kept(e *Event, s *stock) {
	if !s.unsure {
		r.find(e.Seq, FoundRelease, "it does not give back number %s, which the assignment had", s.Number)
	}
	r.doubt(s)
}

// restsUntil is when the number of a release is free again.
func (r *Replay) restsUntil(e *Event, d Released) time.Time {
	want := e.At.Add(r.cooling)
	if d.FreeAt == nil {
		r.find(e.Seq, FoundRelease, "it gives back number %s and does not say when it is free", *d.Number)
		return want
	}
	if !d.FreeAt.Equal(want) {
		r.find(e.Seq, FoundRelease, "it lets number %s rest until %s; with a cool-down of %v that must be %s",
			*d.Number, clock(*d.FreeAt), r.cooling, clock(want))
		r.cooling = d.FreeAt.Sub(e.At)
	}
	return *d.FreeAt
}
