package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/lock"
)

const (
	// readTime is how long the read packet may take behind the lock.
	readTime = 5 * time.Second

	// writeTime bounds the write packet, COMMIT and release included. It runs
	// on although every caller may have left, but not for ever.
	writeTime = 5 * time.Second
)

// A unit is one hold of a pool's lock, in one session.
type unit struct {
	*Store
	session *lock.Session
	claim   assign.Claim
	ask     func() assign.Need
	trace   assign.Trace
}

// Unit implements [assign.Ledger].
//
// It costs two round trips. The lock heads the first: if it is not granted,
// the statements behind it have read and locked rows for nothing, and the
// session is thrown away. The release ends the second, behind COMMIT. A unit
// that asks late has the lock in a round trip ahead of these; with the lock
// off it asks at once.
func (s *Store) Unit(ctx context.Context, claim assign.Claim, ask func() assign.Need, decide func(assign.State) assign.Changes) (assign.Trace, error) {
	began := time.Now()
	session, err := lock.Open(ctx, s.units)
	if err != nil {
		return assign.Trace{Connect: time.Since(began)}, unread(ctx, err)
	}
	// Anything but a clean end disconnects: the server rolls back and unlocks.
	defer session.Close()

	u := &unit{Store: s, session: session, claim: claim, ask: ask}
	u.trace.Connect = time.Since(began)
	state, err := u.read(ctx)
	if err != nil {
		return u.trace, fmt.Errorf("read pool %s: %w", claim.Pool, err)
	}
	u.trace.Seq = state.Pool.Seq

	began = time.Now()
	changes := decide(state)
	u.trace.Decide = time.Since(began)

	began = time.Now()
	err = u.finish(ctx, changes)
	u.trace.Write = time.Since(began)
	if err != nil {
		return u.trace, fmt.Errorf("write pool %s: %w", claim.Pool, err)
	}
	return u.trace, nil
}

// read takes the lock and reads, in one packet unless the unit asks late.
func (u *unit) read(ctx context.Context) (assign.State, error) {
	ctx, cancel := context.WithTimeout(ctx, u.claim.Wait+readTime)
	defer cancel()
	var p packet
	ahead := u.claim.AskLate && !u.lockOff
	switch {
	case ahead:
		if err := u.lock(ctx); err != nil {
			return assign.State{}, unread(ctx, err)
		}
	case !u.lockOff:
		p.add(lock.GetSQL, string(u.name()), lock.Seconds(u.claim.Wait))
	}
	r := reading{need: u.ask(), pool: u.claim.Pool}
	r.ask(&p)

	began := time.Now()
	rows, err := u.session.QueryxContext(ctx, p.text.String(), p.args...)
	if err != nil {
		if !ahead {
			u.trace.Lock = time.Since(began) // the packet's head
		}
		return assign.State{}, unread(ctx, lock.Typed(err))
	}
	defer rows.Close()
	if !u.lockOff && !ahead {
		err = granted(rows)
		u.trace.Lock = time.Since(began)
		began = time.Now()
		if err == nil {
			u.trace.Unreleased = true
			err = next(rows) // waits for the fence
			u.trace.Read = time.Since(began)
		}
		if err != nil {
			err = unread(ctx, lock.Typed(err))
			// To close rows is to wait for the rest of the packet, which waits
			// for the row that whoever has the lock has too. Cut it off.
			cancel()
			return assign.State{}, err
		}
	}
	state, err := r.take(rows)
	u.trace.Read = time.Since(began)
	if err != nil {
		return assign.State{}, unread(ctx, err)
	}
	return state, nil
}

func (u *unit) name() lock.Name { return u.LockName(u.claim.Pool) }

// lock takes the lock in a round trip of its own.
func (u *unit) lock(ctx context.Context) error {
	began := time.Now()
	err := u.session.Get(ctx, u.name(), u.claim.Wait)
	u.trace.Lock = time.Since(began)
	u.trace.Unreleased = err == nil
	return err
}

// granted reads what GET_LOCK said. Only 1 means that the lock is ours.
func granted(rows *sqlx.Rows) error {
	v, err := single(rows)
	if err != nil {
		return err
	}
	return lock.Granted(v)
}

func single(rows *sqlx.Rows) (v sql.NullInt64, err error) {
	err = each(rows, func() error { return rows.Scan(&v) })
	return v, err
}

// finish writes what was decided, commits, and only then releases. Where
// nothing was decided it gives the pool back.
func (u *unit) finish(ctx context.Context, changes assign.Changes) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	var p packet
	if changes.Empty() {
		p.add(`ROLLBACK`)
	} else {
		writeChanges(&p, changes)
		p.add(`COMMIT`)
		if size, most := p.size(), u.maxPacket.Load(); most > 0 && size > most {
			return fmt.Errorf("%d bytes are more than the server takes at once (max_allowed_packet is %d): nothing was written", size, most)
		}
		u.trace.Written = true
	}
	if !u.lockOff {
		p.add(lock.ReleaseSQL, string(u.name()))
	}
	rows, err := u.session.QueryxContext(ctx, p.text.String(), p.args...)
	if err != nil && u.trace.Written {
		return unsure(err)
	}
	if err != nil {
		u.log.WarnContext(ctx, "unit that changed nothing ended badly, connection dropped", "pool", u.claim.Pool, "err", err)
		return nil
	}
	// The driver has read as far as the first result with rows, which only the
	// release has: whatever becomes of it, the commit has happened.
	defer rows.Close()
	u.release(ctx, rows)
	return nil
}

// release reads what RELEASE_LOCK said. A lock that is not surely free costs
// the connection, never the answer.
func (u *unit) release(ctx context.Context, rows *sqlx.Rows) {
	err := error(nil)
	if u.lockOff {
		err = rows.Err()
	} else {
		var v sql.NullInt64
		if v, err = single(rows); err == nil {
			err = lock.Released(v)
		}
	}
	if err = errors.Join(err, rows.Close()); err != nil {
		u.log.WarnContext(ctx, "lock not released, connection dropped", "pool", u.claim.Pool, "err", err)
		return
	}
	u.trace.Unreleased = false
	u.session.Clean()
}
