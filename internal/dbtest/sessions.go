package dbtest

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// A Session is one of the server's, as its process list shows it.
type Session struct {
	ID                             int64
	User, DB, Command, State, Info string
}

// Sessions returns the sessions of a server, as an administrator sees them.
//
// It does not ask information_schema.PROCESSLIST, which MySQL refuses to show
// while any session runs a statement with bytes that are no text.
func Sessions(ctx context.Context, db sqlx.QueryerContext) ([]Session, error) {
	rows, err := db.QueryxContext(ctx, `SHOW FULL PROCESSLIST`)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer rows.Close()
	var all []Session
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		id, ok := row["Id"].(int64)
		if !ok {
			return nil, fmt.Errorf("list sessions: id is a %T", row["Id"])
		}
		text := func(column string) string {
			b, _ := row[column].([]byte)
			return string(b)
		}
		all = append(all, Session{ID: id, User: text("User"), DB: text("db"), Command: text("Command"), State: text("State"), Info: text("Info")})
	}
	return all, rows.Err()
}
