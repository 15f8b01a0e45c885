package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
	"fairlead/phone"
)

func TestPostRelease(t *testing.T) {
	t.Parallel()
	for body, reason := range map[string]string{"": "", "{}": "", `{"reason":null}`: "", `{"reason":"done"}`: "done"} {
		b := newBundle(t)
		b.Tokens = mustTokens(t, "shop:secret")
		b.writes.release = func(_ context.Context, r assign.Release) (assign.Assignment, error) {
			if want := (assign.Release{ID: someID, Reason: reason, Actor: "shop"}); r != want {
				t.Errorf("body %q: asked %+v, want %+v", body, r, want)
			}
			return someAssignment(), nil
		}
		rec := b.call("POST", "/v1/assignments/"+someID+"/release", body, "Authorization: Bearer secret")
		if rec.Code != http.StatusOK {
			t.Errorf("body %q: status %d", body, rec.Code)
		}
		sameJSON(t, rec.Body, someAssignmentJSON)
	}
}

func TestPostVoid(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]assign.Void{
		"":                                    {},
		`{"reason":null,"note":null}`:         {Reason: assign.VoidMistake},
		`{"reason":"no_show"}`:                {Reason: assign.VoidNoShow},
		`{"reason":"mistake","note":"twice"}`: {Reason: assign.VoidMistake, Note: "twice"},
	} {
		want.ID, want.Actor = someID, "shop"
		b := newBundle(t)
		b.Tokens = mustTokens(t, "shop:secret")
		b.writes.void = func(_ context.Context, v assign.Void) (assign.Assignment, error) {
			if v != want {
				t.Errorf("body %q: asked %+v, want %+v", body, v, want)
			}
			a := someAssignment()
			a.State, a.ReleasedAt, a.VoidedAt, a.TurnBack = assign.AssignmentVoid, someTime.Add(time.Second), someTime.Add(time.Minute), true
			a.CustomerPhone = sealedBy(t, b.Phones, somePhone, phone.AboutCustomer("demo"))
			return a, nil
		}
		rec := b.call("POST", "/v1/assignments/"+someID+"/void", body, "Authorization: Bearer secret")
		sameJSON(t, rec.Body, `{"id": "01K2ZJ5Y3QK8J4W1T9V6M7N2XB", "pool": "demo", "seq": 42, "planner": {"id": "kim", "name": "Kim"},
			"reassigned_to": null, "number": "05070000001", "customer": "order <1>", "customer_phone": "`+someMask+`", "key": "k", "state": "void",
			"assigned_at": "2026-03-01T09:30:00.120000Z", "released_at": "2026-03-01T09:30:01.120000Z", "voided_at": "2026-03-01T09:31:00.120000Z"}`)
	}
}

func TestPostReassign(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body    string
		headers []string
		want    assign.Reassignment
	}{
		{`{"reason":"declined"}`, nil, assign.Reassignment{Reason: assign.ReassignDeclined}},
		{`{"reason":"mistake","exclude_current":null,"note":null}`, nil, assign.Reassignment{Reason: assign.ReassignMistake}},
		{`{"reason":"customer","exclude_current":true}`, nil, assign.Reassignment{Reason: assign.ReassignCustomer}},
		{`{"reason":"unavailable","exclude_current":false,"note":"ill"}`, []string{"Idempotency-Key: again"},
			assign.Reassignment{Reason: assign.ReassignUnavailable, OrCurrent: true, Note: "ill", Key: "again"}},
	} {
		tt.want.ID, tt.want.Actor = someID, "shop"
		b := newBundle(t)
		b.Tokens = mustTokens(t, "shop:secret")
		b.writes.reassign = func(_ context.Context, r assign.Reassignment) (assign.Assigned, error) {
			if r != tt.want {
				t.Errorf("body %q: asked %+v, want %+v", tt.body, r, tt.want)
			}
			a := someAssignment()
			a.ReassignedTo, a.ReassignedToName = "lee", "Lee"
			return assign.Assigned{Assignment: a, Replayed: r.Key != ""}, nil
		}
		rec := b.call("POST", "/v1/assignments/"+someID+"/reassign", tt.body, append(tt.headers, "Authorization: Bearer secret")...)
		if rec.Code != http.StatusOK {
			t.Errorf("body %q: status %d", tt.body, rec.Code)
		}
		if again := rec.Header().Get("Idempotency-Replayed"); (again == "true") != (tt.want.Key != "") {
			t.Errorf("body %q: Idempotency-Replayed %q", tt.body, again)
		}
		sameJSON(t, rec.Body, strings.Replace(someAssignmentJSON, `"reassigned_to": null`, `"reassigned_to": {"id": "lee", "name": "Lee"}`, 1))
	}
}

