package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
)

// heldLock is one with all that can be known, and one waiter of whom nothing is.
func heldLock() assign.LockView {
	return assign.LockView{
		Name: "fairlead:db:demo", Pool: "demo", Ours: true,
		Holder: &assign.SessionView{ConnectionID: 17, User: "u", Host: "h:1", Program: "fairlead", Instance: "web-1",
			Statement: "SELECT ?", For: 1500 * time.Microsecond, Exact: true},
		Waiters: []assign.SessionView{{For: -1, Exact: true}, {ConnectionID: 19, User: "v", For: 2 * time.Second}},
	}
}

const heldLockJSON = `{"name": "fairlead:db:demo", "pool": "demo", "free": false,
	"holder": {"connection_id": 17, "user": "u", "host": "h:1", "program": "fairlead", "instance": "web-1", "statement": "SELECT ?", "held_ms": 1, "held_exact": true},
	"waiters": [
		{"connection_id": null, "user": null, "host": null, "program": null, "instance": null, "statement": null, "waiting_ms": null, "waiting_exact": false},
		{"connection_id": 19, "user": "v", "host": null, "program": null, "instance": null, "statement": null, "waiting_ms": 2000, "waiting_exact": false}]}`

const freeLockJSON = `{"name": "fairlead:db:demo", "pool": "demo", "free": true, "holder": null, "waiters": []}`

func freeLock() assign.LockView {
	return assign.LockView{Name: "fairlead:db:demo", Pool: "demo", Ours: true}
}

// Callers see the service's own locks, operators all of the server's.
func TestListLocks(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	stranger := assign.LockView{Name: "Backup / nightly", Waiters: []assign.SessionView{}, Holder: &assign.SessionView{For: 0}}
	b.locks.list = func(_ context.Context, all bool) (assign.LockList, error) {
		if all {
			return assign.LockList{Locks: []assign.LockView{stranger, heldLock()}, Source: "performance_schema"}, nil
		}
		return assign.LockList{Locks: []assign.LockView{heldLock()}, Source: "is_used_lock", CannotSee: "Waiters.", Remedy: "Grant."}, nil
	}
	sameJSON(t, b.call("GET", "/v1/locks", "").Body, `{"locks": [`+heldLockJSON+`], "source": "is_used_lock", "cannot_see": "Waiters.", "remedy": null}`)
	sameJSON(t, b.callAdmin("GET", "/v1/locks").Body, `{"locks": [
		{"name": "Backup / nightly", "pool": null, "free": false, "waiters": [],
		 "holder": {"connection_id": null, "user": null, "host": null, "program": null, "instance": null, "statement": null, "held_ms": 0, "held_exact": false}},
		`+heldLockJSON+`], "source": "performance_schema", "cannot_see": null, "remedy": null}`)
}

