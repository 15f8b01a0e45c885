package assign

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// A stock is a number in a [Replay].
type stock struct {
	NumberRecord
	index    int
	held     int64  // position of the assignment that has it
	customer string // whose assignment that is, where the pool is sticky or may become so

	had uint64 // who had it last, as [Replay.pair] has it; 0 for nobody

	// unsure means that the log has contradicted itself about the number. It
	// is in no order until it is given or given back once more.
	unsure bool

	seen bool // its row
}

func (s *stock) place() *int { return &s.index }

// become moves s to another state and keeps the counts; the state that it is
// in is was.
func (r *Replay) become(s *stock, was NumberRecord) {
	r.counts.count(was, -1)
	r.counts.count(s.NumberRecord, +1)
	if s.State == NumberFree && !s.unsure {
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
	s := &stock{NumberRecord: NumberRecord{Number: n, Pool: r.pool, State: NumberFree, FreeAt: at}, index: -1}
	r.numbers[n] = s
	r.become(s, NumberRecord{})
	return s
}

// numbered checks the number of an assignment to t, and gives it.
func (r *Replay) numbered(a *Assignment, t *turn) {
	first := r.giving(a, t)
	if a.Number == "" {
		r.unnumbered(a, first)
		return
	}
	s := r.numbers[a.Number]
	wrong := a.Wish == NumberNone || s != first && (s == nil || !s.unsure || s.State == NumberActive)
	if wrong && r.otherwiseSticky(a, t, s) {
		r.wrongPairs++
		wrong = r.wrongPairs <= patience
	}
	if wrong && !excused(&r.slack.numbers) {
		r.misnumbered(a, s, first)
	}
	if s == nil {
		s = r.add(Number(strings.Clone(string(a.Number))), a.AssignedAt)
	}
	if wrong && first != nil {
		r.doubt(first)
	}
	was := s.NumberRecord
	s.unsure = wrong
	s.State, s.held, s.Assignment = NumberActive, a.Seq, strings.Clone(a.ID)
	s.ExpiresAt, s.customer = r.settings.expiry(a.AssignedAt), strings.Clone(a.Customer)
	r.become(s, was)
	r.holding[a.Seq] = s
}

// giving is the number that the rule gives to an assignment that wants one, or
// nil.
func (r *Replay) giving(a *Assignment, t *turn) *stock {
	if r.settings.Sticky && a.Customer != "" {
		if s := r.earlierOf(Pair{customerMark(a.Customer), t.ID}); s != nil {
			return s
		}
	}
	if first := r.free.first(); first != nil && !first.FreeAt.After(a.AssignedAt) {
		return first
	}
	return nil
}

// otherwiseSticky reports whether s is what the rule gives if the pool is sticky
// although the log says that it is not, or the other way round.
func (r *Replay) otherwiseSticky(a *Assignment, t *turn, s *stock) bool {
	if s == nil || s.State != NumberFree || a.Wish == NumberNone || a.Customer == "" {
		return false
	}
	longest := s == r.free.first() && !s.FreeAt.After(a.AssignedAt)
	return longest || s.had == r.pair(a.Customer, t.ID)
}

// pair is a customer and a planner in eight bytes, which is good enough to
// doubt a setting by.
func (r *Replay) pair(customer string, planner PlannerID) uint64 {
	if customer == "" {
		return 0
	}
	return maphash.Comparable(r.seed, [2]string{customer, string(planner)})
}

// earlierOf is the free number that the pair gave back last, or nil.
func (r *Replay) earlierOf(p Pair) (latest *stock) {
	for _, s := range r.earlier[p] {
		if s.State == NumberFree && !s.unsure && (latest == nil || s.laterThan(latest.NumberRecord)) {
			latest = s
		}
	}
	return latest
}

// remember notes who had s last, and forgets who had it before.
func (r *Replay) remember(s *stock, p Pair) {
	if s.Earlier != (Pair{}) {
		rest := slices.DeleteFunc(r.earlier[s.Earlier], func(o *stock) bool { return o == s })
		if r.earlier[s.Earlier] = rest; len(rest) == 0 {
			delete(r.earlier, s.Earlier)
		}
	}
	if s.Earlier = p; p != (Pair{}) {
		r.earlier[p] = append(r.earlier[p], s)
	}
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
	case r.settings.needs(a.Wish):
		r.find(a.Seq, FoundNumber, "it has no number, although one was required")
		if a.Wish == NumberByPool {
			r.settings.NumberOrFail = false // or each of them would be wrong
		}
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
	case s.State == NumberDraining || s.State == NumberSuspended:
		r.find(a.Seq, FoundNumberOut, "it has number %s, which is %s", a.Number, s.State)
	case s.State == NumberAside:
		r.find(a.Seq, FoundNumberAside, "it has number %s, which is set aside", a.Number)
	case s.FreeAt.After(a.AssignedAt):
		r.find(a.Seq, FoundCooldown, "it has number %s at %s, which rests until %s", a.Number, clock(a.AssignedAt), clock(s.FreeAt))
	case a.Wish == NumberNone:
		r.find(a.Seq, FoundNumber, "it has number %s, although none was wanted", a.Number)
	default:
		r.find(a.Seq, FoundNumber, "it has number %s; the rule gives %s", s, first) // the pair's own, if it is resting
	}
}

