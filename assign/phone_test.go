package assign

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// sealed is a phone as a caller gives it who knows these keys, the first of
// which is the current one. Each sealing looks another way.
func sealed(number string, nth int, keys ...string) GivenPhone {
	g := GivenPhone{Phone: Phone{keys[0], fmt.Sprintf("box %d of %s", nth, number), "mark " + keys[0] + " " + number}, Marks: map[string]string{}}
	for _, key := range keys {
		g.Marks[key] = "mark " + key + " " + number
	}
	return g
}

func TestGivenPhoneIs(t *testing.T) {
	old, mine := sealed("010", 1, "k1"), sealed("010", 2, "k2", "k1")
	for name, test := range map[string]struct {
		given GivenPhone
		kept  Phone
		same  bool
		err   error
	}{
		"none and none":         {GivenPhone{}, Phone{}, true, nil},
		"none and one":          {GivenPhone{}, old.Phone, false, nil},
		"one and none":          {mine, Phone{}, false, nil},
		"the same, other box":   {sealed("010", 9, "k1"), old.Phone, true, nil},
		"the same, older key":   {mine, old.Phone, true, nil},
		"another":               {sealed("011", 1, "k1"), old.Phone, false, nil},
		"another, older key":    {sealed("011", 2, "k2", "k1"), old.Phone, false, nil},
		"no key, one and none":  {GivenPhone{NoKey: true}, Phone{}, false, nil},
		"no key, one and one":   {GivenPhone{NoKey: true}, old.Phone, false, ErrPhoneUnreadable},
		"a key that is unknown": {sealed("010", 2, "k2"), old.Phone, false, ErrPhoneUnreadable},
	} {
		same, err := test.given.Is(test.kept)
		if same != test.same || !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%s: %t, %v; want %t, %v", name, same, err, test.same, test.err)
		}
		if err != nil && (!strings.Contains(err.Error(), "k1") || strings.Contains(err.Error(), "010")) {
			t.Errorf("%s: %v, want the key's id and nothing of the phone", name, err)
		}
	}
}

// A used key is for the same phone only, whichever key that is sealed with.
func TestCustomerPhoneAndKey(t *testing.T) {
	first := sealed("010", 1, "k1")
	for name, test := range map[string]struct {
		phone GivenPhone
		want  error
	}{
		"the same":            {sealed("010", 2, "k1"), nil},
		"the same, newer key": {sealed("010", 3, "k2", "k1"), nil},
		"another":             {sealed("011", 1, "k1"), ErrKeyReused},
		"another, newer key":  {sealed("011", 1, "k2", "k1"), ErrKeyReused},
		"none":                {GivenPhone{}, ErrKeyReused},
		"unknown key":         {sealed("010", 1, "k2"), ErrPhoneUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{}, 1)
			ask := func(p GivenPhone) *assigning { return newAssigning(Request{Key: "k", CustomerPhone: p}, b.id()) }
			got := b.do(ask(first))
			a, _ := got.Value.(Assigned)
			if got.Err != "" || a.CustomerPhone != first.Phone {
				t.Fatalf("%+v", got)
			}
			seq := b.seq()
			c := ask(test.phone)
			b.do(c)
			if !errors.Is(c.err, test.want) || (c.err == nil) != (test.want == nil) || b.seq() != seq {
				t.Fatalf("%v, want %v", c.err, test.want)
			}
			if c.err == nil && (c.answer.Assignment != a.Assignment || !c.answer.Replayed) {
				t.Errorf("%+v, want the first answer %+v", c.answer, a)
			}
			b.check(t, "p")
		})
	}
	// One that cannot be kept is refused, unless the request was answered.
	b := newHouse(Settings{}, 1)
	seq := b.seq()
	c := newAssigning(Request{Key: "k", CustomerPhone: GivenPhone{NoKey: true}}, b.id())
	if b.do(c); !errors.Is(c.err, ErrNoPhoneKey) || b.seq() != seq {
		t.Errorf("without a key: %+v, %v", c.answer, c.err)
	}
	b.do(b.assign("k", ""))
	if b.do(c); !errors.Is(c.err, ErrKeyReused) {
		t.Errorf("without a key, a used one: %+v, %v", c.answer, c.err)
	}

	// One who gave none and gives one now asks for another thing.
	b = newHouse(Settings{}, 1)
	b.do(b.assign("k", ""))
	if got := b.do(newAssigning(Request{Key: "k", CustomerPhone: first}, b.id())); got.Err != ErrKeyReused.Error() {
		t.Errorf("%+v", got)
	}
}

