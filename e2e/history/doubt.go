package history

import (
	"fmt"

	"fairlead/api/client"
)

// judgeDoubt is promise 7: an unknown outcome is said, never hidden. Whatever
// is in the log must have been asked for by a call that was not told that
// nothing would happen.
func judgeDoubt(s *scene, v *verdict) {
	left := windows(s.spans)
	for i := range s.log {
		e := &s.log[i]
		if e.given != nil {
			judgeMade(s, e.given, v)
		}
		judgeCause(s, e, left[i], v)
	}
}

// judgeCause wants an event to come from a call that was not told that nothing
// happened. An end that comes by itself needs none.
func judgeCause(s *scene, e *entry, left span, v *verdict) {
	switch c := e.data.(type) {
	case *released:
		judgeAskedFor(s, e, "the release of "+c.ID, s.released[c.ID], v)
	case *voided:
		judgeAskedFor(s, e, "the void of "+c.ID, s.voids[c.ID], v)
	case *reassigned:
		judgeAskedFor(s, e, "the reassignment of "+c.ID, s.notedFor(c.Note, Reassign), v)
	case *releasedMany:
		judgeAskedFor(s, e, fmt.Sprintf("the release of %d", len(c.Assignments)), s.notedFor(c.Reason, ReleaseMany), v)
	case *numberChanged:
		judgeAskedFor(s, e, fmt.Sprintf("a change of number %s to %s", c.Number, c.State), s.notedFor(c.Reason, Care), v)
	case *numberTouched:
		judgeTouched(s, e, c, left, v)
	}
	if f, ok := e.flip(); ok {
		judgeFlip(s, e.seq, f, left, v)
	}
}

// notedFor are the calls of a kind that came with a note.
func (s *scene) notedFor(note string, kind Kind) []*Call {
	calls := s.noted[note]
	if len(calls) > 0 && calls[0].Kind != kind {
		return nil
	}
	return calls
}

func judgeMade(s *scene, a *client.Assignment, v *verdict) {
	k := s.asked[a.Key]
	if k == nil {
		if a.Key != a.ID { // which is the key that is made up for a call without one
			v.add(7, s.name, "seq %d for key %q was not asked for", a.Seq, a.Key)
		}
		return
	}
	replayed := false
	for _, c := range k.calls {
		switch o := c.Outcome(); {
		case o == Unknown, o == Done && !c.Replayed:
			return
		case o == Done:
			replayed = true
		}
	}
	if replayed {
		v.add(7, s.name, "seq %d for key %q was told as made before, and all other calls that nothing happened", a.Seq, a.Key)
	} else {
		v.add(7, s.name, "seq %d is there, and all %d calls with key %q were told that nothing happened", a.Seq, len(k.calls), a.Key)
	}
}

// judgeAskedFor wants one of the calls that asked for an event not to have been
// told that nothing happened.
func judgeAskedFor(s *scene, e *entry, what string, calls []*Call, v *verdict) {
	for _, c := range calls {
		if c.Outcome() != Refused {
			return
		}
	}
	if calls == nil {
		v.add(7, s.name, "seq %d, %s, was not asked for", e.seq, what)
		return
	}
	v.add(7, s.name, "seq %d is there, %s, and all %d calls were told that nothing happened", e.seq, what, len(calls))
}

// judgeTouched wants a call on a number to have been noted by a call that was
// under way in the time that the order of the log leaves.
func judgeTouched(s *scene, e *entry, c *numberTouched, left span, v *verdict) {
	t := s.touches[c.Number]
	switch _, ok := t.within(left); {
	case ok, left.from > left.to: // where the order is broken no time is left for anything
	case t == nil:
		v.add(7, s.name, "seq %d touches number %s, which nobody asked for", e.seq, c.Number)
	case len(t.calls) == 0:
		v.add(7, s.name, "seq %d touches number %s, and all calls to do so were told that nothing happened", e.seq, c.Number)
	default:
		v.add(4, s.name, "seq %d touches number %s, and no call to do so was under way from %v to %v", e.seq, c.Number, left.from, left.to)
	}
}

// judgeFlip wants a planner to be switched by a call that was under way in the
// time that the order of the log leaves.
func judgeFlip(s *scene, seq int64, f flip, left span, v *verdict) {
	switch _, ok := s.causes(f, left); {
	case ok, left.from > left.to: // where the order is broken no time is left for anything
	case s.switches[f] == nil:
		v.add(7, s.name, "seq %d switches %s (active: %v), which nobody asked for", seq, f.planner, f.active)
	case len(s.switches[f].calls) == 0:
		v.add(7, s.name, "seq %d switches %s (active: %v), and all calls to do so were told that nothing happened", seq, f.planner, f.active)
	default:
		v.add(4, s.name, "seq %d switches %s (active: %v), and no call to do so was under way from %v to %v", seq, f.planner, f.active, left.from, left.to)
	}
}

// judgeOnce is promise 1 for reassignments, which have keys of their own, and
// for what is asked for once: a call is in the log at most once.
func judgeOnce(s *scene, v *verdict) {
	seen := map[string]int64{}
	for i := range s.log {
		note := ""
		switch c := s.log[i].data.(type) {
		case *reassigned:
			note = c.Note
		case *releasedMany:
			note = c.Reason
		case *numberChanged:
			note = c.Reason
		}
		if first, again := seen[note]; again && note != "" {
			v.add(1, s.name, "seq %d is the same call's as seq %d: %s", s.log[i].seq, first, note)
		}
		seen[note] = s.log[i].seq
	}
}
