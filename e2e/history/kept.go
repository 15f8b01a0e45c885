package history

import (
	"time"

	"fairlead/api/client"
)

// judgeKept is promise 2: what was answered with a success is in the tables.
func judgeKept(s *scene, v *verdict) {
	for _, k := range s.keys {
		for _, c := range k.calls {
			if c.Outcome() == Done {
				judgeAnswer(s, c, s.rowOf(k, c), v)
			}
		}
	}
	by := notesOf(s)
	for _, c := range s.changing {
		judgeChanging(s, c, by, v)
	}
	for _, c := range s.many {
		judgeMany(s, c, by, v)
	}
	judgeSwitched(s, v)
	judgeCared(s, v)
}

// rowOf is the row that an answer speaks of, or else the key's.
func (s *scene) rowOf(k *asked, c *Call) *client.Assignment {
	if c.Answer != nil && s.byID[c.Answer.ID] != nil {
		return s.byID[c.Answer.ID]
	}
	return s.kept[k.key]
}

// judgeAnswer holds an answer against the row that it speaks of.
func judgeAnswer(s *scene, c *Call, row *client.Assignment, v *verdict) {
	a := c.Answer
	switch {
	case a == nil:
		v.add(2, s.name, "a success without an assignment: %s of %q%s", c.Kind, c.Key, c.ID)
	case row == nil:
		v.add(2, s.name, "seq %d for key %q was answered and is lost", a.Seq, a.Key)
	case differ(a, row) != "":
		v.add(2, s.name, "seq %d for key %q: answered and kept with %s", a.Seq, a.Key, differ(a, row))
	case a.State == client.AssignmentStateReleased && (row.State == client.AssignmentStateActive || !same(a.ReleasedAt, row.ReleasedAt)):
		v.add(2, s.name, "seq %d for key %q: released at %s, kept as %s at %s", a.Seq, a.Key, timeText(a.ReleasedAt), row.State, timeText(row.ReleasedAt))
	case a.State == client.AssignmentStateVoid && (row.State != a.State || !same(a.ReleasedAt, row.ReleasedAt) || !same(a.VoidedAt, row.VoidedAt)):
		v.add(2, s.name, "seq %d for key %q: ended at %s and void since %s, kept as %s at %s, void since %s",
			a.Seq, a.Key, timeText(a.ReleasedAt), timeText(a.VoidedAt), row.State, timeText(row.ReleasedAt), timeText(row.VoidedAt))
	}
}

// notes are the entries of the log that tell whose call they are, by its note.
type notes map[string]*entry

func notesOf(s *scene) notes {
	by := notes{}
	for i := range s.log {
		e := &s.log[i]
		switch c := e.data.(type) {
		case *reassigned:
			by[c.Note] = e
		case *releasedMany:
			by[c.Reason] = e
		}
	}
	return by
}

// judgeChanging holds what a caller was told of a release, a void or a
// reassignment against the row and the log.
func judgeChanging(s *scene, c *Call, by notes, v *verdict) {
	row := s.byID[c.ID]
	switch {
	case c.Outcome() == Done:
		judgeAnswer(s, c, row, v)
		if a := c.Answer; a != nil && (a.ID != c.ID || !c.leads(a.State)) {
			v.add(2, s.name, "the %s of %s was answered with %s, %s", c.Kind, c.ID, a.ID, a.State)
		}
		if c.Kind == Reassign && c.Answer != nil && row != nil {
			judgeReassigned(s, c, by, v)
		}
	case c.Code == client.ProblemCodeAssignmentNotFound && row != nil:
		v.add(2, s.name, "seq %d was known to a caller, who was told that there is no %s", row.Seq, c.ID)
	case c.Code == client.ProblemCodeAssignmentOver && row != nil && row.State == client.AssignmentStateActive:
		v.add(2, s.name, "seq %d is live, and was told to be over", row.Seq)
	}
}

