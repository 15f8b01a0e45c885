package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"

	"fairlead/assign"
)

// sceneLocks are the locks of a night: one that is stuck, one at work, one of
// somebody else's, and one whose holder cannot be seen.
func sceneLocks() assign.LockList {
	return assign.LockList{
		Locks: []assign.LockView{
			{Name: "fairlead:fairlead:quiet", Pool: "quiet", Ours: true, Holder: &assign.SessionView{
				ConnectionID: 77, User: "fairlead_app", Host: "10.0.3.17", Program: "fairlead", Instance: "i-2", For: 3 * time.Millisecond, Exact: true}},
			{Name: "fairlead:fairlead:seoul-1", Pool: "seoul-1", Ours: true,
				Holder: &assign.SessionView{ConnectionID: 4711, User: "fairlead_app", Host: "10.0.3.16", Program: "fairlead", Instance: "i-1",
					Statement: "UPDATE pools SET seq = ? WHERE pool = ?", For: 83*time.Second + 400*time.Millisecond, Exact: true},
				Waiters: []assign.SessionView{
					{ConnectionID: 4720, User: "fairlead_app", Host: "10.0.3.17", Program: "fairlead", Instance: "i-2", For: 4200 * time.Millisecond, Exact: true},
					{ConnectionID: 4733, User: "report", Host: "db-tools.internal", Program: "mariadb", For: 2 * time.Second},
				}},
			{Name: "nightly-export", Holder: &assign.SessionView{
				ConnectionID: 4600, User: "export", Host: "batch-7.seoul.example.com", Program: "야간 정산 프로그램", For: 2*time.Hour + 5*time.Minute}},
			{Name: "tidb:job", Holder: &assign.SessionView{For: -1}},
		},
		Source: "performance_schema.metadata_locks",
	}
}

func rendered(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLocksTable(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		0: `LOCK                       POOL     CONN  USER@HOST                         PROGRAM               HELD  WAITERS
fairlead:fairlead:seoul-1  seoul-1  4711  fairlead_app@10.0.3.16            fairlead/i-1         1m23s        2
  waits 1                           4720  fairlead_app@10.0.3.17            fairlead/i-2          4.2s
  waits 2                           4733  report@db-tools.internal          mariadb              ~2.0s
fairlead:fairlead:quiet    quiet      77  fairlead_app@10.0.3.17            fairlead/i-2           3ms        0
nightly-export                      4600  export@batch-7.seoul.example.com  야간 정산 프로그램  ~2h05m        0
tidb:job                               ?  ?                                 ?                        ?        0

Source:      performance_schema.metadata_locks
`,
		80: `LOCK            POOL     CONN  USER@HOST        PROGRAM            HELD  WAITERS
fairle..eoul-1  seoul-1  4711  fairlea..0.3.16  fairlead/i-1      1m23s        2
  waits 1                4720  fairlea..0.3.17  fairlead/i-2       4.2s
  waits 2                4733  report@..ternal  mariadb           ~2.0s
fairle..:quiet  quiet      77  fairlea..0.3.17  fairlead/i-2        3ms        0
nightly-export           4600  export@..le.com  야간 정..로그램  ~2h05m        0
tidb:job                    ?  ?                ?                     ?        0

Source:      performance_schema.metadata_locks
`,
	} {
		got := rendered(t, func(w io.Writer) error { return locksPage{width: width}.write(w, seenLocks{LockList: sceneLocks()}) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", width, diff)
		}
	}
}

func TestLocksOfOthers(t *testing.T) {
	t.Parallel()
	list := sceneLocks()
	for dsn, want := range map[string]int{"u@tcp(h:1)/fairlead": 2, "u@tcp(h:1)/": 4, "": 2} {
		c := &locksListCmd{locksFlags: locksFlags{databaseFlags{DSN: dsn}}}
		if got := c.shown(list); len(got.Locks) != want || got.others != 4-want {
			t.Errorf("DSN %q: %d locks, %d of others", dsn, len(got.Locks), got.others)
		}
		c.All = true
		if got := c.shown(list); len(got.Locks) != 4 || got.others != 0 {
			t.Errorf("DSN %q, all: %d locks, %d of others", dsn, len(got.Locks), got.others)
		}
	}
	text := rendered(t, func(w io.Writer) error { return locksPage{}.write(w, seenLocks{others: 3}) })
	if !strings.Contains(text, "No lock is held") || !strings.Contains(text, "3 of other applications; --all") {
		t.Error(text)
	}
}

// Who sees nothing must not be told that there is nothing.
func TestNoLockIsSeen(t *testing.T) {
	t.Parallel()
	for cannotSee, want := range map[string]string{"": "No lock is held or waited for.\n", "waiters": "does not mean that none is held"} {
		text := rendered(t, func(w io.Writer) error {
			return locksPage{}.write(w, seenLocks{LockList: assign.LockList{CannotSee: cannotSee}})
		})
		if !strings.Contains(text, want) {
			t.Errorf("cannot see %q: %s", cannotSee, text)
		}
	}
}

// A terminal folds a line that is too long, and the table is lost.
func TestLocksTableFits(t *testing.T) {
	t.Parallel()
	list := sceneLocks()
	list.Locks[1].Waiters[0].Host = strings.Repeat("very-long-host.", 20)
	list.Locks[2].Name = strings.Repeat("한국어", 30)
	list.CannotSee = "Waiters of other accounts, and since when the holder has held it."
	list.Remedy = "As root: GRANT PROCESS ON *.* TO 'monitor'@'%'; it helps from the next connection on."
	for _, width := range []int{80, 100, 120, 200} {
		text := rendered(t, func(w io.Writer) error { return locksPage{width: width}.write(w, seenLocks{LockList: list}) })
		for line := range strings.Lines(text) {
			if got := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("%d cells in %d columns: %s", got, width, line)
			}
		}
		for _, whole := range []string{"4711", "4720", "1m23s", "seoul-1"} {
			if !strings.Contains(text, whole) {
				t.Errorf("width %d: %q is cut:\n%s", width, whole, text)
			}
		}
	}
}

