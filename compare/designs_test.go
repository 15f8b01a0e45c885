package compare

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
)

// quick is a comparison that is over soon.
func quick(dsn string, designs ...string) Options {
	return Options{DSN: dsn, Designs: designs, Clients: []int{16}, For: 600 * time.Millisecond, Rounds: 3, Planners: 7}
}

func mustRun(t *testing.T, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scratchSchemas are those that were left behind. Tests that look for some run
// one at a time.
func scratchSchemas(t *testing.T, db *sqlx.DB) (names []string) {
	t.Helper()
	if err := db.SelectContext(t.Context(), &names, `SHOW DATABASES LIKE 'fairlead\_compare\_%'`); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDesignsThatExcludeAssignRightly(t *testing.T) {
	db := dbtest.New(t)
	last := time.Duration(0)
	o := quick(db.DSN, Textbook, RowLock, Ours)
	o.Clients = []int{1, 16}
	o.Progress = func(done, total time.Duration) {
		if done < last || done > total {
			t.Errorf("progress goes from %v to %v of %v", last, done, total)
		}
		last = done
	}
	r := mustRun(t, o)
	for _, l := range r.Levels {
		if len(l.Results) != 3 {
			t.Fatalf("%d results, want 3", len(l.Results))
		}
		for _, res := range l.Results {
			v := res.Verdict
			if !v.Clean() || v.OutOfTurn == nil || res.Errors > 0 {
				t.Errorf("%s at %d clients: %+v, %d errors, %s", res.Title, l.Clients, v, res.Errors, res.FirstError)
			}
			if res.Answers == 0 || v.Assignments < res.Answers || len(res.Rates) != 3 || res.Rate.Median <= 0 || res.P99 < res.P50 || res.P50 <= 0 {
				t.Errorf("%s at %d clients: figures %+v", res.Title, l.Clients, res)
			}
			if res.Connections < 1 || res.Connections > l.Clients {
				t.Errorf("%s used %d connections at %d clients", res.Title, res.Connections, l.Clients)
			}
			if len(res.PerPlanner) != 7 || res.PerPlanner[0] != v.Most || res.PerPlanner[6] != v.Least {
				t.Errorf("%s: planners have %v, the judge says %d to %d", res.Title, res.PerPlanner, v.Least, v.Most)
			}
		}
	}
	if !r.OursClean() || r.Took <= 0 || r.Database.Version == "" || r.Database.RoundTrip <= 0 {
		t.Errorf("report %+v", r)
	}
	if left := scratchSchemas(t, db.Open(t)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Four callers read the same counts before any of them writes, as can happen
// any time: somebody else keeps the planners' rows until all have decided.
func TestJudgeFindsNoLockOut(t *testing.T) {
	const callers = 4
	at := dbtest.New(t)
	s, err := openScratch(t.Context(), at.DSN, at.Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	db, err := s.connections(t.Context(), callers)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	set, err := newTables(t.Context(), db, NoLock)
	if err != nil {
		t.Fatal(err)
	}
	d := &noLock{set}
	tr := trial{design: d, pool: "p", planners: plannerNames(5)}
	if err := d.add(t.Context(), "p", tr.planners); err != nil {
		t.Fatal(err)
	}
	keeper := s.admin.MustBegin()
	if _, err := keeper.Exec(`SELECT * FROM none_planners FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	made := make([]caller, callers)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() { made[i].call(t.Context(), &tr) })
	}
	awaitSessions(t, s, "UPDATE none_planners", callers)
	if err := keeper.Commit(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := tr.collect(made, time.Second); err != nil {
		t.Fatal(err)
	}
	r, err := tr.result(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Verdict; v.Assignments != callers || v.Wrong != callers-1 || v.Repeated != callers-1 || v.Spread != callers || v.LostCounts != 0 || v.Contradicted != 0 {
		t.Errorf("verdict %+v", v)
	}
}

// awaitSessions returns when so many sessions run a statement that begins so.
func awaitSessions(t *testing.T, s *scratch, begin string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		all, err := dbtest.Sessions(ctx, s.admin)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, one := range all {
			if one.DB == s.schema && strings.HasPrefix(one.Info, begin) {
				n++
			}
		}
		if n == want {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d sessions are at %s, want %d", n, begin, want)
		}
	}
}

// A key that was used is answered as it was the first time.
func TestDesignsRememberKeys(t *testing.T) {
	at := dbtest.New(t)
	r := &run{Options: quick(at.DSN).withDefaults(), report: &Report{}}
	r.Schema = at.Schema
	r.Designs = []string{NoLock, Textbook, RowLock, Ours}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := r.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range r.designs {
		if err := d.add(t.Context(), "p", plannerNames(3)); err != nil {
			t.Fatal(err)
		}
		checkKeys(t, d)
	}
}

func checkKeys(t *testing.T, d design) {
	t.Helper()
	var answers []answer
	for _, key := range []string{"one", "two", "one"} {
		a, err := d.assign(t.Context(), "p", key)
		if err != nil {
			t.Fatalf("%s: %v", d.title(), err)
		}
		answers = append(answers, a)
	}
	if answers[0] != answers[2] || answers[0] == answers[1] {
		t.Errorf("%s answers %+v", d.title(), answers)
	}
	if l, err := d.ledger(t.Context(), "p"); err != nil || len(l.records) != 2 {
		t.Errorf("%s has %d records of two keys, %v", d.title(), len(l.records), err)
	}
}

func TestRetrying(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   error
		fails int // how often it comes before a success
		tries int
		ok    bool
	}{
		{nil, 0, 1, true},
		{&mysql.MySQLError{Number: 1213}, 3, 4, true},
		{fmt.Errorf("wrapped: %w", &mysql.MySQLError{Number: 1205}), 1, 2, true},
		{&mysql.MySQLError{Number: 1213}, 100, retries + 1, false},
		{&mysql.MySQLError{Number: 1062}, 1, 1, false},
		{errors.New("connection lost"), 1, 1, false},
	} {
		tries := 0
		_, err := retrying(t.Context(), func() (answer, error) {
			if tries++; tries <= tt.fails {
				return answer{}, tt.err
			}
			return answer{}, nil
		})
		if tries != tt.tries || (err == nil) != tt.ok {
			t.Errorf("%v: %d tries and %v, want %d", tt.err, tries, err, tt.tries)
		}
	}
}

// However a comparison ends, its schema goes.
func TestScratchSchemaGoesOnCancel(t *testing.T) {
	db := dbtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := quick(db.DSN)
	o.For, o.Rounds = time.Hour, 1
	look := db.Open(t)
	o.Progress = func(time.Duration, time.Duration) {
		if len(scratchSchemas(t, look)) != 1 {
			t.Error("there is no schema to work in")
		}
		cancel()
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that it was cancelled", err)
	}
	if left := scratchSchemas(t, look); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestScratchSchemaGoesOnFailure(t *testing.T) {
	db := dbtest.New(t)
	o := quick(db.DSN, NoLock)
	o.Connections = 9999
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--connections") {
		t.Errorf("error %v, want one that names --connections", err)
	}
	if left := scratchSchemas(t, db.Open(t)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// An account that may not create schemas is told what to do, and can do it.
func TestNamedSchema(t *testing.T) {
	p := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	if _, err := Run(t.Context(), quick(p.NetworkDSN(p.Address(), ""), Ours)); err == nil || !strings.Contains(err.Error(), "--schema") {
		t.Errorf("error %v, want one that names --schema", err)
	}
	at := p.New()
	look := at.Open(t)
	o := quick(p.NetworkDSN(p.Address(), ""), NoLock, Ours)
	o.Schema = "t_not_there"
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--schema t_not_there") {
		t.Errorf("error %v, want one that names the schema", err)
	}
	o.Schema = at.Schema
	mustRun(t, o)
	var left []string
	if err := look.SelectContext(t.Context(), &left, `SHOW TABLES`); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	look.MustExec(`CREATE TABLE yours (n INT)`)
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "yours") {
		t.Errorf("error %v, want one that names what is there", err)
	}
	if err := look.SelectContext(t.Context(), &left, `SHOW TABLES`); err != nil || len(left) != 1 {
		t.Errorf("tables %v, %v, want the one that was there", left, err)
	}
}

func TestUndurableDatabaseIsWarnedOf(t *testing.T) {
	p := dbtest.NewServer(t, "--innodb-flush-log-at-trx-commit=2")
	r := mustRun(t, quick(p.DSN(""), Ours))
	if r.Database.Durable || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "durable") {
		t.Errorf("durable %t, warnings %q", r.Database.Durable, r.Warnings)
	}
}
