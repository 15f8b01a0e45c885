package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Units as the store sends them, shortened, with values that are hard to read.
const (
	lockSQL    = `SELECT GET_LOCK('fairlead:t:demo', 2);`
	releaseSQL = `;SELECT RELEASE_LOCK('fairlead:t:demo')`

	readSQL = `SET TRANSACTION ISOLATION LEVEL READ COMMITTED;START TRANSACTION;SELECT pick_load
		INTO @pick_load
		FROM pools WHERE pool = 'demo' FOR UPDATE;SELECT NOW(6);SELECT p.pool FROM pools p WHERE p.pool = 'demo';` +
		`SELECT id FROM assignments WHERE pool = 'demo' AND idem_key IN ('a;COMMIT;b\';')`

	writeSQL = `UPDATE pools SET seq = IF(seq = 1, 2, NULL), pick_planner = 'other' WHERE pool = 'demo';` +
		`INSERT INTO planners (pool, name) VALUES ('demo','it\';COMMIT');` +
		`INSERT INTO assignments (pool) VALUES ('demo');INSERT INTO events (pool) VALUES ('demo');COMMIT`
)

// mark stands for the statement that holds a session.
const mark = "DO SLEEP"

// held is the text of a unit's packet with a mark at the step.
func held(t *testing.T, sql string, step Step) string {
	t.Helper()
	u, ok := readUnit([]byte(sql))
	if _, has := u.at[step]; !ok || !has {
		return ""
	}
	if u.pool != "demo" {
		t.Errorf("pool %q", u.pool)
	}
	return string(u.with(step, mark))
}

func TestSteps(t *testing.T) {
	t.Parallel()
	with := lockSQL + readSQL
	for _, tt := range []struct {
		step                 Step
		sql, before, without string // the text, where the mark belongs, and the text with the lock off
	}{
		{BeforeLock, with, `SELECT GET_LOCK`, ``},
		{BeforeBegin, with, `SET TRANSACTION`, readSQL},
		{BeforeFence, with, `SELECT pick_load`, readSQL},
		{BehindFence, with, `SELECT NOW`, readSQL},
		{EndOfRead, with, ``, readSQL},
		{BeforeWrite, writeSQL + releaseSQL, `UPDATE pools`, writeSQL},
		{BeforeAssignments, writeSQL + releaseSQL, `INSERT INTO assignments`, writeSQL},
		{BeforeCommit, writeSQL + releaseSQL, `COMMIT;SELECT RELEASE`, writeSQL},
		{BehindCommit, writeSQL + releaseSQL, `SELECT RELEASE`, writeSQL},
	} {
		want := strings.Replace(tt.sql, tt.before, mark+";"+tt.before, 1)
		if tt.before == "" {
			want = tt.sql + ";" + mark
		}
		if diff := cmp.Diff(want, held(t, tt.sql, tt.step)); diff != "" {
			t.Errorf("%v (-want +got)\n%s", tt.step, diff)
		}
		if got := held(t, tt.without, tt.step); strings.Contains(got, mark) != tt.step.WithoutLock() {
			t.Errorf("%v with the lock off: %q", tt.step, got)
		}
	}
	if got, want := held(t, writeSQL, BehindCommit), writeSQL+";"+mark; got != want {
		t.Errorf("with the lock off: %q, want %q", got, want)
	}
	if got, want := held(t, readSQL+";", EndOfRead), readSQL+";"+mark+";"; got != want {
		t.Errorf("before nothing: %q, want %q", got, want)
	}
}

func TestStepsAreAllNamed(t *testing.T) {
	t.Parallel()
	if len(Steps) != len(stepNames) {
		t.Fatalf("%d steps, %d names", len(Steps), len(stepNames))
	}
	for i, s := range Steps {
		if int(s) != i || s.String() == "" {
			t.Errorf("%d is %v", i, s)
		}
	}
}

