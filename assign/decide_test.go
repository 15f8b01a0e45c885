package assign

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// noon is when the tests' clocks start.
var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// A bench is a memLedger with a clock that stands still unless it is set, on
// which units are decided without a Service.
type bench struct {
	*memLedger
	time time.Time
	ids  int
}

func newBench() *bench {
	b := &bench{time: noon}
	b.memLedger = newMemLedger(func() time.Time { return b.time })
	return b
}

func (b *bench) clone() *bench {
	c := &bench{time: b.time, ids: b.ids}
	c.memLedger = b.memLedger.clone()
	c.memLedger.now = func() time.Time { return c.time }
	return c
}

func (b *bench) id() string {
	b.ids++
	return fmt.Sprintf("id-%06d", b.ids)
}

// unit decides calls together, as often as it takes, and returns their answers.
func (b *bench) unit(pool PoolID, calls ...call) []answer {
	need := Need{}
	if p := b.pools[pool]; p != nil {
		need.hint = hintOf(p.Pool)
	}
	for _, c := range calls {
		c.need(&need)
	}
	for again := true; again; {
		var changes Changes
		changes, again = decide(b.read(pool, need), pool, calls, b.id())
		if err := b.commit(changes); err != nil {
			panic(err)
		}
	}
	answers := make([]answer, len(calls))
	for i, c := range calls {
		answers[i] = answerOf(c)
	}
	return answers
}

// check fails the test if anything is wrong in the pool.
func (b *bench) check(t rapid.TB, pool PoolID) {
	t.Helper()
	if err := errors.Join(b.audit(pool), b.referee(pool)); err != nil {
		t.Fatal(err)
	}
}

// An answer is what a call holds, ready to be compared.
type answer struct {
	Value any
	Err   string
}

func answerOf(c call) answer {
	var a answer
	var err error
	switch c := c.(type) {
	case *assigning:
		a.Value, err = c.answer, c.err
	case *releasing:
		a.Value, err = c.answer, c.err
	case *settling:
		a.Value, err = c.created, c.err
	case *staffing:
		a.Value, err = c.answer, c.err
	case *stocking:
		a.Value, err = c.answer, c.err
	case *voiding:
		a.Value, err = c.answer, c.err
	case *reassigning:
		a.Value, err = c.answer, c.err
	case *releasingMany:
		a.Value, err = c.answer, c.err
	case *caring:
		a.Value, err = c.answer, c.err
	case *touching:
		a.Value, err = c.answer, c.err
	default:
		panic(fmt.Sprintf("no answer of %T", c))
	}
	if err == nil {
		return a
	}
	if r := refusal(err); r.Value != nil {
		return r
	}
	a.Err = err.Error()
	return a
}

// refusal is the answer to a call that was refused, with all that it says.
func refusal(err error) answer {
	a := answer{Err: err.Error()}
	var (
		noNumber *NoNumberError
		notLive  *NumberNotLiveError
	)
	switch {
	case errors.As(err, &noNumber):
		a.Value = *noNumber
	case errors.As(err, &notLive):
		a.Value = *notLive
	}
	return a
}

// These make calls with ids of the bench.

func (b *bench) assign(key string, wish Wish) *assigning {
	return newAssigning(Request{Key: key, Wish: wish}, b.id())
}

func (b *bench) release(id string) *releasing {
	return &releasing{Release: Release{ID: id, Reason: "done", Actor: "test"}, eventID: b.id()}
}

func (b *bench) settle(cooldown time.Duration) *settling {
	return &settling{PoolChange: PoolChange{Cooldown: &cooldown}, eventID: b.id()}
}

func (b *bench) staff(changes ...PlannerChange) *staffing {
	return &staffing{Staffing: Staffing{Changes: changes}, eventID: b.id()}
}

func (b *bench) stock(numbers ...Number) *stocking {
	return &stocking{Stocking: Stocking{Numbers: numbers}, eventID: b.id()}
}

func (b *bench) void(id string) *voiding {
	return &voiding{Void: Void{ID: id}, eventID: b.id()}
}

