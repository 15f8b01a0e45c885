package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/oklog/ulid/v2"
)

// An exchange is one request and its answer.
type exchange struct {
	echo.Context
	began time.Time
	id    string // for people to find the request in the log
	actor string // name of the token, empty if none was needed
	query map[string]string

	// When the body must have arrived; zero leaves that to the server.
	bodyBy time.Time

	// What became of the request if it failed.
	problem *row
	cause   error
}

// wrap is around every route, and what no route matches.
func (s *Server) wrap(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := &exchange{Context: c, began: time.Now(), id: requestID(c.Request().Header)}
		h := c.Response().Header()
		h.Set(echo.HeaderXRequestID, x.id)
		h.Set(echo.HeaderCacheControl, "no-store")
		if s.draining.Load() {
			h.Set(echo.HeaderConnection, "close")
		}
		if err := s.guard(x, next); err != nil {
			x.refuse(err)
		}
		s.done(x)
		return nil
	}
}

// guard runs next for those who may, and makes a panic an error.
func (s *Server) guard(x *exchange, next echo.HandlerFunc) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	if needsToken(x.Path()) {
		if x.actor, err = s.Tokens.check(x.Request().Header); err != nil {
			return err
		}
	}
	return next(x)
}

// A panicError is a panic in a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// done reports the answer. The route stands for the path, which may hold ids
// that are somebody's.
func (s *Server) done(x *exchange) {
	route, method, status := x.Path(), x.Request().Method, x.Response().Status
	if route == "" {
		route = "other"
	}
	took := time.Since(x.began)
	if s.Observe != nil {
		s.Observe(route, method, status, took)
	}
	ctx, level := x.Request().Context(), x.level()
	if !s.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("route", route),
		slog.String("method", method),
		slog.Int("status", status),
		slog.Float64("took_ms", float64(took.Microseconds())/1000),
		slog.String("request_id", x.id),
	)
	if x.actor != "" {
		attrs = append(attrs, slog.String("token", x.actor))
	}
	if x.problem != nil {
		attrs = append(attrs, slog.String("code", string(x.problem.code)))
		if x.problem.status >= http.StatusInternalServerError {
			attrs = append(attrs, slog.Any("err", x.cause))
		}
	}
	s.Log.LogAttrs(ctx, level, "request", attrs...)
}

// level keeps what machines ask every second out of the log, and makes our own
// faults stand out. A full line is not a fault, and there are many at once.
func (x *exchange) level() slog.Level {
	switch {
	case x.problem == nil && !needsToken(x.Path()):
		return slog.LevelDebug
	case x.problem == nil || x.problem.status < http.StatusInternalServerError || x.problem.code == ProblemCodePoolBusy:
		return slog.LevelInfo
	case x.problem.status == http.StatusInternalServerError:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// maxRequestID is the longest request id that is taken over from a request.
const maxRequestID = 64

// requestID is the request's own id if it is fit for a log, else a new one.
func requestID(h http.Header) string {
	id := h.Get(echo.HeaderXRequestID)
	if len(id) < 1 || len(id) > maxRequestID || !visible(id) {
		return ulid.Make().String()
	}
	return id
}

// visible reports whether s is printable ASCII without spaces.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
