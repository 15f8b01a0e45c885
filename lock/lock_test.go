package lock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"fairlead/internal/dbtest"
	"fairlead/lock"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// newDB returns connections, and a name that no other test uses.
func newDB(t *testing.T) (*sqlx.DB, lock.Name) {
	t.Helper()
	db := dbtest.New(t)
	return db.Open(t), lock.NameOf("test:"+db.Schema, "l")
}

func open(t *testing.T, db *sqlx.DB) *lock.Session {
	t.Helper()
	s, err := lock.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestFiveFunctions(t *testing.T) {
	t.Parallel()
	db, name := newDB(t)
	a, b := open(t, db), open(t, db)
	ctx := t.Context()
	var self int64
	if err := a.GetContext(ctx, &self, `SELECT CONNECTION_ID()`); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		do   func() error
		want error
	}{
		{func() error { return b.Release(ctx, name) }, lock.ErrNotHeld}, // that nobody ever took
		{func() error { return a.Get(ctx, name, time.Second) }, nil},
		{func() error { return a.Get(ctx, name, time.Second) }, nil}, // again: counted
		{func() error { return b.Get(ctx, name, 0) }, lock.ErrTimeout},
		{func() error { return b.Release(ctx, name) }, lock.ErrNotHeld}, // another's
		{func() error { return a.Release(ctx, name) }, nil},
		{func() error { return b.Get(ctx, name, 0) }, lock.ErrTimeout}, // still held once
		{func() error { return a.Release(ctx, name) }, nil},
		{func() error { return a.Release(ctx, name) }, lock.ErrNotHeld},
		{func() error { return b.Get(ctx, name, 0) }, nil},
		{func() error { return b.Release(ctx, name) }, nil},
		{func() error { return b.Get(ctx, "", 0) }, errors.ErrUnsupported}, // any error
	} {
		err := step.do()
		if step.want == errors.ErrUnsupported {
			if err == nil {
				t.Errorf("step %d: no error", i)
			}
			continue
		}
		if !errors.Is(err, step.want) {
			t.Fatalf("step %d: %v, want %v", i, err, step.want)
		}
	}

	if err := a.Get(ctx, name, time.Second); err != nil {
		t.Fatal(err)
	}
	if id, used, err := lock.UsedBy(ctx, db, name); err != nil || !used || id != self {
		t.Errorf("used by %d, %v (%v), want %d", id, used, err, self)
	}
	if free, err := lock.IsFree(ctx, db, name); err != nil || free {
		t.Errorf("a held lock is free: %v, %v", free, err)
	}
	for range 2 {
		if err := a.Get(ctx, lock.NameOf(string(name), "x"), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := a.ReleaseAll(ctx); err != nil || n != 3 {
		t.Errorf("released %d, want 3 (%v)", n, err)
	}
	if free, err := lock.IsFree(ctx, db, name); err != nil || !free {
		t.Errorf("a released lock is held: %v, %v", free, err)
	}
	if _, used, err := lock.UsedBy(ctx, db, name); err != nil || used {
		t.Errorf("a released lock is used: %v", err)
	}
}

// However fn ends, the next one must get the lock. The next one is a session
// opened beforehand: GET_LOCK lets a session take its own lock again, so a
// leaked lock is invisible to whoever is handed the leaking connection.
func TestWithReleases(t *testing.T) {
	t.Parallel()
	no := errors.New("no")
	for name, fn := range map[string]func(context.Context, *lock.Session, context.CancelFunc) error{
		"well":      func(context.Context, *lock.Session, context.CancelFunc) error { return nil },
		"error":     func(context.Context, *lock.Session, context.CancelFunc) error { return no },
		"panic":     func(context.Context, *lock.Session, context.CancelFunc) error { panic(no) },
		"cancelled": func(_ context.Context, _ *lock.Session, cancel context.CancelFunc) error { cancel(); return nil },
		"killed": func(ctx context.Context, s *lock.Session, _ context.CancelFunc) error {
			_, err := s.ExecContext(ctx, `KILL CONNECTION CONNECTION_ID()`)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, name := newDB(t)
			next := open(t, db)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			func() {
				defer func() { _ = recover() }()
				_ = lock.With(ctx, db, name, time.Second, func(ctx context.Context, s *lock.Session) error { return fn(ctx, s, cancel) })
			}()
			if err := next.Get(t.Context(), name, 5*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWithExcludes(t *testing.T) {
	t.Parallel()
	db, name := newDB(t)
	err := lock.With(t.Context(), db, name, time.Second, func(ctx context.Context, _ *lock.Session) error {
		return lock.With(ctx, db, name, time.Second, func(context.Context, *lock.Session) error {
			t.Error("second holder ran")
			return nil
		})
	})
	if !errors.Is(err, lock.ErrTimeout) {
		t.Errorf("err = %v, want ErrTimeout", err)
	}
}

// Closing a session that was not said to be clean ends it.
func TestUncleanSessionEnds(t *testing.T) {
	t.Parallel()
	db, name := newDB(t)
	s, err := lock.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Get(t.Context(), name, time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ExecContext(t.Context(), `START TRANSACTION`); err != nil {
		t.Fatal(err)
	}
	next := open(t, db) // before the first is back, so that it is another
	s.Close()
	if err := next.Get(t.Context(), name, 5*time.Second); err != nil {
		t.Errorf("lock outlived its session: %v", err)
	}
}

func TestSelfTest(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	if err := lock.SelfTest(t.Context(), db, "test", true); err != nil {
		t.Error(err)
	}
	// Two connections that reach one session are what a proxy may bring about;
	// with a single connection the second can never be had.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	db.SetMaxOpenConns(1)
	if err := lock.SelfTest(ctx, db, "test", true); err == nil {
		t.Error("passed with one connection")
	}
}

// Sessions that end in the middle of the test say nothing about proxies.
func TestSelfTestBearsKills(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	db, killer := d.Open(t), d.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			var ids []int64
			_ = killer.SelectContext(ctx, &ids, `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()`, d.Schema)
			for _, id := range ids {
				_, _ = killer.ExecContext(ctx, fmt.Sprint("KILL CONNECTION ", id))
			}
		}
	}()
	defer func() { cancel(); <-done }()
	failed := 0
	for range 2000 {
		err := lock.SelfTest(t.Context(), db, "test:"+d.Schema, true)
		if errors.Is(err, lock.ErrShared) {
			t.Fatalf("a killed session is taken for a proxy: %v", err)
		}
		if err != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Error("no session was killed in the middle of the test")
	}
}

func TestListShowsHolderAndWaiters(t *testing.T) {
	t.Parallel()
	db, name := newDB(t)
	holder := open(t, db)
	if err := holder.Get(t.Context(), name, time.Second); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	waiter := open(t, db)
	go func() {
		// Spelled out: where the process list is the source, it shows statements.
		_, err := waiter.ExecContext(ctx, fmt.Sprintf(`DO GET_LOCK('%s', 20)`, name))
		done <- err
	}()
	defer func() { cancel(); <-done }()
	for range 200 {
		report, err := lock.Inspect(t.Context(), db, []lock.Name{name})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range report.Locks {
			if l.Name == name && l.Holder != nil && len(l.Waiters) == 1 && l.Waiters[0].ConnectionID != l.Holder.ConnectionID {
				t.Logf("source %s: %+v, holder %+v", report.Source, l, *l.Holder)
				return
			}
		}
	}
	t.Error("holder and waiter are not listed")
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ scope, key, want string }{
		{"fairlead:shop", "seoul-1", "fairlead:shop:seoul-1"},
		{"fairlead:shop", strings.Repeat("a", 50), "fairlead:shop:" + strings.Repeat("a", 50)},       // 64
		{"fairlead:shop", strings.Repeat("a", 51), "fairlead:shop:" + strings.Repeat("a", 33) + "#"}, // 65
		{"fairlead:Shop", "seoul", "fairlead:hop:seoul#"},                                            // another than :shop's on MariaDB, the same on MySQL
		{"fairlead:가게", "a", "fairlead::a#"},
	} {
		got := string(lock.NameOf(tt.scope, tt.key))
		hashed := strings.HasSuffix(tt.want, "#")
		if !strings.HasPrefix(got, tt.want) || !hashed && got != tt.want || hashed && len(got) != len(tt.want)+16 {
			t.Errorf("NameOf(%q, %q) = %q, want %q", tt.scope, tt.key, got, tt.want)
		}
	}
}

func TestCutIn(t *testing.T) {
	t.Parallel()
	cut := lock.NameOf("fairlead:shop", strings.Repeat("a", 60))
	for _, tt := range []struct {
		name  lock.Name
		scope string
		want  bool
	}{
		{cut, "fairlead:shop", true},
		{cut, "fairlead:shop-2", false},
		{lock.NameOf("fairlead:가게", "a"), "fairlead:가게", true},
		{lock.NameOf("fairlead:"+strings.Repeat("s", 60), "a"), "fairlead:" + strings.Repeat("s", 60), true},
		{lock.NameOf("fairlead:shop", "seoul"), "fairlead:shop", false}, // not cut
		{"fairlead:shop:a#0123", "fairlead:shop", false},
		{"fairlead:shop:a#0123456789abcdeX", "fairlead:shop", false},
	} {
		if got := tt.name.CutIn(tt.scope); got != tt.want {
			t.Errorf("%s cut in %s: %t", tt.name, tt.scope, got)
		}
	}
}

// Every name is one that all servers take alike, and no two things share one.
func TestNamesAreSafe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		scope := rapid.String().Draw(t, "scope")
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		checkName(t, lock.NameOf(scope, a))
		if a != b && lock.NameOf(scope, a) == lock.NameOf(scope, b) {
			t.Errorf("%q and %q share a name", a, b)
		}
	})
}

func FuzzNameOf(f *testing.F) {
	f.Add("fairlead:shop", "seoul")
	f.Add("F", "K\x00x")
	f.Fuzz(func(t *testing.T, scope, key string) { checkName(t, lock.NameOf(scope, key)) })
}

func checkName(t interface{ Errorf(string, ...any) }, name lock.Name) {
	if len(name) < 1 || len(name) > 64 || strings.Trim(string(name), "abcdefghijklmnopqrstuvwxyz0123456789:._-#") != "" {
		t.Errorf("unsafe name %q", name)
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]int64{-1: 0, 0: 0, 1: 1, time.Second: 1, 1500 * time.Millisecond: 2, 30 * time.Second: 30} {
		if got := lock.Seconds(wait); got != want {
			t.Errorf("Seconds(%v) = %d, want %d", wait, got, want)
		}
	}
}
