package faults

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
)

// A stranger who takes every connection that the server has, with the account
// of the service, costs those who need a new one: they are refused, and served
// when there is room again. The administrator gets in.
func TestConnectionsExhausted(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.Place{}, "--max-connections=24")
	a, b := s.start(t), s.start(t)
	pools := []string{pool, "pool-1", "pool-2"}
	s.fill(t, a, pools...)
	l := s.load(t, demand{callers: 6, pause: 5 * time.Millisecond, pools: pools}, a, b)
	l.awaitMore(t, 100)

	s.number(t, `1`) // an administrator who is in before it gets crowded
	crowd := s.crowd(t)
	await(t, "the server is full", 20*time.Second, func() bool { return crowd.refused() > 0 })
	l.awaitMore(t, 50) // those who have a connection need nothing else
	t.Logf("full: the stranger has %d connections, calls not answered with an assignment %v", crowd.size(), s.refusals())

	c := binary.Launch(t, s.flags()...)
	c.Await(t, regexp.MustCompile(`database not ready, trying again.*1040`))
	await(t, "a call is refused", 20*time.Second, func() bool {
		s.killAll(t)
		return s.refusals()["unavailable"] >= 20
	})
	await(t, "the administrator gets in", 10*time.Second, func() bool { return s.getIn(t) })
	t.Logf("without connections: calls not answered with an assignment %v, errors of the server %v", s.refusals(), serverErrors(a, b))

	crowd.leave()
	began := time.Now()
	l.awaitMore(t, 50)
	t.Logf("50 more answers %v after there was room again", time.Since(began).Round(time.Millisecond))
	c.AwaitServing(t)
	s.ask(t, pool, s.newKey(), c)
	l.end()
	s.check(t, a, pools...)
}

// killAll ends the service's sessions, which then needs new ones.
func (s *site) killAll(t *testing.T) {
	t.Helper()
	var ids []int64
	err := s.admin.SelectContext(t.Context(), &ids, `SELECT PROCESSLIST_ID FROM performance_schema.threads
		WHERE PROCESSLIST_DB = DATABASE() AND PROCESSLIST_USER = 'fairlead'`)
	if err != nil {
		t.Errorf("list sessions: %v", err)
	}
	for _, id := range ids {
		_, _ = s.admin.ExecContext(t.Context(), fmt.Sprintf("KILL CONNECTION %d", id)) // or it has gone by itself
	}
}

// getIn connects as the administrator, anew.
func (s *site) getIn(t *testing.T) bool {
	t.Helper()
	db, err := sql.Open("mysql", s.server.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return db.PingContext(t.Context()) == nil
}

// A crowd takes connections as they become free, until it leaves.
type crowd struct {
	db     *sqlx.DB
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	conns []*sqlx.Conn
	times int // it was refused
}

func (s *site) crowd(t *testing.T) *crowd {
	t.Helper()
	cfg, err := mysql.ParseDSN(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DBName = "" // to be told from the service
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{db: sqlx.NewDb(sql.OpenDB(connector), "mysql"), cancel: cancel, done: make(chan struct{})}
	go c.grow(ctx)
	t.Cleanup(c.leave)
	return c
}

func (c *crowd) grow(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		conn, err := c.db.Connx(ctx)
		c.note(conn, err)
		if err != nil {
			time.Sleep(5 * time.Millisecond) // or nobody else would get as far as to be refused
		}
	}
}

func (c *crowd) note(conn *sqlx.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.times++
		return
	}
	c.conns = append(c.conns, conn)
}

func (c *crowd) refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// leave gives all connections back. It may be called again.
func (c *crowd) leave() {
	c.cancel()
	<-c.done
	for _, conn := range c.conns {
		conn.Close()
	}
	c.db.Close()
}
