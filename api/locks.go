package api

import (
	"context"
	"net/http"
	"time"

	"fairlead/assign"
)

// getLocks handles GET /v1/locks.
func (s *Server) getLocks(ctx context.Context, x *exchange) error {
	list, err := s.Reads.Locks(ctx)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, lockListOf(list))
}

// getLock handles GET /v1/locks/:name.
func (s *Server) getLock(ctx context.Context, x *exchange) error {
	name, err := x.lock()
	if err != nil {
		return err
	}
	list, err := s.Reads.Lock(ctx, name)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, lockListOf(list))
}

func lockListOf(l assign.LockList) LockList {
	return LockList{Locks: each(l.Locks, lockOf), Source: l.Source}
}

func lockOf(v assign.LockView) Lock {
	l := Lock{
		Name:    v.Name,
		Pool:    textOrNull(v.Pool),
		Free:    v.Holder == nil,
		Waiters: each(v.Waiters, waiterOf),
	}
	if h := v.Holder; h != nil {
		l.Holder = &LockHolder{
			ConnectionID: h.ConnectionID,
			User:         h.User,
			Host:         h.Host,
			Program:      h.Program,
			HeldMs:       milliseconds(h.For),
		}
	}
	return l
}

func waiterOf(v assign.SessionView) LockWaiter {
	return LockWaiter{
		ConnectionID: v.ConnectionID,
		User:         v.User,
		Host:         v.Host,
		Program:      v.Program,
		WaitingMs:    milliseconds(v.For),
	}
}

// milliseconds is nil for a time that is not known.
func milliseconds(d time.Duration) *int64 {
	if d < 0 {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}
