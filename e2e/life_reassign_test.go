package e2e

import (
	"fmt"
	"slices"
	"testing"

	"fairlead/api/client"
)

// now is whose an assignment is.
func now(a client.Assignment) string {
	if a.ReassignedTo != nil {
		return a.ReassignedTo.ID
	}
	return a.Planner.ID
}

// reassign passes an assignment on to a planner, and sees that its number leads
// there at once.
func (l *life) reassign(a client.Assignment, to int, body string, header ...string) client.Assignment {
	l.Helper()
	got := l.end(a, "reassign", body, header...)
	want := a
	want.ReassignedTo = &client.AssignedPlanner{ID: fmt.Sprint("p", to), Name: fmt.Sprint("Planner ", to)}
	l.same(want, got)
	l.same(want, l.leads(got, to).Assignment)
	l.same(want, l.get(a.ID))
	return got
}

// Each reason gives the turn back or does not; the assignment keeps its number,
// which leads to whom it went at once.
func TestLifeReassign(t *testing.T) {
	t.Parallel()
	for reason, back := range map[string]bool{"mistake": true, "customer": true, "unavailable": false, "declined": false} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, `{}`, 3, 2)
			a := l.assignTo("p0", `{"customer": "ann"}`)
			l.leads(a, 0)
			l.reassign(a, 1, fmt.Sprintf(`{"reason": %q, "note": "on holiday"}`, reason))
			l.counts(1, client.PoolNumbers{Active: 1, Free: 1})
			next := "p2"
			if back {
				l.turns([]int64{0, 1, 0}, []int64{0, 1, 0})
				l.stands("p0", 0, nil)
				next = "p0"
			} else {
				l.turns([]int64{1, 1, 0}, []int64{0, 1, 0})
				l.stands("p0", 1, &a)
			}
			l.assignTo(next, "")
			l.well()
		})
	}
}

// A call that is made again with its key does nothing again, and one with
// another key does.
func TestLifeReassignAgain(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{}`, 3, 1)
	a := l.assign("")
	once := l.reassign(a, 1, `{"reason": "declined"}`, "Idempotency-Key", "one")
	l.unchanged(func() {
		l.same(once, l.end(a, "reassign", `{"reason": "declined"}`, "Idempotency-Key", "one"))
		l.refuse(400, "invalid_request", "POST", "/v1/assignments/"+a.ID+"/reassign", `{"reason": "declined"}`, "Idempotency-Key", "")
	})
	twice := l.reassign(once, 2, `{"reason": "declined"}`, "Idempotency-Key", "two")
	// The answer to what was done before says how things are now.
	l.unchanged(func() { l.same(twice, l.end(a, "reassign", `{"reason": "declined"}`, "Idempotency-Key", "one")) })
	over := l.release(a)
	l.unchanged(func() { l.same(over, l.end(a, "reassign", `{"reason": "declined"}`, "Idempotency-Key", "two")) })
	l.turns([]int64{1, 1, 1}, []int64{0, 0, 0})

	// The key is the assignment's own: elsewhere it is another call.
	b := l.assign("")
	l.reassign(b, 1, `{"reason": "declined"}`, "Idempotency-Key", "one")
	l.well()
}

// Without exclude_current the planner who has it may have it again, if the rule
// says so; nothing changes then.
func TestLifeReassignToCurrent(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{}`, 2, 1)
	a := l.assignTo("p0", "")
	l.unchanged(func() {
		l.same(a, l.end(a, "reassign", `{"reason": "mistake", "exclude_current": false}`)) // without this turn p0 is the next
	})
	l.leads(a, 0)
	moved := l.reassign(a, 1, `{"reason": "unavailable", "exclude_current": false}`) // with it, p1 is
	l.turns([]int64{1, 1}, []int64{0, 1})
	l.reassign(moved, 0, `{"reason": "mistake", "exclude_current": true}`)
	l.turns([]int64{2, 0}, []int64{1, 0})
	l.well()
}

// From hand to hand and back, and then it has not been: every turn that still
// counts is given back.
func TestLifeVoidAfterReassign(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"cooldown_seconds": 3600}`, 3, 4)
	before := []client.Assignment{l.assignTo("p0", ""), l.assignTo("p1", ""), l.assignTo("p2", "")}
	a := l.assignTo("p0", "")
	l.reassign(a, 1, `{"reason": "declined"}`)     // p0 2, p1 2, p2 1
	l.reassign(a, 2, `{"reason": "customer"}`)     // p0 2, p1 1, p2 2
	a = l.reassign(a, 1, `{"reason": "declined"}`) // p0 2, p1 2, p2 2
	l.turns([]int64{2, 2, 2}, []int64{1, 2, 1})
	void := l.end(a, "void", "")
	if void.State != "void" || now(void) != "p1" || void.Planner.ID != "p0" {
		t.Errorf("voided: %s", jsonOf(void))
	}
	for p := range before {
		l.stands(fmt.Sprint("p", p), 1, &before[p])
	}
	l.turns([]int64{1, 1, 1}, []int64{1, 1, 1})
	l.nowhere(*a.Number, void.VoidedAt)
	l.assignTo("p0", "")
	l.well()
}

// What cannot be passed on is left alone.
func TestLifeReassignRefused(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{}`, 2, 3)
	path := func(a client.Assignment) string { return "/v1/assignments/" + a.ID + "/reassign" }
	released, void, alone := l.assign(""), l.assign(""), l.assign("")
	l.release(released)
	l.end(void, "void", "")
	ask[client.Planner](l, 200, "PATCH", "/v1/pools/"+lifePool+"/planners/p1", `{"active": false}`)
	l.unchanged(func() {
		for _, reason := range []string{"mistake", "declined"} {
			body := fmt.Sprintf(`{"reason": %q}`, reason)
			l.refuse(409, "assignment_over", "POST", path(released), body)
			l.refuse(409, "assignment_over", "POST", path(void), body)
			l.refuse(409, "no_planner", "POST", path(alone), body)
			l.same(alone, l.end(alone, "reassign", fmt.Sprintf(`{"reason": %q, "exclude_current": false}`, reason)))
		}
		for _, body := range []string{`{}`, `{"reason": "whim"}`} {
			if p := l.refuse(400, "invalid_request", "POST", path(alone), body); *p.Field != "reason" {
				t.Errorf("%s: %s", body, jsonOf(p))
			}
		}
	})
	l.leads(alone, 0)

	// A planner who has left can be helped out, and is not given it back.
	ask[client.Planner](l, 200, "PATCH", "/v1/pools/"+lifePool+"/planners/p1", `{"active": true}`)
	ask[client.Planner](l, 200, "PATCH", "/v1/pools/"+lifePool+"/planners/p0", `{"active": false}`)
	l.reassign(alone, 1, `{"reason": "mistake", "exclude_current": false}`)
	if kinds := l.kinds("assignment_reassigned"); kinds != 1 {
		t.Errorf("%d events", kinds)
	}
	l.refuse(409, "no_planner", "POST", path(alone), `{"reason": "declined"}`)
	if !slices.ContainsFunc(l.planners(), func(p client.Planner) bool { return p.ID == "p1" && p.Open == 1 }) {
		t.Errorf("planners: %s", jsonOf(l.planners()))
	}
	l.well()
}
