package assign

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// What a [Replay] makes of the ends of assignments, and of their passing from
// one planner to another.

// A passing is an assignment that was reassigned.
type passing struct {
	holder *turn
	turns  []int64 // positions of the events
	rows   int     // of these, seen
}

// An amendment is what became of an assignment beyond its end. Its zero value
// is nothing.
type amendment struct {
	id       string // of the assignment, if an event says so
	voided   time.Time
	turnBack bool
	holder   PlannerID
	name     string
}

func amendmentOf(a *Assignment) amendment {
	return amendment{voided: a.VoidedAt, turnBack: a.TurnBack, holder: a.ReassignedTo, name: a.ReassignedToName}
}

// cloned is a without what it points to.
func (a amendment) cloned() amendment {
	a.holder, a.name = PlannerID(strings.Clone(string(a.holder))), strings.Clone(a.name)
	return a
}

// amend notes what an event says of the assignment at seq; its row is compared
// when all has been said.
func (r *Replay) amend(seq int64, id string, change func(*amendment)) {
	delete(r.claims, seq)
	a := r.amended[seq]
	a.id = id
	change(&a)
	r.amended[seq] = a
}

// live reports whether an event may end or pass on the assignment at seq, and
// finds fault if not.
func (r *Replay) live(e *Event, kind FindingKind, does, id string, seq int64) bool {
	switch cell := *r.owners.at(seq); {
	case cell == 0 || cell&turnPassed != 0:
		r.find(e.Seq, kind, "it %s assignment %s at %d, where there is none", does, id, seq)
	case cell&turnOver != 0:
		r.find(e.Seq, kind, "it %s assignment %s at %d, which was over before", does, id, seq)
	default:
		return true
	}
	return false
}

// holder is who has the assignment at seq, which is there.
func (r *Replay) holder(seq int64) *turn {
	if p := r.passed[seq]; p != nil {
		return p.holder
	}
	return r.roster[*r.owners.at(seq)>>turnBits-1]
}

func (r *Replay) release(e *Event, d Released) { r.end(e, FoundRelease, "releases", d.Ended, e.At) }

func (r *Replay) releaseMany(e *Event, d ReleasedMany) {
	if len(d.Assignments) == 0 {
		r.find(e.Seq, FoundEvent, "it releases no assignment")
	}
	for _, one := range d.Assignments {
		r.end(e, FoundRelease, "releases", one, e.At)
	}
}

func (r *Replay) expire(e *Event, d Expired) {
	if len(d.Assignments) == 0 {
		r.find(e.Seq, FoundEvent, "it ends no assignment")
	}
	for _, one := range d.Assignments {
		r.end(e, FoundExpiry, "lets expire", one.Ended, one.EndedAt)
	}
}

// end replays the end of an assignment at a time.
func (r *Replay) end(e *Event, kind FindingKind, does string, d Ended, at time.Time) {
	var holder *turn
	if r.live(e, kind, does, d.ID, d.Seq) {
		holder = r.holder(d.Seq)
		holder.Open--
		r.open--
		*r.owners.at(d.Seq) |= turnOver
		r.ended(d.Seq, released{d.ID, at, e.Seq})
		r.due(e, kind, d, at)
	}
	r.giveBack(e, kind, d, at, holder)
}

// due checks that an assignment ended when its number's life was over, and by
// itself if that was before.
func (r *Replay) due(e *Event, kind FindingKind, d Ended, at time.Time) {
	s := r.holding[d.Seq]
	if s == nil || s.unsure || s.held != d.Seq {
		if kind == FoundExpiry && s == nil {
			r.find(e.Seq, kind, "it lets assignment %s expire, which has no number", d.ID)
		}
		return
	}
	switch over := s.Expired(e.At); {
	case !r.lives():
	case kind != FoundExpiry && over:
		r.wrongLives++
		r.find(e.Seq, kind, "it ends assignment %s, which was over by itself at %s", d.ID, clock(s.ExpiresAt))
	case kind == FoundExpiry && (!over || !s.ExpiresAt.Equal(at)):
		r.wrongLives++
		r.find(e.Seq, kind, "it lets assignment %s expire at %s; its number's life ends at %s", d.ID, clock(at), clock(s.ExpiresAt))
	}
}

// lives reports whether the log can be trusted about how long assignments have
// their numbers.
func (r *Replay) lives() bool { return r.wrongLives < patience }

