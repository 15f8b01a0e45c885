package assign

import (
	"fmt"
	"strings"
	"time"
)

// What a [Replay] makes of planners: whose turn it is, and how they join.

// A turn is a planner in a [Replay]: as the log makes it, and where it stands.
type turn struct {
	Planner
	ordinal uint32
	index   int

	// skew is what the picks say the load must be beyond what the log counts:
	// not 0 only after damage. With unsure even that is not known, and the
	// planner is in no order until it is picked once more.
	skew   int64
	unsure bool

	alias string // a name that an assignment gave it, once
	phone bool   // whether one is kept
	first int64  // position of its first turn
	seen  bool   // its row
}

func (t *turn) place() *int { return &t.index }

// Rank is the planner's true place, as far as it is known.
func (t *turn) Rank() Rank {
	r := t.Planner.Rank()
	r.Load += t.skew
	return r
}

// A pick is the rank that a planner was picked with; the zero value is none.
type pick struct {
	*turn
	Rank
}

// turn counts a turn of t.
func (r *Replay) turn(t *turn, seq int64, at time.Time) {
	t.Assigned++
	t.LastSeq, t.LastAt = seq, at
	if t.first == 0 {
		t.first = seq
	}
	r.ranked(t)
	r.assigned++
}

// ranked moves t to where it belongs now, if it is in the order.
func (r *Replay) ranked(t *turn) {
	if t.index >= 0 {
		r.order.put(t)
	}
}

// picked checks whose turn it was, and returns whose turn it is said to have
// been.
func (r *Replay) picked(a *Assignment) *turn {
	t, first := r.planners[a.Planner], r.order.first()
	switch {
	case t == nil:
		t = r.unknown(a)
	case !t.Active:
		r.find(a.Seq, FoundInactivePlanner, "it went to planner %s, who is not active", t.ID)
		r.distrust(t)
		r.activate(t, true)
	case t.unsure:
		r.learn(t, first)
	case t != first:
		if !excused(&r.slack.planners) {
			r.find(a.Seq, FoundPick, "it went to planner %s (load %d, last turn at %d); the rule picks %s (load %d, last turn at %d)",
				t.ID, t.Rank().Load, t.LastSeq, first.ID, first.Rank().Load, first.LastSeq)
		}
		r.distrust(t)
		r.distrust(first)
	}
	if r.before = (pick{t, t.Rank()}); t.unsure {
		r.before = pick{}
	}
	r.named(a, t)
	return t
}

// unknown adds a planner of whom the log has not told.
func (r *Replay) unknown(a *Assignment) *turn {
	r.find(a.Seq, FoundUnknownPlanner, "it went to planner %s, whom no earlier event has added", a.Planner)
	t := r.join(PlannerID(strings.Clone(string(a.Planner))))
	t.Name = strings.Clone(a.PlannerName)
	t.unsure = true
	r.activate(t, true)
	return t
}

// join adds a planner who is not active yet.
func (r *Replay) join(id PlannerID) *turn {
	t := &turn{Planner: Planner{ID: id}, ordinal: uint32(len(r.roster) + 1), index: -1}
	r.roster = append(r.roster, t)
	r.planners[id] = t
	return t
}

func (r *Replay) activate(t *turn, active bool) {
	r.active += count(active) - count(t.Active)
	t.Active = active
	if active && !t.unsure {
		r.order.put(t)
	} else {
		r.order.drop(t)
	}
}

// distrust takes a planner out of the order: either its load is not what the
// log has it, or an assignment is not its own.
func (r *Replay) distrust(t *turn) {
	t.unsure = true
	r.order.drop(t)
}

