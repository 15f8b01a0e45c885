package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fairlead/assign"
)

// bodies are seeds for every decoder.
var bodies = []string{
	"", "{}", "null", "[]", `{"customer":"x","number":"none"}`, `{"customer":"\ud83d\ude00"}`, `{"customer":"\ud83d"}`,
	`{"customer_phone":"010-1234-5678","after":7,"limit":1}`, `{"phone":"+82 10 1234 5678","after":"kim"}`, `{"customer_phone":1012345678}`,
	`{"reason":"no_show","note":"x"}`, `{"reason":"declined","exclude_current":false}`, `{"planner":"kim","older_than_seconds":60,"state":"expired","limit":5}`,
	`{"number_ttl_seconds":60,"number_ttl_from":"last_use","sticky":"prefer","on_exhausted":"fail"}`, `{"planners":[{"phone":"1234","id":"kim"},{"id":"lee","phone":null}]}`,
	`{"a":1,"a":2}`, `{"reason":"x"} `, `{"cooldown_seconds":1e3}`, `{"cooldown_seconds":86400}`,
	`{"name":null,"active":true,"start":"zero"}`, `{"planners":[{"id":"kim","active":false},{"id":"lee"}]}`,
	`{"numbers":["050-7000-0001","+82 10"]}`, `{"numbers":[]}{}`, "{\"reason\":\"\xff\"}", `{"Reason":"x"}`, `{"\u0072eason":"\\ud83d"}`,
}

// accepted checks what all decoders have in common: errors are the caller's
// fault, and what is accepted encoding/json accepts as well, into a struct with
// nothing but the known fields.
func accepted(t *testing.T, body []byte, err error, into any) bool {
	t.Helper()
	if err != nil {
		if !errors.Is(err, assign.ErrInvalid) {
			t.Errorf("error %v is not an ErrInvalid", err)
		}
		return false
	}
	if len(body) == 0 {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("accepted %q: %v", body, err)
		return false
	}
	return true
}

func seed(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func FuzzDecodeAssignment(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, number, err := decodeAssignment(body)
		var want struct {
			Customer, Number *string
			Phone            *string `json:"customer_phone"`
		}
		if !accepted(t, body, err, &want) {
			return
		}
		wish := assign.NumberByPool
		if want.Number != nil {
			wish = assign.Wish(*want.Number)
		}
		if r.Customer != orEmpty(want.Customer) || r.Wish != wish || number != digits(want.Phone) {
			t.Errorf("%q became %+v", body, r)
		}
		if _, err := assign.ParseText("customer", r.Customer); err != nil {
			t.Error(err)
		}
	})
}

// digits is a phone as it is kept.
func digits(s *string) string {
	return strings.NewReplacer(" ", "", ".", "", "-", "").Replace(orEmpty(s))
}

func FuzzDecodeReason(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		reason, err := decodeReason(body)
		var want struct{ Reason *string }
		if accepted(t, body, err, &want) && reason != orEmpty(want.Reason) {
			t.Errorf("%q became %q", body, reason)
		}
	})
}

func FuzzDecodeVoid(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := decodeVoid(body)
		var want struct{ Reason, Note *string }
		if !accepted(t, body, err, &want) {
			return
		}
		if v.Note != orEmpty(want.Note) || want.Reason != nil && string(v.Reason) != *want.Reason {
			t.Errorf("%q became %+v", body, v)
		}
	})
}

func FuzzDecodeReassign(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeReassign(body)
		var want struct {
			Reason, Note *string
			Exclude      *bool `json:"exclude_current"`
		}
		if !accepted(t, body, err, &want) {
			return
		}
		stays := want.Exclude != nil && !*want.Exclude
		if string(r.Reason) != orEmpty(want.Reason) || r.Reason == "" || r.Note != orEmpty(want.Note) || r.OrCurrent != stays {
			t.Errorf("%q became %+v", body, r)
		}
	})
}

