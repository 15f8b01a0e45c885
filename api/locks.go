package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"fairlead/assign"
)

// getOwnLocks handles GET /v1/locks for callers.
func (s *Server) getOwnLocks(ctx context.Context, x *exchange) error {
	list, err := s.Locks.List(ctx, false)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, LockListOf(forCallers(list)))
}

// getAllLocks handles GET /v1/locks for operators.
func (s *Server) getAllLocks(ctx context.Context, x *exchange) error {
	list, err := s.Locks.List(ctx, true)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, LockListOf(list))
}

// getOwnLock handles GET /v1/locks/:name for callers, who are told nothing of
// other applications' locks.
func (s *Server) getOwnLock(ctx context.Context, x *exchange) error {
	name, err := x.ownLock()
	if err != nil {
		return err
	}
	list, err := s.Locks.Lock(ctx, name)
	if err != nil {
		return err
	}
	list.Locks = slices.DeleteFunc(list.Locks, func(v assign.LockView) bool { return !v.Ours })
	if len(list.Locks) == 0 {
		return assign.ErrLockNotOurs
	}
	return x.answer(http.StatusOK, LockListOf(forCallers(list)))
}

// forCallers leaves out what is for operators: the database's accounts and
// switches.
func forCallers(l assign.LockList) assign.LockList {
	l.Remedy = ""
	return l
}

// getAnyLock handles GET /v1/locks/:name for operators.
func (s *Server) getAnyLock(ctx context.Context, x *exchange) error {
	name, err := x.anyLock()
	if err != nil {
		return err
	}
	list, err := s.Locks.Lock(ctx, name)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, LockListOf(list))
}

// deleteLock handles DELETE /v1/locks/:name.
func (s *Server) deleteLock(ctx context.Context, x *exchange) error {
	kill, err := x.lockKill()
	if err != nil {
		return err
	}
	kill.AnyLock = s.AnyLock
	if err := s.mayKill(); err != nil {
		return err
	}
	killed, err := s.Locks.Kill(ctx, kill)
	if errors.Is(err, assign.ErrHolderChanged) {
		return &holderChangedError{killed.Lock}
	}
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, lockKilledOf(killed))
}

func (x *exchange) lockKill() (k assign.LockKill, err error) {
	if k.Name, err = x.anyLock(); err != nil {
		return k, err
	}
	if k.ConnectionID, err = x.connectionID(); err != nil {
		return k, err
	}
	k.Reason, err = x.reason()
	k.Actor = x.actor
	return k, err
}

// KillsPerMinute makes a limit for [Server.Kills]: n in a minute, from 1, and a
// sixth of that at once after a rest. To end a few holders in a row is no
// matter; a script gone wild is.
func KillsPerMinute(n int) *rate.Limiter {
	return rate.NewLimiter(rate.Every(time.Minute/time.Duration(n)), max(1, n/6))
}

// mayKill counts a try, whatever becomes of it: those that come too late load
// the database as well.
func (s *Server) mayKill() error {
	// Not a reservation that is given back: rate does not restore those that
	// others made after it, and refused tries would pile up a debt.
	if s.Kills == nil || s.Kills.Allow() {
		return nil
	}
	missing := max(0, 1-s.Kills.Tokens())
	return &tooManyKillsError{time.Duration(missing / float64(s.Kills.Limit()) * float64(time.Second))}
}

// LockListOf is a list of locks as the API answers it.
func LockListOf(l assign.LockList) LockList {
	return LockList{
		Locks:     each(l.Locks, lockOf),
		Source:    l.Source,
		CannotSee: textOrNull(l.CannotSee),
		Remedy:    textOrNull(l.Remedy),
	}
}

func lockOf(v assign.LockView) Lock {
	return Lock{
		Name:    v.Name,
		Pool:    textOrNull(v.Pool),
		Free:    v.Free(),
		Holder:  holderOf(v.Holder),
		Waiters: each(v.Waiters, waiterOf),
	}
}

func holderOf(v *assign.SessionView) *LockHolder {
	if v == nil {
		return nil
	}
	return &LockHolder{
		ConnectionID: numberOrNull(v.ConnectionID),
		User:         textOrNull(v.User),
		Host:         textOrNull(v.Host),
		Program:      textOrNull(v.Program),
		Instance:     textOrNull(v.Instance),
		Statement:    textOrNull(v.Statement),
		HeldMs:       milliseconds(v.For),
		HeldExact:    v.For >= 0 && v.Exact,
	}
}

func waiterOf(v assign.SessionView) LockWaiter {
	return LockWaiter{
		ConnectionID: numberOrNull(v.ConnectionID),
		User:         textOrNull(v.User),
		Host:         textOrNull(v.Host),
		Program:      textOrNull(v.Program),
		Instance:     textOrNull(v.Instance),
		Statement:    textOrNull(v.Statement),
		WaitingMs:    milliseconds(v.For),
		WaitingExact: v.For >= 0 && v.Exact,
	}
}

func lockKilledOf(k assign.LockKilled) LockKilled {
	killed := LockKilled{AuditID: k.AuditID, Freed: k.Freed, Lock: lockOf(k.Lock)}
	if k.Freed {
		killed.FreedAfterMs = milliseconds(k.After)
	}
	return killed
}

// milliseconds is nil for a time that is not known.
func milliseconds(d time.Duration) *int64 {
	if d < 0 {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}
