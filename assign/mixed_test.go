package assign

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever a pool is asked for, in units of any size, with a clock that jumps
// and answers that get lost, it stands after every unit as the model does, says
// the same in its log and to its callers; and the replay finds nothing to
// object to, whenever the rows were read.
func TestAllCallsMixed(t *testing.T) {
	seen := &tally{n: map[string]int{}}
	rapid.Check(t, func(t *rapid.T) {
		x := newMix(t, seen)
		for range x.int(5, 80, "units") {
			x.tick()
			x.step()
			x.compare()
		}
		x.replay()
	})
	seen.want(t,
		"expired", "expired for want of numbers", "expired in bulk", "expired while out of use",
		"own number while it rests", "own number of two", "somebody else's number kept from a pair",
		"no number: refused", "no number: none given", "number again after its rest",
		"void of a live one", "void of a released one", "void of an expired one", "void of a reassigned one", "void again",
		"last turn is an earlier one", "last turn is none",
		"reassigned", "reassigned back", "reassigned with its key again", "reassignment's key reused", "kept by the current one", "turn given back", "turn kept",
		"released in bulk", "more to release",
		"suspended with an assignment", "suspended without", "drained with an assignment", "resumed with an assignment", "resumed to rest",
		"set aside", "back from aside", "stays aside",
		"touched", "touched for longer", "leads nowhere",
		"answer lost", "write lost", "key again", "key reused",
		"row read early", "row read late")
}

// A tally counts how often something happened in all runs.
type tally struct {
	mu sync.Mutex
	n  map[string]int

	runs int
}

func (c *tally) add(what string, if_ bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if if_ {
		c.n[what]++
	}
}

func (c *tally) want(t *testing.T, all ...string) {
	t.Helper()
	t.Logf("%d runs: %v", c.runs, c.n)
	if c.runs < 100 {
		return // somebody asked for less
	}
	for _, what := range all {
		if c.n[what] == 0 && !t.Failed() {
			t.Errorf("never happened: %s; the test tests nothing of it", what)
		}
	}
}

// A mix is a pool and the model of it.
type mix struct {
	*bench
	t       *rapid.T
	seen    *tally
	service *Service
	model   *model
	fate    fate           // of the next write
	told    int            // entries of the log that were compared
	hand    bool           // somebody was in the tables
	rows    [][]Assignment // after each step

	// Of the unit that runs: whether it is decided once more, whether that is
	// because its first write was lost, and when numbers were called as it has
	// read them.
	again, lostWrite bool
	usedAt           map[Number]time.Time
}

func newMix(t *rapid.T, seen *tally) *mix {
	x := &mix{bench: newBench(), t: t, seen: seen, model: newModel("p")}
	seen.runs++
	x.service = &Service{Ledger: x, NewID: x.id}
	x.bench.unit("q", x.settle(0))
	x.bench.unit("q", x.stock(number(9)))
	x.model.foreign[number(9)] = true
	if x.int(0, 9, "exists") > 0 {
		x.settling()
		x.alone(x.staff(joins("p0", "p1", "p2")...), func(now time.Time) answer {
			return answer{Value: x.model.change(now, joins("p0", "p1", "p2"))}
		})
		x.alone(x.stock(number(0), number(1), number(2), number(3)), func(now time.Time) answer {
			return stockedAnswer(x.model.stock(now, []Number{number(0), number(1), number(2), number(3)}))
		})
	}
	return x
}

// Unit implements [Ledger], with one fate for the first write.
func (x *mix) Unit(ctx context.Context, claim Claim, ask func() Need, decide func(State) Changes) (Trace, error) {
	lost := fine
	_, err := x.memLedger.Unit(ctx, claim, ask, func(s State) Changes {
		changes := decide(s)
		if changes.Empty() {
			return changes
		}
		lost, x.fate = x.fate, fine
		if lost == lostWrite {
			return Changes{}
		}
		return changes
	})
	if err != nil {
		x.t.Fatal(err)
	}
	trace := Trace{Seq: x.model.seq}
	if lost != fine {
		return trace, fmt.Errorf("broken pipe: %w", ErrOutcomeUnknown)
	}
	return trace, nil
}

