package assign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A history is all that is kept of a pool, for tests to damage.
type history struct {
	Pool        Pool
	Planners    map[PlannerID]Planner
	Phones      map[PlannerID]Phone
	Numbers     map[Number]NumberRecord
	Assignments []Assignment
	Turns       []Turn
	Events      []Event
}

func (b *bench) history(pool PoolID) *history {
	p := b.clone().pools[pool]
	h := &history{p.Pool, p.Planners, p.Phones, maps.Clone(b.numbers), p.Assignments, p.Turns, p.Events}
	maps.DeleteFunc(h.Numbers, func(_ Number, n NumberRecord) bool { return n.Pool != pool })
	return h
}

func (h *history) clone() *history {
	return &history{h.Pool, maps.Clone(h.Planners), maps.Clone(h.Phones), maps.Clone(h.Numbers), slices.Clone(h.Assignments), slices.Clone(h.Turns), slices.Clone(h.Events)}
}

// log hands the log to r, up to position seq.
func (h *history) log(r *Replay, seq int64) {
	assignments, events := slices.Clone(h.Assignments), slices.Clone(h.Events)
	slices.SortStableFunc(assignments, func(a, b Assignment) int { return cmp.Compare(a.Seq, b.Seq) })
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	for {
		var a, e int64 = seq + 1, seq + 1
		if len(assignments) > 0 {
			a = assignments[0].Seq
		}
		if len(events) > 0 {
			e = events[0].Seq
		}
		switch {
		case min(a, e) > seq:
			return
		case e <= a:
			r.Event(&events[0])
			events = events[1:]
		default:
			r.Assignment(&assignments[0], assignments[0].live())
			assignments = assignments[1:]
		}
	}
}

// findings replays everything.
func (h *history) findings() (found []Finding) {
	r := NewReplay(h.Pool.ID, func(f Finding) { found = append(found, f) })
	h.log(r, 1<<62)
	h.rows(r)
	return found
}

func (h *history) rows(r *Replay) {
	for _, seq := range r.Late() {
		i := slices.IndexFunc(h.Assignments, func(a Assignment) bool { return a.Seq == seq })
		r.Settle(&h.Assignments[i], h.Assignments[i].live())
	}
	for _, t := range h.Turns {
		r.TurnRow(t)
	}
	r.Pool(h.Pool)
	for _, p := range h.Planners {
		r.PlannerRow(p, p.Load(), h.Phones[p.ID] != Phone{})
	}
	for _, n := range h.Numbers {
		r.NumberRow(n)
	}
	r.End()
}

// Whatever calls a pool gets, in units of any size and with a clock that jumps,
// the replay agrees with every decision and with what is left behind.
func TestReplayOfWhatWasDecided(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench()
		b.unit("p", b.settle(0))
		for range rapid.IntRange(1, 30).Draw(t, "units") {
			b.time = b.time.Add(time.Duration(rapid.IntRange(-15, 30).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				b.unit("p", b.drawConfig(t))
				continue
			}
			var calls []call
			for range rapid.IntRange(1, 8).Draw(t, "calls") {
				calls = append(calls, b.drawRequest(t, "p")())
			}
			b.unit("p", calls...)
		}
		if found := b.history("p").findings(); found != nil {
			t.Fatal(found)
		}
	})
}

// Rows may be read before and after the entries that change them.
func TestReplayOfAMovingPool(t *testing.T) {
	b := busyBench(1)
	before := b.history("p")
	b.busy(rand.New(rand.NewPCG(2, 0)), 40)
	after := b.history("p")

	var found []Finding
	r := NewReplay("p", func(f Finding) { found = append(found, f) })
	before.log(r, before.Pool.Seq)
	rest := after.clone()
	rest.Assignments = slices.DeleteFunc(rest.Assignments, func(a Assignment) bool { return a.Seq <= before.Pool.Seq })
	rest.Events = slices.DeleteFunc(rest.Events, func(e Event) bool { return e.Seq <= before.Pool.Seq })
	rest.log(r, rest.Pool.Seq)
	if len(r.Late()) == 0 {
		t.Fatal("nothing was released meanwhile; the test tests nothing")
	}
	after.rows(r)
	if found != nil {
		t.Error(found)
	}
}

