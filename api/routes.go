package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"fairlead/assign"
)

// A route is one operation of the API.
type route struct {
	method string
	path   string
	handle func(s *Server, ctx context.Context, x *exchange) error
	query  []string // the parameters that it knows
}

var lockRoutes = []route{
	{http.MethodGet, "/v1/locks", (*Server).getOwnLocks, nil},
	{http.MethodGet, "/v1/locks/:name", (*Server).getOwnLock, nil},
}

var operatorRoutes = []route{
	{http.MethodGet, "/v1/locks", (*Server).getAllLocks, nil},
	{http.MethodGet, "/v1/locks/:name", (*Server).getAnyLock, nil},
	{http.MethodDelete, "/v1/locks/:name", (*Server).deleteLock, []string{"connection_id", "reason"}},
	{http.MethodGet, "/v1/audit", (*Server).getAudit, []string{"after", "limit"}},
}

var healthRoutes = []route{
	{http.MethodGet, "/healthz", (*Server).getHealth, nil},
	{http.MethodGet, "/readyz", (*Server).getReadiness, nil},
}

var mainRoutes = []route{
	{http.MethodGet, "/v1/pools", (*Server).getPools, []string{"after", "limit"}},
	{http.MethodPut, "/v1/pools/:pool", (*Server).putPool, nil},
	{http.MethodGet, "/v1/pools/:pool", (*Server).getPool, nil},
	{http.MethodGet, "/v1/pools/:pool/planners", (*Server).getPlanners, []string{"after", "limit"}},
	{http.MethodPost, "/v1/pools/:pool/planners", (*Server).postPlanners, nil},
	{http.MethodPost, "/v1/pools/:pool/planners/search", (*Server).postPlannerSearch, nil},
	{http.MethodPut, "/v1/pools/:pool/planners/:planner", (*Server).putPlanner, nil},
	{http.MethodPatch, "/v1/pools/:pool/planners/:planner", (*Server).patchPlanner, nil},
	{http.MethodGet, "/v1/pools/:pool/numbers", (*Server).getNumbers, []string{"state", "after", "limit"}},
	{http.MethodPost, "/v1/pools/:pool/numbers", (*Server).postNumbers, nil},
	{http.MethodGet, "/v1/pools/:pool/assignments", (*Server).getAssignments, []string{"key", "planner", "after", "limit"}},
	{http.MethodPost, "/v1/pools/:pool/assignments", (*Server).postAssignment, nil},
	{http.MethodPost, "/v1/pools/:pool/assignments/search", (*Server).postAssignmentSearch, nil},
	{http.MethodPost, "/v1/pools/:pool/release", (*Server).postReleases, nil},
	{http.MethodGet, "/v1/pools/:pool/events", (*Server).getEvents, []string{"after", "limit"}},
	{http.MethodGet, "/v1/assignments/:id", (*Server).getAssignment, nil},
	{http.MethodPost, "/v1/assignments/:id/release", (*Server).postRelease, nil},
	{http.MethodPost, "/v1/assignments/:id/void", (*Server).postVoid, nil},
	{http.MethodPost, "/v1/assignments/:id/reassign", (*Server).postReassign, nil},
	{http.MethodGet, "/v1/numbers/:number/route", (*Server).getRoute, nil},
	{http.MethodPost, "/v1/numbers/:number/touch", (*Server).postTouch, nil},
	{http.MethodPost, "/v1/numbers/:number/suspend", care(assign.CareSuspend), nil},
	{http.MethodPost, "/v1/numbers/:number/drain", care(assign.CareDrain), nil},
	{http.MethodPost, "/v1/numbers/:number/resume", care(assign.CareResume), nil},
	{http.MethodGet, "/openapi.yaml", (*Server).getSpec, nil},
}

func publicRoutes() []route { return slices.Concat(mainRoutes, lockRoutes, healthRoutes) }

func adminRoutes() []route { return slices.Concat(operatorRoutes, healthRoutes) }

// Public is the handler for callers: everything in openapi.yaml but what is for
// operators only.
func (s *Server) Public() http.Handler { return s.router(publicRoutes()) }

// Admin is the handler for operators: locks and their audit, health, metrics and
// profiles. Its listener is meant to be reachable by them only.
func (s *Server) Admin() http.Handler {
	e := s.router(adminRoutes())
	if s.Metrics != nil {
		e.GET("/metrics", echo.WrapHandler(s.Metrics))
	}
	if s.Debug != nil {
		e.GET("/debug/*", echo.WrapHandler(s.Debug))
	}
	return e
}

func (s *Server) router(routes []route) *echo.Echo {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	e.Use(s.wrap)
	for _, r := range routes {
		e.Add(r.method, r.path, s.handler(r))
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, s.handler(r))
		}
	}
	return e
}

// handler is what all routes have in common, ahead of what is their own.
func (s *Server) handler(r route) echo.HandlerFunc {
	limited := needsToken(r.path)
	return func(c echo.Context) error {
		x := c.(*exchange)
		if err := x.parseQuery(r.query); err != nil {
			return err
		}
		ctx := x.Request().Context()
		if limited {
			if s.Started != nil && !s.Started() {
				return assign.ErrUnavailable
			}
			wait, err := timeout(x.Request().Header)
			if err != nil {
				return err
			}
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, x.began.Add(wait))
			defer cancel()
			x.bodyBy = x.began.Add(wait)
		}
		return r.handle(s, ctx, x)
	}
}

// needsToken tells the API proper from what everybody may see.
func needsToken(path string) bool { return strings.HasPrefix(path, "/v1/") }
