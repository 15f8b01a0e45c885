// Package api serves Fairlead over HTTP.
//
// The contract is openapi.yaml, which is written first: the types of answers
// and the client (package client) are generated from it, and the tests hold
// every route and every answer against it.
//
// A handler parses, makes one call and renders. What can go wrong on the way is
// an error that one table, in problem.go, turns into a problem document.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"fairlead/assign"
	"fairlead/phone"
)

//go:generate go tool oapi-codegen -config types.config.yaml openapi.yaml
//go:generate go tool oapi-codegen -config client.config.yaml openapi.yaml

// Writes changes pools; *assign.Combiner does. Its methods keep to
// [assign.MaxWait] and return the errors that the Combiner's do.
type Writes interface {
	Assign(ctx context.Context, r assign.Request) (assign.Assigned, error)
	Release(ctx context.Context, r assign.Release) (assign.Assignment, error)
	Void(ctx context.Context, v assign.Void) (assign.Assignment, error)
	Reassign(ctx context.Context, r assign.Reassignment) (assign.Assigned, error)
	ReleaseMany(ctx context.Context, r assign.BulkRelease) (assign.BulkReleased, error)
	Care(ctx context.Context, c assign.Care) (assign.NumberView, error)
	Touch(ctx context.Context, t assign.Touch) (assign.NumberView, error)
	ChangePool(ctx context.Context, p assign.PoolChange) (created bool, err error)
	Staff(ctx context.Context, s assign.Staffing) (assign.Staffed, error)
	Stock(ctx context.Context, s assign.Stocking) (assign.Stocked, error)
}

// Reads looks at pools for people. What a method lists comes in the
// order of its cursor, begins behind it, and has at most limit items. All
// methods may return [assign.ErrUnavailable].
type Reads interface {
	Pools(ctx context.Context, after assign.PoolID, limit int) (assign.Page[assign.PoolView], error)

	// The methods that take a pool return [assign.ErrPoolNotFound] if there is
	// no such pool.
	Pool(ctx context.Context, pool assign.PoolID) (assign.PoolView, error)
	Planners(ctx context.Context, pool assign.PoolID, f assign.PlannerFilter) (assign.Page[assign.PlannerView], error)
	Numbers(ctx context.Context, pool assign.PoolID, f assign.NumberFilter) (assign.Page[assign.NumberView], error)
	Assignments(ctx context.Context, pool assign.PoolID, f assign.AssignmentFilter) (assign.Page[assign.Assignment], error)
	Events(ctx context.Context, pool assign.PoolID, after int64, limit int) (assign.Page[assign.Event], error)

	// Assignment returns [assign.ErrAssignmentNotFound] if there is none with
	// this id.
	Assignment(ctx context.Context, id string) (assign.Assignment, error)

	// Route says where a call on n goes now. It returns
	// [assign.ErrNumberNotFound] if no pool has the number, and an
	// [assign.ErrNumberNotLive] if it leads nowhere. It is called for every call
	// on every number.
	Route(ctx context.Context, n assign.Number) (assign.Route, error)
}

// Locks looks at named locks, and ends their holders for operators. All methods
// may return [assign.ErrUnavailable].
type Locks interface {
	// List lists the locks that are held or waited for: those of the service's
	// pools, or with all those of the whole server.
	List(ctx context.Context, all bool) (assign.LockList, error)

	// Lock lists a lock, held or not. What can be a pool's id is one; its lock is
	// followed by another application's of that very name, if there is one that
	// is held or waited for.
	Lock(ctx context.Context, name string) (assign.LockList, error)

	// Kill returns [assign.ErrHolderChanged] with the lock as it is now,
	// [assign.ErrLockNotOurs], [assign.ErrKillDenied], [assign.ErrHolderUnknown]
	// or [assign.ErrNotAudited] if the holder was left alone, and
	// [assign.ErrOutcomeUnknown] if that is not known.
	Kill(ctx context.Context, k assign.LockKill) (assign.LockKilled, error)

	// Audit lists what operators did, behind the entry with the id after.
	Audit(ctx context.Context, after string, limit int) (assign.Page[assign.AuditEntry], error)
}

// A Server answers HTTP requests. It is used by pointer, and its fields are not
// changed once it serves.
type Server struct {
	Writes Writes       // required
	Reads  Reads        // required
	Locks  Locks        // required
	Log    *slog.Logger // required; gets one line per request, without personal data

	// Phones seals the phones that come in, and opens those that are kept.
	// Without a key phones are refused.
	Phones phone.Keyring

	// Ready says why requests should not be sent here now; nil if they should.
	// Required. It is given 2 s to find out.
	Ready func(ctx context.Context) error

	// Started says whether /v1 is served yet; until then it answers that the
	// database is unavailable. Nil: from the start.
	Started func() bool

	// Tokens may use /v1. If there are none, everybody may.
	Tokens Tokens

	// AnyLock lets operators end the holders of locks that are not the
	// service's.
	AnyLock bool

	// Kills limits how often operators may try to end a holder;
	// [KillsPerMinute] makes one. Nil: there is no limit.
	Kills *rate.Limiter

	// Metrics answers /metrics on the admin listener. Nil: there is no such
	// route.
	Metrics http.Handler

	// Debug answers what begins with /debug/ on the admin listener. Nil: there
	// are no such routes.
	Debug http.Handler

	// Observe is called after each answer. The route is a pattern such as
	// /v1/pools/:pool, or "other" if no route matched; the method is whatever
	// the client sent. Nil: nobody is told.
	Observe func(route, method string, status int, took time.Duration)

	// DrainPause is how long [Server.Run] goes on as before, but not ready,
	// once it has been asked to stop. It is for load balancers to notice. 0 is
	// for where there are none.
	DrainPause time.Duration

	// DrainLimit is how long requests may take to finish after that. 0 means
	// 20 s, which is more than any request takes.
	DrainLimit time.Duration

	stopping atomic.Bool // no longer ready
	draining atomic.Bool // connections end with their next answer

	// after is time.After, unless a test wants to say when.
	after func(time.Duration) <-chan time.Time
}
