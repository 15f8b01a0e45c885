package history

import (
	"cmp"
	"slices"
	"time"

	"fairlead/api/client"
)

// end applies that an assignment ended at a time. It is still the turn of who
// had it.
func (r *replay) end(e *entry, c ended, at time.Time) {
	l := r.live[c.ID]
	if l == nil {
		r.wrong("seq %d ends %s, which is not live", e.seq, c.ID)
		return
	}
	if _, byItself := e.data.(*expired); !byItself {
		r.notExpired(e, l)
	}
	delete(r.live, c.ID)
	l.state, l.ended, l.expires = client.AssignmentStateReleased, &at, nil
	if c.Seq != l.Seq {
		r.wrong("seq %d ends %s as seq %d, which is seq %d", e.seq, c.ID, c.Seq, l.Seq)
	}
	if p := r.planners[l.holder.ID]; p != nil {
		p.open--
	}
	r.takeBack(e, l, c, at)
}

// notExpired wants an assignment that something happens to not to have ended by
// itself: that has to be in the log first.
func (r *replay) notExpired(e *entry, l *life) {
	if l.expires != nil && !l.expires.After(e.at) {
		r.wrong("seq %d of %v is about seq %d as live, which ended by itself at %v", e.seq, e.at, l.Seq, *l.expires)
	}
}

// expire applies ends that came by themselves, none of them before its time.
func (r *replay) expire(e *entry, c *expired) {
	if len(c.Assignments) == 0 {
		r.wrong("seq %d ends nothing", e.seq)
	}
	for _, a := range c.Assignments {
		switch l := r.live[a.ID]; {
		case l == nil: // which is told when it is ended
		case l.expires == nil:
			r.wrong("seq %d says that seq %d ended by itself, which does not", e.seq, l.Seq)
		case l.expires.After(e.at):
			r.wrong("seq %d of %v says that seq %d ended by itself, which does so at %v", e.seq, e.at, l.Seq, *l.expires)
		case !l.expires.Equal(a.EndedAt):
			r.wrong("seq %d says that seq %d ended by itself at %v, which did so at %v", e.seq, l.Seq, a.EndedAt, *l.expires)
		}
		if l := r.live[a.ID]; l != nil && r.outOfUse(text(l.Number)) {
			r.passed = e.at
		}
		r.end(e, a.ended, a.EndedAt)
	}
}

// releaseMany applies a release of many, which must be of those, oldest first,
// that were asked for.
func (r *replay) releaseMany(e *entry, c *releasedMany) {
	if len(c.Assignments) == 0 {
		r.wrong("seq %d ends nothing", e.seq)
	}
	r.asFiltered(e, c)
	for _, a := range c.Assignments {
		r.end(e, a, e.at)
	}
}

// asFiltered holds the assignments that a call released against its filter.
func (r *replay) asFiltered(e *entry, c *releasedMany) {
	calls := r.noted[c.Reason]
	if len(calls) == 0 || calls[0].Kind != ReleaseMany || calls[0].Which == nil {
		return // which is told as not asked for
	}
	call := calls[0]
	due := r.fitting(call.Which, e.at.Add(readTime))
	if n := call.Which.limit(); len(c.Assignments) > n {
		r.wrong("seq %d ends %d assignments, and at most %d were to be", e.seq, len(c.Assignments), n)
	}
	for i, a := range c.Assignments {
		if i == len(due) || due[i].ID != a.ID {
			r.wrong("seq %d ends %s as number %d that fits %+v, and that is %s", e.seq, a.ID, i+1, *call.Which, nthOf(due, i))
			return
		}
	}
	all := len(r.fitting(call.Which, e.at))
	if m := call.Many; m != nil && !m.More && len(c.Assignments) < all {
		r.wrong("seq %d ends %d assignments that fit %+v, and was answered as if there were no more, of %d", e.seq, len(c.Assignments), *call.Which, all)
	}
}

// readTime is how much later than its event a unit may have looked for
// assignments that are old enough.
const readTime = 5 * time.Second

func nthOf(lives []*life, i int) string {
	if i < len(lives) {
		return lives[i].ID
	}
	return "none"
}

// fitting are the live assignments that a filter chooses at a time, oldest
// first. Those that have ended by themselves are not live any more.
func (r *replay) fitting(f *Filter, at time.Time) (all []*life) {
	for _, l := range r.live {
		if f.Planner != "" && l.holder.ID != f.Planner || at.Sub(l.AssignedAt) < f.Age || !r.fitsState(l, f.State) {
			continue
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *life) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}

func (r *replay) fitsState(l *life, state string) bool {
	if state == "" || state == "active" {
		return true
	}
	n := r.numbers[text(l.Number)]
	return n != nil && n.holder == l.ID && string(n.state) == state
}