// String is a free number and for how long it has been free.
func (s *stock) String() string {
	if s == nil {
		return "none"
	}
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

// An asideFinding is what to tell of a number that was set aside, unless it
// comes back.
type asideFinding struct {
	seq int64
	NumberSetAside
}

// numbersSetAside notes what the service met: damage that it could keep from
// spreading, but not undo. Somebody may have, by the end of the log.
func (r *Replay) numbersSetAside(e *Event, d NumbersSetAside) {
	if len(d.Numbers) == 0 {
		r.find(e.Seq, FoundEvent, "it sets no number aside")
	}
	for _, n := range d.Numbers {
		r.asides[n.Number] = asideFinding{e.Seq, n}
		s, known := r.numbers[n.Number]
		if !known {
			s = r.add(n.Number, e.At)
		}
		was := s.NumberRecord
		s.unsure = false
		s.State, s.ExpiresAt = NumberAside, time.Time{}
		r.become(s, was)
		r.aside = true
	}
}

// numberChanged checks that a number went from the state that it was in to one
// that it may have.
func (r *Replay) numberChanged(e *Event, d NumberChanged) {
	s := r.numbers[d.Number]
	if s == nil {
		r.find(e.Seq, FoundEvent, "it changes number %s, which the pool does not have", d.Number)
		return
	}
	if !s.unsure && s.State != d.Was && !excused(&r.slack.numbers) {
		r.find(e.Seq, FoundEvent, "it changes number %s from %s, which was %s", s.Number, d.Was, s.State)
	}
	if d.Was == NumberAside {
		delete(r.asides, d.Number)
	}
	was := s.NumberRecord
	wrong := d.State == d.Was || d.Was == NumberAside && d.State != NumberFree
	switch d.State {
	case NumberFree:
		wrong = wrong || d.Was != NumberAside && s.Assignment != ""
		r.backInUse(e, s, d)
	case NumberActive:
		wrong = wrong || s.Assignment == ""
	case NumberDraining, NumberSuspended:
	default:
		wrong = true
	}
	if wrong && !s.unsure {
		r.find(e.Seq, FoundEvent, "it makes number %s %s, which was %s (assignment %q)", s.Number, d.State, d.Was, s.Assignment)
	}
	s.State = d.State
	r.become(s, was)
}

// backInUse checks until when a number rests that is free again.
func (r *Replay) backInUse(e *Event, s *stock, d NumberChanged) {
	want := s.FreeAt
	if d.Was == NumberAside {
		s.Assignment, s.ExpiresAt, s.held = "", time.Time{}, 0
		r.remember(s, Pair{})
		want = e.At.Add(r.settings.Cooldown)
	}
	switch {
	case d.FreeAt == nil:
		r.find(e.Seq, FoundEvent, "it brings number %s back and does not say when it is free", s.Number)
		s.FreeAt = want
	case !d.FreeAt.Equal(want) && !s.unsure:
		r.find(e.Seq, FoundEvent, "it lets number %s rest until %s; that must be %s", s.Number, clock(*d.FreeAt), clock(want))
		s.FreeAt = *d.FreeAt
	default:
		s.FreeAt = *d.FreeAt
	}
}

// numberTouched checks a call on a number, and how long its life is then.
func (r *Replay) numberTouched(e *Event, d NumberTouched) {
	s := r.numbers[d.Number]
	if s == nil {
		r.find(e.Seq, FoundEvent, "it notes a call on number %s, which the pool does not have", d.Number)
		return
	}
	at := e.At
	if !r.lives() {
		at = time.Time{} // whether it is over is not judged
	} else if s.Expired(at) {
		r.wrongLives++
	}
	if !s.unsure && (!s.Leads(at) || s.Assignment != d.Assignment) {
		r.find(e.Seq, FoundEvent, "it notes a call on number %s in assignment %q; the number is %s in %q, which ends at %s",
			s.Number, d.Assignment, s.State, s.Assignment, clock(s.ExpiresAt))
	}
	want := s.ExpiresAt
	if r.settings.TTLFromUse {
		want = r.settings.expiry(e.At)
	}
	var is time.Time
	if d.ExpiresAt != nil {
		is = *d.ExpiresAt
	}
	if !is.Equal(want) && !s.unsure && r.lives() {
		r.wrongLives++
		r.find(e.Seq, FoundEvent, "after a call number %s is its assignment's until %s; that must be %s", s.Number, clock(is), clock(want))
	}
	was := s.NumberRecord
	s.UsedAt, s.ExpiresAt = e.At, is
	r.become(s, was)
}

// giveBack checks which number the end of an assignment at a time gives back
// and until when that rests, and goes on from what it says. holder is who had
// the assignment, nil if that is not known.
func (r *Replay) giveBack(e *Event, kind FindingKind, d Ended, at time.Time, holder *turn) {
	had := r.holding[d.Seq]
	delete(r.holding, d.Seq)
	if had != nil && (had.State == NumberFree || had.State == NumberAside || had.held != d.Seq) {
		had = nil
	}
	if d.Number == nil {
		if had != nil {
			r.kept(e, kind, had)
		}
		return
	}
	s := r.numbers[*d.Number]
	if s == nil || s != had && !s.unsure {
		r.find(e.Seq, kind, "it gives back number %s, which assignment %s does not have", *d.Number, d.ID)
	}
	if s == nil {
		s = r.add(*d.Number, e.At)
	}
	if had != nil && had != s {
		r.doubt(had)
	}
	was := s.NumberRecord
	s.FreeAt = r.restsUntil(e, kind, d, at)
	s.ReleasedAt = at
	s.had = 0
	if holder != nil {
		s.had = r.pair(s.customer, holder.ID)
	}
	pair := Pair{}
	if r.settings.Sticky && s.customer != "" && holder != nil {
		pair = Pair{customerMark(s.customer), holder.ID}
	}
	r.remember(s, pair)
	if s.State == NumberActive {
		s.State = NumberFree
	}
	s.unsure, s.Assignment, s.held, s.customer, s.ExpiresAt = false, "", 0, "", time.Time{}
	r.become(s, was)
}

// kept is for an end that gives nothing back although there was a number. The
// service does so where the number's own record says something else.
func (r *Replay) kept(e *Event, kind FindingKind, s *stock) {
	if !s.unsure {
		r.find(e.Seq, kind, "it does not give back number %s, which the assignment had", s.Number)
	}
	r.doubt(s)
}

// restsUntil is when the number of an assignment is free again that ended at a
// time.
func (r *Replay) restsUntil(e *Event, kind FindingKind, d Ended, at time.Time) time.Time {
	want := at.Add(r.settings.Cooldown)
	if d.FreeAt == nil {
		r.find(e.Seq, kind, "it gives back number %s and does not say when it is free", *d.Number)
		return want
	}
	if !d.FreeAt.Equal(want) {
		r.find(e.Seq, kind, "it lets number %s rest until %s; with a cool-down of %v that must be %s",
			*d.Number, clock(*d.FreeAt), r.settings.Cooldown, clock(want))
		r.settings.Cooldown = d.FreeAt.Sub(at)
	}
	return *d.FreeAt
}
