package assign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyone is still there.
func everyone(calls []call) []call { return calls }

func newKeyed(keys ...string) []call {
	var calls []call
	for _, key := range keys {
		calls = append(calls, newAssigning(Request{Pool: "p", Key: key}, "id of "+key))
	}
	return calls
}

// ofP is a claim of pool p.
var ofP = Claim{Pool: "p", Wait: time.Second}

func these[C call](calls []C) func() []call {
	return func() []call {
		all := make([]call, len(calls))
		for i, c := range calls {
			all[i] = c
		}
		return all
	}
}

// run runs calls on s in a unit that has ten seconds.
func run(t *testing.T, s *stage, calls ...call) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	service := &Service{Ledger: s, NewID: newIDs()}
	return service.unit(ctx, ofP, these(calls), everyone, false)
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Whatever becomes of its writes, a unit that ends well has happened once, and
// its answers are as if nothing had gone wrong.
func TestUnclearOutcomeIsSettled(t *testing.T) {
	for name, test := range map[string]struct {
		script []fate
		writes int
	}{
		"none":                         {nil, 1},
		"committed":                    {[]fate{lostReply}, 1},
		"absent":                       {[]fate{lostWrite}, 2},
		"absent, then committed":       {[]fate{lostWrite, lostReply}, 2},
		"three times absent":           {[]fate{lostWrite, lostWrite, lostWrite}, 4},
		"committed, then hard to see":  {[]fate{lostReply, busy, down, down, down, down, busy}, 1},
		"absent, then hard to see":     {[]fate{lostWrite, down, busy, down, busy, down}, 2},
		"after failures":               {[]fate{down, down, lostReply}, 1},
		"refused by chance":            {[]fate{refused}, 2},
		"refused when written again":   {[]fate{lostWrite, refused}, 3},
		"refused, absent and seen":     {[]fate{refused, lostWrite, lostReply}, 3},
		"committed at the last chance": {[]fate{lostWrite, lostWrite, lostWrite, lostReply}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(test.script...)
				s.set("p", 3, 2)
				b := &bench{memLedger: s.memLedger}
				old := b.unit("p", newAssigning(Request{Pool: "p", Key: "old"}, "id of old"))[0].Value.(Assigned)

				calls := append(newKeyed("k1", "k2", "k1", "old", "k3"), &releasing{Release: Release{ID: "id of old"}, eventID: "release"})
				calls[2].(*assigning).id, calls[3].(*assigning).id = "other id", "another id"
				if err := run(t, s, calls...); err != nil {
					t.Fatal(err)
				}
				for i, want := range []struct {
					id       string
					replayed bool
				}{{"id of k1", false}, {"id of k2", false}, {"id of k1", true}, {"id of old", true}, {"id of k3", false}} {
					c := calls[i].(*assigning)
					if c.err != nil || c.answer.ID != want.id || c.answer.Replayed != want.replayed {
						t.Errorf("call %d: %+v, %v; want %+v", i, c.answer, c.err, want)
					}
				}
				if c := calls[5].(*releasing); c.err != nil || c.answer.ID != old.ID || c.answer.State != AssignmentReleased {
					t.Errorf("release: %+v, %v", c.answer, c.err)
				}
				if n := len(s.pool("p").Assignments); n != 4 {
					t.Errorf("%d assignments, want 4", n)
				}
				// A unit that is refused when written again is halved.
				if got := s.writes(); got != test.writes && !slices.Contains(test.script, refused) {
					t.Errorf("%d writes, want %d: %v", got, test.writes, s.units())
				}
				s.check(t, "p")
			})
		})
	}
}