func (b *bench) reassign(id string, reason ReassignReason) *reassigning {
	return newReassigning(Reassignment{ID: id, Reason: reason}, b.id())
}

func (b *bench) releaseMany(r BulkRelease) *releasingMany {
	r.Limit = cmp.Or(r.Limit, MaxReleases)
	return &releasingMany{BulkRelease: r, eventID: b.id()}
}

func (b *bench) care(n Number, to CareTo) *caring {
	return &caring{Care: Care{Number: n, To: to, Reason: "why"}, eventID: b.id()}
}

func (b *bench) touch(n Number) *touching {
	return &touching{Touch: Touch{Number: n}, eventID: b.id()}
}

// joins are planners that start as their ids and nothing else say.
func joins(ids ...PlannerID) []PlannerChange {
	var changes []PlannerChange
	for _, id := range ids {
		changes = append(changes, PlannerChange{ID: id})
	}
	return changes
}

func plannerID(i int) PlannerID { return PlannerID(fmt.Sprintf("p%d", i)) }

func number(i int) Number { return Number(fmt.Sprintf("0507%04d", i)) }

// drawChanges draws changes of planners, some of them twice.
func drawChanges(t *rapid.T, most int) []PlannerChange {
	changes := make([]PlannerChange, rapid.IntRange(1, most).Draw(t, "changes"))
	for i := range changes {
		changes[i] = PlannerChange{
			ID:    plannerID(rapid.IntRange(0, 6).Draw(t, "planner")),
			Start: rapid.SampledFrom([]Start{"", StartLevel, StartZero}).Draw(t, "start"),
		}
		if rapid.Bool().Draw(t, "says active") {
			active := rapid.Bool().Draw(t, "active")
			changes[i].Active = &active
		}
		if rapid.Bool().Draw(t, "says name") {
			name := rapid.SampledFrom([]string{"", "Kim", "Lee"}).Draw(t, "name")
			changes[i].Name = &name
		}
	}
	return changes
}

// drawConfig draws a call that changes who or what comes next.
func (b *bench) drawConfig(t *rapid.T) call {
	switch rapid.IntRange(0, 3).Draw(t, "config") {
	case 0:
		c := b.settle(time.Duration(rapid.IntRange(0, 3).Draw(t, "cooldown")) * 10 * time.Second)
		sticky := rapid.Bool().Draw(t, "sticky")
		c.Sticky = &sticky
		return c
	case 1:
		numbers := make([]Number, rapid.IntRange(1, 4).Draw(t, "stock"))
		for i := range numbers {
			numbers[i] = number(rapid.IntRange(0, 12).Draw(t, "number"))
		}
		return b.stock(numbers...)
	default:
		return b.staff(drawChanges(t, 4)...)
	}
}

// drawRequest draws a call that can share a unit, as a function that makes it
// as often as it is needed.
func (b *bench) drawRequest(t *rapid.T, pool PoolID) func() call {
	id := b.id()
	if p := b.pools[pool]; p != nil && rapid.IntRange(0, 2).Draw(t, "request") == 0 {
		release := Release{ID: "unknown"}
		if n := len(p.Assignments); n > 0 && rapid.IntRange(0, 9).Draw(t, "known") > 0 {
			release.ID = p.Assignments[rapid.IntRange(max(0, n-8), n-1).Draw(t, "assignment")].ID
		}
		return func() call { return &releasing{Release: release, eventID: id} }
	}
	if rapid.IntRange(0, 5).Draw(t, "touch") == 5 {
		touch := Touch{Number: number(rapid.IntRange(100, 102).Draw(t, "touched"))}
		return func() call { return &touching{Touch: touch, eventID: id} }
	}
	r := Request{
		Pool:     pool,
		Customer: rapid.SampledFrom([]string{"", "a"}).Draw(t, "customer"),
		Wish:     rapid.SampledFrom([]Wish{"", NumberPreferred, NumberRequired, NumberNone}).Draw(t, "wish"),
	}
	if rapid.Bool().Draw(t, "says key") {
		r.Key = fmt.Sprintf("k%d", rapid.IntRange(0, 30).Draw(t, "key"))
	}
	return func() call { return newAssigning(r, id) }
}

