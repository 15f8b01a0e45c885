package lock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead/lock"
)

// typeOf names the error of this package that an error is, or else what
// [failed] says of it.
func typeOf(err error) string {
	for name, is := range map[string]error{
		"ErrTimeout":       lock.ErrTimeout,
		"ErrKilled":        lock.ErrKilled,
		"ErrDeadlock":      lock.ErrDeadlock,
		"ErrNotHeld":       lock.ErrNotHeld,
		"ErrName":          lock.ErrName,
		"ErrHolderChanged": lock.ErrHolderChanged,
		"ErrKillDenied":    lock.ErrKillDenied,
	} {
		if errors.Is(err, is) {
			return name
		}
	}
	if err == nil {
		return "nil"
	}
	return failed(err)
}

// TestContractTypedErrors asks which of this package's errors each situation
// gives.
func TestContractTypedErrors(t *testing.T) {
	t.Parallel()
	const typed = "what callers of package lock find out with errors.Is"
	get := func(ctx context.Context, l *lock.Session, name string) string {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return typeOf(l.Get(ctx, lock.Name(name), 5*time.Second))
	}
	checkCells(t, []cell{
		{"Get of a free lock", everywhere("nil"), func(s *scene) string {
			return get(s.t.Context(), s.lockSession(), s.lock)
		}, typed},
		{"Get of another's lock", everywhere("ErrTimeout"), func(s *scene) string {
			s.held()
			return typeOf(s.lockSession().Get(s.t.Context(), lock.Name(s.lock), time.Second))
		}, typed},
		{"Get without patience", everywhere("ErrTimeout"), func(s *scene) string {
			s.held()
			return typeOf(s.lockSession().Get(s.t.Context(), lock.Name(s.lock), 0))
		}, typed},
		{"Get that closes a circle", answers{"ErrDeadlock", "ErrDeadlock", "ErrTimeout"}, func(s *scene) string {
			l, b := s.lockSession(), s.session()
			b.take("1")
			get(s.t.Context(), l, s.lock)
			b.queue()
			return get(s.t.Context(), l, s.lock+"1")
		}, typed},
		{"Get that is killed", both("ErrKilled"), func(s *scene) string { return s.getAnd("QUERY") }, typed},
		{"Get whose session is killed", both("connection lost"), func(s *scene) string { return s.getAnd("CONNECTION") }, typed},
		{"Get under a limit on statements", both("ErrKilled"), func(s *scene) string {
			s.held()
			l := s.lockSession()
			limit := choose(s, `SET max_statement_time = 1`, `SET max_execution_time = 1000`, `SET max_execution_time = 1000`)
			if _, err := l.ExecContext(s.t.Context(), limit); err != nil {
				return failed(err)
			}
			return get(s.t.Context(), l, s.lock)
		}, typed},
		{"Get whose caller gives up", everywhere("cancelled"), func(s *scene) string {
			s.held()
			ctx, cancel := context.WithCancel(s.t.Context())
			cancel()
			return get(ctx, s.lockSession(), s.lock)
		}, typed},
		{"Get of a name too long for MySQL", answers{mariadb: "nil", mysql: "ErrName", tidb: "ErrName"}, func(s *scene) string {
			return get(s.t.Context(), s.lockSession(), s.lock+strings.Repeat("x", 65-len(s.lock)))
		}, typed},
		{"Get of a name too long for all", everywhere("ErrName"), func(s *scene) string {
			return get(s.t.Context(), s.lockSession(), s.lock+strings.Repeat("x", 193-len(s.lock)))
		}, typed},
		{"Release of an own lock", everywhere("nil"), func(s *scene) string {
			l := s.lockSession()
			get(s.t.Context(), l, s.lock)
			return typeOf(l.Release(s.t.Context(), lock.Name(s.lock)))
		}, typed},
		{"Release of another's lock", everywhere("ErrNotHeld"), func(s *scene) string {
			s.held()
			return typeOf(s.lockSession().Release(s.t.Context(), lock.Name(s.lock)))
		}, typed},
		{"Release of a lock that never was", everywhere("ErrNotHeld"), func(s *scene) string {
			return typeOf(s.lockSession().Release(s.t.Context(), lock.Name(s.lock)))
		}, typed},
		{"Release of a name too long for all", both("ErrName"), func(s *scene) string {
			return typeOf(s.lockSession().Release(s.t.Context(), lock.Name(s.lock+strings.Repeat("x", 200))))
		}, typed},
		{"ReleaseAll", everywhere("3 <nil>, 0 <nil>"), func(s *scene) string {
			l := s.lockSession()
			for _, more := range []string{"1", "2", "2"} {
				get(s.t.Context(), l, s.lock+more)
			}
			n, err := l.ReleaseAll(s.t.Context())
			m, again := l.ReleaseAll(s.t.Context())
			return fmt.Sprintf("%d %v, %d %v", n, err, m, again)
		}, typed},
		{"IsFree", everywhere("true <nil>, false <nil>"), func(s *scene) string {
			before, err := lock.IsFree(s.t.Context(), s.admin, lock.Name(s.lock))
			s.held()
			after, again := lock.IsFree(s.t.Context(), s.admin, lock.Name(s.lock))
			return fmt.Sprintf("%v %v, %v %v", before, err, after, again)
		}, typed},
		{"UsedBy", answers{"free, the holder", "free, the holder", "free, 1"}, func(s *scene) string {
			a := s.session()
			before := usedBy(s, a)
			a.take()
			return before + ", " + usedBy(s, a)
		}, typed},
		{"IsFree and UsedBy of a name too long for all", both("ErrName, ErrName"), func(s *scene) string {
			name := lock.Name(s.lock + strings.Repeat("x", 200))
			_, free := lock.IsFree(s.t.Context(), s.admin, name)
			_, _, used := lock.UsedBy(s.t.Context(), s.admin, name)
			return typeOf(free) + ", " + typeOf(used)
		}, typed},
		{"With holds its lock while it runs, and no longer", everywhere("ErrTimeout, then 1"), func(s *scene) string {
			other := s.session()
			var inside error
			err := lock.With(s.t.Context(), s.connect(), lock.Name(s.lock), time.Second, func(ctx context.Context, _ *lock.Session) error {
				inside = lock.With(ctx, s.connect(), lock.Name(s.lock), time.Second, func(context.Context, *lock.Session) error { return nil })
				return nil
			})
			if err != nil {
				return typeOf(err)
			}
			return typeOf(inside) + ", then " + other.get(s.lock, 5)
		}, typed},
	})
}

// lockSession opens a session the way the product does.
func (s *scene) lockSession() *lock.Session {
	s.t.Helper()
	l, err := lock.Open(s.t.Context(), s.connect())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	return l
}

// getAnd kills a session or its statement in the middle of Get.
func (s *scene) getAnd(kill string) string {
	s.t.Helper()
	s.held()
	l := s.lockSession()
	a := &actor{s: s}
	if err := l.GetContext(s.t.Context(), &a.id, `SELECT CONNECTION_ID()`); err != nil {
		s.t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() { answer <- l.Get(s.t.Context(), lock.Name(s.lock), 30*time.Second) }()
	s.until("the session waits", func() bool { return a.waits(forLock) })
	s.kill(kill, a)
	return typeOf(<-answer)
}

func usedBy(s *scene, holder *actor) string {
	id, used, err := lock.UsedBy(s.t.Context(), s.admin, lock.Name(s.lock))
	switch {
	case err != nil:
		return failed(err)
	case !used:
		return "free"
	case id == holder.id:
		return "the holder"
	}
	return fmt.Sprint(id)
}
