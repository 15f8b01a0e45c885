package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// operator is a client of an instance's admin listener.
func operator(t *testing.T, i *program.Instance) *client.ClientWithResponses {
	t.Helper()
	c, err := client.NewClientWithResponses(i.Admin, client.WithHTTPClient(i.HTTP))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lockOf is a pool's lock, as operators see it.
func lockOf(t *testing.T, o *client.ClientWithResponses, pool string) client.Lock {
	t.Helper()
	r, err := o.GetLockWithResponse(context.Background(), pool, nil)
	if err != nil || r.JSON200 == nil || len(r.JSON200.Locks) != 1 {
		t.Errorf("look at the lock of %s: %v %s", pool, err, r.Body)
		return client.Lock{}
	}
	return r.JSON200.Locks[0]
}

func holderID(l client.Lock) int64 {
	if l.Holder == nil || l.Holder.ConnectionID == nil {
		return 0
	}
	return *l.Holder.ConnectionID
}

func await(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// callers ask for assignments in all pools, and again with the same key until
// they have one. The only refusal that they may meet is 503.
type callers struct {
	wg       sync.WaitGroup
	stop     chan struct{}
	made     atomic.Int64
	refusals sync.Map // of client.ProblemCode to *atomic.Int64
}

func call(t *testing.T, n, pools int, instances ...*program.Instance) *callers {
	t.Helper()
	c := &callers{stop: make(chan struct{})}
	for caller := range n {
		c.wg.Go(func() {
			for k := 0; !c.stopped() && !t.Failed(); k++ {
				c.ask(t, poolName((caller+k)%pools), fmt.Sprintf("key-%d-%d", caller, k), instances)
			}
		})
	}
	t.Cleanup(c.end) // or callers would report to a test that is over
	return c
}

func (c *callers) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *callers) end() {
	if !c.stopped() {
		close(c.stop)
	}
	c.wg.Wait()
}

func (c *callers) ask(t *testing.T, pool, key string, instances []*program.Instance) {
	for n := 0; n < 100; n++ {
		r, err := instances[n%len(instances)].CreateAssignmentWithResponse(context.Background(), pool,
			&client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{})
		switch {
		case err != nil:
			t.Errorf("assign %s: %v", key, err)
			return
		case r.StatusCode() == http.StatusCreated:
			if r.JSON201.Key != key || r.JSON201.Pool != pool {
				t.Errorf("assign %s in %s: %s", key, pool, r.Body)
			}
			c.made.Add(1)
			return
		case r.StatusCode() != http.StatusServiceUnavailable:
			t.Errorf("assign %s: %d %s", key, r.StatusCode(), r.Body)
			return
		}
		count, _ := c.refusals.LoadOrStore(r.ApplicationProblemJSON503.Code, new(atomic.Int64))
		count.(*atomic.Int64).Add(1)
	}
	t.Errorf("assign %s: refused for ever", key)
}

func (c *callers) refused() string {
	var all []string
	c.refusals.Range(func(code, n any) bool {
		all = append(all, fmt.Sprintf("%s %d", code, n.(*atomic.Int64).Load()))
		return true
	})
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// kills are what became of an operator's tries.
type kills struct {
	mu      sync.Mutex
	ended   int
	changed int
	slowest time.Duration
}

// try asks to end one holder, and returns whether it was.
func (k *kills) try(t *testing.T, o *client.ClientWithResponses, pool string, id int64) bool {
	r, err := o.KillLockHolderWithResponse(context.Background(), pool, &client.KillLockHolderParams{ConnectionID: id, Reason: "e2e"})
	if err != nil {
		t.Errorf("kill: %v", err)
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch r.StatusCode() {
	case http.StatusConflict:
		k.changed++
		return false
	case http.StatusOK:
	default:
		t.Errorf("kill: %d %s", r.StatusCode(), r.Body)
		return false
	}
	k.ended++
	killed := r.JSON200
	if !killed.Freed || killed.FreedAfterMs == nil || *killed.FreedAfterMs >= 1000 {
		t.Errorf("the pool was not free within a second: %s", r.Body)
		return true
	}
	k.slowest = max(k.slowest, time.Duration(*killed.FreedAfterMs)*time.Millisecond)
	if holderID(killed.Lock) == id {
		t.Errorf("the killed session still holds the lock: %s", r.Body)
	}
	return true
}

// Operators end holders as fast as they can while callers work: every pool is
// free in less than a second, nobody gets a turn that somebody else had, and
// callers see second tries inside the service, or 503, and nothing else.
func TestKillsUnderLoad(t *testing.T) {
	t.Parallel()
	const pools, each = 4, 25
	db := dbtest.New(t)
	var instances []*program.Instance
	for range 2 {
		instances = append(instances, binary.Start(t, "--dsn="+db.DSN, "--log-level=warn", "--kills-per-minute=60000"))
	}
	admin := db.Open(t)
	for p := range pools {
		fill(t, instances[0], poolName(p), 20, 100)
	}
	o := operator(t, instances[0])
	c := call(t, 16, pools, instances...)
	moving, stuck := &kills{}, &kills{}
	var operators sync.WaitGroup
	for p := range pools {
		pool := poolName(p)
		operators.Go(func() {
			for range 4 * each { // of holders that have moved on, mostly
				if id := holderID(lockOf(t, o, pool)); id != 0 {
					moving.try(t, o, pool, id)
				}
			}
			for n := range each { // of holders that are stuck behind somebody's row lock
				if !endStuckHolder(t, admin, o, pool, stuck) {
					t.Errorf("%s: the stuck holder was not ended (%d)", pool, n)
					return
				}
			}
		})
	}
	operators.Wait()
	c.end()
	t.Logf("%d assignments; refusals to callers: %s", c.made.Load(), c.refused())
	t.Logf("moving holders: %d ended, %d left alone, slowest %v; stuck ones: %d ended, %d left alone, slowest %v",
		moving.ended, moving.changed, moving.slowest, stuck.ended, stuck.changed, stuck.slowest)
	if stuck.ended != pools*each || c.made.Load() == 0 {
		t.Errorf("%d stuck holders were ended, want %d", stuck.ended, pools*each)
	}
	var stored int64
	if err := admin.Get(&stored, `SELECT COUNT(*) FROM assignments`); err != nil || stored != c.made.Load() {
		t.Errorf("%d assignments are there, %d were answered (%v)", stored, c.made.Load(), err)
	}
	binary.Verify(t, db.DSN)
	auditAgrees(t, o, moving.ended+stuck.ended)
}

// endStuckHolder keeps a pool's row from outside, so that the next unit gets
// stuck with the pool's lock, and has its session ended.
func endStuckHolder(t *testing.T, admin *sqlx.DB, o *client.ClientWithResponses, pool string, k *kills) bool {
	tx, err := admin.Beginx()
	if err != nil {
		t.Error(err)
		return false
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SELECT seq FROM pools WHERE pool = ? FOR UPDATE`, pool); err != nil {
		t.Error(err)
		return false
	}
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		if id := holderID(lockOf(t, o, pool)); id != 0 && k.try(t, o, pool, id) {
			return true
		}
	}
	return false
}

// auditAgrees checks that the audit has an announcement and an outcome of every
// session that was ended.
func auditAgrees(t *testing.T, o *client.ClientWithResponses, ended int) {
	t.Helper()
	begun, outcomes, killed, after := 0, 0, 0, (*string)(nil)
	for {
		r, err := o.ListAuditWithResponse(context.Background(), &client.ListAuditParams{After: after})
		if err != nil || r.JSON200 == nil {
			t.Fatalf("audit: %v %s", err, r.Body)
		}
		for _, e := range r.JSON200.Entries {
			switch e.Kind {
			case "lock_kill":
				begun++
			case "lock_killed":
				killed++
				outcomes++
			default:
				outcomes++
			}
		}
		if after = r.JSON200.Next; after == nil {
			break
		}
	}
	if begun != outcomes || killed != ended {
		t.Errorf("the audit has %d kills and %d outcomes, %d of which were ends, want %d", begun, outcomes, killed, ended)
	}
}

// What the limit allows, and not more, is let through.
func TestKillsAreLimited(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	i := binary.Start(t, "--dsn="+db.DSN, "--kills-per-minute=6")
	o := operator(t, i)
	for n, want := range []int{http.StatusConflict, http.StatusTooManyRequests} {
		r, err := o.KillLockHolderWithResponse(t.Context(), "nowhere", &client.KillLockHolderParams{ConnectionID: 1, Reason: "e2e"})
		if err != nil || r.StatusCode() != want {
			t.Errorf("try %d: %v %d %s", n+1, err, r.StatusCode(), r.Body)
		}
	}
	for flag, says := range map[string]string{"--kills-per-minute=0": "must be 1 to 60000"} {
		if out, code := binary.Run(t, "serve", "--dsn="+db.DSN, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", flag); code != 2 || !strings.Contains(out, says) {
			t.Errorf("%s: exit code %d: %s", flag, code, out)
		}
	}
}

// Another application's lock is shown to operators only, and its holder is
// ended only by a service that was started for that.
func TestAnyLock(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	name := "backup / nightly of " + db.Schema
	conn, err := db.Open(t).Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var id int64
	if err := conn.GetContext(t.Context(), &id, `SELECT CONNECTION_ID() FROM DUAL WHERE GET_LOCK(?, 5) = 1`, name); err != nil {
		t.Fatal(err)
	}
	shy := binary.Start(t, "--dsn="+db.DSN)
	if r, err := shy.ListLocksWithResponse(t.Context(), nil); err != nil || strings.Contains(string(r.Body), "nightly") {
		t.Errorf("callers are shown it: %v %s", err, r.Body)
	}
	o := operator(t, shy)
	if r, err := o.ListLocksWithResponse(t.Context(), nil); err != nil || !strings.Contains(string(r.Body), name) {
		t.Errorf("operators are not shown it: %v %s", err, r.Body)
	}
	if got := holderID(lockOf(t, o, name)); got != id {
		t.Errorf("its holder is %d, want %d", got, id)
	}
	params := &client.KillLockHolderParams{ConnectionID: id, Reason: "e2e"}
	if r, err := o.KillLockHolderWithResponse(t.Context(), name, params); err != nil || r.StatusCode() != http.StatusForbidden || r.ApplicationProblemJSON403.Code != client.ProblemCodeLockNotOurs {
		t.Errorf("without --any-lock: %v %s", err, r.Body)
	}
	if _, err := conn.ExecContext(t.Context(), `DO 1`); err != nil {
		t.Errorf("the holder was ended: %v", err)
	}
	bold := operator(t, binary.Start(t, "--dsn="+db.DSN, "--any-lock"))
	if r, err := bold.KillLockHolderWithResponse(t.Context(), name, params); err != nil || r.StatusCode() != http.StatusOK {
		t.Errorf("with --any-lock: %v %s", err, r.Body)
	}
	await(t, "the holder is ended", 5*time.Second, func() bool { _, err := conn.ExecContext(t.Context(), `DO 1`); return err != nil })
}

// A scene has a server with accounts: the service's, which may look at locks
// and nothing more, and a stranger's.
type lockScene struct {
	t      *testing.T
	schema string
	dsn    string // the service's
	root   *sqlx.DB
	addr   string
}

func newLockScene(t *testing.T) *lockScene {
	t.Helper()
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	db := server.New()
	root := db.Open(t)
	for _, q := range []string{
		`CREATE USER stranger@'%' IDENTIFIED BY 'secret'`,
		`GRANT SELECT ON performance_schema.* TO fairlead@'%'`,
		`GRANT PROCESS ON *.* TO fairlead@'%'`, // from where MariaDB has waits of less than a second
	} {
		root.MustExec(q)
	}
	return &lockScene{t, db.Schema, server.NetworkDSN(server.Address(), db.Schema), root, server.Address()}
}

// start starts an instance whose sessions say who they are.
func (s *lockScene) start(instance string) *program.Instance {
	s.t.Helper()
	cfg, err := mysql.ParseDSN(s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg.ConnectionAttributes = "program_name:fairlead,instance:" + instance
	return binary.Start(s.t, "--dsn="+cfg.FormatDSN(), "--log-level=warn", "--lock-wait=30")
}

// stranger is a session of another account and another program.
func (s *lockScene) stranger() (conn *sqlx.Conn, id int64) {
	s.t.Helper()
	db, err := sqlx.Open("mysql", "stranger:secret@tcp("+s.addr+")/?interpolateParams=true&connectionAttributes=program_name:mysqldump")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { db.Close() })
	if conn, err = db.Connx(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if err := conn.GetContext(s.t.Context(), &id, `SELECT CONNECTION_ID()`); err != nil {
		s.t.Fatal(err)
	}
	return conn, id
}

// person is what the API must say of a holder or a waiter.
type person struct {
	who, user, program, instance string
	id                           int64 // 0: ours, which one is not ours to choose
	since                        time.Time
}

func (p person) compare(t *testing.T, id *int64, user, host, program, instance *string, ms *int64, asked, answered time.Time) {
	t.Helper()
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	if id == nil || p.id != 0 && *id != p.id || text(user) != p.user || text(program) != p.program || text(instance) != p.instance {
		t.Errorf("%s is shown as %s of %q, program %q, instance %q, want %+v", p.who, jsonOf(id), text(user), text(program), text(instance), p)
	}
	if !strings.HasPrefix(text(host), "127.0.0.1") && text(host) != "localhost" {
		t.Errorf("%s is shown at %q", p.who, text(host))
	}
	if ms == nil {
		t.Errorf("%s has no age", p.who)
		return
	}
	age := time.Duration(*ms) * time.Millisecond
	if least, most := asked.Sub(p.since)-time.Second, answered.Sub(p.since)+time.Second; age < least || age > most {
		t.Errorf("%s is shown as %v old, is between %v and %v", p.who, age, least+time.Second, most-time.Second)
	}
}

func jsonOf(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// One holder and three waiters, of ours and a stranger's: the API shows who they
// are, in what order they wait, and since when.
func TestLockShowsHolderAndWaiters(t *testing.T) {
	t.Parallel()
	s := newLockScene(t)
	a, b := s.start("a"), s.start("b")
	fill(t, a, "pool-0", 3, 0)
	o := operator(t, a)
	name := fmt.Sprintf("fairlead:%s:pool-0", s.schema)
	inLine := func(n int) {
		t.Helper()
		await(t, fmt.Sprintf("%d wait", n), 10*time.Second, func() bool { return len(lockOf(t, o, "pool-0").Waiters) == n })
	}
	old := func(p person, age time.Duration) {
		t.Helper()
		await(t, p.who+" is there for a while", 20*time.Second, func() bool { return time.Since(p.since) > age })
	}

	t.Run("a stranger holds", func(t *testing.T) {
		conn, id := s.stranger()
		if _, err := conn.ExecContext(t.Context(), `DO GET_LOCK(?, 5)`, name); err != nil {
			t.Fatal(err)
		}
		holder := person{"the holder", "stranger", "mysqldump", "", id, time.Now()}
		first, one := s.assign(b, "b")
		first.since = awaitLongWait(t, o, b, "b")
		second, two := s.wait(name)
		inLine(2)
		third, three := s.assign(a, "a")
		third.since = awaitLongWait(t, o, a, "a")
		inLine(3)
		old(third, 1500*time.Millisecond)
		s.compare(t, o, holder, first, second, third)

		// A holder that has done much since is still shown, and that its age is
		// not known.
		for range 20 {
			if _, err := conn.ExecContext(t.Context(), `DO 1`); err != nil {
				t.Fatal(err)
			}
		}
		if l := lockOf(t, o, "pool-0"); holderID(l) != id || l.Holder.HeldExact {
			t.Errorf("after 20 statements the holder is shown as %s", jsonOf(l.Holder))
		}
		if _, err := conn.ExecContext(t.Context(), `DO RELEASE_ALL_LOCKS()`); err != nil {
			t.Error(err)
		}
		allWell(t, one, two, three)
	})

	t.Run("an instance holds", func(t *testing.T) {
		c := s.start("c")
		tx := s.root.MustBegin()
		defer tx.Rollback()
		tx.MustExec(`SELECT seq FROM pools WHERE pool = 'pool-0' FOR UPDATE`)
		holder, held := s.assign(a, "a")
		await(t, "an instance holds the lock", 5*time.Second, func() bool { return holderID(lockOf(t, o, "pool-0")) != 0 })
		first, one := s.assign(c, "c")
		first.since = awaitLongWait(t, o, c, "c")
		second, two := s.wait(name)
		inLine(2)
		third, three := s.wait(name)
		inLine(3)
		s.compare(t, o, holder, first, second, third)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		allWell(t, held, one, two, three)
	})
	binary.Verify(t, s.dsn)
}

// awaitLongWait waits until an instance has given up its short first wait for
// the pool, and is in line again for as long as --lock-wait says. It returns
// since when, about.
func awaitLongWait(t *testing.T, o *client.ClientWithResponses, i *program.Instance, name string) time.Time {
	t.Helper()
	i.Await(t, regexp.MustCompile(`lock wait timed out`))
	await(t, "instance "+name+" waits again", 5*time.Second, func() bool {
		return slices.ContainsFunc(lockOf(t, o, "pool-0").Waiters, func(w client.LockWaiter) bool {
			return w.Instance != nil && *w.Instance == name && w.WaitingMs != nil && *w.WaitingMs < 900
		})
	})
	return time.Now()
}

func allWell(t *testing.T, calls ...<-chan error) {
	t.Helper()
	for _, done := range calls {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// assign makes an assignment through an instance, which has to wait.
func (s *lockScene) assign(i *program.Instance, instance string) (person, <-chan error) {
	done := make(chan error, 1)
	go func() {
		r, err := i.CreateAssignmentWithResponse(context.Background(), "pool-0", nil, client.AssignmentRequest{})
		if err == nil && r.StatusCode() != http.StatusCreated {
			err = fmt.Errorf("assign: %s", r.Body)
		}
		done <- err
	}()
	return person{"instance " + instance, "fairlead", "fairlead", instance, 0, time.Now()}, done
}

// wait lets a stranger wait for a lock, and give it back.
func (s *lockScene) wait(name string) (person, <-chan error) {
	conn, id := s.stranger()
	done := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(context.Background(), `DO GET_LOCK(?, 20)`, name)
		if err == nil {
			_, err = conn.ExecContext(context.Background(), `DO RELEASE_ALL_LOCKS()`)
		}
		done <- err
	}()
	return person{"the stranger", "stranger", "mysqldump", "", id, time.Now()}, done
}

// compare holds what operators see of the pool's lock against who is there.
func (s *lockScene) compare(t *testing.T, o *client.ClientWithResponses, holder person, waiters ...person) {
	t.Helper()
	asked := time.Now()
	l := lockOf(t, o, "pool-0")
	answered := time.Now()
	t.Log(jsonOf(l))
	if l.Holder == nil || len(l.Waiters) != len(waiters) {
		t.Fatalf("a holder and %d waiters are shown", len(l.Waiters))
	}
	h := l.Holder
	holder.compare(t, h.ConnectionID, h.User, h.Host, h.Program, h.Instance, h.HeldMs, asked, answered)
	for n, w := range l.Waiters {
		waiters[n].compare(t, w.ConnectionID, w.User, w.Host, w.Program, w.Instance, w.WaitingMs, asked, answered)
	}
}
