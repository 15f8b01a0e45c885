package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"fairlead/internal/localdb"
)

// A Private is a server for one test, which may do to it what would disturb
// others. It is durable: what was committed survives [Private.Kill].
type Private struct {
	tb   testing.TB
	opts localdb.Options

	mu  sync.Mutex
	srv *localdb.Server // nil while it is down

	cfg *mysql.Config // stays the same when it is started again

	addr, password string // over TCP; empty if it listens on its socket only
}

// A Place says where a private server is. The zero value is a folder of this
// run, and nothing but a socket.
type Place struct {
	// Dir is an existing folder for the server's own, which is removed with
	// the server.
	Dir string

	// Host is the address to listen on, for what needs a network between the
	// server and its clients: [Private.NetworkDSN].
	Host string
}

// NewServer starts a server for this test alone, of the engine that the other
// tests run on too. It is always a private one: FAIRLEAD_TEST_DSN and Docker
// have no part in it. Args are further options of the server program. Unlike
// the product's, it stays down when it dies.
func NewServer(tb testing.TB, args ...string) *Private {
	tb.Helper()
	return Place{}.NewServer(tb, args...)
}

// NewServer is the function of the same name for another place.
func (at Place) NewServer(tb testing.TB, args ...string) *Private {
	tb.Helper()
	opts, err := privateOptions()
	if err != nil {
		tb.Fatalf("dbtest: %v", err)
	}
	if at.Dir != "" {
		opts.Dir = filepath.Join(at.Dir, "server")
	}
	p := &Private{tb: tb, opts: opts}
	if at.Host != "" {
		p.listenOn(at.Host)
	}
	p.opts.Args = append(p.opts.Args, args...)
	p.Start()
	tb.Cleanup(func() {
		if p.Pid() != 0 {
			p.Kill() // its data is of no use to anyone any more
		}
		p.Stop()
		_ = os.RemoveAll(opts.Dir) // what stays goes with the run's folder
	})
	if at.Host != "" {
		p.letIn()
	}
	return p
}

// listenOn chooses a free port and keeps it for the server's later starts.
func (p *Private) listenOn(host string) {
	p.tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		p.tb.Fatalf("dbtest: %v", err)
	}
	p.addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(p.addr)
	p.opts.Args = append(p.opts.Args, "--skip-networking=0", "--bind-address="+host, "--port="+port)
}

// networkUser may do everything in the schemas of tests, and nothing to the
// server, like the account of a service.
const networkUser = "fairlead"

// letIn makes the account that comes over the network.
func (p *Private) letIn() {
	p.tb.Helper()
	p.password = rand.Text()
	db, err := open(p.cfg)
	if err != nil {
		p.tb.Fatalf("dbtest: %v", err)
	}
	defer db.Close()
	for _, q := range []string{
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", networkUser, p.password),
		fmt.Sprintf("GRANT ALL ON `t\\_%%`.* TO %s@'%%'", networkUser),
	} {
		if _, err := db.ExecContext(p.tb.Context(), q); err != nil {
			p.tb.Fatalf("dbtest: let in over the network: %v", err)
		}
	}
}

// Address returns where the server listens besides its socket, or "".
func (p *Private) Address() string { return p.addr }

// NetworkDSN returns how to connect to a schema of a server with a
// [Place.Host], by way of addr: the server's own [Private.Address] or that of
// something that stands in between. The account has all rights in the schema
// and none on the server.
func (p *Private) NetworkDSN(addr, schema string) string {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = networkUser, p.password, "tcp", addr, schema
	return cfg.FormatDSN()
}

// DSN returns how to connect to the server with schema as the default
// database, which may be empty. It is valid across restarts.
func (p *Private) DSN(schema string) string { return database(p.cfg, schema).DSN }

// New creates an empty schema on the server. It lasts as long as the server's
// folder.
func (p *Private) New() *Database {
	p.tb.Helper()
	d := database(p.cfg, schemaName())
	db, err := open(p.cfg)
	if err != nil {
		p.tb.Fatalf("dbtest: %v", err)
	}
	defer db.Close()
	if _, err := db.ExecContext(p.tb.Context(), "CREATE DATABASE "+d.Schema); err != nil {
		p.tb.Fatalf("dbtest: create %s: %v", d.Schema, err)
	}
	return d
}