func TestGetLock(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var asked []string
	b.locks.lock = func(_ context.Context, name string) (assign.LockList, error) {
		asked = append(asked, name)
		return assign.LockList{Locks: []assign.LockView{freeLock()}, Source: "is_used_lock"}, nil
	}
	const want = `{"locks": [` + freeLockJSON + `], "source": "is_used_lock", "cannot_see": null, "remedy": null}`
	for _, path := range []string{"/v1/locks/demo", "/v1/locks/fairlead:db:demo", "/v1/locks/fairlead%3Adb:long%230123456789abcdef"} {
		sameJSON(t, b.call("GET", path, "").Body, want)
		sameJSON(t, b.callAdmin("GET", path).Body, want)
	}
	for _, name := range strangeNames {
		sameJSON(t, b.callAdmin("GET", "/v1/locks/"+url.PathEscape(name)).Body, want)
	}
	names := []string{"demo", "demo", "fairlead:db:demo", "fairlead:db:demo", "fairlead:db:long#0123456789abcdef", "fairlead:db:long#0123456789abcdef"}
	if diff := cmp.Diff(append(names, strangeNames...), asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// strangeNames are what other applications may call their locks.
var strangeNames = []string{"Backup", "a b", "a/b", "100%", "a%2Fb", "..", "?x=1#y", "+", "é:김", "a\nb", "'; --", strings.Repeat("a", 192)}

// Callers are not told of other applications' locks, neither that they are held
// nor that they are free.
func TestCallersSeeOwnLocksOnly(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	stranger := heldLock()
	stranger.Ours, stranger.Name, stranger.Pool = false, "demo", ""
	list := assign.LockList{Locks: []assign.LockView{freeLock(), stranger}, Source: "x"}
	b.locks.lock = func(context.Context, string) (assign.LockList, error) {
		return assign.LockList{Locks: append([]assign.LockView(nil), list.Locks...), Source: "x"}, nil
	}
	sameJSON(t, b.call("GET", "/v1/locks/demo", "").Body, `{"locks": [`+freeLockJSON+`], "source": "x", "cannot_see": null, "remedy": null}`)
	if rec := b.callAdmin("GET", "/v1/locks/demo"); !strings.Contains(rec.Body.String(), `"connection_id":17`) {
		t.Errorf("operators are not shown the other lock: %s", rec.Body)
	}
	list.Locks = list.Locks[1:]
	rec := b.call("GET", "/v1/locks/other:lock", "")
	if p := problemIn(t, rec); p.Status != http.StatusForbidden || p.Code != ProblemCodeLockNotOurs || strings.Contains(rec.Body.String(), "17") {
		t.Errorf("a caller is told %s", rec.Body)
	}
}

func TestKillLockHolder(t *testing.T) {
	t.Parallel()
	for _, anyLock := range []bool{false, true} {
		b := newBundle(t)
		b.Tokens = mustTokens(t, "dba:secret")
		b.AnyLock = anyLock
		b.locks.kill = func(_ context.Context, k assign.LockKill) (assign.LockKilled, error) {
			want := assign.LockKill{Name: "Backup / nightly", ConnectionID: 9223372036854775807, Reason: "stuck: 막힘 & more", Actor: "dba", AnyLock: anyLock}
			if k != want {
				t.Errorf("asked %+v, want %+v", k, want)
			}
			return assign.LockKilled{AuditID: someID, Freed: true, After: 3900 * time.Microsecond, Lock: heldLock()}, nil
		}
		rec := b.callAdmin("DELETE", "/v1/locks/Backup%20%2F%20nightly?connection_id=9223372036854775807&reason=stuck:+%EB%A7%89%ED%9E%98+%26+more",
			"Authorization: Bearer secret")
		if rec.Code != http.StatusOK {
			t.Errorf("status %d", rec.Code)
		}
		sameJSON(t, rec.Body, `{"audit_id": "`+someID+`", "freed": true, "freed_after_ms": 3, "lock": `+heldLockJSON+`}`)
	}
}

// That a lock was not seen to go free is no time.
func TestKillThatDoesNotFree(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.locks.kill = func(context.Context, assign.LockKill) (assign.LockKilled, error) {
		return assign.LockKilled{AuditID: someID, After: time.Second, Lock: freeLock()}, nil
	}
	sameJSON(t, b.callAdmin("DELETE", killDemo).Body, `{"audit_id": "`+someID+`", "freed": false, "freed_after_ms": null, "lock": `+freeLockJSON+`}`)
}

const killDemo = "/v1/locks/demo?connection_id=17&reason=stuck"

// Who asks is told how the lock is now.
func TestHolderChanged(t *testing.T) {
	t.Parallel()
	left := freeLock()
	left.Waiters = []assign.SessionView{{ConnectionID: 20}}
	for _, tt := range []struct {
		lock   assign.LockView
		detail string
		json   string // part of it
	}{
		{heldLock(), "Connection 17 holds the lock now.", `"connection_id":17`},
		{freeLock(), "The lock is free now.", `"free":true`},
		{left, "The lock has no holder now, and is waited for.", `"free":false`},
		{assign.LockView{}, "Look again.", `"code":"holder_changed"`},
	} {
		b := newBundle(t)
		b.locks.kill = func(context.Context, assign.LockKill) (assign.LockKilled, error) {
			return assign.LockKilled{Lock: tt.lock}, fmt.Errorf("kill: %w", assign.ErrHolderChanged)
		}
		rec := b.callAdmin("DELETE", killDemo)
		p := problemIn(t, rec)
		if rec.Code != http.StatusConflict || p.Code != ProblemCodeHolderChanged || p.Detail != "Nobody was ended. "+tt.detail {
			t.Errorf("status %d, problem %s, want %q", rec.Code, rec.Body, tt.detail)
		}
		if (p.Lock != nil) != (tt.lock.Name != "") || !strings.Contains(rec.Body.String(), tt.json) {
			t.Errorf("problem %s, want a lock with %s", rec.Body, tt.json)
		}
	}
}

func TestRefusedKills(t *testing.T) {
	t.Parallel()
	const secret = "root@10.0.0.1: Error 1095"
	for _, tt := range []struct {
		err    error
		status int
		code   ProblemCode
		detail string // part of it
		retry  bool
	}{
		{assign.ErrLockNotOurs, 403, ProblemCodeLockNotOurs, "--any-lock", false},
		{assign.ErrKillDenied, 403, ProblemCodeKillDenied, "CONNECTION ADMIN on MariaDB or CONNECTION_ADMIN on MySQL", false},
		{assign.ErrHolderUnknown, 403, ProblemCodeKillDenied, "TiDB", false},
		{assign.ErrNotAudited, 503, ProblemCodeUnavailable, "Nobody was ended", true},
		{assign.ErrUnavailable, 503, ProblemCodeUnavailable, "", true},
		{assign.ErrOutcomeUnknown, 503, ProblemCodeOutcomeUnknown, "", true},
	} {
		b := newBundle(t)
		b.locks.kill = func(context.Context, assign.LockKill) (assign.LockKilled, error) {
			return assign.LockKilled{}, fmt.Errorf("%w: %s", tt.err, secret)
		}
		rec := b.callAdmin("DELETE", killDemo)
		p := problemIn(t, rec)
		if rec.Code != tt.status || p.Code != tt.code || !strings.Contains(p.Detail, tt.detail) || p.Lock != nil {
			t.Errorf("%v: status %d, problem %s", tt.err, rec.Code, rec.Body)
		}
		if strings.Contains(rec.Body.String(), "root") || (rec.Header().Get("Retry-After") != "") != tt.retry {
			t.Errorf("%v: problem %s, Retry-After %q", tt.err, rec.Body, rec.Header().Get("Retry-After"))
		}
	}
}

// Tries are counted, bad requests are not; the limit says when to come back, and
// then one may.
func TestKillsAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		b.Kills = KillsPerMinute(12) // two at once, one in five seconds
		tries := 0
		b.locks.kill = func(context.Context, assign.LockKill) (assign.LockKilled, error) {
			tries++
			return assign.LockKilled{Lock: heldLock()}, assign.ErrHolderChanged
		}
		code := func(target string) int { return b.callAdmin("DELETE", target).Code }
		for range 9 {
			if got := code("/v1/locks/demo?connection_id=17"); got != http.StatusBadRequest {
				t.Errorf("without a reason: %d", got)
			}
		}
		for n, want := range []int{409, 409, 429, 429} {
			if got := code(killDemo); got != want {
				t.Errorf("try %d: status %d, want %d", n+1, got, want)
			}
		}
		rec := b.callAdmin("DELETE", killDemo)
		if p, wait := problemIn(t, rec), rec.Header().Get("Retry-After"); p.Code != ProblemCodeTooManyKills || wait < "4" || wait > "6" {
			t.Errorf("problem %s, Retry-After %q", rec.Body, wait)
		}
		time.Sleep(5 * time.Second)
		if got := code(killDemo); got != http.StatusConflict {
			t.Errorf("after the wait: status %d", got)
		}
		if got := code(killDemo); got != http.StatusTooManyRequests || tries != 3 {
			t.Errorf("after that: status %d, %d tries were let through", got, tries)
		}
	})
}

