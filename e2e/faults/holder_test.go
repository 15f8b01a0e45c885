package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/e2e/program"
)

func (s *site) lockName(pool string) string { return fmt.Sprintf("fairlead:%s:%s", s.schema, pool) }

// holder is the session that holds a pool's lock, 0 if it is free.
func (s *site) holder(t *testing.T, pool string) int64 {
	t.Helper()
	return s.number(t, `IS_USED_LOCK(?)`, s.lockName(pool))
}

// awaitHolder waits until somebody holds a pool's lock.
func (s *site) awaitHolder(t *testing.T, pool string) (session int64) {
	t.Helper()
	await(t, "somebody holds the lock of "+pool, 20*time.Second, func() bool {
		session = s.holder(t, pool)
		return session != 0
	})
	return session
}

// awaitRelease waits until session does not hold a pool's lock any longer.
func (s *site) awaitRelease(t *testing.T, pool string, session int64) {
	t.Helper()
	await(t, "the lock of "+pool+" is free, or somebody else's", 90*time.Second, func() bool { return s.holder(t, pool) != session })
}

// trxCacheTime is longer than the server keeps what INNODB_TRX shows, from the
// latest look at it.
const trxCacheTime = 150 * time.Millisecond

// awaitState waits for what a session with a transaction t is doing, in thread p.
func (s *site) awaitState(t *testing.T, session int64, state string) {
	t.Helper()
	awaitEvery(t, trxCacheTime, "its session is in state "+state, 20*time.Second, func() bool {
		return s.number(t, `SELECT COUNT(*) FROM information_schema.INNODB_TRX t
			JOIN performance_schema.threads p ON p.PROCESSLIST_ID = t.trx_mysql_thread_id
			WHERE p.PROCESSLIST_ID = ? AND `+state, session) == 1
	})
}

const (
	waitsForRow = `t.trx_state = 'LOCK WAIT'`
	saysNothing = `t.trx_state = 'RUNNING' AND p.PROCESSLIST_COMMAND = 'Sleep'`
)

func (s *site) kill(t *testing.T, session int64) {
	t.Helper()
	if _, err := s.admin.ExecContext(t.Context(), fmt.Sprintf("KILL CONNECTION %d", session)); err != nil {
		t.Fatalf("kill session %d: %v", session, err)
	}
}

// Rows that a unit comes to behind the lock, in this order.
const (
	poolRow     = `SELECT pool FROM pools WHERE pool = ? FOR UPDATE`
	plannerRows = `SELECT planner FROM planners WHERE pool = ? FOR UPDATE`
	nextEvent   = `INSERT INTO events (pool, seq, id, kind, happened_at, actor, data)
		SELECT pool, seq + 1, 'stranger', '', NOW(6), '', '' FROM pools WHERE pool = ?`
)

// stranger is a session that others wait for.
type stranger struct {
	t *testing.T
	*sqlx.Conn
}

// keepRows lets a stranger lock rows of a pool, between two units: it takes the
// pool's lock for a moment.
func (s *site) keepRows(t *testing.T, pool, rows string) *stranger {
	t.Helper()
	k := s.stranger(t)
	k.take(s.lockName(pool))
	k.exec(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED`)
	k.exec(`START TRANSACTION`)
	k.exec(rows, pool)
	k.exec(`DO RELEASE_LOCK(?)`, s.lockName(pool))
	return k
}

func (s *site) stranger(t *testing.T) *stranger {
	t.Helper()
	conn, err := s.admin.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &stranger{t, conn}
}

func (k *stranger) exec(query string, args ...any) {
	k.t.Helper()
	if _, err := k.ExecContext(k.t.Context(), query, args...); err != nil {
		k.t.Fatalf("%s: %v", query, err)
	}
}

func (k *stranger) take(lock string) {
	k.t.Helper()
	got := 0
	if err := k.GetContext(k.t.Context(), &got, `SELECT COALESCE(GET_LOCK(?, 20), 0)`, lock); err != nil || got != 1 {
		k.t.Fatalf("take lock %s: %d %v", lock, got, err)
	}
}

// leave ends whatever the stranger holds.
func (k *stranger) leave() {
	k.t.Helper()
	k.exec(`ROLLBACK`)
	k.exec(`DO RELEASE_ALL_LOCKS()`)
	k.Close()
}

// A caught call is one whose unit holds the pool's lock, and waits for rows that
// a stranger keeps.
type caught struct {
	session  int64
	stranger *stranger
	outcome  chan string // of the call
}

// catch makes a call, which nothing competes with, and catches it at rows.
func (s *site) catch(t *testing.T, rows string, call func() string) *caught {
	t.Helper()
	c := &caught{stranger: s.keepRows(t, pool, rows), outcome: make(chan string, 1)}
	go func() { c.outcome <- call() }()
	c.session = s.awaitHolder(t, pool)
	s.awaitState(t, c.session, waitsForRow)
	return c
}

// catchAssign catches a request for an assignment, and returns its key.
func (s *site) catchAssign(t *testing.T, rows string, i *program.Instance) (*caught, string) {
	t.Helper()
	key := s.newKey()
	return s.catch(t, rows, func() string { return s.call(t, i, pool, key) }), key
}
