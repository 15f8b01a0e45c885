package e2e

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
)

// A number's time ends by itself, and everybody sees it at that moment although
// nobody has written it down. When somebody does, nothing looks different.
func TestLifeExpires(t *testing.T) {
	t.Parallel()
	const ttl, rest = 2 * time.Second, time.Hour
	l := newLife(t, `{"number_ttl_seconds": 2, "cooldown_seconds": 3600}`, 2, 1, neverExpire)
	a := l.assign("")
	end := a.AssignedAt.Add(ttl)
	if r := l.leads(a, 0); r.ExpiresAt == nil || !r.ExpiresAt.Equal(end) {
		t.Errorf("the route ends at %v, want %v", r.ExpiresAt, end)
	}
	if n := l.care(*a.Number, "touch"); n.UsedAt == nil || n.ExpiresAt == nil || !n.ExpiresAt.Equal(end) {
		t.Errorf("a call moved the end from %v: %s", end, jsonOf(n))
	}
	l.counts(1, client.PoolNumbers{Active: 1})
	l.awaitEnd(*a.Number)

	looks := func() {
		t.Helper()
		l.nowhere(*a.Number, &end)
		over := l.get(a.ID)
		if over.State != "released" || over.ReleasedAt == nil || !over.ReleasedAt.Equal(end) || over.VoidedAt != nil {
			t.Errorf("the assignment is %s, want it released at %v", jsonOf(over), end)
		}
		listed := ask[client.AssignmentList](l, 200, "GET", "/v1/pools/"+lifePool+"/assignments?key="+a.Key, "")
		l.same(over, listed.Assignments[0])
		free := end.Add(rest)
		n := l.number(*a.Number)
		want := client.Number{Number: *a.Number, State: "cooling", FreeAt: &free, UsedAt: n.UsedAt, ReleasedAt: &end}
		if diff := cmp.Diff(want, n); diff != "" {
			t.Errorf("the number (-want +got):\n%s", diff)
		}
		if cooling, active := l.numbers("?state=cooling"), l.numbers("?state=active"); len(cooling) != 1 || len(active) != 0 {
			t.Errorf("%d numbers are listed as cooling, %d as active", len(cooling), len(active))
		}
		l.refuse(404, "number_not_live", "POST", "/v1/numbers/"+*a.Number+"/touch", "")
	}
	looks()
	l.counts(1, client.PoolNumbers{Cooling: 1}) // open is kept, and not written yet
	if n := l.kinds("assignments_expired"); n != 0 {
		t.Fatalf("it is written down already, so this shows nothing")
	}
	if next := l.assign(""); next.Number != nil {
		t.Errorf("a number that rests was given: %s", jsonOf(next))
	}
	if n := l.kinds("assignments_expired"); n != 1 {
		t.Errorf("%d events say that it ended", n)
	}
	looks()
	l.counts(1, client.PoolNumbers{Cooling: 1})
	l.turns([]int64{1, 1}, []int64{0, 1})
	l.unchanged(func() { l.same(l.get(a.ID), l.release(a)) })
	l.well()
}

// With number_ttl_from last_use each call on a number lets its time begin anew.
func TestLifeExpiresFromLastUse(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	l := newLife(t, `{"number_ttl_seconds": 2, "number_ttl_from": "last_use"}`, 1, 1, neverExpire)
	a := l.assign("")
	end, calls := a.AssignedAt.Add(ttl), 0
	await(t, "the number has outlived its first time", 30*time.Second, func() bool {
		n := l.care(*a.Number, "touch")
		calls++
		if n.State != "active" || n.UsedAt == nil || n.ExpiresAt == nil || !n.ExpiresAt.Equal(n.UsedAt.Add(ttl)) || n.ExpiresAt.Before(end) {
			t.Fatalf("after a call, with an end at %v: %s", end, jsonOf(n))
		}
		end = *n.ExpiresAt
		return n.UsedAt.After(a.AssignedAt.Add(ttl + ttl/4))
	})
	if r := l.leads(a, 0); r.ExpiresAt == nil || !r.ExpiresAt.Equal(end) {
		t.Errorf("the route ends at %v, want %v", r.ExpiresAt, end)
	}
	if n := l.kinds("number_touched"); n != min(calls, 1000-2) {
		t.Errorf("%d calls are %d events", calls, n)
	}
	l.awaitEnd(*a.Number)
	l.nowhere(*a.Number, &end)
	if over := l.get(a.ID); over.ReleasedAt == nil || !over.ReleasedAt.Equal(end) {
		t.Errorf("the assignment ended at %v, want %v", over.ReleasedAt, end)
	}
	l.well()
}

// Whoever ends an assignment that has ended by itself is told so, and writes
// that down first.
func TestLifeEndsAfterItsTime(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	l := newLife(t, `{"number_ttl_seconds": 2, "cooldown_seconds": 3600}`, 4, 4, neverExpire)
	released, voided, reassigned, many := l.assign(""), l.assign(""), l.assign(""), l.assign("")
	l.awaitEnd(*many.Number)
	if n := l.kinds("assignments_expired"); n != 0 {
		t.Fatal("they are written down already, so this shows nothing")
	}
	endOf := func(a client.Assignment) time.Time { return a.AssignedAt.Add(ttl) }

	if got := l.release(released); got.State != "released" || !got.ReleasedAt.Equal(endOf(released)) {
		t.Errorf("released: %s", jsonOf(got))
	}
	if got := l.end(voided, "void", ""); got.State != "void" || !got.ReleasedAt.Equal(endOf(voided)) || got.VoidedAt == nil || !got.VoidedAt.After(endOf(voided)) {
		t.Errorf("voided: %s", jsonOf(got))
	}
	l.refuse(409, "assignment_over", "POST", "/v1/assignments/"+reassigned.ID+"/reassign", `{"reason": "mistake"}`)
	got := l.bulk(`{"state": "expired"}`).Assignments // what nobody has asked for yet
	if len(got) != 1 || got[0].ID != many.ID || got[0].State != "released" || !got[0].ReleasedAt.Equal(endOf(many)) {
		t.Errorf("ended with others: %s", jsonOf(got))
	}
	l.unchanged(func() { l.bulk(`{"state": "expired"}`) })
	if n := l.kinds("assignments_expired"); n != 4 {
		t.Errorf("%d events say that four have ended", n)
	}
	if n := l.kinds("assignment_released") + l.kinds("assignments_released"); n != 0 {
		t.Errorf("%d releases of what was over", n)
	}
	l.counts(0, client.PoolNumbers{Cooling: 4})
	l.turns([]int64{1, 0, 1, 1}, []int64{0, 0, 0, 0})
	l.well()
}

// A service writes down by itself what has ended, so that its counts of open
// assignments follow where nothing else happens.
func TestLifeExpiredIsWrittenDown(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"number_ttl_seconds": 1}`, 3, 3, "--expire-every=100ms")
	var all []client.Assignment
	for range 3 {
		all = append(all, l.assign(""))
	}
	await(t, "nothing is open", 30*time.Second, func() bool { return l.pool().Open == 0 })
	if n := l.kinds("assignments_expired"); n < 1 || n > 3 {
		t.Errorf("%d events say that three have ended", n)
	}
	for _, a := range all {
		if got := l.get(a.ID); !got.ReleasedAt.Equal(a.AssignedAt.Add(time.Second)) {
			t.Errorf("ended: %s", jsonOf(got))
		}
	}
	l.counts(0, client.PoolNumbers{Free: 3})
	l.turns([]int64{1, 1, 1}, []int64{0, 0, 0})
	l.well()
}
