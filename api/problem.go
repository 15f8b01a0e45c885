package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"fairlead/assign"
)

// These are the refusals that the domain knows nothing of.
var (
	errUnauthorized = errors.New("no valid token")
	errTooLarge     = errors.New("body is too large")
	errMediaType    = errors.New("body is not declared as JSON")
	errNotReady     = errors.New("not ready")
	errTooManyKills = errors.New("too many lock holders were to be ended")
)

// A tooLargeError is an [errTooLarge] that says what the limit is.
type tooLargeError struct{ limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("%v: more than %d bytes", errTooLarge, e.limit)
}
func (e *tooLargeError) Is(target error) bool { return target == errTooLarge }

// A holderChangedError is an [assign.ErrHolderChanged] that says how the lock is
// now.
type holderChangedError struct{ lock assign.LockView }

func (e *holderChangedError) Error() string        { return assign.ErrHolderChanged.Error() }
func (e *holderChangedError) Is(target error) bool { return target == assign.ErrHolderChanged }

func (e *holderChangedError) detail() string {
	switch h := e.lock.Holder; {
	case h != nil:
		return fmt.Sprintf("Nobody was ended. Connection %d holds the lock now.", h.ConnectionID)
	case e.lock.Free():
		return "Nobody was ended. The lock is free now."
	}
	return "Nobody was ended. The lock has no holder now, and is waited for."
}

// A tooManyKillsError says when the next holder may be ended.
type tooManyKillsError struct{ wait time.Duration }

func (e *tooManyKillsError) Error() string {
	return fmt.Sprintf("%v: the next in %v", errTooManyKills, e.wait)
}
func (e *tooManyKillsError) Is(target error) bool { return target == errTooManyKills }

// A row says what clients are told of an error.
type row struct {
	err    error
	status int
	code   ProblemCode
	title  string
	detail string        // what to do next, unless the error itself knows better
	retry  time.Duration // 0 if trying again cannot help
}

