package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/api/client"
)

func TestCorrectHistoriesAreAccepted(t *testing.T) {
	t.Parallel()
	seeds := 40
	if testing.Short() {
		seeds = 5
	}
	for name, c := range map[string]worldConfig{"ordinary": ordinary, "wealthy": wealthy} {
		for seed := range seeds {
			t.Run(fmt.Sprint(name, " seed ", seed), func(t *testing.T) {
				t.Parallel()
				c.seed = uint64(seed)
				w := c.live()
				for _, v := range Judge(w.calls, w.tables(), Options{}) {
					t.Error(v)
				}
				if seed == 0 {
					t.Log(Summarize(w.calls))
				}
			})
		}
	}
}

// A spoiling is one way to break a promise.
type spoiling struct {
	name     string
	rich     bool   // in a wealthy world
	promises []int  // all that are broken by it, the one that it is about first
	says     string // what is told of that one

	wrong func(*world) // done to the world before it lives; may be nil
	spoil func(*run)   // done to what came of it; may be nil
}

// Each way to break a promise is found, and told as that promise's.
func TestBrokenPromisesAreFound(t *testing.T) {
	t.Parallel()
	for _, s := range slices.Concat(spoiledKeys, spoiledAnswers, spoiledKept, spoiledLog, spoiledRule, spoiledNumbers, spoiledRows, spoiledOrder, spoiledDoubt, spoiledLives, spoiledTurns, spoiledCare, spoiledBulk, spoiledEnds, spoiledRoutes) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := s.run(t)
			expect(t, Judge(r.calls, r.pools, Options{}), s.says, s.promises...)
		})
	}
}

// run spoils a history in which nobody changes planners but by switching them.
func (s spoiling) run(t *testing.T) *run {
	c := ordinary
	if s.rich {
		c = wealthy
	}
	c.other = 0
	w := c.create()
	if s.wrong != nil {
		s.wrong(w)
	}
	w.live()
	r := &run{t, w.calls, w.tables()}
	if s.spoil != nil {
		s.spoil(r)
	}
	return r
}

// expect wants violations of these promises, all of them and no others, the
// first of them told in some such words.
func expect(t *testing.T, found []Violation, says string, promises ...int) {
	t.Helper()
	var broken []int
	said := false
	for _, v := range found {
		broken = append(broken, v.Promise)
		said = said || v.Promise == promises[0] && strings.Contains(v.Text, says)
	}
	want := slices.Sorted(slices.Values(promises))
	if broken = slices.Compact(broken); !slices.Equal(broken, want) || !said {
		t.Errorf("promises %v are broken, want %v with one that says %q", broken, want, says)
		for _, v := range found {
			t.Log(v)
		}
	}
}

// Of one kind only so many are told, and how many there are.
func TestViolationsAreCapped(t *testing.T) {
	t.Parallel()
	w := ordinary.live()
	late := len(w.calls)
	for i := range w.calls {
		w.calls[i].Got += maxWait + time.Nanosecond
	}
	found := Judge(w.calls, w.tables(), Options{})
	found = slices.DeleteFunc(found, func(v Violation) bool { return v.Promise != 9 })
	if len(found) != enough+1 || !strings.HasPrefix(found[enough].Text, fmt.Sprint(late, " of this kind")) {
		t.Errorf("%d violations for %d calls that were too late, the last: %v", len(found), late, found[len(found)-1])
	}
}

