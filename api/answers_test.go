package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
)

func TestPostAssignment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		body    string
		headers []string
		want    assign.Request
	}{
		{"no body", "", nil, assign.Request{Pool: "demo", Wish: assign.NumberByPool}},
		{"empty", "{}", nil, assign.Request{Pool: "demo", Wish: assign.NumberByPool}},
		{"defaults", `{"customer":null,"number":null}`, nil, assign.Request{Pool: "demo", Wish: assign.NumberByPool}},
		{"key", "", []string{"Idempotency-Key: a b"}, assign.Request{Pool: "demo", Key: "a b", Wish: assign.NumberByPool}},
		{"preferred", `{"number":"preferred"}`, nil, assign.Request{Pool: "demo", Wish: assign.NumberPreferred}},
		{"no phone", `{"customer_phone":null}`, nil, assign.Request{Pool: "demo", Wish: assign.NumberByPool}},
		{"all", ` {"number":"required","customer":"김 😀"} `, nil, assign.Request{Pool: "demo", Customer: "김 😀", Wish: assign.NumberRequired}},
		{"escaped pair", `{"customer":"\ud83d\ude00\\ud800"}`, nil, assign.Request{Pool: "demo", Customer: `😀\ud800`, Wish: assign.NumberByPool}},
		{"charset", `{"number":"none"}`, []string{"Content-Type: application/json; charset=UTF-8"}, assign.Request{Pool: "demo", Wish: assign.NumberNone}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			b.writes.assign = func(_ context.Context, r assign.Request) (assign.Assigned, error) {
				if diff := cmp.Diff(tt.want, r); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
				return assign.Assigned{Assignment: someAssignment()}, nil
			}
			rec := b.call("POST", "/v1/pools/demo/assignments", tt.body, tt.headers...)
			if rec.Code != http.StatusCreated {
				t.Fatalf("status %d: %s", rec.Code, rec.Body)
			}
			if got, want := rec.Header().Get("Location"), "/v1/assignments/"+someID; got != want {
				t.Errorf("location %q, want %q", got, want)
			}
			if got := rec.Header().Get("Idempotency-Replayed"); got != "" {
				t.Errorf("replayed %q", got)
			}
			sameJSON(t, rec.Body, someAssignmentJSON)
		})
	}
}

func TestPostAssignmentReplayed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
		return assign.Assigned{Assignment: someAssignment(), Replayed: true}, nil
	}
	rec := b.call("POST", "/v1/pools/demo/assignments", "")
	if got := rec.Header().Get("Idempotency-Replayed"); rec.Code != http.StatusCreated || got != "true" {
		t.Errorf("status %d, replayed %q", rec.Code, got)
	}
}

// A body may also come without its length, or with none.
func TestChunkedBody(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var got []string
	b.writes.assign = func(_ context.Context, r assign.Request) (assign.Assigned, error) {
		got = append(got, r.Customer)
		return assign.Assigned{Assignment: someAssignment()}, nil
	}
	for _, body := range []string{`{"customer":"x"}`, ""} {
		r := newRequest("POST", "/v1/pools/demo/assignments", body)
		r.ContentLength = -1
		rec := b.send(r)
		if rec.Code != http.StatusCreated {
			t.Errorf("body %q: status %d: %s", body, rec.Code, rec.Body)
		}
	}
	if diff := cmp.Diff([]string{"x", ""}, got); diff != "" {
		t.Errorf("customers (-want +got):\n%s", diff)
	}
}

func TestAssignmentWithoutNumber(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := someAssignment()
	a.Number, a.Customer, a.PlannerName = "", "", ""
	a.State, a.ReleasedAt = assign.AssignmentReleased, someTime.Add(time.Second)
	b.reads.assignment = func(_ context.Context, id string) (assign.Assignment, error) {
		if id != someID {
			t.Errorf("asked for %q", id)
		}
		return a, nil
	}
	rec := b.call("GET", "/v1/assignments/"+someID, "")
	sameJSON(t, rec.Body, `{"id": "01K2ZJ5Y3QK8J4W1T9V6M7N2XB", "pool": "demo", "seq": 42, "planner": {"id": "kim", "name": ""},
		"reassigned_to": null, "number": null, "customer": "", "customer_phone": null, "key": "k", "state": "released",
		"assigned_at": "2026-03-01T09:30:00.120000Z", "released_at": "2026-03-01T09:30:01.120000Z", "voided_at": null}`)
}

