package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
)

// looksLike wants a number in this state, in this assignment; "" is none.
func (l *life) looksLike(n client.Number, state client.NumberState, assignment string) {
	l.Helper()
	got := ""
	if n.Assignment != nil {
		got = *n.Assignment
	}
	if n.State != state || got != assignment {
		l.Errorf("want it %s in %q: %s", state, assignment, jsonOf(n))
	}
	if diff := cmp.Diff(n, l.number(n.Number)); diff != "" {
		l.Errorf("it is listed otherwise (-answer +list):\n%s", diff)
	}
}

// A number is taken out of use while an assignment has it, and brought back: who
// calls it is led on where it drains, and nowhere where it is suspended.
func TestLifeCareOfLiveNumber(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"cooldown_seconds": 3600}`, 2, 1)
	a := l.assign("")
	n := *a.Number
	l.leads(a, 0)

	l.looksLike(l.care(n, "drain"), "draining", a.ID)
	l.leads(a, 0)
	l.care(n, "touch")
	l.unchanged(func() { l.care(n, "drain") })

	l.looksLike(l.care(n, "suspend"), "suspended", a.ID)
	l.nowhere(n, nil) // it has not been released yet
	l.refuse(404, "number_not_live", "POST", "/v1/numbers/"+n+"/touch", "")
	l.counts(1, client.PoolNumbers{Suspended: 1})
	if got := l.get(a.ID); got.State != "active" {
		t.Errorf("its assignment is %s", jsonOf(got))
	}

	l.looksLike(l.care(n, "resume"), "active", a.ID)
	l.leads(a, 0)
	l.unchanged(func() { l.care(n, "resume") })

	// Out of use it stays when its assignment ends, and rests from then on.
	l.care(n, "drain")
	over := l.release(a)
	l.looksLike(l.number(n), "draining", "")
	l.nowhere(n, over.ReleasedAt)
	l.counts(0, client.PoolNumbers{Draining: 1})
	if b := l.assign(""); b.Number != nil {
		t.Errorf("it was given while it drains: %s", jsonOf(b))
	}
	back := l.care(n, "resume")
	l.looksLike(back, "cooling", "")
	if back.FreeAt == nil || !back.FreeAt.Equal(over.ReleasedAt.Add(time.Hour)) {
		t.Errorf("its rest was changed, it ended at %v: %s", over.ReleasedAt, jsonOf(back))
	}
	l.well()
}

// One that is out of use is not handed out, and is at once when it is back.
func TestLifeCareOfFreeNumber(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"on_exhausted": "fail"}`, 2, 2)
	for n, how := range []string{"drain", "suspend"} {
		want := map[string]client.NumberState{"drain": "draining", "suspend": "suspended"}[how]
		l.looksLike(l.care(lifeNumber(n), how), want, "")
	}
	p := l.refuse(409, "no_number", "POST", "/v1/pools/"+lifePool+"/assignments", "")
	if diff := cmp.Diff(&client.NumbersByState{Draining: 1, Suspended: 1}, p.Numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	for n := range 2 {
		l.looksLike(l.care(lifeNumber(n), "resume"), "free", "")
		if a := l.assign(""); *a.Number != lifeNumber(n) {
			t.Errorf("%s is back, and %s was given", lifeNumber(n), *a.Number)
		}
	}
	for _, how := range []string{"suspend", "drain", "resume", "touch"} {
		l.refuse(404, "number_not_found", "POST", "/v1/numbers/05079999999/"+how, "")
	}
	l.refuse(404, "number_not_found", "GET", routePath("05079999999"), "")
	l.refuse(400, "invalid_request", "GET", routePath("nobody"), "")
	if n := l.kinds("number_changed"); n != 4 {
		t.Errorf("%d events", n)
	}
	l.well()
}

// A number is the same however it is written, and a plus makes it another.
func TestLifeSpellsOfNumber(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{}`, 1, 0)
	ask[client.NumbersResult](l, 200, "POST", "/v1/pools/"+lifePool+"/numbers", `{"numbers": ["+82-507-1234-5678"]}`)
	a := l.assign("")
	for _, spelling := range []string{"+8250712345678", "%2B8250712345678", "+82-507.1234-5678", "+82%20507%201234%205678"} {
		if r := ask[client.Route](l, 200, "GET", "/v1/numbers/"+spelling+"/route", ""); r.Number != "+8250712345678" || r.Assignment.ID != a.ID {
			t.Errorf("%s: %s", spelling, jsonOf(r))
		}
	}
	l.refuse(404, "number_not_found", "GET", "/v1/numbers/8250712345678/route", "")
	l.well()
}

// A number that a hand in the tables has made free while an assignment has it is
// set aside, and comes back when that assignment is over.
func TestLifeSetAside(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"cooldown_seconds": 3600, "on_exhausted": "fail"}`, 2, 2)
	a := l.assign("")
	l.db.Open(t).MustExec(`UPDATE numbers SET state = 'free', assignment = NULL WHERE number = ?`, *a.Number)
	b := l.assign(`{"number": "required"}`)
	if *b.Number == *a.Number {
		t.Fatalf("%s is in two live assignments", *a.Number)
	}
	if n := l.number(*a.Number); n.State != "set_aside" {
		t.Errorf("the number is %s", jsonOf(n))
	}
	l.nowhere(*a.Number, nil)
	p := l.refuse(409, "no_number", "POST", "/v1/pools/"+lifePool+"/assignments", "")
	if diff := cmp.Diff(&client.NumbersByState{Active: 1, SetAside: 1}, p.Numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	l.unchanged(func() {
		for _, how := range []string{"suspend", "drain", "resume"} {
			l.refuse(409, "number_set_aside", "POST", "/v1/numbers/"+*a.Number+"/"+how, "")
		}
	})
	verify := func(code int, says string) {
		t.Helper()
		if out, is := binary.Run(t, "verify", "--dsn="+l.db.DSN); is != code || !strings.Contains(out, says) {
			t.Errorf("verify exits with %d:\n%s", is, out)
		}
	}
	verify(1, "number_set_aside: number "+*a.Number+" was set aside")
	l.release(a)
	if n := l.number(*a.Number); n.State != "set_aside" {
		t.Errorf("nobody has looked at it, and it is %s", jsonOf(n))
	}
	l.refuse(409, "number_set_aside", "POST", "/v1/numbers/"+*a.Number+"/drain", "")
	back := l.care(*a.Number, "resume")
	l.looksLike(back, "cooling", "")
	if back.FreeAt == nil || back.FreeAt.Before(l.pool().UpdatedAt.Add(time.Hour)) {
		t.Errorf("it has no full rest: %s", jsonOf(back))
	}
	l.counts(1, client.PoolNumbers{Active: 1, Cooling: 1})
	verify(0, "all is well") // that it happened stays in the log
}
