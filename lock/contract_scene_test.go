package lock_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
	"fairlead/lock"
)

// patience bounds everything that a busy machine may make late.
const patience = 30 * time.Second

// A scene is where one cell plays: a lock that nobody else uses, tables of its
// own, sessions, and an administrator who looks on.
type scene struct {
	t               *testing.T
	engine, version string
	cfg             *mysql.Config
	schema          string
	admin           *sqlx.DB
	lock            string // lower-case ASCII, well below the limits
}

var scenes atomic.Int64

func newScene(t *testing.T, db *dbtest.Database) *scene {
	t.Helper()
	engine, version := dbtest.Engine(t)
	cfg, err := mysql.ParseDSN(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	cfg.InterpolateParams = true // as the product's sessions do
	cfg.Logger = &mysql.NopLogger{}
	return &scene{
		t: t, engine: engine, version: version, cfg: cfg, schema: db.Schema, admin: db.Open(t),
		lock: fmt.Sprintf("c:%s:%d:", db.Schema, scenes.Add(1)),
	}
}

// table makes a table of two rows, with the ids 1 and 2 and 0 in v.
func (s *scene) table() string {
	s.t.Helper()
	name := fmt.Sprint("c", scenes.Add(1))
	s.do(`CREATE TABLE ` + name + ` (id INT PRIMARY KEY AUTO_INCREMENT, v INT NOT NULL) ENGINE = InnoDB`)
	s.do(`INSERT INTO ` + name + ` VALUES (1, 0), (2, 0)`)
	return name
}

// do has the administrator run a statement that must work.
func (s *scene) do(query string) {
	s.t.Helper()
	if _, err := s.admin.ExecContext(s.t.Context(), query); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// look is what the administrator sees: the value of a query, or its error.
func (s *scene) look(query string, args ...any) string {
	return first(s.admin.QueryRowContext(s.t.Context(), query, args...))
}

// holder says whose the lock is: "free", or the role of one of these sessions.
func (s *scene) holder(sessions ...*actor) string {
	id := s.look(`SELECT IS_USED_LOCK(?)`, s.lock)
	for i, a := range sessions {
		if id == fmt.Sprint(a.id) {
			return []string{"first", "second", "third"}[i]
		}
	}
	if id == "NULL" {
		return "free"
	}
	return id
}

// until waits for something to come true and returns how long that took.
func (s *scene) until(what string, is func() bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Since(began) > patience {
			s.t.Fatalf("waited %v in vain: %s", patience, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// An actor is a session on a connection of its own.
type actor struct {
	s    *scene
	conn *sqlx.Conn
	id   int64
}

// session connects. Edits change how.
func (s *scene) session(edits ...func(*mysql.Config)) *actor {
	s.t.Helper()
	conn, err := s.connect(edits...).Connx(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	a := &actor{s: s, conn: conn}
	if err := conn.GetContext(s.t.Context(), &a.id, `SELECT CONNECTION_ID()`); err != nil {
		s.t.Fatal(err)
	}
	return a
}

// connect returns a pool of connections, as they are made for the scene.
func (s *scene) connect(edits ...func(*mysql.Config)) *sqlx.DB {
	s.t.Helper()
	cfg := s.cfg.Clone()
	for _, edit := range edits {
		edit(cfg)
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	s.t.Cleanup(func() { db.Close() })
	return db
}

// packets lets a session send several statements at once.
func packets(cfg *mysql.Config) { cfg.MultiStatements = true }

// ask returns the value of a query, or what became of it.
func (a *actor) ask(query string, args ...any) string {
	ctx, cancel := context.WithTimeout(a.s.t.Context(), patience)
	defer cancel()
	return first(a.conn.QueryRowContext(ctx, query, args...))
}

// do runs a statement: "ok", or what became of it.
func (a *actor) do(query string, args ...any) string {
	ctx, cancel := context.WithTimeout(a.s.t.Context(), patience)
	defer cancel()
	_, err := a.conn.ExecContext(ctx, query, args...)
	if err != nil {
		return failed(err)
	}
	return "ok"
}

// must runs statements that are not in question.
func (a *actor) must(queries ...string) {
	a.s.t.Helper()
	for _, q := range queries {
		if got := a.do(q); got != "ok" {
			a.s.t.Fatalf("%s: %s", q, got)
		}
	}
}

// take takes a free lock: the scene's, with more behind it.
func (a *actor) take(more ...string) {
	a.s.t.Helper()
	name := a.s.lock + strings.Join(more, "")
	if got := a.get(name, 10); got != "1" {
		a.s.t.Fatalf("a free lock is not to be had: %s", got)
	}
}

func (a *actor) get(name string, seconds int) string {
	return a.ask(lock.GetSQL, name, seconds)
}

func (a *actor) release(more ...string) string {
	return a.ask(lock.ReleaseSQL, a.s.lock+strings.Join(more, ""))
}

// first returns the first value of a row as a word: the value itself, "NULL",
// or what [failed] says.
func first(row *sql.Row) string {
	var v sql.NullString
	err := row.Scan(&v)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "no row"
	case err != nil:
		return failed(err)
	case !v.Valid:
		return "NULL"
	}
	return v.String
}

// failed names an error: the server's by its number.
func failed(err error) string {
	me := (*mysql.MySQLError)(nil)
	switch {
	case errors.As(err, &me):
		return fmt.Sprint("error ", me.Number)
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn):
		return "connection lost"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return err.Error()
}

// A pending statement is one that has not been answered yet.
type pending struct {
	s      *scene
	answer chan string
}

// What a session can be seen waiting for. They are the words of both servers'
// process lists, but for the row, which these do not tell.
const (
	forLock  = "User lock"
	forTable = "Waiting for table metadata lock"
	asleep   = "User sleep"
	forRow   = "row"
)

// start starts a query and returns when the server shows it waiting for
// something, or when it is over without.
func (a *actor) start(what, query string, args ...any) *pending {
	a.s.t.Helper()
	p := &pending{s: a.s, answer: make(chan string, 1)}
	go func() { p.answer <- a.ask(query, args...) }()
	a.s.until(fmt.Sprintf("session %d waits for %s in %s", a.id, what, query), func() bool {
		return !p.open() || a.waits(what)
	})
	return p
}

// wait starts a query that must wait.
func (a *actor) wait(what, query string, args ...any) *pending {
	a.s.t.Helper()
	p := a.start(what, query, args...)
	if !p.open() {
		a.s.t.Fatalf("%s does not wait: %s", query, p.result())
	}
	return p
}

// queue has a session wait for the scene's lock, for as long as it takes.
func (a *actor) queue(more ...string) *pending {
	a.s.t.Helper()
	return a.wait(forLock, lock.GetSQL, a.s.lock+strings.Join(more, ""), 50)
}

// waits reports whether the server shows the session waiting for something.
func (a *actor) waits(what string) bool {
	if what == forRow {
		return a.waitsForRow()
	}
	p, there := a.process()
	if a.s.engine == "tidb" { // says of a statement only that it runs
		return p.Command == "Query"
	}
	return there && p.State == what
}

// waitsForRow asks the engine's report. The table INNODB_TRX would not do: both
// servers read it anew only when nobody has looked at it for 100 ms, and many
// look here.
func (a *actor) waitsForRow() bool {
	a.s.t.Helper()
	var kind, name, report string
	if err := a.s.admin.QueryRowContext(a.s.t.Context(), `SHOW ENGINE INNODB STATUS`).Scan(&kind, &name, &report); err != nil {
		a.s.t.Fatal(err)
	}
	for _, transaction := range strings.Split(report, "---TRANSACTION") {
		if strings.Contains(transaction, fmt.Sprintf(" thread id %d,", a.id)) {
			return strings.Contains(transaction, "LOCK WAIT")
		}
	}
	return false
}

// process returns the session as the process list shows it, if it does.
func (a *actor) process() (dbtest.Session, bool) {
	a.s.t.Helper()
	all, err := dbtest.Sessions(a.s.t.Context(), a.s.admin)
	if err != nil {
		a.s.t.Fatal(err)
	}
	for _, p := range all {
		if p.ID == a.id {
			return p, true
		}
	}
	return dbtest.Session{}, false
}

// gone waits until the server has forgotten the session, and returns how long
// that took.
func (a *actor) gone() time.Duration {
	a.s.t.Helper()
	return a.s.until("the session ends", func() bool { _, there := a.process(); return !there })
}

// open reports whether the statement has not been answered yet.
func (p *pending) open() bool { return len(p.answer) == 0 }

// result waits for the answer.
func (p *pending) result() string {
	p.s.t.Helper()
	select {
	case got := <-p.answer:
		return got
	case <-time.After(patience):
		p.s.t.Fatalf("no answer in %v", patience)
		return ""
	}
}

// kill ends a session, or with "QUERY" its statement.
func (s *scene) kill(what string, a *actor) {
	s.t.Helper()
	s.do(fmt.Sprint("KILL ", what, " ", a.id))
}