// What becomes of a planner's phone, and what the log says of it.
func TestPlannerPhone(t *testing.T) {
	old := sealed("010", 1, "k1")
	none := GivenPhone{}
	same, newer, other, unknown := sealed("010", 2, "k1"), sealed("010", 3, "k2", "k1"), sealed("011", 1, "k1"), sealed("010", 4, "k2")
	for name, test := range map[string]struct {
		had     *GivenPhone
		given   *GivenPhone
		want    Phone
		changes bool
	}{
		"not said":                  {&old, nil, old.Phone, false},
		"not said, none":            {nil, nil, Phone{}, false},
		"new":                       {nil, &other, other.Phone, true},
		"the same":                  {&old, &same, old.Phone, false},
		"the same, newer key":       {&old, &newer, old.Phone, false},
		"another":                   {&old, &other, other.Phone, true},
		"taken away":                {&old, &none, Phone{}, true},
		"none was there":            {nil, &none, Phone{}, false},
		"cannot be compared, so is": {&old, &unknown, unknown.Phone, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHouse(Settings{}, 0)
			if test.had != nil {
				b.do(b.staff(PlannerChange{ID: "a", Phone: test.had}))
			}
			seq := b.seq()
			got := b.do(b.staff(PlannerChange{ID: "a", Phone: test.given})).Value.(Staffed)
			if b.pools["p"].Phones["a"] != test.want || got.Last.Phone != test.want {
				t.Errorf("kept %+v, told %+v; want %+v", b.pools["p"].Phones["a"], got.Last.Phone, test.want)
			}
			if changed := b.seq() > seq; changed != test.changes || got.Updated != int(count(changed)) {
				t.Errorf("at %d after %d: %+v", b.seq(), seq, got)
			}
			if test.changes {
				if d := lastEvent[PlannersChanged](t, b).Planners[0]; !d.PhoneChanged || d.Phone != !test.want.IsZero() || d.Was.Phone != (test.had != nil) {
					t.Errorf("event %+v", d)
				}
			}
			// Another change leaves the phone alone.
			changed := "Kim"
			b.do(b.staff(PlannerChange{ID: "a", Name: &changed}))
			if b.pools["p"].Phones["a"] != test.want {
				t.Errorf("after another change: %+v", b.pools["p"].Phones["a"])
			}
			b.check(t, "p")
		})
	}
}

// A planner who is named twice in one call has the phone that was said last.
func TestPlannerPhoneTwiceInACall(t *testing.T) {
	b := newHouse(Settings{}, 0)
	one, two := sealed("010", 1, "k1"), sealed("011", 1, "k1")
	b.do(b.staff(PlannerChange{ID: "new", Phone: &one}, PlannerChange{ID: "new", Phone: &two}, PlannerChange{ID: "a", Phone: &one}, PlannerChange{ID: "a", Phone: &GivenPhone{}}))
	want := map[PlannerID]Phone{"new": two.Phone}
	if diff := gocmp.Diff(want, b.pools["p"].Phones); diff != "" {
		t.Errorf("phones (-want +are):\n%s", diff)
	}
	b.check(t, "p")
	if found := b.history("p").findings(); found != nil {
		t.Errorf("found:\n%s", lines(found))
	}
}

// An event says whether there is a phone, and nothing else of it.
func TestEventsKeepPhonesSecret(t *testing.T) {
	b := newHouse(Settings{NumberTTL: 1e9}, 2)
	phone := sealed("01098765432", 1, "secretkey")
	b.do(b.staff(PlannerChange{ID: "a", Phone: &phone}, PlannerChange{ID: "b", Phone: &phone}))
	b.do(b.staff(PlannerChange{ID: "a", Phone: &GivenPhone{}}))
	a := b.do(newAssigning(Request{Customer: "x", CustomerPhone: phone}, b.id())).Value.(Assigned)
	b.do(b.reassign(a.ID, ReassignMistake))
	b.pass(1e9)
	b.do(b.void(a.ID))
	for _, e := range b.pools["p"].Events {
		for _, secret := range []string{"01098765432", "secretkey", "box", "mark"} {
			if strings.Contains(string(e.Data), secret) {
				t.Errorf("event %s tells %q: %s", e.Kind, secret, e.Data)
			}
		}
	}
}