// Whatever is asked for, assignments are never ended without a word on which.
func FuzzDecodeReleases(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeReleases(body)
		var want struct {
			Planner, State, Reason *string
			Age                    *int64 `json:"older_than_seconds"`
			Limit                  *int64
		}
		if !accepted(t, body, err, &want) {
			return
		}
		if r.Planner == "" && r.Age <= 0 && r.State == "" || r.Limit < 1 || r.Limit > assign.MaxReleases || r.Age < 0 {
			t.Errorf("%q became %+v", body, r)
		}
		if string(r.Planner) != orEmpty(want.Planner) || string(r.State) != orEmpty(want.State) || r.Reason != orEmpty(want.Reason) ||
			want.Age != nil && r.Age != time.Duration(*want.Age)*time.Second || want.Limit != nil && int64(r.Limit) != *want.Limit {
			t.Errorf("%q became %+v", body, r)
		}
	})
}

func FuzzDecodeSearch(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var want struct {
			Phone *string `json:"customer_phone"`
			After *int64
			Limit *int64
		}
		if q, err := decodeAssignmentSearch(body); accepted(t, body, err, &want) {
			if q.phone != digits(want.Phone) || q.phone == "" || q.after < 0 || q.limit < 1 || q.limit > maxLimit || want.After != nil && q.after != *want.After {
				t.Errorf("%q became %+v", body, q)
			}
		}
		var wantPlanners struct {
			Phone, After *string
			Limit        *int64
		}
		if q, err := decodePlannerSearch(body); accepted(t, body, err, &wantPlanners) {
			if q.phone != digits(wantPlanners.Phone) || q.phone == "" || string(q.after) != orEmpty(wantPlanners.After) || q.limit < 1 || q.limit > maxLimit {
				t.Errorf("%q became %+v", body, q)
			}
		}
	})
}

func FuzzDecodePool(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		change, err := decodePool(body)
		want := struct {
			Cooldown    *int64  `json:"cooldown_seconds"`
			NumberTTL   *int64  `json:"number_ttl_seconds"`
			TTLFrom     *string `json:"number_ttl_from"`
			Sticky      *string `json:"sticky"`
			OnExhausted *string `json:"on_exhausted"`
		}{}
		if !accepted(t, body, err, &want) {
			return
		}
		for _, c := range []struct {
			got  *time.Duration
			want *int64
		}{{change.Cooldown, want.Cooldown}, {change.NumberTTL, want.NumberTTL}} {
			if c.got != nil && (*c.got < 0 || *c.got > assign.MaxCooldown) || c.want != nil && *c.got != time.Duration(*c.want)*time.Second {
				t.Errorf("%q became %v", body, c.got)
			}
		}
		for _, c := range []struct {
			got     *bool
			want    *string
			no, yes string
		}{
			{change.TTLFromUse, want.TTLFrom, "assigned", "last_use"},
			{change.Sticky, want.Sticky, "avoid", "prefer"},
			{change.NumberOrFail, want.OnExhausted, "assign_without", "fail"},
		} {
			if c.want != nil && (*c.want != c.no && *c.want != c.yes || *c.got != (*c.want == c.yes)) {
				t.Errorf("%q became %v", body, c.got)
			}
		}
	})
}

type wirePlanner struct {
	ID, Name, Start, Phone *string
	Active                 *bool
}

func FuzzDecodePlanner(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, start := range []func() plannerBody{replacing, patching} {
			change, err := decodePlanner(body, start())
			var want wirePlanner
			if !accepted(t, body, err, &want) {
				continue
			}
			if want.Name != nil && *change.Name != *want.Name || want.Active != nil && *change.Active != *want.Active {
				t.Errorf("%q became %+v", body, change)
			}
			if want.Phone != nil && (change.phone == nil || *change.phone != digits(want.Phone)) {
				t.Errorf("%q has phone %q", body, orEmpty(change.phone))
			}
		}
	})
}

func FuzzDecodePlanners(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		changes, err := decodePlanners(body)
		var want struct{ Planners []wirePlanner }
		if !accepted(t, body, err, &want) {
			return
		}
		if len(changes) != len(want.Planners) {
			t.Errorf("%q became %d planners", body, len(changes))
		}
		for i, c := range changes {
			if _, err := assign.ParsePlannerID("id", string(c.ID)); err != nil || string(c.ID) != orEmpty(want.Planners[i].ID) || c.Name == nil || c.Active == nil {
				t.Errorf("%q became %+v", body, c)
			}
		}
	})
}

