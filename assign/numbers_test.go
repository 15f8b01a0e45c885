package assign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// newHouse is a bench with a pool p of planners a, b and c and so many numbers,
// whose settings are s.
func newHouse(s Settings, numbers int) *bench {
	b := newBench()
	b.settings(s)
	b.unit("p", b.staff(joins("a", "b", "c")...))
	var stock []Number
	for i := range numbers {
		stock = append(stock, number(i+1))
	}
	if stock != nil {
		b.unit("p", b.stock(stock...))
	}
	return b
}

// settings makes s the settings of pool p.
func (b *bench) settings(s Settings) {
	b.unit("p", &settling{PoolChange: PoolChange{Cooldown: &s.Cooldown, NumberTTL: &s.NumberTTL, TTLFromUse: &s.TTLFromUse,
		Sticky: &s.Sticky, NumberOrFail: &s.NumberOrFail}, eventID: b.id()})
}

// do runs one call in pool p.
func (b *bench) do(c call) answer { return b.unit("p", c)[0] }

// take is an assignment for a customer who wants a number if there is one.
func (b *bench) take(t *testing.T, customer string) Assignment {
	t.Helper()
	got := b.do(newAssigning(Request{Customer: customer, Wish: NumberPreferred}, b.id()))
	if got.Err != "" {
		t.Fatal(got.Err)
	}
	return got.Value.(Assigned).Assignment
}

// pass lets time pass.
func (b *bench) pass(d time.Duration) { b.time = b.time.Add(d) }

// of is an assignment as it is kept.
func (b *bench) of(a Assignment) Assignment {
	p := b.pools["p"]
	return p.Assignments[p.IDs[a.ID]]
}

