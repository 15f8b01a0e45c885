package assign

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// standing is what the rule goes by: who comes next, and with what load.
func (b *bench) standing() map[PlannerID]Planner {
	rows := map[PlannerID]Planner{}
	for id, p := range b.pools["p"].Planners {
		p.Open = 0
		rows[id] = p
	}
	return rows
}

func (b *bench) wantStanding(t *testing.T, want map[PlannerID]Planner) {
	t.Helper()
	if diff := gocmp.Diff(want, b.standing()); diff != "" {
		t.Errorf("planners (-want +are):\n%s", diff)
	}
	b.check(t, "p")
}

// lastEvent decodes the latest event.
func lastEvent[T any](t *testing.T, b *bench) (data T) {
	t.Helper()
	events := b.pools["p"].Events
	if err := json.Unmarshal(events[len(events)-1].Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

// Whatever an assignment has gone through, once it is void the planners stand
// as if it had not been.
func TestVoid(t *testing.T) {
	for name, before := range map[string]func(*bench, Assignment){
		"active":                  func(*bench, Assignment) {},
		"released":                func(b *bench, a Assignment) { b.do(b.release(a.ID)) },
		"expired":                 func(b *bench, _ Assignment) { b.pass(time.Hour) },
		"expired, written down":   func(b *bench, a Assignment) { b.pass(time.Hour); b.do(b.release(a.ID)) },
		"reassigned, turn kept":   func(b *bench, a Assignment) { b.do(b.reassign(a.ID, ReassignDeclined)) },
		"reassigned, turn back":   func(b *bench, a Assignment) { b.do(b.reassign(a.ID, ReassignMistake)) },
		"reassigned and released": func(b *bench, a Assignment) { b.do(b.reassign(a.ID, ReassignDeclined)); b.do(b.release(a.ID)) },
		"reassigned and back": func(b *bench, a Assignment) {
			for b.of(a).Holder() != a.Planner || b.of(a).ReassignedTo == "" {
				b.do(b.reassign(a.ID, ReassignUnavailable))
			}
		},
		"handed around": func(b *bench, a Assignment) {
			for _, reason := range []ReassignReason{ReassignCustomer, ReassignUnavailable, ReassignMistake, ReassignDeclined, ReassignMistake} {
				b.do(b.reassign(a.ID, reason))
			}
		},
		"planner inactive": func(b *bench, a Assignment) {
			off := false
			b.do(b.staff(PlannerChange{ID: a.Planner, Active: &off}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{Cooldown: time.Minute, NumberTTL: 10 * time.Minute}, 2)
			for range 4 {
				b.do(b.assign("", NumberNone))
				b.pass(time.Second)
			}
			want := b.standing()
			a := b.take(t, "x")
			b.pass(time.Second)
			before(b, a)
			if off := name == "planner inactive"; off {
				p := want[a.Planner]
				p.Active = false
				want[a.Planner] = p
			}
			ended := b.of(a).ReleasedAt
			switch {
			case name == "expired":
				ended = a.ExpiresAt
			case ended.IsZero():
				ended = b.time
			}
			got := b.do(b.void(a.ID))
			v, _ := got.Value.(Assignment)
			if got.Err != "" || v.State != AssignmentVoid || !v.VoidedAt.Equal(b.time) || !v.TurnBack || !v.ReleasedAt.Equal(ended) || !v.ExpiresAt.IsZero() {
				t.Errorf("answer %+v, want it void at %v and over at %v", got, b.time, ended)
			}
			b.wantStanding(t, want)
			n := b.numbers[a.Number]
			if n.State != NumberFree || !n.FreeAt.Equal(ended.Add(time.Minute)) {
				t.Errorf("its number is %+v, and must rest from %v", n, ended)
			}
			if open := b.pools["p"].Pool.Open; open != 4 {
				t.Errorf("%d are live, want 4", open)
			}

			// Whoever voids or releases it again is told the same.
			seq := b.seq()
			b.pass(time.Second)
			for _, again := range []call{b.void(a.ID), b.release(a.ID)} {
				if diff := gocmp.Diff(got, b.do(again)); diff != "" || b.seq() != seq {
					t.Errorf("%T again, at %d after %d (-want +got):\n%s", again, b.seq(), seq, diff)
				}
			}
			if got := b.do(b.reassign(a.ID, ReassignMistake)); got.Err != ErrAssignmentOver.Error() {
				t.Errorf("reassigned: %+v", got)
			}
		})
	}
}

func TestVoidSaysWhy(t *testing.T) {
	for reason, want := range map[VoidReason]string{"": "mistake", VoidMistake: "mistake", VoidNoShow: "no_show"} {
		b := newHouse(Settings{}, 0)
		a := b.take(t, "")
		b.do(&voiding{Void: Void{ID: a.ID, Reason: reason, Note: "why", Actor: "me"}, eventID: "own"})
		d, e := lastEvent[Voided](t, b), b.pools["p"].Events[len(b.pools["p"].Events)-1]
		back := []TurnBack{{Planner: a.Planner, Turn: a.Seq}}
		if d.Reason != want || d.Note != "why" || e.Actor != "me" || e.ID != "own" || d.Number != nil || !slices.Equal(d.TurnsBack, back) {
			t.Errorf("%q is told as %s by %s (%s)", reason, e.Data, e.Actor, e.ID)
		}
	}
	if got := newHouse(Settings{}, 0).do(&voiding{Void: Void{ID: "unknown"}}); got.Err != ErrAssignmentNotFound.Error() {
		t.Errorf("of nothing: %+v", got)
	}
}

// The last turn that is left is the latest that counts, whichever were voided
// before.
func TestVoidRestoresTheLastTurn(t *testing.T) {
	for _, test := range []struct {
		void []int   // of four turns, in this order
		last []int64 // that is left after each; 0 for never
	}{
		{[]int{3, 2, 1, 0}, []int64{3, 2, 1, 0}},
		{[]int{0, 1, 2, 3}, []int64{4, 4, 4, 0}},
		{[]int{2, 3, 0, 1}, []int64{4, 2, 2, 0}},
		{[]int{1, 2, 3}, []int64{4, 4, 1}},
	} {
		t.Run(fmt.Sprint(test.void), func(t *testing.T) {
			b := newBench()
			b.settings(Settings{})
			b.unit("p", b.staff(joins("a")...))
			var turns []Assignment
			for range 4 {
				b.pass(time.Second)
				turns = append(turns, b.take(t, ""))
			}
			for i, n := range test.void {
				b.do(b.void(turns[n].ID))
				want := Planner{ID: "a", Active: true, Assigned: int64(3 - i)}
				if last := test.last[i]; last > 0 {
					want.LastSeq, want.LastAt = turns[last-1].Seq, turns[last-1].AssignedAt
				}
				want.Open = want.Assigned
				if diff := gocmp.Diff(want, b.pools["p"].Planners["a"]); diff != "" {
					t.Errorf("after %d of them (-want +is):\n%s", i+1, diff)
				}
			}
			b.check(t, "p")
		})
	}
}

// Whose turn was given back is the next again, as far back as that may be.
func TestVoidedPlannerIsNext(t *testing.T) {
	b := newHouse(Settings{}, 0)
	var turns []Assignment
	for range 30 {
		turns = append(turns, b.take(t, ""))
	}
	b.do(b.void(turns[1].ID))
	if got := b.take(t, "").Planner; got != "b" {
		t.Errorf("the next is %s, want b, who has had one less", got)
	}
	// Level again, all three stand in the order of their last turns.
	var got []PlannerID
	for range 3 {
		got = append(got, b.take(t, "").Planner)
	}
	if diff := gocmp.Diff([]PlannerID{"a", "c", "b"}, got); diff != "" {
		t.Errorf("the next (-want +got):\n%s", diff)
	}
	b.check(t, "p")
}

// One whose only turn is given back has never had one.
func TestVoidOfTheOnlyTurn(t *testing.T) {
	b := newHouse(Settings{}, 0)
	want := b.standing()
	a := b.take(t, "")
	b.do(b.void(a.ID))
	b.wantStanding(t, want)
	if d := lastEvent[Voided](t, b); d.TurnsBack[0].LastSeq != 0 || d.TurnsBack[0].LastAt != nil {
		t.Errorf("event %+v, want no last turn", d)
	}
}

// Where a hand has removed a planner who had a turn, nothing is decided, and
// nothing breaks.
func TestEndsWithoutAPlannersRow(t *testing.T) {
	b := newHouse(Settings{}, 1)
	a := b.take(t, "")
	b.do(b.reassign(a.ID, ReassignDeclined))
	for _, c := range []call{b.void(a.ID), b.reassign(a.ID, ReassignMistake)} {
		need := Need{}
		c.need(&need)
		state := b.read("p", need)
		state.Picks = nil
		state.Turns.Planners = slices.DeleteFunc(state.Turns.Planners, func(p Planner) bool { return p.ID == a.Planner })
		changes, _ := decide(state, "p", []call{c}, "event")
		if got := answerOf(c); got.Err != errPlannerGone.Error() || !changes.Empty() {
			t.Errorf("%T: %+v, changing %+v", c, got, changes)
		}
	}
}

func TestReassign(t *testing.T) {
	for reason, back := range map[ReassignReason]bool{ReassignMistake: true, ReassignCustomer: true, ReassignUnavailable: false, ReassignDeclined: false} {
		t.Run(string(reason), func(t *testing.T) {
			b := newHouse(Settings{NumberTTL: time.Hour}, 2)
			name := "Lee"
			b.do(b.staff(PlannerChange{ID: "b", Name: &name}))
			a := b.take(t, "x") // to planner a; b is next
			b.pass(time.Second)
			c := b.reassign(a.ID, reason)
			c.Note, c.Actor = "note", "me"
			got := b.do(c)
			want := a
			want.ReassignedTo, want.ReassignedToName, want.TurnBack = "b", "Lee", back
			if diff := gocmp.Diff(answer{Value: Assigned{Assignment: want}}, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			rows, seq := b.pools["p"].Planners, b.seq()
			wantA := Planner{ID: "a", Active: true, Assigned: 1, LastSeq: a.Seq, LastAt: a.AssignedAt}
			if back {
				wantA = Planner{ID: "a", Active: true}
			}
			wantB := Planner{ID: "b", Name: "Lee", Active: true, Assigned: 1, Open: 1, LastSeq: seq, LastAt: b.time}
			if diff := gocmp.Diff([]Planner{wantA, wantB}, []Planner{rows["a"], rows["b"]}); diff != "" {
				t.Errorf("planners (-want +are):\n%s", diff)
			}
			d := Reassigned{ID: a.ID, Seq: a.Seq, From: "a", To: "b", ToName: "Lee", Exclude: true, TurnsBack: []TurnBack{}, Reason: string(reason), Note: "note"}
			if back {
				d.TurnsBack = []TurnBack{{Planner: "a", Turn: a.Seq}}
			}
			if diff := gocmp.Diff(d, lastEvent[Reassigned](t, b)); diff != "" {
				t.Errorf("event (-want +is):\n%s", diff)
			}
			if n := b.numbers[a.Number]; n.State != NumberActive || n.Assignment != a.ID || !n.ExpiresAt.Equal(a.ExpiresAt) {
				t.Errorf("its number became %+v", n)
			}
			b.check(t, "p")
		})
	}
}

// Who may keep the assignment keeps it if the rule, asked once more, picks the
// same planner.
func TestReassignOrCurrent(t *testing.T) {
	on, off := true, false
	for name, test := range map[string]struct {
		reason    ReassignReason
		orCurrent bool
		active    []PlannerID // of a, who has it, b and c
		turns     int         // after it was made
		want      PlannerID   // "" for a refusal
	}{
		"excluded, turn back":            {ReassignMistake, false, []PlannerID{"a", "b", "c"}, 0, "b"},
		"kept, turn back":                {ReassignMistake, true, []PlannerID{"a", "b", "c"}, 0, "a"},
		"turn kept, others first":        {ReassignDeclined, true, []PlannerID{"a", "b", "c"}, 0, "b"},
		"turn kept, all level":           {ReassignDeclined, true, []PlannerID{"a", "b", "c"}, 2, "a"},
		"turn kept, all level, excluded": {ReassignDeclined, false, []PlannerID{"a", "b", "c"}, 2, "b"},
		"alone, excluded":                {ReassignMistake, false, []PlannerID{"a"}, 0, ""},
		"alone, turn kept":               {ReassignDeclined, true, []PlannerID{"a"}, 0, "a"},
		"alone, turn back":               {ReassignCustomer, true, []PlannerID{"a"}, 0, "a"},
		"inactive":                       {ReassignUnavailable, true, []PlannerID{"c"}, 0, "c"},
		"inactive, turn back":            {ReassignMistake, true, []PlannerID{"b", "c"}, 0, "b"},
		"nobody":                         {ReassignMistake, true, nil, 0, ""},
		"nobody, excluded":               {ReassignUnavailable, false, nil, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{}, 1)
			a := b.take(t, "")
			for range test.turns {
				b.do(b.assign("", NumberNone))
			}
			for _, id := range []PlannerID{"a", "b", "c"} {
				active := &off
				if slices.Contains(test.active, id) {
					active = &on
				}
				b.do(b.staff(PlannerChange{ID: id, Active: active}))
			}
			before, seq := b.clone(), b.seq()
			c := b.reassign(a.ID, test.reason)
			c.OrCurrent = test.orCurrent
			got := b.do(c)
			b.check(t, "p")
			switch test.want {
			case "":
				want := ErrNoPlanner
				if slices.Contains(test.active, "a") {
					want = ErrNobodyElse
				}
				if got.Err != want.Error() || !errors.Is(want, ErrNoPlanner) {
					t.Errorf("answer %+v, want %v", got, want)
				}
			case "a":
				if v := got.Value.(Assigned); got.Err != "" || v != (Assigned{Assignment: a}) {
					t.Errorf("answer %+v, want it as it was", got)
				}
			default:
				if v := got.Value.(Assigned); got.Err != "" || v.ReassignedTo != test.want {
					t.Errorf("answer %+v, want planner %s", got, test.want)
				}
				return
			}
			if diff := gocmp.Diff(before.pools["p"].Planners, b.pools["p"].Planners); diff != "" || b.seq() != seq {
				t.Errorf("at %d after %d, changed:\n%s", b.seq(), seq, diff)
			}
		})
	}
}

func TestReassignOfWhatIsOver(t *testing.T) {
	b := newHouse(Settings{}, 1)
	released, void := b.take(t, ""), b.take(t, "")
	b.unit("p", b.release(released.ID))
	b.do(b.void(void.ID))
	seq := b.seq()
	for _, id := range []string{released.ID, void.ID} {
		if got := b.do(b.reassign(id, ReassignMistake)); got.Err != ErrAssignmentOver.Error() {
			t.Errorf("%+v", got)
		}
	}
	if got := b.do(b.reassign("unknown", ReassignMistake)); got.Err != ErrAssignmentNotFound.Error() || b.seq() != seq {
		t.Errorf("%+v", got)
	}
}

// The same key on the same assignment is the same reassignment, whatever has
// become of the assignment since.
func TestReassignAgain(t *testing.T) {
	b := newHouse(Settings{}, 1)
	a, other := b.take(t, ""), b.take(t, "")
	with := func(key string) *reassigning {
		return newReassigning(Reassignment{ID: a.ID, Reason: ReassignUnavailable, Key: key}, b.id())
	}
	first := b.do(with("k1"))
	seq := b.seq()
	again := first.Value.(Assigned)
	again.Replayed = true
	if diff := gocmp.Diff(answer{Value: again}, b.do(with("k1"))); diff != "" || b.seq() != seq {
		t.Errorf("again (-first +second):\n%s", diff)
	}
	second := b.do(with("k2"))
	if b.seq() != seq+1 || second.Value.(Assigned).ReassignedTo == first.Value.(Assigned).ReassignedTo {
		t.Errorf("with another key: %+v after %+v", second, first)
	}
	b.do(b.release(a.ID))
	for _, c := range []*reassigning{with("k1"), with("k2")} {
		if got := b.do(c); got.Err != "" || got.Value.(Assigned) != (Assigned{b.of(a), true}) {
			t.Errorf("when it is over, with a key from before: %+v", got)
		}
	}
	// The key is for that reassignment, and no other.
	for _, r := range []Reassignment{{Reason: ReassignMistake}, {Reason: ReassignUnavailable, Note: "n"}, {Reason: ReassignUnavailable, OrCurrent: true}} {
		r.ID, r.Key = a.ID, "k1"
		if got := b.do(newReassigning(r, b.id())); got.Err != ErrKeyReused.Error() {
			t.Errorf("the key for another: %+v", got)
		}
	}
	// A key is its assignment's own.
	c := newReassigning(Reassignment{ID: other.ID, Reason: ReassignUnavailable, Key: "k1"}, b.id())
	if got := b.do(c); got.Err != "" || got.Value.(Assigned).ReassignedTo == "" {
		t.Errorf("of another assignment: %+v", got)
	}
	b.check(t, "p")
}

// From hand to hand and back: each has the turns that the reasons left.
func TestReassignmentChains(t *testing.T) {
	for name, test := range map[string]struct {
		reasons  []ReassignReason
		assigned map[PlannerID]int64 // at the end
		turnBack bool
	}{
		"there and back":             {[]ReassignReason{ReassignDeclined, ReassignDeclined}, map[PlannerID]int64{"a": 2, "b": 1}, false},
		"there and back, all undone": {[]ReassignReason{ReassignMistake, ReassignMistake}, map[PlannerID]int64{"a": 1, "b": 0}, true},
		"first undone":               {[]ReassignReason{ReassignMistake, ReassignDeclined}, map[PlannerID]int64{"a": 1, "b": 1}, true},
		"second undone":              {[]ReassignReason{ReassignDeclined, ReassignMistake}, map[PlannerID]int64{"a": 2, "b": 0}, false},
		"twice around":               {[]ReassignReason{ReassignDeclined, ReassignMistake, ReassignMistake, ReassignDeclined}, map[PlannerID]int64{"a": 2, "b": 1}, false},
		"the second turn undone":     {[]ReassignReason{ReassignDeclined, ReassignDeclined, ReassignMistake}, map[PlannerID]int64{"a": 1, "b": 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.settings(Settings{})
			b.unit("p", b.staff(joins("a", "b")...))
			b.unit("p", b.stock(number(1)))
			a := b.take(t, "")
			for i, reason := range test.reasons {
				b.pass(time.Second)
				got := b.do(b.reassign(a.ID, reason))
				if want := []PlannerID{"b", "a"}[i%2]; got.Err != "" || got.Value.(Assigned).Holder() != want || got.Value.(Assigned).Planner != "a" {
					t.Fatalf("%d: %+v, want planner %s", i, got, want)
				}
				b.check(t, "p")
			}
			got := map[PlannerID]int64{}
			for id, p := range b.pools["p"].Planners {
				got[id] = p.Assigned
				if open := count(b.of(a).Holder() == id); p.Open != open {
					t.Errorf("%s has %d, want %d", id, p.Open, open)
				}
			}
			if diff := gocmp.Diff(test.assigned, got); diff != "" || b.of(a).TurnBack != test.turnBack {
				t.Errorf("turns, the first one back: %t (-want +are):\n%s", b.of(a).TurnBack, diff)
			}
			b.do(b.void(a.ID))
			for id, p := range b.pools["p"].Planners {
				if want := (Planner{ID: id, Active: true}); p != want {
					t.Errorf("after the void: %+v, want %+v", p, want)
				}
			}
			b.check(t, "p")
		})
	}
}

func TestReleaseMany(t *testing.T) {
	// Five assignments, one each ten seconds, of a, b, c, a, b, with numbers 1
	// to 4; a's first was passed on to b.
	for name, test := range map[string]struct {
		ask  BulkRelease
		want []int
		more bool
	}{
		"all":                {BulkRelease{State: ReleaseActive}, []int{0, 1, 2, 3, 4}, false},
		"some":               {BulkRelease{State: ReleaseActive, Limit: 2}, []int{0, 1}, true},
		"just so many":       {BulkRelease{State: ReleaseActive, Limit: 5}, []int{0, 1, 2, 3, 4}, false},
		"by planner":         {BulkRelease{Planner: "b"}, []int{0, 1, 4}, false},
		"by former planner":  {BulkRelease{Planner: "a"}, []int{3}, false},
		"by one without any": {BulkRelease{Planner: "c", State: ReleaseDraining}, nil, false},
		"by age":             {BulkRelease{Age: 30 * time.Second}, []int{0, 1, 2}, false},
		"a little younger":   {BulkRelease{Age: 30*time.Second + time.Microsecond}, []int{0, 1}, false},
		"by age and planner": {BulkRelease{Age: 30 * time.Second, Planner: "b"}, []int{0, 1}, false},
		"draining":           {BulkRelease{State: ReleaseDraining}, []int{1}, false},
		"suspended":          {BulkRelease{State: ReleaseSuspended}, []int{2, 3}, false},
		"suspended, limited": {BulkRelease{State: ReleaseSuspended, Limit: 1}, []int{2}, true},
		"none has expired":   {BulkRelease{State: ReleaseExpired}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{Cooldown: time.Minute}, 4)
			var all []Assignment
			for range 5 {
				all = append(all, b.take(t, ""))
				b.pass(10 * time.Second)
			}
			for b.of(all[0]).Holder() != "b" {
				b.do(b.reassign(all[0].ID, ReassignDeclined))
			}
			b.do(b.care(number(2), CareDrain))
			b.do(b.care(number(3), CareSuspend))
			b.do(b.care(number(4), CareSuspend))
			standing, seq := b.standing(), b.seq()
			c := b.releaseMany(test.ask)
			c.Actor = "me"
			got := b.do(c)
			var want []Assignment
			var ends []Ended
			for _, i := range test.want {
				is := b.of(all[i])
				if is.State != AssignmentReleased || !is.ReleasedAt.Equal(b.time) {
					t.Errorf("%d became %+v", i, is)
				}
				want = append(want, is)
				e := Ended{ID: is.ID, Seq: is.Seq}
				if n := is.Number; n != "" {
					at := b.time.Add(time.Minute)
					e.Number, e.FreeAt = &n, &at
				}
				ends = append(ends, e)
			}
			if diff := gocmp.Diff(answer{Value: BulkReleased{want, test.more}}, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if want == nil {
				wantKinds(t, b.kinds(seq))
			} else {
				wantKinds(t, b.kinds(seq), EventReleasedMany)
				if diff := gocmp.Diff(ReleasedMany{ends, "done"}, lastEvent[ReleasedMany](t, b)); diff != "" {
					t.Errorf("event (-want +is):\n%s", diff)
				}
			}
			if live := b.pools["p"].Pool.Open; live != int64(5-len(want)) {
				t.Errorf("%d are live", live)
			}
			b.wantStanding(t, standing)
		})
	}
	b := newBench()
	if got := b.do(b.releaseMany(BulkRelease{State: ReleaseActive})); got.Err != ErrPoolNotFound.Error() {
		t.Errorf("of no pool: %+v", got)
	}
	b = newHouse(Settings{}, 0)
	if got := b.do(b.releaseMany(BulkRelease{Planner: "z"})); got.Err != ErrPlannerNotFound.Error() {
		t.Errorf("of an unknown planner: %+v", got)
	}
}

