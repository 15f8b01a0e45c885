// Package program builds and runs the program under test.
package program

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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fairlead/api/client"
)

// A Program is a built fairlead.
type Program struct {
	path string
	in   []string // a command to run it in
}

// Build builds the program into the folder dir, with further arguments of go
// build. Race-enabled tests get a race-enabled program.
func Build(dir string, args ...string) (*Program, error) {
	p := &Program{path: filepath.Join(dir, "fairlead")}
	args = append([]string{"build", "-o", p.path}, args...)
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "fairlead/cmd/fairlead")...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build fairlead: %w\n%s", err, out)
	}
	return p, nil
}

// In returns the same program, run by a command that takes the program and its
// arguments at its end, as env and nice do.
func (p *Program) In(command ...string) *Program { return &Program{path: p.path, in: command} }

// Command returns the program's command with these arguments, for who wants to
// run it in a way of his own. Fairlead's own variables are not in its
// environment.
func (p *Program) Command(args ...string) *exec.Cmd {
	return p.command(context.Background(), args...)
}

func (p *Program) command(ctx context.Context, args ...string) *exec.Cmd {
	all := append(append(append([]string{}, p.in...), p.path), args...)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	cmd.Env = cleanEnv()
	return cmd
}

// An Instance is a running fairlead serve.
type Instance struct {
	*client.ClientWithResponses // set by [Instance.AwaitServing], like the next three
	URL, Admin                  string
	HTTP                        *http.Client

	cmd    *exec.Cmd
	exited chan struct{} // closed when it has; err says how
	err    error
	log    *output
	ended  atomic.Bool // by us
}

// Start runs fairlead serve with these flags and waits until it says where it
// serves. It is stopped when the test ends.
func (p *Program) Start(t testing.TB, flags ...string) *Instance {
	t.Helper()
	i := p.Launch(t, flags...)
	i.AwaitServing(t)
	return i
}

// Launch runs fairlead serve and does not wait for anything.
func (p *Program) Launch(t testing.TB, flags ...string) *Instance {
	t.Helper()
	args := append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-level=info"}, flags...)
	i := &Instance{cmd: p.Command(args...), exited: make(chan struct{}), log: &output{}}
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
		i.Stop(t)
		if found, _ := i.log.find(broke); found != nil {
			t.Errorf("an instance says %q", found[0])
		}
		if t.Failed() {
			t.Logf("instance's last words:\n%s", i.Tail(40))
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

// AwaitServing waits for the line that says where the instance serves, which
// it prints when it is ready.
func (i *Instance) AwaitServing(t testing.TB) {
	t.Helper()
	text := i.Await(t, serves)
	i.URL, i.Admin = text[1], text[2]
	// One connection for each caller, kept: the limit is the caller's.
	i.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024}, Timeout: 15 * time.Second}
	c, err := client.NewClientWithResponses(i.URL, client.WithHTTPClient(i.HTTP))
	if err != nil {
		t.Fatal(err)
	}
	i.ClientWithResponses = c
}

// Await waits for something in the instance's output, and returns what matched
// and its groups.
func (i *Instance) Await(t testing.TB, what *regexp.Regexp) []string {
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
			t.Fatalf("instance ended (%v) before it said %q:\n%s", i.err, what, i.Tail(40))
		case <-timeout:
			t.Fatalf("instance did not say %q:\n%s", what, i.Tail(40))
		}
	}
}

// Tail returns the last lines of what the instance printed.
func (i *Instance) Tail(lines int) string { return i.log.tail(lines) }

// Signal sends sig to the instance. It returns [os.ErrProcessDone] if that has
// ended.
func (i *Instance) Signal(sig os.Signal) error { return i.cmd.Process.Signal(sig) }

// Kill ends the instance with SIGKILL and waits until it is gone. It fails the
// test if the instance had ended by itself.
func (i *Instance) Kill(t testing.TB) {
	t.Helper()
	if i.gone() && !i.ended.Load() {
		t.Errorf("instance ended by itself (%v):\n%s", i.err, i.Tail(40))
	}
	i.ended.Store(true)
	_ = i.cmd.Process.Kill()
	<-i.exited
}

func (i *Instance) gone() bool {
	select {
	case <-i.exited:
		return true
	default:
		return false
	}
}

// broke is what an instance prints that must not break, whatever is done to it.
var broke = regexp.MustCompile(`WARNING: DATA RACE|(?m)^(panic|fatal error): .*|err="panic: `)

// Exited is closed when the instance has ended.
func (i *Instance) Exited() <-chan struct{} { return i.exited }

// Stop ends the instance as an operator would, and fails the test if it does
// not end well, or has ended by itself.
func (i *Instance) Stop(t testing.TB) {
	t.Helper()
	if i.gone() {
		if !i.ended.Load() && i.err != nil {
			t.Errorf("instance ended by itself (%v)", i.err)
		}
		return
	}
	i.ended.Store(true)
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

// Run runs another subcommand and returns what it printed and its exit code.
func (p *Program) Run(t testing.TB, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := p.command(ctx, args...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("fairlead %s: %v", args[0], err)
	}
	return string(out), 0
}

// Verify fails the test unless fairlead verify finds all well.
func (p *Program) Verify(t testing.TB, dsn string) {
	t.Helper()
	out, code := p.Run(t, "verify", "--dsn="+dsn)
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
