package assign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Late returns the positions of assignments whose rows, when they were handed
// over, may not have said yet what the log says of their later life. It may be
// that they were read before.
func (r *Replay) Late() []int64 {
	late := maps.Clone(r.late)
	for seq := range r.amended {
		late[seq] = released{}
	}
	return sorted(late)
}

// Settle compares the row of an assignment of Late, read once more.
func (r *Replay) Settle(a *Assignment, holds Number) {
	if events, ok := r.amended[a.Seq]; ok {
		if events.id != a.ID {
			r.find(a.Seq, FoundAssignmentState, "events say of assignment %s what this one's row should say", events.id)
		}
		r.sameAmendment(a.Seq, amendmentOf(a), events)
		delete(r.amended, a.Seq)
	}
	event, ok := r.late[a.Seq]
	if !ok {
		return
	}
	delete(r.late, a.Seq)
	r.standing(a, holds)
	if a.State == AssignmentActive {
		r.stillLive(a.Seq, event)
		return
	}
	r.sameEnd(a.Seq, released{id: a.ID, at: a.ReleasedAt}, event)
}

func (r *Replay) stillLive(seq int64, event released) {
	r.find(seq, FoundAssignmentState, "its row says that it is live; the event at %d has released it", event.event)
}

// A differences collects in which fields a row is not what the log makes it.
type differences []string

func differ[T comparable](d *differences, field string, is, want T) {
	if is != want {
		*d = append(*d, fmt.Sprintf("%s is %v, the log makes it %v", field, is, want))
	}
}

func differAt(d *differences, field string, is, want time.Time) {
	if !is.Equal(want) {
		differ(d, field, clock(is), clock(want))
	}
}

func (d differences) String() string { return strings.Join(d, "; ") }

// TurnRow compares the row of a turn that a reassignment gave.
func (r *Replay) TurnRow(t Turn) {
	p, cell := r.passed[t.Assignment], *r.owners.at(t.Seq)
	if p == nil || cell&turnPassed == 0 || !slices.Contains(p.turns, t.Seq) {
		r.find(t.Seq, FoundTurnRow, "a row says that assignment %d was passed on here, and no event does", t.Assignment)
		return
	}
	p.rows++
	var d differences
	differ(&d, "planner", t.Planner, r.roster[cell>>turnBits-1].ID)
	differ(&d, "counts", t.Counts, cell&turnBack == 0)
	if d != nil {
		r.find(t.Seq, FoundTurnRow, "turn of assignment %d: %s", t.Assignment, d)
	}
}

// Pool compares the pool's row.
func (r *Replay) Pool(p Pool) {
	r.row = &p
	if p.Seq > r.seq {
		r.gap(p.Seq)
	}
	var d differences
	if p.Seq < r.seq {
		differ(&d, "seq", p.Seq, r.seq)
	}
	if p.Seq == r.seq {
		differAt(&d, "last_at", p.LastAt, r.at)
	}
	differ(&d, "settings", settingsData(p.Settings), settingsData(r.settings))
	differ(&d, "planners", p.Planners, int64(len(r.roster)))
	differ(&d, "active", p.Active, r.active)
	differ(&d, "assigned", p.Assigned, r.assigned)
	differ(&d, "live", p.Open, r.open)
	differ(&d, "numbers", p.Numbers, int64(len(r.numbers)))
	differ(&d, "numbers_active", p.NumbersActive, r.counts.NumbersActive)
	differ(&d, "numbers_draining", p.NumbersDraining, r.counts.NumbersDraining)
	differ(&d, "numbers_suspended", p.NumbersSuspended, r.counts.NumbersSuspended)
	differ(&d, "numbers_aside", p.NumbersAside, r.counts.NumbersAside)
	if !r.aside && r.lives() { // what a number was that was set aside, only a hand knows
		differ(&d, "numbers_expiring", p.NumbersExpiring, r.counts.NumbersExpiring)
	}
	if d != nil {
		r.find(0, FoundPoolRow, "%s", d)
	}
}

