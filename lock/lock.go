package lock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// These are the ways in which a lock is not ours; test with errors.Is. Any
// other error comes from the connection or the server.
var (
	// ErrTimeout means that another session held the lock for the whole wait.
	ErrTimeout = errors.New("lock wait timed out")

	// ErrKilled means that the wait was ended from outside (KILL QUERY, a
	// statement time limit), or that the server ran out of memory.
	ErrKilled = errors.New("lock wait was ended by the server")

	// ErrDeadlock means that waiting on would have closed a circle of waiting
	// sessions. Locks held before are still held, and an open transaction is
	// still open.
	ErrDeadlock = errors.New("lock wait would deadlock")

	// ErrNotHeld means that a lock to be released was not the session's.
	ErrNotHeld = errors.New("lock was not held")

	// ErrName means that the server does not take the name.
	ErrName = errors.New("lock name is not allowed")
)

// Statements for use in packets of more than one, with the functions that say
// what their single value means: [Granted] and [Released].
const (
	GetSQL     = `SELECT GET_LOCK(?, ?)`
	ReleaseSQL = `SELECT RELEASE_LOCK(?)`
)

// Granted says what the value of GET_LOCK means: nil if the lock is ours, else
// [ErrTimeout] or [ErrKilled]. Neither 0 nor NULL is an error to the driver.
func Granted(v sql.NullInt64) error {
	switch {
	case v.Valid && v.Int64 == 1:
		return nil
	case v.Valid:
		return ErrTimeout
	}
	return ErrKilled
}

// Released says what the value of RELEASE_LOCK means: nil, or [ErrNotHeld].
func Released(v sql.NullInt64) error {
	if v.Valid && v.Int64 == 1 {
		return nil
	}
	return ErrNotHeld
}

// Seconds is wait in the one form that all servers understand alike: a whole
// number of seconds, rounded up. Zero tries once, and may take TiDB a second
// all the same. Fractions are rounded by MySQL and kept by
// MariaDB; NULL and negative numbers wait for ever on the one and fail at once
// on the other.
func Seconds(wait time.Duration) int64 {
	return max(0, int64((wait+time.Second-1)/time.Second))
}

// Get waits for a lock, at most wait, rounded up to whole seconds. A session
// may hold several locks, and the same one several times.
//
// Errors: [ErrTimeout], [ErrKilled], [ErrDeadlock], [ErrName]; after any other
// it is not known whether the session holds the lock.
func (s *Session) Get(ctx context.Context, name Name, wait time.Duration) error {
	var v sql.NullInt64
	if err := s.GetContext(ctx, &v, GetSQL, string(name), Seconds(wait)); err != nil {
		return fmt.Errorf("get lock %s: %w", name, Typed(err))
	}
	if err := Granted(v); err != nil {
		return fmt.Errorf("get lock %s: %w", name, err)
	}
	return nil
}

// Release frees a lock that the session took once, or undoes one of several
// takes. Errors: [ErrNotHeld], [ErrName]; after any other it is not known
// whether the lock is free.
func (s *Session) Release(ctx context.Context, name Name) error {
	var v sql.NullInt64
	if err := s.GetContext(ctx, &v, ReleaseSQL, string(name)); err != nil {
		return fmt.Errorf("release lock %s: %w", name, Typed(err))
	}
	if err := Released(v); err != nil {
		return fmt.Errorf("release lock %s: %w", name, err)
	}
	return nil
}

// ReleaseAll frees every lock of the session and returns how many takes that
// undid.
func (s *Session) ReleaseAll(ctx context.Context) (int64, error) {
	var n int64
	if err := s.GetContext(ctx, &n, `SELECT RELEASE_ALL_LOCKS()`); err != nil {
		return 0, fmt.Errorf("release all locks: %w", Typed(err))
	}
	return n, nil
}

// IsFree reports whether nobody holds the lock. The answer may be old when it
// arrives. Errors: [ErrName], or the server's.
func IsFree(ctx context.Context, q sqlx.QueryerContext, name Name) (bool, error) {
	var v sql.NullInt64
	if err := sqlx.GetContext(ctx, q, &v, `SELECT IS_FREE_LOCK(?)`, string(name)); err != nil {
		return false, fmt.Errorf("look at lock %s: %w", name, Typed(err))
	}
	return v.Valid && v.Int64 == 1, nil
}

// UsedBy returns the connection id of the lock's holder; ok is false if it is
// free. The answer may be old when it arrives. TiDB tells only whether the
// holder is the asking session itself, else the id is 1. Errors: [ErrName], or
// the server's.
func UsedBy(ctx context.Context, q sqlx.QueryerContext, name Name) (id int64, ok bool, err error) {
	var v sql.NullInt64
	if err := sqlx.GetContext(ctx, q, &v, `SELECT IS_USED_LOCK(?)`, string(name)); err != nil {
		return 0, false, fmt.Errorf("look at lock %s: %w", name, Typed(err))
	}
	return v.Int64, v.Valid, nil
}

// With runs fn while holding a lock, in the session that holds it. The lock is
// released when fn returns or panics, whatever became of ctx.
//
// Errors: those of [Session.Get], or else fn's. That the release failed is not
// an error: the session is disconnected, which frees the lock as well.
func With(ctx context.Context, db *sqlx.DB, name Name, wait time.Duration, fn func(context.Context, *Session) error) error {
	s, err := Open(ctx, db)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Get(ctx, name, wait); err != nil {
		return err
	}
	defer s.let(ctx, name)
	return fn(ctx, s)
}

// releaseTimeout bounds a release that must happen although ctx may have ended.
const releaseTimeout = 2 * time.Second

func (s *Session) let(ctx context.Context, name Name) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if s.Release(ctx, name) == nil {
		s.Clean()
	}
}

// Typed adds our own error to a server's, by its number. It is for packets of
// more than one statement; the functions of this package apply it themselves.
func Typed(err error) error {
	me := (*mysql.MySQLError)(nil)
	if !errors.As(err, &me) {
		return err
	}
	switch me.Number {
	case 1317, 3024: // ER_QUERY_INTERRUPTED, ER_QUERY_TIMEOUT; MariaDB answers NULL instead
		return fmt.Errorf("%w: %w", ErrKilled, err)
	case 3058, 1213: // ER_USER_LOCK_DEADLOCK on MySQL, ER_LOCK_DEADLOCK on MariaDB
		return fmt.Errorf("%w: %w", ErrDeadlock, err)
	case 3057, 4163, 1059: // wrong or too long a name: MySQL, MySQL, MariaDB
		return fmt.Errorf("%w: %w", ErrName, err)
	}
	return err
}
