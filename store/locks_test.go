package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"fairlead/api"
	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// A dba has a house, and sessions on its server that hold locks.
type dba struct {
	*storetest.House
	t     *testing.T
	db    *sqlx.DB
	locks *store.Locks
}

func newDBA(t *testing.T) *dba {
	t.Helper()
	h := storetest.New(t, store.Options{})
	return &dba{h, t, h.Database.Open(t), h.Store.Locks()}
}

// name is the lock of one of the house's pools.
func (d *dba) name(pool assign.PoolID) string { return string(d.Store.LockName(pool)) }

// A holder is a session that takes locks.
type holder struct {
	*sqlx.Conn
	t  *testing.T
	id int64
}

func (d *dba) session() *holder { return sessionOn(d.t, d.db) }

func sessionOn(t *testing.T, db *sqlx.DB) *holder {
	t.Helper()
	conn, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	h := &holder{Conn: conn, t: t}
	if err := conn.GetContext(t.Context(), &h.id, `SELECT CONNECTION_ID()`); err != nil {
		t.Fatal(err)
	}
	return h
}

// take waits for a lock, and returns the error of a session that was ended.
func (h *holder) take(name string) error {
	got := 0
	err := h.GetContext(context.Background(), &got, `SELECT COALESCE(GET_LOCK(?, 20), 0)`, name)
	if err == nil && got != 1 {
		err = fmt.Errorf("lock %s was not had", name)
	}
	return err
}

func (h *holder) mustTake(name string) *holder {
	h.t.Helper()
	if err := h.take(name); err != nil {
		h.t.Fatal(err)
	}
	return h
}

func (h *holder) release(name string) error {
	_, err := h.ExecContext(context.Background(), `DO RELEASE_LOCK(?)`, name)
	return err
}

func (h *holder) alive() bool {
	_, err := h.ExecContext(context.Background(), `DO 1`)
	return err == nil
}

// awaitDeath waits until the session has been ended: the server answers the one
// that kills before the one that is killed notices.
func (h *holder) awaitDeath() {
	h.t.Helper()
	await(h.t, fmt.Sprintf("session %d is ended", h.id), func() bool { return !h.alive() })
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// lock is the one lock that name stands for.
func (d *dba) lock(name string) assign.LockView {
	d.t.Helper()
	list, err := d.locks.Lock(d.t.Context(), name)
	if err != nil || len(list.Locks) != 1 {
		d.t.Fatalf("lock %q: %d locks, %v", name, len(list.Locks), err)
	}
	return list.Locks[0]
}

func (d *dba) listed(all bool) map[string]assign.LockView {
	d.t.Helper()
	list, err := d.locks.List(d.t.Context(), all)
	if err != nil {
		d.t.Fatal(err)
	}
	byName := map[string]assign.LockView{}
	for _, v := range list.Locks {
		byName[v.Name] = v
	}
	return byName
}

// longPool has a lock whose name is cut short.
const longPool = assign.PoolID("a-pool-with-a-name-that-is-as-long-as-one-can-be")

func TestListOwnAndAllLocks(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	d.Fill(t, longPool, 1, 0)
	foreign := strings.ToLower("backup / nightly of " + d.Database.Schema)
	alike := "fairlead:" + d.Database.Schema + "2:demo"
	within := "fairlead:" + d.Database.Schema + ":other:demo" // of a schema with a colon in its name
	h := d.session()
	names := []string{d.name("demo"), d.name(longPool), foreign, alike, within}
	for _, name := range names {
		h.mustTake(name)
	}
	own, all := d.listed(false), d.listed(true)
	for i, name := range names {
		v, ours := all[name], i < 2
		if v.Holder == nil || v.Holder.ConnectionID != h.id || v.Ours != ours {
			t.Errorf("%s among all: %+v", name, v)
		}
		if _, shown := own[name]; shown != ours {
			t.Errorf("%s among our own: %t", name, shown)
		}
	}
	if a, b := own[names[0]].Pool, own[names[1]].Pool; a != "demo" || b != longPool {
		t.Errorf("pools %q, %q", a, b)
	}
	if len(own) != 2 {
		t.Errorf("our own are %v", own)
	}
}

// A lock is found by its pool's id, by its name, and by a name that is cut
// short; and it is ours only if it is the name of one of our pools.
func TestLockByAnyName(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	d.Fill(t, longPool, 1, 0)
	scope := "fairlead:" + d.Database.Schema
	cut := d.name(longPool)
	if !strings.Contains(cut, "#") {
		t.Fatalf("%s is not cut short", cut)
	}
	other := cut[:len(cut)-4] + "0000"
	for _, held := range []bool{false, true} {
		var h *holder
		if held {
			h = d.session().mustTake(d.name("demo")).mustTake(cut).mustTake(scope + ":migrate:lock").mustTake(scope + ":Demo").mustTake(other)
		}
		for name, want := range map[string]assign.LockView{
			"demo":                    {Name: d.name("demo"), Pool: "demo", Ours: true},
			d.name("demo"):            {Name: d.name("demo"), Pool: "demo", Ours: true},
			string(longPool):          {Name: cut, Pool: longPool, Ours: true},
			cut:                       {Name: cut, Pool: longPool, Ours: true},
			scope + ":migrate:lock":   {Name: scope + ":migrate:lock", Ours: true},
			scope + ":Demo":           {Name: scope + ":Demo"},
			other:                     {Name: other},
			"fairlead:elsewhere:demo": {Name: "fairlead:elsewhere:demo"},
		} {
			got := d.lock(name)
			if held == got.Free() && name != "fairlead:elsewhere:demo" {
				t.Errorf("held %t: lock %q is free: %t", held, name, got.Free())
			}
			if held && got.Holder != nil && got.Holder.ConnectionID != h.id {
				t.Errorf("lock %q has holder %d, want %d", name, got.Holder.ConnectionID, h.id)
			}
			got.Holder = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("lock %q (-want +got):\n%s", name, diff)
			}
		}
	}
}

