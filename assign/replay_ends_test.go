package assign

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// richBench is a pool with a past of about a thousand entries of all kinds.
func richBench(seed uint64) *bench {
	b := newBench()
	b.settings(Settings{Cooldown: 20 * time.Second, NumberTTL: 300 * time.Second, TTLFromUse: true, Sticky: true})
	for i := range 12 {
		b.unit("p", b.staff(PlannerChange{ID: plannerID(i)}))
	}
	for i := range 40 {
		b.time = b.time.Add(time.Second)
		b.unit("p", b.stock(number(i)))
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	for i := range 16 {
		b.busy(rnd, 8)
		b.rich(rnd, 16)
		if i == 8 {
			b.settings(Settings{Cooldown: 30 * time.Second, NumberTTL: 200 * time.Second, Sticky: true})
		}
	}
	return b
}

// rich runs so many calls of all kinds, each in a unit of its own.
func (b *bench) rich(rnd *rand.Rand, calls int) {
	reasons := []ReassignReason{ReassignMistake, ReassignCustomer, ReassignDeclined, ReassignUnavailable}
	for range calls {
		b.time = b.time.Add(time.Duration(rnd.IntN(8_000)) * time.Millisecond)
		all := b.pools["p"].Assignments
		a := all[len(all)-1-rnd.IntN(min(60, len(all)))]
		n := number(rnd.IntN(40))
		switch rnd.IntN(9) {
		case 0:
			b.do(b.void(a.ID))
		case 1, 2:
			c := b.reassign(a.ID, reasons[rnd.IntN(4)])
			c.OrCurrent = rnd.IntN(2) == 0
			b.do(c)
		case 3:
			b.do(b.releaseMany(BulkRelease{State: ReleaseExpired, Limit: 3}))
		case 4:
			b.do(b.releaseMany(BulkRelease{Planner: a.Holder(), Limit: 2}))
		case 5:
			b.do(b.care(n, []CareTo{CareDrain, CareSuspend}[rnd.IntN(2)]))
		case 6:
			for n, row := range b.numbers {
				if row.State == NumberDraining || row.State == NumberSuspended {
					b.do(b.care(n, CareResume))
				}
			}
		default:
			b.do(b.touch(n))
			b.do(newAssigning(Request{Customer: fmt.Sprint(rnd.IntN(5))}, b.id()))
		}
	}
}

// aRow returns an assignment of which want is true; it stands anywhere.
func aRow(h *history, rnd *rand.Rand, want func(Assignment) bool) *Assignment {
	for {
		if a := &h.Assignments[rnd.IntN(len(h.Assignments))]; want(*a) {
			return a
		}
	}
}

func isVoid(a Assignment) bool       { return a.State == AssignmentVoid }
func isReassigned(a Assignment) bool { return a.ReassignedTo != "" }
func isPlain(a Assignment) bool      { return a.State == AssignmentReleased && !isReassigned(a) }

// lie is a damage of an event's data. change returns false if there is nothing
// to lie about.
func lie[T any](kind EventKind, change func(d *T, h *history, rnd *rand.Rand) bool) damage {
	return func(h *history, rnd *rand.Rand) int64 {
		var d T
		e := anEvent(h, rnd, kind, &d)
		if !change(&d, h, rnd) {
			return 0
		}
		e.Data = encode(d)
		return e.Seq
	}
}

// wrongRow is a damage of the row of an assignment.
func wrongRow(want func(Assignment) bool, change func(a *Assignment)) damage {
	return func(h *history, rnd *rand.Rand) int64 {
		a := aRow(h, rnd, want)
		change(a)
		return a.Seq
	}
}

func otherPlanner(rnd *rand.Rand, not ...PlannerID) PlannerID {
	for {
		if p := plannerID(rnd.IntN(12)); !slices.Contains(not, p) {
			return p
		}
	}
}

func later(at *time.Time) *time.Time {
	t := at.Add(time.Second)
	return &t
}

// settingsDamage makes the log lie about settings, which all that follows
// contradicts.
func settingsDamage(change func(*Settings)) damageTest {
	return damageTest{func(h *history, _ *rand.Rand) int64 {
		changeSettings(h, change)
		return 1
	}, nil, 16}
}

var richDamages = map[string]damageTest{
	"rests longer": {lie(EventReleased, func(d *Released, _ *history, _ *rand.Rand) bool {
		if d.FreeAt == nil {
			return false
		}
		d.FreeAt = later(d.FreeAt)
		return true
	}), []FindingKind{FoundRelease}, 8},
	"rests longer, in bulk": {lie(EventReleasedMany, func(d *ReleasedMany, _ *history, _ *rand.Rand) bool {
		if d.Assignments[0].FreeAt == nil {
			return false
		}
		d.Assignments[0].FreeAt = later(d.Assignments[0].FreeAt)
		return true
	}), []FindingKind{FoundRelease}, 8},
	"gives nothing back, in bulk": {lie(EventReleasedMany, func(d *ReleasedMany, _ *history, _ *rand.Rand) bool {
		had := d.Assignments[0].Number != nil
		d.Assignments[0].Number, d.Assignments[0].FreeAt = nil, nil
		return had
	}), []FindingKind{FoundRelease}, 8},
	"one twice, in bulk": {lie(EventReleasedMany, func(d *ReleasedMany, _ *history, _ *rand.Rand) bool {
		d.Assignments = append(d.Assignments, d.Assignments[0])
		return true
	}), []FindingKind{FoundRelease}, 8},
	"one left out, in bulk": {lie(EventReleasedMany, func(d *ReleasedMany, _ *history, _ *rand.Rand) bool {
		d.Assignments = d.Assignments[1:]
		return len(d.Assignments) > 0
	}), nil, 10},
	"none, in bulk": {lie(EventReleasedMany, func(d *ReleasedMany, _ *history, _ *rand.Rand) bool {
		d.Assignments = nil
		return true
	}), []FindingKind{FoundEvent}, 16},
	"ended at another time": {lie(EventExpired, func(d *Expired, _ *history, _ *rand.Rand) bool {
		d.Assignments[0].EndedAt = d.Assignments[0].EndedAt.Add(time.Second)
		return true
	}), []FindingKind{FoundExpiry}, 8},
	"ended too early": {func(h *history, rnd *rand.Rand) int64 {
		var d Released
		e := anEvent(h, rnd, EventReleased, &d)
		e.Kind, e.Data = EventExpired, encode(Expired{[]ExpiredOne{{d.Ended, e.At}}})
		return e.Seq
	}, []FindingKind{FoundExpiry}, 4},
	"released when it was over": {func(h *history, rnd *rand.Rand) int64 {
		var d Expired
		e := anEvent(h, rnd, EventExpired, &d)
		one := d.Assignments[0]
		if len(d.Assignments) > 1 {
			return 0
		}
		freeAt := e.At.Add(one.FreeAt.Sub(one.EndedAt)) // all else is as if it were right
		one.FreeAt = &freeAt
		e.Kind, e.Data = EventReleased, encode(Released{one.Ended, "done"})
		return e.Seq
	}, []FindingKind{FoundRelease}, 8},
	"no turn back by a void": {lie(EventVoided, func(d *Voided, _ *history, _ *rand.Rand) bool {
		d.TurnsBack = nil
		return true
	}), []FindingKind{FoundVoid}, 12},
	"another's turn back by a void": {lie(EventVoided, func(d *Voided, h *history, rnd *rand.Rand) bool {
		d.TurnsBack[0].Planner = otherPlanner(rnd, d.TurnsBack[0].Planner)
		return true
	}), []FindingKind{FoundVoid}, 12},
	"another turn back by a void": {lie(EventVoided, func(d *Voided, h *history, _ *rand.Rand) bool {
		d.TurnsBack[0].Turn = h.Assignments[0].Seq
		return true
	}), []FindingKind{FoundVoid}, 14},
	"a turn back twice by a void": {lie(EventVoided, func(d *Voided, _ *history, _ *rand.Rand) bool {
		d.TurnsBack = append(d.TurnsBack, d.TurnsBack[0])
		return true
	}), []FindingKind{FoundVoid}, 12},
	"another last turn by a void": {lie(EventVoided, func(d *Voided, _ *history, _ *rand.Rand) bool {
		d.TurnsBack[0].LastSeq--
		return d.TurnsBack[0].LastAt != nil
	}), []FindingKind{FoundVoid}, 10},
	"no last turn by a void": {lie(EventVoided, func(d *Voided, _ *history, _ *rand.Rand) bool {
		had := d.TurnsBack[0].LastAt != nil
		d.TurnsBack[0].LastSeq, d.TurnsBack[0].LastAt = 0, nil
		return had
	}), []FindingKind{FoundVoid}, 10},
	"void of another": {lie(EventVoided, func(d *Voided, h *history, rnd *rand.Rand) bool {
		d.Seq = aRow(h, rnd, func(a Assignment) bool { return isVoid(a) && a.Seq != d.Seq }).Seq
		return true
	}), []FindingKind{FoundVoid}, 14},
	"void of nothing": {lie(EventVoided, func(d *Voided, h *history, _ *rand.Rand) bool {
		d.Seq = h.Pool.Seq
		return true
	}), []FindingKind{FoundVoid}, 14},
	"void told again": {func(h *history, rnd *rand.Rand) int64 {
		var d Voided
		var r Released
		e := anEvent(h, rnd, EventVoided, &d)
		later := anEvent(h, rnd, EventReleased, &r)
		if later.Seq < e.Seq {
			return 0
		}
		later.Kind, later.Data = EventVoided, e.Data
		return later.Seq
	}, []FindingKind{FoundVoid}, 8},
	"to another": {lie(EventReassigned, func(d *Reassigned, h *history, rnd *rand.Rand) bool {
		d.To = otherPlanner(rnd, d.To, d.From)
		return true
	}), []FindingKind{FoundPick, FoundInactivePlanner}, 16},
	"to nobody": {lie(EventReassigned, func(d *Reassigned, _ *history, _ *rand.Rand) bool {
		d.To = "nobody"
		return true
	}), []FindingKind{FoundUnknownPlanner}, 16},
	"to who had it": {lie(EventReassigned, func(d *Reassigned, _ *history, _ *rand.Rand) bool {
		d.To = d.From
		return true
	}), []FindingKind{FoundReassign}, 16},
	"from another": {lie(EventReassigned, func(d *Reassigned, h *history, rnd *rand.Rand) bool {
		d.From = otherPlanner(rnd, d.From)
		return true
	}), []FindingKind{FoundReassign}, 1},
	"to another name": {lie(EventReassigned, func(d *Reassigned, _ *history, _ *rand.Rand) bool {
		d.ToName = "Nobody"
		return true
	}), []FindingKind{FoundPlannerName}, 2},
	"for another reason": {lie(EventReassigned, func(d *Reassigned, _ *history, _ *rand.Rand) bool {
		if len(d.TurnsBack) == 0 {
			d.Reason = string(ReassignMistake)
		} else {
			d.Reason = string(ReassignDeclined)
		}
		return true
	}), []FindingKind{FoundReassign}, 1},
	"no turn back by a reassignment": {lie(EventReassigned, func(d *Reassigned, _ *history, _ *rand.Rand) bool {
		had := len(d.TurnsBack) > 0
		d.TurnsBack = nil
		return had
	}), []FindingKind{FoundReassign}, 12},
	"reassignment of another": {lie(EventReassigned, func(d *Reassigned, h *history, _ *rand.Rand) bool {
		d.Seq = h.Pool.Seq
		return true
	}), []FindingKind{FoundReassign}, 16},
	"number in another state": {lie(EventNumberChanged, func(d *NumberChanged, _ *history, _ *rand.Rand) bool {
		d.State = map[NumberState]NumberState{NumberFree: NumberActive, NumberActive: NumberFree, NumberDraining: NumberAside, NumberSuspended: "lost"}[d.State]
		return true
	}), []FindingKind{FoundEvent}, 8},
	"draining for suspended": {lie(EventNumberChanged, func(d *NumberChanged, _ *history, _ *rand.Rand) bool {
		was := d.State
		d.State = map[NumberState]NumberState{NumberDraining: NumberSuspended, NumberSuspended: NumberDraining}[was]
		return d.State != ""
	}), nil, 4},
	"number from another state": {lie(EventNumberChanged, func(d *NumberChanged, _ *history, _ *rand.Rand) bool {
		d.Was = map[NumberState]NumberState{NumberFree: NumberActive, NumberActive: NumberFree, NumberDraining: NumberSuspended, NumberSuspended: NumberDraining}[d.Was]
		return true
	}), []FindingKind{FoundEvent}, 4},
	"number out of nothing": {lie(EventNumberChanged, func(d *NumberChanged, _ *history, _ *rand.Rand) bool {
		d.Number = "0999"
		return true
	}), []FindingKind{FoundEvent}, 6},
	"back too early": {lie(EventNumberChanged, func(d *NumberChanged, _ *history, _ *rand.Rand) bool {
		if d.FreeAt == nil {
			return false
		}
		at := d.FreeAt.Add(-time.Second)
		d.FreeAt = &at
		return true
	}), []FindingKind{FoundEvent}, 4},
	"call on a number of another": {lie(EventNumberTouched, func(d *NumberTouched, _ *history, _ *rand.Rand) bool {
		d.Assignment = "another"
		return true
	}), []FindingKind{FoundEvent}, 1},
	"call on no number": {lie(EventNumberTouched, func(d *NumberTouched, _ *history, _ *rand.Rand) bool {
		d.Number = "0999"
		return true
	}), []FindingKind{FoundEvent}, 6},
	"another end after a call": {lie(EventNumberTouched, func(d *NumberTouched, _ *history, _ *rand.Rand) bool {
		if d.ExpiresAt == nil {
			return false
		}
		d.ExpiresAt = later(d.ExpiresAt)
		return true
	}), []FindingKind{FoundEvent}, 4},
	"a shorter life":          settingsDamage(func(s *Settings) { s.NumberTTL /= 3 }),
	"a longer life":           settingsDamage(func(s *Settings) { s.NumberTTL *= 2 }),
	"no end":                  settingsDamage(func(s *Settings) { s.NumberTTL = 0 }),
	"life not from use":       settingsDamage(func(s *Settings) { s.TTLFromUse = false }),
	"not sticky":              settingsDamage(func(s *Settings) { s.Sticky = false }),
	"a number or none at all": settingsDamage(func(s *Settings) { s.NumberOrFail = true }),

	"void without event": {wrongRow(isPlain, func(a *Assignment) {
		a.State, a.VoidedAt, a.TurnBack = AssignmentVoid, a.ReleasedAt, true
	}), []FindingKind{FoundAssignmentState}, 2},
	"void no more":           {wrongRow(isVoid, func(a *Assignment) { a.State, a.VoidedAt = AssignmentReleased, time.Time{} }), []FindingKind{FoundAssignmentState}, 2},
	"void at another time":   {wrongRow(isVoid, func(a *Assignment) { a.VoidedAt = a.VoidedAt.Add(1000) }), []FindingKind{FoundAssignmentState}, 1},
	"void and live":          {wrongRow(isVoid, func(a *Assignment) { a.State, a.ReleasedAt = AssignmentActive, time.Time{} }), []FindingKind{FoundAssignmentState}, 2},
	"void, and it counts":    {wrongRow(isVoid, func(a *Assignment) { a.TurnBack = false }), []FindingKind{FoundAssignmentState}, 1},
	"turn not counted":       {wrongRow(isPlain, func(a *Assignment) { a.TurnBack = true }), []FindingKind{FoundAssignmentState}, 1},
	"somebody else's":        {wrongRow(isReassigned, func(a *Assignment) { a.ReassignedTo = "nobody" }), []FindingKind{FoundAssignmentState}, 1},
	"somebody else's name":   {wrongRow(isReassigned, func(a *Assignment) { a.ReassignedToName = "Nobody" }), []FindingKind{FoundAssignmentState}, 1},
	"not reassigned":         {wrongRow(isReassigned, func(a *Assignment) { a.ReassignedTo, a.ReassignedToName = "", "" }), []FindingKind{FoundAssignmentState}, 1},
	"reassigned by no event": {wrongRow(isPlain, func(a *Assignment) { a.ReassignedTo = "p1" }), []FindingKind{FoundAssignmentState}, 1},
	"turn counts again": {func(h *history, rnd *rand.Rand) int64 {
		t := &h.Turns[rnd.IntN(len(h.Turns))]
		t.Counts = !t.Counts
		return t.Seq
	}, []FindingKind{FoundTurnRow}, 1},
	"turn is another's": {func(h *history, rnd *rand.Rand) int64 {
		t := &h.Turns[rnd.IntN(len(h.Turns))]
		t.Planner = otherPlanner(rnd, t.Planner)
		return t.Seq
	}, []FindingKind{FoundTurnRow}, 1},
	"turn is missing": {func(h *history, rnd *rand.Rand) int64 {
		i := rnd.IntN(len(h.Turns))
		seq := h.Turns[i].Assignment
		h.Turns = slices.Delete(h.Turns, i, i+1)
		return seq
	}, []FindingKind{FoundTurnRow}, 1},
	"turn of nothing": {func(h *history, rnd *rand.Rand) int64 {
		t := h.Turns[rnd.IntN(len(h.Turns))]
		t.Seq = h.Assignments[0].Seq
		h.Turns = append(h.Turns, t)
		return t.Seq
	}, []FindingKind{FoundTurnRow}, 1},
}

// Every damage is found where it is, in a pool that has seen everything, and
// what comes after it is not mistaken for damage.
func TestReplayFindsDamageOfARichPool(t *testing.T) {
	clean := richBench(1).history("p")
	if found := clean.findings(); found != nil {
		t.Fatal(lines(found))
	}
	kinds := map[EventKind]int{}
	for _, e := range clean.Events {
		kinds[e.Kind]++
	}
	t.Logf("%d assignments, %v", len(clean.Assignments), kinds)
	for name, d := range richDamages {
		t.Run(name, func(t *testing.T) { findsDamage(t, clean, d) })
	}
	for name, d := range damages {
		t.Run("as in a plain pool/"+name, func(t *testing.T) {
			d.most = 2*d.most + 4 // there is more to go wrong behind it
			if slices.Contains(d.kinds, FoundNumberTwice) {
				d.kinds = append(slices.Clip(d.kinds), FoundNumberOut)
			}
			findsDamage(t, clean, d)
		})
	}
}

// What was damaged is trusted again before long: at the end of the log, every
// active planner has a place in the order.
func TestReplayTrustsAgain(t *testing.T) {
	clean := richBench(3).history("p")
	distrusted := 0
	for name, d := range richDamages {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(3, 4))
			for n := 0; n < 5; {
				h := clean.clone()
				seq := d.do(h, rnd)
				if seq == 0 || seq > h.Pool.Seq/2 {
					continue
				}
				n++
				r := NewReplay("p", func(Finding) {})
				for _, until := range []int64{seq, h.Pool.Seq} {
					part := h.clone()
					part.Assignments = slices.DeleteFunc(part.Assignments, func(a Assignment) bool { return a.Seq <= r.Seq() })
					part.Events = slices.DeleteFunc(part.Events, func(e Event) bool { return e.Seq <= r.Seq() })
					part.log(r, until)
					if until == seq {
						distrusted += r.unsure(h)
					}
				}
				if unsure := r.unsure(h); unsure > 0 {
					t.Errorf("damage at %d, and at the end %d planners are in no order", seq, unsure)
				}
			}
		})
	}
	if distrusted == 0 {
		t.Error("nobody was distrusted; the test tests nothing")
	}
}

