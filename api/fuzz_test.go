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
		customer, wish, err := decodeAssignment(body)
		var want struct{ Customer, Number *string }
		if !accepted(t, body, err, &want) {
			return
		}
		if n := orEmpty(want.Number); customer != orEmpty(want.Customer) || n != "" && string(wish) != n {
			t.Errorf("%q became %q, %q", body, customer, wish)
		}
		if _, err := assign.ParseText("customer", customer); err != nil {
			t.Error(err)
		}
	})
}

func FuzzDecodeRelease(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		reason, err := decodeRelease(body)
		var want struct{ Reason *string }
		if accepted(t, body, err, &want) && reason != orEmpty(want.Reason) {
			t.Errorf("%q became %q", body, reason)
		}
	})
}

func FuzzDecodePool(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		change, err := decodePool(body)
		want := struct {
			Cooldown *int64 `json:"cooldown_seconds"`
		}{}
		if !accepted(t, body, err, &want) {
			return
		}
		if c := change.Cooldown; c != nil && (*c < 0 || *c > assign.MaxCooldown) || want.Cooldown != nil && *c != time.Duration(*want.Cooldown)*time.Second {
			t.Errorf("%q became %v", body, c)
		}
	})
}

type wirePlanner struct {
	ID, Name, Start *string
	Active          *bool
}

func FuzzDecodePlanner(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, start := range []func() assign.PlannerChange{replacing, patching} {
			change, err := decodePlanner(body, start())
			var want wirePlanner
			if !accepted(t, body, err, &want) {
				continue
			}
			if want.Name != nil && *change.Name != *want.Name || want.Active != nil && *change.Active != *want.Active {
				t.Errorf("%q became %+v", body, change)
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
	f.Add("PATCH", "x.y", "~:@+", "planner=a%2bb&after=%2b821", strings.Repeat("k", 256), "10.0000001")
	f.Fuzz(func(t *testing.T, method, pool, planner, query, key, timeout string) {
		b := newBundle(t)
		permissive(b)
		for _, path := range []string{
			"/v1/pools", "/v1/pools/" + pool, "/v1/pools/" + pool + "/planners", "/v1/pools/" + pool + "/planners/" + planner,
			"/v1/pools/" + pool + "/numbers", "/v1/pools/" + pool + "/assignments", "/v1/pools/" + pool + "/events",
			"/v1/assignments/" + pool, "/v1/assignments/" + pool + "/release", "/v1/locks/" + pool,
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
			return assign.Staffed{Last: assign.Planner{ID: s.Changes[0].ID}}, nil
		},
	}
	*b.reads = fakeReads{
		t: b.t,
		pools: func(_ context.Context, after assign.PoolID, n int) (p assign.Page[assign.PoolView], _ error) {
			limit(n)
			return p, nil
		},
		pool: func(_ context.Context, p assign.PoolID) (assign.PoolView, error) { pool(p); return somePool(), nil },
		planners: func(_ context.Context, p assign.PoolID, after assign.PlannerID, n int) (page assign.Page[assign.Planner], _ error) {
			pool(p)
			planner(after)
			limit(n)
			return page, nil
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