// What is both a pool's id and somebody's lock is shown as both, and only the
// one that is held by the session that was named is ended.
func TestPoolIDThatIsAForeignLock(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	pool := "p-" + strings.ToLower(d.Database.Schema[2:])
	ours, stranger := d.session().mustTake(d.name(assign.PoolID(pool))), d.session().mustTake(pool)
	list, err := d.locks.Lock(t.Context(), pool)
	if err != nil || len(list.Locks) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if a, b := list.Locks[0], list.Locks[1]; a.Holder.ConnectionID != ours.id || !a.Ours || b.Holder.ConnectionID != stranger.id || b.Ours || b.Name != pool {
		t.Errorf("%+v, %+v", a, b)
	}
	kill := assign.LockKill{Name: pool, ConnectionID: stranger.id, Reason: "test"}
	if _, err := d.locks.Kill(t.Context(), kill); !errors.Is(err, assign.ErrLockNotOurs) || !stranger.alive() {
		t.Errorf("kill of the other: %v", err)
	}
	kill.AnyLock = true
	killed, err := d.locks.Kill(t.Context(), kill)
	if err != nil || killed.Lock.Name != pool || !ours.alive() {
		t.Errorf("kill of the other, if any may be: %+v, %v", killed, err)
	}
	stranger.awaitDeath()
}

// auditRow is an entry with its data decoded.
type auditRow struct {
	id    string
	Kind  assign.AuditKind
	Actor string
	Data  map[string]any
}

