package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/assign"
	"fairlead/lock"
)

const (
	// killTime bounds a kill from its audit to its outcome, where the context
	// has no deadline of its own.
	killTime = 5 * time.Second

	// freeLimit is how long a kill waits to see the lock go. The server rolls
	// the session's transaction back first.
	freeLimit = 3 * time.Second
)

// Kill ends the session that holds a lock, if it still is the one that k names.
// What it is about to do is in the audit before it does it; where there are no
// tables of ours, and no service, there is no audit of other applications'
// locks.
//
// Errors, all but the last of which leave the holder alone:
// [assign.ErrHolderChanged], with the lock as it is now in what is returned,
// [assign.ErrLockNotOurs], [assign.ErrKillDenied], [assign.ErrHolderUnknown],
// [assign.ErrNotAudited], [assign.ErrUnavailable], [assign.ErrOutcomeUnknown].
func (l *Locks) Kill(ctx context.Context, k assign.LockKill) (assign.LockKilled, error) {
	v, err := l.target(ctx, k)
	if err != nil {
		return assign.LockKilled{Lock: v}, err
	}
	// From here on it is seen through, though whoever asked may leave.
	ctx, cancel := staying(ctx, killTime)
	defer cancel()
	id, err := l.auditAsked(ctx, k, v)
	if err != nil {
		return assign.LockKilled{}, err
	}
	killed := assign.LockKilled{AuditID: id, Lock: v}
	began := time.Now()
	err = lock.Kill(ctx, l.kills, lock.Name(v.Name), k.ConnectionID)
	if err == nil {
		killed.Freed = l.awaitFreed(ctx, lock.Name(v.Name), k.ConnectionID)
		killed.After = time.Since(began)
	}
	l.auditEnded(ctx, k.Actor, killed, err)
	killed.Lock = l.lookAgain(ctx, v)
	return killed, unkilled(ctx, err)
}

// target returns the lock whose holder may be ended: it is the one that was
// meant, and held by the one that was seen.
func (l *Locks) target(ctx context.Context, k assign.LockKill) (assign.LockView, error) {
	var version string
	if err := l.kills.GetContext(ctx, &version, `SELECT VERSION()`); err != nil {
		return assign.LockView{}, wrap("ask for the version", unreadable(ctx, err))
	}
	if engineOf(version).Name == "TiDB" { // its IS_USED_LOCK says 1 for every holder
		return assign.LockView{}, assign.ErrHolderUnknown
	}
	list, err := l.lookUp(ctx, l.kills, k.Name)
	if err != nil {
		return assign.LockView{}, err
	}
	v := list.Locks[0]
	for _, other := range list.Locks[1:] {
		if !heldBy(v, k.ConnectionID) && heldBy(other, k.ConnectionID) {
			v = other
		}
	}
	switch {
	case !v.Ours && !k.AnyLock:
		return assign.LockView{}, assign.ErrLockNotOurs
	case !heldBy(v, k.ConnectionID):
		return v, assign.ErrHolderChanged
	}
	return v, nil
}

func heldBy(v assign.LockView, connection int64) bool {
	return v.Holder != nil && v.Holder.ConnectionID == connection
}

// staying is ctx with its deadline, or this limit if it has none, and not
// cancelled by whoever leaves.
func staying(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(limit)
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}

// lookAgain returns the lock as it is now, or else as it was seen last: what
// was done is done, whether it can be looked at or not.
func (l *Locks) lookAgain(ctx context.Context, was assign.LockView) assign.LockView {
	known := &poolNames{}
	if was.Pool != "" {
		known.pools = map[lock.Name]assign.PoolID{lock.Name(was.Name): was.Pool}
	}
	list, err := l.inspect(ctx, l.kills, []lock.Name{lock.Name(was.Name)}, known)
	if err != nil {
		return was
	}
	now, err := l.one(ctx, l.kills, lock.Name(was.Name), known, list.Locks)
	if err != nil {
		return was
	}
	return now
}

// awaitFreed reports whether session holder is seen to have lost the lock, for
// which it waits a little.
func (l *Locks) awaitFreed(ctx context.Context, name lock.Name, holder int64) bool {
	ctx, cancel := context.WithTimeout(ctx, freeLimit)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		now, used, err := lock.UsedBy(ctx, l.kills, name)
		if err == nil && (!used || now != holder) {
			return true
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return false
		}
	}
}

// unkilled says what an error of the statement that kills means. Only the
// server itself can say that it killed nobody.
func unkilled(ctx context.Context, err error) error {
	switch _, said := number(err); {
	case err == nil:
		return nil
	case errors.Is(err, lock.ErrHolderChanged):
		return fmt.Errorf("%w: %w", assign.ErrHolderChanged, err)
	case errors.Is(err, lock.ErrKillDenied):
		return fmt.Errorf("%w: %w", assign.ErrKillDenied, err)
	case !said:
		return fmt.Errorf("%w: %w", assign.ErrOutcomeUnknown, err)
	}
	return unreadable(ctx, err)
}
