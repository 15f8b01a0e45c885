package dba

import (
	"fmt"
	"strings"
	"testing"

	"fairlead/lock"
)

// MariaDB with the lock instrument and the events off, as a server is that has
// its performance schema on for other reasons: the page's statements open the
// window without a restart.
func TestSettingsWithoutRestart(t *testing.T) {
	t.Parallel()
	s := onlyMariaDB(t,
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=OFF", "--performance-schema-consumer-events-statements-current=OFF",
		"--performance-schema-consumer-events-statements-history=OFF", "--performance-schema-consumer-events-transactions-current=OFF")
	locks := s.locks(t, monitor)
	before, err := locks.List(t.Context(), true)
	if err != nil || before.CannotSee == "" || !strings.Contains(before.Remedy, "setup_instruments") {
		t.Errorf("with the instrument off: %v, %+v", err, before)
	}
	for _, q := range statements(t, fence(t, "## Settings", "sql")) {
		if _, err := s.root.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	n := newNight(t, s)
	after, err := locks.List(t.Context(), true)
	if err != nil || after.CannotSee != "" || len(after.Locks) != 1 || after.Locks[0].Holder.ConnectionID != n.holder.id || len(after.Locks[0].Waiters) != 1 || !after.Locks[0].Holder.Exact {
		t.Errorf("with the instrument on: %v, %+v", err, after)
	}
}

// MariaDB as it comes: the accounts can be made all the same, and the night be
// seen and ended.
func TestPerformanceSchemaOff(t *testing.T) {
	t.Parallel()
	s := onlyMariaDB(t, "--performance-schema=OFF")
	n := newNight(t, s)
	out, code := s.runs(t, monitor, "locks")
	for _, has := range []string{fmt.Sprint(n.holder.id, "  fairlead_app@"), fmt.Sprint(n.waiter.id, "  fairlead_app@"), "Cannot see:", "Remedy:"} {
		if code != 0 || !strings.Contains(out, has) {
			t.Errorf("locks lacks %q: %d\n%s", has, code, out)
		}
	}
	rows, err := table(t, s.as(t, monitor), lock.Statements(lock.MariaDB)[2].Text)
	if err != nil {
		t.Fatal(err)
	}
	n.judge(t, lock.Statements(lock.MariaDB)[2].Title, rows)
	if out, code := s.runs(t, admin, "locks", "kill", "demo", "--yes", "--reason=stuck", fmt.Sprint("--connection=", n.holder.id)); code != 0 {
		t.Fatalf("kill: %d\n%s", code, out)
	}
	if err := <-n.waited; err != nil || !n.holds(t, n.waiter) {
		t.Errorf("the waiter has not got the lock: %v", err)
	}
}

// onlyMariaDB is a site for what is about MariaDB's settings.
func onlyMariaDB(t *testing.T, args ...string) *site {
	t.Helper()
	if engine() != lock.MariaDB {
		t.Skip("MySQL has these on by default")
	}
	return furnished(t, args...)
}
