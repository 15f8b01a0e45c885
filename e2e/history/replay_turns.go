package history

import (
	"fmt"
	"slices"
	"time"

	"fairlead/api/client"
)

// Turns that are given back, and turns that somebody has by a reassignment.

// voidReasons and reassignReasons are those that there are; of the second,
// whether the planner who had the assignment gets the turn back.
var (
	voidReasons     = map[string]bool{"mistake": true, "no_show": true}
	reassignReasons = map[string]bool{"mistake": true, "customer": true, "unavailable": false, "declined": false}
)

// void applies that an assignment is as if it had not been: it ends, if it has
// not, and each of its turns that counts is given back.
func (r *replay) void(e *entry, c *voided) {
	l := r.lives[c.ID]
	switch {
	case l == nil:
		r.wrong("seq %d voids %s, which is not there", e.seq, c.ID)
		return
	case l.state == client.AssignmentStateVoid:
		r.wrong("seq %d voids seq %d, which is void", e.seq, l.Seq)
	case l.state == client.AssignmentStateActive:
		r.end(e, c.ended, e.at)
	case c.ended.Number != nil || c.ended.FreeAt != nil:
		r.wrong("seq %d gives back number %q of seq %d, which had ended", e.seq, text(c.ended.Number), l.Seq)
	case c.Seq != l.Seq:
		r.wrong("seq %d voids %s as seq %d, which is seq %d", e.seq, c.ID, c.Seq, l.Seq)
	}
	if !voidReasons[c.Reason] {
		r.wrong("seq %d voids seq %d for %q, which is no reason", e.seq, l.Seq, c.Reason)
	}
	r.giveBack(e, l, l.counting(), c.TurnsBack)
	l.state, l.voided = client.AssignmentStateVoid, &e.at
}

// counting are the turns of an assignment that count, as places in had.
func (l *life) counting() (all []int) {
	for i, h := range l.had {
		if h.counts {
			all = append(all, i)
		}
	}
	return all
}

// giveBack takes turns of an assignment from those who had them, oldest first,
// and holds what the log says of it against what comes of it.
func (r *replay) giveBack(e *entry, l *life, turns []int, said []turnBack) {
	var due []turnBack
	for _, i := range turns {
		h := &l.had[i]
		h.counts = false
		p := r.planners[h.planner]
		if p == nil {
			continue // whom the pool does not have, which was told
		}
		p.taken = slices.DeleteFunc(p.taken, func(t taken) bool { return t.seq == h.turn })
		r.seat(p)
		back := turnBack{Planner: p.id, Turn: h.turn, LastSeq: p.last().seq}
		if last := p.last(); last.seq != 0 {
			back.LastAt = &last.at
		}
		due = append(due, back)
	}
	if !slices.EqualFunc(due, said, sameTurn) {
		r.wrong("seq %d gives back of seq %d %v, and %v were to be given back", e.seq, l.Seq, said, due)
	}
}

func sameTurn(a, b turnBack) bool {
	return a.Planner == b.Planner && a.Turn == b.Turn && a.LastSeq == b.LastSeq && same(a.LastAt, b.LastAt)
}

// String is the turn for people.
func (t turnBack) String() string {
	last := "never"
	if t.LastAt != nil {
		last = t.LastAt.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%s's turn at %d (the last is then at %d, %s)", t.Planner, t.Turn, t.LastSeq, last)
}

// reassign applies that a live assignment went to the planner whose turn it
// was, but for the one who had it.
func (r *replay) reassign(e *entry, c *reassigned) {
	l := r.live[c.ID]
	if l == nil {
		r.wrong("seq %d reassigns %s, which is not live", e.seq, c.ID)
		return
	}
	r.notExpired(e, l)
	if c.Seq != l.Seq || c.From != l.holder.ID {
		r.wrong("seq %d reassigns %s as seq %d from %s, which is seq %d and is with %s", e.seq, c.ID, c.Seq, c.From, l.Seq, l.holder.ID)
	}
	back, known := reassignReasons[c.Reason]
	if !known {
		r.wrong("seq %d reassigns seq %d for %q, which is no reason", e.seq, l.Seq, c.Reason)
	}
	r.picked(e, l, c)
	var turns []int
	if last := len(l.had) - 1; back && l.had[last].counts {
		turns = []int{last}
	}
	r.giveBack(e, l, turns, c.TurnsBack)
	if from := r.planners[l.holder.ID]; from != nil {
		from.open--
	}
	if !c.Exclude {
		r.notKept(e, l, c)
	}
	if to := r.planners[c.To]; to != nil {
		r.give(to, e.seq, e.at)
	}
	l.had = append(l.had, had{c.To, e.seq, true})
	l.holder = client.AssignedPlanner{ID: c.To, Name: c.ToName}
}

// picked holds who gets an assignment against whose turn it is among all but
// the one who has it.
func (r *replay) picked(e *entry, l *life, c *reassigned) {
	out := r.planners[l.holder.ID]
	if out != nil {
		r.turns.drop(out.id)
		defer r.seat(out)
	}
	switch due, _, any := r.turns.first(); {
	case !any:
		r.wrong("seq %d goes on to %s, and nobody else is active", e.seq, c.To)
	case c.To != due:
		r.wrong("seq %d goes on to %s, and it is the turn of %s", e.seq, r.told(c.To), r.told(due))
	case c.ToName != r.planners[due].Name:
		r.wrong("seq %d calls planner %s %q, and the name was %q", e.seq, c.To, c.ToName, r.planners[due].Name)
	}
}

// notKept wants a planner who might have kept an assignment not to be the next
// without the turn for it.
func (r *replay) notKept(e *entry, l *life, c *reassigned) {
	from, to := r.planners[l.holder.ID], r.planners[c.To]
	if from != nil && to != nil && from.Active && from.turn().sooner(to.turn()) {
		r.wrong("seq %d goes on to %s, and %s was to keep it", e.seq, r.told(c.To), r.told(from.id))
	}
}
