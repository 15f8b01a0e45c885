package history

import "fairlead/api/client"

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
		if r, ok := e.data.(*released); ok {
			judgeReleased(s, e, r, v)
		}
		if f, ok := e.flip(); ok {
			judgeFlip(s, e.seq, f, left[i], v)
		}
	}
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

func judgeReleased(s *scene, e *entry, r *released, v *verdict) {
	calls := s.released[r.ID]
	for _, c := range calls {
		if c.Outcome() != Refused {
			return
		}
	}
	if calls == nil {
		v.add(7, s.name, "seq %d, the release of %s, was not asked for", e.seq, r.ID)
		return
	}
	v.add(7, s.name, "seq %d is there, the release of %s, and all %d calls were told that nothing happened", e.seq, r.ID, len(calls))
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