// What is like a unit's packet, but none, springs no trap.
func TestOthersAreNoUnits(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		``, `COMMIT`, `START TRANSACTION`, `ROLLBACK` + releaseSQL,
		`SELECT pool FROM pools WHERE pool = 'demo' FOR UPDATE`,
		`INSERT INTO events (pool) VALUES ('demo');COMMIT`,
		`SELECT 'START TRANSACTION;SELECT 1 FROM pools FOR UPDATE'`,
		`SET TRANSACTION ISOLATION LEVEL READ COMMITTED;START TRANSACTION;SELECT p.pool FROM pools p`,
	} {
		if u, ok := readUnit([]byte(sql)); ok {
			t.Errorf("%q has the steps %v", sql, u.at)
		}
	}
}

func TestNewPoolIsAUnit(t *testing.T) {
	t.Parallel()
	if got := held(t, `INSERT INTO pools (pool, seq) VALUES ('demo',1,'x');INSERT INTO events (pool) VALUES ('demo');COMMIT`, BeforeCommit); !strings.Contains(got, mark) {
		t.Errorf("%q", got)
	}
}

func TestTrapsFitAndSpringOnce(t *testing.T) {
	t.Parallel()
	w := New(t, "127.0.0.1:1")
	read, write := queryOf(readSQL), queryOf(writeSQL)
	other := w.Arm(Trap{Pool: "other", Step: BeforeFence, Do: DropAndCut})
	gone := w.Arm(Trap{Pool: "demo", Step: BeforeWrite, Do: DropAndCut})
	first := w.Arm(Trap{Pool: "demo", Step: BeforeCommit, Do: Truncate})
	second := w.Arm(Trap{Step: BeforeWrite, Do: Hold, For: 1500 * time.Millisecond})
	if !gone.Disarm() || gone.Disarm() {
		t.Error("disarm says that it was armed once, and only once")
	}

	if a, _ := w.traps.spring(read); a != nil {
		t.Errorf("a read springs %+v", a.Trap)
	}
	if a, _ := w.traps.spring(write); a != first {
		t.Errorf("the write does not spring the first that fits: %+v", a)
	}
	if s := <-first.Sprung(); s.Step != BeforeCommit || s.Pool != "demo" {
		t.Errorf("sprung: %+v", s)
	}
	a, held := w.traps.spring(write)
	if a != second {
		t.Fatalf("the next write does not spring the second: %+v", a)
	}
	s := <-second.Sprung()
	want := queryOf(fmt.Sprintf("DO SLEEP(1.500) /* %s */;", s.mark) + writeSQL)
	if !strings.HasPrefix(s.mark, "held:before-write:demo:") || !bytes.Equal(held, want) {
		t.Errorf("%q became %q", s.mark, held)
	}
	if a, _ := w.traps.spring(write); a != nil {
		t.Errorf("sprung for a third time: %+v", a.Trap)
	}
	if second.Disarm() || !other.Disarm() || w.traps.armed.Load() != 0 {
		t.Errorf("%d traps are left", w.traps.armed.Load())
	}
}

// A packet that has no room for the statement stays as it is, and the trap
// stays armed.
func TestFullPacketIsNotHeld(t *testing.T) {
	t.Parallel()
	w := New(t, "127.0.0.1:1")
	trap := w.Arm(Trap{Step: BeforeCommit, Do: Hold, For: time.Second})
	pad := strings.Repeat("x", maxBody-10-len(writeSQL))
	if a, _ := w.traps.spring(queryOf(strings.Replace(writeSQL, "other", pad, 1))); a != nil {
		t.Errorf("sprung: %+v", a.Trap)
	}
	if a, held := w.traps.spring(queryOf(strings.Replace(writeSQL, "other", pad[100:], 1))); a != trap || len(held) > headerSize+maxBody {
		t.Errorf("with room: %v, %d bytes", a, len(held))
	}
}
