package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"

	"fairlead/assign"
	"fairlead/lock"
)

// unread says what an error before the first write means: nothing was changed.
func unread(ctx context.Context, err error) error {
	n, said := number(err)
	switch {
	case errors.Is(err, lock.ErrTimeout), ctx.Err() != nil:
		return fmt.Errorf("%w: %w", assign.ErrBusy, err)
	case n == 1205: // ER_LOCK_WAIT_TIMEOUT: somebody keeps the pool's row
		return fmt.Errorf("%w: %w", assign.ErrBusy, err)
	case !said, passing[n]:
		return fmt.Errorf("%w: %w", assign.ErrUnavailable, err)
	}
	return err
}

// number is that of the server's error; said is false if the server did not
// come to say anything.
func number(err error) (n uint16, said bool) {
	me := (*mysql.MySQLError)(nil)
	if !errors.As(err, &me) {
		return 0, false
	}
	return me.Number, true
}

// passing are the server's errors that say that the server or the session is
// in trouble, and not the statement.
var passing = map[uint16]bool{
	1021: true, // ER_DISK_FULL
	1040: true, // ER_CON_COUNT_ERROR
	1044: true, // ER_DBACCESS_DENIED_ERROR
	1045: true, // ER_ACCESS_DENIED_ERROR
	1049: true, // ER_BAD_DB_ERROR
	1053: true, // ER_SERVER_SHUTDOWN
	1114: true, // ER_RECORD_FILE_FULL
	1129: true, // ER_HOST_IS_BLOCKED: too many connections were cut while they were made
	1130: true, // ER_HOST_NOT_PRIVILEGED
	1142: true, // ER_TABLEACCESS_DENIED_ERROR
	1143: true, // ER_COLUMNACCESS_DENIED_ERROR
	1146: true, // ER_NO_SUCH_TABLE: not migrated yet
	1203: true, // ER_TOO_MANY_USER_CONNECTIONS
	1213: true, // ER_LOCK_DEADLOCK
	1226: true, // ER_USER_LIMIT_REACHED
	1290: true, // ER_OPTION_PREVENTS_STATEMENT: read-only
	1317: true, // ER_QUERY_INTERRUPTED
	1836: true, // ER_READ_ONLY_MODE
	1927: true, // ER_CONNECTION_KILLED on MariaDB
	3024: true, // ER_QUERY_TIMEOUT
	3058: true, // ER_USER_LOCK_DEADLOCK
	3169: true, // ER_SESSION_WAS_KILLED
	4031: true, // ER_CLIENT_INTERACTION_TIMEOUT
}

// unsure says what an error after the write was sent means. The driver does
// not say which statement of a packet failed, and even a server error may have
// hit what stands behind COMMIT: the outcome is unknown, whatever the error.
func unsure(err error) error {
	if n, _ := number(err); refusals[n] {
		return fmt.Errorf("%w: %w: %w", assign.ErrOutcomeUnknown, assign.ErrRefused, err)
	}
	return fmt.Errorf("%w: %w", assign.ErrOutcomeUnknown, err)
}

// refusals are the server's errors that say that a row cannot be.
var refusals = map[uint16]bool{
	1062: true, // ER_DUP_ENTRY
	1264: true, // ER_WARN_DATA_OUT_OF_RANGE
	1366: true, // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
	1406: true, // ER_DATA_TOO_LONG
}

// unreadable is unread for reads outside units. That nothing was found is the
// caller's to interpret.
func unreadable(ctx context.Context, err error) error {
	n, said := number(err)
	switch {
	case err == nil, errors.Is(err, sql.ErrNoRows):
		return err
	case ctx.Err() != nil, !said, passing[n]:
		return fmt.Errorf("%w: %w", assign.ErrUnavailable, err)
	}
	return err
}

// unreachable tells a server that refuses us from one that is down.
func unreachable(err error) error {
	switch n, _ := number(err); n {
	case 1044, 1045, 1049, 1698: // ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_BAD_DB_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR
		return fmt.Errorf("%w: %w; check the user, the password and the schema in the data source name", ErrUnsuitable, err)
	case 1193, 1231: // ER_UNKNOWN_SYSTEM_VARIABLE, ER_WRONG_VALUE_FOR_VAR
		return fmt.Errorf("%w: %w; take the parameter out of the data source name", ErrUnsuitable, err)
	}
	return fmt.Errorf("connect: %w", err)
}

// unmigrated says what to do about a schema that could not be changed.
func unmigrated(err error) error {
	switch n, _ := number(err); n {
	case 1044, 1142: // ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR
		return fmt.Errorf("%w: migrate: %w; grant this account CREATE and ALTER on the schema (and DROP and DELETE to take changes back), or run fairlead migrate up with another and serve with --migrate=off", ErrUnsuitable, err)
	}
	return fmt.Errorf("migrate: %w", err)
}