// A call that is alone cannot be looked up by a key; it finds its own event,
// and the answer that it had stands.
func TestFirstAnswerOfALoneCallStands(t *testing.T) {
	minute := time.Minute
	name := "Kim"
	for kind, newCall := range map[string]func() call{
		"create": func() call { return &settling{eventID: "own"} },
		"settle": func() call { return &settling{PoolChange: PoolChange{Cooldown: &minute}, eventID: "own"} },
		"staff": func() call {
			changes := []PlannerChange{{ID: "p1", Name: &name}, {ID: "new"}}
			return &staffing{Staffing: Staffing{Changes: changes}, eventID: "own"}
		},
		"stock": func() call { return &stocking{Stocking: Stocking{Numbers: []Number{"1111", "2222"}}, eventID: "own"} },
	} {
		for outcome, script := range map[string][]fate{
			"committed":              {lostReply},
			"absent":                 {lostWrite},
			"absent, then committed": {lostWrite, lostWrite, lostReply},
			"hard to see":            {lostReply, busy, down, busy, down},
		} {
			// Meanwhile another instance may have had the pool.
			for _, foreign := range []bool{false, true} {
				if foreign && kind == "create" {
					continue // there is no pool to have
				}
				t.Run(fmt.Sprintf("%s/%s/%t", kind, outcome, foreign), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s, plain := newStage(script...), newStage()
						if kind != "create" {
							s.set("p", 3, 2)
							plain.set("p", 3, 2)
						}
						s.before = func(unit int, _ PoolID) {
							if foreign && unit > 0 {
								b := &bench{memLedger: s.memLedger, ids: 100 * unit}
								b.unit("p", b.assign("", NumberNone), b.assign("", NumberNone))
							}
						}
						got, want := newCall(), newCall()
						if err := errors.Join(run(t, s, got), run(t, plain, want)); err != nil {
							t.Fatal(err)
						}
						if kind != "staff" || !foreign { // a joiner's base depends on the others
							if diff := cmp.Diff(answerOf(want), answerOf(got)); diff != "" {
								t.Errorf("answer (-want +got):\n%s", diff)
							}
						}
						own := 0
						for _, e := range s.pool("p").Events {
							own += int(count(e.ID == "own"))
						}
						if own != 1 {
							t.Errorf("%d events of the call, want 1", own)
						}
						s.check(t, "p")
					})
				})
			}
		}
	}
}

func TestWritesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(slices.Repeat([]fate{lostWrite}, 100)...)
		s.set("p", 3, 0)
		b := &bench{memLedger: s.memLedger}
		b.unit("p", newKeyed("old", "over")...)
		b.unit("p", &releasing{Release: Release{ID: "id of over"}, eventID: "release"})

		calls := append(newKeyed("old", "new"),
			&releasing{Release: Release{ID: "id of over"}, eventID: "e1"},
			&releasing{Release: Release{ID: "id of old"}, eventID: "e2"},
			&releasing{Release: Release{ID: "unknown"}, eventID: "e3"})
		if err := run(t, s, calls...); err != nil {
			t.Fatal(err)
		}
		if got := s.writes(); got != maxWrites {
			t.Errorf("%d writes, want %d", got, maxWrites)
		}
		want := []answer{
			{Assigned{Assignment: s.pool("p").Assignments[0]}, ""},
			{Assigned{}, ErrUnavailable.Error() + ": broken pipe: outcome is unknown"},
			{s.pool("p").Assignments[1], ""},
			{Assignment{}, ErrUnavailable.Error() + ": broken pipe: outcome is unknown"},
			{Assignment{}, ErrAssignmentNotFound.Error()},
		}
		for i, c := range calls {
			got := answerOf(c)
			if c, ok := c.(*releasing); ok && c.err != nil {
				got.Value = Assignment{} // not an answer
			}
			if c, ok := c.(*assigning); ok && c.err != nil {
				got.Value = Assigned{}
			}
			if diff := cmp.Diff(want[i], got); diff != "" {
				t.Errorf("call %d (-want +got):\n%s", i, diff)
			}
		}
		s.check(t, "p")
	})
}

func TestWritesOfALoneCallAreBounded(t *testing.T) {
	for last, want := range map[fate]error{lostWrite: ErrUnavailable, lostReply: nil} {
		t.Run(string(last), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(lostWrite, lostWrite, lostWrite, last)
				c := &settling{eventID: "own"}
				if err := run(t, s, c); err != nil {
					t.Fatal(err)
				}
				if s.writes() != maxWrites || !errors.Is(c.err, want) || c.created != true {
					t.Errorf("%d writes, created %t, error %v; want %d and %v", s.writes(), c.created, c.err, maxWrites, want)
				}
			})
		})
	}
}