// problems is the whole mapping from errors to HTTP, tried in order. An
// unknown outcome comes before the failure that made it unknown.
var problems = []row{
	{assign.ErrInvalid, http.StatusBadRequest, ProblemCodeInvalidRequest,
		"The request is not valid", "The specification is at /openapi.yaml.", 0},
	{errUnauthorized, http.StatusUnauthorized, ProblemCodeUnauthorized,
		"A valid token is needed", "Send one of the service's tokens: Authorization: Bearer <secret>.", 0},
	{assign.ErrLockNotOurs, http.StatusForbidden, ProblemCodeLockNotOurs,
		"The lock is another application's", "Only locks of this service's schema can be looked at on the public listener, and have their holders ended on the admin listener; that shows the others too, and ends their holders if the service was started with --any-lock.", 0},
	{assign.ErrKillDenied, http.StatusForbidden, ProblemCodeKillDenied,
		"The database does not let us end that session", "Nobody was ended. The service's database account may end its own sessions only: grant it CONNECTION ADMIN on MariaDB or CONNECTION_ADMIN on MySQL (and SYSTEM_USER if the holder's account has that), or use KILL with an account that has it.", 0},
	{assign.ErrHolderUnknown, http.StatusForbidden, ProblemCodeKillDenied,
		"The database does not say who holds a lock", "Nobody was ended. TiDB has no way to end the holder of a lock and nobody else; find the session in its process list, and use KILL by hand.", 0},
	{assign.ErrPoolNotFound, http.StatusNotFound, ProblemCodePoolNotFound,
		"There is no such pool", "PUT /v1/pools/{pool} creates it.", 0},
	{assign.ErrPlannerNotFound, http.StatusNotFound, ProblemCodePlannerNotFound,
		"There is no such planner", "PUT /v1/pools/{pool}/planners/{planner} creates it.", 0},
	{assign.ErrAssignmentNotFound, http.StatusNotFound, ProblemCodeAssignmentNotFound,
		"There is no such assignment", "GET /v1/pools/{pool}/assignments lists a pool's.", 0},
	{assign.ErrNumberNotFound, http.StatusNotFound, ProblemCodeNumberNotFound,
		"There is no such number", "No pool has it: POST /v1/pools/{pool}/numbers gives it to one. +82… and 0… are different numbers.", 0},
	{assign.ErrNumberNotLive, http.StatusNotFound, ProblemCodeNumberNotLive,
		"The number leads to nobody", "It is in no live assignment, or it is suspended or set aside. Connect nobody.", 0},
	{echo.ErrNotFound, http.StatusNotFound, ProblemCodeNotFound,
		"There is no such route", "The specification is at /openapi.yaml.", 0},
	{echo.ErrMethodNotAllowed, http.StatusMethodNotAllowed, ProblemCodeMethodNotAllowed,
		"The route has no such method", "The Allow header lists those it has.", 0},
	{assign.ErrNobodyElse, http.StatusConflict, ProblemCodeNoPlanner,
		"Nobody else is active", "Activate another planner of this pool; with \"exclude_current\": false the one who has the assignment may keep it. Nothing was changed.", 0},
	{assign.ErrNoPlanner, http.StatusConflict, ProblemCodeNoPlanner,
		"Nobody is active", "Activate a planner of this pool; the same key may then succeed.", 0},
	{assign.ErrNoNumber, http.StatusConflict, ProblemCodeNoNumber,
		"No number is free", "Add numbers to the pool, wait for one to come back, or do without; nothing was assigned.", 0},
	{assign.ErrNumberTaken, http.StatusConflict, ProblemCodeNumberTaken,
		"A number belongs to another pool", "Leave it out; nothing was written.", 0},
	{assign.ErrNumberAside, http.StatusConflict, ProblemCodeNumberSetAside,
		"The number is set aside", "Its record and the assignments disagree: fairlead verify says how. Only POST /v1/numbers/{number}/resume brings it back, once they agree; nothing was changed.", 0},
	{assign.ErrAssignmentOver, http.StatusConflict, ProblemCodeAssignmentOver,
		"The assignment is over", "Assign the request anew, with a key of its own; nothing was changed.", 0},
	{assign.ErrNoPhoneKey, http.StatusConflict, ProblemCodeNoPhoneKey,
		"There is no key to keep phones with", "Nothing was written. Set FAIRLEAD_PHONE_KEYS and start the service again; fairlead keys new makes a key.", 0},
	{assign.ErrHolderChanged, http.StatusConflict, ProblemCodeHolderChanged,
		"The holder has changed", "Nobody was ended. Look again.", 0},
	{errTooLarge, http.StatusRequestEntityTooLarge, ProblemCodeBodyTooLarge,
		"The body is too large", "Split the call.", 0},
	{errMediaType, http.StatusUnsupportedMediaType, ProblemCodeUnsupportedMediaType,
		"The body is not declared as JSON", "Send Content-Type: application/json, in UTF-8 and not compressed.", 0},
	{assign.ErrKeyReused, http.StatusUnprocessableEntity, ProblemCodeKeyReused,
		"The idempotency key was used for another request", "Use a new key for a new request, and the same body with the same key.", 0},
	{errTooManyKills, http.StatusTooManyRequests, ProblemCodeTooManyKills,
		"Too many kills", "Nobody was ended. The service was started with a limit, --kills-per-minute.", time.Second},
	{assign.ErrOutcomeUnknown, http.StatusServiceUnavailable, ProblemCodeOutcomeUnknown,
		"The outcome is unknown", "The call may or may not have happened. Repeat it to find out; an assignment or a reassignment with the key given here.", time.Second},
	{assign.ErrBusy, http.StatusServiceUnavailable, ProblemCodePoolBusy,
		"The pool is busy", "Nothing was changed. Try again later.", time.Second},
	{assign.ErrNotAudited, http.StatusServiceUnavailable, ProblemCodeUnavailable,
		"The audit cannot be written", "Nobody was ended, for nobody is without a trace. Try again later, or use KILL by hand.", 2 * time.Second},
	{assign.ErrUnavailable, http.StatusServiceUnavailable, ProblemCodeUnavailable,
		"The database is unavailable", "Try again later.", 2 * time.Second},
	{assign.ErrPhoneUnreadable, http.StatusServiceUnavailable, ProblemCodePhoneUnreadable,
		"A phone cannot be read", "It was kept with a key that this service does not have, or its record is damaged; the service's log says which, under the request_id. Nothing was changed.", time.Minute},
	{errNotReady, http.StatusServiceUnavailable, ProblemCodeNotReady,
		"Not ready", "Send requests elsewhere for now.", time.Second},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, ProblemCodeUnavailable,
		"There was no answer in time", "Try again later.", time.Second},
	{context.Canceled, http.StatusServiceUnavailable, ProblemCodeUnavailable,
		"The request was cut off", "Try again.", time.Second},
}

