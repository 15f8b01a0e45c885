package compare

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"fairlead/lock"
)

// textbook is the named lock as it is usually shown: each request takes a
// connection, the lock on it, a transaction behind the lock, and gives the lock
// back after COMMIT. Each step is a round trip.
type textbook struct {
	*tables
	scope string // of lock names
}

// lockWait is how long a request waits for the lock, in seconds.
const lockWait = 10

func (d *textbook) assign(ctx context.Context, pool, key string) (a answer, err error) {
	conn, err := d.db.DB.Conn(ctx)
	if err != nil {
		return a, err
	}
	defer conn.Close()
	name := string(lock.NameOf(d.scope, pool))
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, ?)`, name, lockWait).Scan(&got); err != nil {
		return a, err
	}
	if got.Int64 != 1 {
		return a, fmt.Errorf("the lock was not to be had within %d s", lockWait)
	}
	defer func() { err = errors.Join(err, release(ctx, conn, name)) }()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return a, err
	}
	defer tx.Rollback()
	if a, err = d.turn(ctx, tx, pool, key); err != nil {
		return answer{}, err
	}
	return a, tx.Commit()
}

// release gives the lock back. A connection that may still have it is thrown
// away, which does the same.
func release(ctx context.Context, conn *sql.Conn, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var released sql.NullInt64
	err := conn.QueryRowContext(ctx, `SELECT RELEASE_LOCK(?)`, name).Scan(&released)
	if err == nil && released.Int64 == 1 {
		return nil
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	return errors.Join(err, errors.New("the lock was lost"))
}
