package dbtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/internal/localdb"
)

func TestPrivateKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	p := NewServer(t)
	d := p.New()
	db := d.Open(t)
	mustExec(t, db, "CREATE TABLE x (n INT)")
	for n, end := range []func(){p.Kill, p.Stop} {
		mustExec(t, db, "INSERT INTO x VALUES (1)")
		end()
		if pid := p.Pid(); pid != 0 {
			t.Errorf("Pid of a server that is down = %d, want 0", pid)
		}
		if err := db.PingContext(t.Context()); err == nil {
			t.Error("a server that is down answers")
		}
		p.Start()
		// A new pool, by the old DSN.
		again, err := sqlx.ConnectContext(t.Context(), "mysql", d.DSN)
		if err != nil {
			t.Fatal(err)
		}
		if got := get[int](t, again, "SELECT COUNT(*) FROM x"); got != n+1 {
			t.Errorf("%d rows are left, want %d", got, n+1)
		}
		again.Close()
	}
}

// A server with a host is reached over the network, by an account that may not
// do to it what an administrator may.
func TestPrivateOnTheNetwork(t *testing.T) {
	t.Parallel()
	p := Place{Dir: t.TempDir(), Host: "127.0.0.1"}.NewServer(t)
	dsn := p.NetworkDSN(p.Address(), p.New().Schema)
	for range 2 {
		db, err := sqlx.ConnectContext(t.Context(), "mysql", dsn)
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, db, "CREATE TABLE IF NOT EXISTS x (n INT)")
		if _, err := db.ExecContext(t.Context(), "SET GLOBAL max_connections = 10"); err == nil {
			t.Error("the account may change the server")
		}
		db.Close()
		p.Kill()
		p.Start() // on the same port
	}
}

func TestPrivateFreezesAndThaws(t *testing.T) {
	t.Parallel()
	p := NewServer(t)
	db := p.New().Open(t)
	mustExec(t, db, "SELECT 1")
	p.Signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(30 * time.Second); answersWithin(t, db, 100*time.Millisecond); {
		if time.Now().After(deadline) {
			t.Fatal("a frozen server answers")
		}
	}
	p.Signal(syscall.SIGCONT)
	mustExec(t, db, "SELECT 1")
	p.Signal(syscall.SIGSTOP) // Stop must cope
}

// A kill that lets the server finish its work would prove nothing.
func TestKillIsNotAShutdown(t *testing.T) {
	t.Parallel()
	p := NewServer(t)
	for _, tt := range []struct {
		end  func()
		want bool
	}{{p.Kill, false}, {p.Stop, true}} {
		tt.end()
		log, err := os.ReadFile(filepath.Join(p.opts.Dir, "db", "err.log"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.ToLower(string(log)), "shutdown complete"); got != tt.want {
			t.Errorf("shut down: %v, want %v; the server said:\n%s", got, tt.want, log)
		}
		p.Start()
	}
}

func answersWithin(t *testing.T, db *sqlx.DB, limit time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return db.PingContext(ctx) == nil
}

func TestPrivateTakesOptions(t *testing.T) {
	t.Parallel()
	p := NewServer(t, "--max-connections=17")
	if got := get[int](t, p.New().Open(t), "SELECT @@max_connections"); got != 17 {
		t.Errorf("max_connections = %d, want 17", got)
	}
}

func TestGivenServerIsUsed(t *testing.T) {
	p := NewServer(t)
	t.Setenv(envDSN, p.DSN("")+"?timeout=9s")
	s, err := provide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.connected(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.admin.Close()
	if got := get[string](t, s.admin, "SELECT @@socket"); got != p.cfg.Addr {
		t.Errorf("connected to %s, want %s", got, p.cfg.Addr)
	}
	if d := database(s.cfg, "x"); !strings.Contains(d.DSN, "timeout=9s") {
		t.Errorf("%s lost the parameter given", d.DSN)
	}
}

func TestMissingServerNamesTheNextStep(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv(envEngine, "mysql")
	if _, err := installation(); !errors.Is(err, localdb.ErrNotFound) || !strings.Contains(err.Error(), "scripts/get-mysql.sh") {
		t.Errorf("without MySQL: %v; want ErrNotFound, naming the script", err)
	}
}

func TestUnknownEngineIsRefused(t *testing.T) {
	t.Setenv(envDSN, "")
	t.Setenv(envEngine, "oracle")
	if _, err := provide(t.Context()); err == nil || !strings.Contains(err.Error(), "oracle") {
		t.Errorf("provide: %v; want it to name the engine", err)
	}
}

// envLeaver makes the test binary start servers, say where they are, and wait
// to be killed.
const envLeaver = "DBTEST_TEST_LEAVER"

func leave() {
	s, err := provide(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(run.path)
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or until the test is gone
	if err := errors.Join(s.stop(), run.remove()); err != nil {
		panic(err)
	}
	os.Exit(0)
}

// Test binaries are killed: by a timeout, by Ctrl-C. What they leave must not
// pile up, and what others are using must stay.
func TestSweep(t *testing.T) {
	t.Setenv(envDSN, "")
	t.Setenv(envImage, "")
	tmp, err := os.MkdirTemp("", "sweep-") // t.TempDir's names are too long for a socket inside
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	t.Setenv("TMPDIR", tmp)

	dead, deadFolder := leaver(t)
	_, liveFolder := leaver(t)
	if err := dead.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = dead.Wait()
	sweep()
	if _, err := os.Stat(deadFolder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a killed run left is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(liveFolder, "1", "db", "server.sock")); err != nil {
		t.Errorf("a run that goes on lost its server: %v", err)
	}
}

// leaver starts this test binary as another run, and returns it and its
// folder.
func leaver(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), envLeaver+"=1")
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
	folder, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(folder)
}