// One call that the database will not have does not cost the others theirs.
func TestRefusedCallIsFoundAmongMany(t *testing.T) {
	const calls = 21
	for _, bad := range [][]int{{}, {0}, {7}, {calls - 1}, {3, 4}, {0, 10, 20}} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage()
				s.set("p", 3, 5)
				s.poison = func(c Changes) bool {
					return slices.ContainsFunc(c.Assignments, func(a Assignment) bool { return strings.HasPrefix(a.Key, "bad") })
				}
				var keys []string
				for i := range calls {
					keys = append(keys, fmt.Sprintf("good %d", i))
				}
				for _, i := range bad {
					keys[i] = fmt.Sprintf("bad %d", i)
				}
				calls := newKeyed(keys...)
				if err := run(t, s, calls...); err != nil {
					t.Fatal(err)
				}
				var seq int64
				for i, c := range calls {
					c := c.(*assigning)
					if slices.Contains(bad, i) {
						wantErr(t, c.Key, c.err, ErrUnavailable)
						continue
					}
					if c.err != nil || c.answer.Key != c.Key || c.answer.Replayed || c.answer.Seq <= seq {
						t.Errorf("%s: %+v, %v; the one before has seq %d", c.Key, c.answer, c.err, seq)
					}
					seq = c.answer.Seq
				}
				s.check(t, "p")
			})
		})
	}
}

// A refused lone call is decided again, from what is there by then.
func TestRefusedLoneCallLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(refused)
		s.set("p", 1, 0)
		s.set("q", 1, 0)
		s.before = func(unit int, _ PoolID) {
			if unit == 1 { // another pool was faster
				(&bench{memLedger: s.memLedger}).unit("q", &stocking{Stocking: Stocking{Numbers: []Number{"1234"}}, eventID: "q"})
			}
		}
		c := &stocking{Stocking: Stocking{Numbers: []Number{"1234"}}, eventID: "own"}
		if err := run(t, s, c); err != nil {
			t.Fatal(err)
		}
		wantErr(t, "stock", c.err, ErrNumberTaken)
		s.check(t, "p", "q")
	})
}

// While a commit is in doubt, nothing but time ends the search for the truth.
func TestDoubtLastsUntilTimeIsUp(t *testing.T) {
	for _, first := range []fate{lostReply, lostWrite} {
		for _, then := range []fate{busy, down} {
			t.Run(fmt.Sprintf("%s, %s", first, then), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(append([]fate{first}, slices.Repeat([]fate{then}, 1000)...)...)
					s.set("p", 1, 0)
					began := time.Now()
					calls := newKeyed("k")
					err := run(t, s, calls...)
					wantErr(t, "unit", err, ErrOutcomeUnknown)
					if took := time.Since(began); took != 10*time.Second {
						t.Errorf("took %v, want all of the 10s", took)
					}
					calls[0].fail(err)
					var unknown *UnknownError
					if got := calls[0].(*assigning).err; !errors.As(got, &unknown) || unknown.Key != "k" {
						t.Errorf("error %v, want an UnknownError with the key", got)
					}
					if n := len(s.units()); n < 10 || n > 60 {
						t.Errorf("%d units in 10s of search", n)
					}
				})
			})
		}
	}
}

// A refused unit is halved with each half in doubt, for all that time is left.
func TestHalvesRunOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(append([]fate{refused, refused}, slices.Repeat([]fate{busy}, 1000)...)...)
		s.set("p", 1, 0)
		calls := newKeyed("k1", "k2", "k3")
		if err := run(t, s, calls...); err != nil {
			t.Fatal(err)
		}
		for _, c := range calls {
			wantErr(t, "call", c.(*assigning).err, ErrOutcomeUnknown)
		}
	})
}