// unsure counts the active planners that are in no order. Who is not active in
// truth is never picked, by which it could be trusted again.
func (r *Replay) unsure(h *history) (n int) {
	for _, t := range r.planners {
		if h.Planners[t.ID].Active && t.unsure {
			n++
		}
	}
	return n
}

// Each field of the rows that say how things stand is compared.
func TestReplayComparesRows(t *testing.T) {
	clean := richBench(2).history("p")
	first := func(h *history, want func(NumberRecord) bool) Number {
		for n := range 40 {
			if row := h.Numbers[number(n)]; want(row) {
				return row.Number
			}
		}
		t.Fatal("there is no such number")
		return ""
	}
	change := func(want func(NumberRecord) bool, change func(*NumberRecord)) func(*history) {
		return func(h *history) {
			n := h.Numbers[first(h, want)]
			change(&n)
			h.Numbers[n.Number] = n
		}
	}
	in := func(s NumberState) func(NumberRecord) bool { return func(n NumberRecord) bool { return n.State == s } }
	planner := func(change func(*Planner)) func(*history) {
		return func(h *history) {
			p := h.Planners["p1"]
			change(&p)
			h.Planners["p1"] = p
		}
	}
	pool := func(change func(*Pool)) func(*history) { return func(h *history) { change(&h.Pool) } }
	for name, test := range map[string]struct {
		do   func(*history)
		want FindingKind
	}{
		"number free":           {change(in(NumberActive), func(n *NumberRecord) { n.State = NumberFree }), FoundNumberRow},
		"number draining":       {change(in(NumberActive), func(n *NumberRecord) { n.State = NumberDraining }), FoundNumberRow},
		"number suspended":      {change(in(NumberFree), func(n *NumberRecord) { n.State = NumberSuspended }), FoundNumberRow},
		"number aside":          {change(in(NumberFree), func(n *NumberRecord) { n.State = NumberAside }), FoundNumberRow},
		"number's assignment":   {change(in(NumberActive), func(n *NumberRecord) { n.Assignment = "another" }), FoundNumberRow},
		"assignment of a free":  {change(in(NumberFree), func(n *NumberRecord) { n.Assignment = "another" }), FoundNumberRow},
		"number's end":          {change(in(NumberActive), func(n *NumberRecord) { n.ExpiresAt = n.ExpiresAt.Add(1000) }), FoundNumberRow},
		"number's endless life": {change(in(NumberActive), func(n *NumberRecord) { n.ExpiresAt = time.Time{} }), FoundNumberRow},
		"number's rest":         {change(in(NumberFree), func(n *NumberRecord) { n.FreeAt = n.FreeAt.Add(1000) }), FoundNumberRow},
		"number's last call":    {change(in(NumberActive), func(n *NumberRecord) { n.UsedAt = n.UsedAt.Add(1000) }), FoundNumberRow},
		"number's last release": {change(in(NumberFree), func(n *NumberRecord) { n.ReleasedAt = n.ReleasedAt.Add(1000) }), FoundNumberRow},
		"number's customer":     {change(in(NumberFree), func(n *NumberRecord) { n.Earlier.Customer = "another" }), FoundNumberRow},
		"number's planner":      {change(in(NumberFree), func(n *NumberRecord) { n.Earlier.Planner = "another" }), FoundNumberRow},
		"number is gone":        {func(h *history) { delete(h.Numbers, number(3)) }, FoundNumberRow},
		"number out of nothing": {func(h *history) { h.Numbers["0999"] = NumberRecord{Number: "0999", State: NumberActive} }, FoundNumberRow},
		"free ones hidden":      {pool(func(p *Pool) { p.FreeFrom.FreeAt = p.LastAt.Add(time.Hour) }), FoundBound},
		"planners hidden":       {pool(func(p *Pool) { p.PickFrom.Load = 1 << 40 }), FoundBound},
		"planner's turns":       {planner(func(p *Planner) { p.Assigned++ }), FoundPlannerRow},
		"planner's live ones":   {planner(func(p *Planner) { p.Open++ }), FoundPlannerRow},
		"planner's last turn":   {planner(func(p *Planner) { p.LastSeq++ }), FoundPlannerRow},
		"planner's last time":   {planner(func(p *Planner) { p.LastAt = p.LastAt.Add(1000) }), FoundPlannerRow},
		"planner's phone":       {func(h *history) { h.Phones["p1"] = Phone{"k", "b", "m"} }, FoundPlannerRow},
		"pool's turns":          {pool(func(p *Pool) { p.Assigned-- }), FoundPoolRow},
		"pool's live ones":      {pool(func(p *Pool) { p.Open-- }), FoundPoolRow},
		"pool's active":         {pool(func(p *Pool) { p.NumbersActive++ }), FoundPoolRow},
		"pool's draining":       {pool(func(p *Pool) { p.NumbersDraining++ }), FoundPoolRow},
		"pool's suspended":      {pool(func(p *Pool) { p.NumbersSuspended++ }), FoundPoolRow},
		"pool's aside":          {pool(func(p *Pool) { p.NumbersAside++ }), FoundPoolRow},
		"pool's expiring":       {pool(func(p *Pool) { p.NumbersExpiring++ }), FoundPoolRow},
		"pool's cool-down":      {pool(func(p *Pool) { p.Settings.Cooldown++; p.Settings.Cooldown += time.Second }), FoundPoolRow},
		"pool's life":           {pool(func(p *Pool) { p.Settings.NumberTTL += time.Second }), FoundPoolRow},
		"pool's life from":      {pool(func(p *Pool) { p.Settings.TTLFromUse = true }), FoundPoolRow},
		"pool's sticky":         {pool(func(p *Pool) { p.Settings.Sticky = false }), FoundPoolRow},
		"pool's exhausted":      {pool(func(p *Pool) { p.Settings.NumberOrFail = true }), FoundPoolRow},
	} {
		t.Run(name, func(t *testing.T) {
			h := clean.clone()
			test.do(h)
			found := h.findings()
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == test.want }) ||
				slices.ContainsFunc(found, func(f Finding) bool { return f.Kind != test.want }) || len(found) > 1 && test.want != FoundBound {
				t.Errorf("found, want one %s:\n%s", test.want, lines(found))
			}
		})
	}
}