// int draws a number evenly, where rapid's own would mostly be small.
func (x *mix) int(least, most int, what string) int {
	n := 0
	for _, bit := range rapid.SliceOfN(rapid.Bool(), 10, 10).Draw(x.t, what) {
		n = 2*n + int(count(bit))
	}
	return least + n%(most-least+1)
}

// oneOf draws one of these, evenly.
func oneOf[T any](x *mix, what string, these ...T) T { return these[x.int(0, len(these)-1, what)] }

// tick lets time pass, or the clock step back.
func (x *mix) tick() {
	step := oneOf(x, "seconds", 0, 1, 1, 3, 3, 3, 7, 7, 15, 40, -20)
	x.time = x.time.Add(time.Duration(step) * time.Second)
}

func (x *mix) step() {
	x.fate = fine
	if x.int(0, 11, "fate") == 0 {
		x.fate = oneOf(x, "lost", lostReply, lostWrite)
	}
	switch x.int(0, 25, "what") {
	case 0:
		x.settling()
	case 1:
		changes := drawChanges(x.t, 3)
		x.alone(x.staff(changes...), func(now time.Time) answer {
			if !x.model.exists {
				return answer{Err: ErrPoolNotFound.Error()}
			}
			return answer{Value: x.model.change(now, changes)}
		})
	case 2:
		x.stocking()
	case 3, 4, 5:
		x.caring()
	case 6, 7:
		x.voiding()
	case 8, 9, 10, 11:
		x.reassigning()
	case 12, 13, 14:
		x.releasingMany()
	case 15:
		x.damage()
	default:
		x.together()
	}
}

// run runs calls in a unit of their own.
func (x *mix) run(calls ...call) {
	x.t.Helper()
	err := x.service.unit(context.Background(), ofP, these(calls), everyone, false)
	if err != nil {
		x.t.Fatal(err)
	}
}

// alone compares a call that wants to be alone: it happens once.
func (x *mix) alone(c call, do func(now time.Time) answer) {
	x.t.Helper()
	lost := x.fate
	before := x.model.seq
	x.run(c)
	want := do(x.model.now(x.time))
	x.seen.add("answer lost", lost == lostReply && x.model.seq > before)
	x.seen.add("write lost", lost == lostWrite && x.model.seq > before)
	x.sameAnswer(c, want, answerOf(c))
}

func (x *mix) sameAnswer(c call, want, got answer) {
	x.t.Helper()
	if want.Err != "" {
		got.Value, want.Value = zeroed(got.Value), zeroed(want.Value)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		x.t.Fatalf("%T %+v is answered (-want +got):\n%s", c, c, diff)
	}
}

// zeroed is what a refusal says, if anything.
func zeroed(v any) any {
	switch v.(type) {
	case NoNumberError, NumberNotLiveError:
		return v
	}
	return nil
}

func (x *mix) settling() {
	s := Settings{
		Cooldown:     time.Duration(x.int(0, 3, "cool-down")) * 10 * time.Second,
		NumberTTL:    time.Duration(x.int(0, 3, "life")) * 8 * time.Second,
		TTLFromUse:   (x.int(0, 1, "from use") == 1),
		Sticky:       x.int(0, 2, "sticky") > 0,
		NumberOrFail: (x.int(0, 1, "or fail") == 1),
	}
	change := PoolChange{Cooldown: &s.Cooldown, NumberTTL: &s.NumberTTL, TTLFromUse: &s.TTLFromUse, Sticky: &s.Sticky, NumberOrFail: &s.NumberOrFail}
	x.alone(&settling{PoolChange: change, eventID: x.id()}, func(now time.Time) answer {
		return answer{Value: x.model.settle(now, s)}
	})
}

func stockedAnswer(s Stocked, err error) answer {
	if err != nil {
		return answer{Err: err.Error()}
	}
	return answer{Value: s}
}