func TestFailuresBeforeAnyWrite(t *testing.T) {
	for name, test := range map[string]struct {
		script []fate
		want   error
		units  int
		takes  time.Duration
	}{
		"busy":                     {[]fate{busy}, ErrBusy, 1, time.Second},
		"down for good":            {[]fate{down, down, down, down}, ErrUnavailable, maxFailures, firstPause + 2*firstPause},
		"down, then up":            {[]fate{down, down}, nil, 3, firstPause + 2*firstPause},
		"down, then busy":          {[]fate{down, busy}, ErrBusy, 2, firstPause + time.Second},
		"after a write that isn't": {[]fate{lostWrite, fine, down}, nil, 2, firstPause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(test.script...)
				s.set("p", 1, 0)
				began := time.Now()
				wantErr(t, "unit", run(t, s, newKeyed("k")...), test.want)
				if n, took := len(s.units()), time.Since(began); n != test.units || took != test.takes {
					t.Errorf("%d units in %v, want %d in %v", n, took, test.units, test.takes)
				}
			})
		})
	}
}

// Each try asks for the same, once.
func TestTriesNeedTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(down, down)
		s.set("p", 3, 2)
		if err := run(t, s, newKeyed("a", "b")...); err != nil {
			t.Fatal(err)
		}
		want := Need{Calls: 2, Picks: 2, Keys: []string{"a", "b"}, FreeNumbers: 2}
		for i, u := range s.units() {
			if diff := cmp.Diff(want, u.need, cmp.AllowUnexported(Need{}, hint{})); diff != "" {
				t.Errorf("try %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

func TestTimeIsUpBeforeAnyWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(down, down)
		ctx, cancel := context.WithTimeout(t.Context(), firstPause/2)
		defer cancel()
		began := time.Now()
		err := (&Service{Ledger: s, NewID: newIDs()}).unit(ctx, ofP, these(newKeyed("k")), everyone, false)
		wantErr(t, "unit", err, ErrUnavailable)
		if took := time.Since(began); took != firstPause/2 {
			t.Errorf("took %v, want until the deadline", took)
		}
	})
}

// Who has left when the pool is ours is left out, also of a second attempt.
func TestOnlyWhoIsWantedIsDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(lostWrite)
		s.set("p", 1, 0)
		asked := 0
		wanted := func(calls []call) []call {
			asked++
			return calls[asked:]
		}
		calls := newKeyed("k1", "k2", "k3")
		err := (&Service{Ledger: s, NewID: newIDs()}).unit(t.Context(), ofP, these(calls), wanted, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.pool("p").Assignments; len(got) != 1 || got[0].Key != "k3" || asked != 2 {
			t.Errorf("asked %d times, assigned %+v", asked, got)
		}
		nobody := func([]call) []call { return nil }
		if err := (&Service{Ledger: s, NewID: newIDs()}).unit(t.Context(), ofP, these(newKeyed("k4")), nobody, false); err != nil {
			t.Fatal(err)
		}
		if got := len(s.pool("p").Assignments); got != 1 {
			t.Errorf("assigned for nobody: %d", got)
		}
	})
}

// Setting a number aside takes a unit of its own; the calls are decided next.
func TestUnitGoesOnAfterSettingAside(t *testing.T) {
	for name, script := range map[string][]fate{"": nil, "committed": {lostReply}, "absent": {lostWrite}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(script...)
				s.set("p", 1, 2)
				b := &bench{memLedger: s.memLedger}
				n := b.unit("p", newKeyed("old")...)[0].Value.(Assigned).Number
				s.numbers[n] = NumberRecord{Number: n, Pool: "p", State: NumberFree, FreeAt: s.now()}

				calls := newKeyed("k")
				if err := run(t, s, calls...); err != nil {
					t.Fatal(err)
				}
				c := calls[0].(*assigning)
				if c.err != nil || c.answer.Number == "" || c.answer.Number == n || s.numbers[n].State != NumberAside {
					t.Errorf("%+v, %v, and the number is %+v", c.answer, c.err, s.numbers[n])
				}
				s.check(t, "p")
			})
		})
	}
}

