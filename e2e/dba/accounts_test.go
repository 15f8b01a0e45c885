package dba

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/oklog/ulid/v2"

	"fairlead/api/client"
	"fairlead/assign"
	"fairlead/lock"
	"fairlead/store"
)

// The migrator's grants are enough for up and down, and each is needed.
func TestMigrator(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	there := func() error {
		st, err := store.Open(s.dsn(t, migrator), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if _, err := st.Migrate(t.Context()); err != nil {
			return err
		}
		for {
			undone, err := st.MigrateDown(t.Context())
			if err != nil || undone == "" {
				return err
			}
		}
	}
	if err := there(); err != nil {
		t.Fatalf("with all grants: %v", err)
	}
	for _, p := range s.privileges(t, migrator) {
		// From nothing: what a run before has left would hide what is missing.
		for _, q := range []string{`DROP DATABASE fairlead`, `CREATE DATABASE fairlead`} {
			if _, err := s.root.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		s.without(t, p, func() {
			if err := there(); err == nil {
				t.Errorf("there and back without %v", p)
			}
		})
	}
}

// The service runs with the app's grants: calls of each kind, through the
// program, and a replay of everything afterwards.
func TestAppServes(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	i := binary.Start(t, "--dsn="+s.dsn(t, app), "--migrate=off")
	ctx := t.Context()
	call := func(what string, r interface{ StatusCode() int }, err error, want int) {
		t.Helper()
		if err != nil || r.StatusCode() != want {
			t.Fatalf("%s: %v, %+v", what, err, r)
		}
	}
	r1, err := i.PutPoolWithResponse(ctx, "demo", nil, client.PoolSettings{})
	call("make a pool", r1, err, http.StatusCreated)
	var planners []client.PlannersItem
	var numbers []string
	for n := range 500 {
		planners = append(planners, client.PlannersItem{ID: fmt.Sprint("p", n)})
		numbers = append(numbers, fmt.Sprintf("0507%07d", n))
	}
	r2, err := i.PostPlannersWithResponse(ctx, "demo", nil, client.PlannersRequest{Planners: planners})
	call("planners in bulk", r2, err, http.StatusOK)
	r3, err := i.PostNumbersWithResponse(ctx, "demo", nil, client.NumbersRequest{Numbers: numbers})
	call("numbers in bulk", r3, err, http.StatusOK)
	key := "key"
	r4, err := i.CreateAssignmentWithResponse(ctx, "demo", &client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{})
	call("assign", r4, err, http.StatusCreated)
	r5, err := i.ReleaseAssignmentWithResponse(ctx, r4.JSON201.ID, nil, client.ReleaseRequest{})
	call("release", r5, err, http.StatusOK)
	r6, err := i.ListEventsWithResponse(ctx, "demo", nil)
	call("events", r6, err, http.StatusOK)
	r7, err := i.ListLocksWithResponse(ctx, nil)
	call("locks", r7, err, http.StatusOK)
	if out, code := binary.Run(t, "verify", "--dsn="+s.dsn(t, app)); code != 0 {
		t.Errorf("verify: %d %s", code, out)
	}
	if out, code := binary.Run(t, "doctor", "--dsn="+s.dsn(t, app)); code != 0 {
		t.Errorf("doctor: %d %s", code, out)
	}
	i.Stop(t)
}

// Each of the app's grants is needed, and what it has not been given it cannot
// do.
func TestAppHasNoMore(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	if err := s.day(t); err != nil {
		t.Fatalf("with all grants: %v", err)
	}
	for _, p := range s.privileges(t, app) {
		s.without(t, p, func() {
			if err := s.day(t); err == nil {
				t.Errorf("a day's work without %v", p)
			}
		})
	}
	own := s.as(t, app)
	for _, q := range []string{
		`UPDATE events SET actor = 'x'`, `UPDATE audit SET actor = 'x'`, `DELETE FROM assignments`, `DELETE FROM events`, `DELETE FROM audit`,
		`DROP TABLE pools`, `CREATE TABLE x (n INT)`, `ALTER TABLE pools ADD COLUMN x INT`, `UPDATE goose_db_version SET version_id = 0`,
	} {
		if _, err := own.ExecContext(t.Context(), q); !denied(err) {
			t.Errorf("%s: %v", q, err)
		}
	}
}

// denied reports whether the server said that the account may not do it.
func denied(err error) bool {
	me := (*mysql.MySQLError)(nil)
	return errors.As(err, &me) && slices.Contains([]uint16{
		1044, // ER_DBACCESS_DENIED_ERROR
		1095, // ER_KILL_DENIED_ERROR
		1142, // ER_TABLEACCESS_DENIED_ERROR
		1227, // ER_SPECIFIC_ACCESS_DENIED_ERROR
	}, me.Number)
}

// day is what the service does in a day, on new connections of the app. It ends
// with the first thing that does not work.
func (s *site) day(t *testing.T) error {
	t.Helper()
	st, combiner := s.house(t)
	defer st.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	pool := assign.PoolID("p" + strings.ToLower(ulid.Make().String()))
	number := assign.Number("05" + fmt.Sprint(time.Now().UnixNano()%1e9))
	var assigned assign.Assigned
	for _, work := range []func() error{
		func() error { return st.CheckSchema(ctx) },
		func() error { _, err := combiner.ChangePool(ctx, assign.PoolChange{Pool: pool}); return err },
		func() error {
			phone := assign.GivenPhone{Phone: assign.Phone{Key: "k", Box: "box", Mark: "mark"}}
			_, err := combiner.Staff(ctx, assign.Staffing{Pool: pool, Changes: []assign.PlannerChange{{ID: "kim", Phone: &phone}, {ID: "lee"}}})
			return err
		},
		func() error {
			_, err := combiner.Stock(ctx, assign.Stocking{Pool: pool, Numbers: []assign.Number{number}})
			return err
		},
		func() (err error) {
			assigned, err = combiner.Assign(ctx, assign.Request{Pool: pool, Key: "key"})
			return err
		},
		func() error {
			_, err := combiner.Reassign(ctx, assign.Reassignment{ID: assigned.ID, Reason: assign.ReassignDeclined})
			return err
		},
		func() error { _, err := combiner.Void(ctx, assign.Void{ID: assigned.ID}); return err },
		func() error {
			_, err := combiner.Release(ctx, assign.Release{ID: assigned.ID})
			return err
		},
		func() error { _, err := st.Events(ctx, pool, 0, 10); return err },
		func() error { return s.endOwn(ctx, t, st) },
		func() error { _, err := st.Locks().Audit(ctx, "", 10); return err },
	} {
		if err := work(); err != nil {
			return err
		}
	}
	return nil
}

// endOwn ends a session of the service's own account that holds a pool's lock,
// as DELETE /v1/locks does.
func (s *site) endOwn(ctx context.Context, t *testing.T, st *store.Store) error {
	t.Helper()
	holder := openSession(t, s.as(t, app))
	holder.exec(t, `DO GET_LOCK('fairlead:fairlead:held', 10)`)
	killed, err := st.Locks().Kill(ctx, assign.LockKill{Name: "held", ConnectionID: holder.id, Reason: "test"})
	if err == nil && (!killed.Freed || killed.AuditID == "") {
		t.Errorf("killed: %+v", killed)
	}
	return err
}

// The monitor sees who holds and who waits, since when, and can end nobody; nor
// can the app, if it is another account's.
func TestMonitor(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	n := newNight(t, s)
	list, err := s.locks(t, monitor).List(t.Context(), false)
	if err != nil || len(list.Locks) != 1 {
		t.Fatalf("%v: %+v", err, list)
	}
	if list.CannotSee != "" || list.Remedy != "" {
		t.Errorf("it cannot see: %s Remedy: %s", list.CannotSee, list.Remedy)
	}
	l := list.Locks[0]
	if l.Pool != "demo" || l.Holder == nil || len(l.Waiters) != 1 {
		t.Fatalf("%+v", l)
	}
	for _, who := range []struct {
		assign.SessionView
		is   session
		runs string
	}{{*l.Holder, n.holder, "UPDATE pools SET"}, {l.Waiters[0], n.waiter, "SELECT GET_LOCK"}} {
		if who.ConnectionID != who.is.id || who.User != app || who.Host != "127.0.0.1" || !strings.HasPrefix(who.Statement, who.runs) ||
			strings.Contains(who.Statement, "secret") || who.For < 0 || who.For > time.Minute {
			t.Errorf("want session %d of %s, since a moment: %+v", who.is.id, app, who.SessionView)
		}
	}
	if !l.Holder.Exact {
		t.Errorf("the holder's time is not exact: %+v", l.Holder)
	}
	if _, err := s.locks(t, monitor).Kill(t.Context(), assign.LockKill{Name: "demo", ConnectionID: n.holder.id, Reason: "x"}); err == nil || !n.holds(t, n.holder) {
		t.Errorf("the monitor ends a session: %v", err)
	}
	if _, err := s.locks(t, monitor).Audit(t.Context(), "", 10); err != nil {
		t.Errorf("the monitor does not see the audit: %v", err)
	}

	stranger := openSession(t, s.root)
	stranger.exec(t, `DO GET_LOCK('fairlead:fairlead:other', 10)`)
	if _, err := s.locks(t, app).Kill(t.Context(), assign.LockKill{Name: "other", ConnectionID: stranger.id, Reason: "x"}); !errors.Is(err, assign.ErrKillDenied) {
		t.Errorf("the app ends another account's session: %v", err)
	}
	for _, account := range []string{app, monitor} {
		if _, err := s.as(t, account).ExecContext(t.Context(), fmt.Sprint("KILL CONNECTION ", stranger.id)); !denied(err) {
			t.Errorf("%s: KILL of another account's session: %v", account, err)
		}
	}
	stranger.exec(t, `DO 1`) // is alive
}

// Each of the monitor's grants shows something.
func TestMonitorHasNoMore(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	n := newNight(t, s)
	// The name of a lock that was cut short tells its pool only to who may list the pools.
	long := assign.PoolID(strings.Repeat("long", 12))
	_, combiner := s.house(t)
	if _, err := combiner.ChangePool(t.Context(), assign.PoolChange{Pool: long}); err != nil {
		t.Fatal(err)
	}
	openSession(t, s.root).exec(t, `DO GET_LOCK(?, 10)`, string(lock.NameOf("fairlead:fairlead", string(long))))
	whole := n.window(t)
	for _, p := range s.privileges(t, monitor) {
		if s.dialect == lock.MariaDB && strings.HasSuffix(p.on, ".events_transactions_current") {
			continue // what it adds is time: of who has run many statements since it took a lock
		}
		s.without(t, p, func() {
			if n.window(t) == whole {
				t.Errorf("the monitor sees as much without %v", p)
			}
		})
	}
}

// window is what the monitor sees, on new connections, as far as it stays the
// same.
func (n *night) window(t *testing.T) string {
	t.Helper()
	locks := n.locks(t, monitor)
	var b strings.Builder
	list, err := locks.List(t.Context(), true)
	fmt.Fprintln(&b, err, list.Source, list.CannotSee, list.Remedy)
	for _, l := range list.Locks {
		fmt.Fprintln(&b, l.Name, l.Pool, l.Holder.ConnectionID, l.Holder.Program, l.Holder.Exact, len(l.Waiters))
	}
	_, err = locks.Audit(t.Context(), "", 10)
	fmt.Fprintln(&b, err)
	st, err := store.Open(n.dsn(t, monitor), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	fmt.Fprintln(&b, st.CheckSchema(t.Context()))
	for _, s := range lock.Statements(n.dialect) {
		if s.Account == monitor[len("fairlead_"):] {
			rows, err := table(t, n.as(t, monitor), s.Text)
			fmt.Fprintln(&b, len(rows), err)
		}
	}
	return b.String()
}

// The admin ends a holder through the program's own way; the audit says so.
func TestAdmin(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	n := newNight(t, s)
	locks := s.locks(t, admin)
	killed, err := locks.Kill(t.Context(), assign.LockKill{Name: "demo", ConnectionID: n.holder.id, Reason: "stuck", Actor: "kim"})
	if err != nil || !killed.Freed || killed.AuditID == "" {
		t.Fatalf("%v: %+v", err, killed)
	}
	if err := <-n.waited; err != nil || !n.holds(t, n.waiter) {
		t.Errorf("the waiter has not got the lock: %v", err)
	}
	audit, err := locks.Audit(t.Context(), "", 10)
	if err != nil || len(audit.Items) != 2 || audit.Items[0].ID != killed.AuditID || audit.Items[0].Kind != assign.AuditLockKill ||
		audit.Items[1].Kind != assign.AuditLockKilled || audit.Items[0].Actor != "kim" || !strings.Contains(string(audit.Items[0].Data), "stuck") {
		t.Errorf("%v: %+v", err, audit)
	}
	for _, q := range []string{`UPDATE pools SET seq = 0`, `DELETE FROM audit`, `UPDATE audit SET actor = 'x'`, `DELETE FROM assignments`} {
		if _, err := s.as(t, admin).ExecContext(t.Context(), q); !denied(err) {
			t.Errorf("%s: %v", q, err)
		}
	}
}