func TestPutPool(t *testing.T) {
	t.Parallel()
	never, day, no, yes := time.Duration(0), 24*time.Hour, false, true
	for _, tt := range []struct {
		body    string
		created bool
		want    assign.PoolChange
		status  int
	}{
		{"", true, assign.PoolChange{}, 201},
		{"{}", false, assign.PoolChange{}, 200},
		{`{"cooldown_seconds":null}`, false, assign.PoolChange{Cooldown: &never}, 200},
		{`{"cooldown_seconds":86400}`, true, assign.PoolChange{Cooldown: &day}, 201},
		{`{"number_ttl_seconds":86400}`, false, assign.PoolChange{NumberTTL: &day}, 200},
		{`{"number_ttl_seconds":0}`, false, assign.PoolChange{NumberTTL: &never}, 200},
		{`{"number_ttl_from":"last_use","sticky":"prefer","on_exhausted":"fail"}`, false,
			assign.PoolChange{TTLFromUse: &yes, Sticky: &yes, NumberOrFail: &yes}, 200},
		{`{"number_ttl_from":"assigned","sticky":"avoid","on_exhausted":"assign_without"}`, false,
			assign.PoolChange{TTLFromUse: &no, Sticky: &no, NumberOrFail: &no}, 200},
		{`{"number_ttl_seconds":null,"number_ttl_from":null,"sticky":null,"on_exhausted":null}`, false,
			assign.PoolChange{NumberTTL: &never, TTLFromUse: &no, Sticky: &no, NumberOrFail: &no}, 200},
	} {
		tt.want.Pool, tt.want.Actor = "demo", "shop"
		b := newBundle(t)
		b.Tokens = mustTokens(t, "shop:secret")
		b.writes.changePool = func(_ context.Context, p assign.PoolChange) (bool, error) {
			if diff := cmp.Diff(tt.want, p); diff != "" {
				t.Errorf("body %q (-want +got):\n%s", tt.body, diff)
			}
			return tt.created, nil
		}
		b.reads.pool = func(context.Context, assign.PoolID) (assign.PoolView, error) { return somePool(), nil }
		rec := b.call("PUT", "/v1/pools/demo", tt.body, "Authorization: Bearer secret")
		if rec.Code != tt.status {
			t.Errorf("body %q: status %d, want %d", tt.body, rec.Code, tt.status)
		}
		sameJSON(t, rec.Body, somePoolJSON)
	}
}

func TestStaffOne(t *testing.T) {
	t.Parallel()
	no, none := false, ""
	kim := "Kim"
	for _, tt := range []struct {
		method, body string
		want         assign.PlannerChange
	}{
		{"PUT", "", assign.PlannerChange{Name: &none, Active: yes()}},
		{"PUT", `{"name":null,"active":null,"start":null}`, assign.PlannerChange{Name: &none, Active: yes(), Start: assign.StartLevel}},
		{"PUT", `{"name":"Kim","active":false,"start":"zero"}`, assign.PlannerChange{Name: &kim, Active: &no, Start: assign.StartZero}},
		{"PATCH", "", assign.PlannerChange{}},
		{"PATCH", `{"active":false}`, assign.PlannerChange{Active: &no}},
		{"PATCH", `{"name":null,"active":null,"start":null}`, assign.PlannerChange{Name: &none, Active: yes(), Start: assign.StartLevel}},
	} {
		tt.want.ID = "kim@x+y~z"
		b := newBundle(t)
		b.writes.staff = func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
			want := assign.Staffing{Pool: "demo", Changes: []assign.PlannerChange{tt.want}, MustExist: tt.method == "PATCH"}
			if diff := cmp.Diff(want, s); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", tt.method, tt.body, diff)
			}
			return assign.Staffed{Updated: 1, Last: assign.PlannerView{Planner: assign.Planner{
				ID: "kim@x+y~z", Name: "Kim", Active: true, Base: 3, Assigned: 4, Open: 1, LastSeq: 9, LastAt: someTime,
			}}}, nil
		}
		for _, path := range []string{"/v1/pools/demo/planners/kim@x+y~z", "/v1/pools/demo/planners/kim%40x%2By%7Ez"} {
			rec := b.call(tt.method, path, tt.body)
			if rec.Code != http.StatusOK {
				t.Errorf("%s %s: status %d", tt.method, path, rec.Code)
			}
			sameJSON(t, rec.Body, `{"id": "kim@x+y~z", "name": "Kim", "active": true, "phone": null, "assigned": 4, "open": 1, "load": 7,
				"last_assigned_at": "2026-03-01T09:30:00.120000Z"}`)
		}
	}
}