// If everybody leaves once a number was set aside, the unit is over.
func TestNobodyIsLeftAfterSettingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.set("p", 1, 2)
		n := (&bench{memLedger: s.memLedger}).unit("p", newKeyed("old")...)[0].Value.(Assigned).Number
		s.numbers[n] = NumberRecord{Number: n, Pool: "p", State: NumberFree, FreeAt: s.now()}
		asked := 0
		leaving := func(calls []call) []call {
			if asked++; asked > 2 {
				t.Fatal("the unit runs for nobody")
			}
			return calls[asked-1:]
		}
		if err := (&Service{Ledger: s, NewID: newIDs()}).unit(t.Context(), ofP, these(newKeyed("k")), leaving, false); err != nil {
			t.Fatal(err)
		}
		if got := len(s.pool("p").Assignments); got != 1 || asked != 2 {
			t.Errorf("asked %d times, %d assignments", asked, got)
		}
		s.check(t, "p")
	})
}

// A write in doubt stays so while the unit that was to settle it mends
// something else: whoever is refused afterwards may have been served before.
func TestDoubtSurvivesSettingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(append([]fate{lostReply, fine}, slices.Repeat([]fate{busy}, 1000)...)...)
		s.set("p", 1, 2) // one for each: the disputed one is the next to be free
		n := (&bench{memLedger: s.memLedger}).unit("p", newKeyed("old")...)[0].Value.(Assigned).Number
		s.before = func(unit int, _ PoolID) {
			if unit == 1 {
				s.numbers[n] = NumberRecord{Number: n, Pool: "p", State: NumberFree, FreeAt: s.now()}
			}
		}
		wantErr(t, "unit", run(t, s, newKeyed("k")...), ErrOutcomeUnknown)
		if s.numbers[n].State != NumberAside {
			t.Errorf("the number is %+v, and was to be set aside on the way", s.numbers[n])
		}
	})
}

// Whatever becomes of its writes, an end, a reassignment, care for a number or a
// call on it happens once, and is answered as it happened.
func TestUnclearEndsAreSettled(t *testing.T) {
	type events map[EventKind]int
	const held, expired = "id of held", "id of expired"
	for kind, test := range map[string]struct {
		call func() call
		want events
		err  error
	}{
		"release":         {func() call { return &releasing{Release: Release{ID: held}, eventID: "own"} }, events{EventReleased: 1}, nil},
		"release, over":   {func() call { return &releasing{Release: Release{ID: expired}, eventID: "own"} }, events{EventExpired: 1}, nil},
		"void":            {func() call { return &voiding{Void: Void{ID: held}, eventID: "own"} }, events{EventVoided: 1}, nil},
		"void, over":      {func() call { return &voiding{Void: Void{ID: expired}, eventID: "own"} }, events{EventExpired: 1, EventVoided: 1}, nil},
		"reassign":        {func() call { return newReassigning(Reassignment{ID: held, Reason: ReassignMistake}, "own") }, events{EventReassigned: 1}, nil},
		"reassign, keyed": {func() call { return newReassigning(Reassignment{ID: held, Reason: ReassignMistake, Key: "k"}, "own") }, events{EventReassigned: 1}, nil},
		"reassign, over": {func() call { return newReassigning(Reassignment{ID: expired, Reason: ReassignMistake}, "own") },
			events{EventExpired: 1}, ErrAssignmentOver},
		"bulk": {func() call {
			return &releasingMany{BulkRelease: BulkRelease{State: ReleaseActive, Limit: 2}, eventID: "own"}
		},
			events{EventExpired: 1, EventReleasedMany: 1}, nil},
		"drain": {func() call { return &caring{Care: Care{Number: "05070001", To: CareDrain}, eventID: "own"} }, events{EventNumberChanged: 1}, nil},
		"touch": {func() call { return &touching{Touch: Touch{Number: "05070001"}, eventID: "own"} }, events{EventNumberTouched: 1}, nil},
	} {
		for outcome, script := range map[string][]fate{
			"committed":              {lostReply},
			"absent":                 {lostWrite},
			"absent, then committed": {lostWrite, lostWrite, lostReply},
			"hard to see":            {lostReply, busy, down, busy, down},
		} {
			for _, foreign := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/%t", kind, outcome, foreign), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newStage(script...)
						s.set("p", 3, 4)
						b := &bench{memLedger: s.memLedger}
						ttl, never := time.Minute, time.Duration(0)
						b.do(&settling{PoolChange: PoolChange{NumberTTL: &ttl}, eventID: b.id()})
						b.do(newAssigning(Request{Key: "expired"}, expired))
						b.do(&settling{PoolChange: PoolChange{NumberTTL: &never}, eventID: b.id()})
						b.do(newAssigning(Request{Key: "held"}, held))
						time.Sleep(ttl)
						s.before = func(unit int, _ PoolID) {
							if foreign && unit > 0 {
								b := &bench{memLedger: s.memLedger, ids: 100 * unit}
								b.unit("p", b.assign("", NumberNone), b.assign("", NumberNone))
							}
						}
						c := test.call()
						if err := run(t, s, c); err != nil {
							t.Fatal(err)
						}
						own := events{}
						for _, e := range s.pool("p").Events {
							if e.ID == "own" {
								own[e.Kind]++
							}
						}
						if diff := cmp.Diff(test.want, own); diff != "" {
							t.Errorf("its events (-want +are):\n%s", diff)
						}
						wantAnswered(t, s, c, test.err)
						s.check(t, "p")
					})
				})
			}
		}
	}
}

