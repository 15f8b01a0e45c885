package e2e

import (
	"fmt"
	"testing"

	"fairlead/api/client"
)

// In a sticky pool a customer who comes back to the same planner gets the number
// again that the two had last, although it rests; nobody else does.
func TestLifeSticky(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"sticky": "prefer", "cooldown_seconds": 3600, "on_exhausted": "fail"}`, 2, 8)
	with := func(planner, customer string) client.Assignment {
		t.Helper()
		return l.assignTo(planner, fmt.Sprintf(`{"customer": %q, "number": "required"}`, customer))
	}
	not := func(what string, a client.Assignment, taken ...client.Assignment) client.Assignment {
		t.Helper()
		for _, other := range taken {
			if *a.Number == *other.Number {
				t.Errorf("%s has got %s inside its rest", what, *a.Number)
			}
		}
		return a
	}
	first := with("p0", "ann")
	l.release(first)
	if n := l.number(*first.Number); n.State != "cooling" {
		t.Fatalf("the number does not rest: %s", jsonOf(n))
	}
	not("the same customer with another planner", with("p1", "ann"), first)
	bob := not("another customer with the same planner", with("p0", "bob"), first)
	not("another customer", with("p1", "bob"), first)
	not("a request without a customer", with("p0", ""), first)
	with("p1", "eve")

	again := with("p0", "ann")
	if *again.Number != *first.Number {
		t.Errorf("the same customer with the same planner has got %s, not %s", *again.Number, *first.Number)
	}
	l.leads(again, 0)
	with("p1", "eve")
	second := not("the customer while the number is in use", with("p0", "ann"), again) // the last free one
	l.refuse(409, "no_number", "POST", "/v1/pools/"+lifePool+"/assignments", `{"customer": "dan"}`)

	// Of two that they gave back, the latest. The refused turn was nobody's.
	l.release(second)
	l.release(again)
	l.assignTo("p1", `{"number": "none"}`)
	if got := with("p0", "ann"); *got.Number != *again.Number {
		t.Errorf("of %s and, later, %s the customer has got %s", *second.Number, *again.Number, *got.Number)
	}

	// A voided one is theirs as well, and one that is out of use is nobody's.
	l.end(bob, "void", "")
	l.care(*bob.Number, "suspend")
	l.assignTo("p1", `{"number": "none"}`)
	l.refuse(409, "no_number", "POST", "/v1/pools/"+lifePool+"/assignments", `{"customer": "bob"}`)
	l.care(*bob.Number, "resume")
	if got := with("p0", "bob"); *got.Number != *bob.Number {
		t.Errorf("the customer of a voided assignment has got %s, not %s", *got.Number, *bob.Number)
	}
	l.well()
}

// Without it, nobody gets a number inside its rest.
func TestLifeAvoid(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"sticky": "avoid", "cooldown_seconds": 3600}`, 1, 2)
	first := l.assign(`{"customer": "ann"}`)
	l.release(first)
	if second := l.assign(`{"customer": "ann"}`); second.Number == nil || *second.Number == *first.Number {
		t.Errorf("got %s", jsonOf(second))
	}
	if third := l.assign(`{"customer": "ann"}`); third.Number != nil {
		t.Errorf("got %s", jsonOf(third))
	}

	// It is what was released in a sticky pool that sticks.
	ask[client.Pool](l, 200, "PUT", "/v1/pools/"+lifePool, `{"sticky": "prefer"}`)
	if fourth := l.assign(`{"customer": "ann"}`); fourth.Number != nil {
		t.Errorf("got %s", jsonOf(fourth))
	}
	l.well()
}
