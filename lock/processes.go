package lock

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// processes returns the sessions that this account may see: all of them, or its
// own, if it has not got the privilege PROCESS.
func processes(ctx context.Context, srv *server) (list []session, all bool, err error) {
	if srv.engine == MariaDB {
		list, err = mariadbProcesses(ctx, srv)
	} else {
		list, err = shownProcesses(ctx, srv)
	}
	if err != nil || srv.engine == TiDB {
		return list, true, err
	}
	open, err := transactions(ctx, srv)
	if me := (*mysql.MySQLError)(nil); errors.As(err, &me) && me.Number == 3854 {
		err = nil // ER_CANNOT_CONVERT_STRING: not known while a statement has bytes that are no text
	}
	for i := range list {
		if age, ok := open[list[i].id]; ok {
			list[i].transaction = age
		}
	}
	if unreadable(err) { // INNODB_TRX wants the same privilege, and says so
		return list, false, nil
	}
	return list, true, err
}

// mariadbProcesses asks information_schema, which MariaDB shows whatever bytes
// are in a statement, and where times are in milliseconds.
func mariadbProcesses(ctx context.Context, srv *server) ([]session, error) {
	var rows []struct {
		ID         int64
		User, Host string
		Command    string
		State      string
		Ms         float64
		Statement  []byte
	}
	err := srv.sel(ctx, &rows, `
		SELECT ID AS id, USER AS user, HOST AS host, COMMAND AS command, COALESCE(STATE, '') AS state,
			TIME_MS AS ms, LEFT(INFO_BINARY, ?) AS statement
		FROM information_schema.PROCESSLIST`, maxRead)
	list := make([]session, len(rows))
	for i, r := range rows {
		s := unseen(r.ID)
		s.user, s.host, s.statement = r.User, withoutPort(r.Host), r.Statement
		s.since, s.precise = time.Duration(max(0, r.Ms)*float64(time.Millisecond)), true
		s.idle, s.waitsForLock = r.Command == "Sleep", r.State == "User lock"
		list[i] = s
	}
	return list, err
}

// shownProcesses does not ask information_schema: a statement with bytes in it
// that are no text, as ours have, makes MySQL refuse to show the whole table
// there (3854, ER_CANNOT_CONVERT_STRING).
func shownProcesses(ctx context.Context, srv *server) ([]session, error) {
	rows, err := srv.QueryxContext(ctx, `SHOW FULL PROCESSLIST`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var list []session
	for rows.Next() {
		var p processRow
		if err := rows.Scan(p.dest(columns)...); err != nil {
			return nil, err
		}
		list = append(list, p.session(srv.engine))
	}
	return list, rows.Err()
}

// A processRow is a row of SHOW FULL PROCESSLIST.
type processRow struct {
	id             int64
	user, host     string
	command, state sql.NullString
	seconds        sql.NullInt64
	info           []byte
}

// dest is where the columns go. Servers have some more than others.
func (p *processRow) dest(columns []string) []any {
	known := map[string]any{"Id": &p.id, "User": &p.user, "Host": &p.host,
		"Command": &p.command, "Time": &p.seconds, "State": &p.state, "Info": &p.info}
	dest := make([]any, len(columns))
	for i, name := range columns {
		dest[i] = new(any)
		if d, ok := known[name]; ok {
			dest[i] = d
		}
	}
	return dest
}

func (p *processRow) session(e Dialect) session {
	s := unseen(p.id)
	s.user, s.host = p.user, withoutPort(p.host)
	s.statement = bytes.Clone(p.info[:min(len(p.info), maxRead)]) // the rest may be megabytes
	s.idle = p.command.String == "Sleep"
	s.waitsForLock = p.state.String == "User lock" || e == TiDB && len(s.statement) > 0 // TiDB has no such state
	if p.seconds.Valid {
		s.since = seconds(p.seconds.Int64)
	}
	return s
}

// withoutPort leaves out the port of a client that came over TCP, which the
// process list shows and the performance schema does not.
func withoutPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.Trim(host[i+1:], "0123456789") != "" {
		return host
	}
	return host[:i]
}

// InnoDB says when a transaction began in the server's own time zone, which is
// not our sessions'; the column says whether a statement's could be changed.
const (
	selectTransactionsOf = `@@SESSION.time_zone = 'SYSTEM' AS comparable, trx_mysql_thread_id AS id,
		TIMESTAMPDIFF(SECOND, trx_started, NOW()) AS age
		FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id > 0`

	onMySQL   = `SELECT /*+ SET_VAR(time_zone = 'SYSTEM') */ `
	onMariaDB = `SET STATEMENT time_zone = 'SYSTEM' FOR SELECT `
)

// transactions returns for how long, at least, sessions have had a transaction
// open in InnoDB, which keeps its beginning in whole seconds.
func transactions(ctx context.Context, srv *server) (map[int64]time.Duration, error) {
	query := onMySQL + selectTransactionsOf
	if srv.engine == MariaDB {
		query = onMariaDB + selectTransactionsOf
	}
	var rows []struct {
		Comparable bool
		ID, Age    int64
	}
	err := srv.sel(ctx, &rows, query)
	open := make(map[int64]time.Duration, len(rows))
	for _, r := range rows {
		if r.Comparable {
			open[r.ID] = seconds(max(0, r.Age-1))
		}
	}
	return open, err
}