// Tries that are refused, however many at once, do not put off those to come.
func TestRefusedKillsCostNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.Kills = KillsPerMinute(60)
	b.locks.kill = func(context.Context, assign.LockKill) (assign.LockKilled, error) {
		return assign.LockKilled{}, assign.ErrLockNotOurs
	}
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 200 {
				b.callAdmin("DELETE", killDemo)
			}
		})
	}
	wg.Wait()
	if left := b.Kills.Tokens(); left < -1 {
		t.Errorf("%.1f tries are left", left)
	}
}

func TestListAudit(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.locks.audit = func(_ context.Context, after string, limit int) (assign.Page[assign.AuditEntry], error) {
		if after == "" {
			if limit != 100 {
				t.Errorf("limit %d", limit)
			}
			return assign.Page[assign.AuditEntry]{}, nil
		}
		if after != someID || limit != 1 {
			t.Errorf("after %q, limit %d", after, limit)
		}
		entry := assign.AuditEntry{ID: someID, At: someTime, Kind: assign.AuditLockKill, Actor: "dba", Data: json.RawMessage(`{"reason":"<stuck>"}`)}
		return assign.Page[assign.AuditEntry]{Items: []assign.AuditEntry{entry}, More: true}, nil
	}
	sameJSON(t, b.callAdmin("GET", "/v1/audit").Body, `{"entries": [], "next": null}`)
	sameJSON(t, b.callAdmin("GET", "/v1/audit?limit=1&after="+someID).Body, `{"entries": [
		{"id": "`+someID+`", "kind": "lock_kill", "at": "2026-03-01T09:30:00.120000Z", "actor": "dba", "data": {"reason": "<stuck>"}}], "next": "`+someID+`"}`)
}

// What is for operators is not there for callers, and the other way round.
func TestListenersAreApart(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for _, tt := range []struct {
		send         func(*http.Request) int
		method, path string
		want         int
	}{
		{b.codeOf, "DELETE", killDemo, http.StatusMethodNotAllowed},
		{b.codeOf, "GET", "/v1/audit", http.StatusNotFound},
		{b.adminCodeOf, "GET", "/v1/pools", http.StatusNotFound},
		{b.adminCodeOf, "POST", "/v1/pools/demo/assignments", http.StatusNotFound},
		{b.adminCodeOf, "PUT", "/v1/locks/demo", http.StatusMethodNotAllowed},
		{b.adminCodeOf, "DELETE", "/v1/audit", http.StatusMethodNotAllowed},
		{b.adminCodeOf, "DELETE", "/v1/locks", http.StatusMethodNotAllowed},
	} {
		if got := tt.send(newRequest(tt.method, tt.path, "")); got != tt.want {
			t.Errorf("%s %s: status %d, want %d", tt.method, tt.path, got, tt.want)
		}
	}
}

