package localdb_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"fairlead/internal/localdb"
)

const (
	// envOwner makes the test binary start a server in the folder that it
	// names, say its process id, and wait to be killed.
	envOwner = "LOCALDB_TEST_OWNER"
	// envServer is the server program that it starts then, if not the usual.
	envServer = "LOCALDB_TEST_SERVER"
)

// templates is shared by the tests, so that only the first folder is made from
// nothing.
var templates string

func TestMain(m *testing.M) {
	if dir := os.Getenv(envOwner); dir != "" {
		own(dir)
		return
	}
	os.Exit(func() int {
		var err error
		if templates, err = os.MkdirTemp("", "localdb-test-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(templates)
		return m.Run()
	}())
}

func own(dir string) {
	opts := small(dir)
	var err error
	if server := os.Getenv(envServer); server != "" {
		opts.Installation, err = localdb.Find()
		opts.Installation.Server = server
	}
	srv, startErr := localdb.Start(context.Background(), opts)
	if err = errors.Join(err, startErr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(srv.Pid())
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or until the test is gone
	_ = srv.Close()
}

// small returns options for a server that starts quickly.
func small(dir string) localdb.Options {
	return localdb.Options{Dir: dir, BufferPool: 32 << 20, RedoLog: 16 << 20, Templates: templates}
}

func start(t *testing.T, opts localdb.Options) *localdb.Server {
	t.Helper()
	srv, err := localdb.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, srv) })
	return srv
}

func stop(t *testing.T, srv *localdb.Server) {
	t.Helper()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, cfg *mysql.Config) *sql.DB {
	t.Helper()
	cfg.Logger = &mysql.NopLogger{} // servers die here on purpose
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	t.Cleanup(func() { db.Close() })
	return db
}

func exec1(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// remember writes a row that [checkRemembered] looks for.
func remember(t *testing.T, srv *localdb.Server) {
	t.Helper()
	exec1(t, connect(t, srv.Config("")), "CREATE DATABASE d", "CREATE TABLE d.t (n INT)", "INSERT INTO d.t VALUES (42)")
}

func checkRemembered(t *testing.T, srv *localdb.Server) {
	t.Helper()
	var n int
	if err := connect(t, srv.Config("d")).QueryRowContext(t.Context(), "SELECT n FROM t").Scan(&n); err != nil || n != 42 {
		t.Errorf("read back %d, %v", n, err)
	}
}

// eventually waits until ok, looking often, and fails the test if that takes
// unreasonably long.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestStartMakesADurablePrivateServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	began := time.Now()
	srv := start(t, localdb.Options{Dir: dir})
	t.Logf("first start took %v", time.Since(began))

	db := connect(t, srv.Config(""))
	for variable, want := range map[string]string{
		"tmpdir":                         filepath.Join(dir, "db.tmp"),
		"innodb_flush_log_at_trx_commit": "1",
		"innodb_doublewrite":             "1",
		"skip_networking":                "1",
		"skip_name_resolve":              "1",
		"performance_schema":             "0",
		"max_connections":                "300",
		"max_allowed_packet":             "67108864",
		"time_zone":                      "+00:00",
	} {
		var got string
		if err := db.QueryRowContext(t.Context(), "SELECT @@"+variable).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", variable, got, err, want)
		}
	}
	var pool, log int64
	err := db.QueryRowContext(t.Context(), "SELECT @@innodb_buffer_pool_size, @@innodb_log_file_size").Scan(&pool, &log)
	if err != nil || pool < 256<<20 || log < 96<<20 {
		t.Errorf("buffer pool %d, log %d, %v; want at least 256 and 96 MiB", pool, log, err)
	}
	checkShut(t, filepath.Join(dir, "db"))
	checkShut(t, filepath.Join(dir, "db.tmp"))
}

func checkShut(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("%s has mode %v, want 0700", dir, info.Mode().Perm())
	}
}

func TestStartAgainKeepsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := start(t, small(dir))
	remember(t, srv)
	stop(t, srv)
	if srv.Pid() != 0 {
		t.Errorf("Pid after Close = %d, want 0", srv.Pid())
	}
	if err := srv.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Signal after Close = %v, want ErrProcessDone", err)
	}
	if err := os.Chmod(filepath.Join(dir, "db"), 0o755); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	srv = start(t, small(dir))
	t.Logf("start on an existing folder took %v", time.Since(began))
	checkRemembered(t, srv)
	checkShut(t, filepath.Join(dir, "db"))
}

func TestKilledServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	srv := start(t, small(t.TempDir()))
	remember(t, srv)
	for range 2 {
		old := srv.Pid()
		if err := srv.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a new server", func() bool { return srv.Pid() != old && srv.Pid() != 0 })
		checkRemembered(t, srv)
	}
}

func TestOnceStaysDown(t *testing.T) {
	t.Parallel()
	opts := small(t.TempDir())
	opts.Once = true
	srv := start(t, opts)
	if err := srv.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no server", func() bool { return srv.Pid() == 0 })
	stop(t, srv)
	start(t, opts)
}

func TestSecondStartIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := start(t, small(dir))
	remember(t, srv)
	pid := srv.Pid()
	_, err := localdb.Start(t.Context(), small(dir))
	if !errors.Is(err, localdb.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("second Start: %v, want ErrInUse naming process %d", err, os.Getpid())
	}
	if err := localdb.Remove(t.Context(), dir); !errors.Is(err, localdb.ErrInUse) {
		t.Errorf("Remove: %v, want ErrInUse", err)
	}
	checkRemembered(t, srv)
	if srv.Pid() != pid {
		t.Errorf("the first server was replaced: %d, then %d", pid, srv.Pid())
	}
}

// owner starts a server from another program and returns that program and the
// server's process id.
func owner(t *testing.T, dir string, env ...string) (*exec.Cmd, int) {
	t.Helper()
	cmd, out := ownerStarting(t, dir, env...)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return cmd, pid
}

// ownerStarting returns a program that is about to start a server, and where
// it says the server's process id when it has.
func ownerStarting(t *testing.T, dir string, env ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), envOwner+"="+dir), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return cmd, out
}

func kill9(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

func TestJoin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, ok, err := localdb.Join(t.Context(), filepath.Join(dir, "missing")); ok || err != nil {
		t.Errorf("without a folder: %v, %v; want false, nil", ok, err)
	}
	cmd, pid := owner(t, dir)
	cfg, ok, err := localdb.Join(t.Context(), dir)
	if err != nil || !ok {
		t.Fatalf("with a server: %v, %v; want true, nil", ok, err)
	}
	exec1(t, connect(t, cfg), "CREATE DATABASE d")

	kill9(t, cmd)
	if _, ok, err := localdb.Join(t.Context(), dir); ok || err != nil {
		t.Errorf("with the owner of server %d killed: %v, %v; want false, nil", pid, ok, err)
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 25))
	srv := start(t, small(dir))
	remember(t, srv)

	socket := srv.Config("").Addr
	if len(socket) > 103 || strings.HasPrefix(socket, dir) {
		t.Errorf("socket is %s", socket)
	}
	checkShut(t, filepath.Dir(socket))
	cfg, ok, err := localdb.Join(t.Context(), dir)
	if err != nil || !ok || cfg.Addr != socket {
		t.Errorf("Join: %v, %v, %v", cfg, ok, err)
	}
	stop(t, srv)
	if _, err := os.Stat(filepath.Dir(socket)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket's folder is still there: %v", err)
	}
}

func TestHalfMadeFolderIsMadeAnew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		harm func(data string) error
	}{
		{"empty", func(data string) error { return errors.Join(os.RemoveAll(data), os.Mkdir(data, 0o700)) }},
		{"truncated", func(data string) error { return os.Truncate(filepath.Join(data, "ibdata1"), 100) }},
		{"without system tables", func(data string) error { return os.RemoveAll(filepath.Join(data, "mysql")) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			stop(t, start(t, small(dir)))
			data := filepath.Join(dir, "db")
			if err := errors.Join(os.Remove(filepath.Join(data, ".ready")), tt.harm(data)); err != nil {
				t.Fatal(err)
			}
			remember(t, start(t, small(dir)))
		})
	}
}

func TestFolderWithDataIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := start(t, small(dir))
	remember(t, srv)
	stop(t, srv)
	ready := filepath.Join(dir, "db", ".ready")
	mark, err := os.ReadFile(ready)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ready); err != nil {
		t.Fatal(err)
	}

	_, err = localdb.Start(t.Context(), small(dir))
	if err == nil || !strings.Contains(err.Error(), "(d)") || !strings.Contains(err.Error(), ".ready") {
		t.Fatalf("Start: %v; want an error that names the database and the marker", err)
	}
	// What the error advises works, and nothing was lost.
	if err := os.WriteFile(ready, mark, 0o600); err != nil {
		t.Fatal(err)
	}
	checkRemembered(t, start(t, small(dir)))
}

func TestForeignFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop(t, start(t, small(dir)))
	if _, err := localdb.Start(t.Context(), small(filepath.Join(dir, "db"))); err == nil {
		t.Error("Start in a server's data folder succeeded")
	}
	if err := os.WriteFile(filepath.Join(dir, "db", ".ready"), []byte("mysql\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := localdb.Start(t.Context(), small(dir)); err == nil || !strings.Contains(err.Error(), "made by mysql") {
		t.Errorf("Start on another engine's folder: %v", err)
	}
}

func TestStartThatFailsGivesTheFolderBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := small(dir)
	broken.Args = []string{"--no-such-option"}
	if _, err := localdb.Start(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("Start with a bad option: %v; want what the server said", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := localdb.Start(gone, small(dir)); !errors.Is(err, context.Canceled) {
		t.Errorf("Start by a caller who left: %v, want Canceled", err)
	}
	start(t, small(dir))
}

func TestRemove(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "x")
	stop(t, start(t, small(dir)))
	if err := localdb.Remove(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestShowLocks(t *testing.T) {
	t.Parallel()
	opts := small(t.TempDir())
	opts.ShowLocks = true
	db := connect(t, start(t, opts).Config(""))
	db.SetMaxOpenConns(1)
	exec1(t, db, "SELECT GET_LOCK('here', 1)")
	var held int
	err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM performance_schema.metadata_locks
		WHERE object_type = 'USER LEVEL LOCK' AND object_name = 'here' AND lock_status = 'GRANTED'`).Scan(&held)
	if err != nil || held != 1 {
		t.Errorf("lists %d holders, %v; want 1", held, err)
	}
}
