package lock_test

import (
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"

	"fairlead/internal/dbtest"
)

// TestContractSeen asks what the server's own tables show of locks, and to
// whom.
func TestContractSeen(t *testing.T) {
	t.Parallel()
	const inspector = "Inspect, and the statements of `fairlead locks sql` and docs/dba.md"
	const least = "that an account without grants sees no locks there, and that the monitor account of docs/dba.md needs no more"
	row := func(s *scene, by *actor, of *actor) string {
		return by.ask(`SELECT CONCAT_WS(' ', l.OBJECT_TYPE, l.LOCK_TYPE, l.LOCK_DURATION, l.LOCK_STATUS)
			FROM performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID
			WHERE l.OBJECT_NAME = ? AND t.PROCESSLIST_ID = ?`, s.lock, of.id)
	}
	cells := []cell{
		{"the instrument is in the server", answers{mariadb: "1", mysql: "1"}, func(s *scene) string {
			return s.look(`SELECT COUNT(*) FROM performance_schema.setup_instruments WHERE NAME = 'wait/lock/metadata/sql/mdl'`)
		}, "the remedy that is named where locks cannot be seen"},
		{"no privilege for locks", both("error 1142"), func(s *scene) string {
			return s.session(s.account()).ask(`SELECT COUNT(*) FROM performance_schema.metadata_locks`)
		}, least},
		{"no privilege for threads", both("error 1142"), func(s *scene) string {
			return s.session(s.account()).ask(`SELECT COUNT(*) FROM performance_schema.threads`)
		}, least},
		{"no privilege for attributes", both("error 1142"), func(s *scene) string {
			return s.session(s.account()).ask(`SELECT COUNT(*) FROM performance_schema.session_connect_attrs`)
		}, least},
		{"the functions need no privilege", both("true"), func(s *scene) string {
			a := s.session()
			a.take()
			return fmt.Sprint(s.session(s.account()).ask(`SELECT IS_USED_LOCK(?)`, s.lock) == fmt.Sprint(a.id))
		}, "that the app account can at least ask who holds a name that it knows"},
		{"an account's own sessions in the process list", both("User lock"), func(s *scene) string {
			s.session().take()
			app := s.account()
			looks, b := s.session(app), s.session(app)
			b.queue()
			return looks.sees(b)
		}, "that waiters of the app account are seen without any grant"},
		{"others' sessions in the process list", both("nothing"), func(s *scene) string {
			return s.session(s.account()).sees(s.session())
		}, "what the report says that it cannot see"},
	}
	if !instrumentOn(t) {
		t.Log("the instrument of named locks is off on this server: its rows are not looked at")
		checkCells(t, cells)
		return
	}
	monitor := []string{"SELECT ON performance_schema.metadata_locks", "SELECT ON performance_schema.threads", "SELECT ON performance_schema.session_connect_attrs"}
	cells = append(cells,
		cell{"a holder", answers{mariadb: "USER LEVEL LOCK SHARED_NO_WRITE EXPLICIT GRANTED", mysql: "USER LEVEL LOCK EXCLUSIVE EXPLICIT GRANTED"}, func(s *scene) string {
			a := s.session()
			a.take()
			return row(s, s.session(s.account(monitor...)), a)
		}, inspector},
		cell{"a waiter", answers{mariadb: "USER LEVEL LOCK SHARED_NO_WRITE EXPLICIT PENDING", mysql: "USER LEVEL LOCK EXCLUSIVE EXPLICIT PENDING"}, func(s *scene) string {
			s.session().take()
			b := s.session()
			b.queue()
			return row(s, s.session(s.account(monitor...)), b)
		}, inspector},
		cell{"a program's name", both("fairlead"), func(s *scene) string {
			a := s.session(func(cfg *mysql.Config) { cfg.ConnectionAttributes = "program_name:fairlead" })
			return s.session(s.account(monitor...)).ask(`SELECT ATTR_VALUE FROM performance_schema.session_connect_attrs
				WHERE PROCESSLIST_ID = ? AND ATTR_NAME = 'program_name'`, a.id)
		}, inspector},
		// MariaDB keeps statements only where their consumers are on, which they
		// are not by default.
		cell{"the statement that took a lock", answers{mysql: "1"}, func(s *scene) string {
			a := s.session()
			a.take()
			a.ask(`SELECT 1`)
			return s.look(`SELECT COUNT(*) FROM performance_schema.metadata_locks l
				JOIN performance_schema.events_statements_history h ON h.THREAD_ID = l.OWNER_THREAD_ID AND h.EVENT_ID = l.OWNER_EVENT_ID - 1
				WHERE l.OBJECT_NAME = ? AND h.SQL_TEXT LIKE '%GET\_LOCK%'`, s.lock)
		}, "how long a lock has been held: the history's row of the statement before the lock's event is the GET_LOCK"},
		cell{"how long a waiter has waited", answers{mysql: "1"}, func(s *scene) string {
			s.session().take()
			b := s.session()
			b.queue()
			return s.look(`SELECT COUNT(*) FROM performance_schema.metadata_locks l
				JOIN performance_schema.events_statements_current c ON c.THREAD_ID = l.OWNER_THREAD_ID
				WHERE l.OBJECT_NAME = ? AND l.LOCK_STATUS = 'PENDING' AND c.TIMER_WAIT > 0`, s.lock)
		}, "how long a lock has been waited for: the time of the statement that waits"},
	)
	checkCells(t, cells)
}

// instrumentOn reports whether the server keeps rows of named locks.
func instrumentOn(t *testing.T) bool {
	t.Helper()
	s := newScene(t, dbtest.New(t))
	return s.look(`SELECT ENABLED FROM performance_schema.setup_instruments WHERE NAME = 'wait/lock/metadata/sql/mdl'`) == "YES" &&
		s.look(`SELECT @@performance_schema`) == "1"
}

// sees returns what the process list shows one session of another's state.
func (a *actor) sees(other *actor) string {
	a.s.t.Helper()
	all, err := dbtest.Sessions(a.s.t.Context(), a.conn)
	if err != nil {
		a.s.t.Fatal(err)
	}
	for _, p := range all {
		if p.ID == other.id {
			return p.State
		}
	}
	return "nothing"
}
