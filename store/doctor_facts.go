package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// facts are what is known of a server before anything is judged.
type facts struct {
	engine  Engine
	global  map[string]string // the server's variables by name, in lower case
	session map[string]string // those of one of our sessions
	plan    Plan
}

// facts asks the server, in a session as units have them.
func (s *Store) facts(ctx context.Context) (facts, error) {
	conn, err := s.units.Connx(ctx)
	if err != nil {
		return facts{}, unreachable(err)
	}
	defer conn.Close()
	var version string
	if err := conn.GetContext(ctx, &version, `SELECT VERSION()`); err != nil {
		return facts{}, unreachable(err)
	}
	f := facts{engine: engineOf(version)}
	f.global, err = pairs(ctx, conn, `SHOW GLOBAL VARIABLES`)
	if err == nil {
		f.session, err = pairs(ctx, conn, `SHOW SESSION VARIABLES`)
	}
	if err != nil {
		return facts{}, fmt.Errorf("ask for the server's variables: %w", err)
	}
	return f, nil
}

// first is the value of the first of these variables that the server has, and
// its name. They have other names on other engines.
func first(variables map[string]string, names ...string) (name, value string) {
	for _, name := range names {
		if value, ok := variables[name]; ok {
			return name, value
		}
	}
	return names[0], ""
}

// pairs are the rows of SHOW VARIABLES or SHOW STATUS.
func pairs(ctx context.Context, db sqlx.QueryerContext, query string) (map[string]string, error) {
	var rows []struct {
		Name  string         `db:"Variable_name"`
		Value sql.NullString `db:"Value"`
	}
	if err := sqlx.SelectContext(ctx, db, &rows, query); err != nil {
		return nil, err
	}
	all := make(map[string]string, len(rows))
	for _, r := range rows {
		all[strings.ToLower(r.Name)] = r.Value.String
	}
	return all, nil
}