func (x *mix) stocking() {
	numbers := make([]Number, x.int(1, 2, "stock"))
	for i := range numbers {
		numbers[i] = x.drawNumber()
	}
	x.alone(x.stock(numbers...), func(now time.Time) answer {
		if !x.model.exists {
			return answer{Err: ErrPoolNotFound.Error()}
		}
		return stockedAnswer(x.model.stock(now, numbers))
	})
}

func (x *mix) drawNumber() Number { return number(x.int(0, 9, "number")) }

// aNumber draws a number, mostly one that the pool has.
func (x *mix) aNumber() (Number, *NumberRecord) {
	known := slices.Sorted(maps.Keys(x.model.numbers))
	n := number(9)
	out := slices.DeleteFunc(slices.Clone(known), func(n Number) bool {
		return x.model.numbers[n].State == NumberFree || x.model.numbers[n].State == NumberActive
	})
	if len(out) > 0 && x.int(0, 1, "number that is out of use") == 1 {
		known = out
	}
	if len(known) > 0 && x.int(0, 19, "known number") > 0 {
		n = oneOf(x, "number", known...)
	}
	return n, x.model.numbers[n]
}

// anAssignment draws an assignment, mostly a late one.
func (x *mix) anAssignment() (string, *Assignment) {
	all := x.model.assignments
	if len(all) == 0 || x.int(0, 19, "known assignment") == 0 {
		return "unknown", nil
	}
	if some := slices.DeleteFunc(slices.Clone(all), func(a *Assignment) bool { return a.State == AssignmentVoid || a.ReassignedTo == "" }); len(some) > 0 && x.int(0, 3, "reassigned one") == 0 {
		all = some
	}
	a := all[x.int(max(0, len(all)-8), len(all)-1, "assignment")]
	return a.ID, a
}

func (x *mix) caring() {
	n, record := x.aNumber()
	to := oneOf(x, "to", CareSuspend, CareDrain, CareResume, CareResume)
	x.alone(x.care(n, to), func(now time.Time) answer {
		if record == nil {
			return answer{Err: ErrNumberNotFound.Error()}
		}
		was := *record
		if err := x.model.care(now, record, to, "why"); err != nil {
			x.seen.add("stays aside", true)
			return refusal(err)
		}
		changed, live := was.State != record.State, was.Assignment != ""
		x.seen.add("suspended with an assignment", changed && to == CareSuspend && live)
		x.seen.add("suspended without", changed && to == CareSuspend && !live)
		x.seen.add("drained with an assignment", changed && to == CareDrain && live)
		x.seen.add("resumed with an assignment", changed && record.State == NumberActive)
		x.seen.add("resumed to rest", changed && record.State == NumberFree && record.FreeAt.After(now))
		x.seen.add("back from aside", changed && was.State == NumberAside)
		return answer{Value: x.model.view(record, now)}
	})
}

func (x *mix) voiding() {
	id, a := x.anAssignment()
	reason := oneOf(x, "reason", VoidReason(""), VoidMistake, VoidNoShow)
	x.alone(&voiding{Void: Void{ID: id, Reason: reason, Note: "note"}, eventID: x.id()}, func(now time.Time) answer {
		if a == nil {
			return answer{Err: ErrAssignmentNotFound.Error()}
		}
		x.seen.add("void again", a.State == AssignmentVoid)
		if a.State != AssignmentVoid {
			x.seen.add("void of an expired one", x.model.over(a, now))
			x.seen.add("void of a live one", a.State == AssignmentActive && !x.model.over(a, now))
			x.seen.add("void of a released one", a.State == AssignmentReleased)
			x.seen.add("void of a reassigned one", a.ReassignedTo != "")
			x.model.void(now, a, reason, "note")
			last := x.model.staff[a.Planner].last()
			x.seen.add("last turn is an earlier one", last.seq > 0 && last.seq < a.Seq)
			x.seen.add("last turn is none", last.seq == 0)
		}
		return answer{Value: x.model.shown(a, now)}
	})
}