// audit returns the whole audit. Times in it are the database's, of now.
func (d *dba) audit() (rows []auditRow) {
	d.t.Helper()
	var now time.Time
	if err := d.db.Get(&now, `SELECT NOW(6)`); err != nil {
		d.t.Fatal(err)
	}
	page, err := d.locks.Audit(d.t.Context(), "", 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range page.Items {
		r := auditRow{id: e.ID, Kind: e.Kind, Actor: e.Actor}
		if err := json.Unmarshal(e.Data, &r.Data); err != nil {
			d.t.Fatal(err)
		}
		if age := now.Sub(e.At); age < 0 || age > time.Minute {
			d.t.Errorf("entry %s is of %v, the database's clock says %v", e.ID, e.At, now)
		}
		rows = append(rows, r)
	}
	return rows
}

// sameAudit compares the audit with what it should be, ids apart, and times
// that are not ours to know.
func (d *dba) sameAudit(want ...auditRow) {
	d.t.Helper()
	got := d.audit()
	for i, r := range got {
		for _, name := range []string{"host", "program", "instance", "user", "held_ms", "held_exact", "freed_after_ms"} {
			delete(r.Data, name)
		}
		if of, ok := r.Data["of"]; ok && (i == 0 || of != got[i-1].id || got[i-1].Kind != assign.AuditLockKill) {
			d.t.Errorf("entry %d is of %v, which is not the one before it", i, of)
		}
		delete(r.Data, "of")
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".id" }, cmp.Ignore())); diff != "" {
		d.t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func asked(name string, h *holder, waiters int, actor, reason string) auditRow {
	return auditRow{Kind: assign.AuditLockKill, Actor: actor, Data: map[string]any{
		"lock": name, "connection_id": float64(h.id), "reason": reason, "waiters": float64(waiters)}}
}

// The holder is ended, nobody else is, the longest waiter has the lock, and all
// of it is in the audit.
func TestKillHolder(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	d.Fill(t, longPool, 1, 0)
	for n, by := range []string{"demo", d.name("demo"), string(longPool), d.name(longPool)} {
		full := d.lock(by).Name
		h, next, bystander := d.session().mustTake(full), d.session(), d.session()
		got := make(chan error, 1)
		go func() { got <- next.take(full) }()
		await(t, "somebody waits", func() bool { return len(d.lock(by).Waiters) == 1 })

		killed, err := d.locks.Kill(t.Context(), assign.LockKill{Name: by, ConnectionID: h.id, Reason: "stuck: 막힘", Actor: "dba"})
		if err != nil || !killed.Freed || killed.After <= 0 || killed.After >= time.Second || killed.Lock.Name != full {
			t.Fatalf("kill by %s: %+v, %v", by, killed, err)
		}
		h.awaitDeath()
		if err := <-got; err != nil || !bystander.alive() {
			t.Errorf("the waiter: %v; a bystander is alive: %t", err, bystander.alive())
		}
		if v := d.lock(by); v.Holder == nil || v.Holder.ConnectionID != next.id {
			t.Errorf("the holder is not the one who waited: %+v", v)
		}
		rows := d.audit()
		if id := rows[2*n].id; id != killed.AuditID {
			t.Errorf("audit id %s, want %s", killed.AuditID, id)
		}
		if ms, ok := rows[2*n+1].Data["freed_after_ms"].(float64); !ok || int64(ms) != killed.After.Milliseconds() {
			t.Errorf("audit says %v, the answer %v", rows[2*n+1].Data, killed.After)
		}
		if v := rows[2*n].Data; v["user"] == "" || v["host"] == "" {
			t.Errorf("audit does not say who it was: %v", v)
		}
		if n == 0 {
			done := auditRow{Kind: assign.AuditLockKilled, Actor: "dba", Data: map[string]any{"freed": true}}
			d.sameAudit(asked(full, h, 1, "dba", "stuck: 막힘"), done)
		}
		if err := next.release(full); err != nil {
			t.Error(err)
		}
	}
}

// Nobody is ended but the one who was named, and nothing is in the audit of
// tries that came to nothing before they began.
func TestKillIsRefused(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	mine, alike := d.name("demo"), "fairlead:"+d.Database.Schema+"2:demo"
	h, other := d.session().mustTake(mine), d.session().mustTake(alike)
	for what, tt := range map[string]struct {
		kill assign.LockKill
		want error
		now  int64 // who is said to hold the lock
	}{
		"of another session":    {assign.LockKill{Name: "demo", ConnectionID: other.id}, assign.ErrHolderChanged, h.id},
		"of nobody":             {assign.LockKill{Name: mine, ConnectionID: 1 << 40}, assign.ErrHolderChanged, h.id},
		"behind a free lock":    {assign.LockKill{Name: "free", ConnectionID: h.id}, assign.ErrHolderChanged, 0},
		"in another schema":     {assign.LockKill{Name: alike, ConnectionID: other.id}, assign.ErrLockNotOurs, 0},
		"behind a made-up name": {assign.LockKill{Name: mine[:len(mine)-4] + "#0123456789abcdef", ConnectionID: h.id}, assign.ErrLockNotOurs, 0},
	} {
		tt.kill.Reason = "test"
		killed, err := d.locks.Kill(t.Context(), tt.kill)
		if !errors.Is(err, tt.want) || killed.AuditID != "" {
			t.Errorf("kill %s: %+v, %v, want %v", what, killed, err, tt.want)
		}
		now := int64(0)
		if v := killed.Lock.Holder; v != nil {
			now = v.ConnectionID
		}
		if now != tt.now {
			t.Errorf("kill %s: the holder is said to be %d, want %d", what, now, tt.now)
		}
	}
	if !h.alive() || !other.alive() {
		t.Error("somebody was ended")
	}
	d.sameAudit()

	if _, err := d.locks.Kill(t.Context(), assign.LockKill{Name: alike, ConnectionID: other.id, Reason: "test", AnyLock: true}); err != nil {
		t.Error(err)
	}
	other.awaitDeath()
	d.sameAudit(asked(alike, other, 0, "", "test"), auditRow{Kind: assign.AuditLockKilled, Data: map[string]any{"freed": true}})
}

// A holder that gives up the lock between the look and the kill is left alone,
// and so is the one who has it then.
func TestHolderChangesOnTheWay(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	name := d.name("demo")
	h, next, stuck := d.session().mustTake(name), d.session(), d.session()
	if _, err := stuck.ExecContext(t.Context(), `LOCK TABLES audit READ`); err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		assign.LockKilled
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		killed, err := d.locks.Kill(t.Context(), assign.LockKill{Name: "demo", ConnectionID: h.id, Reason: "test"})
		done <- outcome{killed, err}
	}()
	await(t, "the audit is waited for", func() bool {
		all, err := dbtest.Sessions(t.Context(), d.db)
		return err == nil && slices.ContainsFunc(all, func(s dbtest.Session) bool {
			return s.DB == d.Database.Schema && strings.HasPrefix(s.Info, "INSERT INTO audit")
		})
	})
	if err := h.release(name); err != nil {
		t.Fatal(err)
	}
	next.mustTake(name)
	if _, err := stuck.ExecContext(t.Context(), `UNLOCK TABLES`); err != nil {
		t.Fatal(err)
	}
	o := <-done
	if !errors.Is(o.err, assign.ErrHolderChanged) || o.Lock.Holder == nil || o.Lock.Holder.ConnectionID != next.id {
		t.Errorf("%+v, %v, want the new holder, %d", o.LockKilled, o.err, next.id)
	}
	if !h.alive() || !next.alive() {
		t.Error("somebody was ended")
	}
	d.sameAudit(asked(name, h, 0, "", "test"), auditRow{Kind: assign.AuditLockKillFailed, Data: map[string]any{"error": "holder_changed"}})
}

