package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"fairlead/assign"
)

func mustTokens(t testing.TB, s string) Tokens {
	t.Helper()
	tokens, err := ParseTokens(s)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestAuth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		headers []string
		want    string // actor; empty if refused
	}{
		{"none", nil, ""},
		{"right", []string{"Authorization: Bearer one"}, "shop"},
		{"second secret of a name", []string{"Authorization: Bearer two:2"}, "shop"},
		{"other", []string{"Authorization: bearer  three"}, "desk"},
		{"wrong", []string{"Authorization: Bearer four"}, ""},
		{"prefix", []string{"Authorization: Bearer on"}, ""},
		{"empty", []string{"Authorization: Bearer "}, ""},
		{"scheme only", []string{"Authorization: Bearer"}, ""},
		{"basic", []string{"Authorization: Basic one"}, ""},
		{"bare", []string{"Authorization: one"}, ""},
		{"name", []string{"Authorization: Bearer shop:one"}, ""},
		{"twice", []string{"Authorization: Bearer one", "Authorization: Bearer one"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			b.Tokens = mustTokens(t, "shop:one, desk:three,shop:two:2")
			if tt.want != "" {
				b.writes.stock = func(_ context.Context, s assign.Stocking) (assign.Stocked, error) {
					if s.Actor != tt.want {
						t.Errorf("actor %q, want %q", s.Actor, tt.want)
					}
					return assign.Stocked{}, nil
				}
			}
			rec := b.call("POST", "/v1/pools/demo/numbers", `{"numbers":[]}`, tt.headers...)
			if tt.want != "" {
				if rec.Code != http.StatusOK || !strings.Contains(b.log.String(), `"token":"`+tt.want+`"`) {
					t.Errorf("status %d, log %s", rec.Code, b.log)
				}
				return
			}
			p := problemIn(t, rec)
			if rec.Code != http.StatusUnauthorized || p.Code != ProblemCodeUnauthorized || !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("status %d, headers %v, problem %s", rec.Code, rec.Header(), rec.Body)
			}
		})
	}
}

// With tokens, everything under /v1 needs one, on both listeners, and nothing
// else does.
func TestWhatNeedsAToken(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.Tokens = mustTokens(t, "shop:one")
	b.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, h := range []struct {
		handler http.Handler
		routes  []route
	}{{b.Public(), publicRoutes()}, {b.Admin(), append(adminRoutes(), route{method: "GET", path: "/metrics"})}} {
		for _, r := range h.routes {
			rec := httptest.NewRecorder()
			h.handler.ServeHTTP(rec, newRequest(r.method, strings.ReplaceAll(r.path, ":", ""), ""))
			if got, want := rec.Code == http.StatusUnauthorized, strings.HasPrefix(r.path, "/v1/"); got != want {
				t.Errorf("%s %s: status %d", r.method, r.path, rec.Code)
			}
		}
	}
}

