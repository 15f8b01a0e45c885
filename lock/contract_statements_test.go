package lock_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// results returns the values of a packet's statements, each of one value, and
// behind them the error that ended them, if one did.
func (a *actor) results(query string) []string {
	rows, err := a.conn.QueryContext(a.s.t.Context(), query)
	if err != nil {
		return []string{failed(err)}
	}
	defer rows.Close()
	var all []string
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			var v sql.NullString
			if err := rows.Scan(&v); err != nil {
				return append(all, err.Error())
			}
			all = append(all, v.String)
		}
	}
	if err := rows.Err(); err != nil {
		all = append(all, failed(err))
	}
	return all
}

// TestContractPackets asks of several statements that are sent at once, as a
// unit's are.
func TestContractPackets(t *testing.T) {
	t.Parallel()
	const alone = "why GET_LOCK goes alone in the first round trip: a lock that was not had stops nothing that comes behind it"
	const stops = "that an error in the write packet keeps COMMIT from running"
	const behind = "that the result of every statement of a packet is read to its end before it is believed"
	sum := func(s *scene, table string) string { return s.look(`SELECT SUM(v) FROM ` + table) }
	checkCells(t, []cell{
		{"a lock not had stops nothing", both("ok, 2"), func(s *scene) string {
			table := s.table()
			s.held()
			got := s.session(packets).do(`SELECT GET_LOCK('` + s.lock + `', 0); UPDATE ` + table + ` SET v = 1`)
			return got + ", " + sum(s, table)
		}, alone},
		{"a duplicate key stops what follows", both("error 1062, 0"), func(s *scene) string {
			table := s.table()
			got := s.session(packets).do(`START TRANSACTION; UPDATE ` + table + ` SET v = 1; INSERT INTO ` + table + ` VALUES (1, 1); UPDATE ` + table + ` SET v = 2; COMMIT`)
			return got + ", " + sum(s, table)
		}, stops},
		{"a duplicate key leaves the transaction open", both("error 1062, 2"), func(s *scene) string {
			table := s.table()
			a := s.session(packets)
			got := a.do(`START TRANSACTION; UPDATE ` + table + ` SET v = 1; INSERT INTO ` + table + ` VALUES (1, 1); UPDATE ` + table + ` SET v = 2; COMMIT`)
			a.must(`COMMIT`)
			return got + ", " + sum(s, table)
		}, "that a connection is thrown away after an error in a unit: its next user would commit half of it"},
		{"the driver shows an error of a later statement late", both("query nil, first nil, then error 1062"), func(s *scene) string {
			table := s.table()
			rows, err := s.session(packets).conn.QueryContext(s.t.Context(), `SELECT 1; INSERT INTO `+table+` VALUES (1, 1)`)
			if err != nil {
				return failed(err)
			}
			defer rows.Close()
			for rows.Next() {
			}
			first := rows.Err()
			rows.NextResultSet()
			return fmt.Sprintf("query nil, first %s, then %s", typeOf(first), typeOf(rows.Err()))
		}, behind},
		{"the driver counts the rows of the last statement", both("0"), func(s *scene) string {
			table := s.table()
			result, err := s.session(packets).conn.ExecContext(s.t.Context(), `UPDATE `+table+` SET v = 1; UPDATE `+table+` SET v = 1 WHERE id = 77; SELECT 1`)
			if err != nil {
				return failed(err)
			}
			n, _ := result.RowsAffected()
			return fmt.Sprint(n)
		}, "why a unit's fence is a statement that fails and not a count of rows that somebody has to read"},
		{"level and begin at the head of a packet", both("1"), func(s *scene) string {
			table := s.table()
			a := s.session(packets)
			a.must(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION; SELECT v FROM ` + table)
			s.do(`UPDATE ` + table + ` SET v = 1 WHERE id = 1`)
			return a.ask(`SELECT v FROM ` + table + ` WHERE id = 1`)
		}, "that a unit runs under READ COMMITTED whatever the server's default is"},
		{"the level is the next transaction's only", both("0"), func(s *scene) string {
			table := s.table()
			a := s.session(packets)
			a.must(`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION; COMMIT`,
				`START TRANSACTION`)
			a.ask(`SELECT v FROM ` + table + ` WHERE id = 1`)
			s.do(`UPDATE ` + table + ` SET v = 1 WHERE id = 1`)
			return a.ask(`SELECT v FROM ` + table + ` WHERE id = 1`)
		}, "that the level has to be said for each unit, in its own packet"},
	})
}

// TestContractRows asks what is left of a transaction after an error that rows
// brought about.
func TestContractRows(t *testing.T) {
	t.Parallel()
	checkCells(t, []cell{
		{"a deadlock over rows ends the transaction, and what follows is for good", both("error 1213, 7"), func(s *scene) string {
			table := s.table()
			got, victim := s.rowDeadlock(table)
			victim.must(`INSERT INTO `+table+` VALUES (3, 7)`, `ROLLBACK`)
			return got + ", " + s.look(`SELECT v FROM `+table+` WHERE id = 3`)
		}, "that after 1213 nothing more is said on that connection: it would be committed by itself"},
		{"a deadlock over rows leaves the named lock", both("error 1213, first"), func(s *scene) string {
			got, victim := s.rowDeadlock(s.table(), `SELECT GET_LOCK('`+s.lock+`', 0)`)
			return got + ", " + s.holder(victim)
		}, "that a unit that failed must end its session or release its lock"},
		{"a time-out over rows leaves the transaction open", both("error 1205, 5"), func(s *scene) string {
			table := s.table()
			a, b := s.session(), s.session()
			b.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1 WHERE id = 1`)
			a.must(`SET innodb_lock_wait_timeout = 1`, `START TRANSACTION`, `UPDATE `+table+` SET v = 5 WHERE id = 2`)
			got := a.do(`UPDATE ` + table + ` SET v = 9 WHERE id = 1`)
			a.must(`COMMIT`)
			return got + ", " + s.look(`SELECT v FROM `+table+` WHERE id = 2`)
		}, "that after 1205 a session is thrown away: its transaction is still open"},
		{"START TRANSACTION commits what was open", both("2"), func(s *scene) string {
			table := s.table()
			a := s.session()
			a.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1`, `START TRANSACTION`, `ROLLBACK`)
			return s.look(`SELECT SUM(v) FROM ` + table)
		}, "that no connection with an open transaction may go back to the pool"},
	})
}

// rowDeadlock has two sessions wait for each other's rows, and returns what
// the victim has, and the victim.
func (s *scene) rowDeadlock(table string, before ...string) (string, *actor) {
	s.t.Helper()
	a, b := s.session(), s.session()
	for _, q := range before {
		a.ask(q)
	}
	// The one that has changed more rows survives.
	s.do(`INSERT INTO ` + table + ` VALUES (11, 0), (12, 0), (13, 0), (14, 0), (15, 0)`)
	b.must(`START TRANSACTION`)
	for _, id := range []int{11, 12, 13, 14, 15, 2} { // one by one: a range would lock more
		b.must(fmt.Sprint(`UPDATE `, table, ` SET v = 1 WHERE id = `, id))
	}
	a.must(`SET innodb_lock_wait_timeout = 50`, `START TRANSACTION`, `UPDATE `+table+` SET v = 1 WHERE id = 1`)
	b.must(`SET innodb_lock_wait_timeout = 50`)
	p := b.wait(forRow, `SELECT v FROM `+table+` WHERE id = 1 FOR UPDATE`)
	got := a.ask(`SELECT v FROM ` + table + ` WHERE id = 2 FOR UPDATE`)
	if other := p.result(); got != "error 1213" {
		got += ", the other " + other
	}
	return got, a
}

// TestContractVariables asks which session variables a data source name and a
// statement may set.
func TestContractVariables(t *testing.T) {
	t.Parallel()
	const dialect = "why the level is set by a statement and not by the data source name: no name is known to all servers"
	connects := func(name, value string) func(*scene) string {
		return func(s *scene) string {
			return first(s.connect(func(cfg *mysql.Config) { cfg.Params = map[string]string{name: value} }).QueryRowContext(s.t.Context(), `SELECT 'ok'`))
		}
	}
	does := func(query string) func(*scene) string {
		return func(s *scene) string { return s.session().do(query) }
	}
	levelOnMariaDB := "error 1193"
	if onMariaDB(t, 11, 1) { // which took MySQL's name over
		levelOnMariaDB = "ok"
	}
	cells := []cell{
		{"transaction_isolation", answers{mariadb: levelOnMariaDB, mysql: "ok"}, connects("transaction_isolation", "'READ-COMMITTED'"), dialect},
		{"tx_isolation", answers{mariadb: "ok", mysql: "error 1193"}, connects("tx_isolation", "'READ-COMMITTED'"), dialect},
		{"SET max_execution_time", answers{mariadb: "error 1193", mysql: "ok"}, does(`SET max_execution_time = 1000`), "that limits on statements are left to DBAs"},
		{"SET max_statement_time", answers{mariadb: "ok", mysql: "error 1193"}, does(`SET max_statement_time = 1`), "that limits on statements are left to DBAs"},
		{"@@in_transaction", answers{mariadb: "0", mysql: "error 1193"}, func(s *scene) string { return s.session().ask(`SELECT @@in_transaction`) },
			"that no code of ours asks whether a transaction is open: it closes the session"},
	}
	for name, value := range map[string]string{
		"time_zone": "'+00:00'", "sql_mode": "'STRICT_TRANS_TABLES'", "autocommit": "1", "sql_select_limit": "18446744073709551615",
		"wait_timeout": "20", "net_write_timeout": "20", "innodb_lock_wait_timeout": "3", "lock_wait_timeout": "5",
	} {
		cells = append(cells, cell{name, both("ok"), connects(name, value), "what each of our sessions sets: without it no connection at all"})
	}
	checkCells(t, cells)
}

// TestContractStatementLimit asks what a limit on statements does to a holder.
func TestContractStatementLimit(t *testing.T) {
	t.Parallel()
	checkCells(t, []cell{
		inTime(spanCell{"keeps its lock", span{"first", time.Second}, span{"first", time.Second}, span{}, func(s *scene) string {
			a := s.session()
			a.take()
			a.must(choose(s, `SET max_statement_time = 1`, `SET max_execution_time = 1000`, `SET max_execution_time = 1000`))
			a.ask(`SELECT SLEEP(50)`)
			defer a.release()
			return s.holder(a)
		}, "that a DBA's limit on statements frees no lock"}),
	})
}
