package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// diagnosed is what a doctor finds, by check.
func diagnosed(t *testing.T, dsn string, o store.Options, p store.Plan) map[string]store.Diagnosis {
	t.Helper()
	s, err := store.Open(dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	found, err := s.Diagnose(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]store.Diagnosis{}
	for _, d := range found {
		if _, twice := all[d.Check]; twice {
			t.Errorf("%s is there twice", d.Check)
		}
		if d.Says == "" || (d.Do == "") != (d.Level == store.LevelOK) {
			t.Errorf("%+v: says nothing, or what to do where there is nothing, or the other way round", d)
		}
		all[d.Check] = d
	}
	return all
}

// only fails the test unless the named checks, and no others, came out as they
// should, and say these words.
func only(t *testing.T, all map[string]store.Diagnosis, want map[string]store.Diagnosis) {
	t.Helper()
	for name, d := range all {
		w, named := want[name]
		if !named {
			w.Level = store.LevelOK
		}
		if d.Level != w.Level || !strings.Contains(d.Says, w.Says) || !strings.Contains(d.Do, w.Do) {
			t.Errorf("%s: got %s, %q, do %q; want %s, %q, do %q", name, d.Level, d.Says, d.Do, w.Level, w.Says, w.Do)
		}
	}
	for name := range want {
		if _, there := all[name]; !there {
			t.Errorf("there is no check %s", name)
		}
	}
}

func migrated(t *testing.T, db *dbtest.Database) {
	t.Helper()
	if _, err := storetest.On(t, db, store.Options{}).Store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// newServer starts a server of its own that sees all of the locks, but for what
// these options change.
func newServer(t *testing.T, args ...string) *dbtest.Private {
	t.Helper()
	var seeing []string
	if !onMySQL(t) { // whose defaults they are
		for _, consumer := range []string{"events-statements-current", "events-statements-history", "events-transactions-current"} {
			seeing = append(seeing, "--performance-schema-consumer-"+consumer+"=ON")
		}
	}
	return dbtest.NewServer(t, append(seeing, args...)...)
}

// serverWith is a database, migrated, on such a server.
func serverWith(t *testing.T, args ...string) *dbtest.Database {
	t.Helper()
	db := newServer(t, args...).New()
	migrated(t, db)
	return db
}

func onMySQL(t *testing.T) bool {
	engine, _ := dbtest.Engine(t)
	return engine == "mysql"
}

// refused is what the service says of the database when it starts.
func refused(t *testing.T, dsn string) string {
	t.Helper()
	s, err := store.Open(dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err = s.Check(t.Context()); err == nil {
		err = s.CheckRights(t.Context())
	}
	if !errors.Is(err, store.ErrUnsuitable) {
		t.Fatalf("the service is not refused: %v", err)
	}
	return err.Error()
}

// sameWords fails the test unless the service refuses with a diagnosis' words.
func sameWords(t *testing.T, dsn string, d store.Diagnosis) {
	t.Helper()
	want := fmt.Sprintf("%v: %s; %s", store.ErrUnsuitable, d.Says, d.Do)
	if got := refused(t, dsn); got != want {
		t.Errorf("the service says %q, and the doctor %q", got, want)
	}
}

var stable = []string{"engine", "writer", "proxy", "session", "isolation", "timeouts", "packet", "binlog",
	"durability", "locks", "privileges", "migrations", "connections", "clock"}

// On a server as it should be all is well, and scripts find each check by the
// name that they know.
func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	db := serverWith(t)
	s, err := store.Open(db.DSN, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found, err := s.Diagnose(t.Context(), store.Plan{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range found {
		names = append(names, d.Check)
		if d.Level != store.LevelOK || d.Says == "" || d.Do != "" {
			t.Errorf("%+v", d)
		}
		t.Logf("%s: %s", d.Check, d.Says)
	}
	if !slices.Equal(names, stable) {
		t.Errorf("the checks are %v, want %v", names, stable)
	}
	if _, err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.CheckRights(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDoctorNamesReadOnlyServer(t *testing.T) {
	t.Parallel()
	db := serverWith(t)
	db.Open(t).MustExec(`SET GLOBAL read_only = ON`)
	all := diagnosed(t, db.DSN, store.Options{}, store.Plan{})
	only(t, all, map[string]store.Diagnosis{
		"writer":     {Level: store.LevelFailure, Says: "the server is read-only (read_only)", Do: "use the one that takes writes"},
		"privileges": {Level: store.LevelWarning, Says: "cannot tell"},
	})
	sameWords(t, db.DSN, all["writer"])
}

// An account that read_only stops is told the same: what cannot be asked there
// is said to be so.
func TestDoctorOfReadOnlyServerForAccount(t *testing.T) {
	t.Parallel()
	db := newServer(t).New()
	dsn := account(t, db, "ALL ON %s.*")
	db.Open(t).MustExec(`SET GLOBAL read_only = ON`)
	all := diagnosed(t, dsn, store.Options{}, store.Plan{})
	delete(all, "locks")
	only(t, all, map[string]store.Diagnosis{
		"writer":     {Level: store.LevelFailure, Says: "the server is read-only (read_only)"},
		"privileges": {Level: store.LevelWarning, Says: "cannot tell"},
		"migrations": {Level: store.LevelWarning, Do: "run on the server that takes writes"},
	})
	sameWords(t, dsn, all["writer"])
}

// MariaDB can be told that it is a node of Galera without the library for it,
// and MySQL that its group has several primaries without a group.
func TestDoctorNamesServersWithOtherWriters(t *testing.T) {
	t.Parallel()
	args, says, do := []string{"--wsrep-on=ON"}, "Galera is on (wsrep_on)", "single server"
	if onMySQL(t) {
		args = []string{"--plugin-load-add=group_replication.so", "--loose-group_replication_single_primary_mode=OFF", "--loose-group_replication_start_on_boot=OFF"}
		says, do = "several primaries", "single-primary mode"
	}
	db := serverWith(t, args...)
	all := diagnosed(t, db.DSN, store.Options{}, store.Plan{})
	only(t, all, map[string]store.Diagnosis{"writer": {Level: store.LevelFailure, Says: says, Do: do}})
	sameWords(t, db.DSN, all["writer"])
}

func TestDoctorNamesLaxDurability(t *testing.T) {
	t.Parallel()
	db := serverWith(t, "--innodb-flush-log-at-trx-commit=2", "--log-bin=log", "--server-id=1", "--binlog-format=ROW", "--sync-binlog=0", "--innodb-doublewrite=OFF")
	all := diagnosed(t, db.DSN, store.Options{}, store.Plan{})
	only(t, all, map[string]store.Diagnosis{"durability": {Level: store.LevelWarning, Says: "innodb_flush_log_at_trx_commit=2", Do: "SET GLOBAL innodb_flush_log_at_trx_commit = 1"}})
	for _, part := range []string{"sync_binlog=0", "innodb_doublewrite=OFF"} {
		if !strings.Contains(all["durability"].Says, part) {
			t.Errorf("it does not name %s: %+v", part, all["durability"])
		}
	}
	// What it says to do is enough for what can be set at run time.
	root := db.Open(t)
	for _, do := range strings.Split(all["durability"].Do, "; ") {
		if statement, _, ok := strings.Cut(do, ", and"); ok {
			root.MustExec(statement)
		}
	}
	got := diagnosed(t, db.DSN, store.Options{}, store.Plan{})["durability"].Says
	if strings.Contains(got, "innodb_flush") || strings.Contains(got, "sync_binlog") || !strings.Contains(got, "innodb_doublewrite=OFF") {
		t.Errorf("after that: %s", got)
	}
}

func TestDoctorNamesStatementBinlog(t *testing.T) {
	t.Parallel()
	db := serverWith(t, "--log-bin=log", "--server-id=1")
	db.Open(t).MustExec(`SET GLOBAL binlog_format = 'STATEMENT'`)
	all := diagnosed(t, db.DSN, store.Options{}, store.Plan{})
	if onMySQL(t) {
		delete(all, "durability") // its default of sync_binlog is 1, MariaDB's 0
	}
	want := map[string]store.Diagnosis{"binlog": {Level: store.LevelFailure, Says: "binlog_format is STATEMENT", Do: "ROW"}}
	if _, there := all["durability"]; there {
		want["durability"] = store.Diagnosis{Level: store.LevelWarning, Says: "sync_binlog=0", Do: "SET GLOBAL sync_binlog = 1"}
	}
	only(t, all, want)
	sameWords(t, db.DSN, all["binlog"])
}

func TestDoctorNamesLockInstrumentOff(t *testing.T) {
	t.Parallel()
	arg := "--performance-schema=OFF" // MariaDB's default
	if onMySQL(t) {
		arg = "--performance-schema-instrument=wait/lock/metadata/sql/mdl=OFF"
	}
	db := serverWith(t, arg)
	all := diagnosed(t, db.DSN, store.Options{}, store.Plan{})
	only(t, all, map[string]store.Diagnosis{"locks": {Level: store.LevelWarning, Says: "locks are read from", Do: "wait/lock/metadata/sql/mdl"}})
}

func TestDoctorNamesSettings(t *testing.T) {
	t.Parallel()
	db := serverWith(t, "--max-connections=30")
	root := db.Open(t)
	root.MustExec(`SET GLOBAL max_allowed_packet = 1048576`)
	root.MustExec(`SET GLOBAL TRANSACTION ISOLATION LEVEL READ UNCOMMITTED`)
	root.MustExec(`SET GLOBAL TRANSACTION READ ONLY`)
	limit := `SET GLOBAL max_statement_time = 7`
	if onMySQL(t) {
		limit = `SET GLOBAL max_execution_time = 7000`
	}
	root.MustExec(limit)
	all := diagnosed(t, db.DSN, store.Options{}, store.Plan{})
	only(t, all, map[string]store.Diagnosis{
		"privileges":  {Level: store.LevelWarning, Says: "cannot tell"},
		"packet":      {Level: store.LevelFailure, Says: "max_allowed_packet is 1048576", Do: "16777216"},
		"isolation":   {Level: store.LevelWarning, Says: "READ-UNCOMMITTED", Do: "SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ"},
		"session":     {Level: store.LevelFailure, Says: "transactions of our sessions are read-only", Do: "SET GLOBAL TRANSACTION READ WRITE"},
		"timeouts":    {Level: store.LevelWarning, Says: "=7", Do: " = 0"},
		"connections": {Level: store.LevelWarning, Says: "1 instance uses up to 28 connections, which is more than 80 % of max_connections=30", Do: "SET GLOBAL max_connections = 35"},
	})
	sameWords(t, db.DSN, all["packet"])
	// A budget that fits, of a smaller service.
	small := diagnosed(t, db.DSN, store.Options{Units: 2, Reads: 2}, store.Plan{Instances: 3})
	if d := small["connections"]; d.Level != store.LevelOK || !strings.Contains(d.Says, "3 instances use up to 8 connections each, 24 in all; max_connections=30") {
		t.Errorf("%+v", d)
	}
}

// A server may force its own character set on every client.
func TestDoctorNamesForcedCharacterSet(t *testing.T) {
	t.Parallel()
	if onMySQL(t) {
		t.Log("MySQL 9 has no such option any more")
		return
	}
	db := serverWith(t, "--character-set-server=latin1", "--skip-character-set-client-handshake")
	all := diagnosed(t, db.DSN, store.Options{}, store.Plan{})
	only(t, all, map[string]store.Diagnosis{"session": {Level: store.LevelFailure, Says: "character_set_client=latin1 in the place of utf8mb4"}})
	sameWords(t, db.DSN, all["session"])
}

// A schema that is behind is a warning to a service that brings it up to date,
// and a failure to one that does not. Looking leaves nothing behind.
func TestDoctorNamesPendingMigration(t *testing.T) {
	t.Parallel()
	db := newServer(t).New()
	only(t, diagnosed(t, db.DSN, store.Options{}, store.Plan{}), map[string]store.Diagnosis{
		"migrations": {Level: store.LevelWarning, Says: "its schema has version 0 and this program needs", Do: "fairlead migrate up"},
	})
	off := diagnosed(t, db.DSN, store.Options{}, store.Plan{MigrateOff: true})
	only(t, off, map[string]store.Diagnosis{
		"migrations": {Level: store.LevelFailure, Says: "its schema has version 0 and this program needs", Do: "fairlead migrate up"},
	})
	s := storetest.On(t, db, store.Options{}).Store
	want := fmt.Sprintf("%v: %s; %s", store.ErrUnsuitable, off["migrations"].Says, off["migrations"].Do)
	if err := s.CheckSchema(t.Context()); err == nil || err.Error() != want {
		t.Errorf("the service says %v, and the doctor %q", err, want)
	}
	if tables := get[int](t, db.Open(t), `SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`); tables != 0 {
		t.Errorf("looking made %d tables", tables)
	}
	migrated(t, db)
	only(t, diagnosed(t, db.DSN, store.Options{}, store.Plan{MigrateOff: true}), nil)
	db.Open(t).MustExec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	only(t, diagnosed(t, db.DSN, store.Options{}, store.Plan{}), map[string]store.Diagnosis{
		"migrations": {Level: store.LevelWarning, Says: "version 9999, of a newer program", Do: "newer"},
	})
}

// account makes an account with these rights, in which %s is the schema.
func account(t *testing.T, db *dbtest.Database, grants ...string) (dsn string) {
	t.Helper()
	root := db.Open(t)
	root.MustExec(`CREATE USER app@'%' IDENTIFIED BY 'it''s'`)
	for _, g := range grants {
		root.MustExec(fmt.Sprintf(`GRANT `+g+` TO app@'%%'`, db.Schema))
	}
	cfg, err := mysql.ParseDSN(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	cfg.User, cfg.Passwd = "app", "it's"
	return cfg.FormatDSN()
}

// What the doctor says to grant is what is missing, and enough.
func TestDoctorNamesMissingPrivilege(t *testing.T) {
	t.Parallel()
	db := serverWith(t)
	dsn := account(t, db, "SELECT ON %s.*", "INSERT, UPDATE ON %s.pools", "INSERT, UPDATE ON %s.planners", "INSERT ON %s.events", "INSERT ON %s.assignments")
	all := diagnosed(t, dsn, store.Options{}, store.Plan{})
	d := all["privileges"]
	for _, part := range []string{"'app'@'%' lacks UPDATE on assignments; INSERT, UPDATE on numbers", "INSERT on audit"} {
		if d.Level != store.LevelFailure || !strings.Contains(d.Says, part) {
			t.Errorf("%+v; want a failure that says %q", d, part)
		}
	}
	if says := refused(t, dsn); !strings.Contains(says, "lacks UPDATE on assignments") || strings.Contains(says, "audit") {
		t.Errorf("the service says %q", says)
	}
	root := db.Open(t)
	for _, grant := range strings.Split(d.Do, "; ") {
		root.MustExec(grant)
	}
	// The rights to look at locks are not needed, and what is missing is said.
	only(t, diagnosed(t, dsn, store.Options{}, store.Plan{}), map[string]store.Diagnosis{"locks": {Level: store.LevelWarning, Do: "GRANT"}})
	// And the service does work with that.
	h := storetest.On(t, &dbtest.Database{DSN: dsn, Schema: db.Schema}, store.Options{})
	h.Fill(t, "demo", 3, 3)
	if _, err := h.Assign(t.Context(), assign.Request{Pool: "demo"}); err != nil {
		t.Error(err)
	}
}

// One right at a time: each is missed when it is not there, and only then.
func TestDoctorMissesEachRight(t *testing.T) {
	t.Parallel()
	db := serverWith(t)
	root := db.Open(t)
	dsn := account(t, db, "SELECT, INSERT, UPDATE ON %s.*")
	if d := diagnosed(t, dsn, store.Options{}, store.Plan{})["privileges"]; d.Level != store.LevelOK {
		t.Fatalf("%+v", d)
	}
	for _, right := range []string{"SELECT", "INSERT", "UPDATE"} {
		root.MustExec(fmt.Sprintf("REVOKE %s ON %s.* FROM app@'%%'", right, db.Schema))
		d := diagnosed(t, dsn, store.Options{}, store.Plan{})["privileges"]
		if d.Level != store.LevelFailure || !strings.Contains(d.Do, "GRANT "+right+" ON `"+db.Schema+"`.`pools` TO 'app'@'%'") {
			t.Errorf("without %s: %+v", right, d)
		}
		root.MustExec(fmt.Sprintf("GRANT %s ON %s.* TO app@'%%'", right, db.Schema))
	}
}

// Before the first migration an account with rights on the schema has all it
// needs, and is told which rights the migration would want.
func TestDoctorNamesRightsToMigrate(t *testing.T) {
	t.Parallel()
	db := newServer(t).New()
	dsn := account(t, db, "SELECT, INSERT, UPDATE, ALTER, DROP ON %s.*")
	all := diagnosed(t, dsn, store.Options{}, store.Plan{})
	delete(all, "locks")
	only(t, all, map[string]store.Diagnosis{
		"migrations": {Level: store.LevelWarning, Says: "lacks CREATE, INDEX to do it", Do: "GRANT CREATE, INDEX ON `" + db.Schema + "`.* TO 'app'@'%'"},
	})
	_, grant, _ := strings.Cut(all["migrations"].Do, "or ")
	db.Open(t).MustExec(grant)
	if d := diagnosed(t, dsn, store.Options{}, store.Plan{})["migrations"]; strings.Contains(d.Says, "lacks") {
		t.Errorf("after the grant: %+v", d)
	}
}

// An account's own limit of connections counts too.
func TestDoctorNamesLimitOfAccount(t *testing.T) {
	t.Parallel()
	db := serverWith(t)
	dsn := account(t, db, "ALL ON %s.*")
	db.Open(t).MustExec(`ALTER USER app@'%' WITH MAX_USER_CONNECTIONS 20`)
	all := diagnosed(t, dsn, store.Options{}, store.Plan{})
	delete(all, "locks")
	only(t, all, map[string]store.Diagnosis{
		"connections": {Level: store.LevelWarning, Says: "this account may have 20 (max_user_connections)", Do: "MAX_USER_CONNECTIONS 28"},
	})
}

// Connections that this account has already are among those that it will have;
// those of others are not.
func TestDoctorCountsConnections(t *testing.T) {
	t.Parallel()
	db := serverWith(t, "--max-connections=40")
	dsn := account(t, db, "ALL ON %s.*")
	running := sqlx.MustOpen("mysql", dsn)
	defer running.Close()
	for range 14 {
		conn, err := running.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if d := diagnosed(t, dsn, store.Options{}, store.Plan{})["connections"]; d.Level != store.LevelOK {
		t.Errorf("to the account that has them: %+v", d)
	}
	if d := diagnosed(t, db.DSN, store.Options{}, store.Plan{})["connections"]; d.Level != store.LevelWarning || !strings.Contains(d.Says, "and other accounts use 1") {
		t.Errorf("to another: %+v", d)
	}
}

// Something that hands the statements of one connection to two sessions is
// found, whatever it does to keep their settings alike.
func TestDoctorNamesProxy(t *testing.T) {
	t.Parallel()
	db := serverWith(t)
	shared := newSharing(t, db.DSN)
	two := sqlx.MustOpen("mysql", shared)
	defer two.Close()
	two.SetMaxOpenConns(1)
	if a, b := get[int64](t, two, `SELECT CONNECTION_ID()`), get[int64](t, two, `SELECT CONNECTION_ID()`); a == b {
		t.Fatal("the proxy does not move statements")
	}
	all := diagnosed(t, shared, store.Options{}, store.Plan{})
	only(t, all, map[string]store.Diagnosis{
		"proxy": {Level: store.LevelFailure, Says: "is there a proxy that shares sessions between connections?", Do: "connect to the server itself"},
	})
	if says := refused(t, shared); !strings.Contains(says, "is there a proxy") {
		t.Errorf("the service says %q", says)
	}
	if d := diagnosed(t, shared, store.Options{LockOff: true}, store.Plan{})["proxy"]; d.Level != store.LevelOK || !strings.Contains(d.Says, "--lock=off") {
		t.Errorf("with the lock off: %+v", d)
	}
}

// What a doctor asks is not written into the binary log either, and no lock is
// left.
func TestDoctorLeavesNothing(t *testing.T) {
	t.Parallel()
	db := newServer(t, "--log-bin=log", "--server-id=1", "--binlog-format=ROW").New()
	root := db.Open(t)
	position := func() string {
		t.Helper()
		query := `SHOW MASTER STATUS`
		if onMySQL(t) {
			query = `SHOW BINARY LOG STATUS`
		}
		row, err := root.QueryRowx(query).SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s at %v", row[0], row[1])
	}
	for _, state := range []string{"before the first migration", "after it"} {
		before := position()
		diagnosed(t, db.DSN, store.Options{}, store.Plan{})
		if after := position(); after != before {
			t.Errorf("%s the binary log was in %s, and is in %s", state, before, after)
		}
		migrated(t, db)
	}
	if held := get[int](t, root, `SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'USER LEVEL LOCK'`); held != 0 {
		t.Errorf("%d locks are left", held)
	}
}

// A database that is down is no diagnosis, and nothing that is final.
func TestDoctorCannotLook(t *testing.T) {
	t.Parallel()
	server := dbtest.NewServer(t)
	db := server.New()
	server.Stop()
	s := storetest.On(t, db, store.Options{}).Store
	if found, err := s.Diagnose(t.Context(), store.Plan{}); err == nil || errors.Is(err, store.ErrUnsuitable) || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := s.Check(t.Context()); err == nil || errors.Is(err, store.ErrUnsuitable) {
		t.Errorf("the check says %v", err)
	}
}
