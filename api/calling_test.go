package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"fairlead/assign"
	"fairlead/phone"
)

// someRoute leads to Lee, who was given Kim's assignment.
func someRoute() assign.Route {
	a := someAssignment()
	a.ReassignedTo, a.ReassignedToName = "lee", "Lee"
	a.ExpiresAt = someTime.Add(time.Hour)
	return assign.Route{Number: "+82501234", Assignment: a, Planner: assign.PlannerView{Planner: assign.Planner{ID: "lee", Name: "Lee now"}}}
}

func TestGetRoute(t *testing.T) {
	t.Parallel()
	for _, plus := range []string{"+8250-1234", "%2B8250.1234", "%2b82%2050%201234"} {
		b := newBundle(t)
		b.reads.route = func(_ context.Context, n assign.Number) (assign.Route, error) {
			if n != "+82501234" {
				t.Errorf("asked for %q", n)
			}
			r := someRoute()
			r.Planner.Phone = sealedBy(t, b.Phones, somePhone, phone.AboutPlanner("demo", "lee"))
			r.Assignment.CustomerPhone = sealedBy(t, b.Phones, "01098765432", phone.AboutCustomer("demo"))
			return r, nil
		}
		rec := b.call("GET", "/v1/numbers/"+plus+"/route", "")
		if rec.Code != http.StatusOK {
			t.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
		sameJSON(t, rec.Body, `{"number": "+82501234", "pool": "demo", "planner": {"id": "lee", "name": "Lee now", "phone": "`+somePhone+`"},
			"assignment": {"id": "01K2ZJ5Y3QK8J4W1T9V6M7N2XB", "pool": "demo", "seq": 42, "planner": {"id": "kim", "name": "Kim"},
				"reassigned_to": {"id": "lee", "name": "Lee"}, "number": "05070000001", "customer": "order <1>", "customer_phone": "*********32",
				"key": "k", "state": "active", "assigned_at": "2026-03-01T09:30:00.120000Z", "released_at": null, "voided_at": null},
			"expires_at": "2026-03-01T10:30:00.120000Z"}`)
		if log := b.log.String(); strings.Contains(log, someDigits) || strings.Contains(log, "501234") {
			t.Errorf("a number is in the log: %s", log)
		}
	}
}

func TestRouteToPlannerWithoutPhone(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.Phones = phone.Keyring{} // none is needed
	b.reads.route = func(context.Context, assign.Number) (assign.Route, error) {
		r := someRoute()
		r.Assignment.ExpiresAt = time.Time{}
		return r, nil
	}
	rec := b.call("GET", "/v1/numbers/1234/route", "")
	for _, want := range []string{`"planner":{"id":"lee","name":"Lee now","phone":null}`, `"expires_at":null`} {
		if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("status %d: %s\nlacks %s", rec.Code, rec.Body, want)
		}
	}
}