// learn puts a planner back into the order who is picked although its rank was
// not known, if the rank is known now. It must have been behind the pick before
// this one, and before everybody of whom the rank is known; where these leave a
// choice, a later pick will tell. If nobody's rank is known, this one is what
// the others are measured by.
func (r *Replay) learn(t, first *turn) {
	if first != nil {
		most := t.loadBefore(first)
		if r.before.turn == nil || r.before.turn == t || t.loadBehind(r.before.Rank) != most {
			return
		}
		t.skew = most - t.Load()
	}
	t.unsure = false
	r.order.put(t)
}

// loadBefore is the largest load with which t is picked before first.
func (t *turn) loadBefore(first *turn) int64 { return t.loadBehind(first.Rank()) - 1 }

// loadBehind is the smallest load with which t is picked behind r.
func (t *turn) loadBehind(r Rank) int64 {
	if (Rank{r.Load, t.LastSeq, t.ID}).Compare(r) < 0 {
		return r.Load + 1
	}
	return r.Load
}

// named checks the name that an assignment gives its planner. The second time
// that it gives the same other one, that is the planner's name.
func (r *Replay) named(a *Assignment, t *turn) {
	switch a.PlannerName {
	case t.Name:
	case t.alias:
		t.Name, t.alias = t.alias, t.Name
	default:
		r.find(a.Seq, FoundPlannerName, "it calls planner %s %q, whose name was %q", t.ID, a.PlannerName, t.Name)
		t.alias = strings.Clone(a.PlannerName)
	}
}

func (r *Replay) plannersChanged(e *Event, d PlannersChanged) {
	if len(d.Planners) == 0 {
		r.find(e.Seq, FoundEvent, "it changes nobody")
	}
	for i := range d.Planners {
		r.plannerChanged(e, &d.Planners[i])
	}
	r.before = pick{}
}

func (r *Replay) plannerChanged(e *Event, c *PlannerChanged) {
	t, known := r.planners[c.ID]
	if !known {
		t = r.join(c.ID)
	}
	was := PlannerData{t.Name, t.Active, t.Base, t.phone}
	switch trusted := known && !t.unsure; {
	case known && c.Was == nil:
		r.find(e.Seq, FoundEvent, "it adds planner %s, who is there", c.ID)
	case !known && c.Was != nil:
		r.find(e.Seq, FoundEvent, "it changes planner %s, whom no earlier event has added", c.ID)
		was = *c.Was
	case c.PhoneChanged && !c.Phone && (c.Was == nil || !c.Was.Phone):
		r.find(e.Seq, FoundEvent, "it takes a phone from planner %s, who had none", c.ID)
	case known && *c.Was == c.PlannerData && !c.PhoneChanged:
		r.find(e.Seq, FoundEvent, "it lists planner %s, whom it does not change", c.ID)
	case trusted && *c.Was != was && !excused(&r.slack.planners):
		r.find(e.Seq, FoundEvent, "it changes planner %s from %s, who was %s", c.ID, *c.Was, was)
		was = *c.Was
	case known:
		was = *c.Was
	}
	r.raised(e, t, was, c.PlannerData)
	t.Name, t.alias, t.Base, t.phone = c.Name, "", c.Base, c.Phone
	r.activate(t, c.Active)
}

// raised checks the load that a planner joins with, and that nobody else's
// changes. The event does not say which start was asked for.
func (r *Replay) raised(e *Event, t *turn, was, is PlannerData) {
	if is.Base == was.Base {
		return
	}
	level := was.Base
	if is.Active && !was.Active {
		if int64(len(r.order)) < r.active {
			return // somebody's rank is not known
		}
		if first := r.order.first(); first != nil {
			level += max(0, first.Rank().Load-was.Base-t.Assigned-t.skew)
		}
	}
	if is.Base != level {
		r.find(e.Seq, FoundBase, "it changes the base of planner %s from %d to %d; to be level it must be %d", t.ID, was.Base, is.Base, level)
	}
}

func (d PlannerData) String() string {
	return fmt.Sprintf("%q (active: %t, base %d, phone: %t)", d.Name, d.Active, d.Base, d.Phone)
}
