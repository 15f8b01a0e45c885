package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"fairlead/assign"
)

// A sink is a client that does not look.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

// BenchmarkPostAssignment is what the API adds to an assignment: everything
// from a request that was read to an answer that is ready to be sent.
func BenchmarkPostAssignment(b *testing.B) {
	bundle := newBundle(b)
	bundle.Log = slog.New(slog.DiscardHandler)
	bundle.Tokens = mustTokens(b, "shop:secret")
	made := assign.Assigned{Assignment: someAssignment()}
	bundle.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) { return made, nil }
	benchmark(b, bundle.Public())
}

// BenchmarkEmptyHandler is the same request to an echo that does nothing.
func BenchmarkEmptyHandler(b *testing.B) {
	e := echo.New()
	e.POST("/v1/pools/:pool/assignments", func(c echo.Context) error { return c.NoContent(http.StatusCreated) })
	benchmark(b, e)
}

func benchmark(b *testing.B, h http.Handler) {
	b.ReportAllocs()
	for b.Loop() {
		r := newRequest("POST", "/v1/pools/demo/assignments", "")
		r.Header = http.Header{
			"Idempotency-Key": {"order-4711"},
			"Authorization":   {"Bearer secret"},
			"Content-Type":    {"application/json"},
		}
		const body = `{"customer":"order-4711"}`
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		h.ServeHTTP(&sink{http.Header{}}, r)
	}
}