// A unit of many calls is only a cheaper way of running many units of one: the
// answers are the same, and what is left behind is. That holds although the
// small units read afresh behind bounds that the large one never sees, and
// although the large one reads no more planners and numbers than it has calls.
// Only what has ended by itself is written down at once for all of a unit: for
// that, see TestAllCallsMixed.
func TestUnitOfManyIsManyUnitsOfOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		many := newBench()
		if rapid.IntRange(0, 9).Draw(t, "exists") > 0 {
			many.unit("p", many.settle(time.Duration(rapid.IntRange(0, 1).Draw(t, "cooldown"))*10*time.Second))
			many.unit("p", many.staff(drawChanges(t, 8)...))
			many.unit("p", many.stock(number(100), number(101), number(102)))
		}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			// The clock may be that of another server, which is behind.
			step := rapid.IntRange(-15, 30).Draw(t, "seconds")
			many.time = many.time.Add(time.Duration(step) * time.Second)
			if many.pools["p"] != nil && rapid.IntRange(0, 3).Draw(t, "round") == 0 {
				many.unit("p", many.drawConfig(t))
			}
			var together, oneByOne []call
			for range rapid.IntRange(1, 10).Draw(t, "calls") {
				request := many.drawRequest(t, "p")
				together, oneByOne = append(together, request()), append(oneByOne, request())
			}
			one := many.clone()
			got := many.unit("p", together...)
			var want []answer
			for _, c := range oneByOne {
				want = append(want, one.unit("p", c)...)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("answers (-one by one +together):\n%s", diff)
			}
			if diff := gocmp.Diff(one.pools, many.pools); diff != "" {
				t.Fatalf("pool (-one by one +together):\n%s", diff)
			}
			if diff := gocmp.Diff(one.numbers, many.numbers); diff != "" {
				t.Fatalf("numbers (-one by one +together):\n%s", diff)
			}
			if many.pools["p"] != nil {
				many.check(t, "p")
			}
		}
	})
}

// All changes at once are the same as each of them alone in their order.
func TestBulkIsEachAloneInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bulk := newBench()
		bulk.unit("p", bulk.settle(0))
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			for range rapid.IntRange(0, 6).Draw(t, "assigns") {
				bulk.unit("p", bulk.assign("", NumberNone))
			}
			changes := drawChanges(t, 8)
			alone := bulk.clone()
			want := naive(bulk.pools["p"].Planners, changes)
			got := bulk.unit("p", bulk.staff(changes...))[0].Value.(Staffed)
			var sum Staffed
			for _, c := range changes {
				s := alone.unit("p", alone.staff(c))[0].Value.(Staffed)
				sum.Created += s.Created
				sum.Updated += s.Updated
				sum.Unchanged += s.Unchanged
				sum.Last = s.Last
			}
			if diff := gocmp.Diff(sum, got); diff != "" {
				t.Fatalf("answer (-each alone +bulk):\n%s", diff)
			}
			if diff := gocmp.Diff(want, bulk.pools["p"].Planners); diff != "" {
				t.Fatalf("planners (-as the words say +bulk):\n%s", diff)
			}
			// Each alone is an event of its own, so only the positions differ.
			a, b := alone.pools["p"].Pool, bulk.pools["p"].Pool
			a.Seq, a.LastAt, b.Seq, b.LastAt = 0, time.Time{}, 0, time.Time{}
			if a != b {
				t.Fatalf("each alone: %+v\nbulk: %+v", a, b)
			}
			alone.check(t, "p")
			bulk.check(t, "p")
		}
	})
}