func TestViolationsNameTheirPool(t *testing.T) {
	t.Parallel()
	for v, want := range map[Violation]string{
		{3, "demo", "seq 7 is taken twice"}: "promise 3: demo: seq 7 is taken twice",
		{9, "", "too late"}:                 "promise 9: too late",
	} {
		if got := v.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Where one call ends in the moment in which another begins, either may have
// been first.
func TestSpansIncludeTheirEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sent time.Duration
		want int
	}{{10, 0}, {11, 1}} {
		w := worldConfig{pools: 1, planners: 2, numbers: 1}.create()
		p := w.pools[0]
		first := Call{Kind: Assign, Pool: p.name, Key: "first", Sent: test.sent, Got: 20}
		second := Call{Kind: Assign, Pool: p.name, Key: "second", Sent: 0, Got: 10}
		p.hear(&first)
		p.hear(&second)
		again := second
		again.Sent, again.Got, again.Replayed = 50, 60, true
		release := Call{Kind: Release, Pool: p.name, ID: second.Answer.ID, Sent: 30, Got: 60 - test.sent}
		p.hear(&release)
		found := Judge([]Call{first, second, again, release}, w.tables(), Options{})
		if got := countOf(found, 4); got != 2*test.want || len(found) != got {
			t.Errorf("sent at %v: %v, want %d of promise 4", test.sent, found, 2*test.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	p := placesOf(&scene{log: []entry{{seq: 1}, {seq: 2}, {seq: 3}}, spans: []span{{0, 10}, {5, 20}, {30, 40}}})
	for _, test := range []struct {
		sent, got   time.Duration
		first, last int64
	}{
		{0, 4, 0, 1},
		{0, 5, 0, 2},
		{11, 25, 1, 2},
		{20, 30, 1, 3},
		{21, 29, 2, 2},
		{41, 50, 3, 3},
	} {
		if first, last := p.between(test.sent, test.got); first != test.first || last != test.last {
			t.Errorf("from %d to %d: seq %d to %d, want %d to %d", test.sent, test.got, first, last, test.first, test.last)
		}
	}
}

// What callers were told narrows down what an assignment was made with.
func TestWishes(t *testing.T) {
	t.Parallel()
	row := &client.Assignment{Customer: "c"}
	call := func(customer string, w Wish, status int, code client.ProblemCode) *Call {
		return &Call{Kind: Assign, Customer: customer, Wish: w, Status: status, Code: code}
	}
	replay := func(c *Call) *Call { c.Replayed = true; return c }
	for _, test := range []struct {
		name  string
		calls []*Call
		want  []Wish
	}{
		{"nobody knows", nil, nil},
		{"answered", []*Call{call("c", "none", 0, ""), call("c", "required", 201, "")}, []Wish{"required"}},
		{"answered, the default", []*Call{call("c", "", 201, "")}, []Wish{""}},
		{"unknown", []*Call{call("c", "none", 0, ""), call("c", "", 500, "")}, []Wish{"none", ""}},
		{"unknown, and refused as another", []*Call{call("c", "none", 0, ""), call("c", "", 500, ""), call("c", "none", 422, "key_reused")}, []Wish{""}},
		{"unknown for another customer", []*Call{call("d", "none", 0, ""), call("c", "", 500, "")}, []Wish{""}},
		{"told as made before, by either", []*Call{call("c", "preferred", 0, ""), replay(call("c", "", 201, ""))}, []Wish{"preferred", ""}},
		{"refused", []*Call{call("c", "none", 503, "pool_busy")}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := (&asked{calls: test.calls}).wishes(row); !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// Of a call without a key whose answer was lost nobody can tell what it
// wished for, nor which row is its.
func TestCallsWithoutKeys(t *testing.T) {
	t.Parallel()
	w := worldConfig{pools: 1, planners: 2, numbers: 9}.create()
	p := w.pools[0]
	for _, wish := range []Wish{"none", "required", "none", "preferred"} {
		c := Call{Kind: Assign, Pool: p.name, Wish: wish}
		p.hear(&c)
		c.Status, c.Answer = 0, nil
		w.calls = append(w.calls, c)
	}
	for _, v := range Judge(w.calls, w.tables(), Options{}) {
		t.Error(v)
	}
	p.number = func(p *fakePool) *fakeNumber { return p.numbers[len(p.numbers)-1] }
	p.hear(&Call{Kind: Assign, Pool: p.name})
	expect(t, Judge(w.calls, w.tables(), Options{}), "is due", 3)
}

// A call may be late by the slack, and by as much as it is given grace.
func TestPatience(t *testing.T) {
	t.Parallel()
	late := Call{Client: 1, Kind: Release, Instance: "ill", Timeout: 2e9, Sent: 1e9, Got: 1e9 + 2e9 + 1e6}
	patient := late
	patient.Timeout = 60e9
	patient.Got = 1e9 + 10e9 + 1e6
	for _, test := range []struct {
		name    string
		call    Call
		options Options
		want    int
	}{
		{"late", late, Options{}, 1},
		{"later than any call may wait", patient, Options{}, 1},
		{"no deadline of its own", Call{Kind: Other, Got: maxWait + 1}, Options{}, 1},
		{"in time", Call{Kind: Other, Got: maxWait}, Options{}, 0},
		{"within the slack", late, Options{Slack: 1e6}, 0},
		{"with grace", late, Options{Grace: func(Call) time.Duration { return 1e6 }}, 0},
		{"with too little grace", late, Options{Grace: func(Call) time.Duration { return 1 }}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if found := Judge([]Call{test.call}, nil, test.options); test.call.Kind == Other && len(found) != test.want || countOf(found, 9) != test.want {
				t.Errorf("found %v, want %d", found, test.want)
			}
		})
	}
}

func countOf(found []Violation, promise int) (n int) {
	for _, v := range found {
		n += count(v.Promise == promise)
	}
	return n
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		code   client.ProblemCode
		want   Outcome
	}{
		{200, "", Done},
		{201, "", Done},
		{400, client.ProblemCodeInvalidRequest, Refused},
		{404, client.ProblemCodePoolNotFound, Refused},
		{409, client.ProblemCodeNoPlanner, Refused},
		{422, client.ProblemCodeKeyReused, Refused},
		{503, client.ProblemCodePoolBusy, Refused},
		{503, client.ProblemCodeUnavailable, Refused},
		{503, client.ProblemCodeNotReady, Refused},
		{503, client.ProblemCodeOutcomeUnknown, Unknown},
		{503, "", Unknown},
		{500, client.ProblemCodeInternal, Unknown},
		{502, client.ProblemCodeUnavailable, Unknown},
		{504, "", Unknown},
		{302, "", Unknown},
		{0, "", Unknown},
	} {
		if got := (&Call{Status: test.status, Code: test.code}).Outcome(); got != test.want {
			t.Errorf("%d %s is %s, want %s", test.status, test.code, got, test.want)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	c := ordinary
	c.calls, c.clients = 500_000, 64
	w := c.create()
	w.live()
	pools := w.tables()
	b.ResetTimer()
	for b.Loop() {
		if found := Judge(w.calls, pools, Options{}); found != nil {
			b.Fatal(found)
		}
	}
}
