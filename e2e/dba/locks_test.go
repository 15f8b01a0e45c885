package dba

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fairlead/api/client"
	"fairlead/lock"
)

// command is a command of the program on an account of the page.
func (s *site) command(t *testing.T, account string, args ...string) *exec.Cmd {
	t.Helper()
	return binary.Command(append(args, "--dsn="+s.dsn(t, account))...)
}

func (s *site) runs(t *testing.T, account string, args ...string) (string, int) {
	t.Helper()
	return binary.Run(t, append(args, "--dsn="+s.dsn(t, account))...)
}

// The list, one lock, and JSON say the same of the same night.
func TestLocksShowTheNight(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	n := newNight(t, s)
	stranger := openSession(t, s.root)
	stranger.exec(t, `DO GET_LOCK('nightly', 10)`)

	out, code := s.runs(t, monitor, "locks")
	holder := regexp.MustCompile(fmt.Sprintf(`(?m)^fairlead:fairlead:demo +demo +%d +fairlead_app@127.0.0.1 +\S+ +\d+(ms|\.\ds) +1$`, n.holder.id))
	waiter := regexp.MustCompile(fmt.Sprintf(`(?m)^  waits 1 +%d +fairlead_app@127.0.0.1 +\S+ +~?\d+(ms|\.\ds)$`, n.waiter.id))
	if code != 0 || !holder.MatchString(out) || !waiter.MatchString(out) || strings.Contains(out, "nightly") ||
		!strings.Contains(out, "Not shown: 1 of other applications") || !strings.Contains(out, "Source:      performance_schema.metadata_locks\n") {
		t.Errorf("locks: %d\n%s", code, out)
	}
	if out, code := s.runs(t, monitor, "locks", "--all"); code != 0 || !strings.Contains(out, "\nnightly ") || strings.Contains(out, "Not shown") {
		t.Errorf("locks --all: %d\n%s", code, out)
	}

	out, code = s.runs(t, monitor, "locks", "show", "demo")
	for _, has := range []string{
		fmt.Sprint("connection ", n.holder.id, ", fairlead_app@127.0.0.1"), "UPDATE pools SET cooldown_seconds", lock.KillStatement.For(lock.ExampleLock, n.holder.id) + ";",
		fmt.Sprintf("fairlead locks kill --connection %d --reason 'why' demo", n.holder.id),
	} {
		if code != 0 || !strings.Contains(out, has) || strings.Contains(out, "secret") {
			t.Errorf("locks show lacks %q: %d\n%s", has, code, out)
		}
	}
	out, code = s.runs(t, monitor, "locks", "--json")
	var list client.LockList
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil || code != 0 || len(list.Locks) != 1 {
		t.Fatalf("locks --json: %d, %v\n%s", code, err, out)
	}
	l := list.Locks[0]
	if l.Free || *l.Pool != "demo" || *l.Holder.ConnectionID != n.holder.id || len(l.Waiters) != 1 || *l.Waiters[0].ConnectionID != n.waiter.id ||
		l.Holder.HeldMs == nil || l.Waiters[0].WaitingMs == nil || list.CannotSee != nil {
		t.Errorf("locks --json:\n%s", out)
	}
}

// Each way in which nobody is ended has its exit code, and leaves the holder
// alone; the one in which somebody is, frees the lock.
func TestLocksKill(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	n := newNight(t, s)
	stranger := openSession(t, s.root)
	stranger.exec(t, `DO GET_LOCK('nightly', 10)`)
	kill := func(account, name string, id int64, flags ...string) (string, int) {
		t.Helper()
		return s.runs(t, account, append([]string{"locks", "kill", name, "--reason=stuck", fmt.Sprint("--connection=", id)}, flags...)...)
	}
	for what, tt := range map[string]struct {
		account, name string
		id            int64
		flags         []string
		code          int
		says          string
	}{
		"nobody to ask":                {admin, "demo", n.holder.id, nil, 2, "add --yes"},
		"the waiter's connection":      {admin, "demo", n.waiter.id, []string{"--yes"}, 1, fmt.Sprint("Connection ", n.holder.id, " (fairlead_app@127.0.0.1) holds it.")},
		"a free lock":                  {admin, "free", n.holder.id, []string{"--yes"}, 1, "The lock is free."},
		"the monitor":                  {monitor, "demo", n.holder.id, []string{"--yes"}, 1, "Nobody was ended"},
		"another application's":        {admin, "nightly", stranger.id, []string{"--yes"}, 1, "--any-lock"},
		"an account that may end none": {app, "nightly", stranger.id, []string{"--yes", "--any-lock"}, 1, "CONNECTION"},
	} {
		if out, code := kill(tt.account, tt.name, tt.id, tt.flags...); code != tt.code || !strings.Contains(out, tt.says) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", what, code, tt.code, tt.says, out)
		}
	}
	if !n.holds(t, n.holder) {
		t.Fatal("the holder was ended")
	}
	stranger.exec(t, `DO 1`) // is alive
	out, code := kill(admin, "demo", n.holder.id, "--yes")
	if code != 0 || !strings.Contains(out, fmt.Sprint("Ended connection ", n.holder.id, "; the lock was free after ")) {
		t.Fatalf("kill: %d\n%s", code, out)
	}
	if err := <-n.waited; err != nil || !n.holds(t, n.waiter) {
		t.Errorf("the waiter has not got the lock: %v", err)
	}
	if out, code := kill(admin, "demo", n.holder.id, "--yes"); code != 1 || !strings.Contains(out, fmt.Sprint("Connection ", n.waiter.id)) {
		t.Errorf("kill of who does not hold it any more: %d\n%s", code, out)
	}
	s.Stop()
	if out, code := kill(admin, "demo", n.waiter.id, "--yes"); code != 2 {
		t.Errorf("kill on a server that is away: %d\n%s", code, out)
	}
}