// Those that have ended by themselves are chosen by that, in whatever state
// their numbers are, and written down as of when they ended.
func TestReleaseManyExpired(t *testing.T) {
	b := newHouse(Settings{NumberTTL: time.Minute}, 4)
	var all []Assignment
	for range 5 {
		all = append(all, b.take(t, ""))
		b.pass(10 * time.Second)
	}
	b.do(b.care(number(1), CareDrain))
	b.do(b.care(number(2), CareSuspend))
	b.time = noon.Add(80 * time.Second) // the first three are over
	for i, limit := range []int{2, 2, 2} {
		seq := b.seq()
		got := b.do(b.releaseMany(BulkRelease{State: ReleaseExpired, Limit: limit})).Value.(BulkReleased)
		if want := []int{2, 1, 0}[i]; len(got.Assignments) != want || got.More != (i == 0) {
			t.Errorf("%d: %+v, want %d", i, got, want)
		}
		for _, a := range got.Assignments {
			if want := a.AssignedAt.Add(time.Minute); !a.ReleasedAt.Equal(want) || a.State != AssignmentReleased || b.of(a) != a {
				t.Errorf("%+v, want it over at %v", a, want)
			}
		}
		if i < 2 {
			wantKinds(t, b.kinds(seq), EventExpired)
		}
	}
	if b.of(all[3]).State != AssignmentActive || b.of(all[4]).State != AssignmentActive {
		t.Error("more than the expired ones have ended")
	}
	b.check(t, "p")
}

