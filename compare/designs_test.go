package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	o.Designs = []string{NoLock, Textbook, RowLock, Ours}
	yours := sync.OnceFunc(func() { look.MustExec(`CREATE TABLE yours (n INT)`) })
	o.Progress = func(time.Duration, time.Duration) { yours() }
	mustRun(t, o)
	var left []string
	if err := look.SelectContext(t.Context(), &left, `SHOW TABLES`); err != nil || len(left) != 1 || left[0] != "yours" {
		t.Errorf("tables %v, %v, want only the one that somebody else made meanwhile", left, err)
	}
	left = nil
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "yours") {
		t.Errorf("error %v, want one that names what is there", err)
	}
	if err := look.SelectContext(t.Context(), &left, `SHOW TABLES`); err != nil || len(left) != 1 {
		t.Errorf("tables %v, %v, want the one that was there", left, err)
	}
}

// Of two that find a schema empty at the same time, one gets it, and the other
// leaves it alone.
func TestNamedSchemaIsOnes(t *testing.T) {
	at := dbtest.New(t)
	one, err := openScratch(t.Context(), at.DSN, at.Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer one.close()
	admin, err := one.open(1)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	other := &scratch{cfg: one.cfg, schema: one.schema, admin: admin}
	if err := other.sign(t.Context()); err == nil || !strings.Contains(err.Error(), "--schema "+at.Schema) {
		t.Errorf("error %v, want one that names the schema", err)
	}
	if names, err := one.listTables(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("tables %v, %v, want the first one's sign", names, err)
	}
}

// A server that is told to make a schema makes it, whether we wait or not.
func TestSchemaIsMadeInFull(t *testing.T) {
	at := dbtest.New(t)
	s, err := openScratch(t.Context(), at.DSN, at.Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	made := &scratch{cfg: s.cfg, schema: scratchPrefix + "late", own: true, admin: s.admin}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := made.create(ctx); err != nil {
		t.Error(err)
	}
	if err := made.drop(); err != nil {
		t.Error(err)
	}
	if left := scratchSchemas(t, s.admin); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A server that is killed under the work comes back with the schema in it.
func TestScratchSchemaGoesAfterRestart(t *testing.T) {
	p := dbtest.NewServer(t)
	s, err := openScratch(t.Context(), p.DSN(""), "")
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	closed := make(chan error, 1)
	go func() { closed <- s.close() }()
	p.Start()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if left := scratchSchemas(t, p.New().Open(t)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestInsist(t *testing.T) {
	t.Parallel()
	lost, no := errors.New("connection refused"), &mysql.MySQLError{Number: 1044}
	for _, tt := range []struct {
		errs []error
		want error
	}{
		{[]error{nil}, nil},
		{[]error{lost, &mysql.MySQLError{Number: 1053}, nil}, nil},
		{[]error{lost, no}, no},
	} {
		tries := 0
		err := insist(t.Context(), func() error { tries++; return tt.errs[tries-1] })
		if err != tt.want || tries != len(tt.errs) {
			t.Errorf("%v: %d tries and %v", tt.errs, tries, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := insist(over, func() error { return lost }); err != lost {
		t.Errorf("error %v, want the last one", err)
	}
}

func TestRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ most, mine, used, want int }{
		{151, 0, 5, 136},
		{151, 0, 100, 41}, // others are there
		{151, 0, 150, 0},
		{151, 30, 5, 20}, // the account's own limit
		{0, 0, 500, math.MaxInt},
	} {
		if got := room(tt.most, tt.mine, tt.used); got != tt.want {
			t.Errorf("room%v = %d", tt, got)
		}
	}
}

// Others use the server too: what they have is not ours to take.
func TestConnectionsOfOthersCount(t *testing.T) {
	p := dbtest.NewServer(t, "--max-connections=40")
	look := p.New().Open(t)
	for range 20 {
		conn, err := look.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	o := quick(p.DSN(""), NoLock)
	o.Connections = 25
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--connections 25") {
		t.Errorf("error %v, want one that names --connections", err)
	}
}

// No design has its turn always first, or always after the same other.
func TestOrder(t *testing.T) {
	t.Parallel()
	for n := 3; n <= 6; n++ {
		before := make([]map[int]bool, n)
		for round := range 5 {
			places := order(n, round)
			seen := map[int]bool{}
			for at, i := range places {
				seen[i] = true
				if before[i] == nil {
					before[i] = map[int]bool{}
				}
				if at > 0 {
					before[i][places[at-1]] = true
				}
			}
			if len(places) != n || len(seen) != n {
				t.Errorf("round %d of %d designs: %v", round, n, places)
			}
		}
		for i, others := range before {
			if len(others) < 2 {
				t.Errorf("of %d designs, %d always comes after %v", n, i, others)
			}
		}
	}
}

func TestUndurableDatabaseIsWarnedOf(t *testing.T) {
	p := dbtest.NewServer(t, "--innodb-flush-log-at-trx-commit=2")
	r := mustRun(t, quick(p.DSN(""), Ours))
	if r.Database.Durable || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "durable") {
		t.Errorf("durable %t, warnings %q", r.Database.Durable, r.Warnings)
	}
}
