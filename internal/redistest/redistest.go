// Package redistest gives tests a private Redis server that forgets nothing:
// it appends every write to a file.
//
// The server program is redis-server in PATH, or the one that
// scripts/get-redis.sh unpacked. Where there is none, a test is skipped with
// the reason; with CI set it fails.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	startLimit = 30 * time.Second // to start answering
	stopLimit  = 10 * time.Second // to end by itself
)

// A Server is a Redis server of one test's own, on a free port of loopback.
type Server struct {
	Addr string // host:port

	said bytes.Buffer // readable when the process is gone
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone and reaped
}

// New starts a server and stops it when the test ends. Fsync is its
// appendfsync: always, everysec or no.
func New(tb testing.TB, fsync string) *Server {
	tb.Helper()
	program, env, err := find()
	if err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("redistest: %v", err)
		}
		tb.Skipf("redistest: %v", err)
	}
	dir := tb.TempDir()
	for range 5 { // somebody else may take the port first
		s := &Server{Addr: freeAddr(tb), done: make(chan struct{})}
		_, port, _ := net.SplitHostPort(s.Addr)
		s.cmd = exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--daemonize", "no",
			"--save", "", "--appendonly", "yes", "--appendfsync", fsync)
		s.cmd.Env = append(os.Environ(), env...)
		s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
		if err := s.spawn(); err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		tb.Cleanup(func() { s.stop(tb) })
		if err = s.await(tb.Context()); err == nil {
			return s
		}
		s.stop(tb)
		if !strings.Contains(s.said.String(), "Address already in use") {
			tb.Fatalf("redistest: %v; the server said:\n%s", err, &s.said)
		}
	}
	tb.Fatal("redistest: no free port")
	return nil
}

// Client returns a client, which is closed when the test ends.
func (s *Server) Client(tb testing.TB) *redis.Client {
	tb.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// find returns the server program and what its environment needs besides.
func find() (program string, env []string, err error) {
	if path, err := exec.LookPath("redis-server"); err == nil {
		return path, nil, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, fmt.Errorf("find the cache folder: %w", err)
	}
	usr := filepath.Join(cache, "fairlead", "redis", "root", "usr")
	program = filepath.Join(usr, "bin", "redis-server")
	if _, err := os.Stat(program); err != nil {
		return "", nil, errors.New("there is no redis-server in PATH; run scripts/get-redis.sh, which unpacks one")
	}
	libs, _ := filepath.Glob(filepath.Join(usr, "lib", "*-linux-gnu*")) // fails only on a bad pattern
	return program, []string{"LD_LIBRARY_PATH=" + strings.Join(libs, ":")}, nil
}

func freeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// spawn starts the process. The kernel ties the signal at the parent's death
// to the thread that forked, so that thread does nothing but wait for the
// process.
func (s *Server) spawn() error {
	s.cmd.SysProcAttr = attachedToParent()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait()
			close(s.done)
		}
	}()
	return <-started
}

// await returns when the server answers, and is the process that was started:
// another may have the port.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	defer c.Close()
	own := fmt.Sprintf("process_id:%d\r\n", s.cmd.Process.Pid)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := c.Info(ctx, "server").Result()
		if err == nil && strings.Contains(info, own) {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// stop ends the process, whose data is of no use to anyone.
func (s *Server) stop(tb testing.TB) {
	select {
	case <-s.done:
		return
	default:
	}
	_ = s.cmd.Process.Kill()
	select {
	case <-s.done:
	case <-time.After(stopLimit):
		tb.Errorf("redistest: process %d does not end", s.cmd.Process.Pid)
	}
}