// naive applies changes as the words of [Staffing] say.
func naive(planners map[PlannerID]Planner, changes []PlannerChange) map[PlannerID]Planner {
	next := map[PlannerID]Planner{}
	for id, p := range planners {
		next[id] = p
	}
	for _, c := range changes {
		p, there := next[c.ID]
		active := p.Active || !there
		if c.Active != nil {
			active = *c.Active
		}
		if c.Name != nil {
			p.Name = *c.Name
		}
		if active && !p.Active && c.Start != StartZero {
			var loads []int64
			for _, o := range next {
				if o.ID != c.ID && o.Active {
					loads = append(loads, o.Load())
				}
			}
			if len(loads) > 0 && slices.Min(loads) > p.Load() {
				p.Base = slices.Min(loads) - p.Assigned
			}
		}
		p.ID, p.Active = c.ID, active
		next[c.ID] = p
	}
	return next
}

func TestJoinersStart(t *testing.T) {
	on, off := true, false
	for name, test := range map[string]struct {
		assigns int // to a and b, before
		changes []PlannerChange
		want    map[PlannerID]int64 // bases
	}{
		"level":              {6, []PlannerChange{{ID: "c"}}, map[PlannerID]int64{"c": 3}},
		"at zero":            {6, []PlannerChange{{ID: "c", Start: StartZero}}, map[PlannerID]int64{"c": 0}},
		"level with least":   {7, []PlannerChange{{ID: "c"}}, map[PlannerID]int64{"c": 3}},
		"inactive, no base":  {6, []PlannerChange{{ID: "c", Active: &off}}, map[PlannerID]int64{"c": 0}},
		"inactive, then on":  {6, []PlannerChange{{ID: "c", Active: &off}, {ID: "c", Active: &on}}, map[PlannerID]int64{"c": 3}},
		"back, not lowered":  {7, []PlannerChange{{ID: "a", Active: &off}, {ID: "a", Active: &on}}, map[PlannerID]int64{"a": 0}},
		"the only one":       {6, []PlannerChange{{ID: "a", Active: &off}, {ID: "b", Active: &off}, {ID: "c"}}, map[PlannerID]int64{"c": 0}},
		"behind one at zero": {6, []PlannerChange{{ID: "c", Start: StartZero}, {ID: "d"}}, map[PlannerID]int64{"c": 0, "d": 0}},
		"already active":     {6, []PlannerChange{{ID: "c", Start: StartZero}, {ID: "c", Active: &on}}, map[PlannerID]int64{"c": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.unit("p", b.settle(0))
			b.unit("p", b.staff(joins("a", "b")...))
			for range test.assigns {
				b.unit("p", b.assign("", NumberNone))
			}
			b.unit("p", b.staff(test.changes...))
			for id, base := range test.want {
				if got := b.pools["p"].Planners[id]; got.Base != base {
					t.Errorf("base of %+v, want %d", got, base)
				}
			}
			b.check(t, "p")
		})
	}
}

func TestStaffing(t *testing.T) {
	b := newBench()
	if got := b.unit("p", b.staff(joins("a")...))[0]; got.Err != ErrPoolNotFound.Error() {
		t.Errorf("in no pool: %+v", got)
	}
	b.unit("p", b.settle(0))
	patch := b.staff(joins("a")...)
	patch.MustExist = true
	if got := b.unit("p", patch)[0]; got.Err != ErrPlannerNotFound.Error() {
		t.Errorf("patch of nobody: %+v", got)
	}
	name, off := "Kim", false
	got := b.unit("p", b.staff(PlannerChange{ID: "a", Name: &name}, PlannerChange{ID: "b"}))[0]
	want := answer{Value: Staffed{Created: 2, Last: PlannerView{Planner: Planner{ID: "b", Active: true}}}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("create (-want +got):\n%s", diff)
	}
	patch = b.staff(PlannerChange{ID: "a", Active: &off})
	patch.MustExist = true
	got = b.unit("p", patch)[0]
	want = answer{Value: Staffed{Updated: 1, Last: PlannerView{Planner: Planner{ID: "a", Name: "Kim"}}}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	seq := b.pools["p"].Pool.Seq
	got = b.unit("p", b.staff(PlannerChange{ID: "a", Name: &name}))[0]
	want = answer{Value: Staffed{Unchanged: 1, Last: PlannerView{Planner: Planner{ID: "a", Name: "Kim"}}}}
	if diff := gocmp.Diff(want, got); diff != "" || b.pools["p"].Pool.Seq != seq {
		t.Errorf("a change of nothing, seq %d after %d (-want +got):\n%s", b.pools["p"].Pool.Seq, seq, diff)
	}
	b.check(t, "p")
}

// Over a stretch with unchanged planners, loads never differ by more than the
// larger of 1 and what they differed by at its start.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench()
		b.unit("p", b.settle(0))
		b.unit("p", b.staff(joins("a")...))
		// Who starts at zero is as far behind as the others have come.
		for _, id := range []PlannerID{"b", "c", "d"} {
			for range rapid.IntRange(0, 5).Draw(t, "head start") {
				b.unit("p", b.assign("", NumberNone))
			}
			b.unit("p", b.staff(PlannerChange{ID: id, Start: StartZero}))
		}
		most := max(1, b.spread("p"))
		for range 10 {
			var calls []call
			for range rapid.IntRange(1, 7).Draw(t, "calls") {
				calls = append(calls, b.assign("", NumberNone))
			}
			b.unit("p", calls...)
			if got := b.spread("p"); got > most {
				t.Fatalf("loads differ by %d, allowed are %d: %+v", got, most, b.pools["p"].Planners)
			}
		}
	})
}

