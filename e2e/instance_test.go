// Package e2e drives the built binary over HTTP, against real databases and
// real faults.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/internal/dbtest"
)

// binary is the program under test. Race-enabled tests drive a race-enabled
// binary.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fairlead-e2e")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "fairlead")
	args := []string{"build", "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "fairlead/cmd/fairlead")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the binary: %v\n%s", err, out)
		os.Exit(1)
	}
	code := dbtest.Run(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// An instance is a running fairlead serve.
type instance struct {
	*client.ClientWithResponses
	url, admin string
	http       *http.Client

	cmd    *exec.Cmd
	exited chan struct{} // closed when it has; waitErr says how
	err    error
	log    *output
}

// startInstance runs fairlead serve with these flags and waits until it says
// where it serves. It is stopped when the test ends.
func startInstance(t testing.TB, flags ...string) *instance {
	t.Helper()
	i := launch(t, flags...)
	i.awaitServing(t)
	return i
}

// launch runs fairlead serve and does not wait for anything.
func launch(t testing.TB, flags ...string) *instance {
	t.Helper()
	args := append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-level=info"}, flags...)
	i := &instance{cmd: exec.Command(binary, args...), exited: make(chan struct{}), log: &output{}}
	i.cmd.Env = cleanEnv()
	i.cmd.Stdout, i.cmd.Stderr = i.log, i.log
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		i.err = i.cmd.Wait()
		close(i.exited)
	}()
	t.Cleanup(func() {
		i.stop(t)
		if t.Failed() {
			t.Logf("instance's last words:\n%s", i.log.tail(40))
		}
	})
	return i
}

// cleanEnv is the environment without Fairlead's own variables.
func cleanEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "FAIRLEAD_") {
			env = append(env, e)
		}
	}
	return env
}

var serves = regexp.MustCompile(`Fairlead serves (http://\S+) .*for operators: (http://[^/]+)/`)

// awaitServing waits for the line that says where the instance serves, which
// it prints when it is ready.
func (i *instance) awaitServing(t testing.TB) {
	t.Helper()
	text := i.await(t, serves)
	i.url, i.admin = text[1], text[2]
	// One connection for each caller, kept: the limit is the caller's.
	i.http = &http.Client{Transport: &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024}, Timeout: 15 * time.Second}
	c, err := client.NewClientWithResponses(i.url, client.WithHTTPClient(i.http))
	if err != nil {
		t.Fatal(err)
	}
	i.ClientWithResponses = c
}

// await waits for something in the instance's output.
func (i *instance) await(t testing.TB, what *regexp.Regexp) []string {
	t.Helper()
	timeout := time.After(60 * time.Second)
	for {
		found, changed := i.log.find(what)
		if found != nil {
			return found
		}
		select {
		case <-changed:
		case <-i.exited:
			if found, _ := i.log.find(what); found != nil {
				return found
			}
			t.Fatalf("instance ended (%v) before it said %q:\n%s", i.err, what, i.log.tail(40))
		case <-timeout:
			t.Fatalf("instance did not say %q:\n%s", what, i.log.tail(40))
		}
	}
}

// stop ends the instance as an operator would, and fails the test if it does
// not end well.
func (i *instance) stop(t testing.TB) {
	t.Helper()
	select {
	case <-i.exited:
		return
	default:
	}
	_ = i.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-i.exited:
		if i.err != nil {
			t.Errorf("instance ended with %v", i.err)
		}
	case <-time.After(40 * time.Second):
		t.Error("instance does not stop")
		_ = i.cmd.Process.Kill()
		<-i.exited
	}
}

// fairlead runs another subcommand and returns what it printed and its exit
// code.
func fairlead(t testing.TB, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("fairlead %s: %v", args[0], err)
	}
	return string(out), 0
}

// verify fails the test unless fairlead verify finds all well.
func verify(t testing.TB, dsn string) {
	t.Helper()
	out, code := fairlead(t, "verify", "--dsn="+dsn)
	if code != 0 {
		t.Errorf("verify exits with %d:\n%s", code, out)
	}
	t.Logf("verify: %s", strings.TrimSpace(out))
}

// output keeps what a program prints.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed at the next write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.text.Write(p)
}

// find looks for what, and returns besides a channel that is closed when there
// is more to look through.
func (o *output) find(what *regexp.Regexp) ([]string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return what.FindStringSubmatch(o.text.String()), o.changed
}

func (o *output) tail(lines int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for s := bufio.NewScanner(bytes.NewReader(o.text.Bytes())); s.Scan(); {
		all = append(all, s.Text())
	}
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
