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
	for _, c := range s.releasing {
		judgeRelease(s, c, v)
	}
	judgeSwitched(s, v)
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
	case a.State == client.AssignmentStateReleased && !same(a.ReleasedAt, row.ReleasedAt):
		v.add(2, s.name, "seq %d for key %q: released at %v, kept as %s at %v", a.Seq, a.Key, a.ReleasedAt, row.State, row.ReleasedAt)
	}
}

// judgeRelease holds what a caller was told of a release against the row.
func judgeRelease(s *scene, c *Call, v *verdict) {
	row := s.byID[c.ID]
	switch {
	case c.Outcome() == Done:
		judgeAnswer(s, c, row, v)
		if a := c.Answer; a != nil && (a.ID != c.ID || a.State != client.AssignmentStateReleased) {
			v.add(2, s.name, "the release of %s was answered with %s, %s", c.ID, a.ID, a.State)
		}
	case c.Code == client.ProblemCodeAssignmentNotFound && row != nil:
		v.add(2, s.name, "seq %d was known to a caller, who was told that there is no %s", row.Seq, c.ID)
	}
}

// judgeSwitched wants planners to have been what callers were told that they
// had made of them, at some position of the log at which that may have been.
func judgeSwitched(s *scene, v *verdict) {
	if len(s.switched) == 0 {
		return
	}
	states, places := statesOf(s), placesOf(s)
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

// A state is what a planner became at a position of the log.
type state struct {
	seq    int64
	active bool
}

// states are those of each planner, in the order of seq.
type states map[string][]state

func statesOf(s *scene) states {
	all := states{}
	for i := range s.log {
		changed, ok := s.log[i].data.(*plannersChanged)
		if !ok {
			continue
		}
		for _, p := range changed.Planners {
			if before := all[p.ID]; len(before) == 0 || before[len(before)-1].active != p.Active {
				all[p.ID] = append(before, state{s.log[i].seq, p.Active})
			}
		}
	}
	return all
}

// was reports whether the planner was active, or not, right after some
// position from first to last.
func (all states) was(planner string, active bool, first, last int64) bool {
	changes := all[planner]
	i := countUpTo(changes, first, func(c state) int64 { return c.seq })
	for _, c := range changes[max(0, i-1):] {
		if c.seq > last {
			return false
		}
		if c.active == active {
			return true // of two in a row one is
		}
	}
	return false
}

func same(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
