package lock

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// These are the ways in which a holder is not killed; test with errors.Is.
var (
	// ErrHolderChanged means that the lock is free, or somebody else's by now.
	ErrHolderChanged = errors.New("the lock has another holder, or none")

	// ErrKillDenied means that this account may not end other accounts'
	// sessions. On MySQL that wants CONNECTION_ADMIN, and SYSTEM_USER besides
	// where the other account has that; on MariaDB CONNECTION ADMIN.
	ErrKillDenied = errors.New("this account may not end that session")
)

// Kill ends the session that holds a lock, if that is the one with this
// connection id. Any account may end its own sessions.
//
// The server finds out who holds the lock in the statement that kills, when it
// runs it: no round trip lies between the look and the deed, nor does a wait in
// line. A holder that lets go in the microseconds that are left, while the server
// is at this very statement, may be ended though it has just finished; so may one
// that gives the lock back and takes it again. Whoever has the lock after it is
// safe, and so is everybody once the server has answered [ErrHolderChanged].
//
// The server rolls the session's transaction back before it frees the lock, and
// Kill does not wait for that. Errors: [ErrHolderChanged], [ErrKillDenied],
// [ErrName]; after any other it is not known whether the session was ended. TiDB
// does not say who holds a lock, and must not be asked.
func Kill(ctx context.Context, db sqlx.ExecerContext, name Name, holder int64) error {
	if holder <= 0 {
		return fmt.Errorf("kill the holder of lock %s: %d is no connection: %w", name, holder, ErrHolderChanged)
	}
	// 0 is nobody's connection id. The name goes as the digits of its bytes:
	// MySQL takes no parameters in a KILL (6413), where the driver does not fill
	// them in itself.
	_, err := db.ExecContext(ctx, fmt.Sprintf(`KILL CONNECTION IF(IS_USED_LOCK(_utf8mb4 X'%X') = %d, %[2]d, 0)`, string(name), holder))
	if err == nil {
		return nil
	}
	me := (*mysql.MySQLError)(nil)
	switch {
	case errors.As(err, &me) && me.Number == 1094: // ER_NO_SUCH_THREAD
		err = ErrHolderChanged
	case errors.As(err, &me) && me.Number == 1095: // ER_KILL_DENIED_ERROR
		err = ErrKillDenied
	default:
		err = Typed(err)
	}
	return fmt.Errorf("kill the holder of lock %s, connection %d: %w", name, holder, err)
}