// ended compares the event that ended the assignment at seq with what the
// assignment's row said, if that was read late enough to know.
func (r *Replay) ended(seq int64, event released) {
	row, ok := r.pending[seq]
	if !ok {
		r.late[seq] = event
		return
	}
	delete(r.pending, seq)
	r.sameEnd(seq, row, event)
}

func (r *Replay) sameEnd(seq int64, row, event released) {
	if row.id != event.id {
		r.find(event.event, FoundRelease, "it releases assignment %s at %d, where there is %s", event.id, seq, row.id)
	}
	if !row.at.Equal(event.at) {
		r.find(seq, FoundAssignmentState, "its row says that it was released at %s; the event at %d says at %s",
			clock(row.at), event.event, clock(event.at))
	}
}

func (r *Replay) void(e *Event, d Voided) {
	cell := *r.owners.at(d.Seq)
	switch {
	case cell == 0 || cell&turnPassed != 0:
		r.find(e.Seq, FoundVoid, "it voids assignment %s at %d, where there is none", d.ID, d.Seq)
		r.distrustTurns(d.TurnsBack)
		return
	case !r.amended[d.Seq].voided.IsZero():
		r.find(e.Seq, FoundVoid, "it voids assignment %s at %d, which is void", d.ID, d.Seq)
		r.distrustTurns(d.TurnsBack)
		return
	}
	if cell&turnOver == 0 {
		r.end(e, FoundVoid, "voids", d.Ended, e.At)
	}
	r.takeBack(e, FoundVoid, d.TurnsBack, r.counting(d.Seq))
	r.amend(d.Seq, d.ID, func(a *amendment) { a.voided, a.turnBack = e.At, true })
	r.before = pick{}
}

// counting are the positions of the turns that the assignment at seq counts
// for.
func (r *Replay) counting(seq int64) []int64 {
	turns := []int64{seq}
	if p := r.passed[seq]; p != nil {
		turns = append(turns, p.turns...)
	}
	return slices.DeleteFunc(turns, func(turn int64) bool { return *r.owners.at(turn)&turnBack != 0 })
}

// takeBack takes turns back, which must be these.
func (r *Replay) takeBack(e *Event, kind FindingKind, backs []TurnBack, want []int64) {
	var is []int64
	for _, b := range backs {
		is = append(is, b.Turn)
	}
	if !slices.Equal(is, want) {
		r.find(e.Seq, kind, "it gives back the turns at %v; those to give back are %v", is, want)
		r.distrustTurns(backs)
		for _, turn := range want {
			r.distrust(r.roster[*r.owners.at(turn)>>turnBits-1])
		}
	}
	for _, b := range backs {
		r.takeOne(e, kind, b)
	}
}

func (r *Replay) takeOne(e *Event, kind FindingKind, b TurnBack) {
	t := r.planners[b.Planner]
	cell := r.owners.at(b.Turn)
	if t == nil || *cell>>turnBits != t.ordinal || *cell&turnBack != 0 {
		r.find(e.Seq, kind, "it gives back planner %s's turn at %d, which is not theirs", b.Planner, b.Turn)
		r.distrustTurns([]TurnBack{b})
		if *cell != 0 {
			r.distrust(r.roster[*cell>>turnBits-1])
		}
		return
	}
	*cell |= turnBack
	if last := r.owners.latest(t, t.LastSeq); last != b.LastSeq || (b.LastAt == nil) != (last == 0) {
		r.find(e.Seq, kind, "it leaves planner %s with a last turn at %d; that is %d", t.ID, b.LastSeq, last)
		r.distrust(t)
	}
	t.Assigned--
	r.assigned--
	t.LastSeq, t.LastAt = b.LastSeq, time.Time{}
	if b.LastAt != nil {
		t.LastAt = *b.LastAt
	}
	r.ranked(t)
}

// distrustTurns is for turns that are not as an event says: who is said to have
// had them may have another load than the log tells.
func (r *Replay) distrustTurns(backs []TurnBack) {
	for _, b := range backs {
		if t := r.planners[b.Planner]; t != nil {
			r.distrust(t)
		}
	}
}