func (b *bench) spread(pool PoolID) int64 {
	var loads []int64
	for _, p := range b.pools[pool].inOrder() {
		loads = append(loads, p.Load())
	}
	return slices.Max(loads) - slices.Min(loads)
}

func TestRankCompare(t *testing.T) {
	inOrder := []Rank{
		{},
		{Load: -1, LastSeq: 9, Planner: "z"},
		{Load: 0, LastSeq: 0, Planner: "B"},
		{Load: 0, LastSeq: 0, Planner: "a"},
		{Load: 0, LastSeq: 1, Planner: "a"},
		{Load: 1, LastSeq: 0, Planner: "a"},
	}
	inOrder[0], inOrder[1] = inOrder[1], inOrder[0]
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got := a.Compare(b); got != cmp.Compare(i, j) {
				t.Errorf("%+v compared to %+v is %d", a, b, got)
			}
		}
	}
}

// Equals are picked by their last turn, and before their first by id, bytewise.
func TestTies(t *testing.T) {
	b := newBench()
	b.unit("p", b.settle(0))
	b.unit("p", b.staff(joins("b", "~", "a", "B", "10", "9")...))
	var calls []call
	for range 12 {
		calls = append(calls, b.assign("", NumberNone))
	}
	var got []PlannerID
	for _, a := range b.unit("p", calls...) {
		got = append(got, a.Value.(Assigned).Planner)
	}
	round := []PlannerID{"10", "9", "B", "a", "b", "~"}
	if diff := gocmp.Diff(slices.Concat(round, round), got); diff != "" {
		t.Errorf("order of ties (-want +got):\n%s", diff)
	}
	// Whoever joins level has never had a turn, and is first among equals.
	b.unit("p", b.staff(joins("zz")...))
	if got := b.unit("p", b.assign("", NumberNone))[0].Value.(Assigned).Planner; got != "zz" {
		t.Errorf("after a joiner came %s, want zz", got)
	}
}

