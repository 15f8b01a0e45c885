package assign

import (
	"errors"
	"fmt"
	"time"
)

// These are the ways in which a call can fail that a caller may want to tell
// apart; test with errors.Is. Any other error is a fault of ours, and its text
// is for the log. Unless it says otherwise, an error means that nothing was
// changed.
var (
	ErrInvalid            = errors.New("invalid request")
	ErrPoolNotFound       = errors.New("no such pool")
	ErrPlannerNotFound    = errors.New("no such planner")
	ErrAssignmentNotFound = errors.New("no such assignment")
	ErrNumberNotFound     = errors.New("no such number")

	// ErrNoPlanner means that nobody in the pool is active.
	ErrNoPlanner = errors.New("no active planner")

	// ErrNobodyElse is an [ErrNoPlanner]: nobody is active but the planner who
	// has the assignment already.
	ErrNobodyElse = fmt.Errorf("%w but who has it", ErrNoPlanner)

	// ErrNoNumber means that a number was required and none is free. A
	// [NoNumberError] says how things stand.
	ErrNoNumber = errors.New("no free number")

	// ErrKeyReused means that the idempotency key belongs to an assignment
	// that was asked for with another body.
	ErrKeyReused = errors.New("idempotency key was used for another request")

	// ErrNumberTaken means that a number belongs to another pool.
	ErrNumberTaken = errors.New("number belongs to another pool")

	// ErrNumberNotLive means that a number is in no live assignment. A
	// [NumberNotLiveError] says since when.
	ErrNumberNotLive = errors.New("number is in no live assignment")

	// ErrNumberAside means that a number is set aside because its records
	// disagree, or that it cannot come back since they still do.
	ErrNumberAside = errors.New("number is set aside")

	// ErrAssignmentOver means that an assignment has ended, and cannot be
	// given to somebody else.
	ErrAssignmentOver = errors.New("assignment is over")

	// ErrNoPhoneKey means that a phone cannot be kept, because there is no key
	// to seal it with.
	ErrNoPhoneKey = errors.New("no key to keep phones with")

	// ErrPhoneUnreadable means that a phone is kept that cannot be read: its
	// key is not among those that are known, or its record is damaged.
	ErrPhoneUnreadable = errors.New("phone cannot be read")

	// ErrBusy means that the line was full, or that the pool could not be had
	// before the deadline. A [BusyError] says when to come back.
	ErrBusy = errors.New("pool is busy")

	// ErrUnavailable means that the database cannot be reached.
	ErrUnavailable = errors.New("database is unavailable")

	// ErrOutcomeUnknown means that a commit was sent and its outcome could not
	// be learned in time: the call may or may not have happened. The same key
	// tells the truth later.
	ErrOutcomeUnknown = errors.New("outcome is unknown")

	// ErrHolderChanged means that a lock is free by now, or held by another
	// session than the one that was to be ended.
	ErrHolderChanged = errors.New("lock has another holder, or none")

	// ErrLockNotOurs means that a lock belongs to another application, whose
	// holders may not be ended here.
	ErrLockNotOurs = errors.New("lock is not one of this schema")

	// ErrHolderUnknown means that the database does not say who holds a lock,
	// so that the wrong session could be ended.
	ErrHolderUnknown = errors.New("database does not say who holds the lock")

	// ErrKillDenied means that the database lets this account end no other
	// account's sessions.
	ErrKillDenied = errors.New("database does not allow to end that session")

	// ErrNotAudited means that nobody was ended, because the audit of it could
	// not be written.
	ErrNotAudited = errors.New("audit cannot be written")

	// ErrRefused comes with [ErrOutcomeUnknown] when the database refused a
	// row. It is for [Service], which then looks for the call to blame.
	ErrRefused = errors.New("database refused a row")
)

// errPlannerGone is a fault of the tables that a call cannot mend.
var errPlannerGone = errors.New("a planner who had a turn has no row; verify says more")

// An InvalidError names the part of the input that is wrong. It is an
// [ErrInvalid].
type InvalidError struct {
	Field   string // as the caller spells it: "planners[3].id"
	Problem string // what it must be: "must be 1 to 64 characters"
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Problem }

// Is makes every InvalidError an [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// A BusyError is an [ErrBusy] with advice.
type BusyError struct {
	RetryAfter time.Duration
	Reason     string // for people: "the line is full"
}

func (e *BusyError) Error() string { return ErrBusy.Error() + ": " + e.Reason }

// Is makes every BusyError an [ErrBusy].
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// An UnknownError is an [ErrOutcomeUnknown] with the key that settles it.
type UnknownError struct {
	Key string // empty if the call was neither an assignment nor a reassignment
}

func (e *UnknownError) Error() string { return ErrOutcomeUnknown.Error() }

// Is makes every UnknownError an [ErrOutcomeUnknown].
func (e *UnknownError) Is(target error) bool { return target == ErrOutcomeUnknown }

// A NumberTakenError is an [ErrNumberTaken] that says which.
type NumberTakenError struct {
	Number Number
}

func (e *NumberTakenError) Error() string {
	return fmt.Sprintf("number %s belongs to another pool", e.Number)
}

// Is makes every NumberTakenError an [ErrNumberTaken].
func (e *NumberTakenError) Is(target error) bool { return target == ErrNumberTaken }

// A NoNumberError is an [ErrNoNumber] that says how the pool's numbers stood.
type NoNumberError struct {
	Cooling, Active, Draining, Suspended, Aside int64 // by state; none was free

	// NextFree is when the next one comes back by itself, as far as that can
	// be known; zero if none does.
	NextFree time.Time
}

func (e *NoNumberError) Error() string { return ErrNoNumber.Error() }

// Is makes every NoNumberError an [ErrNoNumber].
func (e *NoNumberError) Is(target error) bool { return target == ErrNoNumber }

// A NumberNotLiveError is an [ErrNumberNotLive] that says more.
type NumberNotLiveError struct {
	LastReleased time.Time // when the latest assignment ended; zero if there was none
}

func (e *NumberNotLiveError) Error() string { return ErrNumberNotLive.Error() }

// Is makes every NumberNotLiveError an [ErrNumberNotLive].
func (e *NumberNotLiveError) Is(target error) bool { return target == ErrNumberNotLive }