// A release says why, and that the work is done if nobody says otherwise.
func TestReleaseReasons(t *testing.T) {
	b := newHouse(Settings{}, 1)
	for reason, want := range map[string]string{"": "done", "moved": "moved"} {
		a := b.take(t, "")
		b.do(&releasing{Release: Release{ID: a.ID, Reason: reason}, eventID: b.id()})
		if got := lastEvent[Released](t, b).Reason; got != want {
			t.Errorf("%q is told as %q, want %q", reason, got, want)
		}
		a = b.take(t, "")
		c := b.releaseMany(BulkRelease{State: ReleaseActive})
		c.Reason = reason
		b.do(c)
		if got := lastEvent[ReleasedMany](t, b).Reason; got != want {
			t.Errorf("%q is told as %q, want %q", reason, got, want)
		}
	}
}

func TestParseReasons(t *testing.T) {
	parsing[VoidReason]{ParseVoidReason, map[string]VoidReason{"": VoidMistake, "mistake": VoidMistake, "no_show": VoidNoShow}, []string{"no show", "x"}}.test(t)
	parsing[ReassignReason]{ParseReassignReason, map[string]ReassignReason{"mistake": ReassignMistake, "customer": ReassignCustomer,
		"unavailable": ReassignUnavailable, "declined": ReassignDeclined}, []string{"", "Mistake", "no_show"}}.test(t)
	parsing[ReleaseState]{ParseReleaseState, map[string]ReleaseState{"active": ReleaseActive, "expired": ReleaseExpired,
		"draining": ReleaseDraining, "suspended": ReleaseSuspended}, []string{"", "free", "released"}}.test(t)
}
