package history

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"fairlead/api/client"
)

// judgeOrder is promise 4: what was answered before something else was asked
// for has the smaller seq. That, with promise 3, is linearizability, and seq
// is the order that proves it.
func judgeOrder(s *scene, v *verdict) {
	var latest time.Duration // of when anything before was sent at the earliest
	var at int64
	for i, e := range s.log {
		if s.spans[i].to < latest {
			v.add(4, s.name, "seq %d was answered at %v, and what has seq %d was sent later, at %v", e.seq, s.spans[i].to, at, latest)
		}
		if s.spans[i].from > latest {
			latest, at = s.spans[i].from, e.seq
		}
	}
	for _, k := range s.keys {
		judgeStale(s, k, v)
	}
}

// judgeStale wants no answer to say that an assignment is live, or still with
// whom it was given to, of which somebody had been told otherwise before the
// answer was asked for.
func judgeStale(s *scene, k *asked, v *verdict) {
	for _, c := range k.calls {
		if c.Outcome() != Done || c.Answer == nil {
			continue
		}
		a := c.Answer
		if known, ok := s.over[a.ID]; ok && a.State == client.AssignmentStateActive && known < c.Sent {
			v.add(4, s.name, "seq %d was answered as active to a call sent at %v, and its end had been answered at %v", a.Seq, c.Sent, known)
		}
		if known, ok := s.moved[a.ID]; ok && a.ReassignedTo == nil && known < c.Sent {
			v.add(4, s.name, "seq %d was answered as with %s to a call sent at %v, and that it is somebody else's had been answered at %v", a.Seq, a.Planner.ID, c.Sent, known)
		}
	}
}

// spansOf finds out when each position of a pool's log came about, so far as
// callers can tell.
func spansOf(s *scene) []span {
	spans := make([]span, len(s.log))
	for i := range s.log {
		spans[i] = s.spanOf(&s.log[i])
	}
	for i, w := range windows(spans) {
		if by, ok := s.causesOf(&s.log[i], w); ok {
			spans[i] = by
		}
	}
	return spans
}

// spanOf is when a position of the log came about that tells whose call it was.
func (s *scene) spanOf(e *entry) span {
	when := anyTime
	switch c := e.data.(type) {
	case *released:
		when = spanOf(s.released[c.ID])
	case *voided:
		return spanOf(s.voids[c.ID])
	case *reassigned:
		return spanOfReassigned(s.noted[c.Note])
	case *releasedMany:
		when = spanOf(s.noted[c.Reason])
	case *numberChanged:
		return spanOf(s.noted[c.Reason])
	case nil:
		if e.given != nil && s.asked[e.given.Key] != nil {
			return s.asked[e.given.Key].span(e.given.ID)
		}
	}
	ends, _ := e.endings()
	for _, a := range ends {
		if known, ok := s.over[a.ID]; ok {
			when.to = min(when.to, known)
		}
	}
	return when
}

// spanOfReassigned is spanOf for calls to reassign. One that lets the planner
// keep the assignment may have changed nothing, so that a later one did.
func spanOfReassigned(calls []*Call) span {
	if len(calls) < 2 || !calls[0].OrCurrent {
		return spanOf(calls)
	}
	var by switching
	for _, c := range calls {
		by.add(c)
	}
	by.sort()
	if len(by.calls) == 0 {
		return anyTime
	}
	return span{by.calls[0].Sent, by.until[len(by.until)-1]}
}

// causesOf is the span of those calls that may have brought about, in a window,
// what may be any of several calls' doing.
func (s *scene) causesOf(e *entry, window span) (by span, ok bool) {
	if f, flips := e.flip(); flips {
		return s.causes(f, window)
	}
	if c, touched := e.data.(*numberTouched); touched {
		return s.touches[c.Number].within(window)
	}
	return by, false
}

// windows are the spans that the order of the log leaves to each position: not
// before what has a smaller seq, not after what has a larger one.
func windows(spans []span) []span {
	w := make([]span, len(spans))
	latest := time.Duration(0)
	for i := range spans {
		w[i].from = latest
		latest = max(latest, spans[i].from)
	}
	soonest := forever
	for i := len(spans) - 1; i >= 0; i-- {
		w[i].to = soonest
		soonest = min(soonest, spans[i].to)
	}
	return w
}

