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
// are worthless on this connection.
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
	if err := a.Release(ctx, name); err != nil {
		return fmt.Errorf("%w (%w)", ErrShared, err)
	}
	a.Clean()
	b.Clean()
	return nil
}

func excludes(ctx context.Context, a, b *Session, name Name, knowsHolder bool) error {
	var self int64
	if err := a.GetContext(ctx, &self, `SELECT CONNECTION_ID()`); err != nil {
		return fmt.Errorf("ask for connection id: %w", err)
	}
	holder, used, err := UsedBy(ctx, b, name)
	switch {
	case err != nil:
		return err
	case !used:
		return fmt.Errorf("%w (the lock of one session is free in another)", ErrShared)
	case knowsHolder && holder != self:
		return fmt.Errorf("%w (the holder is session %d and says it is %d)", ErrShared, holder, self)
	}
	switch err := b.Get(ctx, name, 0); {
	case err == nil:
		return fmt.Errorf("%w (two sessions hold the same lock)", ErrShared)
	case !errors.Is(err, ErrTimeout):
		return err
	}
	return nil
}