// busyBench is a pool with a past of about a thousand entries.
func busyBench(seed uint64) *bench {
	b := newBench()
	b.unit("p", b.settle(20*time.Second))
	for i := range 12 {
		b.unit("p", b.staff(PlannerChange{ID: plannerID(i)}))
	}
	for i := range 40 {
		b.time = b.time.Add(time.Second)
		b.unit("p", b.stock(number(i)))
	}
	b.busy(rand.New(rand.NewPCG(seed, 0)), 100)
	return b
}

// busy runs so many units of assignments and releases, with somebody joining or
// leaving now and then.
func (b *bench) busy(rnd *rand.Rand, units int) {
	for i := range units {
		b.time = b.time.Add(time.Duration(rnd.IntN(10_000)) * time.Millisecond)
		var open []string
		for _, a := range b.pools["p"].Assignments {
			if a.State == AssignmentActive {
				open = append(open, a.ID)
			}
		}
		rnd.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
		var calls []call
		for range 1 + rnd.IntN(8) {
			wish := []Wish{"", NumberRequired, NumberNone}[rnd.IntN(3)]
			calls = append(calls, newAssigning(Request{Wish: wish, Customer: "somebody"}, b.id()))
			if len(open) > 20 {
				calls = append(calls, b.release(open[0]))
				open = open[1:]
			}
		}
		b.unit("p", calls...)
		if i%10 == 0 {
			active := rnd.IntN(3) > 0
			start := []Start{StartLevel, StartZero}[rnd.IntN(2)]
			b.unit("p", b.staff(PlannerChange{ID: plannerID(rnd.IntN(14)), Active: &active, Start: start}))
		}
	}
}

// A damage changes one place of a history and returns its position, or 0 if it
// found nothing to damage there.
type damage func(h *history, rnd *rand.Rand) int64

func anAssignment(h *history, rnd *rand.Rand) *Assignment {
	return &h.Assignments[rnd.IntN(len(h.Assignments)-20)]
}

// anEvent returns an event of a kind, with its data in d. It stands in the
// middle of the log, so that much comes after it.
func anEvent[T any](h *history, rnd *rand.Rand, kind EventKind, d *T) *Event {
	for {
		e := &h.Events[rnd.IntN(len(h.Events))]
		if e.Kind == kind {
			if err := json.Unmarshal(e.Data, d); err != nil {
				panic(err)
			}
			return e
		}
	}
}

type damageTest struct {
	do    damage
	kinds []FindingKind // one of which must be found at the place
	most  int           // findings
}

// changeSettings changes what the log says that the pool's first settings were.
func changeSettings(h *history, change func(*Settings)) {
	var d PoolChanged
	if err := json.Unmarshal(h.Events[0].Data, &d); err != nil {
		panic(err)
	}
	s := d.settings()
	change(&s)
	h.Events[0].Data = encode(PoolChanged{SettingsData: settingsData(s)})
}