func (x *mix) reassigning() {
	id, a := x.anAssignment()
	r := Reassignment{
		ID:        id,
		Reason:    oneOf(x, "reason", ReassignMistake, ReassignCustomer, ReassignUnavailable, ReassignDeclined),
		OrCurrent: (x.int(0, 1, "or current") == 1),
		Note:      "note",
	}
	if x.int(0, 1, "says key") == 1 {
		if r.Key = "k"; x.int(0, 3, "the same") > 0 {
			r.Reason, r.OrCurrent = ReassignDeclined, false
		}
	}
	c := newReassigning(r, x.id())
	x.alone(c, func(now time.Time) answer {
		if a == nil {
			return answer{Err: ErrAssignmentNotFound.Error()}
		}
		holder, before := a.Holder(), x.model.seq
		whose, turns := x.model.turnsOf(a)
		known := slices.ContainsFunc(turns, func(t *modelTurn) bool { return t.asked.Key == c.Key })
		back := 0
		if err := x.model.reassign(now, a, c.Reassignment); err != nil {
			x.seen.add("reassignment's key reused", err == ErrKeyReused)
			return refusal(err)
		}
		if x.model.seq > before && a.Holder() != holder {
			back = len(x.model.log[len(x.model.log)-1].Data.(Reassigned).TurnsBack)
			x.seen.add("reassigned", true)
			x.seen.add("reassigned back", slices.Contains(whose, a.Holder()))
			x.seen.add("turn given back", back > 0)
			x.seen.add("turn kept", back == 0)
		}
		x.seen.add("reassigned with its key again", known)
		x.seen.add("kept by the current one", !known && x.model.seq == before && r.OrCurrent)
		return answer{Value: Assigned{x.model.shown(a, now), known}}
	})
}

func (x *mix) releasingMany() {
	r := BulkRelease{Pool: "p", Limit: x.int(1, 4, "limit")}
	if x.int(0, 2, "by planner") == 0 {
		r.Planner = plannerID(x.int(0, 2, "planner"))
	}
	r.State = oneOf(x, "state", ReleaseState(""), ReleaseActive, ReleaseExpired, ReleaseExpired, ReleaseDraining, ReleaseSuspended)
	r.Age = time.Duration(x.int(0, 3, "age")) * 5 * time.Second
	x.alone(x.releaseMany(r), func(now time.Time) answer {
		if !x.model.exists {
			return answer{Err: ErrPoolNotFound.Error()}
		}
		if r.Planner != "" && x.model.staff[r.Planner] == nil {
			return answer{Err: ErrPlannerNotFound.Error()}
		}
		live := x.chosen(r, now)
		more := len(live) > r.Limit
		live = live[:min(r.Limit, len(live))]
		got := BulkReleased{More: more}
		for _, a := range live {
			x.seen.add("expired in bulk", x.model.over(a, now))
			x.seen.add("released in bulk", !x.model.over(a, now))
			x.seen.add("expired while out of use", x.model.over(a, now) && x.model.numberOf(a).State != NumberActive)
		}
		x.seen.add("more to release", more)
		x.model.releaseMany(now, live, "")
		for _, a := range live {
			got.Assignments = append(got.Assignments, *a)
		}
		return answer{Value: got}
	})
}

// chosen are the live assignments that a bulk release is about.
func (x *mix) chosen(r BulkRelease, now time.Time) (live []*Assignment) {
	for _, a := range x.model.assignments {
		n := x.model.numberOf(a)
		in := func(s NumberState) bool { return n != nil && n.State == s }
		if a.State == AssignmentActive && (r.Planner == "" || r.Planner == a.Holder()) && now.Sub(a.AssignedAt) >= r.Age &&
			(r.State != ReleaseExpired || x.model.over(a, now)) &&
			(r.State != ReleaseDraining || in(NumberDraining)) && (r.State != ReleaseSuspended || in(NumberSuspended)) {
			live = append(live, a)
		}
	}
	return live
}