func TestPostReleases(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body string
		want assign.BulkRelease
	}{
		{`{"state":"active"}`, assign.BulkRelease{State: assign.ReleaseActive, Limit: 1000}},
		{`{"state":"expired","limit":null,"planner":null}`, assign.BulkRelease{State: assign.ReleaseExpired, Limit: 1000}},
		{`{"older_than_seconds":1}`, assign.BulkRelease{Age: time.Second, Limit: 1000}},
		{`{"older_than_seconds":315360000}`, assign.BulkRelease{Age: assign.MaxCooldown, Limit: 1000}},
		{`{"planner":"kim","state":null,"older_than_seconds":null}`, assign.BulkRelease{Planner: "kim", Limit: 1000}},
		{`{"planner":"kim","older_than_seconds":60,"state":"draining","limit":1,"reason":"gone"}`,
			assign.BulkRelease{Planner: "kim", Age: time.Minute, State: assign.ReleaseDraining, Limit: 1, Reason: "gone"}},
	} {
		tt.want.Pool, tt.want.Actor = "demo", "shop"
		b := newBundle(t)
		b.Tokens = mustTokens(t, "shop:secret")
		b.writes.releaseMany = func(_ context.Context, r assign.BulkRelease) (assign.BulkReleased, error) {
			if diff := cmp.Diff(tt.want, r); diff != "" {
				t.Errorf("body %s (-want +got):\n%s", tt.body, diff)
			}
			return assign.BulkReleased{Assignments: []assign.Assignment{someAssignment()}, More: true}, nil
		}
		rec := b.call("POST", "/v1/pools/demo/release", tt.body, "Authorization: Bearer secret")
		sameJSON(t, rec.Body, `{"assignments": [`+someAssignmentJSON+`], "more": true}`)
	}
}

func TestPostReleasesOfNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.releaseMany = func(context.Context, assign.BulkRelease) (r assign.BulkReleased, _ error) { return r, nil }
	sameJSON(t, b.call("POST", "/v1/pools/demo/release", `{"state":"expired"}`).Body, `{"assignments": [], "more": false}`)
}

// What can be null in a refusal is there with its code, and else absent.
func TestNoNumberSaysHowTheyStand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&assign.NoNumberError{Cooling: 1, Active: 2, Draining: 3, Suspended: 4, Aside: 5, NextFree: someTime},
			`"numbers":{"free":0,"active":2,"cooling":1,"draining":3,"suspended":4,"set_aside":5},"next_free_at":"2026-03-01T09:30:00.120000Z"`},
		{&assign.NoNumberError{}, `"numbers":{"free":0,"active":0,"cooling":0,"draining":0,"suspended":0,"set_aside":0},"next_free_at":null`},
		{assign.ErrNoPlanner, ""},
	} {
		b := newBundle(t)
		b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) { return assign.Assigned{}, tt.err }
		rec := b.call("POST", "/v1/pools/demo/assignments", `{"number":"required"}`)
		if rec.Code != http.StatusConflict {
			t.Errorf("status %d", rec.Code)
		}
		got := rec.Body.String()
		if i := strings.Index(got, `"numbers"`); i < 0 {
			got = ""
		} else {
			numbers, _, _ := strings.Cut(got[i:], "}")
			_, next, _ := strings.Cut(got, `"next_free_at":`)
			got = numbers + `},"next_free_at":` + strings.TrimRight(next, "}\n")
		}
		if got != tt.want {
			t.Errorf("%v: %s\nwant %s", tt.err, rec.Body, tt.want)
		}
	}
}