var damages = map[string]damageTest{
	"assignment removed": {
		func(h *history, rnd *rand.Rand) int64 {
			i := rnd.IntN(len(h.Assignments))
			seq := h.Assignments[i].Seq
			h.Assignments = slices.Delete(h.Assignments, i, i+1)
			return seq
		}, []FindingKind{FoundGap}, 8,
	},
	"event removed": {
		func(h *history, rnd *rand.Rand) int64 {
			i := rnd.IntN(len(h.Events))
			seq := h.Events[i].Seq
			h.Events = slices.Delete(h.Events, i, i+1)
			return seq
		}, []FindingKind{FoundGap}, 16,
	},
	"event repeated": {
		func(h *history, rnd *rand.Rand) int64 {
			e := h.Events[rnd.IntN(len(h.Events))]
			h.Events = append(h.Events, e)
			return e.Seq
		}, []FindingKind{FoundDuplicate}, 8,
	},
	"another planner": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			other := h.Assignments[rnd.IntN(len(h.Assignments))]
			if other.Planner == a.Planner {
				return 0
			}
			a.Planner = other.Planner
			return a.Seq
		}, []FindingKind{FoundPick, FoundInactivePlanner, FoundUnknownPlanner}, 12,
	},
	"planners swapped": {
		func(h *history, rnd *rand.Rand) int64 {
			a, b := anAssignment(h, rnd), anAssignment(h, rnd)
			if a.Seq > b.Seq {
				a, b = b, a
			}
			if a.Planner == b.Planner {
				return 0
			}
			a.Planner, b.Planner = b.Planner, a.Planner
			return a.Seq
		}, []FindingKind{FoundPick, FoundInactivePlanner, FoundUnknownPlanner}, 20,
	},
	"another name": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			a.PlannerName = "Nobody"
			return a.Seq
		}, []FindingKind{FoundPlannerName}, 1,
	},
	"another number": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			n := number(rnd.IntN(40))
			if a.Number == "" || a.Number == n {
				return 0
			}
			a.Number = n
			return a.Seq
		}, []FindingKind{FoundNumber, FoundNumberTwice, FoundCooldown}, 8,
	},
	"no number": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			if a.Number == "" {
				return 0
			}
			a.Number = ""
			return a.Seq
		}, []FindingKind{FoundNumber}, 6,
	},
	"unknown number": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			if a.Number == "" {
				return 0
			}
			a.Number = "0999"
			return a.Seq
		}, []FindingKind{FoundUnknownNumber}, 8,
	},
	"another wish": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			a.Wish = map[Wish]Wish{NumberNone: NumberRequired, NumberRequired: NumberPreferred, NumberByPool: NumberNone}[a.Wish]
			return a.Seq
		}, []FindingKind{FoundRequest}, 4,
	},
	"another customer": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			a.Customer += "!"
			return a.Seq
		}, []FindingKind{FoundRequest}, 1,
	},
	"earlier": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			a.AssignedAt = a.AssignedAt.Add(-time.Hour)
			return a.Seq
		}, []FindingKind{FoundTime}, 4,
	},
	"released without event": {
		func(h *history, rnd *rand.Rand) int64 {
			a := &h.Assignments[rnd.IntN(len(h.Assignments))]
			if a.State == AssignmentReleased {
				return 0
			}
			a.State, a.ReleasedAt = AssignmentReleased, h.Pool.LastAt
			return a.Seq
		}, []FindingKind{FoundAssignmentState}, 2,
	},
	"live after its release": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			if a.State == AssignmentActive {
				return 0
			}
			a.State, a.ReleasedAt = AssignmentActive, time.Time{}
			return a.Seq
		}, []FindingKind{FoundAssignmentState}, 1,
	},
	"released at another time": {
		func(h *history, rnd *rand.Rand) int64 {
			a := anAssignment(h, rnd)
			if a.State == AssignmentActive {
				return 0
			}
			a.ReleasedAt = a.ReleasedAt.Add(time.Microsecond)
			return a.Seq
		}, []FindingKind{FoundAssignmentState}, 1,
	},
	"base": {
		func(h *history, rnd *rand.Rand) int64 {
			var d PlannersChanged
			e := anEvent(h, rnd, EventPlanners, &d)
			d.Planners[0].Base += 3
			e.Data = encode(d)
			return e.Seq
		}, []FindingKind{FoundBase}, 12,
	},
	"switched the other way": {
		func(h *history, rnd *rand.Rand) int64 {
			var d PlannersChanged
			e := anEvent(h, rnd, EventPlanners, &d)
			d.Planners[0].Active = !d.Planners[0].Active
			e.Data = encode(d)
			return e.Seq
		}, nil, 16,
	},
	"was another": {
		func(h *history, rnd *rand.Rand) int64 {
			var d PlannersChanged
			e := anEvent(h, rnd, EventPlanners, &d)
			if d.Planners[0].Was == nil {
				return 0
			}
			d.Planners[0].Was.Name = "Somebody"
			e.Data = encode(d)
			return e.Seq
		}, []FindingKind{FoundEvent}, 1,
	},
	"cool-down": {
		func(h *history, rnd *rand.Rand) int64 {
			changeSettings(h, func(s *Settings) { s.Cooldown /= 2 })
			return 1
		}, nil, 2,
	},
	"released another": {
		func(h *history, rnd *rand.Rand) int64 {
			var d Released
			e := anEvent(h, rnd, EventReleased, &d)
			d.Seq = h.Assignments[rnd.IntN(10)].Seq
			e.Data = encode(d)
			return e.Seq
		}, []FindingKind{FoundRelease}, 8,
	},
	"gave back another": {
		func(h *history, rnd *rand.Rand) int64 {
			var d Released
			e := anEvent(h, rnd, EventReleased, &d)
			if n := number(rnd.IntN(40)); d.Number != nil && *d.Number != n {
				d.Number = &n
				e.Data = encode(d)
				return e.Seq
			}
			return 0
		}, []FindingKind{FoundRelease}, 6,
	},
	"not to be read": {
		func(h *history, rnd *rand.Rand) int64 {
			e := &h.Events[rnd.IntN(len(h.Events))]
			e.Data = e.Data[1:]
			return e.Seq
		}, []FindingKind{FoundEvent}, 16,
	},
	"of no kind": {
		func(h *history, rnd *rand.Rand) int64 {
			e := &h.Events[rnd.IntN(len(h.Events))]
			e.Kind = "party"
			return e.Seq
		}, []FindingKind{FoundEvent}, 16,
	},
}

