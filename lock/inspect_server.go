package lock

import (
	"context"
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// An engine is a make of server, as far as its lock tables differ.
type engine int

const (
	mysqld engine = iota // MySQL, and whatever does not say otherwise
	mariadb
	tidb
)

// A server is who answers the questions of one [Inspect].
type server struct {
	sqlx.QueryerContext
	engine   engine
	account  string // as GRANT wants it
	schema   bool   // whether it runs with a performance schema
	refusals []error
}

func ask(ctx context.Context, db sqlx.QueryerContext) (*server, error) {
	s := &server{QueryerContext: db}
	var version, account string
	if err := db.QueryRowxContext(ctx, `SELECT VERSION(), CURRENT_USER()`).Scan(&version, &account); err != nil {
		return nil, err
	}
	switch {
	case strings.Contains(version, "MariaDB"):
		s.engine = mariadb
	case strings.Contains(version, "TiDB"):
		s.engine = tidb
	}
	s.account = quoteAccount(account)
	if s.engine == tidb {
		return s, nil
	}
	return s, sqlx.GetContext(ctx, db, &s.schema, `SELECT @@performance_schema`)
}

// quoteAccount turns what CURRENT_USER says, user@host, into 'user'@'host'.
func quoteAccount(account string) string {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'" }
	i := strings.LastIndexByte(account, '@')
	if i < 0 {
		return quote(account)
	}
	return quote(account[:i]) + "@" + quote(account[i+1:])
}

// sel selects rows into dest, with lists among args spread out.
func (s *server) sel(ctx context.Context, dest any, query string, args ...any) error {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return err
	}
	return sqlx.SelectContext(ctx, s, dest, query, args...)
}

// These say that a source is there and shows nothing.
var (
	errSchemaOff     = errors.New("the performance schema is off")
	errInstrumentOff = errors.New("instrument wait/lock/metadata/sql/mdl is off")
)

// unreadable tells a source that is not there, or not for us, from one that
// failed.
func unreadable(err error) bool {
	me := (*mysql.MySQLError)(nil)
	if !errors.As(err, &me) {
		return errors.Is(err, errSchemaOff) || errors.Is(err, errInstrumentOff)
	}
	switch me.Number {
	case 1044, // ER_DBACCESS_DENIED_ERROR
		1049, // ER_BAD_DB_ERROR
		1109, // ER_UNKNOWN_TABLE, of information_schema
		1142, // ER_TABLEACCESS_DENIED_ERROR
		1143, // ER_COLUMNACCESS_DENIED_ERROR
		1146, // ER_NO_SUCH_TABLE
		1227: // ER_SPECIFIC_ACCESS_DENIED_ERROR
		return true
	}
	return false
}