// PlannerRow compares a planner's row. load is what the row says that the load
// is, phone whether one is kept. It must be called after Pool.
func (r *Replay) PlannerRow(p Planner, load int64, phone bool) {
	if rank := (Rank{load, p.LastSeq, p.ID}); p.Active && rank.Compare(r.row.PickFrom) < 0 {
		r.find(0, FoundBound, "planner %s (load %d, last turn at %d) is never picked: the pool's row says that nobody comes before load %d, turn %d, planner %q",
			p.ID, load, p.LastSeq, r.row.PickFrom.Load, r.row.PickFrom.LastSeq, r.row.PickFrom.Planner)
	}
	t, ok := r.planners[p.ID]
	if !ok {
		r.find(0, FoundPlannerRow, "planner %s has a row, and no event has added them", p.ID)
		return
	}
	t.seen = true
	var d differences
	if t.alias == "" || p.Name != t.alias {
		differ(&d, "name", fmt.Sprintf("%q", p.Name), fmt.Sprintf("%q", t.Name))
	}
	differ(&d, "active", p.Active, t.Active)
	differ(&d, "base", p.Base, t.Base)
	differ(&d, "assigned", p.Assigned, t.Assigned)
	differ(&d, "live", p.Open, t.Open)
	differ(&d, "load", load, t.Load())
	differ(&d, "last_seq", p.LastSeq, t.LastSeq)
	differAt(&d, "last_at", p.LastAt, t.LastAt)
	differ(&d, "phone", phone, t.phone)
	if d != nil {
		r.find(0, FoundPlannerRow, "planner %s: %s", p.ID, d)
	}
}

// NumberRow compares a number's row. It must be called after Pool.
func (r *Replay) NumberRow(n NumberRecord) {
	if n.State == NumberFree && n.Rank().Compare(r.row.FreeFrom) < 0 {
		r.find(0, FoundBound, "number %s (free since %s) is never given: the pool's row says that none comes before %s, number %q",
			n.Number, clock(n.FreeAt), clock(r.row.FreeFrom.FreeAt), r.row.FreeFrom.Number)
	}
	s, ok := r.numbers[n.Number]
	if !ok {
		r.find(0, FoundNumberRow, "number %s has a row, and no event has added it", n.Number)
		return
	}
	s.seen = true
	if s.unsure {
		return
	}
	var d differences
	differ(&d, "state", n.State, s.State)
	if s.State == NumberFree {
		differAt(&d, "free_at", n.FreeAt, s.FreeAt)
	}
	if s.State != NumberAside {
		differ(&d, "assignment", fmt.Sprintf("%q", n.Assignment), fmt.Sprintf("%q", s.Assignment))
		if r.lives() {
			differAt(&d, "expires_at", n.ExpiresAt, s.ExpiresAt)
		}
		differAt(&d, "used_at", n.UsedAt, s.UsedAt)
		if !n.ReleasedAt.IsZero() { // or it was released before that was written down
			differAt(&d, "released_at", n.ReleasedAt, s.ReleasedAt)
		}
		if r.wrongPairs < patience {
			differ(&d, "last", fmt.Sprintf("%x by %s", n.Earlier.Customer, n.Earlier.Planner), fmt.Sprintf("%x by %s", s.Earlier.Customer, s.Earlier.Planner))
		}
	}
	if d != nil {
		r.find(0, FoundNumberRow, "number %s: %s", n.Number, d)
	}
}

// End reports what has no row, or a row and no event, once all rows have been
// handed over; and how much it has not told.
func (r *Replay) End() {
	if r.row.ID == "" {
		r.find(0, FoundNoPool, "the pool has no row")
	}
	for _, seq := range sorted(r.pending) {
		r.find(seq, FoundAssignmentState, "its row says that it was released at %s, and no event has released it", clock(r.pending[seq].at))
	}
	for _, seq := range sorted(r.late) {
		r.stillLive(seq, r.late[seq])
	}
	for _, n := range sorted(r.asides) {
		a := r.asides[n]
		r.find(a.seq, FoundNumberAside, "number %s was set aside: its record said %s, and assignment %s had it", n, a.Was, a.HeldBy)
	}
	for _, seq := range sorted(r.passed) {
		if p := r.passed[seq]; p.rows != len(p.turns) {
			r.find(seq, FoundTurnRow, "it was passed on %d times, and there are %d rows of that", len(p.turns), p.rows)
		}
	}
	for _, seq := range sorted(r.amended) {
		r.find(seq, FoundAssignmentState, "events void it or pass it on, and its row could not be read again")
	}
	for _, seq := range sorted(r.claims) {
		r.sameAmendment(seq, r.claims[seq], amendment{})
	}
	for _, id := range sorted(r.planners) {
		if !r.planners[id].seen {
			r.find(0, FoundPlannerRow, "planner %s has no row", id)
		}
	}
	for _, n := range sorted(r.numbers) {
		if !r.numbers[n].seen {
			r.find(0, FoundNumberRow, "number %s has no row in this pool", n)
		}
	}
	for _, kind := range sorted(r.found) {
		if more := r.found[kind] - MaxFindings; more > 0 {
			r.report(Finding{r.pool, 0, kind, fmt.Sprintf("%d more of this kind", more)})
		}
	}
}