func TestAssignRefusals(t *testing.T) {
	b := newBench()
	if got := b.unit("p", b.assign("k", ""))[0]; got.Err != ErrPoolNotFound.Error() {
		t.Errorf("no pool: %+v", got)
	}
	b.unit("p", b.settle(0))
	if got := b.unit("p", b.assign("k", ""))[0]; got.Err != ErrNoPlanner.Error() {
		t.Errorf("nobody there: %+v", got)
	}
	b.unit("p", b.staff(joins("a")...))
	got := b.unit("p", b.assign("k", NumberRequired), b.assign("k", ""), b.assign("k", ""), b.assign("k", NumberNone))
	if got[0].Err != ErrNoNumber.Error() {
		t.Errorf("no number: %+v", got[0])
	}
	first, second := got[1].Value.(Assigned), got[2].Value.(Assigned)
	if got[1].Err != "" || first.Planner != "a" || first.Replayed || first.Seq != 3 {
		t.Errorf("a refused key is not free for another request: %+v", got[1])
	}
	first.Replayed = true
	if diff := gocmp.Diff(first, second); diff != "" {
		t.Errorf("same key twice in a unit (-want +got):\n%s", diff)
	}
	if got[3].Err != ErrKeyReused.Error() {
		t.Errorf("same key, other body: %+v", got[3])
	}
	b.check(t, "p")

	// What was answered once is answered the same, whatever became of the pool.
	off := false
	b.unit("p", b.staff(PlannerChange{ID: "a", Active: &off}))
	replays := b.unit("p", b.release(first.ID), b.assign("k", ""), b.assign("k", NumberNone), b.assign("new", ""))
	want := first
	want.State, want.ReleasedAt = AssignmentReleased, b.time
	if diff := gocmp.Diff(answer{Value: want}, replays[1]); diff != "" {
		t.Errorf("key of an assignment that is over (-want +got):\n%s", diff)
	}
	if replays[2].Err != ErrKeyReused.Error() || replays[3].Err != ErrNoPlanner.Error() {
		t.Errorf("nobody active: %+v", replays[2:])
	}
	b.check(t, "p")
}