func FuzzDecodeNumbers(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		numbers, err := decodeNumbers(body)
		var want struct{ Numbers []string }
		if !accepted(t, body, err, &want) {
			return
		}
		got := make([]string, len(numbers))
		for i, n := range numbers {
			got[i] = string(n)
			want.Numbers[i] = strings.NewReplacer(" ", "", ".", "", "-", "").Replace(want.Numbers[i])
		}
		if len(got) != len(want.Numbers) || len(got) > 0 && !reflect.DeepEqual(got, want.Numbers) {
			t.Errorf("%q became %q", body, got)
		}
	})
}

// Whatever the path, the query and the headers are, an answer is one that is
// described, and nobody is asked about a name that is not one.
func FuzzRequest(f *testing.F) {
	f.Add("PUT", "demo", "kim", "after=1&limit=2", "k", "1.5")
	f.Add("GET", "a%2fb", "%2e%2e", "state=free;x", "", "1e3")
	f.Add("POST", "A", "a b", "key=%00", "\xff", ".")
	f.Add("GET", "a", "%2B82-10.1234%205678", "", "k", "1")
	f.Add("POST", "a", "+821012345678", "", "k", "1")
	f.Add("PATCH", "x.y", "~:@+", "planner=a%2bb&after=%2b821", strings.Repeat("k", 256), "10.0000001")
	f.Fuzz(func(t *testing.T, method, pool, planner, query, key, timeout string) {
		b := newBundle(t)
		permissive(b)
		for _, path := range []string{
			"/v1/pools", "/v1/pools/" + pool, "/v1/pools/" + pool + "/planners", "/v1/pools/" + pool + "/planners/" + planner,
			"/v1/pools/" + pool + "/numbers", "/v1/pools/" + pool + "/assignments", "/v1/pools/" + pool + "/events",
			"/v1/assignments/" + pool, "/v1/assignments/" + pool + "/release", "/v1/locks/" + pool,
			"/v1/assignments/" + pool + "/void", "/v1/assignments/" + pool + "/reassign", "/v1/pools/" + pool + "/release",
			"/v1/pools/" + pool + "/planners/search", "/v1/pools/" + pool + "/assignments/search",
			"/v1/numbers/" + planner + "/route", "/v1/numbers/" + planner + "/touch", "/v1/numbers/" + planner + "/suspend",
		} {
			target, err := url.ParseRequestURI(path + "?" + query)
			if err != nil {
				return // no HTTP server would let it through
			}
			r := &http.Request{Method: method, URL: target, Header: http.Header{"Idempotency-Key": {key}, "Request-Timeout": {timeout}}, Body: http.NoBody}
			if rec := b.send(r); rec.Code == http.StatusInternalServerError {
				t.Errorf("%s %s: %s", method, target, b.log)
			}
		}
	})
}