func (b *bundle) codeOf(r *http.Request) int      { return b.send(r).Code }
func (b *bundle) adminCodeOf(r *http.Request) int { return b.sendAdmin(r).Code }

// Bad input of operators is refused before anybody is asked: the fakes fail the
// test.
func TestBadInputOfOperators(t *testing.T) {
	t.Parallel()
	const demo = "/v1/locks/demo"
	for _, tt := range []struct{ name, method, target, field string }{
		{"name too long", "GET", "/v1/locks/" + strings.Repeat("a", 193), "name"},
		{"name too long in bytes", "GET", "/v1/locks/" + strings.Repeat("%EA%B9%80", 65), "name"},
		{"name with NUL", "GET", "/v1/locks/a%00b", "name"},
		{"name not UTF-8", "GET", "/v1/locks/a%ff", "name"},
		{"name too long to kill", "DELETE", "/v1/locks/" + strings.Repeat("a", 193) + "?connection_id=1&reason=x", "name"},
		{"connection missing", "DELETE", demo + "?reason=x", "connection_id"},
		{"connection zero", "DELETE", demo + "?reason=x&connection_id=0", "connection_id"},
		{"connection negative", "DELETE", demo + "?reason=x&connection_id=-1", "connection_id"},
		{"connection signed", "DELETE", demo + "?reason=x&connection_id=%2B1", "connection_id"},
		{"connection fraction", "DELETE", demo + "?reason=x&connection_id=1.5", "connection_id"},
		{"connection word", "DELETE", demo + "?reason=x&connection_id=me", "connection_id"},
		{"connection too large", "DELETE", demo + "?reason=x&connection_id=9223372036854775808", "connection_id"},
		{"connection twice", "DELETE", demo + "?reason=x&connection_id=1&connection_id=2", "connection_id"},
		{"connection empty", "DELETE", demo + "?reason=x&connection_id=", "connection_id"},
		{"reason missing", "DELETE", demo + "?connection_id=1", "reason"},
		{"reason empty", "DELETE", demo + "?connection_id=1&reason=", "reason"},
		{"reason blank", "DELETE", demo + "?connection_id=1&reason=%20+%C2%A0", "reason"},
		{"reason long", "DELETE", demo + "?connection_id=1&reason=" + strings.Repeat("x", 257), "reason"},
		{"reason control", "DELETE", demo + "?connection_id=1&reason=a%0Ab", "reason"},
		{"reason not UTF-8", "DELETE", demo + "?connection_id=1&reason=%ff", "reason"},
		{"reason twice", "DELETE", demo + "?connection_id=1&reason=a&reason=b", "reason"},
		{"query unknown", "DELETE", demo + "?connection_id=1&reason=a&force=1", "force"},
		{"query unknown in a look", "GET", demo + "?connection_id=1", "connection_id"},
		{"audit after", "GET", "/v1/audit?after=7", "after"},
		{"audit after lower case", "GET", "/v1/audit?after=" + strings.ToLower(someID), "after"},
		{"audit limit", "GET", "/v1/audit?limit=1001", "limit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := problemIn(t, newBundle(t).callAdmin(tt.method, tt.target))
			if p.Status != http.StatusBadRequest || p.Code != ProblemCodeInvalidRequest || p.Field == nil || *p.Field != tt.field {
				t.Errorf("problem %+v, want field %s", p, tt.field)
			}
		})
	}
}

// What fails is told alike on both listeners, without the driver's words.
func TestLockReadErrors(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	err := fmt.Errorf("dial 10.0.0.1: %w", assign.ErrUnavailable)
	b.locks.list = func(context.Context, bool) (l assign.LockList, _ error) { return l, err }
	b.locks.lock = func(context.Context, string) (l assign.LockList, _ error) { return l, err }
	b.locks.audit = func(context.Context, string, int) (p assign.Page[assign.AuditEntry], _ error) { return p, err }
	for _, path := range []string{"/v1/locks", "/v1/locks/demo", "/v1/audit"} {
		rec := b.callAdmin("GET", path)
		if p := problemIn(t, rec); p.Code != ProblemCodeUnavailable || strings.Contains(rec.Body.String(), "10.0.0.1") {
			t.Errorf("%s: problem %s", path, rec.Body)
		}
	}
}
