package e2e

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
)

func (l *life) bulk(body string) client.BulkReleased {
	l.Helper()
	return ask[client.BulkReleased](l, 200, "POST", "/v1/pools/"+lifePool+"/release", body)
}

// ends wants a bulk release to end these, in this order, in one event.
func (l *life) ends(body string, more bool, want ...client.Assignment) {
	l.Helper()
	before := l.kinds("assignments_released")
	got := l.bulk(body)
	if got.More != more {
		l.Errorf("%s: more is %v", body, got.More)
	}
	var wanted, ids []string
	for _, a := range want {
		wanted = append(wanted, a.ID)
	}
	for _, a := range got.Assignments {
		ids = append(ids, a.ID)
		if a.State != "released" || a.ReleasedAt == nil {
			l.Errorf("%s ended %s", body, jsonOf(a))
		}
		l.same(a, l.get(a.ID))
		if a.Number != nil {
			l.nowhere(*a.Number, a.ReleasedAt)
		}
	}
	if diff := cmp.Diff(wanted, ids); diff != "" {
		l.Errorf("%s ends (-want +got):\n%s", body, diff)
	}
	if n := l.kinds("assignments_released") - before; n != min(len(want), 1) {
		l.Errorf("%s: %d events", body, n)
	}
}

// Many are ended at once, of one planner, of one age, in one state, in parts;
// a second time there is nothing to end, and that is no change.
func TestLifeBulkRelease(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"cooldown_seconds": 3600}`, 3, 8)
	var a []client.Assignment
	for n := range 9 {
		a = append(a, l.assign(map[bool]string{true: `{"number": "none"}`}[n == 8]))
	}

	// Of a planner: of who has it now, not of who had it first.
	if moved := l.end(a[0], "reassign", `{"reason": "unavailable"}`); moved.ReassignedTo.ID != "p1" {
		t.Fatalf("reassigned: %s", jsonOf(moved))
	}
	l.ends(`{"planner": "p1", "reason": "left"}`, false, a[0], a[1], a[4], a[7])
	l.unchanged(func() { l.ends(`{"planner": "p1"}`, false) })
	l.turns([]int64{3, 4, 3}, []int64{2, 0, 3})

	// In the state of their numbers.
	l.care(*a[2].Number, "drain")
	l.care(*a[3].Number, "suspend")
	l.ends(`{"state": "draining", "planner": "p0"}`, false)
	l.ends(`{"state": "draining"}`, false, a[2])
	l.ends(`{"state": "suspended"}`, false, a[3])
	l.unchanged(func() { l.ends(`{"state": "suspended"}`, false) })
	l.counts(3, client.PoolNumbers{Active: 2, Cooling: 4, Draining: 1, Suspended: 1})

	// In parts.
	l.ends(`{"state": "active", "limit": 2}`, true, a[5], a[6])
	l.ends(`{"state": "active", "limit": 2}`, false, a[8])
	l.unchanged(func() { l.ends(`{"state": "active"}`, false) })
	l.counts(0, client.PoolNumbers{Cooling: 6, Draining: 1, Suspended: 1})
	l.turns([]int64{3, 4, 3}, []int64{0, 0, 0})

	for body, field := range map[string]string{`{}`: "body", `{"limit": 5}`: "body", `{"older_than_seconds": 0}`: "older_than_seconds",
		`{"state": "free"}`: "state", `{"state": "active", "limit": 1001}`: "limit"} {
		if p := l.refuse(400, "invalid_request", "POST", "/v1/pools/"+lifePool+"/release", body); p.Field == nil || *p.Field != field {
			t.Errorf("%s: %s", body, jsonOf(p))
		}
	}
	l.refuse(404, "pool_not_found", "POST", "/v1/pools/nowhere/release", `{"state": "active"}`)
	l.well()
}

// By age those are ended that are so old by the database's clock, and no
// younger one.
func TestLifeBulkReleaseByAge(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{}`, 1, 4)
	old := []client.Assignment{l.assign(""), l.assign("")}
	l.unchanged(func() { l.ends(`{"older_than_seconds": 3600}`, false) })
	var young client.Assignment
	await(t, "one is 1.1 seconds younger than the others", 30*time.Second, func() bool {
		if young.ID != "" {
			l.end(young, "void", "")
		}
		young = l.assign("")
		return young.AssignedAt.Sub(old[1].AssignedAt) > 1100*time.Millisecond
	})
	got := l.bulk(`{"older_than_seconds": 1}`)
	ended := *got.Assignments[0].ReleasedAt
	for _, a := range got.Assignments {
		if ended.Sub(a.AssignedAt) < time.Second {
			t.Errorf("ended at %v, too young: %s", ended, jsonOf(a))
		}
	}
	for _, a := range append(old, young) {
		if over := l.get(a.ID).State == "released"; over != (ended.Sub(a.AssignedAt) >= time.Second) {
			t.Errorf("at %v: %s", ended, jsonOf(l.get(a.ID)))
		}
	}
	l.well()
}