// internal stands for every error that is not listed. Its text may hold what a
// client must not see, so it goes to the log only.
var internal = row{nil, http.StatusInternalServerError, ProblemCodeInternal,
	"Internal error", "The service's log says more, under the request_id.", 0}

func rowOf(err error) *row {
	for i := range problems {
		if errors.Is(err, problems[i].err) {
			return &problems[i]
		}
	}
	return &internal
}

// Code is the stable code that a client is told for err, which must not be
// nil. There are as many as the specification lists.
func Code(err error) string { return string(rowOf(err).code) }

// problemOf fills a row with what the error itself has to say. Nothing else of
// the error is told.
func problemOf(err error, r *row) Problem {
	p := Problem{
		Type:   "urn:fairlead:problem:" + string(r.code),
		Title:  r.title,
		Status: r.status,
		Code:   r.code,
		Detail: r.detail,
	}
	if e := (*assign.InvalidError)(nil); errors.As(err, &e) {
		p.Detail, p.Field = e.Error(), &e.Field
	}
	if e := (*assign.NumberTakenError)(nil); errors.As(err, &e) {
		p.Detail = fmt.Sprintf("%s belongs to another pool; nothing was written.", e.Number)
	}
	if e := (*assign.BusyError)(nil); errors.As(err, &e) {
		p.Detail = fmt.Sprintf("Nothing was changed: %s.", e.Reason)
	}
	if e := (*tooLargeError)(nil); errors.As(err, &e) {
		p.Detail = fmt.Sprintf("The body may have at most %d bytes.", e.limit)
	}
	if e := (*holderChangedError)(nil); errors.As(err, &e) && e.lock.Name != "" {
		p.Detail, p.Lock = e.detail(), new(lockOf(e.lock))
	}
	if e := (*assign.UnknownError)(nil); errors.As(err, &e) && e.Key != "" {
		p.Key = &e.Key
	}
	if e := (*assign.NoNumberError)(nil); errors.As(err, &e) {
		p.Numbers, p.NextFreeAt = new(numbersOf(e)), timeOrNull(e.NextFree)
	}
	if e := (*assign.NumberNotLiveError)(nil); errors.As(err, &e) {
		p.LastReleasedAt = timeOrNull(e.LastReleased)
	}
	return p
}

func numbersOf(e *assign.NoNumberError) NumbersByState {
	return NumbersByState{
		Active:    e.Active,
		Cooling:   e.Cooling,
		Draining:  e.Draining,
		Suspended: e.Suspended,
		SetAside:  e.Aside,
	}
}

// document is p as it is sent: what can be null is there with the codes that
// it belongs to.
func document(p Problem) any {
	switch p.Code {
	case ProblemCodeNoNumber:
		return struct {
			Problem
			NextFreeAt *Time `json:"next_free_at"`
		}{p, p.NextFreeAt}
	case ProblemCodeNumberNotLive:
		return struct {
			Problem
			LastReleasedAt *Time `json:"last_released_at"`
		}{p, p.LastReleasedAt}
	}
	return p
}

// refuse is the only place that turns an error into an answer.
func (x *exchange) refuse(err error) {
	x.problem, x.cause = rowOf(err), err
	if x.Response().Committed {
		return
	}
	p := problemOf(err, x.problem)
	p.RequestID = x.id
	h := x.Response().Header()
	if d := waitOf(err, x.problem); d > 0 {
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(retryAfter(d, rand.Float64())))
	}
	if x.problem.err == errUnauthorized {
		h.Set(echo.HeaderWWWAuthenticate, `Bearer realm="fairlead"`)
	}
	if err := x.render(x.problem.status, "application/problem+json", document(p)); err != nil {
		x.cause = errors.Join(x.cause, err)
	}
}

// waitOf is after how long to try again.
func waitOf(err error, r *row) time.Duration {
	if e := (*assign.BusyError)(nil); errors.As(err, &e) && r.err == assign.ErrBusy {
		return max(e.RetryAfter, r.retry)
	}
	if e := (*tooManyKillsError)(nil); errors.As(err, &e) {
		return max(e.wait, r.retry)
	}
	return r.retry
}

// retryAfter spreads d by 20 % to both sides, so that those who were refused
// together do not come back together, and makes it whole seconds, at least
// one. random is from 0 to 1.
func retryAfter(d time.Duration, random float64) int {
	return max(1, int(math.Round(d.Seconds()*(0.8+0.4*random))))
}
