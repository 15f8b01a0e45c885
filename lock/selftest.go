package lock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// ErrShared means that statements of one connection do not reach one session:
// something between us and the server hands sessions around.
var ErrShared = errors.New("named locks do not exclude: is there a proxy that shares sessions between connections?")

// SelfTest takes a lock of a random name in one session and finds out whether
// another session can see it and cannot have it. With knowsHolder, the server
// must also name the first session as the holder; TiDB cannot.
//
// An error wrapping [ErrShared] says that it is not so, and that named locks
// are worthless on this connection. Any other error, a session that ended
// meanwhile for one, says nothing about that.
func SelfTest(ctx context.Context, db *sqlx.DB, scope string, knowsHolder bool) error {
	name := NameOf(scope, "self-test:"+rand.Text()[:10])
	a, err := Open(ctx, db)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := Open(ctx, db)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := a.Get(ctx, name, time.Second); err != nil {
		return err
	}
	if err := excludes(ctx, a, b, name, knowsHolder); err != nil {
		return err
	}
	switch err := a.Release(ctx, name); {
	case errors.Is(err, ErrNotHeld):
		return fmt.Errorf("%w (%w)", ErrShared, err)
	case err != nil:
		return err
	}
	a.Clean()
	b.Clean()
	return nil
}

func excludes(ctx context.Context, a, b *Session, name Name, knowsHolder bool) error {
	self, err := connectionID(ctx, a)
	if err != nil {
		return err
	}
	holder, used, err := UsedBy(ctx, b, name)
	switch {
	case err != nil:
		return err
	case !used:
		return unlessGone(ctx, a, "the lock of one session is free in another")
	case knowsHolder && holder != self:
		return fmt.Errorf("%w (the holder is session %d and says it is %d)", ErrShared, holder, self)
	}
	switch err := b.Get(ctx, name, 0); {
	case err == nil:
		return unlessGone(ctx, a, "two sessions hold the same lock")
	case !errors.Is(err, ErrTimeout):
		return err
	}
	return nil
}

func connectionID(ctx context.Context, s *Session) (id int64, err error) {
	if err := s.GetContext(ctx, &id, `SELECT CONNECTION_ID()`); err != nil {
		return 0, fmt.Errorf("ask for connection id: %w", err)
	}
	return id, nil
}

// unlessGone is an [ErrShared], unless the session that had the lock has ended:
// then the lock is free by right.
func unlessGone(ctx context.Context, holder *Session, what string) error {
	if _, err := connectionID(ctx, holder); err != nil {
		return err
	}
	return fmt.Errorf("%w (%s)", ErrShared, what)
}