func (r *Replay) reassign(e *Event, d Reassigned) {
	if !r.live(e, FoundReassign, "passes on", d.ID, d.Seq) {
		r.distrustTurns(d.TurnsBack)
		r.distrustTurns([]TurnBack{{Planner: d.To}})
		return
	}
	from := r.holder(d.Seq)
	if from.ID != d.From {
		r.find(e.Seq, FoundReassign, "it takes assignment %s from planner %s; %s has it", d.ID, d.From, from.ID)
	}
	if s := r.holding[d.Seq]; s != nil && !s.unsure && s.Expired(e.At) && r.lives() {
		r.wrongLives++
		r.find(e.Seq, FoundReassign, "it passes on assignment %s, which was over by itself at %s", d.ID, clock(s.ExpiresAt))
	}
	p := r.passed[d.Seq]
	if p == nil {
		p = &passing{holder: from}
		r.passed[d.Seq] = p
	}
	to := r.next(e, d, from)
	r.takeBack(e, FoundReassign, d.TurnsBack, r.toGiveBack(d, from, p))
	if !d.Exclude && !to.unsure && !from.unsure && from.Active && from.Rank().Compare(to.Rank()) < 0 {
		r.find(e.Seq, FoundReassign, "it takes assignment %s from planner %s, who would have been next", d.ID, from.ID)
	}
	from.Open--
	to.Open++
	r.turn(to, e.Seq, e.At)
	if cell := r.owners.at(e.Seq); *cell == 0 {
		*cell = ownedBy(to, true)
	}
	p.holder, p.turns = to, append(p.turns, e.Seq)
	back := *r.owners.at(d.Seq)&turnBack != 0
	r.amend(d.Seq, d.ID, func(a *amendment) { a.turnBack, a.holder, a.name = back, d.To, d.ToName })
	r.before = pick{}
}

// toGiveBack is the position of the turn that a reassignment gives back.
func (r *Replay) toGiveBack(d Reassigned, from *turn, p *passing) []int64 {
	if !ReassignReason(d.Reason).givesBack() {
		return nil
	}
	turn := d.Seq
	for _, seq := range p.turns {
		if *r.owners.at(seq)>>turnBits == from.ordinal {
			turn = seq
		}
	}
	if *r.owners.at(turn)&turnBack != 0 {
		return nil
	}
	return []int64{turn}
}

// next checks who is given an assignment of somebody else's, and returns who
// is said to have been.
func (r *Replay) next(e *Event, d Reassigned, from *turn) *turn {
	to, first := r.planners[d.To], r.order.firstBut(from)
	if to == nil {
		r.find(e.Seq, FoundUnknownPlanner, "it goes to planner %s, whom no earlier event has added", d.To)
		to = r.join(d.To)
		to.Name, to.unsure = d.ToName, true
		r.activate(to, true)
	}
	switch {
	case to == from:
		r.find(e.Seq, FoundReassign, "it goes to planner %s, who has it", to.ID)
		r.distrust(to)
		if first != nil {
			r.distrust(first) // it was for one of the others
		}
	case !to.Active:
		r.find(e.Seq, FoundInactivePlanner, "it goes to planner %s, who is not active", to.ID)
		r.distrust(to)
		r.activate(to, true)
	case to.unsure:
		r.learn(to, first)
	case to != first:
		if !excused(&r.slack.planners) {
			r.find(e.Seq, FoundPick, "it goes to planner %s (load %d, last turn at %d); the rule picks %s (load %d, last turn at %d)",
				to.ID, to.Rank().Load, to.LastSeq, first.ID, first.Rank().Load, first.LastSeq)
		}
		r.distrust(to)
		r.distrust(first)
	}
	if d.ToName != to.Name {
		r.find(e.Seq, FoundPlannerName, "it calls planner %s %q, whose name was %q", to.ID, d.ToName, to.Name)
	}
	return to
}

// sameAmendment compares the row of the assignment at seq with what events
// have said.
func (r *Replay) sameAmendment(seq int64, row, events amendment) {
	events.id = ""
	if !row.voided.Equal(events.voided) {
		r.find(seq, FoundAssignmentState, "its row says that it was voided at %s; the events say at %s", clock(row.voided), clock(events.voided))
	}
	row.voided, events.voided = time.Time{}, time.Time{}
	if row != events {
		r.find(seq, FoundAssignmentState, "its row says that %s has it, named %q (turn given back: %t); the events say %s, %q, %t",
			cmp.Or(row.holder, "who was picked"), row.name, row.turnBack, cmp.Or(events.holder, "who was picked"), events.name, events.turnBack)
	}
}