// damage makes numbers free in the tables that assignments hold, and asks for
// some.
func (x *mix) damage() {
	var held []*NumberRecord
	for _, n := range x.model.numbers {
		if n.State == NumberActive && n.Earlier == (Pair{}) {
			held = append(held, n)
		}
	}
	if len(held) == 0 || x.int(0, 2, "hand") > 0 {
		x.together()
		return
	}
	slices.SortFunc(held, func(a, b *NumberRecord) int { return a.Rank().Compare(b.Rank()) })
	var riders []rider
	for i, n := range held[:x.int(1, len(held), "damaged")] {
		n.State, n.FreeAt = NumberFree, noon.Add(time.Duration(i-100)*time.Hour)
		x.numbers[n.Number] = *n
		c := newAssigning(Request{Pool: "p"}, x.id())
		riders = append(riders, rider{c, func(now time.Time) answer { return x.assigned(c, now) }})
	}
	x.pools["p"].Pool.FreeFrom = FreeRank{}
	x.hand = true
	x.unit(riders)
}

// A rider is a call that shares a unit, and what the model does.
type rider struct {
	call
	do func(now time.Time) answer
}

// together runs a unit of calls that share it.
func (x *mix) together() {
	var riders []rider
	for range x.int(1, 6, "calls") {
		switch x.int(0, 6, "call") {
		case 0, 2:
			riders = append(riders, x.releasing())
		case 1:
			riders = append(riders, x.touching())
		default:
			riders = append(riders, x.assigning())
		}
	}
	x.unit(riders)
}

func (x *mix) unit(riders []rider) {
	var calls []call
	wanting := 0
	for _, r := range riders {
		calls = append(calls, r.call)
		if a, ok := r.call.(*assigning); ok && a.Wish != NumberNone {
			wanting++
		}
	}
	lost := x.fate
	x.run(calls...)

	x.again = false
	answers := x.ride(riders, wanting, x.model.now(x.time), &lost)
	for i, r := range riders {
		got := answerOf(r.call)
		if none, ok := got.Value.(NoNumberError); ok && slices.ContainsFunc(riders, notAssigning) {
			// The number that was to be back next may have been given back
			// or been called before; which that is, the unit has not read.
			want, _ := answers[i].Value.(NoNumberError)
			none.NextFree = want.NextFree
			got.Value = none
		}
		x.sameAnswer(r.call, answers[i], got)
	}
}

func notAssigning(r rider) bool {
	_, ok := r.call.(*assigning)
	return !ok
}

// ride is what the model does of a unit: what is not written down yet that it
// has to know, then the calls; all of it twice if the first time nobody heard of
// it.
func (x *mix) ride(riders []rider, wanting int, now time.Time, lost *fate) []answer {
	before := x.model.seq
	x.lostWrite = *lost == lostWrite
	x.again = x.again || x.lostWrite
	x.usedAt = map[Number]time.Time{}
	for _, n := range x.model.numbers {
		x.usedAt[n.Number] = n.UsedAt
	}
	if x.model.exists && wanting > 0 {
		for x.setsAside(now, wanting, lost) {
		}
		due := x.model.due(wanting, now)
		x.model.expire(now, due...)
		x.seen.add("expired", len(due) > 0)
		x.seen.add("expired for want of numbers", len(due) > 0)
	}
	var answers []answer
	for _, r := range riders {
		answers = append(answers, r.do(now))
	}
	x.seen.add("answer lost", *lost == lostReply && x.model.seq > before)
	x.seen.add("write lost", *lost == lostWrite && x.model.seq > before)
	if *lost == lostReply && x.model.seq > before {
		*lost, x.again = fine, true
		return x.ride(riders, wanting, now, lost)
	}
	return answers
}