// kinds are the kinds of the events behind position seq.
func (b *bench) kinds(seq int64) (kinds []EventKind) {
	for _, e := range b.pools["p"].Events {
		if e.Seq > seq {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func (b *bench) seq() int64 { return b.pools["p"].Pool.Seq }

func wantKinds(t *testing.T, got []EventKind, want ...EventKind) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestCare(t *testing.T) {
	const aside = "is set aside"
	type becomes map[CareTo]string
	live := func(t *testing.T, b *bench) { b.take(t, "") }
	cares := func(to CareTo) func(*testing.T, *bench) {
		return func(_ *testing.T, b *bench) { b.do(b.care(number(1), to)) }
	}
	spoilt := func(t *testing.T, b *bench) {
		a := b.take(t, "")
		n := b.numbers[a.Number]
		n.State = NumberFree
		b.numbers[n.Number] = n
		b.pools["p"].Pool.FreeFrom = FreeRank{}
		b.take(t, "")
	}
	over := func(_ *testing.T, b *bench) { b.do(b.release(b.pools["p"].Assignments[0].ID)) }
	for name, test := range map[string]struct {
		before []func(*testing.T, *bench)
		want   becomes
	}{
		"free":           {nil, becomes{CareSuspend: "suspended", CareDrain: "draining", CareResume: "="}},
		"cooling":        {[]func(*testing.T, *bench){live, over}, becomes{CareSuspend: "suspended", CareDrain: "draining", CareResume: "="}},
		"active":         {[]func(*testing.T, *bench){live}, becomes{CareSuspend: "suspended", CareDrain: "draining", CareResume: "="}},
		"draining":       {[]func(*testing.T, *bench){cares(CareDrain)}, becomes{CareSuspend: "suspended", CareDrain: "=", CareResume: "free"}},
		"draining, live": {[]func(*testing.T, *bench){live, cares(CareDrain)}, becomes{CareSuspend: "suspended", CareDrain: "=", CareResume: "active"}},
		"drained out": {[]func(*testing.T, *bench){live, cares(CareDrain), over},
			becomes{CareSuspend: "suspended", CareDrain: "=", CareResume: "free"}},
		"suspended":       {[]func(*testing.T, *bench){cares(CareSuspend)}, becomes{CareSuspend: "=", CareDrain: "draining", CareResume: "free"}},
		"suspended, live": {[]func(*testing.T, *bench){live, cares(CareSuspend)}, becomes{CareSuspend: "=", CareDrain: "draining", CareResume: "active"}},
		"suspended, over": {[]func(*testing.T, *bench){live, cares(CareSuspend), over},
			becomes{CareSuspend: "=", CareDrain: "draining", CareResume: "free"}},
		"set aside":       {[]func(*testing.T, *bench){spoilt}, becomes{CareSuspend: aside, CareDrain: aside, CareResume: aside}},
		"set aside, over": {[]func(*testing.T, *bench){spoilt, over}, becomes{CareSuspend: aside, CareDrain: aside, CareResume: "free"}},
	} {
		for to, want := range test.want {
			t.Run(fmt.Sprintf("%s/%s", name, to), func(t *testing.T) {
				b := newHouse(Settings{Cooldown: time.Minute}, 1)
				for _, step := range test.before {
					b.pass(time.Second)
					step(t, b)
				}
				b.pass(time.Second)
				was, seq := b.numbers[number(1)], b.seq()
				got := b.do(b.care(number(1), to))
				b.check(t, "p")
				is := b.numbers[number(1)]
				switch want {
				case aside:
					if !strings.Contains(got.Err, aside) || is != was || b.seq() != seq {
						t.Errorf("answer %+v, and the number %+v became %+v", got, was, is)
					}
					return
				case "=":
					if got.Err != "" || is != was || b.seq() != seq {
						t.Errorf("answer %+v, and the number %+v became %+v at %d after %d", got, was, is, b.seq(), seq)
					}
					return
				}
				wantKinds(t, b.kinds(seq), EventNumberChanged)
				is.State, was.State = NumberState(want), is.State
				if was.State != is.State {
					t.Errorf("the number became %s, want %s", was.State, want)
				}
				if name == "set aside, over" {
					if is.Assignment != "" || !is.FreeAt.Equal(b.time.Add(time.Minute)) {
						t.Errorf("back with %+v, want a full rest", is)
					}
					return
				}
				if was.State = is.State; is != was {
					t.Errorf("the number %+v became %+v", was, is)
				}
				if diff := gocmp.Diff(answer{Value: is.View(b.time, time.Minute)}, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestCareOfUnknownNumbers(t *testing.T) {
	b := newHouse(Settings{}, 1)
	b.unit("q", b.settle(0))
	b.unit("q", b.stock("9999"))
	for _, n := range []Number{"9999", "8888"} {
		for _, c := range []call{b.care(n, CareDrain), b.touch(n)} {
			if got := b.do(c); got.Err != ErrNumberNotFound.Error() {
				t.Errorf("%T of %s: %+v", c, n, got)
			}
		}
	}
	if got := b.numbers["9999"].State; got != NumberFree {
		t.Errorf("the other pool's number is %s", got)
	}
}

// A number that is out of use is given to nobody, whenever its assignment ends;
// back in use it still has its rest.
func TestOutOfUseIsNotGiven(t *testing.T) {
	for _, to := range []CareTo{CareDrain, CareSuspend} {
		t.Run(string(to), func(t *testing.T) {
			b := newHouse(Settings{Cooldown: time.Minute, Sticky: true}, 1)
			a := b.take(t, "somebody")
			b.do(b.care(number(1), to))
			b.pass(time.Second)
			got := b.unit("p", b.release(a.ID), newAssigning(Request{Customer: "somebody", Wish: NumberPreferred}, b.id()))
			if got[1].Value.(Assigned).Number != "" {
				t.Errorf("given when it ended: %+v", got[1])
			}
			b.pass(time.Hour)
			if got := b.take(t, "another"); got.Number != "" {
				t.Errorf("given out of use: %+v", got)
			}
			view := b.do(b.care(number(1), CareResume)).Value.(NumberView)
			if view.State != NumberFree || view.Cooling || !view.FreeAt.Equal(noon.Add(61*time.Second)) {
				t.Errorf("back in use: %+v", view)
			}
			if got := b.take(t, "another"); got.Number != number(1) {
				t.Errorf("not given back in use: %+v", got)
			}
			b.check(t, "p")
		})
	}
}

// Back in use within its rest, a number is given when that is over.
func TestResumedNumberRests(t *testing.T) {
	b := newHouse(Settings{Cooldown: time.Minute}, 1)
	a := b.take(t, "")
	b.do(b.care(number(1), CareSuspend))
	b.do(b.release(a.ID))
	b.pass(30 * time.Second)
	if view := b.do(b.care(number(1), CareResume)).Value.(NumberView); !view.Cooling {
		t.Errorf("back in use: %+v", view)
	}
	b.pass(30*time.Second - time.Microsecond)
	if got := b.take(t, ""); got.Number != "" {
		t.Errorf("given a microsecond early: %+v", got)
	}
	b.pass(time.Microsecond)
	if got := b.take(t, ""); got.Number != number(1) {
		t.Errorf("not given when its rest was over: %+v", got)
	}
	b.check(t, "p")
}

// Who wants a number and gets none.
func TestExhausted(t *testing.T) {
	for _, orFail := range []bool{false, true} {
		for wish, refused := range map[Wish]bool{"": orFail, NumberByPool: orFail, NumberPreferred: false, NumberRequired: true, NumberNone: false} {
			t.Run(fmt.Sprintf("%t/%s", orFail, wish), func(t *testing.T) {
				b := newHouse(Settings{NumberOrFail: orFail}, 0)
				seq := b.seq()
				got := b.do(b.assign("k", wish))
				if refused != (got.Err == ErrNoNumber.Error()) || !refused && got.Err != "" {
					t.Errorf("answer %+v", got)
				}
				if refused != (b.seq() == seq) {
					t.Errorf("seq %d after %d", b.seq(), seq)
				}
				b.check(t, "p")
			})
		}
	}
}

// The refusal says how the numbers stand, and when the next comes back.
func TestNoNumberSaysHowThingsStand(t *testing.T) {
	b := newHouse(Settings{Cooldown: time.Minute}, 7)
	var held []Assignment
	for range 7 {
		held = append(held, b.take(t, ""))
	}
	refused := func(what string, want NoNumberError) {
		t.Helper()
		got := b.do(b.assign("", NumberRequired))
		if diff := gocmp.Diff(answer{want, ErrNoNumber.Error()}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		b.check(t, "p")
	}
	refused("all active", NoNumberError{Active: 7})
	b.do(b.care(number(1), CareDrain))
	b.do(b.care(number(2), CareSuspend))
	b.do(b.care(number(3), CareSuspend))
	refused("some out of use", NoNumberError{Active: 4, Draining: 1, Suspended: 2})
	b.pass(time.Second)
	b.unit("p", b.release(held[3].ID), b.release(held[0].ID))
	refused("one rests", NoNumberError{Cooling: 1, Active: 3, Draining: 1, Suspended: 2, NextFree: noon.Add(61 * time.Second)})

	// One with a life that ends sooner than the rest of the other.
	b.settings(Settings{Cooldown: 10 * time.Second, NumberTTL: 20 * time.Second})
	b.pass(time.Minute)
	at := b.time
	b.take(t, "")
	refused("one ends", NoNumberError{Active: 4, Draining: 1, Suspended: 2, NextFree: at.Add(30 * time.Second)})
	b.pass(time.Second)
	b.do(b.release(held[4].ID))
	refused("another rests", NoNumberError{Cooling: 1, Active: 3, Draining: 1, Suspended: 2, NextFree: at.Add(11 * time.Second)})
}

// Also those that were given in the same unit come back.
func TestNextFreeOfNumbersGivenInTheUnit(t *testing.T) {
	b := newHouse(Settings{Cooldown: 10 * time.Second, NumberTTL: 20 * time.Second}, 1)
	got := b.unit("p", b.assign("", NumberRequired), b.assign("", NumberRequired))[1]
	want := answer{NoNumberError{Active: 1, NextFree: noon.Add(30 * time.Second)}, ErrNoNumber.Error()}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestLongestFreeFirst(t *testing.T) {
	b := newHouse(Settings{}, 4)
	var held []Assignment
	for range 4 {
		held = append(held, b.take(t, ""))
	}
	for _, i := range []int{2, 0, 3, 1} {
		b.pass(time.Second)
		b.do(b.release(held[i].ID))
	}
	b.do(b.care(number(1), CareDrain))
	b.do(b.care(number(4), CareSuspend))
	b.do(b.care(number(4), CareResume)) // it keeps its place
	var got []Number
	for range 4 {
		got = append(got, b.take(t, "").Number)
	}
	if diff := gocmp.Diff([]Number{number(3), number(4), number(2), ""}, got); diff != "" {
		t.Errorf("given (-want +got):\n%s", diff)
	}
	b.check(t, "p")
}

// An assignment's number is its own for as long as the settings said when it
// was given, or last called.
func TestNumberTTL(t *testing.T) {
	const ttl, later = time.Minute, 20 * time.Second
	for name, test := range map[string]struct {
		settings Settings
		touched  bool
		changed  *Settings     // before the touch
		ends     time.Duration // after noon; 0 for never
	}{
		"never":               {Settings{}, true, nil, 0},
		"from assigned":       {Settings{NumberTTL: ttl}, false, nil, ttl},
		"from assigned, used": {Settings{NumberTTL: ttl}, true, nil, ttl},
		"from use, unused":    {Settings{NumberTTL: ttl, TTLFromUse: true}, false, nil, ttl},
		"from use":            {Settings{NumberTTL: ttl, TTLFromUse: true}, true, nil, later + ttl},
		"set later":           {Settings{}, false, &Settings{NumberTTL: ttl}, 0},
		"set later, used":     {Settings{}, true, &Settings{NumberTTL: ttl}, 0},
		"set later, from use": {Settings{}, true, &Settings{NumberTTL: ttl, TTLFromUse: true}, later + ttl},
		"shorter later":       {Settings{NumberTTL: ttl}, false, &Settings{NumberTTL: ttl / 2}, ttl},
		"shorter, from use":   {Settings{NumberTTL: ttl}, true, &Settings{NumberTTL: ttl / 6, TTLFromUse: true}, later + ttl/6},
		"no more, from use":   {Settings{NumberTTL: ttl}, true, &Settings{TTLFromUse: true}, 0},
		"no more":             {Settings{NumberTTL: ttl}, true, &Settings{}, ttl},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(test.settings, 1)
			a := b.take(t, "")
			b.pass(later)
			if test.changed != nil {
				b.settings(*test.changed)
			}
			if test.touched {
				view := b.do(b.touch(number(1))).Value.(NumberView)
				if !view.UsedAt.Equal(b.time) || view.State != NumberActive {
					t.Errorf("touched: %+v", view)
				}
			}
			ends := noon.Add(test.ends)
			if test.ends == 0 {
				ends = noon.Add(100 * time.Hour)
			}
			b.time = ends.Add(-time.Microsecond)
			if got := b.do(b.assign("", NumberRequired)); got.Err == "" {
				t.Errorf("given away a microsecond early: %+v", got)
			}
			if got := b.of(a); got.State != AssignmentActive {
				t.Errorf("ended a microsecond early: %+v", got)
			}
			b.time = ends
			got := b.do(b.assign("", NumberRequired))
			if free := got.Err == ""; free != (test.ends > 0) {
				t.Errorf("at its end: %+v", got)
			}
			if test.ends > 0 && !b.of(a).ReleasedAt.Equal(ends) {
				t.Errorf("ended as %+v, want %v", b.of(a), ends)
			}
			b.check(t, "p")
		})
	}
}

// A call leads to a planner as long as the assignment lives and the number is
// not suspended.
func TestTouch(t *testing.T) {
	released := func(b *bench, a Assignment) { b.do(b.release(a.ID)) }
	for name, test := range map[string]struct {
		do    func(b *bench, a Assignment)
		leads bool
		last  time.Duration // after noon; 0 for no time
	}{
		"active":           {func(*bench, Assignment) {}, true, 0},
		"draining":         {func(b *bench, _ Assignment) { b.do(b.care(number(1), CareDrain)) }, true, 0},
		"suspended":        {func(b *bench, _ Assignment) { b.do(b.care(number(1), CareSuspend)) }, false, 0},
		"released":         {released, false, 5 * time.Second},
		"void":             {func(b *bench, a Assignment) { b.do(b.void(a.ID)) }, false, 5 * time.Second},
		"about to be over": {func(b *bench, _ Assignment) { b.time = noon.Add(time.Minute - 1000) }, true, 0},
		"over":             {func(b *bench, _ Assignment) { b.time = noon.Add(time.Minute) }, false, time.Minute},
		"over long ago":    {func(b *bench, _ Assignment) { b.time = noon.Add(time.Hour) }, false, time.Minute},
		"in use again":     {func(b *bench, a Assignment) { released(b, a); b.pass(time.Second); b.take(&testing.T{}, "") }, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{NumberTTL: time.Minute}, 1)
			a := b.take(t, "")
			b.pass(5 * time.Second)
			test.do(b, a)
			seq := b.seq()
			got := b.do(b.touch(number(1)))
			if test.leads {
				view, _ := got.Value.(NumberView)
				if got.Err != "" || !view.UsedAt.Equal(b.time) || !b.numbers[number(1)].UsedAt.Equal(b.time) {
					t.Errorf("answer %+v", got)
				}
				wantKinds(t, b.kinds(seq), EventNumberTouched)
			} else {
				want := NumberNotLiveError{}
				if test.last > 0 {
					want.LastReleased = noon.Add(test.last)
				}
				if diff := gocmp.Diff(answer{want, ErrNumberNotLive.Error()}, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				wantKinds(t, b.kinds(seq))
			}
			b.check(t, "p")
		})
	}
	if err := error(&NumberNotLiveError{}); !errors.Is(err, ErrNumberNotLive) || !errors.Is(&NoNumberError{}, ErrNoNumber) {
		t.Error("the errors are not what they say")
	}
}

// Who asks with a used key, behind a call in the same unit, is told of the life
// that the call has made longer.
func TestAnswerBehindATouch(t *testing.T) {
	b := newHouse(Settings{NumberTTL: time.Minute, TTLFromUse: true}, 1)
	b.do(b.assign("k", ""))
	b.pass(10 * time.Second)
	got := b.unit("p", b.touch(number(1)), b.assign("k", ""))[1].Value.(Assigned)
	if want := noon.Add(70 * time.Second); !got.Replayed || !got.ExpiresAt.Equal(want) {
		t.Errorf("%+v, want the end at %v", got, want)
	}
}

// Whatever is done with an assignment that has ended by itself, that is written
// down first, as of when it was; and from then on its number rests.
func TestExpiryIsWrittenDownFirst(t *testing.T) {
	for name, test := range map[string]struct {
		call  func(*bench, Assignment) call
		kinds []EventKind
		err   error
	}{
		"release":  {func(b *bench, a Assignment) call { return b.release(a.ID) }, []EventKind{EventExpired}, nil},
		"void":     {func(b *bench, a Assignment) call { return b.void(a.ID) }, []EventKind{EventExpired, EventVoided}, nil},
		"reassign": {func(b *bench, a Assignment) call { return b.reassign(a.ID, ReassignMistake) }, []EventKind{EventExpired}, ErrAssignmentOver},
		"bulk": {func(b *bench, _ Assignment) call { return b.releaseMany(BulkRelease{State: ReleaseActive}) },
			[]EventKind{EventExpired, EventReleasedMany}, nil},
		"bulk of the expired": {func(b *bench, _ Assignment) call { return b.releaseMany(BulkRelease{State: ReleaseExpired}) }, []EventKind{EventExpired}, nil},
		"assign":              {func(b *bench, _ Assignment) call { return b.assign("", NumberPreferred) }, []EventKind{EventExpired}, nil},
		"assign in vain":      {func(b *bench, _ Assignment) call { return b.assign("", NumberRequired) }, []EventKind{EventExpired}, ErrNoNumber},
		"assign without":      {func(b *bench, _ Assignment) call { return b.assign("", NumberNone) }, nil, nil},
		"drain":               {func(b *bench, _ Assignment) call { return b.care(number(1), CareDrain) }, []EventKind{EventNumberChanged}, nil},
	} {
		for _, out := range []CareTo{"", CareDrain, CareSuspend} {
			t.Run(fmt.Sprintf("%s/%s", name, out), func(t *testing.T) {
				b := newHouse(Settings{NumberTTL: time.Minute, Cooldown: time.Hour}, 1)
				a := b.take(t, "")
				other := b.take(t, "") // without a number
				if out != "" {
					b.do(b.care(number(1), out))
				}
				b.time = noon.Add(80 * time.Second)
				seq := b.seq()
				wanted := strings.HasPrefix(name, "assign")
				got := b.do(test.call(b, a))
				if want := test.err; want != nil && got.Err != want.Error() || want == nil && got.Err != "" {
					t.Errorf("answer %+v, want error %v", got, want)
				}
				b.check(t, "p")
				if out != "" && (wanted || name == "drain") {
					return // a number that stays out of use is of no use to who wants one
				}
				wantKinds(t, b.kinds(seq), test.kinds...)
				is, n := b.of(a), b.numbers[number(1)]
				if !slices.Contains(test.kinds, EventExpired) {
					if is.State != AssignmentActive {
						t.Errorf("it became %+v", is)
					}
					return
				}
				end := noon.Add(time.Minute)
				if !is.ReleasedAt.Equal(end) || !n.ReleasedAt.Equal(end) || !n.FreeAt.Equal(end.Add(time.Hour)) || n.Assignment != "" || !n.ExpiresAt.IsZero() {
					t.Errorf("it became %+v, and its number %+v; want both over at %v", is, n, end)
				}
				if want := map[CareTo]NumberState{"": NumberFree, CareDrain: NumberDraining, CareSuspend: NumberSuspended}[out]; n.State != want {
					t.Errorf("the number is %s, want %s", n.State, want)
				}
				if strings.HasPrefix(name, "bulk") == (b.of(other).State == AssignmentActive) && name != "bulk of the expired" {
					t.Errorf("the other one is %+v", b.of(other))
				}
			})
		}
	}
}

// Whoever wants a number gets one that has come back by itself meanwhile, the
// first that did, and only as many are written down as are wanted.
func TestExpiredNumbersComeBack(t *testing.T) {
	b := newHouse(Settings{NumberTTL: time.Minute, Cooldown: 10 * time.Second}, 3)
	for range 3 {
		b.take(t, "")
		b.pass(time.Second)
	}
	b.time = noon.Add(time.Hour)
	if got := b.do(b.assign("", NumberRequired)).Value.(Assigned); got.Number != number(1) {
		t.Errorf("given %q, want the first that came back", got.Number)
	}
	if p := b.pools["p"].Pool; p.Open != 3 || p.NumbersExpiring != 3 {
		t.Errorf("more was written down than was wanted: %+v", p)
	}
	got := b.unit("p", b.assign("", NumberRequired), b.assign("", NumberRequired), b.assign("", NumberRequired))
	if got[0].Value.(Assigned).Number != number(2) || got[1].Value.(Assigned).Number != number(3) || got[2].Err != ErrNoNumber.Error() {
		t.Errorf("given %+v", got)
	}
	b.check(t, "p")
}

// Those that stay out of use when they come back do not keep others from
// coming back.
func TestExpiredOutOfUseIsNotInTheWay(t *testing.T) {
	b := newHouse(Settings{NumberTTL: time.Minute}, 3)
	for range 3 {
		b.take(t, "")
		b.pass(time.Second)
	}
	b.do(b.care(number(1), CareDrain))
	b.do(b.care(number(2), CareSuspend))
	b.time = noon.Add(time.Hour)
	if got := b.do(b.assign("", NumberRequired)); got.Err != "" || got.Value.(Assigned).Number != number(3) {
		t.Errorf("%+v, want number %s", got, number(3))
	}
	b.check(t, "p")
}

func TestSticky(t *testing.T) {
	// x had number 1 with planner a; 2 and 3 were free all the time. All three
	// planners have had one turn when x comes back, so that it is a's again.
	for name, test := range map[string]struct {
		sticky   bool
		customer string
		wish     Wish
		before   func(*testing.T, *bench)
		want     Number
	}{
		"own number":                {true, "x", NumberPreferred, nil, number(1)},
		"own number, by the pool":   {true, "x", NumberByPool, nil, number(1)},
		"own number, required":      {true, "x", NumberRequired, nil, number(1)},
		"avoid":                     {false, "x", NumberPreferred, nil, number(2)},
		"another customer":          {true, "y", NumberPreferred, nil, number(2)},
		"nobody":                    {true, "", NumberPreferred, nil, number(2)},
		"none wanted":               {true, "x", NumberNone, nil, ""},
		"another planner":           {true, "x", NumberPreferred, func(t *testing.T, b *bench) { b.take(t, "z") }, number(3)},
		"own number, long free":     {true, "x", NumberPreferred, func(_ *testing.T, b *bench) { b.pass(10 * time.Hour) }, number(1)},
		"out of use":                {true, "x", NumberPreferred, func(_ *testing.T, b *bench) { b.do(b.care(number(1), CareDrain)) }, number(2)},
		"no longer sticky":          {true, "x", NumberPreferred, func(_ *testing.T, b *bench) { b.settings(Settings{Cooldown: time.Hour}) }, number(2)},
		"sticky too late":           {false, "x", NumberPreferred, func(_ *testing.T, b *bench) { b.settings(Settings{Cooldown: time.Hour, Sticky: true}) }, number(2)},
		"out of use and back again": {true, "x", NumberPreferred, func(_ *testing.T, b *bench) { b.do(b.care(number(1), CareDrain)); b.do(b.care(number(1), CareResume)) }, number(1)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{Cooldown: time.Hour, Sticky: test.sticky}, 3)
			first := b.take(t, "x")
			b.do(b.assign("", NumberNone))
			b.do(b.assign("", NumberNone))
			b.pass(time.Second)
			b.do(b.release(first.ID))
			if test.before != nil {
				test.before(t, b)
			}
			got := b.do(newAssigning(Request{Customer: test.customer, Wish: test.wish}, b.id())).Value.(Assigned)
			if got.Number != test.want {
				t.Errorf("given %q by planner %s, want %q", got.Number, got.Planner, test.want)
			}
			b.check(t, "p")
		})
	}
}

// Of several numbers that a pair had it gets the one that it gave back last,
// in whichever way that was.
func TestStickyGivesTheLatest(t *testing.T) {
	for name, give := range map[string]func(*bench, Assignment){
		"release": func(b *bench, a Assignment) { b.do(b.release(a.ID)) },
		"void":    func(b *bench, a Assignment) { b.do(b.void(a.ID)) },
		"bulk":    func(b *bench, a Assignment) { b.do(b.releaseMany(BulkRelease{Planner: a.Planner, Limit: 1})) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.settings(Settings{Cooldown: time.Hour, Sticky: true})
			b.unit("p", b.staff(joins("a")...))
			b.unit("p", b.stock(number(1), number(2), number(3)))
			one, two := b.take(t, "x"), b.take(t, "x")
			b.pass(time.Second)
			b.do(b.release(two.ID))
			b.pass(time.Second)
			give(b, one)
			b.pass(time.Second)
			for i, want := range []Number{one.Number, two.Number, number(3), ""} {
				if got := b.take(t, "x"); got.Number != want {
					t.Errorf("%d: given %q, want %q", i, got.Number, want)
				}
			}
			b.check(t, "p")
		})
	}
}

// A number that came back by itself, or in the same unit, is its pair's too.
func TestStickyWithinAUnit(t *testing.T) {
	b := newBench()
	b.settings(Settings{Cooldown: time.Hour, Sticky: true, NumberTTL: time.Minute})
	b.unit("p", b.staff(joins("a")...))
	b.unit("p", b.stock(number(1), number(2)))
	first := b.take(t, "x")
	b.pass(time.Second)
	again := newAssigning(Request{Customer: "x"}, b.id())
	got := b.unit("p", b.release(first.ID), again)[1].Value.(Assigned)
	if got.Number != first.Number {
		t.Errorf("behind its release: %q", got.Number)
	}
	b.pass(10 * time.Minute)
	if got := b.take(t, "x"); got.Number != first.Number {
		t.Errorf("come back by itself: %q", got.Number)
	}
	b.check(t, "p")
}

// Whoever has an assignment at its end is whose number it was.
func TestStickyAfterReassignment(t *testing.T) {
	b := newHouse(Settings{Cooldown: time.Hour, Sticky: true}, 2)
	a := b.take(t, "x") // a
	b.do(b.reassign(a.ID, ReassignUnavailable))
	to := b.of(a).ReassignedTo
	b.do(b.release(a.ID))
	if got := b.numbers[a.Number].Earlier; got != (Pair{markOf("x"), to}) || to == a.Planner {
		t.Errorf("the number was last of %+v, want %s", got, to)
	}
	b.check(t, "p")
}

// A number whose assignment has ended by itself looks as it will be.
func TestViewOfAnExpiredNumber(t *testing.T) {
	for state, want := range map[NumberState]NumberView{
		NumberActive:    {NumberRecord{State: NumberFree, ReleasedAt: noon, FreeAt: noon.Add(time.Minute)}, true},
		NumberDraining:  {NumberRecord{State: NumberDraining, ReleasedAt: noon, FreeAt: noon.Add(time.Minute)}, false},
		NumberSuspended: {NumberRecord{State: NumberSuspended, ReleasedAt: noon, FreeAt: noon.Add(time.Minute)}, false},
	} {
		n := NumberRecord{State: state, Assignment: "id", ExpiresAt: noon}
		if got := n.View(noon.Add(-1), time.Minute); got != (NumberView{n, false}) {
			t.Errorf("%s, before its end: %+v", state, got)
		}
		if diff := gocmp.Diff(want, n.View(noon, time.Minute)); diff != "" {
			t.Errorf("%s, at its end (-want +got):\n%s", state, diff)
		}
		want.Cooling = false
		if diff := gocmp.Diff(want, n.View(noon.Add(time.Minute), time.Minute)); diff != "" {
			t.Errorf("%s, after its rest (-want +got):\n%s", state, diff)
		}
	}
}
