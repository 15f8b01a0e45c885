package assign

import (
	"cmp"
	"container/heap"
	"crypto/sha256"
	"slices"
	"time"
)

// What becomes of numbers while a unit is decided.

func customerMark(customer string) CustomerMark {
	if customer == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(customer))
	return CustomerMark(sum[:])
}

// current is n as the draft has it by now.
func (d *draft) current(n NumberRecord) NumberRecord {
	if changed, ok := d.numbers[n.Number]; ok {
		return changed
	}
	return n
}

// put makes a number what it is now, and keeps the counts.
func (d *draft) put(was, is NumberRecord) {
	d.Pool.count(was, -1)
	d.Pool.count(is, +1)
	d.numbers[is.Number] = is
}

func (p *Pool) count(n NumberRecord, by int64) {
	switch n.State {
	case NumberActive:
		p.NumbersActive += by
	case NumberDraining:
		p.NumbersDraining += by
	case NumberSuspended:
		p.NumbersSuspended += by
	case NumberAside:
		p.NumbersAside += by
	}
	if !n.ExpiresAt.IsZero() {
		p.NumbersExpiring += by
	}
}

// numberFor is the number that an assignment of the two gets: in a sticky pool
// the one that they had last, else the one that has been free for longest.
func (d *draft) numberFor(customer string, p PlannerID) (NumberRecord, bool) {
	if d.Pool.Settings.Sticky && customer != "" {
		if n, ok := d.earlierOf(Pair{customerMark(customer), p}); ok {
			return n, true
		}
	}
	return d.longestFree()
}

// earlierOf is the free number that the pair gave back last, resting or not.
func (d *draft) earlierOf(p Pair) (latest NumberRecord, ok bool) {
	for _, n := range d.earlier[p] {
		if n = d.current(n); n.State == NumberFree && n.Earlier == p && (!ok || n.laterThan(latest)) {
			latest, ok = n, true
		}
	}
	return latest, ok
}

// laterThan reports whether n was given back after o; of two at the same time,
// the smaller number counts as later.
func (n NumberRecord) laterThan(o NumberRecord) bool {
	return cmp.Or(n.ReleasedAt.Compare(o.ReleasedAt), cmp.Compare(o.Number, n.Number)) > 0
}

// longestFree is the first in the order of free numbers, unless it still
// rests. Only the unit's own time says whether it does.
func (d *draft) longestFree() (NumberRecord, bool) {
	n, ok := d.nextFree()
	if !ok || n.FreeAt.After(d.now) {
		return NumberRecord{}, false
	}
	d.Pool.FreeFrom = n.Rank()
	return n, true
}

// nextFree is the first in the order of free numbers, resting or not.
func (d *draft) nextFree() (NumberRecord, bool) {
	for len(d.free) > 0 {
		if n := d.free[0]; d.current(n).State == NumberFree {
			return n, true
		}
		heap.Pop(&d.free)
	}
	return NumberRecord{}, false
}

// giveNumber puts the free number n into assignment id, and returns when that
// ends by itself; zero if never.
func (d *draft) giveNumber(n NumberRecord, id string) time.Time {
	was := n
	n.State, n.Assignment = NumberActive, id
	n.ExpiresAt = d.Pool.Settings.expiry(d.now)
	d.put(was, n)
	return n.ExpiresAt
}

// expiry is when an assignment ends by itself whose number is given, or used,
// at now; zero if never.
func (s Settings) expiry(now time.Time) time.Time {
	if s.NumberTTL == 0 {
		return time.Time{}
	}
	return now.Add(s.NumberTTL)
}

// holds reports whether n's own record says that it is in assignment a. If
// not, it stays out of use, for people to look at.
func (n NumberRecord) holds(a Assignment) bool {
	inUse := n.State == NumberActive || n.State == NumberDraining || n.State == NumberSuspended
	return inUse && n.Number == a.Number && n.Pool == a.Pool && n.Assignment == a.ID
}

// freeNumber gives back the number of assignment a, which ended at a time, to
// rest for the pool's cool-down; one that is out of use stays so. It reports
// false if there is none to give back.
func (d *draft) freeNumber(a Assignment, n NumberRecord, at time.Time) (NumberRecord, bool) {
	was := d.current(n)
	if a.Number == "" || !was.holds(a) {
		return NumberRecord{}, false
	}
	n = was
	n.Assignment, n.ExpiresAt = "", time.Time{}
	n.ReleasedAt, n.FreeAt = at, at.Add(d.Pool.Settings.Cooldown)
	n.Earlier = Pair{}
	if d.Pool.Settings.Sticky && a.Customer != "" {
		n.Earlier = Pair{customerMark(a.Customer), a.Holder()}
	}
	if n.State == NumberActive {
		n.State = NumberFree
		d.Pool.FreeFrom = least(d.Pool.FreeFrom, n.Rank())
		heap.Push(&d.free, n)
		if n.Earlier != (Pair{}) {
			d.earlier[n.Earlier] = append(d.earlier[n.Earlier], n)
		}
	}
	d.put(was, n)
	return n, true
}

// noNumber says how the pool's numbers stand when none is free.
func (d *draft) noNumber() error {
	p := d.Pool
	e := &NoNumberError{
		Cooling:   p.unused(), // else one would be free
		Active:    p.NumbersActive,
		Draining:  p.NumbersDraining,
		Suspended: p.NumbersSuspended,
		Aside:     p.NumbersAside,
	}
	if n, ok := d.nextFree(); ok {
		e.NextFree = n.FreeAt
	}
	if at := d.nextExpiry(); !at.IsZero() {
		at = at.Add(p.Settings.Cooldown)
		if e.NextFree.IsZero() || at.Before(e.NextFree) {
			e.NextFree = at
		}
	}
	return e
}

// nextExpiry is when the next number comes back by itself: one of those that
// were read, or one that was given since; zero if none does.
func (d *draft) nextExpiry() time.Time {
	next := d.state.NextExpiry
	for _, n := range d.numbers {
		if at := n.ExpiresAt; n.State == NumberActive && !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// setAside takes the numbers out of use that a live assignment holds although
// they claim to be free. Handing one out would fail on the unique key every
// time, and stop the pool.
func (d *draft) setAside(eventID string, read ...[]SeenNumber) bool {
	var data NumbersSetAside
	for _, numbers := range read {
		for _, n := range numbers {
			if _, done := d.numbers[n.Number]; !done && n.HeldBy != "" {
				data.Numbers = append(data.Numbers, NumberSetAside{n.Number, n.State, n.HeldBy})
				d.aside(n.NumberRecord)
			}
		}
	}
	if data.Numbers == nil {
		return false
	}
	d.event(EventNumbersSetAside, eventID, "", data)
	return true
}

// aside takes a disputed number out of use.
func (d *draft) aside(n NumberRecord) {
	was := n
	was.State = NumberActive // as which the assignment had counted it
	n.State, n.ExpiresAt = NumberAside, time.Time{}
	d.put(was, n)
}

// sortedNumbers are the changed ones in the order of their keys.
func (d *draft) sortedNumbers() []NumberRecord {
	var rows []NumberRecord
	for _, n := range d.numbers {
		rows = append(rows, n)
	}
	slices.SortFunc(rows, func(a, b NumberRecord) int { return cmp.Compare(a.Number, b.Number) })
	return rows
}