// setsAside sets numbers aside as a unit meets them that wants so many.
func (x *mix) setsAside(now time.Time, wanting int, lost *fate) bool {
	var first []*NumberRecord
	for _, n := range x.model.numbers {
		if n.State == NumberFree {
			first = append(first, n)
		}
	}
	slices.SortFunc(first, func(a, b *NumberRecord) int { return a.Rank().Compare(b.Rank()) })
	var wrong []Number
	for _, n := range first[:min(wanting, len(first))] {
		if n.Assignment != "" {
			wrong = append(wrong, n.Number)
		}
	}
	if wrong == nil {
		return false
	}
	x.model.setAside(now, wrong...)
	x.seen.add("set aside", true)
	*lost = fine // it was this unit's
	return true
}

func (x *mix) assigning() rider {
	r := Request{
		Pool:     "p",
		Customer: oneOf(x, "customer", "", "a", "a", "a", "b"),
		Wish:     oneOf(x, "wish", Wish(""), NumberPreferred, NumberRequired, NumberRequired, NumberNone),
	}
	if x.int(0, 1, "says key") == 1 {
		r.Key = fmt.Sprintf("k%d", x.int(0, 60, "key"))
	}
	c := newAssigning(r, x.id())
	return rider{c, func(now time.Time) answer { return x.assigned(c, now) }}
}

func (x *mix) assigned(c *assigning, now time.Time) answer {
	m := x.model
	if !m.exists {
		return answer{Err: ErrPoolNotFound.Error()}
	}
	for _, a := range m.assignments {
		if a.Key != c.Key {
			continue
		}
		if a.Customer != c.Customer || wishGroup(a.Wish) != wishGroup(c.Wish) {
			x.seen.add("key reused", true)
			return answer{Err: ErrKeyReused.Error()}
		}
		x.seen.add("key again", true)
		return answer{Value: Assigned{m.shown(a, now), a.ID != c.id}}
	}
	rests := map[Number]bool{}
	used := map[Number]bool{}
	own := 0
	pair := Pair{markOf(c.Customer), m.pick("")}
	others := false
	for _, n := range m.numbers {
		rests[n.Number] = n.State == NumberFree && n.FreeAt.After(now)
		used[n.Number] = !n.ReleasedAt.IsZero()
		if n.State == NumberFree && n.Earlier == pair && c.Customer != "" {
			own++
		}
		others = others || rests[n.Number] && n.Earlier != (Pair{}) && n.Earlier != pair && n.Earlier.Customer == pair.Customer
	}
	a, err := m.assign(now, c.Request, c.id)
	var none *NoNumberError
	x.seen.add("no number: refused", errors.As(err, &none))
	if err != nil {
		return refusal(err)
	}
	x.seen.add("no number: none given", a.Number == "" && a.Wish != NumberNone)
	x.seen.add("own number while it rests", a.Number != "" && rests[a.Number])
	x.seen.add("own number of two", a.Number != "" && m.settings.Sticky && own > 1)
	x.seen.add("somebody else's number kept from a pair", others && m.settings.Sticky && own == 0 && a.Wish != NumberNone)
	x.seen.add("number again after its rest", a.Number != "" && used[a.Number] && !rests[a.Number])
	return answer{Value: Assigned{m.shown(a, now), false}}
}

// wishGroup is what two wishes have in common that count as the same.
func wishGroup(w Wish) Wish {
	if w == NumberByPool {
		return NumberPreferred
	}
	return w
}

func (x *mix) releasing() rider {
	id, _ := x.anAssignment()
	return rider{x.release(id), func(now time.Time) answer {
		a := x.model.assignment(id)
		if a == nil {
			return answer{Err: ErrAssignmentNotFound.Error()}
		}
		x.seen.add("expired", x.model.over(a, now))
		x.model.release(now, a, "done")
		return answer{Value: x.model.shown(a, now)}
	}}
}

