package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Until the database is known to be fit, nothing reaches it: the fakes fail the
// test if they are called.
func TestNothingIsServedBeforeTheStart(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var started atomic.Bool
	b.Started = started.Load
	for _, l := range []struct {
		routes []route
		send   func(*http.Request) *httptest.ResponseRecorder
	}{{publicRoutes(), b.send}, {adminRoutes(), b.sendAdmin}} {
		for _, r := range l.routes {
			if !needsToken(r.path) {
				continue
			}
			path := strings.NewReplacer(":pool", "demo", ":planner", "kim", ":id", someID, ":name", "demo", ":number", "05070000001").Replace(r.path)
			if p := problemIn(t, l.send(newRequest(r.method, path, ""))); p.Code != ProblemCodeUnavailable || p.Status != http.StatusServiceUnavailable {
				t.Errorf("%s %s: %+v, want unavailable", r.method, path, p)
			}
		}
	}
	if rec := b.call("GET", "/healthz", ""); rec.Code != http.StatusOK {
		t.Errorf("/healthz: %d", rec.Code)
	}
}
