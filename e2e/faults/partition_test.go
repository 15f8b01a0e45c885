package faults

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// A divided site has an instance whose cable to the database can be cut, and
// one beside the database. Callers reach both.
type divided struct {
	*site
	host      *host
	far, near *program.Instance
}

func newDivided(t *testing.T) *divided {
	t.Helper()
	h := newHost(t)
	s := newSite(t, dbtest.Place{Host: h.database.here.address})
	d := &divided{site: s, host: h, far: h.start(t, s), near: s.start(t)}
	s.fill(t, d.near, pool)
	s.ask(t, pool, s.newKey(), d.far)
	s.ask(t, pool, s.newKey(), d.near)
	return d
}

// A holder that is cut off without a word, while the server works for it, is in
// nobody's way for longer than a session may be silent.
func TestHolderCutOffWhileReading(t *testing.T) {
	t.Parallel()
	d := newDivided(t)
	c, key := d.catchAssign(t, plannerRows, d.far)
	d.host.database.cut(t)
	cut := time.Now()
	c.stranger.leave()
	d.outlasts(t, cut, c, key)
}

// The same of one whose COMMIT does not arrive.
func TestHolderCutOffWhileCommitting(t *testing.T) {
	t.Parallel()
	d := newDivided(t)
	c, key := d.catchAssign(t, plannerRows, d.far)
	d.letRead(t, d.far, c)
	d.host.database.cut(t)
	cut := time.Now()
	resume(t, d.far)
	d.outlasts(t, cut, c, key)
}

// A waiter that is cut off is given the lock when its turn comes, although it
// will never know.
func TestWaiterCutOff(t *testing.T) {
	t.Parallel()
	d := newDivided(t)
	holder := d.stranger(t)
	holder.take(d.lockName(pool))
	key, outcome := d.newKey(), make(chan string, 1)
	go func() { outcome <- d.call(t, d.far, pool, key) }()
	waiter := d.awaitLongWait(t)
	d.host.database.cut(t)
	cut := time.Now()
	holder.leave()
	if got := d.awaitHolder(t, pool); got != waiter {
		t.Fatalf("the lock is held by session %d, want %d, which was cut off", got, waiter)
	}
	d.outlasts(t, cut, &caught{outcome: outcome}, key)
}

// outlasts wants a cut that nobody was told of to be over for others in time,
// and for the far instance when it is mended. A call that was under way there,
// with this key, must have been refused.
func (d *divided) outlasts(t *testing.T, cut time.Time, c *caught, key string) {
	t.Helper()
	l := d.blockedInSilence(t, cut)
	d.refused(t, c)
	d.recovers(t, key)
	l.end()
	d.check(t, d.far, pool)
}

// awaitLongWait waits until a unit waits for the pool's lock for longer than
// the second that it tries first.
func (d *divided) awaitLongWait(t *testing.T) (session int64) {
	t.Helper()
	await(t, "a unit waits for the lock", 20*time.Second, func() bool {
		session = d.number(t, `SELECT PROCESSLIST_ID FROM performance_schema.threads
			WHERE PROCESSLIST_DB = DATABASE() AND PROCESSLIST_INFO LIKE 'SELECT GET_LOCK(%, 4)'`)
		return session != 0
	})
	return session
}

// blockedInSilence is blocked where nothing must have told the server that the
// far instance is cut off.
func (d *divided) blockedInSilence(t *testing.T, cut time.Time) *load {
	t.Helper()
	l, took := d.blocked(t, cut, d.near)
	if took < waitTimeout-2*time.Second {
		t.Errorf("the pool was blocked for only %v: the cut was not silent", took)
	}
	return l
}

// refused wants the far instance to have refused a call, and to have known
// that it is cut off.
func (d *divided) refused(t *testing.T, c *caught) {
	t.Helper()
	outcome := <-c.outcome
	t.Logf("the caller was told: %s", outcome)
	if outcome == assigned || outcome == noAnswer {
		t.Errorf("the caller was told: %s", outcome)
	}
	if r, err := d.far.GetReadinessWithResponse(t.Context()); err != nil || r.StatusCode() != http.StatusServiceUnavailable {
		t.Errorf("it claims to be ready: %v %+v", err, r)
	}
}

