package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fairlead/assign"
)

// fakeWrites, fakeReads and fakeLocks answer with what their fields return, and fail the
// test if they are asked for anything else.
type fakeWrites struct {
	t           testing.TB
	assign      func(context.Context, assign.Request) (assign.Assigned, error)
	release     func(context.Context, assign.Release) (assign.Assignment, error)
	void        func(context.Context, assign.Void) (assign.Assignment, error)
	reassign    func(context.Context, assign.Reassignment) (assign.Assigned, error)
	releaseMany func(context.Context, assign.BulkRelease) (assign.BulkReleased, error)
	care        func(context.Context, assign.Care) (assign.NumberView, error)
	touch       func(context.Context, assign.Touch) (assign.NumberView, error)
	changePool  func(context.Context, assign.PoolChange) (bool, error)
	staff       func(context.Context, assign.Staffing) (assign.Staffed, error)
	stock       func(context.Context, assign.Stocking) (assign.Stocked, error)
}

func (f *fakeWrites) Assign(ctx context.Context, r assign.Request) (assign.Assigned, error) {
	if f.assign == nil {
		f.t.Errorf("unexpected Assign(%+v)", r)
		return assign.Assigned{}, nil
	}
	return f.assign(ctx, r)
}

func (f *fakeWrites) Release(ctx context.Context, r assign.Release) (assign.Assignment, error) {
	if f.release == nil {
		f.t.Errorf("unexpected Release(%+v)", r)
		return assign.Assignment{}, nil
	}
	return f.release(ctx, r)
}

func (f *fakeWrites) Void(ctx context.Context, v assign.Void) (answer assign.Assignment, err error) {
	if f.void == nil {
		f.t.Errorf("unexpected Void(%+v)", v)
		return answer, nil
	}
	return f.void(ctx, v)
}

func (f *fakeWrites) Reassign(ctx context.Context, r assign.Reassignment) (answer assign.Assigned, err error) {
	if f.reassign == nil {
		f.t.Errorf("unexpected Reassign(%+v)", r)
		return answer, nil
	}
	return f.reassign(ctx, r)
}

func (f *fakeWrites) ReleaseMany(ctx context.Context, r assign.BulkRelease) (answer assign.BulkReleased, err error) {
	if f.releaseMany == nil {
		f.t.Errorf("unexpected ReleaseMany(%+v)", r)
		return answer, nil
	}
	return f.releaseMany(ctx, r)
}

func (f *fakeWrites) Care(ctx context.Context, c assign.Care) (answer assign.NumberView, err error) {
	if f.care == nil {
		f.t.Errorf("unexpected Care(%+v)", c)
		return answer, nil
	}
	return f.care(ctx, c)
}

func (f *fakeWrites) Touch(ctx context.Context, n assign.Touch) (answer assign.NumberView, err error) {
	if f.touch == nil {
		f.t.Errorf("unexpected Touch(%+v)", n)
		return answer, nil
	}
	return f.touch(ctx, n)
}

func (f *fakeWrites) ChangePool(ctx context.Context, p assign.PoolChange) (bool, error) {
	if f.changePool == nil {
		f.t.Errorf("unexpected ChangePool(%+v)", p)
		return false, nil
	}
	return f.changePool(ctx, p)
}

func (f *fakeWrites) Staff(ctx context.Context, s assign.Staffing) (assign.Staffed, error) {
	if f.staff == nil {
		f.t.Errorf("unexpected Staff(%+v)", s)
		return assign.Staffed{}, nil
	}
	return f.staff(ctx, s)
}

func (f *fakeWrites) Stock(ctx context.Context, s assign.Stocking) (assign.Stocked, error) {
	if f.stock == nil {
		f.t.Errorf("unexpected Stock(%+v)", s)
		return assign.Stocked{}, nil
	}
	return f.stock(ctx, s)
}

type fakeReads struct {
	t           testing.TB
	pools       func(ctx context.Context, after assign.PoolID, limit int) (assign.Page[assign.PoolView], error)
	pool        func(ctx context.Context, pool assign.PoolID) (assign.PoolView, error)
	planners    func(ctx context.Context, pool assign.PoolID, f assign.PlannerFilter) (assign.Page[assign.PlannerView], error)
	numbers     func(ctx context.Context, pool assign.PoolID, f assign.NumberFilter) (assign.Page[assign.NumberView], error)
	assignments func(ctx context.Context, pool assign.PoolID, f assign.AssignmentFilter) (assign.Page[assign.Assignment], error)
	events      func(ctx context.Context, pool assign.PoolID, after int64, limit int) (assign.Page[assign.Event], error)
	assignment  func(ctx context.Context, id string) (assign.Assignment, error)
	route       func(ctx context.Context, n assign.Number) (assign.Route, error)
}