func TestParseTokens(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", " ", "a:b", " a:b , c:d ", "a:b,a:c", "a:b:c"} {
		if _, err := ParseTokens(s); err != nil {
			t.Errorf("ParseTokens(%q): %v", s, err)
		}
	}
	for _, s := range []string{",", "a:hush,", "a", "a:", ":hush", "a b:hush", "a:hush hush", "a:hush\x7f", "é:hush",
		strings.Repeat("a", 65) + ":hush", "a:hush,b:hush"} {
		_, err := ParseTokens(s)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("ParseTokens(%q): error %v, want one without the secret", s, err)
		}
	}
	if tokens := mustTokens(t, ""); !tokens.Empty() {
		t.Error("no tokens are not empty")
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for id, keep := range map[string]bool{
		"abc-123":                 true,
		strings.Repeat("x", 64):   true,
		strings.Repeat("x", 65):   false,
		"a b":                     false,
		"é":                       false,
		"":                        false,
		"a\x1b[31m":               false,
		`{"looks":"like","json"}`: true,
	} {
		rec := b.call("GET", "/healthz", "", "X-Request-Id: "+id)
		got := rec.Header().Get("X-Request-Id")
		if _, err := ulid.ParseStrict(got); keep != (got == id) || !keep && err != nil {
			t.Errorf("id %q became %q", id, got)
		}
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) { panic("boom of root") }
	rec := b.call("POST", "/v1/pools/demo/assignments", "")
	if p := problemIn(t, rec); p.Code != ProblemCodeInternal || strings.Contains(rec.Body.String(), "boom") {
		t.Errorf("problem %s", rec.Body)
	}
	if log := b.log.String(); !strings.Contains(log, "boom of root") || !strings.Contains(log, "exchange_test.go") {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
}

// One line per request says what happened, and nothing about people.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
		return assign.Assigned{Assignment: someAssignment()}, nil
	}
	b.writes.staff = func(context.Context, assign.Staffing) (assign.Staffed, error) {
		return assign.Staffed{}, assign.ErrPoolNotFound
	}
	b.call("POST", "/v1/pools/demo/assignments", `{"customer":"Hong"}`, "Idempotency-Key: hong-1", "X-Request-Id: r1")
	b.call("PUT", "/v1/pools/demo/planners/hong@example.com", `{"name":"Hong"}`, "X-Request-Id: r2")
	b.call("GET", "/hong", "", "X-Request-Id: r3")
	b.call("GET", "/healthz", "", "X-Request-Id: r4")

	type line struct {
		Level, Msg, Route, Method, Code string
		Status                          int
		RequestID                       string `json:"request_id"`
	}
	var lines []line
	for text := range strings.Lines(b.log.String()) {
		if strings.Contains(strings.ToLower(text), "hong") {
			t.Errorf("the log tells too much: %s", text)
		}
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("line %s: %v", text, err)
		}
		lines = append(lines, l)
	}
	if diff := cmp.Diff([]line{
		{"INFO", "request", "/v1/pools/:pool/assignments", "POST", "", 201, "r1"},
		{"INFO", "request", "/v1/pools/:pool/planners/:planner", "PUT", "pool_not_found", 404, "r2"},
		{"INFO", "request", "other", "GET", "not_found", 404, "r3"},
		{"DEBUG", "request", "/healthz", "GET", "", 200, "r4"},
	}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	type seen struct {
		Route, Method string
		Status        int
	}
	var got []seen
	b.Observe = func(route, method string, status int, _ time.Duration) {
		got = append(got, seen{route, method, status})
	}
	b.call("GET", "/v1/locks/A", "")
	b.call("GET", "/nowhere/at/all", "")
	b.call("DELETE", "/v1/pools/demo", "")
	if diff := cmp.Diff([]seen{
		{"/v1/locks/:name", "GET", 400},
		{"other", "GET", 404},
		{"/v1/pools/:pool", "DELETE", 405},
	}, got); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

// Every call gets a deadline that counts from its arrival.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                               10 * time.Second,
		"2":                              2 * time.Second,
		"0.25":                           250 * time.Millisecond,
		".5":                             500 * time.Millisecond,
		"10":                             10 * time.Second,
		"11":                             10 * time.Second,
		"999999999999999999999999999999": 10 * time.Second,
		"0.000000000001":                 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBundle(t)
			began := time.Now()
			check := func(ctx context.Context) {
				if deadline, ok := ctx.Deadline(); !ok || deadline.Sub(began) != want {
					t.Errorf("Request-Timeout %q: deadline in %v, want %v", header, deadline.Sub(began), want)
				}
			}
			b.writes.assign = func(ctx context.Context, _ assign.Request) (assign.Assigned, error) {
				check(ctx)
				return assign.Assigned{Assignment: someAssignment()}, nil
			}
			b.locks.list = func(ctx context.Context, _ bool) (assign.LockList, error) {
				check(ctx)
				return assign.LockList{}, nil
			}
			var headers []string
			if header != "" {
				headers = []string{"Request-Timeout: " + header}
			}
			b.call("POST", "/v1/pools/demo/assignments", "", headers...)
			b.call("GET", "/v1/locks", "", headers...)
		})
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.reads.pool = func(context.Context, assign.PoolID) (assign.PoolView, error) { return somePool(), nil }
	get, head := b.call("GET", "/v1/pools/demo", ""), b.call("HEAD", "/v1/pools/demo", "")
	if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != get.Header().Get("Content-Length") {
		t.Errorf("status %d, body %q, headers %v", head.Code, head.Body, head.Header())
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var down error
	b.Ready = func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("no deadline")
		}
		return down
	}
	sameJSON(t, b.call("GET", "/healthz", "").Body, `{"status": "ok"}`)
	sameJSON(t, b.call("GET", "/readyz", "").Body, `{"status": "ok"}`)
	down = errors.New("dial 10.0.0.1 as root")
	rec := b.call("GET", "/readyz", "")
	if p := problemIn(t, rec); rec.Code != http.StatusServiceUnavailable || p.Code != ProblemCodeNotReady || strings.Contains(rec.Body.String(), "root") {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
	if rec := b.call("GET", "/healthz", ""); rec.Code != http.StatusOK {
		t.Errorf("not ready is not alive: status %d", rec.Code)
	}
}

func TestSpecificationIsServed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	rec := b.call("GET", "/openapi.yaml", "")
	if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/yaml" || !slices.Equal(rec.Body.Bytes(), spec) {
		t.Errorf("status %d, headers %v, %d bytes", rec.Code, rec.Header(), rec.Body.Len())
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) })
	b.Debug = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("debug")) })
	b.locks.list = func(context.Context, bool) (assign.LockList, error) { return assign.LockList{Source: "x"}, nil }
	for path, want := range map[string]int{
		"/metrics": 200, "/debug/pprof/": 200, "/healthz": 200, "/readyz": 200, "/v1/locks": 200, "/v1/pools": 404, "/openapi.yaml": 404,
	} {
		rec := httptest.NewRecorder()
		b.Admin().ServeHTTP(rec, newRequest("GET", path, ""))
		if rec.Code != want {
			t.Errorf("%s: status %d, want %d", path, rec.Code, want)
		}
	}
	if rec := b.call("GET", "/debug/pprof/", ""); rec.Code != http.StatusNotFound {
		t.Errorf("profiles for callers: status %d", rec.Code)
	}
	b.Metrics, b.Debug = nil, nil
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		rec := httptest.NewRecorder()
		b.Admin().ServeHTTP(rec, newRequest("GET", path, ""))
		if rec.Code != http.StatusNotFound {
			t.Errorf("%s without it: status %d", path, rec.Code)
		}
	}
}