// Start starts the server again after Stop or Kill, on the same data and the
// same socket, and returns when it answers.
func (p *Private) Start() {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.srv != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	srv, err := localdb.Start(ctx, p.opts)
	if err != nil {
		p.tb.Fatalf("dbtest: start the private server: %v", err)
	}
	p.srv = srv
	if p.cfg == nil {
		p.cfg = srv.Config("")
	}
}

// Stop shuts the server down cleanly and waits until it is gone.
func (p *Private) Stop() {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.srv == nil {
		return
	}
	if err := p.srv.Close(); err != nil {
		p.tb.Errorf("dbtest: stop the private server: %v", err)
	}
	p.srv = nil
}

// Kill ends the server with SIGKILL and waits until it is gone.
func (p *Private) Kill() {
	p.tb.Helper()
	p.Signal(syscall.SIGKILL)
	p.Stop()
}

// Signal sends sig to the server, which must be up. SIGSTOP freezes it, a
// moment later, and SIGCONT thaws it.
func (p *Private) Signal(sig os.Signal) {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.srv == nil {
		p.tb.Fatalf("dbtest: %v for a server that is down", sig)
	}
	if err := p.srv.Signal(sig); err != nil {
		p.tb.Fatalf("dbtest: %v: %v", sig, err)
	}
}

// Pid returns the server's process id, or 0 while it is down.
func (p *Private) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.srv == nil {
		return 0
	}
	return p.srv.Pid()
}

// privateOptions returns how to run a private server in a new folder of this
// run. Small sizes make starts quick; the server is as durable as the
// product's, since tests rely on it.
func privateOptions() (localdb.Options, error) {
	inst, err := installation()
	if err != nil {
		return localdb.Options{}, err
	}
	dir, err := run.newFolder()
	if err != nil {
		return localdb.Options{}, err
	}
	return localdb.Options{
		Dir:          dir,
		Installation: inst,
		BufferPool:   64 << 20,
		RedoLog:      32 << 20,
		ShowLocks:    true,
		Once:         true, // a server that dies unasked is for a test to see
		Templates:    templates(),
	}, nil
}

// templates returns where templates of data folders outlive the run, or "" if
// there is no such place.
func templates() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "fairlead", "templates")
}

// run is where this test binary keeps its servers.
var run runFolder

// A runFolder is a folder in the system's temporary folder that is locked for
// as long as the process lives, so that others can tell when it is left over.
type runFolder struct {
	mu    sync.Mutex
	path  string // empty until first used
	alive *os.File
	used  int
}

const (
	runPrefix = "fairlead-test-"
	aliveName = "alive"
)

// newFolder returns the path of a folder that does not exist yet.
func (r *runFolder) newFolder() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == "" {
		sweep()
		if err := r.create(); err != nil {
			return "", fmt.Errorf("make a folder for test servers: %w", err)
		}
	}
	r.used++
	return filepath.Join(r.path, fmt.Sprint(r.used)), nil
}

// create makes the folder under another name, and gives it the one that
// [sweep] looks for when it is locked.
func (r *runFolder) create() error {
	dir, err := os.MkdirTemp("", "new-"+runPrefix)
	if err != nil {
		return err
	}
	r.alive, err = lockAlive(dir)
	if err != nil {
		return err
	}
	r.path = filepath.Join(filepath.Dir(dir), strings.TrimPrefix(filepath.Base(dir), "new-"))
	return os.Rename(dir, r.path)
}

func (r *runFolder) remove() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == "" {
		return nil
	}
	err := errors.Join(os.RemoveAll(r.path), r.alive.Close())
	r.path = ""
	return err
}

func lockAlive(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, aliveName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes the folders of test binaries that were killed, and ends their
// servers where the system did not. Folders of other users stay.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), runPrefix+"*"))
	for _, dir := range dirs {
		alive, err := lockAlive(dir)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		servers, _ := filepath.Glob(filepath.Join(dir, "[0-9]*"))
		for _, s := range servers {
			_ = localdb.Remove(ctx, s)
		}
		cancel()
		_ = os.RemoveAll(dir)
		alive.Close()
	}
}
