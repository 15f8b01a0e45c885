package lock

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// A Session is a connection taken out of its pool for as long as it may hold
// locks or a transaction. Statements that need them run on it and nowhere
// else. It must not be used by two goroutines at once.
type Session struct {
	*sqlx.Conn
	clean bool
}

// Open takes a connection out of db's pool, or makes a new one. Whoever opens
// a session must close it.
func Open(ctx context.Context, db *sqlx.DB) (*Session, error) {
	conn, err := db.Connx(ctx)
	if err != nil {
		return nil, fmt.Errorf("get connection: %w", err)
	}
	return &Session{Conn: conn}, nil
}

// Clean says that the session holds nothing any longer: its locks are released
// and its transaction is over, and the server confirmed both.
func (s *Session) Clean() { s.clean = true }

// Close ends the caller's use of the session. A clean one goes back to the
// pool. Any other is disconnected, upon which the server rolls back and
// unlocks: a connection that still holds a lock would give it unnoticed to
// its next user, whose START TRANSACTION would moreover commit what this one
// left undone. (The driver's ResetSession does not reset the server's side.)
func (s *Session) Close() error {
	if !s.clean {
		_ = s.Raw(func(any) error { return driver.ErrBadConn })
	}
	return s.Conn.Close()
}