func TestPutPlannerCreated(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.staff = func(context.Context, assign.Staffing) (assign.Staffed, error) {
		return assign.Staffed{Created: 1, Last: assign.PlannerView{Planner: assign.Planner{ID: "kim", Active: true}}}, nil
	}
	rec := b.call("PUT", "/v1/pools/demo/planners/kim", "")
	if rec.Code != http.StatusCreated {
		t.Errorf("status %d", rec.Code)
	}
	sameJSON(t, rec.Body, `{"id": "kim", "name": "", "active": true, "phone": null, "assigned": 0, "open": 0, "load": 0, "last_assigned_at": null}`)
}

func TestPostPlanners(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	none, lee, no := "", "Lee", false
	b.writes.staff = func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
		want := assign.Staffing{Pool: "demo", Changes: []assign.PlannerChange{
			{ID: "kim", Name: &none, Active: yes()},
			{ID: "lee", Name: &lee, Active: &no, Start: assign.StartZero},
		}}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Errorf("staffing (-want +got):\n%s", diff)
		}
		return assign.Staffed{Created: 1, Updated: 2, Unchanged: 3}, nil
	}
	rec := b.call("POST", "/v1/pools/demo/planners", `{"planners":[{"id":"kim"},{"start":"zero","active":false,"name":"Lee","id":"lee"}]}`)
	sameJSON(t, rec.Body, `{"created": 1, "updated": 2, "unchanged": 3}`)
}

func TestPostNumbers(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.stock = func(_ context.Context, s assign.Stocking) (assign.Stocked, error) {
		if diff := cmp.Diff(assign.Stocking{Pool: "demo", Numbers: []assign.Number{"05070000001", "+8210"}}, s); diff != "" {
			t.Errorf("stocking (-want +got):\n%s", diff)
		}
		return assign.Stocked{Added: 1, Existing: 1}, nil
	}
	rec := b.call("POST", "/v1/pools/demo/numbers", `{"numbers":["050-7000.0001","+82 10"]}`)
	sameJSON(t, rec.Body, `{"added": 1, "existing": 1}`)
}

// The largest bulk call that is allowed fits its limit.
func TestFullBulk(t *testing.T) {
	t.Parallel()
	type item struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	items := make([]item, assign.MaxBulk)
	for i := range items {
		items[i] = item{"planner-" + strings.Repeat("x", 50), strings.Repeat("김", 90)}
	}
	body, err := json.Marshal(map[string]any{"planners": items})
	if err != nil {
		t.Fatal(err)
	}
	b := newBundle(t)
	b.writes.staff = func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
		return assign.Staffed{Created: len(s.Changes)}, nil
	}
	rec := b.call("POST", "/v1/pools/demo/planners", string(body))
	sameJSON(t, rec.Body, `{"created": 10000, "updated": 0, "unchanged": 0}`)
}

