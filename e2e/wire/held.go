package wire

import (
	"context"
	"fmt"
	"strings"
	"time"

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
func Sessions(ctx context.Context, db *sqlx.DB) ([]Session, error) {
	rows, err := db.QueryxContext(ctx, `SHOW FULL PROCESSLIST`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Session
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			return nil, err
		}
		text := func(column string) string {
			b, _ := row[column].([]byte)
			return string(b)
		}
		s := Session{User: text("User"), DB: text("db"), Command: text("Command"), State: text("State"), Info: text("Info")}
		if _, err := fmt.Sscan(fmt.Sprintf("%v", row["Id"]), &s.ID); err != nil {
			return nil, fmt.Errorf("id of a session: %w", err)
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// Session waits until the server has come to the step where the session is
// held, and returns its connection id. Db is that of an administrator, who may
// see the sessions of others and kill them.
func (s Sprung) Session(ctx context.Context, db *sqlx.DB) (id int64, err error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		all, err := Sessions(ctx, db)
		if err != nil {
			return 0, err
		}
		for _, one := range all {
			if one.State == "User sleep" && strings.Contains(one.Info, s.mark) {
				return one.ID, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("no session is held %v of a unit of %s: %w", s.Step, s.Pool, ctx.Err())
		}
	}
}