// wantAnswered checks that a call was answered with what is there.
func wantAnswered(t *testing.T, s *stage, c call, want error) {
	t.Helper()
	row := func(id string) Assignment { p := s.pool("p"); return p.Assignments[p.IDs[id]] }
	var got, is any
	var err error
	switch c := c.(type) {
	case *releasing:
		got, is, err = c.answer, row(c.ID), c.err
	case *voiding:
		got, is, err = c.answer, row(c.ID), c.err
	case *reassigning:
		got, is, err = c.answer, Assigned{Assignment: row(c.ID)}, c.err
	case *releasingMany:
		got, is, err = c.answer, BulkReleased{Assignments: []Assignment{row("id of expired"), row("id of held")}, More: c.answer.More}, c.err
	case *caring:
		got, is, err = c.answer, NumberView{NumberRecord: s.numbers[c.Number]}, c.err
	case *touching:
		got, is, err = c.answer, NumberView{NumberRecord: s.numbers[c.Number]}, c.err
	}
	if want != nil || err != nil {
		wantErr(t, "answer", err, want)
		return
	}
	if diff := cmp.Diff(is, got); diff != "" {
		t.Errorf("answer (-is +told):\n%s", diff)
	}
}

// A reassignment whose outcome was never told is told by its key.
func TestReassignmentIsSettledByItsKey(t *testing.T) {
	for _, first := range []fate{lostReply, lostWrite} {
		t.Run(string(first), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(append([]fate{first}, slices.Repeat([]fate{busy}, 20)...)...)
				s.set("p", 3, 2)
				a := (&bench{memLedger: s.memLedger}).do(newAssigning(Request{}, "held")).Value.(Assigned)
				r := Reassignment{ID: a.ID, Reason: ReassignUnavailable, Key: "k"}
				wantErr(t, "first", run(t, s, newReassigning(r, "one")), ErrOutcomeUnknown)
				s.script = nil
				for _, id := range []string{"two", "three"} {
					c := newReassigning(r, id)
					if err := run(t, s, c); err != nil || c.err != nil || c.answer.ReassignedTo == "" {
						t.Errorf("%s: %+v, %v, %v", id, c.answer, c.err, err)
					}
				}
				if turns := s.pool("p").Turns; len(turns) != 1 {
					t.Errorf("passed on %d times: %+v", len(turns), turns)
				}
				s.check(t, "p")
			})
		})
	}
}