// A phone that cannot be opened is no planner without a phone. Which key is
// missing is for the log.
func TestRouteWithoutKey(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	other := keysOf(t, anotherKey)
	b.reads.route = func(context.Context, assign.Number) (assign.Route, error) {
		r := someRoute()
		r.Planner.Phone = sealedBy(t, other, somePhone, phone.AboutPlanner("demo", "lee"))
		return r, nil
	}
	rec := b.call("GET", "/v1/numbers/1234/route", "")
	if p := problemIn(t, rec); rec.Code != http.StatusServiceUnavailable || p.Code != ProblemCodePhoneUnreadable || strings.Contains(rec.Body.String(), other.Current()) {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
	if log := b.log.String(); !strings.Contains(log, other.Current()) || !strings.Contains(log, `"level":"WARN"`) || strings.Contains(log, someDigits) {
		t.Errorf("log %s, want that key %s is missing", log, other.Current())
	}
}

// A phone that was put into another planner's record is nobody's.
func TestRouteToSomebodyElsesPhone(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.reads.route = func(context.Context, assign.Number) (assign.Route, error) {
		r := someRoute()
		r.Planner.Phone = sealedBy(t, b.Phones, somePhone, phone.AboutPlanner("demo", "kim"))
		return r, nil
	}
	rec := b.call("GET", "/v1/numbers/1234/route", "")
	if p := problemIn(t, rec); p.Code != ProblemCodePhoneUnreadable || strings.Contains(rec.Body.String(), someDigits) {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
}

// last_released_at is there with number_not_live, null or not, and with nothing
// else.
func TestNumberNotLive(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		code ProblemCode
		want string // of last_released_at; empty if it is absent
	}{
		{&assign.NumberNotLiveError{LastReleased: someTime}, ProblemCodeNumberNotLive, `"2026-03-01T09:30:00.120000Z"`},
		{&assign.NumberNotLiveError{}, ProblemCodeNumberNotLive, "null"},
		{assign.ErrNumberNotFound, ProblemCodeNumberNotFound, ""},
	} {
		b := newBundle(t)
		b.reads.route = func(context.Context, assign.Number) (r assign.Route, _ error) { return r, tt.err }
		b.writes.touch = func(context.Context, assign.Touch) (v assign.NumberView, _ error) { return v, tt.err }
		for method, path := range map[string]string{"GET": "/v1/numbers/1234/route", "POST": "/v1/numbers/1234/touch"} {
			rec := b.call(method, path, "")
			var p struct {
				Code           ProblemCode
				LastReleasedAt json.RawMessage `json:"last_released_at"`
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if rec.Code != http.StatusNotFound || p.Code != tt.code || string(p.LastReleasedAt) != tt.want {
				t.Errorf("%s: status %d: %s, want %s, %s", path, rec.Code, rec.Body, tt.code, tt.want)
			}
		}
	}
}

func TestPostTouch(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}"} {
		b := newBundle(t)
		b.Tokens = mustTokens(t, "switch:secret")
		b.writes.touch = func(_ context.Context, n assign.Touch) (assign.NumberView, error) {
			if want := (assign.Touch{Number: "05070000001", Actor: "switch"}); n != want {
				t.Errorf("asked %+v, want %+v", n, want)
			}
			return assign.NumberView{NumberRecord: assign.NumberRecord{
				Number: "05070000001", State: assign.NumberActive, Assignment: someID, UsedAt: someTime, ExpiresAt: someTime.Add(time.Hour),
			}}, nil
		}
		rec := b.call("POST", "/v1/numbers/050-7000-0001/touch", body, "Authorization: Bearer secret")
		sameJSON(t, rec.Body, `{"number": "05070000001", "state": "active", "assignment": "`+someID+`", "free_at": null,
			"expires_at": "2026-03-01T10:30:00.120000Z", "used_at": "2026-03-01T09:30:00.120000Z", "released_at": null}`)
	}
}

func TestCare(t *testing.T) {
	t.Parallel()
	for path, to := range map[string]assign.CareTo{"suspend": assign.CareSuspend, "drain": assign.CareDrain, "resume": assign.CareResume} {
		for body, reason := range map[string]string{"": "", `{"reason":null}`: "", `{"reason":"complaint"}`: "complaint"} {
			b := newBundle(t)
			b.Tokens = mustTokens(t, "desk:secret")
			b.writes.care = func(_ context.Context, c assign.Care) (assign.NumberView, error) {
				if want := (assign.Care{Number: "+821234", To: to, Reason: reason, Actor: "desk"}); c != want {
					t.Errorf("asked %+v, want %+v", c, want)
				}
				return assign.NumberView{NumberRecord: assign.NumberRecord{Number: "+821234", State: assign.NumberFree, FreeAt: someTime}, Cooling: true}, nil
			}
			rec := b.call("POST", "/v1/numbers/+82-1234/"+path, body, "Authorization: Bearer secret")
			sameJSON(t, rec.Body, `{"number": "+821234", "state": "cooling", "assignment": null, "free_at": "2026-03-01T09:30:00.120000Z",
				"expires_at": null, "used_at": null, "released_at": null}`)
		}
	}
}