// An account without rights on the server ends its own sessions and no others,
// and with the one right that is named it ends the others too.
func TestKillNeedsARight(t *testing.T) {
	t.Parallel()
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	db := server.New()
	root := db.Open(t)
	root.MustExec(`CREATE USER other@'%' IDENTIFIED BY 'secret'`)
	st, err := store.Open(server.NetworkDSN(server.Address(), db.Schema), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := string(st.LockName("demo"))
	foreign := connect(t, "other:secret@tcp("+server.Address()+")/")
	own := connect(t, server.NetworkDSN(server.Address(), db.Schema))
	d := &dba{t: t, db: root, locks: st.Locks()}

	mine := sessionOn(t, own).mustTake(name)
	if _, err := d.locks.Kill(t.Context(), assign.LockKill{Name: "demo", ConnectionID: mine.id, Reason: "own"}); err != nil {
		t.Errorf("kill of its own session: %v", err)
	}
	h := sessionOn(t, foreign).mustTake(name)
	kill := assign.LockKill{Name: "demo", ConnectionID: h.id, Reason: "test"}
	_, err = d.locks.Kill(t.Context(), kill)
	if !errors.Is(err, assign.ErrKillDenied) || !h.alive() {
		t.Errorf("kill without the right: %v; the holder is alive: %t", err, h.alive())
	}
	done := auditRow{Kind: assign.AuditLockKilled, Data: map[string]any{"freed": true}}
	denied := auditRow{Kind: assign.AuditLockKillFailed, Data: map[string]any{"error": "kill_denied"}}
	d.sameAudit(asked(name, mine, 0, "", "own"), done, asked(name, h, 0, "", "test"), denied)

	right := "CONNECTION_ADMIN"
	if engine, _ := dbtest.Engine(t); engine == "mariadb" {
		right = "CONNECTION ADMIN"
	}
	root.MustExec(`GRANT ` + right + ` ON *.* TO fairlead@'%'`)
	fresh, err := store.OpenLocks(server.NetworkDSN(server.Address(), db.Schema)) // a session has the rights of its beginning
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if killed, err := fresh.Kill(t.Context(), kill); err != nil || !killed.Freed || killed.AuditID == "" {
		t.Errorf("kill with the right: %+v, %v", killed, err)
	}
	h.awaitDeath()
}

// connect opens connections that may be killed without a word in the log.
func connect(t *testing.T, dsn string) *sqlx.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	t.Cleanup(func() { db.Close() })
	return db
}