// recovers ends the partition. The far instance must be of use again, and tell
// what became of an earlier call.
func (d *divided) recovers(t *testing.T, key string) {
	t.Helper()
	d.host.database.mend(t)
	began := time.Now()
	d.ask(t, pool, key, d.far)
	t.Logf("the far instance answered %v after the end of the partition", time.Since(began).Round(time.Millisecond))
}

// A partition that is over before anybody gives up costs time and nothing else.
func TestShortPartition(t *testing.T) {
	t.Parallel()
	d := newDivided(t)
	c, key := d.catchAssign(t, plannerRows, d.far)
	d.letRead(t, d.far, c)
	d.host.database.cut(t)
	resume(t, d.far)
	l := d.load(t, fewCallers, d.near, d.far)
	time.Sleep(2500 * time.Millisecond) // the length of the partition
	d.host.database.mend(t)
	t.Logf("the caller was told: %s", <-c.outcome)
	d.ask(t, pool, key, d.far)
	l.awaitMore(t, 50)
	l.end()
	d.check(t, d.far, pool)
}

// A COMMIT that arrives after its instance has given up is one that the pool
// waited for: whoever is told of the outcome is told the truth.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	d := newDivided(t)
	c, key := d.catchAssign(t, plannerRows, d.far)
	d.letRead(t, d.far, c)
	d.host.database.cut(t)
	cut := time.Now()
	resume(t, d.far)
	time.Sleep(7 * time.Second) // the length of the partition: longer than the instance waits for COMMIT
	d.host.database.mend(t)
	l, _ := d.blocked(t, cut, d.near)
	t.Logf("the caller was told: %s", <-c.outcome)
	t.Logf("the late COMMIT made %d assignments", d.number(t, `SELECT COUNT(*) FROM assignments WHERE idem_key = ?`, key))
	d.ask(t, pool, key, d.near)
	l.end()
	d.check(t, d.far, pool)
}

// Where only answers are lost, the pool goes on at once, and the caller whose
// COMMIT was done learns about it with the key.
func TestAnswersLost(t *testing.T) {
	t.Parallel()
	d := newDivided(t)
	c, key := d.catchAssign(t, plannerRows, d.far)
	d.letRead(t, d.far, c)
	d.host.database.here.lose(t)
	cut := time.Now()
	resume(t, d.far)
	l, _ := d.blocked(t, cut, d.near)
	if n := d.number(t, `SELECT COUNT(*) FROM assignments WHERE idem_key = ?`, key); n != 1 {
		t.Errorf("%d assignments of a call whose COMMIT arrived", n)
	}
	if outcome := <-c.outcome; outcome != string(client.ProblemCodeOutcomeUnknown) {
		t.Errorf("the caller was told: %s", outcome)
	}
	d.ask(t, pool, key, d.near)
	d.host.database.here.find(t)
	d.ask(t, pool, key, d.far)
	l.end()
	d.check(t, d.far, pool)
}

// The same holds for a unit that reads so much that the server is cut off in the
// middle of sending it.
func TestHolderCutOffWhileReadingMuch(t *testing.T) {
	t.Parallel()
	d := newDivided(t)
	if outcome := rename(d.far, 10_000, strings.Repeat("a", 250)); outcome != "200 OK" {
		t.Fatalf("staff the pool: %s", outcome)
	}
	c := d.catch(t, plannerRows, func() string { return rename(d.far, 10_000, strings.Repeat("b", 250)) })
	d.host.database.cut(t)
	cut := time.Now()
	c.stranger.leave()
	l := d.blockedInSilence(t, cut)
	t.Logf("the caller was told: %s", <-c.outcome)
	d.host.database.mend(t)
	d.ask(t, pool, d.newKey(), d.far)
	l.end()
	d.check(t, d.far, pool)
}

// And for one that is cut off in the middle of what it writes.
func TestHolderCutOffWhileWritingMuch(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.Place{})
	near := s.start(t)
	s.fill(t, near, pool)
	r := newRelay(t, s.server.Address(), 1<<20)
	s.dsn = s.server.NetworkDSN(r.Addr().String(), s.schema)
	far := s.start(t)
	outcome := make(chan string, 1)
	go func() { outcome <- rename(far, 10_000, strings.Repeat("a", 250)) }()
	<-r.silent
	l, _ := s.blocked(t, time.Now(), near)
	t.Logf("the caller was told: %s", <-outcome)
	l.end()
	s.check(t, near, pool)
}