func TestReleaseTwice(t *testing.T) {
	b := newBench()
	b.unit("p", b.settle(time.Minute))
	b.unit("p", b.staff(joins("a")...))
	b.unit("p", b.stock(number(1)))
	a := b.unit("p", b.assign("k", ""))[0].Value.(Assigned).Assignment
	b.time = b.time.Add(time.Second)
	got := b.unit("p", b.release(a.ID), b.release(a.ID))
	b.time = b.time.Add(time.Second)
	got = append(got, b.unit("p", b.release(a.ID), b.release("unknown"))...)
	a.State, a.ReleasedAt = AssignmentReleased, noon.Add(time.Second)
	want := []answer{{Value: a}, {Value: a}, {Value: a}, {Assignment{}, ErrAssignmentNotFound.Error()}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if events := b.pools["p"].Events; len(events) != 4 {
		t.Errorf("events: %+v", events)
	}
	b.check(t, "p")
}

func TestNumbersRest(t *testing.T) {
	b := newBench()
	b.unit("p", b.settle(time.Minute))
	b.unit("p", b.staff(joins("a")...))
	b.unit("p", b.stock(number(2), number(1)))
	take := func() Assigned {
		t.Helper()
		b.check(t, "p")
		return b.unit("p", b.assign("", ""))[0].Value.(Assigned)
	}
	first, second := take(), take()
	if first.Number != number(1) || second.Number != number(2) {
		t.Errorf("equally long free: %s, then %s", first.Number, second.Number)
	}
	b.unit("p", b.release(second.ID))
	b.time = b.time.Add(time.Second)
	b.unit("p", b.release(first.ID))
	b.time = noon.Add(time.Minute - time.Microsecond)
	if got := take(); got.Number != "" {
		t.Errorf("handed out a microsecond early: %s", got.Number)
	}
	b.time = noon.Add(time.Minute)
	if got := take(); got.Number != number(2) {
		t.Errorf("handed out %q, want %s, free for longest", got.Number, number(2))
	}
	b.time = noon.Add(time.Hour)
	if got := take(); got.Number != number(1) {
		t.Errorf("handed out %q, want %s", got.Number, number(1))
	}
	b.check(t, "p")
}

// A clock that steps back, as after a failover, must neither hide a number for
// good nor change which is next.
func TestClockBehindThePool(t *testing.T) {
	b := newBench()
	b.unit("p", b.settle(0))
	b.unit("p", b.staff(joins("a")...))
	b.unit("p", b.stock(number(1)))
	held := b.unit("p", b.assign("", ""))[0].Value.(Assigned)
	b.time = noon.Add(15 * time.Second)
	b.unit("p", b.stock(number(2)))
	b.time = noon.Add(20 * time.Second)
	b.unit("p", b.assign("", NumberNone))

	b.time = noon.Add(10 * time.Second)
	got := b.unit("p", b.release(held.ID), b.assign("", ""), b.assign("", ""))
	for i, want := range []Number{number(2), number(1)} {
		if a := got[i+1].Value.(Assigned); a.Number != want || !a.AssignedAt.Equal(noon.Add(20*time.Second)) {
			t.Errorf("number %s at %v, want %s and no time before the latest", a.Number, a.AssignedAt, want)
		}
	}
	b.check(t, "p")
}

func TestStocking(t *testing.T) {
	b := newBench()
	if got := b.unit("p", b.stock(number(1)))[0]; got.Err != ErrPoolNotFound.Error() {
		t.Errorf("in no pool: %+v", got)
	}
	b.unit("p", b.settle(0))
	b.unit("q", b.settle(0))
	b.unit("q", b.stock(number(9)))
	got := b.unit("p", b.stock(number(1), number(9)))[0]
	if !strings.Contains(got.Err, string(number(9))) || len(b.numbers) != 1 {
		t.Errorf("a number of another pool: %+v, leaving %+v", got, b.numbers)
	}
	for _, want := range []Stocked{{Added: 2, Existing: 1}, {Existing: 3}} {
		got := b.unit("p", b.stock(number(1), number(2), number(1)))[0]
		if diff := gocmp.Diff(answer{Value: want}, got); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if seq := b.pools["p"].Pool.Seq; seq != 2 {
			t.Errorf("seq %d, want 2: a call that changes nothing makes no event", seq)
		}
	}
	b.check(t, "p")
	b.check(t, "q")
}

func TestSettling(t *testing.T) {
	b := newBench()
	if got := b.unit("p", &settling{eventID: b.id()})[0]; got.Value != true {
		t.Errorf("create: %+v", got)
	}
	for _, call := range []*settling{b.settle(time.Minute), b.settle(time.Minute), {eventID: b.id()}} {
		if got := b.unit("p", call)[0]; got.Value != false {
			t.Errorf("change: %+v", got)
		}
	}
	if p := b.pools["p"].Pool; p.Seq != 2 || p.Settings.Cooldown != time.Minute {
		t.Errorf("pool %+v, want 2 events and a minute", p)
	}
	b.check(t, "p")
}

// Numbers that claim to be free although an assignment holds them are taken
// out of use, before anything is decided and without deciding anything.
func TestSetAside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench()
		b.unit("p", b.settle(0))
		b.unit("p", b.staff(joins("a", "b", "c")...))
		const numbers = 8
		var held []Assignment
		for i := range numbers {
			b.unit("p", b.stock(number(i)))
			held = append(held, b.unit("p", b.assign("", ""))[0].Value.(Assigned).Assignment)
		}
		b.unit("p", b.stock(number(20), number(21)))

		// A hand in the table.
		var wrong []Number
		p := b.pools["p"]
		for _, a := range held {
			if rapid.Bool().Draw(t, "wrong") {
				wrong = append(wrong, a.Number)
				b.numbers[a.Number] = NumberRecord{Number: a.Number, Pool: "p", State: NumberFree, FreeAt: noon}
				p.Pool.FreeFrom = FreeRank{}
			}
		}
		seq, planners := p.Pool.Seq, b.clone().pools["p"].Planners
		calls := []call{b.assign("k1", ""), b.assign("k2", NumberRequired)}
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			calls = append(calls, b.assign("", NumberNone))
		}
		var need Need
		for _, c := range calls {
			c.need(&need)
		}
		for aside := 0; aside < len(wrong); {
			changes, again := decide(b.read("p", need), "p", calls, b.id())
			if err := b.commit(changes); err != nil {
				t.Fatal(err)
			}
			if !again || len(changes.Numbers) == 0 || len(changes.Assignments) > 0 || len(changes.Planners) > 0 {
				t.Fatalf("again is %t, with changes %+v", again, changes)
			}
			if diff := gocmp.Diff(planners, p.Planners); diff != "" {
				t.Fatalf("planners changed:\n%s", diff)
			}
			for _, c := range calls {
				if got := answerOf(c); got != (answer{Value: Assigned{}}) {
					t.Fatalf("decided: %+v", got)
				}
			}
			for _, n := range changes.Numbers {
				if n.State != NumberAside || !slices.Contains(wrong, n.Number) {
					t.Fatalf("set aside: %+v", n)
				}
			}
			seq++
			aside += len(changes.Numbers)
		}
		got := b.unit("p", calls...)
		for i, want := range []Number{number(20), number(21)} {
			a := got[i].Value.(Assigned)
			if a.Number != want || a.Seq != seq+1+int64(i) {
				t.Fatalf("assigned %+v, want number %s at %d", a, want, seq+1+int64(i))
			}
		}
		b.check(t, "p")

		// They stay out of use when their assignments are over.
		for _, a := range held {
			b.unit("p", b.release(a.ID))
		}
		b.check(t, "p")
		for _, n := range wrong {
			if got := b.numbers[n].State; got != NumberAside {
				t.Fatalf("number %s is %s after the release", n, got)
			}
		}
	})
}