// Names come from strangers. One that moves the cursor could show a DBA another
// connection than the one to be ended.
func TestLocksTableIsSafe(t *testing.T) {
	t.Parallel()
	evil := "\x1b[2J\x1b[H\u202e\r\nlock"
	list := assign.LockList{Locks: []assign.LockView{{Name: evil, Holder: &assign.SessionView{
		ConnectionID: 1, User: evil, Host: evil, Program: evil, Instance: evil, Statement: evil}, Waiters: []assign.SessionView{{ConnectionID: 2, Statement: evil}}}},
		Source: evil, CannotSee: evil, Remedy: evil}
	text := rendered(t, func(w io.Writer) error { return locksPage{}.write(w, seenLocks{LockList: list}) }) +
		rendered(t, func(w io.Writer) error { return writeLocks(w, list, 0) })
	if strings.ContainsAny(text, "\x1b\r\u202e") {
		t.Errorf("an escape sequence comes through: %q", text)
	}
}

func TestLocksTableOfManyWaiters(t *testing.T) {
	t.Parallel()
	v := sceneLocks().Locks[1]
	for i := range 198 {
		v.Waiters = append(v.Waiters, assign.SessionView{ConnectionID: int64(10_000 + i), For: time.Second, Exact: true})
	}
	list := assign.LockList{Locks: []assign.LockView{v}}
	text := rendered(t, func(w io.Writer) error { return locksPage{width: 120}.write(w, seenLocks{LockList: list}) })
	if n := strings.Count(text, "\n"); n > shownWaiters+6 || !strings.Contains(text, "  and 180 more") || !strings.Contains(text, "10017") || strings.Contains(text, "10018") {
		t.Errorf("%d lines:\n%s", n, text)
	}
	asJSON := rendered(t, func(w io.Writer) error { return writeJSON(w, list, true) })
	if n := strings.Count(asJSON, `"waiting_ms"`); n != 200 {
		t.Errorf("JSON has %d waiters of 200", n)
	}
}

