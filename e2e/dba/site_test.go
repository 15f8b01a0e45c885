package dba

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/lock"
	"fairlead/store"
)

// The accounts of the page, and the headings below which they are made.
const (
	migrator = "fairlead_migrator"
	app      = "fairlead_app"
	monitor  = "fairlead_monitor"
	admin    = "fairlead_admin"

	headingFirst = "### First, on every server"
	headingThen  = "### Then, on every server"
)

// A site is a server set up as the page says.
type site struct {
	*dbtest.Private
	root    *sqlx.DB
	dialect lock.Dialect
	grants  []string // all that were made
}

// newSite starts a server, with the page's settings and further options, and
// makes the migrator.
func newSite(t *testing.T, args ...string) *site {
	t.Helper()
	s := &site{dialect: engine()}
	if s.dialect == lock.MariaDB {
		args = append(settings(t), args...)
	}
	s.Private = dbtest.Place{Host: "127.0.0.1"}.NewServer(t, args...)
	s.root = s.connect(t, "root", s.DSN(""))
	s.run(t, headingFirst)
	return s
}

// engine is what private servers run.
func engine() lock.Dialect {
	if os.Getenv("FAIRLEAD_TEST_ENGINE") == "mysql" {
		return lock.MySQL
	}
	return lock.MariaDB
}

// furnished is a site with a migrated schema and all accounts.
func furnished(t *testing.T, args ...string) *site {
	t.Helper()
	s := newSite(t, args...)
	if out, code := binary.Run(t, "migrate", "up", "--dsn="+s.dsn(t, migrator)); code != 0 {
		t.Fatalf("migrate up: %d %s", code, out)
	}
	s.run(t, headingThen)
	s.run(t, s.headingOfMonitor())
	return s
}

func (s *site) headingOfMonitor() string {
	if s.dialect == lock.MariaDB {
		return "### Monitor and admin on MariaDB 10.6 and later"
	}
	return "### Monitor and admin on MySQL 8.0 and later"
}

// settings are the page's lines of my.cnf, as options of the server.
func settings(t *testing.T) []string {
	t.Helper()
	var args []string
	for line := range strings.Lines(fence(t, "## Settings", "ini")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
			args = append(args, "--"+name+"="+strings.Trim(value, "'"))
		}
	}
	return args
}

// run runs the statements below a heading as root.
func (s *site) run(t *testing.T, heading string) {
	t.Helper()
	for _, q := range statements(t, fence(t, heading, "sql")) {
		if _, err := s.root.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if strings.HasPrefix(q, "GRANT") {
			s.grants = append(s.grants, q)
		}
	}
}

// dsn is how an account of the page connects, with the password from there.
func (s *site) dsn(t *testing.T, account string) string {
	t.Helper()
	_, rest, found := strings.Cut(readPage(t), "CREATE USER '"+account+"'@'%' IDENTIFIED BY '")
	password, _, _ := strings.Cut(rest, "'")
	if !found {
		t.Fatalf("the page does not make %s", account)
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = account, password, "tcp", s.Address(), "fairlead"
	return cfg.FormatDSN()
}

func (s *site) connect(t *testing.T, who, dsn string) *sqlx.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatalf("%s: %v", who, err)
	}
	cfg.Logger = &mysql.NopLogger{} // sessions are ended here
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatalf("%s: %v", who, err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	t.Cleanup(func() { db.Close() })
	return db
}

// as returns connections of an account.
func (s *site) as(t *testing.T, account string) *sqlx.DB {
	t.Helper()
	return s.connect(t, account, s.dsn(t, account))
}

func (s *site) locks(t *testing.T, account string) *store.Locks {
	t.Helper()
	locks, err := store.OpenLocks(s.dsn(t, account))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { locks.Close() })
	return locks
}

// house is an instance of the service, without HTTP, on the account app.
func (s *site) house(t *testing.T) (*store.Store, *assign.Combiner) {
	t.Helper()
	st, err := store.Open(s.dsn(t, app), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st, storetest.Combine(t, st)
}

// A privilege is one word of one grant.
type privilege struct{ verb, on, account string }

func (p privilege) String() string { return p.verb + " on " + p.on }

func (p privilege) revoke() string {
	return fmt.Sprintf("REVOKE %s ON %s FROM %s", p.verb, p.on, p.account)
}
func (p privilege) grant() string {
	return fmt.Sprintf("GRANT %s ON %s TO %s", p.verb, p.on, p.account)
}

// privileges are those that the page gives an account.
func (s *site) privileges(t *testing.T, account string) []privilege {
	t.Helper()
	var all []privilege
	for _, g := range s.grants {
		verbs, rest, _ := strings.Cut(strings.TrimPrefix(g, "GRANT "), " ON ")
		on, to, _ := strings.Cut(rest, " TO ")
		if !strings.HasPrefix(to, "'"+account+"'") {
			continue
		}
		for _, verb := range strings.Split(verbs, ", ") {
			all = append(all, privilege{verb, on, to})
		}
	}
	if len(all) == 0 {
		t.Fatalf("the page gives %s nothing", account)
	}
	return all
}

// without runs fn while a privilege is taken away. Sessions that are open keep
// some of their rights, so fn must open its own.
func (s *site) without(t *testing.T, p privilege, fn func()) {
	t.Helper()
	if _, err := s.root.ExecContext(t.Context(), p.revoke()); err != nil {
		t.Fatalf("%s: %v", p.revoke(), err)
	}
	fn()
	if _, err := s.root.ExecContext(t.Context(), p.grant()); err != nil {
		t.Fatalf("%s: %v", p.grant(), err)
	}
}

// pause is how often a server is asked. InnoDB's tables show what they showed
// before to who asks again within 100 ms.
const pause = 120 * time.Millisecond

// await waits for a condition.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not seen in time: %s", what)
		}
		time.Sleep(pause)
	}
}

// A session of a test's own, with its connection id.
type session struct {
	*sqlx.Conn
	id int64
}

func openSession(t *testing.T, db *sqlx.DB) session {
	t.Helper()
	conn, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := session{Conn: conn}
	if err := conn.GetContext(t.Context(), &s.id, `SELECT CONNECTION_ID()`); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s session) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := s.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// begin runs a statement that takes its time, and returns where its end will be
// told.
func (s session) begin(ctx context.Context, query string) <-chan error {
	ended := make(chan error, 1)
	go func() {
		rows, err := s.QueryContext(ctx, query)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		ended <- err
	}()
	return ended
}