// On a terminal a person is shown the holder, and asked.
func TestLocksKillAsks(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	n := newNight(t, s)
	ask := func(answer string) int {
		t.Helper()
		term := onTerminal(t, s.command(t, admin, "locks", "kill", "demo", "--reason=stuck", fmt.Sprint("--connection=", n.holder.id)), 100, 30)
		term.await(t, "End it? [y/N]")
		if shown := term.String(); !strings.Contains(shown, fmt.Sprint("connection ", n.holder.id, ", fairlead_app@")) || !strings.Contains(shown, "UPDATE pools SET") {
			t.Errorf("does not say whom it is about to end:\n%s", shown)
		}
		term.typed(t, answer)
		return term.code(t)
	}
	for _, no := range []string{"\n", "n\n", "\x03"} {
		if code := ask(no); code != 1 || !n.holds(t, n.holder) {
			t.Errorf("the answer %q: exit code %d, or the holder was ended", no, code)
		}
	}
	if code := ask("y\n"); code != 0 {
		t.Fatalf("the answer y: exit code %d", code)
	}
	if err := <-n.waited; err != nil || !n.holds(t, n.waiter) {
		t.Errorf("the waiter has not got the lock: %v", err)
	}
}

// On a terminal --watch stays in place, follows what happens, and ends with
// Ctrl-C and no error.
func TestLocksWatchOnTerminal(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	n := newNight(t, s)
	term := onTerminal(t, s.command(t, monitor, "locks", "--watch", "--every=100ms"), 80, 24)
	term.await(t, fmt.Sprint(n.holder.id, "  fairlea"))
	term.await(t, "locks: 1  waiters: 1")
	t.Logf("80 columns:\n%s", term)
	if _, err := s.root.ExecContext(t.Context(), fmt.Sprint("KILL CONNECTION ", n.holder.id)); err != nil {
		t.Fatal(err)
	}
	term.await(t, "locks: 1  waiters: 0")
	if shown := term.String(); strings.Contains(shown, "waits 1") || !strings.Contains(shown, fmt.Sprint(n.waiter.id)) || strings.Count(shown, "Source:") != 1 {
		t.Errorf("what was there before is left:\n%s", shown)
	}
	s.Stop()
	term.await(t, "NO ANSWER for ")
	s.Start()
	term.await(t, "No lock is held or waited for.")
	if shown := term.String(); strings.Contains(shown, "NO ANSWER") {
		t.Errorf("an outage that is over is still shown:\n%s", shown)
	}
	term.typed(t, "\x03")
	if code := term.code(t); code != 0 || term.screen.scrolled != 0 {
		t.Errorf("exit code %d, %d lines scrolled away:\n%s", code, term.screen.scrolled, term)
	}
}

// On a pipe --watch writes a block, or a line of JSON, for each look.
func TestLocksWatchOnPipe(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	newNight(t, s)
	for flag, want := range map[string]string{"--all": "locks: 1  waiters: 1\n", "--json": `"source":"performance_schema.metadata_locks"`} {
		cmd := s.command(t, monitor, "locks", "--watch", "--every=100ms", flag)
		var out counted
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "three looks on a pipe", func() bool { return out.count(want) >= 3 })
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s: %v\n%s", flag, err, out.String())
		}
	}
	// The first look has to succeed: an account that is wrong does not become right.
	out, code := binary.Run(t, "locks", "--watch", "--dsn=nobody:wrong@tcp("+s.Address()+")/")
	if code != 2 {
		t.Errorf("a wrong account: exit code %d\n%s", code, out)
	}
}

// counted is output that can be looked at while it grows.
type counted struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *counted) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *counted) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

func (c *counted) count(what string) int { return strings.Count(c.String(), what) }

// The statements are those of the server that is asked; where none can be, all.
func TestLocksSQLAsksTheServer(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	other := map[lock.Dialect]string{lock.MySQL: "mariadb 1.", lock.MariaDB: "mysql 1."}[s.dialect]
	if out, code := s.runs(t, app, "locks", "sql"); code != 0 || !strings.Contains(out, "-- "+string(s.dialect)+" 1. ") || strings.Contains(out, other) {
		t.Errorf("%d\n%s", code, out)
	}
	s.Signal(syscall.SIGKILL)
	s.Stop()
	if out, code := s.runs(t, app, "locks", "sql"); code != 0 || !strings.Contains(out, "mariadb 1.") || !strings.Contains(out, "mysql 1.") || !strings.Contains(out, "tidb 1.") {
		t.Errorf("without a server: %d\n%s", code, out)
	}
}