// What is not known must not look like a measured zero.
func TestLocksJSON(t *testing.T) {
	t.Parallel()
	list := sceneLocks()
	list.Locks = list.Locks[2:]
	want := `{"locks":[{"name":"nightly-export","pool":null,"free":false,"holder":{"connection_id":4600,"user":"export","host":"batch-7.seoul.example.com",` +
		`"program":"야간 정산 프로그램","instance":null,"statement":null,"held_ms":7500000,"held_exact":false},"waiters":[]},` +
		`{"name":"tidb:job","pool":null,"free":false,"holder":{"connection_id":null,"user":null,"host":null,"program":null,"instance":null,"statement":null,` +
		`"held_ms":null,"held_exact":false},"waiters":[]}],"source":"performance_schema.metadata_locks","cannot_see":null,"remedy":null}` + "\n"
	if diff := cmp.Diff(want, rendered(t, func(w io.Writer) error { return writeJSON(w, list, false) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0ms", 999 * time.Millisecond: "999ms", time.Second: "1.0s", 59990 * time.Millisecond: "59.9s", time.Minute: "1m00s",
		time.Hour - 1: "59m59s", time.Hour: "1h00m", 24*time.Hour - 1: "23h59m", 50 * time.Hour: "2d02h",
	} {
		if got := short(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"short", 8, "short"},
		{"exactly8", 8, "exactly8"},
		{"longer than that", 8, "lon..hat"},
		{"fairlead:fairlead:seoul-1", 17, "fairlead..seoul-1"},
		{"정산 프로그램", 8, "정..램"}, // no half characters
		{"정산프로그램", 10, "정산..그램"},
		{"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301.."}, // an accent stays with its letter
	} {
		if got := cut(tt.text, tt.width); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestNextSteps(t *testing.T) {
	t.Parallel()
	stuck := sceneLocks().Locks[1]
	stranger := stuck
	stranger.Holder = &assign.SessionView{ConnectionID: 9, Program: "mariadb", For: time.Hour}
	fresh := stuck
	fresh.Holder = &assign.SessionView{ConnectionID: 9, Program: "fairlead", For: time.Millisecond, Exact: true}
	for name, tt := range map[string]struct {
		lock    assign.LockView
		has, no string
	}{
		"free":            {assign.LockView{Name: "a:b"}, "Nothing to do", "KILL"},
		"handed over":     {assign.LockView{Name: "a:b", Waiters: stuck.Waiters}, "Look again", "KILL"},
		"holder unknown":  {sceneLocks().Locks[3], "does not say which connection", "KILL"},
		"nobody waits":    {sceneLocks().Locks[2], "no hurry", "Look a few times"},
		"stuck":           {stuck, "fairlead locks kill --connection 4711 --reason 'why' seoul-1", "Look a few times"},
		"stuck, SQL":      {stuck, "KILL CONNECTION IF(IS_USED_LOCK('fairlead:fairlead:seoul-1') = 4711, 4711, 0);", "no service"},
		"stranger's":      {stranger, "no service of Fairlead's", "Look a few times"},
		"held for a bit":  {fresh, "Look a few times", "no service"},
		"hostile to sh":   {assign.LockView{Name: "a'b; rm -rf", Holder: stuck.Holder, Waiters: stuck.Waiters}, `--reason 'why' --any-lock 'a'\''b; rm -rf'`, "no service"},
		"hostile to SQL":  {assign.LockView{Name: `a'b\`, Holder: stuck.Holder, Waiters: stuck.Waiters}, `IS_USED_LOCK('a''b\\') = 4711`, "no service"},
		"looks like flag": {assign.LockView{Name: `--yes`, Holder: stuck.Holder, Waiters: stuck.Waiters}, `--reason 'why' --any-lock -- --yes`, "no service"},
	} {
		text := strings.Join(nextSteps(tt.lock), "\n")
		if !strings.Contains(text, tt.has) || strings.Contains(text, tt.no) {
			t.Errorf("%s: want %q and not %q in:\n%s", name, tt.has, tt.no, text)
		}
	}
}

// A server that is away for a while is said, with what was seen last; the first
// look alone has to succeed.
func TestLocksWatchBearsOutage(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	w := &locksWatch{out: &b, every: time.Second}
	for i, err := range []error{nil, errors.New("connection refused"), nil} {
		if err := w.show(at.Add(time.Duration(i)*time.Second), seenLocks{LockList: sceneLocks()}, err); err != nil {
			t.Fatal(err)
		}
	}
	blocks := strings.Split(b.String(), at.Format("2006-01-02"))[1:]
	if len(blocks) != 3 {
		t.Fatalf("%d blocks for three looks:\n%s", len(blocks), b.String())
	}
	for i, block := range blocks {
		if said := strings.Contains(block, "NO ANSWER for 1.0s, trying again; what follows is from 02:00:00 (connection refused)"); said != (i == 1) {
			t.Errorf("look %d says so: %v\n%s", i, said, block)
		}
		if !strings.Contains(block, "seoul-1") || !strings.Contains(block, "locks: 4  waiters: 2") {
			t.Errorf("look %d lacks what was seen last:\n%s", i, block)
		}
	}

	c := &locksListCmd{Every: time.Second}
	refused := errors.New("access denied")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := c.watch(ctx, func(context.Context) (seenLocks, error) { return seenLocks{}, refused })
	if !errors.Is(err, refused) {
		t.Errorf("the first look's error is %v", err)
	}
}

// In place: nothing scrolls, and nothing of the look before is left.
func TestLocksWatchInPlace(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := &locksWatch{out: &b, every: time.Second, live: true, width: 80, height: 8}
	if err := w.show(time.Now(), seenLocks{LockList: sceneLocks()}, nil); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != w.height-1 || !strings.HasPrefix(b.String(), clearScreen+toTop) || !strings.Contains(b.String(), "(5 more lines;") {
		t.Errorf("%d lines on a terminal of %d: %q", n, w.height, b.String())
	}
	b.Reset()
	w.height = 40
	if err := w.show(time.Now(), seenLocks{LockList: assign.LockList{Source: "x"}}, nil); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if !strings.HasPrefix(text, toTop) || !strings.HasSuffix(text, clearBelow) || strings.Count(text, clearLine) != strings.Count(text, "\n") {
		t.Errorf("not written over what was there: %q", text)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{"y\n": true, "YES\n": true, " y \n": true, "n\n": false, "\n": false, "": false, "yy\n": false, "kill\n": false} {
		if got := confirm(t.Context(), strings.NewReader(said), io.Discard, "?"); got != want {
			t.Errorf("%q: %v", said, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never, _ := io.Pipe()
	if confirm(ctx, never, io.Discard, "?") {
		t.Error("Ctrl-C is a yes")
	}
}

func TestKillFlags(t *testing.T) {
	t.Parallel()
	good := locksKillCmd{Connection: 1, Reason: strings.Repeat("가", 256), Yes: true}
	if err := good.check(); err != nil {
		t.Errorf("refused: %v", err)
	}
	for name, change := range map[string]func(*locksKillCmd){
		"no reason":         func(c *locksKillCmd) { c.Reason = " " },
		"long reason":       func(c *locksKillCmd) { c.Reason += "x" },
		"control character": func(c *locksKillCmd) { c.Reason = "a\nb" },
		"not UTF-8":         func(c *locksKillCmd) { c.Reason = "\xff" },
		"no connection":     func(c *locksKillCmd) { c.Connection = 0 },
		"nobody to ask":     func(c *locksKillCmd) { c.Yes = false }, // a test's input is no terminal
	} {
		c := good
		change(&c)
		if err := c.check(); err == nil {
			t.Error(fmt.Sprint(name, ": accepted"))
		}
	}
}
