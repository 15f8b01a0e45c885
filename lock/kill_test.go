package lock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/lock"
)

// alive reports whether the session still answers as itself.
func (c client) alive(t *testing.T) bool {
	t.Helper()
	var id int64
	return c.GetContext(t.Context(), &id, `SELECT CONNECTION_ID()`) == nil && id == c.id
}

func (c client) take(t *testing.T, name lock.Name) {
	t.Helper()
	var got int
	if err := c.GetContext(t.Context(), &got, `SELECT GET_LOCK(?, 30)`, string(name)); err != nil || got != 1 {
		t.Fatalf("get lock: %d, %v", got, err)
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	s := newSeat(t)
	s.name += " 카페 it's"
	db := s.as(t, s.account(t), "")
	a, b, stranger := newClient(t, db), newClient(t, db), newClient(t, s.root)
	for name, try := range map[string]struct {
		by     *sqlx.DB
		name   lock.Name
		holder int64
		want   error
	}{
		"free":               {s.root, s.name, a.id, lock.ErrHolderChanged},
		"no connection":      {s.root, s.name, 0, lock.ErrHolderChanged},
		"negative":           {s.root, s.name, -1, lock.ErrHolderChanged},
		"nobody's":           {s.root, s.name, 1 << 40, lock.ErrHolderChanged},
		"no name, if it can": {s.root, "", a.id, nil}, // refused by MySQL, free on MariaDB
	} {
		err := lock.Kill(t.Context(), try.by, try.name, try.holder)
		if err == nil || try.want != nil && !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	stranger.take(t, s.name)
	if err := lock.Kill(t.Context(), s.root, s.name, a.id); !errors.Is(err, lock.ErrHolderChanged) {
		t.Errorf("held by another: %v", err)
	}
	if err := lock.Kill(t.Context(), db, s.name, stranger.id); !errors.Is(err, lock.ErrKillDenied) {
		t.Errorf("another account's: %v", err)
	}
	if !stranger.alive(t) || !a.alive(t) {
		t.Error("a refused kill has killed")
	}
	stranger.run(t, `DO RELEASE_ALL_LOCKS()`)
	a.take(t, s.name)
	if err := lock.Kill(t.Context(), db, s.name, a.id); err != nil { // its own account's
		t.Fatal(err)
	}
	b.take(t, s.name)
	if a.alive(t) {
		t.Error("the killed session lives")
	}
	if err := lock.Kill(t.Context(), s.root, s.name, b.id); err != nil { // by one who may end others'
		t.Fatal(err)
	}
	stranger.take(t, s.name)
}

const races = 1000

// A holder that had let go before the kill was sent is refused every time,
// whether another has the lock by then or nobody.
func TestKillAfterReleaseIsRefused(t *testing.T) {
	t.Parallel()
	s := newSeat(t)
	s.root.SetMaxOpenConns(3)
	a, b := newClient(t, s.root), newClient(t, s.root)
	var spent time.Duration
	for i := range races {
		a.take(t, s.name)
		next := make(chan error, 1)
		if i%2 == 0 { // b waits already, and has the lock in the moment that a lets go
			go func() { next <- b.tryRun(t.Context(), fmt.Sprintf(`SELECT GET_LOCK('%s', 30)`, s.name)) }()
			if i%10 == 0 {
				await(t, s.root, s.name, nil, heldBy(a.id, 1))
			}
		}
		a.run(t, fmt.Sprintf(`SELECT RELEASE_LOCK('%s')`, s.name))
		began := time.Now()
		if err := lock.Kill(t.Context(), s.root, s.name, a.id); !errors.Is(err, lock.ErrHolderChanged) {
			t.Fatalf("race %d: %v", i, err)
		}
		spent += time.Since(began)
		if i%2 == 0 {
			if err := <-next; err != nil {
				t.Fatalf("race %d: the next holder: %v", i, err)
			}
			b.run(t, fmt.Sprintf(`SELECT RELEASE_LOCK('%s')`, s.name))
		}
	}
	if !a.alive(t) || !b.alive(t) {
		t.Error("a refused kill has killed")
	}
	t.Logf("%d of %d refused, %v each", races, races, spent/races)
}

// While the lock changes hands, a kill either ends the session it names or is
// refused and does nothing; the next holder never suffers.
func TestKillRacesRelease(t *testing.T) {
	t.Parallel()
	s := newSeat(t)
	b, killer := newClient(t, s.root), newClient(t, s.root)
	a := newClient(t, s.root)
	ended, refused, crossed := 0, 0, 0
	for i := range races {
		a.take(t, s.name)
		next, released := make(chan error, 1), make(chan error, 1)
		var answered time.Time
		go func() { next <- b.tryRun(t.Context(), fmt.Sprintf(`SELECT GET_LOCK('%s', 30)`, s.name)) }()
		early, late := rand.IntN(200), rand.IntN(200)
		go func() {
			spin(late)
			err := a.tryRun(context.Background(), fmt.Sprintf(`SELECT RELEASE_LOCK('%s')`, s.name))
			answered = time.Now()
			released <- err
		}()
		spin(early)
		sent := time.Now()
		err := lock.Kill(t.Context(), killer, s.name, a.id)
		errRelease := <-released
		switch {
		case err == nil:
			ended++
			if errRelease == nil {
				crossed++
			}
			if errRelease == nil && answered.Before(sent) {
				t.Fatalf("race %d: the lock was let go %v before the kill was sent, and the session is dead", i, sent.Sub(answered))
			}
			if a.alive(t) {
				t.Fatalf("race %d: the kill was done, and the session lives", i)
			}
			a = newClient(t, s.root)
		case errors.Is(err, lock.ErrHolderChanged):
			refused++
			if errRelease != nil || !a.alive(t) {
				t.Fatalf("race %d: the kill was refused, and the session is dead (%v)", i, errRelease)
			}
		default:
			t.Fatalf("race %d: %v", i, err)
		}
		if err := <-next; err != nil || !b.alive(t) {
			t.Fatalf("race %d: the next holder: %v", i, err)
		}
		b.run(t, fmt.Sprintf(`SELECT RELEASE_LOCK('%s')`, s.name))
	}
	t.Logf("%d ended, of which %d got an answer to their release, and %d refused", ended, crossed, refused)
	if ended < races/100 || refused < races/100 {
		t.Errorf("no race: %d ended, %d refused", ended, refused)
	}
}

// spin gives the others so many chances to go first.
func spin(n int) {
	for range n {
		runtime.Gosched()
	}
}