func TestLists(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.reads.pools = func(_ context.Context, after assign.PoolID, limit int) (assign.Page[assign.PoolView], error) {
		if after != "alpha" || limit != 1 {
			t.Errorf("pools after %q, limit %d", after, limit)
		}
		return assign.Page[assign.PoolView]{Items: []assign.PoolView{somePool()}, More: true}, nil
	}
	b.reads.pool = func(context.Context, assign.PoolID) (assign.PoolView, error) { return somePool(), nil }
	b.reads.planners = func(_ context.Context, pool assign.PoolID, f assign.PlannerFilter) (assign.Page[assign.PlannerView], error) {
		if diff := cmp.Diff(assign.PlannerFilter{After: "a+b", Limit: 1000}, f); pool != "demo" || diff != "" {
			t.Errorf("planners of %q (-want +got):\n%s", pool, diff)
		}
		return assign.Page[assign.PlannerView]{}, nil
	}
	b.reads.numbers = func(_ context.Context, _ assign.PoolID, f assign.NumberFilter) (assign.Page[assign.NumberView], error) {
		if want := (assign.NumberFilter{State: assign.ListCooling, After: "+8210", Limit: 100}); f != want {
			t.Errorf("numbers %+v, want %+v", f, want)
		}
		return assign.Page[assign.NumberView]{Items: []assign.NumberView{
			{NumberRecord: assign.NumberRecord{Number: "1111", State: assign.NumberFree, FreeAt: someTime}},
			{NumberRecord: assign.NumberRecord{Number: "2222", State: assign.NumberFree, FreeAt: someTime}, Cooling: true},
			{NumberRecord: assign.NumberRecord{Number: "3333", State: assign.NumberActive, FreeAt: someTime, Assignment: someID,
				ExpiresAt: someTime.Add(time.Hour), UsedAt: someTime.Add(time.Minute), ReleasedAt: someTime.Add(time.Second)}},
			{NumberRecord: assign.NumberRecord{Number: "4444", State: assign.NumberAside, FreeAt: someTime}},
			{NumberRecord: assign.NumberRecord{Number: "5555", State: assign.NumberDraining, FreeAt: someTime, Assignment: someID}},
			{NumberRecord: assign.NumberRecord{Number: "6666", State: assign.NumberSuspended, FreeAt: someTime}},
		}, More: true}, nil
	}
	b.reads.assignments = func(_ context.Context, _ assign.PoolID, f assign.AssignmentFilter) (assign.Page[assign.Assignment], error) {
		if diff := cmp.Diff(assign.AssignmentFilter{Key: "a b", Planner: "kim", After: 7, Limit: 100}, f); diff != "" {
			t.Errorf("assignments (-want +got):\n%s", diff)
		}
		return assign.Page[assign.Assignment]{Items: []assign.Assignment{someAssignment()}, More: true}, nil
	}
	b.reads.events = func(_ context.Context, _ assign.PoolID, after int64, limit int) (assign.Page[assign.Event], error) {
		if after != 0 || limit != 100 {
			t.Errorf("events after %d, limit %d", after, limit)
		}
		return assign.Page[assign.Event]{Items: []assign.Event{{
			Pool: "demo", Seq: 1, ID: someID, Kind: assign.EventPool, At: someTime, Data: json.RawMessage(`{"cooldown_seconds":0,"was":null}`),
		}}}, nil
	}
	for target, want := range map[string]string{
		"/v1/pools?after=alpha&limit=1":                  `{"pools": [` + somePoolJSON + `], "next": "demo"}`,
		"/v1/pools/demo":                                 somePoolJSON,
		"/v1/pools/demo/planners?limit=1000&after=a%2Bb": `{"planners": [], "next": null}`,
		"/v1/pools/demo/events":                          `{"events": [{"pool": "demo", "seq": 1, "id": "` + someID + `", "kind": "pool_changed", "at": "2026-03-01T09:30:00.120000Z", "actor": "", "data": {"cooldown_seconds": 0, "was": null}}], "next": null}`,
		"/v1/pools/demo/numbers?state=cooling&after=%2B8210": `{"numbers": [
			{"number": "1111", "state": "free", "assignment": null, "free_at": "2026-03-01T09:30:00.120000Z", "expires_at": null, "used_at": null, "released_at": null},
			{"number": "2222", "state": "cooling", "assignment": null, "free_at": "2026-03-01T09:30:00.120000Z", "expires_at": null, "used_at": null, "released_at": null},
			{"number": "3333", "state": "active", "assignment": "` + someID + `", "free_at": null, "expires_at": "2026-03-01T10:30:00.120000Z",
				"used_at": "2026-03-01T09:31:00.120000Z", "released_at": "2026-03-01T09:30:01.120000Z"},
			{"number": "4444", "state": "set_aside", "assignment": null, "free_at": null, "expires_at": null, "used_at": null, "released_at": null},
			{"number": "5555", "state": "draining", "assignment": "` + someID + `", "free_at": null, "expires_at": null, "used_at": null, "released_at": null},
			{"number": "6666", "state": "suspended", "assignment": null, "free_at": null, "expires_at": null, "used_at": null, "released_at": null}], "next": "6666"}`,
		"/v1/pools/demo/assignments?key=a+b&planner=kim&after=7": `{"assignments": [` + someAssignmentJSON + `], "next": 42}`,
	} {
		rec := b.call("GET", target, "")
		if rec.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", target, rec.Code, rec.Body)
			continue
		}
		sameJSON(t, rec.Body, want)
	}
}