// A number whose record says that another holds it stays where it is.
func TestReleaseOfANumberThatIsNotHeld(t *testing.T) {
	for name, record := range map[string]NumberRecord{
		"gone":       {},
		"other pool": {Number: number(1), Pool: "q", State: NumberActive, Assignment: "id"},
		"other":      {Number: number(1), Pool: "p", State: NumberActive, Assignment: "other"},
		"set aside":  {Number: number(1), Pool: "p", State: NumberAside, Assignment: "id"},
	} {
		t.Run(name, func(t *testing.T) {
			a := Assignment{ID: "id", Pool: "p", Seq: 7, Planner: "a", Number: number(1), State: AssignmentActive}
			state := State{
				Found:       true,
				Pool:        Pool{ID: "p", Seq: 9, LastAt: noon, Open: 1, NumbersActive: 1},
				Now:         noon,
				Assignments: map[string]Held{"id": {a, Planner{ID: "a", Assigned: 1, Open: 1}, record}},
			}
			c := &releasing{Release: Release{ID: "id"}}
			changes, _ := decide(state, "p", []call{c}, "event")
			if c.answer.State != AssignmentReleased || changes.Pool.Open != 0 {
				t.Errorf("answer %+v, pool %+v", c.answer, changes.Pool)
			}
			if len(changes.Numbers) != 0 || changes.Pool.NumbersActive != 1 {
				t.Errorf("numbers %+v, pool %+v", changes.Numbers, changes.Pool)
			}
			if got := string(changes.Events[0].Data); !strings.Contains(got, `"number":null,"free_at":null`) {
				t.Errorf("event %s", got)
			}
		})
	}
}

// The order in which units see planners and numbers is that of heaps; a long
// unit on a large pool is where a heap that is not mended would show.
func TestLargeUnit(t *testing.T) {
	b := newBench()
	rng := rand.New(rand.NewPCG(1, 2))
	b.unit("p", b.settle(0))
	var changes []PlannerChange
	for i := range 300 {
		changes = append(changes, PlannerChange{ID: plannerID(rng.IntN(1000)), Start: StartZero})
		if i%3 == 0 {
			changes[i].Start = StartLevel
		}
	}
	b.unit("p", b.staff(changes...))
	for range 4 {
		b.time = b.time.Add(time.Second)
		var numbers []Number
		for range 200 {
			numbers = append(numbers, number(rng.IntN(2000)))
		}
		b.unit("p", b.stock(numbers...))
	}
	for range 6 {
		b.time = b.time.Add(time.Second)
		var calls []call
		for range maxUnitCalls {
			if as := b.pools["p"].Assignments; len(as) > 0 && rng.IntN(3) == 0 {
				calls = append(calls, b.release(as[rng.IntN(len(as))].ID))
			} else {
				calls = append(calls, b.assign("", NumberPreferred))
			}
		}
		b.unit("p", calls...)
	}
	b.check(t, "p")
}