// leads reports whether an assignment may be so behind the call. What was
// reassigned with a key before is answered as it is.
func (c *Call) leads(to client.AssignmentState) bool {
	switch c.Kind {
	case Release:
		return to != client.AssignmentStateActive
	case Void:
		return to == client.AssignmentStateVoid
	}
	return true
}

// judgeReassigned wants a reassignment that was answered to be in the log, and
// to have gone to whom the caller was told. A call that was repeated is
// answered with who has it by then.
func judgeReassigned(s *scene, c *Call, by notes, v *verdict) {
	calls, e := s.notedFor(c.Note, Reassign), by[c.Note]
	now := holderOf(c.Answer)
	switch {
	case e == nil && !c.OrCurrent:
		v.add(2, s.name, "the reassignment of %s to %s was answered and is lost", c.ID, now.ID)
	case e == nil || len(calls) > 1:
	case c.Answer.State != client.AssignmentStateActive:
		v.add(2, s.name, "the reassignment of %s was answered with %s", c.ID, c.Answer.State)
	case e.data.(*reassigned).To != now.ID || e.data.(*reassigned).ToName != now.Name:
		v.add(2, s.name, "the reassignment of %s was answered with %v, and seq %d went to %s", c.ID, now, e.seq, e.data.(*reassigned).To)
	}
}

// judgeMany wants all assignments to have been released, and no others, of
// which a caller was told that its release of many did it.
func judgeMany(s *scene, c *Call, by notes, v *verdict) {
	if c.Outcome() != Done {
		return
	}
	if c.Many == nil {
		v.add(2, s.name, "a success of %s without assignments", c.Kind)
		return
	}
	told := map[string]bool{}
	for i := range c.Many.Assignments {
		a := &c.Many.Assignments[i]
		told[a.ID] = true
		judgeAnswer(s, &Call{Kind: c.Kind, Answer: a}, s.byID[a.ID], v)
		if a.State == client.AssignmentStateActive {
			v.add(2, s.name, "the %s was answered with %s, %s", c.Kind, a.ID, a.State)
		}
	}
	if n := len(c.Many.Assignments); c.Which != nil && n > c.Which.limit() {
		v.add(2, s.name, "the %s was answered with %d assignments, and at most %d were to be", c.Kind, n, c.Which.limit())
	}
	done := map[string]bool{}
	if e := by[c.Note]; e != nil {
		ends, _ := e.endings()
		for _, a := range ends {
			done[a.ID] = true
			if !told[a.ID] {
				v.add(2, s.name, "seq %d ended %s, of which its caller was not told", e.seq, a.ID)
			}
		}
	}
	for id := range told {
		if !done[id] && !s.byItself[id] {
			v.add(2, s.name, "the %s was answered with %s, which it has not ended", c.Kind, id)
		}
	}
}

// judgeSwitched wants planners to have been what callers were told that they
// had made of them, at some position of the log at which that may have been.
func judgeSwitched(s *scene, v *verdict) {
	if len(s.switched) == 0 {
		return
	}
	states, places := plannersOf(s), placesOf(s)
	for _, c := range s.switched {
		if c.Outcome() != Done {
			continue
		}
		first, last := places.between(c.Sent, c.Got)
		if first > last { // the order is broken, which is told elsewhere
			continue
		}
		if !states.was(c.Planner, c.Active, first, last) {
			v.add(2, s.name, "switching %s (active: %v) was answered, and is not in the log from seq %d to %d", c.Planner, c.Active, first, last)
		}
	}
}

// plannersOf tells when each planner was active.
func plannersOf(s *scene) timeline[bool] {
	all := timeline[bool]{}
	for i := range s.log {
		if changed, ok := s.log[i].data.(*plannersChanged); ok {
			for _, p := range changed.Planners {
				all.note(p.ID, s.log[i].seq, p.Active)
			}
		}
	}
	return all
}

func same(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