func (x *mix) touching() rider {
	n, _ := x.aNumber()
	led := false // at the first attempt
	return rider{x.touch(n), func(now time.Time) answer {
		r := x.model.numbers[n]
		if r == nil {
			return answer{Err: ErrNumberNotFound.Error()}
		}
		was := *r
		if x.lostWrite {
			led = x.model.leads(now, r) // as it did, which the model has not seen
		}
		if x.again && led && x.usedAt[n].Equal(now) {
			return answer{Value: x.model.view(r, now)} // it was noted
		}
		led = x.model.leads(now, r)
		if !x.model.touch(now, r) {
			x.seen.add("leads nowhere", true)
			return refusal(&NumberNotLiveError{x.model.view(r, now).ReleasedAt})
		}
		x.seen.add("touched", true)
		x.seen.add("touched for longer", r.ExpiresAt.After(was.ExpiresAt))
		return answer{Value: x.model.view(r, now)}
	}}
}

// compare compares what is kept and what was logged with the model.
func (x *mix) compare() {
	x.t.Helper()
	p := x.pools["p"]
	if p == nil {
		if x.model.exists {
			x.t.Fatal("there is no pool")
		}
		return
	}
	if err := errors.Join(x.audit("p"), x.same(p, x.model)); err != nil {
		x.t.Fatal(err)
	}
	if diff := gocmp.Diff(x.model.records(), x.own()); diff != "" {
		x.t.Fatalf("numbers (-must be +are):\n%s", diff)
	}
	for ; x.told < len(x.model.log); x.told++ {
		want := x.model.log[x.told]
		if err := x.logged(want); err != nil {
			x.t.Fatal(err)
		}
	}
	x.rows = append(x.rows, slices.Clone(p.Assignments))
}

// own are the numbers of the pool.
func (x *mix) own() map[Number]NumberRecord {
	rows := maps.Clone(x.numbers)
	maps.DeleteFunc(rows, func(_ Number, n NumberRecord) bool { return n.Pool != "p" })
	return rows
}

// logged compares an entry of the log. What an assignment's row said when it
// was made, only its answer tells.
func (x *mix) logged(want entryOf) error {
	p := x.pools["p"]
	if want.Kind == "" {
		a := want.Data.(Assignment)
		if i, ok := p.IDs[a.ID]; !ok || p.Assignments[i].Seq != want.Seq {
			return fmt.Errorf("the log must have at %d: %+v", want.Seq, a)
		}
		return nil
	}
	i := slices.IndexFunc(p.Events, func(e Event) bool { return e.Seq == want.Seq })
	if i < 0 || p.Events[i].Kind != want.Kind || string(p.Events[i].Data) != string(encode(want.Data)) || !p.Events[i].At.Equal(want.At) {
		return fmt.Errorf("the log must have at %d: %s %s", want.Seq, want.Kind, encode(want.Data))
	}
	return nil
}

// replay replays the log, each assignment's row as it was at some time after it
// was made.
func (x *mix) replay() {
	if !x.model.exists {
		return
	}
	h := x.history("p")
	rnd := rand.New(rand.NewPCG(uint64(x.int(0, 1<<30, "seed")), 1))
	final := h.Assignments
	early := slices.Clone(final)
	for i := range early {
		// The rows of a unit are there from its end on.
		first := slices.IndexFunc(x.rows, func(rows []Assignment) bool { return len(rows) > i })
		early[i] = x.rows[first+rnd.IntN(len(x.rows)-first)][i]
		x.seen.add("row read early", early[i] != final[i])
		x.seen.add("row read late", early[i] == final[i] && final[i].State != AssignmentActive)
	}
	var found []Finding
	r := NewReplay("p", func(f Finding) { found = append(found, f) })
	h.Assignments = early
	h.log(r, h.Pool.Seq)
	h.Assignments = final
	h.rows(r)
	found = slices.DeleteFunc(found, func(f Finding) bool {
		// What a hand has done is told once for each number, and the number's
		// row may never be again what the log makes it.
		return x.hand && (f.Kind == FoundNumberAside || f.Kind == FoundNumberRow && f.Seq == 0)
	})
	if len(found) > 0 {
		x.t.Fatalf("found:\n%s", lines(found))
	}
	if err := x.referee("p"); err != nil {
		x.t.Fatal(err)
	}
}