// A unit that did not know that its pool has numbers that expire, or is sticky,
// looks once more before it decides; the next ones know.
func TestUnitLooksAgainForWhatItDidNotKnow(t *testing.T) {
	for name, test := range map[string]struct {
		settings PoolChange
		wish     Wish
		tries    []int // of units, for each of three calls
	}{
		"nothing to know":           {PoolChange{}, "", []int{1, 1, 1}},
		"expiring":                  {PoolChange{NumberTTL: new(time.Minute)}, "", []int{2, 1, 1}},
		"sticky":                    {PoolChange{Sticky: new(true)}, "", []int{2, 1, 1}},
		"both":                      {PoolChange{NumberTTL: new(time.Minute), Sticky: new(true)}, "", []int{2, 1, 1}},
		"both, and no number asked": {PoolChange{NumberTTL: new(time.Minute), Sticky: new(true)}, NumberNone, []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage()
				s.set("p", 1, 3)
				b := &bench{memLedger: s.memLedger}
				b.do(&settling{PoolChange: test.settings, eventID: "settings"})
				first := b.do(newAssigning(Request{Customer: "x"}, "first")).Value.(Assigned)
				if test.settings.NumberTTL == nil {
					b.do(b.release("first"))
				}
				time.Sleep(time.Hour)
				service := &Service{Ledger: s, NewID: newIDs()}
				for i, want := range test.tries {
					before := len(s.units())
					c := newAssigning(Request{Customer: "x", Wish: test.wish}, fmt.Sprintf("call %d", i))
					if err := service.unit(t.Context(), ofP, these([]call{c}), everyone, false); err != nil {
						t.Fatal(err)
					}
					if got := len(s.units()) - before; got != want {
						t.Errorf("call %d took %d units, want %d", i, got, want)
					}
					own := i == 0 && test.settings.Sticky != nil && test.wish != NumberNone
					if own && c.answer.Number != first.Number {
						t.Errorf("given %q, want their own %q", c.answer.Number, first.Number)
					}
				}
				s.check(t, "p")
			})
		})
	}
}

// A write in doubt stays so while the unit that was to settle it looks once
// more.
func TestDoubtSurvivesLookingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(append([]fate{lostReply, fine}, slices.Repeat([]fate{busy}, 1000)...)...)
		s.set("p", 1, 2)
		s.before = func(unit int, _ PoolID) {
			if unit == 1 {
				(&bench{memLedger: s.memLedger}).do(&settling{PoolChange: PoolChange{Sticky: new(true)}, eventID: "meanwhile"})
			}
		}
		wantErr(t, "unit", run(t, s, newKeyed("k")...), ErrOutcomeUnknown)
	})
}

// Whether a call was noted, its time on the number tells, until somebody else
// calls.
func TestTouchIsSettledByItsTime(t *testing.T) {
	touch := func(b *bench) { b.do(b.touch("05070000")) }
	release := func(b *bench) { b.do(b.release("held")) }
	for name, test := range map[string]struct {
		first fate
		then  []func(*bench) // before the next try
		want  error
		own   int // events
	}{
		"noted":                               {lostReply, nil, nil, 1},
		"not noted":                           {lostWrite, nil, nil, 1},
		"noted, then called":                  {lostReply, []func(*bench){touch}, nil, 2},
		"not noted, then called":              {lostWrite, []func(*bench){touch}, nil, 1},
		"noted, then released":                {lostReply, []func(*bench){release}, nil, 1},
		"not noted, then released":            {lostWrite, []func(*bench){release}, ErrNumberNotLive, 0},
		"noted, then called and released":     {lostReply, []func(*bench){touch, release}, ErrOutcomeUnknown, 1},
		"not noted, then called and released": {lostWrite, []func(*bench){touch, release}, ErrOutcomeUnknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(test.first)
				s.set("p", 1, 1)
				(&bench{memLedger: s.memLedger}).do(newAssigning(Request{}, "held"))
				time.Sleep(time.Second)
				s.before = func(unit int, _ PoolID) {
					for _, do := range test.then {
						if unit == 1 {
							do(&bench{memLedger: s.memLedger, ids: 100})
						}
					}
				}
				c := &touching{Touch: Touch{Number: "05070000"}, eventID: "own"}
				if err := run(t, s, c); err != nil || !errors.Is(c.err, test.want) || (c.err == nil) != (test.want == nil) {
					t.Errorf("%v, %v; want %v", c.err, err, test.want)
				}
				own := 0
				for _, e := range s.pool("p").Events {
					own += int(count(e.ID == "own"))
				}
				if own != test.own {
					t.Errorf("%d events, want %d", own, test.own)
				}
				s.check(t, "p")
			})
		})
	}
}
