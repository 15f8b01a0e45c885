package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// A server whose defaults are unusual must not change what is decided: a limit
// on SELECT would hide planners, autocommit off would keep reads in the past.
func TestServerDefaultsDoNotMatter(t *testing.T) {
	t.Parallel()
	server := dbtest.NewServer(t)
	db := server.New()
	for _, q := range []string{`SET GLOBAL sql_select_limit = 2`, `SET GLOBAL autocommit = 0`, `SET GLOBAL sql_mode = ''`} {
		db.Open(t).MustExec(q)
	}
	h := storetest.On(t, db, store.Options{})
	if _, err := h.Store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Fill(t, "demo", 20, 0)
	for range 40 {
		a, err := h.Assign(t.Context(), assign.Request{Pool: "demo"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Release(t.Context(), assign.Release{ID: a.ID}); err != nil {
			t.Fatalf("release of what was just assigned: %v", err)
		}
	}
	renamed := assign.Staffing{Pool: "demo"}
	name := "renamed"
	for i := range 20 {
		renamed.Changes = append(renamed.Changes, assign.PlannerChange{ID: assign.PlannerID(fmt.Sprintf("p%06d", i+1)), Name: &name})
	}
	if got, err := h.Staff(t.Context(), renamed); err != nil || got.Updated != 20 {
		t.Errorf("renaming all: %+v, %v", got, err)
	}
	noFindings(t, h.Store)
}

func noFindings(t *testing.T, s *store.Store) {
	t.Helper()
	_, err := s.Verify(t.Context(), nil, nil, func(f assign.Finding) { t.Error(f) })
	if err != nil {
		t.Error(err)
	}
}

// A server that accepts connections and says nothing for a while must not cost
// us the connections: afterwards all is as before.
func TestSilentServerIsForgotten(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	r := newRelay(t, s.Database.DSN+"?timeout=500ms")
	behind := storetest.On(t, &dbtest.Database{DSN: r.dsn, Schema: s.Database.Schema}, store.Options{Reads: 2})
	connect := r.target
	r.setTarget(func() (net.Conn, error) { // accepts, and never speaks
		a, _ := net.Pipe()
		return a, nil
	})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := behind.Store.Pools(ctx, "", 1); !errors.Is(err, assign.ErrUnavailable) {
				t.Errorf("from a silent server: %v", err)
			}
		})
	}
	wg.Wait()
	r.setTarget(connect)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for { // attempts to connect that began in the silence may still fail
		_, err := behind.Store.Pools(ctx, "", 1)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("after the server spoke again: %v", err)
		}
	}
}

// A holder that is stuck has the pool's row too. Whoever does not get the lock
// must not wait for the row as well.
func TestNotGrantedDoesNotWaitForTheRow(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	conn, err := s.db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, q := range []string{fmt.Sprintf(`DO GET_LOCK('%s', 5)`, s.lock), `START TRANSACTION`, `SELECT seq INTO @x FROM pools WHERE pool = 'demo' FOR UPDATE`} {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	trace, err := s.Store.Unit(t.Context(), demo, asking(oneNeed), oneAssignment)
	// The lock's wait is 1 s and the row's would be 3 s more.
	if took := time.Since(began); !errors.Is(err, assign.ErrBusy) || took > 3*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	if trace.Lock < 900*time.Millisecond {
		t.Errorf("the trace says that the wait for the lock was %v", trace.Lock)
	}
}

// A migration that was cut off anywhere goes on from there.
func TestCutMigrationGoesOn(t *testing.T) {
	t.Parallel()
	for cut := range 12 { // goose needs a few statements of its own
		t.Run(fmt.Sprint("before statement ", cut), func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			r := newRelay(t, db.DSN)
			h := storetest.On(t, &dbtest.Database{DSN: r.dsn, Schema: db.Schema}, store.Options{})
			seen := 0
			r.on(func(sent []byte) ([]byte, bool, bool) {
				if text := string(sent); !strings.Contains(text, "CREATE TABLE") && !strings.Contains(text, "goose_db_version") {
					return sent, true, false
				}
				seen++
				return sent, seen <= cut, seen > cut
			})
			if _, err := h.Store.Migrate(t.Context()); err == nil {
				t.Fatalf("was not cut: there were only %d statements", seen)
			}
			r.on(nil)
			if _, err := h.Store.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.Fill(t, "demo", 1, 1)
		})
	}
}

// What people read must not hold up what a write looks up first.
func TestReleasesPassReads(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{Reads: 2})
	a, err := s.Assign(t.Context(), assign.Request{Pool: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // all there are
		conn, err := s.Store.DBs()["reads"].Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := s.Release(ctx, assign.Release{ID: a.ID}); err != nil {
		t.Error(err)
	}
}

// The largest bulk call of names that are long and awkward.
func TestBulkOfLongNames(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	staffing := assign.Staffing{Pool: "demo"}
	for _, name := range []string{strings.Repeat("<", assign.MaxText), strings.Repeat("'", assign.MaxText)} {
		staffing.Changes = nil
		for i := range assign.MaxBulk {
			staffing.Changes = append(staffing.Changes, assign.PlannerChange{ID: assign.PlannerID(fmt.Sprintf("p%06d", i)), Name: &name})
		}
		if _, err := s.Staff(t.Context(), staffing); err != nil {
			t.Fatal(err)
		}
	}
	noFindings(t, s.Store)
}

// What a unit takes for new must not replace what is there: should it ever miss
// rows when it reads, that is an error and not a loss.
func TestNewRowsReplaceNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	if _, err := s.Stock(t.Context(), assign.Stocking{Pool: "demo", Numbers: []assign.Number{"0501"}}); err != nil {
		t.Fatal(err)
	}
	for name, add := range map[string]func(*assign.Changes){
		"planner": func(c *assign.Changes) { c.NewPlanners = []assign.Planner{{ID: "p000001"}} },
		"number": func(c *assign.Changes) {
			c.NewNumbers = true
			c.Numbers = []assign.NumberRecord{{Number: "0501", Pool: "demo", State: assign.NumberAside, FreeAt: c.Pool.LastAt}}
		},
	} {
		_, err := s.Store.Unit(t.Context(), demo, asking(assign.Need{}), func(state assign.State) assign.Changes {
			c := assign.Changes{From: state.Pool.Seq, Pool: state.Pool}
			c.Pool.Seq++
			add(&c)
			return c
		})
		if !errors.Is(err, assign.ErrRefused) {
			t.Errorf("%s: err = %v, want ErrRefused", name, err)
		}
	}
}

// A change in doubt stays so while the unit mends something else.
func TestDoubtSurvivesSettingAside(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	if _, err := s.Stock(t.Context(), assign.Stocking{Pool: "demo", Numbers: []assign.Number{"0501", "0502", "0503"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Assign(t.Context(), assign.Request{Pool: "demo"}); err != nil {
		t.Fatal(err)
	}
	r := newRelay(t, s.Database.DSN)
	behind := storetest.On(t, &dbtest.Database{DSN: r.dsn, Schema: s.Database.Schema}, store.Options{})
	r.on(once(";COMMIT", func(sent []byte) ([]byte, bool, bool) {
		s.db.MustExec(`UPDATE numbers SET state = 'free', assignment = NULL WHERE number = '0501'`)
		return sent, true, true
	}))
	a, err := behind.Assign(t.Context(), assign.Request{Pool: "demo", Key: "k"})
	if err != nil || a.Replayed || a.Number != "0502" {
		t.Errorf("%+v, %v", a, err)
	}
	s.assigned(t, 2)
}
