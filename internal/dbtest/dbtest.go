// Package dbtest gives each test a database of its own.
//
// Where the server comes from, in this order:
//
//   - FAIRLEAD_TEST_DSN, in the form of github.com/go-sql-driver/mysql: a
//     server on which tests may create and drop databases.
//   - A private server, one for each test binary, started when the first test
//     asks for it. It is MariaDB, or MySQL if FAIRLEAD_TEST_ENGINE is mysql
//     (scripts/get-mysql.sh brings one).
//   - A container, where Docker runs: FAIRLEAD_TEST_IMAGE, else mysql:8.4 or
//     mariadb:11.4.
//
// A test that finds none of these fails; it is never skipped.
//
// Packages that use dbtest hand it their TestMain:
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// Main runs the tests of a package and then stops what they started. It does
// not return. Without it a package's tests work, but leave a folder behind
// for the next run to remove.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is [Main] for packages that have more to clean up: it returns the code
// to exit with.
func Run(m *testing.M) int {
	code := m.Run()
	if err := shutdown(); err != nil {
		fmt.Fprintln(os.Stderr, "dbtest:", err)
		code = max(code, 1)
	}
	return code
}

// A Database is an empty schema for one test.
type Database struct {
	// DSN connects to the schema, in the form of
	// github.com/go-sql-driver/mysql. It has no parameters but those that
	// FAIRLEAD_TEST_DSN came with.
	DSN string
	// Schema is the schema's name, unique on its server.
	Schema string

	cfg *mysql.Config
}

// New creates an empty schema and drops it when the test ends, along with
// whatever is still connected to it. Applying migrations is the caller's
// business.
func New(tb testing.TB) *Database {
	tb.Helper()
	s := shared(tb)
	schema := schemaName()
	if _, err := s.admin.ExecContext(tb.Context(), "CREATE DATABASE "+schema); err != nil {
		tb.Fatalf("dbtest: create %s: %v", schema, err)
	}
	tb.Cleanup(func() {
		if err := s.drop(schema); err != nil {
			tb.Errorf("dbtest: drop %s: %v", schema, err)
		}
	})
	return database(s.cfg, schema)
}

func database(cfg *mysql.Config, schema string) *Database {
	cfg = cfg.Clone()
	cfg.DBName = schema
	return &Database{DSN: cfg.FormatDSN(), Schema: schema, cfg: cfg}
}

// Open returns connections to the schema for looking at its tables and
// changing them by hand: times are parsed, and in UTC. They are closed when
// the test ends.
func (d *Database) Open(tb testing.TB) *sqlx.DB {
	tb.Helper()
	db, err := open(d.cfg)
	if err != nil {
		tb.Fatalf("dbtest: %v", err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// Engine returns which make of server the tests run on, "mariadb", "mysql" or
// "tidb", and its version as the server says it.
func Engine(tb testing.TB) (name, version string) {
	tb.Helper()
	s := shared(tb)
	return s.engine, s.version
}

// schemaName returns a short random name: lock names contain it, and those
// are limited to 64 characters.
func schemaName() string { return "t_" + strings.ToLower(rand.Text()[:10]) }

func open(cfg *mysql.Config) (*sqlx.DB, error) {
	cfg = cfg.Clone()
	cfg.ParseTime, cfg.Loc = true, time.UTC
	cfg.Logger = &mysql.NopLogger{} // tests kill servers and sessions; what matters is returned
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["time_zone"] = "'+00:00'"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sqlx.NewDb(sql.OpenDB(connector), "mysql"), nil
}

// A server is where databases are made.
type server struct {
	cfg             *mysql.Config // without a schema
	stop            func() error
	admin           *sqlx.DB
	engine, version string
}

// connected completes s, whose cfg and stop are set, by asking the server.
func (s *server) connected(ctx context.Context) (err error) {
	if s.admin, err = open(s.cfg); err != nil {
		return err
	}
	s.admin.SetMaxOpenConns(4)
	var comment string
	err = s.admin.QueryRowxContext(ctx, "SELECT VERSION(), @@version_comment").Scan(&s.version, &comment)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	s.engine = engineOf(s.version, comment)
	return nil
}

func engineOf(version, comment string) string {
	for _, name := range []string{"MariaDB", "TiDB"} {
		if strings.Contains(version+comment, name) {
			return strings.ToLower(name)
		}
	}
	return "mysql"
}

// errLockWait is the server's error for a lock that was not had in time.
const errLockWait = 1205

// drop drops a schema. Sessions that are still in it are killed first, since
// DROP waits for their transactions; more may be on their way in meanwhile.
func (s *server) drop(schema string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := s.admin.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SET lock_wait_timeout = 1"); err != nil {
		return err
	}
	for {
		if err := killSessions(ctx, conn, schema); err != nil {
			return err
		}
		_, err := conn.ExecContext(ctx, "DROP DATABASE IF EXISTS "+schema)
		var refused *mysql.MySQLError
		if !errors.As(err, &refused) || refused.Number != errLockWait {
			return err
		}
	}
}

func killSessions(ctx context.Context, conn *sqlx.Conn, schema string) error {
	all, err := Sessions(ctx, conn)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.DB == schema {
			// An error means that it left by itself.
			_, _ = conn.ExecContext(ctx, fmt.Sprint("KILL CONNECTION ", s.ID))
		}
	}
	return nil
}

// theServer is the one server that a test binary's tests share.
var theServer struct {
	once sync.Once
	server
	err error
}

// shared returns the server that the tests of this binary share, starting it
// on first use.
func shared(tb testing.TB) *server {
	tb.Helper()
	theServer.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		theServer.server, theServer.err = provide(ctx)
		if theServer.err == nil {
			theServer.err = theServer.connected(ctx)
		}
	})
	if theServer.err != nil {
		tb.Fatalf("dbtest: no database server for the tests: %v", theServer.err)
	}
	return &theServer.server
}