// Numbers that the rule gives to nobody are found in the assignments that have
// them.
func TestReplayFindsNumbersThatMustNotBe(t *testing.T) {
	for name, test := range map[string]struct {
		before func(*testing.T, *bench)
		want   FindingKind
	}{
		"draining":  {func(_ *testing.T, b *bench) { b.do(b.care(number(1), CareDrain)) }, FoundNumberOut},
		"suspended": {func(_ *testing.T, b *bench) { b.do(b.care(number(1), CareSuspend)) }, FoundNumberOut},
		"draining, and its assignment over": {func(t *testing.T, b *bench) {
			a := b.take(t, "x")
			b.do(b.care(number(1), CareDrain))
			b.do(b.release(a.ID))
		}, FoundNumberOut},
		"in use":  {func(t *testing.T, b *bench) { b.take(t, "x") }, FoundNumberTwice},
		"resting": {func(t *testing.T, b *bench) { b.do(b.release(b.take(t, "y").ID)) }, FoundCooldown},
		"resting, of another": {func(t *testing.T, b *bench) {
			a := b.take(t, "x")
			b.do(b.reassign(a.ID, ReassignDeclined))
			b.do(b.release(a.ID))
		}, FoundCooldown},
		"resting, after a void": {func(t *testing.T, b *bench) { b.do(b.void(b.take(t, "y").ID)) }, FoundCooldown},
		"resting, after an end": {func(t *testing.T, b *bench) { a := b.take(t, "y"); b.pass(time.Hour); b.do(b.release(a.ID)) }, FoundCooldown},
		"not the longest free":  {func(t *testing.T, b *bench) { b.do(b.release(b.take(t, "y").ID)); b.pass(24 * time.Hour) }, FoundNumber},
		"no number of their own": {func(t *testing.T, b *bench) {
			two, one := b.take(t, "y"), b.take(t, "z")
			b.do(b.release(two.ID))
			b.do(b.release(one.ID))
		}, FoundCooldown},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{Cooldown: time.Hour, NumberTTL: time.Hour, Sticky: true}, 4)
			test.before(t, b)
			b.pass(time.Second)
			a := b.do(newAssigning(Request{Customer: "x", Wish: NumberPreferred}, "last")).Value.(Assigned)
			if a.Number == number(1) {
				t.Fatal("the rule gives that number")
			}
			h := b.history("p")
			h.Assignments[len(h.Assignments)-1].Number = number(1)
			found := h.findings()
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Seq == a.Seq && f.Kind == test.want }) {
				t.Errorf("found, want %s at %d:\n%s", test.want, a.Seq, lines(found))
			}
		})
	}
}

// Events of before there were such settings mean their defaults.
func TestReplayOfOldSettings(t *testing.T) {
	b := newHouse(Settings{Cooldown: time.Minute}, 1)
	h := b.history("p")
	h.Events[0].Data = []byte(`{"cooldown_seconds":60,"was":null}`)
	if found := h.findings(); found != nil {
		t.Errorf("found:\n%s", lines(found))
	}
}