// flip is what a call to switch a planner leaves in the log. ok is false if
// the entry is anything else.
func (e *entry) flip() (f flip, ok bool) {
	changed, ok := e.data.(*plannersChanged)
	if !ok || len(changed.Planners) != 1 || !changed.Planners[0].flips() {
		return flip{}, false
	}
	return flip{changed.Planners[0].ID, changed.Planners[0].Active}, true
}

// switching is all calls that switch one planner the same way, without those
// that were refused. A call that finds the planner so already leaves nothing
// in the log, so that an event may be owed to any of several.
type switching struct {
	calls []*Call         // by Sent
	until []time.Duration // the latest at which any of the calls up to this one may have done it
}

func (w *switching) add(c *Call) {
	if c.Outcome() != Refused {
		w.calls = append(w.calls, c)
	}
}

func (w *switching) sort() {
	slices.SortStableFunc(w.calls, func(a, b *Call) int { return cmp.Compare(a.Sent, b.Sent) })
	latest := time.Duration(0)
	for _, c := range w.calls {
		if c.Outcome() == Unknown {
			latest = forever
		}
		latest = max(latest, c.Got)
		w.until = append(w.until, latest)
	}
}

// causes is the span of those calls that may have switched a planner in
// window; ok is false if there are none.
func (s *scene) causes(f flip, window span) (by span, ok bool) {
	by, ok = s.switches[f].within(window)
	other, too := s.others.within(window)
	switch {
	case !too:
		return by, ok
	case !ok:
		return other, true
	}
	return span{min(by.from, other.from), max(by.to, other.to)}, true
}

// within is the span of those calls that may have done it in window; ok is
// false if there are none.
func (w *switching) within(window span) (s span, ok bool) {
	if w == nil {
		return s, false
	}
	first := sort.Search(len(w.calls), func(i int) bool { return w.until[i] >= window.from })
	if first == len(w.calls) || w.calls[first].Sent > window.to {
		return s, false
	}
	last := countUpTo(w.calls, window.to, func(c *Call) time.Duration { return c.Sent }) - 1
	return span{w.calls[first].Sent, w.until[last]}, true
}

// places tell at which positions of the log something stood at a time.
type places struct {
	past   []place // by when a position was known at the latest, with the largest seq until then
	future []place // by when a position can have come about at the earliest, with the smallest seq from then
	last   int64   // of all positions
}

type place struct {
	at  time.Duration
	seq int64
}

func placesOf(s *scene) places {
	var p places
	for i, e := range s.log {
		p.past = append(p.past, place{s.spans[i].to, e.seq})
		p.future = append(p.future, place{s.spans[i].from, e.seq})
		p.last = e.seq
	}
	byTime := func(a, b place) int { return cmp.Compare(a.at, b.at) }
	slices.SortFunc(p.past, byTime)
	slices.SortFunc(p.future, byTime)
	for i := 1; i < len(p.past); i++ {
		p.past[i].seq = max(p.past[i].seq, p.past[i-1].seq)
	}
	for i := len(p.future) - 2; i >= 0; i-- {
		p.future[i].seq = min(p.future[i].seq, p.future[i+1].seq)
	}
	return p
}

// between is the positions that may have been the log's last at some time
// from sent to got.
func (p places) between(sent, got time.Duration) (first, last int64) {
	last = p.last
	if i := countUpTo(p.past, sent-1, place.when); i > 0 {
		first = p.past[i-1].seq
	}
	if i := countUpTo(p.future, got, place.when); i < len(p.future) {
		last = p.future[i].seq - 1
	}
	return first, last
}

func (p place) when() time.Duration { return p.at }

// countUpTo counts the first of items whose key is at most k; they are sorted
// by it.
func countUpTo[T any, K cmp.Ordered](items []T, k K, key func(T) K) int {
	return sort.Search(len(items), func(i int) bool { return key(items[i]) > k })
}