// Without an audit nobody is ended: what is about to be done is committed first.
func TestNobodyIsKilledWithoutAudit(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	h := d.session().mustTake(d.name("demo"))
	kill := assign.LockKill{Name: "demo", ConnectionID: h.id, Reason: "test"}
	stuck := d.session()
	if _, err := stuck.ExecContext(t.Context(), `LOCK TABLES audit READ`); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := d.locks.Kill(soon, kill); !errors.Is(err, assign.ErrNotAudited) || !h.alive() {
		t.Errorf("with the audit stuck: %v; the holder is alive: %t", err, h.alive())
	}
	if _, err := stuck.ExecContext(t.Context(), `UNLOCK TABLES`); err != nil {
		t.Fatal(err)
	}
	d.db.MustExec(`DROP TABLE audit`)
	for _, anyLock := range []bool{false, true} {
		kill.AnyLock = anyLock
		if _, err := d.locks.Kill(t.Context(), kill); !errors.Is(err, assign.ErrNotAudited) || !h.alive() {
			t.Errorf("without an audit: %v; the holder is alive: %t", err, h.alive())
		}
	}
	foreign := "foreign of " + d.Database.Schema
	h.mustTake(foreign)
	kill = assign.LockKill{Name: foreign, ConnectionID: h.id, Reason: "test", AnyLock: true}
	if _, err := d.locks.Kill(t.Context(), kill); !errors.Is(err, assign.ErrNotAudited) || !h.alive() {
		t.Errorf("the service ends other applications' holders without an audit: %v", err)
	}

	// A person with an account, and no service: there is nothing of ours there.
	alone, err := store.OpenLocks(d.Database.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if killed, err := alone.Kill(t.Context(), kill); err != nil || killed.AuditID != "" || !killed.Freed {
		t.Errorf("without a service: %+v, %v", killed, err)
	}
	h.awaitDeath()

	// To leave the schema out is no way around the audit.
	ours := d.session().mustTake(d.name("demo"))
	cfg, err := mysql.ParseDSN(d.Database.DSN)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DBName = ""
	nameless, err := store.OpenLocks(cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer nameless.Close()
	kill = assign.LockKill{Name: d.name("demo"), ConnectionID: ours.id, Reason: "test", AnyLock: true}
	if _, err := nameless.Kill(t.Context(), kill); !errors.Is(err, assign.ErrNotAudited) || !ours.alive() {
		t.Errorf("without a schema: %v; the holder is alive: %t", err, ours.alive())
	}
}

// Whoever asked may leave: a kill that was begun is seen through, and its
// outcome is in the audit.
func TestKillIsSeenThrough(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	name, begun := d.name("demo"), 0
	for range 60 {
		h := d.session().mustTake(name)
		ctx, leave := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(rand.IntN(6000))*time.Microsecond, leave)
		_, err := d.locks.Kill(ctx, assign.LockKill{Name: "demo", ConnectionID: h.id, Reason: "test"})
		timer.Stop()
		leave()
		rows := d.audit()
		if len(rows)%2 != 0 {
			t.Fatalf("after %v the last entry has no outcome: %+v", err, rows[len(rows)-1])
		}
		if len(rows) > 2*begun {
			begun++
			h.awaitDeath()
			if rows[len(rows)-1].Kind != assign.AuditLockKilled {
				t.Errorf("outcome %+v", rows[len(rows)-1])
			}
			continue
		}
		if !h.alive() {
			t.Fatalf("a session was ended, and nobody knows why: %v", err)
		}
		if err := h.release(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 60 were begun", begun)
}

// A connection that is lost in the statement that kills leaves open whether
// anybody was killed, and the answer and the audit say so. One that is lost over
// the audit kills nobody.
func TestKillIsCutOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at        string
		delivered bool
		want      error
		dies      bool
		audit     []assign.AuditKind
	}{
		{"KILL ", true, assign.ErrOutcomeUnknown, true, []assign.AuditKind{assign.AuditLockKill, assign.AuditLockKillUnclear}},
		{"KILL ", false, assign.ErrOutcomeUnknown, false, []assign.AuditKind{assign.AuditLockKill, assign.AuditLockKillUnclear}},
		{"INSERT INTO audit", true, assign.ErrNotAudited, false, []assign.AuditKind{assign.AuditLockKill}},
		{"INSERT INTO audit", false, assign.ErrNotAudited, false, nil},
	} {
		d := newDBA(t)
		r := newRelay(t, d.Database.DSN)
		st, err := store.Open(r.dsn, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r.on(once(tt.at, func(sent []byte) ([]byte, bool, bool) { return sent, tt.delivered, true }))
		h := d.session().mustTake(d.name("demo"))
		_, err = st.Locks().Kill(t.Context(), assign.LockKill{Name: "demo", ConnectionID: h.id, Reason: "test"})
		if !errors.Is(err, tt.want) {
			t.Errorf("%q delivered %t: %v, want %v", tt.at, tt.delivered, err, tt.want)
		}
		if tt.dies {
			h.awaitDeath()
		} else if !h.alive() {
			t.Errorf("%q delivered %t: the holder was ended", tt.at, tt.delivered)
		}
		var kinds []assign.AuditKind
		want := len(tt.audit)
		await(t, "the audit is written", func() bool { kinds = kindsOf(d.audit()); return len(kinds) >= want })
		if diff := cmp.Diff(tt.audit, kinds); diff != "" {
			t.Errorf("%q delivered %t: audit (-want +got):\n%s", tt.at, tt.delivered, diff)
		}
		st.Close()
	}
}

func kindsOf(rows []auditRow) (kinds []assign.AuditKind) {
	for _, r := range rows {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

func TestAuditIsPaged(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	for range 5 {
		h := d.session().mustTake(d.name("demo"))
		if _, err := d.locks.Kill(t.Context(), assign.LockKill{Name: "demo", ConnectionID: h.id, Reason: "test"}); err != nil {
			t.Fatal(err)
		}
		h.awaitDeath()
	}
	var ids []string
	for after, more := "", true; more; {
		page, err := d.locks.Audit(t.Context(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			ids = append(ids, e.ID)
			after = e.ID
		}
		more = page.More
	}
	if len(ids) != 10 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 10 {
		t.Errorf("the pages together have %v", ids)
	}
}

// operators is the admin handler in front of the locks.
func (d *dba) operators() http.Handler {
	return (&api.Server{Locks: d.locks, Log: slog.New(slog.DiscardHandler)}).Admin()
}

// delete asks over HTTP to end a session, and returns the status and the code
// of the problem.
func (d *dba) delete(h http.Handler, name string, id int64) (int, string) {
	d.t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodDelete,
		fmt.Sprintf("/v1/locks/%s?connection_id=%d&reason=race", url.PathEscape(name), id), nil))
	var p struct{ Code string }
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		d.t.Fatalf("answer %s: %v", rec.Body, err)
	}
	return rec.Code, p.Code
}

// races is how often a holder and an operator meet.
const races = 1000

// A holder that had changed before the request is left alone, every time, and
// so is the new one.
func TestChangedHolderIsNeverKilled(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	h, name := d.operators(), d.name("demo")
	a, b := d.session().mustTake(name), d.session()
	for n := range races {
		got := make(chan error, 1)
		go func() { got <- b.take(name) }()
		if err := a.release(name); err != nil {
			t.Fatalf("race %d: %v", n, err)
		}
		if err := <-got; err != nil {
			t.Fatalf("race %d: %v", n, err)
		}
		if status, code := d.delete(h, "demo", a.id); status != http.StatusConflict || code != "holder_changed" {
			t.Fatalf("race %d: %d %s", n, status, code)
		}
		a, b = b, a
	}
	if !a.alive() || !b.alive() {
		t.Error("somebody was ended")
	}
	d.sameAudit()
}

// A holder that gives up the lock while the request is on its way is ended, or
// left alone and the answer says so. The next holder is never ended.
func TestKillRacesRelease(t *testing.T) {
	t.Parallel()
	d := newDBA(t)
	handler, name := d.operators(), d.name("demo")
	outcomes := map[int]int{}
	h, next := d.session(), d.session()
	took := 3 * time.Millisecond // of a request, about
	for n := range races {
		h.mustTake(name)
		waiting := make(chan error, 1)
		go func() { waiting <- next.take(name) }()
		released := make(chan error, 1)
		pause := time.Duration(rand.Int64N(int64(took) + 1))
		began := time.Now()
		go func() {
			for time.Since(began) < pause { // sleeps are too coarse for this
			}
			released <- h.release(name)
		}()
		status, code := d.delete(handler, "demo", h.id)
		took = (7*took + time.Since(began)) / 8
		gone := <-released != nil
		if err := <-waiting; err != nil {
			t.Fatalf("race %d: the next holder was ended: %v", n, err)
		}
		outcomes[status]++
		switch {
		case status == http.StatusOK:
			h.awaitDeath()
			h = d.session()
		case status != http.StatusConflict || code != "holder_changed":
			t.Fatalf("race %d: %d %s", n, status, code)
		case gone || !h.alive():
			t.Fatalf("race %d: the answer is that nobody was ended, and the holder is gone", n)
		}
		if err := next.release(name); err != nil {
			t.Fatalf("race %d: %v", n, err)
		}
	}
	ends := d.auditIsWhole()
	t.Logf("of %d races: %v; the audit says %v", races, outcomes, ends)
	if ends[assign.AuditLockKilled] != outcomes[http.StatusOK] {
		t.Errorf("%d answers are that a session was ended; the audit says %v", outcomes[http.StatusOK], ends)
	}
	// Some found it too late to begin, and some in the statement that kills.
	if ends[assign.AuditLockKilled] < 10 || ends[assign.AuditLockKillFailed] < 10 || outcomes[http.StatusConflict] < ends[assign.AuditLockKillFailed]+10 {
		t.Errorf("they did not race")
	}
}

// auditIsWhole checks that each kill that was begun has one outcome, and counts
// those by kind.
func (d *dba) auditIsWhole() map[assign.AuditKind]int {
	d.t.Helper()
	open, after, ends := map[string]bool{}, "", map[assign.AuditKind]int{}
	for more := true; more; {
		page, err := d.locks.Audit(d.t.Context(), after, 1000)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, e := range page.Items {
			var data struct{ Of string }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				d.t.Fatal(err)
			}
			if e.Kind == assign.AuditLockKill {
				open[e.ID] = true
			} else {
				if !open[data.Of] {
					d.t.Errorf("entry %s is about %q", e.ID, data.Of)
				}
				delete(open, data.Of)
				ends[e.Kind]++
			}
			after = e.ID
		}
		more = page.More
	}
	if len(open) > 0 {
		d.t.Errorf("%d kills have no outcome", len(open))
	}
	return ends
}