// Every damage is found where it is, and what comes after it is not mistaken
// for damage.
func TestReplayFindsDamage(t *testing.T) {
	clean := busyBench(1).history("p")
	if found := clean.findings(); found != nil {
		t.Fatal(found)
	}
	for name, d := range damages {
		t.Run(name, func(t *testing.T) { findsDamage(t, clean, d) })
	}
}

// findsDamage does a damage to clean, again and again.
func findsDamage(t *testing.T, clean *history, d damageTest) {
	rnd := rand.New(rand.NewPCG(1, 2))
	most := 0
	for n := 0; n < 30; {
		h := clean.clone()
		seq := d.do(h, rnd)
		if seq == 0 {
			continue
		}
		n++
		found := h.findings()
		most = max(most, len(found))
		there := func(f Finding) bool { return f.Seq == seq && slices.Contains(d.kinds, f.Kind) }
		if len(found) == 0 || d.kinds != nil && !slices.ContainsFunc(found, there) || len(found) > d.most {
			t.Errorf("damage at %d: %d findings, want one of %v there and at most %d:\n%s", seq, len(found), d.kinds, d.most, lines(found))
		}
	}
	t.Logf("at most %d findings", most)
}

func lines(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// A pool whose row is gone is a finding; the rest is compared all the same.
func TestReplayWithoutAPoolRow(t *testing.T) {
	h := busyBench(1).history("p")
	var found []Finding
	r := NewReplay("p", func(f Finding) { found = append(found, f) })
	h.log(r, h.Pool.Seq)
	for _, p := range h.Planners {
		r.PlannerRow(p, p.Load(), h.Phones[p.ID] != Phone{})
	}
	for _, n := range h.Numbers {
		r.NumberRow(n)
	}
	r.End()
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == FoundNoPool }) ||
		slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == FoundPlannerRow || f.Kind == FoundNumberRow }) {
		t.Errorf("found:\n%s", lines(found))
	}
}