func (f *fakeReads) Pools(ctx context.Context, after assign.PoolID, limit int) (p assign.Page[assign.PoolView], err error) {
	if f.pools == nil {
		f.t.Errorf("unexpected Pools(%q, %d)", after, limit)
		return p, nil
	}
	return f.pools(ctx, after, limit)
}

func (f *fakeReads) Pool(ctx context.Context, pool assign.PoolID) (v assign.PoolView, err error) {
	if f.pool == nil {
		f.t.Errorf("unexpected Pool(%q)", pool)
		return v, nil
	}
	return f.pool(ctx, pool)
}

func (f *fakeReads) Planners(ctx context.Context, pool assign.PoolID, filter assign.PlannerFilter) (p assign.Page[assign.PlannerView], err error) {
	if f.planners == nil {
		f.t.Errorf("unexpected Planners(%q, %+v)", pool, filter)
		return p, nil
	}
	return f.planners(ctx, pool, filter)
}

func (f *fakeReads) Numbers(ctx context.Context, pool assign.PoolID, filter assign.NumberFilter) (p assign.Page[assign.NumberView], err error) {
	if f.numbers == nil {
		f.t.Errorf("unexpected Numbers(%q, %+v)", pool, filter)
		return p, nil
	}
	return f.numbers(ctx, pool, filter)
}

func (f *fakeReads) Assignments(ctx context.Context, pool assign.PoolID, filter assign.AssignmentFilter) (p assign.Page[assign.Assignment], err error) {
	if f.assignments == nil {
		f.t.Errorf("unexpected Assignments(%q, %+v)", pool, filter)
		return p, nil
	}
	return f.assignments(ctx, pool, filter)
}

func (f *fakeReads) Events(ctx context.Context, pool assign.PoolID, after int64, limit int) (p assign.Page[assign.Event], err error) {
	if f.events == nil {
		f.t.Errorf("unexpected Events(%q, %d, %d)", pool, after, limit)
		return p, nil
	}
	return f.events(ctx, pool, after, limit)
}

func (f *fakeReads) Assignment(ctx context.Context, id string) (a assign.Assignment, err error) {
	if f.assignment == nil {
		f.t.Errorf("unexpected Assignment(%q)", id)
		return a, nil
	}
	return f.assignment(ctx, id)
}

func (f *fakeReads) Route(ctx context.Context, n assign.Number) (answer assign.Route, err error) {
	if f.route == nil {
		f.t.Errorf("unexpected Route(%+v)", n)
		return answer, nil
	}
	return f.route(ctx, n)
}

type fakeLocks struct {
	t     testing.TB
	list  func(ctx context.Context, all bool) (assign.LockList, error)
	lock  func(ctx context.Context, name string) (assign.LockList, error)
	kill  func(ctx context.Context, k assign.LockKill) (assign.LockKilled, error)
	audit func(ctx context.Context, after string, limit int) (assign.Page[assign.AuditEntry], error)
}

func (f *fakeLocks) List(ctx context.Context, all bool) (l assign.LockList, err error) {
	if f.list == nil {
		f.t.Errorf("unexpected List(%t)", all)
		return l, nil
	}
	return f.list(ctx, all)
}

func (f *fakeLocks) Lock(ctx context.Context, name string) (l assign.LockList, err error) {
	if f.lock == nil {
		f.t.Errorf("unexpected Lock(%q)", name)
		return l, nil
	}
	return f.lock(ctx, name)
}

func (f *fakeLocks) Kill(ctx context.Context, k assign.LockKill) (killed assign.LockKilled, err error) {
	if f.kill == nil {
		f.t.Errorf("unexpected Kill(%+v)", k)
		return killed, nil
	}
	return f.kill(ctx, k)
}

func (f *fakeLocks) Audit(ctx context.Context, after string, limit int) (p assign.Page[assign.AuditEntry], err error) {
	if f.audit == nil {
		f.t.Errorf("unexpected Audit(%q, %d)", after, limit)
		return p, nil
	}
	return f.audit(ctx, after, limit)
}