// permissive makes b answer every call, and check the names in it.
func permissive(b *bundle) {
	pool := func(p assign.PoolID) {
		if _, err := assign.ParsePoolID("pool", string(p)); err != nil {
			b.t.Error(err)
		}
	}
	planner := func(p assign.PlannerID) {
		if _, err := assign.ParsePlannerID("planner", string(p)); p != "" && err != nil {
			b.t.Error(err)
		}
	}
	numbered := func(n assign.Number) assign.NumberView {
		if kept, err := assign.ParseNumber("number", string(n)); err != nil || kept != n {
			b.t.Errorf("number %q: %v", n, err)
		}
		return assign.NumberView{NumberRecord: assign.NumberRecord{Number: n, State: assign.NumberSuspended}}
	}
	limit := func(n int) {
		if n < 1 || n > maxLimit {
			b.t.Errorf("limit %d", n)
		}
	}
	*b.writes = fakeWrites{
		t: b.t,
		assign: func(ctx context.Context, r assign.Request) (assign.Assigned, error) {
			pool(r.Pool)
			if _, err := assign.ParseKey("key", r.Key); err != nil {
				b.t.Error(err)
			}
			return assign.Assigned{Assignment: someAssignment()}, nil
		},
		release: func(_ context.Context, r assign.Release) (assign.Assignment, error) {
			if !isULID(r.ID) {
				b.t.Errorf("release of %q", r.ID)
			}
			return someAssignment(), nil
		},
		changePool: func(_ context.Context, p assign.PoolChange) (bool, error) { pool(p.Pool); return false, nil },
		staff: func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
			pool(s.Pool)
			planner(s.Changes[0].ID)
			return assign.Staffed{Last: assign.PlannerView{Planner: assign.Planner{ID: s.Changes[0].ID}}}, nil
		},
		void: func(_ context.Context, v assign.Void) (assign.Assignment, error) {
			if !isULID(v.ID) {
				b.t.Errorf("void of %q", v.ID)
			}
			return someAssignment(), nil
		},
		care:  func(_ context.Context, c assign.Care) (v assign.NumberView, _ error) { return numbered(c.Number), nil },
		touch: func(_ context.Context, c assign.Touch) (v assign.NumberView, _ error) { return numbered(c.Number), nil },
	}
	*b.reads = fakeReads{
		t: b.t,
		pools: func(_ context.Context, after assign.PoolID, n int) (p assign.Page[assign.PoolView], _ error) {
			limit(n)
			return p, nil
		},
		pool: func(_ context.Context, p assign.PoolID) (assign.PoolView, error) { pool(p); return somePool(), nil },
		planners: func(_ context.Context, p assign.PoolID, f assign.PlannerFilter) (page assign.Page[assign.PlannerView], _ error) {
			pool(p)
			planner(f.After)
			limit(f.Limit)
			return page, nil
		},
		route: func(_ context.Context, n assign.Number) (assign.Route, error) {
			return assign.Route{Number: numbered(n).Number, Assignment: someAssignment(), Planner: assign.PlannerView{Planner: assign.Planner{ID: "kim"}}}, nil
		},
		numbers: func(_ context.Context, p assign.PoolID, f assign.NumberFilter) (page assign.Page[assign.NumberView], _ error) {
			pool(p)
			limit(f.Limit)
			return page, nil
		},
		assignments: func(_ context.Context, p assign.PoolID, f assign.AssignmentFilter) (page assign.Page[assign.Assignment], _ error) {
			pool(p)
			planner(f.Planner)
			limit(f.Limit)
			return page, nil
		},
		events: func(_ context.Context, p assign.PoolID, after int64, n int) (page assign.Page[assign.Event], _ error) {
			pool(p)
			limit(n)
			if after < 0 {
				b.t.Errorf("after %d", after)
			}
			return page, nil
		},
		assignment: func(context.Context, string) (assign.Assignment, error) { return someAssignment(), nil },
	}
	*b.locks = fakeLocks{
		t: b.t,
		lock: func(_ context.Context, name string) (l assign.LockList, _ error) {
			if !strings.Contains(name, ":") {
				pool(assign.PoolID(name))
			}
			return assign.LockList{Locks: []assign.LockView{freeLock()}}, nil
		},
	}
}

