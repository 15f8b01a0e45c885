package lock

import (
	"context"
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// A server is who answers the questions of one [Inspect].
type server struct {
	sqlx.QueryerContext
	engine   Dialect
	account  string // as GRANT wants it
	schema   bool   // whether it runs with a performance schema
	refusals []error
}

func ask(ctx context.Context, db sqlx.QueryerContext) (*server, error) {
	var version, account string
	if err := db.QueryRowxContext(ctx, `SELECT VERSION(), CURRENT_USER()`).Scan(&version, &account); err != nil {
		return nil, err
	}
	s := &server{QueryerContext: db, engine: DialectOf(version), account: QuoteAccount(account)}
	if s.engine == TiDB {
		return s, nil
	}
	return s, sqlx.GetContext(ctx, db, &s.schema, `SELECT @@performance_schema`)
}

// QuoteAccount turns what CURRENT_USER says, user@host, into what GRANT wants,
// 'user'@'host'.
func QuoteAccount(account string) string {
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