// A bundle is a server with its fakes.
type bundle struct {
	*Server
	t      testing.TB
	writes *fakeWrites
	reads  *fakeReads
	locks  *fakeLocks
	log    *bytes.Buffer
}

func newBundle(t testing.TB) *bundle {
	b := &bundle{t: t, writes: &fakeWrites{t: t}, reads: &fakeReads{t: t}, locks: &fakeLocks{t: t}, log: new(bytes.Buffer)}
	b.Server = &Server{
		Writes: b.writes,
		Reads:  b.reads,
		Locks:  b.locks,
		Phones: someKeys(t),
		Ready:  func(context.Context) error { return nil },
		Log:    slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return b
}

// call sends a request to the public handler and holds the answer against the
// specification. Headers are "Name: value"; a body is JSON unless they say
// otherwise.
func (b *bundle) call(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.send(newRequest(method, target, body, headers...))
}

func (b *bundle) send(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	rec := httptest.NewRecorder()
	b.Public().ServeHTTP(rec, r)
	conforms(b.t, callers, r, rec)
	return rec
}

// callAdmin is call for the handler of operators.
func (b *bundle) callAdmin(method, target string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.sendAdmin(newRequest(method, target, "", headers...))
}

func (b *bundle) sendAdmin(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	rec := httptest.NewRecorder()
	b.Admin().ServeHTTP(rec, r)
	conforms(b.t, operators, r, rec)
	return rec
}

func newRequest(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	if body != "" && r.Header["Content-Type"] == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// problemIn is the problem document in an answer.
func problemIn(t testing.TB, rec *httptest.ResponseRecorder) Problem {
	t.Helper()
	if got := rec.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type %q, want a problem; body %s", got, rec.Body)
	}
	var p Problem
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatalf("problem %s: %v", rec.Body, err)
	}
	return p
}

// sameJSON compares an answer with what it should be, field order apart.
func sameJSON(t testing.TB, got io.Reader, want string) {
	t.Helper()
	text, err := io.ReadAll(got)
	if err != nil {
		t.Fatal(err)
	}
	if compact(t, text) != compact(t, []byte(want)) {
		t.Errorf("answer %s\nwant %s", compact(t, text), compact(t, []byte(want)))
	}
}

func compact(t testing.TB, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("answer %s: %v", text, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const someID = "01K2ZJ5Y3QK8J4W1T9V6M7N2XB"

var someTime = time.Date(2026, 3, 1, 9, 30, 0, 120_000_000, time.UTC)

// someAssignment is one with a number, not released.
func someAssignment() assign.Assignment {
	return assign.Assignment{
		ID: someID, Pool: "demo", Seq: 42, Planner: "kim", PlannerName: "Kim", Number: "05070000001",
		Customer: "order <1>", Key: "k", Wish: assign.NumberPreferred, State: assign.AssignmentActive, AssignedAt: someTime,
	}
}

const someAssignmentJSON = `{"id": "01K2ZJ5Y3QK8J4W1T9V6M7N2XB", "pool": "demo", "seq": 42, "planner": {"id": "kim", "name": "Kim"},
	"reassigned_to": null, "number": "05070000001", "customer": "order <1>", "customer_phone": null, "key": "k", "state": "active",
	"assigned_at": "2026-03-01T09:30:00.120000Z", "released_at": null, "voided_at": null}`

func somePool() assign.PoolView {
	return assign.PoolView{
		Pool: assign.Pool{
			ID: "demo", Seq: 80, LastAt: someTime,
			Settings: assign.Settings{Cooldown: time.Hour, NumberTTL: time.Minute, TTLFromUse: true, Sticky: true, NumberOrFail: true},
			Planners: 3, Active: 2, Assigned: 41, Open: 7,
			Numbers: 18, NumbersActive: 6, NumbersDraining: 4, NumbersSuspended: 3, NumbersAside: 2,
		},
		Cooling: 1, Least: 20, Most: 21,
	}
}

const somePoolJSON = `{"pool": "demo", "cooldown_seconds": 3600, "number_ttl_seconds": 60, "number_ttl_from": "last_use",
	"sticky": "prefer", "on_exhausted": "fail", "planners": 3, "active_planners": 2, "assigned": 41, "open": 7,
	"numbers": {"total": 18, "free": 2, "active": 6, "cooling": 1, "draining": 4, "suspended": 3, "set_aside": 2},
	"seq": 80, "spread": 1, "updated_at": "2026-03-01T09:30:00.120000Z"}`
