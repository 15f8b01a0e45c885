package dba

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/lock"
)

// table is the result of a statement, a map for each row.
func table(t *testing.T, db *sqlx.DB, query string) ([]map[string]string, error) {
	t.Helper()
	rows, err := db.QueryxContext(t.Context(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []map[string]string
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for name, value := range row {
			if b, ok := value.([]byte); ok {
				value = string(b)
			}
			texts[name] = fmt.Sprint(value)
		}
		all = append(all, texts)
	}
	return all, rows.Err()
}

// Each statement of the page answers what its title asks, under the account
// that it names, and shows nothing of what others have in their literals.
func TestStatements(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	plugin := installPlugin(t, s)
	n := newNight(t, s)
	for _, st := range lock.Statements(s.dialect) {
		if st.Title == lock.KillStatement.Title {
			continue // the last, below
		}
		if strings.Contains(st.Text, "METADATA_LOCK_INFO") && !plugin {
			t.Logf("not run, for want of the plugin: %s", st.Title)
			continue
		}
		rows, err := table(t, s.as(t, "fairlead_"+st.Account), st.Text)
		if err != nil {
			t.Errorf("%s: %v", st.Title, err)
			continue
		}
		if strings.Contains(fmt.Sprint(rows), "secret") {
			t.Errorf("%s: shows a literal: %v", st.Title, rows)
		}
		n.judge(t, st.Title, rows)
	}
	n.kill(t)
}

// judge holds an answer against the truth.
func (n *night) judge(t *testing.T, title string, rows []map[string]string) {
	t.Helper()
	id := func(s session) string { return strconv.FormatInt(s.id, 10) }
	var want []map[string]string
	switch {
	case strings.HasPrefix(title, "Who holds which lock"), strings.HasPrefix(title, "Who holds this one lock, and who waits"):
		want = []map[string]string{
			{"lock_name": string(lock.ExampleLock), "does": "holds", "connection_id": id(n.holder), "user": app},
			{"lock_name": string(lock.ExampleLock), "does": "waits", "connection_id": id(n.waiter), "user": app},
		}
	case title == "Who holds this one lock?":
		want = []map[string]string{{"connection_id": id(n.holder)}}
	case title == "What does the holder's transaction do?":
		want = []map[string]string{{"connection_id": id(n.holder), "state": "LOCK WAIT", "rows_changed": "1"}}
	case title == "Who blocks the holder?":
		want = []map[string]string{{"connection_id": id(n.blocker), "user": "root"}}
	default:
		t.Fatalf("nobody says what %q is to answer", title)
	}
	if len(rows) != len(want) {
		t.Errorf("%s: %d rows, want %d: %v", title, len(rows), len(want), rows)
		return
	}
	for i := range want {
		for column, value := range want[i] {
			if rows[i][column] != value {
				t.Errorf("%s: row %d has %s %q, want %q: %v", title, i, column, rows[i][column], value, rows[i])
			}
		}
		if seconds, has := rows[i]["seconds"]; has {
			if v, err := strconv.ParseFloat(seconds, 64); err != nil || v < 0 || v > 120 {
				t.Errorf("%s: row %d has seconds %q", title, i, seconds)
			}
		}
	}
}

// kill pastes the last statement: refused to who may not, and for a connection
// that does not hold the lock; else the first waiter has it.
func (n *night) kill(t *testing.T) {
	t.Helper()
	right, wrong := lock.KillStatement.For(lock.ExampleLock, n.holder.id), lock.KillStatement.For(lock.ExampleLock, n.waiter.id)
	// The same account may end its own sessions, so the app's is not asked here.
	for _, tt := range []struct {
		account, statement string
		code               uint16
	}{{monitor, right, 1095}, {admin, wrong, 1094}, {monitor, wrong, 1094}} {
		_, err := n.as(t, tt.account).ExecContext(t.Context(), tt.statement)
		if me := (*mysql.MySQLError)(nil); !errors.As(err, &me) || me.Number != tt.code || !n.holds(t, n.holder) {
			t.Errorf("%s, %s: %v, want %d", tt.account, tt.statement, err, tt.code)
		}
	}
	if _, err := n.as(t, admin).ExecContext(t.Context(), right); err != nil {
		t.Fatalf("%s: %v", right, err)
	}
	if err := <-n.held; err == nil {
		t.Error("the holder's statement went on")
	}
	if err := <-n.waited; err != nil || !n.holds(t, n.waiter) {
		t.Errorf("the waiter has not got the lock: %v", err)
	}
}

// installPlugin reports whether the server has MariaDB's plugin. Its file comes
// with a package that a server can do without.
func installPlugin(t *testing.T, s *site) bool {
	t.Helper()
	if s.dialect != lock.MariaDB {
		return false
	}
	_, err := s.root.ExecContext(t.Context(), `INSTALL SONAME 'metadata_lock_info'`)
	if me := (*mysql.MySQLError)(nil); errors.As(err, &me) && me.Number == 1126 { // ER_CANT_OPEN_LIBRARY
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}