// Whatever operators send, an answer is one that is described, and nobody is
// killed who was not named, for no reason, or behind a name that is not one.
func FuzzOperatorRequest(f *testing.F) {
	f.Add("DELETE", "demo", "connection_id=17&reason=stuck", "1.5")
	f.Add("GET", "a%2fb", "", "10")
	f.Add("DELETE", "%ff%00", "connection_id=0&reason=%0a", "1e3")
	f.Add("GET", "Backup%20%23%3f", "after=01K2ZJ5Y3QK8J4W1T9V6M7N2XB&limit=2", "1")
	f.Add("DELETE", "..", "connection_id=%31&reason=a;b&reason=c", "")
	f.Fuzz(func(t *testing.T, method, name, query, timeout string) {
		b := newBundle(t)
		fit := func(name string) {
			if len(name) < 1 || len(name) > 192 || !utf8.ValidString(name) || strings.Contains(name, "\x00") {
				t.Errorf("asked for lock %q", name)
			}
		}
		*b.locks = fakeLocks{
			t:    t,
			list: func(context.Context, bool) (l assign.LockList, _ error) { return l, nil },
			lock: func(_ context.Context, name string) (l assign.LockList, _ error) { fit(name); return l, nil },
			kill: func(_ context.Context, k assign.LockKill) (assign.LockKilled, error) {
				fit(k.Name)
				if _, err := assign.ParseText("reason", k.Reason); k.ConnectionID < 1 || strings.TrimSpace(k.Reason) == "" || err != nil {
					t.Errorf("asked to kill %+v", k)
				}
				return assign.LockKilled{AuditID: someID, Lock: freeLock()}, nil
			},
			audit: func(_ context.Context, after string, limit int) (p assign.Page[assign.AuditEntry], _ error) {
				if after != "" && !isULID(after) || limit < 1 || limit > maxLimit {
					t.Errorf("asked for the audit after %q, %d entries", after, limit)
				}
				return p, nil
			},
		}
		for _, path := range []string{"/v1/locks", "/v1/locks/" + name, "/v1/audit", "/v1/" + name} {
			target, err := url.ParseRequestURI(path + "?" + query)
			if err != nil {
				return // no HTTP server would let it through
			}
			r := &http.Request{Method: method, URL: target, Header: http.Header{"Request-Timeout": {timeout}}, Body: http.NoBody}
			if rec := b.sendAdmin(r); rec.Code == http.StatusInternalServerError {
				t.Errorf("%s %s: %s", method, target, b.log)
			}
		}
	})
}

func FuzzTimeout(f *testing.F) {
	for _, s := range []string{"1", "0.5", ".5", "5.", ".", "", "0", "1e3", "Inf", "NaN", "0x1p-2", "1_0", "-1", "99999999999999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := timeout(http.Header{"Request-Timeout": {s}})
		if err != nil && !errors.Is(err, assign.ErrInvalid) || err == nil && (d < 0 || d > assign.MaxWait || strings.Trim(s, "0123456789.") != "") {
			t.Errorf("%q: %v, %v", s, d, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"", "k", " ", "a\tb", "\x7f", "é", strings.Repeat("k", 255), strings.Repeat("k", 256)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := key(http.Header{"Idempotency-Key": {s}})
		fit := len(s) >= 1 && len(s) <= 255 && strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
		if fit != (err == nil) || fit && got != s {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	})
}

func FuzzTokens(f *testing.F) {
	f.Add("a:b,c:d", "Bearer b")
	f.Add("a:b:c", "bearer  b:c")
	f.Add(",", "Basic b")
	f.Add("a:b", "Bearer")
	f.Fuzz(func(t *testing.T, config, header string) {
		tokens, err := ParseTokens(config)
		if err != nil || tokens.Empty() {
			return
		}
		name, err := tokens.check(http.Header{"Authorization": {header}})
		_, secret, _ := strings.Cut(header, " ")
		listed := strings.Contains(config, name+":"+strings.TrimLeft(secret, " "))
		if err == nil && (name == "" || !listed) || err != nil && !errors.Is(err, errUnauthorized) {
			t.Errorf("tokens %q, header %q: %q, %v", config, header, name, err)
		}
	})
}

func FuzzRequestID(f *testing.F) {
	for _, s := range []string{"", "abc", "a b", "a\nb", strings.Repeat("x", 65)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := requestID(http.Header{"X-Request-Id": {s}})
		if len(got) < 1 || len(got) > maxRequestID || !visible(got) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func FuzzListedNumber(f *testing.F) {
	for _, s := range []string{"05070000001", "+8210", " 8210", "8-210", "123", "+", "１２３４"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseListedNumber("after", s)
		if err == nil && string(n) != s || err != nil && !errors.Is(err, assign.ErrInvalid) {
			t.Errorf("%q: %q, %v", s, n, err)
		}
	})
}
