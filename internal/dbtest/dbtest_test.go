package dbtest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

func TestMain(m *testing.M) {
	if os.Getenv(envLeaver) != "" {
		leave()
	}
	Main(m)
}

func mustExec(t *testing.T, db *sqlx.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// get returns the one value that query selects.
func get[T any](t *testing.T, db *sqlx.DB, query string, args ...any) T {
	t.Helper()
	var v T
	if err := db.GetContext(t.Context(), &v, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestNewIsEmptyAndApart(t *testing.T) {
	t.Parallel()
	for range 3 {
		db := New(t).Open(t)
		mustExec(t, db, "CREATE TABLE x (n INT)", "INSERT INTO x VALUES (1)")
		if n := get[int](t, db, "SELECT COUNT(*) FROM x"); n != 1 {
			t.Errorf("found %d rows, want the one just written", n)
		}
	}
}

func TestDSNConnectsToTheSchema(t *testing.T) {
	t.Parallel()
	d := New(t)
	cfg, err := mysql.ParseDSN(d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlx.ConnectContext(t.Context(), "mysql", d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if name := get[string](t, db, "SELECT DATABASE()"); name != d.Schema || cfg.DBName != d.Schema {
		t.Errorf("DSN leads to %q and says %q, want %q", name, cfg.DBName, d.Schema)
	}
}

func TestOpenReadsTimesInUTC(t *testing.T) {
	t.Parallel()
	db := New(t).Open(t)
	at := get[time.Time](t, db, "SELECT NOW(6)")
	if off := time.Since(at); at.Location() != time.UTC || off.Abs() > time.Hour {
		t.Errorf("the server says %v, which is %v ago", at, off)
	}
}

// A test that fails half way leaves transactions open. Its schema must go all
// the same, and soon.
func TestCleanupDropsWhatIsInUse(t *testing.T) {
	t.Parallel()
	var schema string
	t.Run("test", func(t *testing.T) {
		d := New(t)
		schema = d.Schema
		db := sqlx.MustOpen("mysql", d.DSN)
		t.Cleanup(func() { time.AfterFunc(time.Minute, func() { db.Close() }) })
		mustExec(t, db, "CREATE TABLE x (n INT)")
		if _, err := db.MustBegin().Exec("INSERT INTO x VALUES (1)"); err != nil {
			t.Fatal(err)
		}
	})
	db := New(t).Open(t)
	if n := get[int](t, db, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", schema); n != 0 {
		t.Errorf("%s is still there", schema)
	}
}

func TestEngine(t *testing.T) {
	t.Parallel()
	name, version := Engine(t)
	db := New(t).Open(t)
	if got := get[string](t, db, "SELECT VERSION()"); got != version {
		t.Errorf("version %q, the server says %q", version, got)
	}
	if want := os.Getenv(envEngine); want != "" && os.Getenv(envDSN) == "" && os.Getenv(envImage) == "" && name != want {
		t.Errorf("engine %q, want %q", name, want)
	}
}

func TestEngineOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ version, comment, want string }{
		{"10.11.19-MariaDB-0+deb12u1", "Debian 12", "mariadb"},
		{"11.4.2-MariaDB-ubu2404", "mariadb.org binary distribution", "mariadb"},
		{"8.4.3", "MySQL Community Server - GPL", "mysql"},
		{"9.7.4-2", "(Debian)", "mysql"},
		{"8.0.11-TiDB-v8.5.0", "TiDB Server (Apache License 2.0)", "tidb"},
	} {
		if got := engineOf(tt.version, tt.comment); got != tt.want {
			t.Errorf("engineOf(%q, %q) = %q, want %q", tt.version, tt.comment, got, tt.want)
		}
	}
}

// The names of named locks contain the schema's, and have little room.
func TestSchemaNamesAreShortAndPlain(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		name := schemaName()
		if len(name) > 12 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || seen[name] {
			t.Fatalf("%q is long, odd or not new", name)
		}
		seen[name] = true
	}
}

func TestTestServerShowsLocks(t *testing.T) {
	t.Parallel()
	if os.Getenv(envDSN) != "" {
		t.Skip("the server of " + envDSN + " is set up as it is")
	}
	db := New(t).Open(t)
	db.SetMaxOpenConns(1)
	name := fmt.Sprint("dbtest:", schemaName())
	if got := get[int](t, db, "SELECT GET_LOCK(?, 1)", name); got != 1 {
		t.Fatalf("GET_LOCK = %d", got)
	}
	n := get[int](t, db, `SELECT COUNT(*) FROM performance_schema.metadata_locks
		WHERE object_type = 'USER LEVEL LOCK' AND object_name = ? AND lock_status = 'GRANTED'`, name)
	if n != 1 {
		t.Errorf("lists %d holders, want 1", n)
	}
}
