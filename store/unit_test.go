package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/oklog/ulid/v2"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

var demo = assign.Claim{Pool: "demo", Wait: time.Second}

// late is demo's claim by a unit that is asked when it has the lock.
var late = assign.Claim{Pool: "demo", Wait: time.Second, AskLate: true}

// bothWays runs test for units that are asked at once, and late.
func bothWays(t *testing.T, test func(t *testing.T, claim assign.Claim)) {
	for name, claim := range map[string]assign.Claim{"at once": demo, "late": late} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, claim)
		})
	}
}

func asking(need assign.Need) func() assign.Need { return func() assign.Need { return need } }

// oneNeed and oneAssignment are a unit with one assignment and nothing else.
var oneNeed = assign.Need{Picks: 1}

func oneAssignment(s assign.State) assign.Changes {
	p := s.Picks[0]
	c := assign.Changes{From: s.Pool.Seq, Pool: s.Pool}
	c.Pool.Seq++
	c.Pool.Assigned++
	c.Pool.Open++
	c.Pool.LastAt = s.Now
	p.Assigned++
	p.Open++
	p.LastSeq, p.LastAt = c.Pool.Seq, s.Now
	id := ulid.Make().String()
	c.Planners = []assign.Planner{p}
	c.Assignments = []assign.Assignment{{ID: id, Pool: s.Pool.ID, Seq: c.Pool.Seq, Planner: p.ID, Key: id,
		Wish: assign.NumberNone, AssignedAt: s.Now}}
	return c
}

// A scene is one instance on a pool "demo", and another session to look at it.
type scene struct {
	*storetest.House
	db   *sqlx.DB
	lock string
}

func newScene(t *testing.T, o store.Options) *scene {
	t.Helper()
	h := storetest.New(t, o)
	h.Fill(t, "demo", 3, 0)
	return &scene{House: h, db: h.Database.Open(t), lock: string(h.Store.LockName("demo"))}
}

func get[T any](t *testing.T, db *sqlx.DB, query string, args ...any) T {
	t.Helper()
	var v T
	if err := db.GetContext(t.Context(), &v, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func (s *scene) holder(t *testing.T) int64 {
	t.Helper()
	return get[int64](t, s.db, `SELECT COALESCE(IS_USED_LOCK(?), 0)`, s.lock)
}

func (s *scene) seq(t *testing.T) int64 {
	t.Helper()
	return get[int64](t, s.db, `SELECT seq FROM pools WHERE pool = 'demo'`)
}

// assigned fails the test unless the pool has n assignments, its counters
// agree, and the lock is free within a moment.
func (s *scene) assigned(t *testing.T, n int64) {
	t.Helper()
	if got := get[int64](t, s.db, `SELECT COUNT(*) FROM assignments`); got != n {
		t.Errorf("%d assignments, want %d", got, n)
	}
	if got := get[int64](t, s.db, `SELECT assigned FROM pools`); got != n {
		t.Errorf("pool counts %d assignments, want %d", got, n)
	}
	s.free(t)
}

// free waits for the lock to be free; a session that was cut off is ended by
// the server in its own time.
func (s *scene) free(t *testing.T) {
	t.Helper()
	if got := get[int64](t, s.db, `SELECT COALESCE(GET_LOCK(?, 10), -1)`, s.lock); got != 1 {
		t.Errorf("lock is not free within 10 s")
	}
	s.db.MustExec(`DO RELEASE_ALL_LOCKS()`)
}

// While a unit decides it holds the lock and the pool's row, both in one
// session with an open transaction.
func TestUnitHoldsLockAndFence(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, claim assign.Claim) {
		s := newScene(t, store.Options{})
		s.db.SetMaxOpenConns(1)
		s.db.MustExec(`SET innodb_lock_wait_timeout = 1`)
		trace, err := s.Store.Unit(t.Context(), claim, asking(oneNeed), func(state assign.State) assign.Changes {
			holder := s.holder(t)
			if holder == 0 {
				t.Error("lock is free while the unit decides")
			}
			if _, err := s.db.Exec(`UPDATE pools SET seq = seq WHERE pool = 'demo'`); err == nil {
				t.Error("pool row is free while the unit decides")
			}
			if _, err := s.db.Exec(`UPDATE planners SET base = base WHERE planner = ?`, state.Picks[0].ID); err == nil {
				t.Error("picked planner's row is free while the unit decides")
			}
			return oneAssignment(state)
		})
		if err != nil || trace.Unreleased || !trace.Written {
			t.Errorf("unit: %+v, %v", trace, err)
		}
		if s.holder(t) != 0 {
			t.Error("lock is held after the unit")
		}
		s.assigned(t, 1)
	})
}

// Whoever has the lock next must find the commit: the release comes after it.
func TestReleaseComesAfterCommit(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, claim assign.Claim) {
		s := newScene(t, store.Options{})
		for range 30 { // the gap would be one commit wide, so look more than once
			before, next := s.seq(t), make(chan int64, 1)
			_, err := s.Store.Unit(t.Context(), claim, asking(oneNeed), func(state assign.State) assign.Changes {
				go func() { next <- s.nextHolderSees(t) }()
				awaitWaiter(t, s.db, s.lock)
				return oneAssignment(state)
			})
			if err != nil {
				t.Fatal(err)
			}
			if seq := <-next; seq != before+1 {
				t.Fatalf("next holder saw seq %d, want %d", seq, before+1)
			}
		}
	})
}

// A unit that asks late has the lock by then, and has read nothing: a snapshot
// from before could miss what its calls are about.
func TestLateUnitIsAskedBehindTheLock(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	asked := 0
	ask := func() assign.Need {
		asked++
		if s.holder(t) == 0 {
			t.Error("lock is free when the unit is asked")
		}
		s.db.MustExec(`UPDATE pools SET seq = 99 WHERE pool = 'demo'`)
		return oneNeed
	}
	trace, err := s.Store.Unit(t.Context(), late, ask, func(state assign.State) assign.Changes {
		if state.Pool.Seq != 99 {
			t.Errorf("unit read seq %d, want what was committed before it was asked", state.Pool.Seq)
		}
		return oneAssignment(state)
	})
	if err != nil || asked != 1 || trace.Lock == 0 || trace.Unreleased || !trace.Written {
		t.Errorf("unit asked %d times: %+v, %v", asked, trace, err)
	}
	s.free(t)
	s.assigned(t, 1)
}

// A session that is lost between the lock and the reading costs a retry.
func TestLateUnitThatLosesItsSession(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	ask := func() assign.Need {
		s.db.MustExec(fmt.Sprintf("KILL %d", s.holder(t)))
		return oneNeed
	}
	trace, err := s.Store.Unit(t.Context(), late, ask, func(assign.State) assign.Changes {
		t.Error("unit decides without a session")
		return assign.Changes{}
	})
	if !errors.Is(err, assign.ErrUnavailable) || !trace.Unreleased {
		t.Errorf("unit: %+v, %v, want ErrUnavailable", trace, err)
	}
	s.free(t)
	s.assigned(t, 0)
}

// With the lock off there is nothing to wait for: the unit is asked at once.
func TestLateUnitWithTheLockOff(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{LockOff: true})
	trace, err := s.Store.Unit(t.Context(), late, asking(oneNeed), oneAssignment)
	if err != nil || trace.Lock != 0 || !trace.Written {
		t.Errorf("unit: %+v, %v", trace, err)
	}
	s.assigned(t, 1)
}

// nextHolderSees waits for the lock and returns the pool's seq as it is then.
func (s *scene) nextHolderSees(t *testing.T) (seq int64) {
	conn, err := s.db.Connx(t.Context())
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	var got int64
	err = errors.Join(
		conn.GetContext(t.Context(), &got, fmt.Sprintf(`SELECT GET_LOCK('%s', 10)`, s.lock)),
		conn.GetContext(t.Context(), &seq, `SELECT seq FROM pools WHERE pool = 'demo'`))
	if err != nil || got != 1 {
		t.Errorf("next holder: GET_LOCK gave %d, %v", got, err)
	}
	conn.ExecContext(t.Context(), `DO RELEASE_ALL_LOCKS()`)
	return seq
}

// awaitWaiter returns when a session waits for the lock.
func awaitWaiter(t *testing.T, db *sqlx.DB, name string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if get[int64](t, db, `SELECT COUNT(*) FROM information_schema.PROCESSLIST
			WHERE STATE = 'User lock' AND INFO LIKE CONCAT('%', ?, '%')`, name) > 0 {
			return
		}
	}
	t.Error("nobody waits for the lock")
}

// What the former holder commits before it releases must be seen, by every
// read of the unit: its snapshot is younger than its lock.
func TestSnapshotIsYoungerThanLock(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, claim assign.Claim) {
		s := newScene(t, store.Options{})
		a, err := s.Assign(t.Context(), assign.Request{Pool: "demo", Key: "other"})
		if err != nil {
			t.Fatal(err)
		}
		former, err := s.db.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer former.Close()
		former.ExecContext(t.Context(), `DO GET_LOCK(?, 5)`, s.lock)

		need := assign.Need{Picks: 1, Keys: []string{"mine"}}
		claim.Wait = 5 * time.Second
		done := make(chan error, 1)
		var seen assign.State
		go func() {
			_, err := s.Store.Unit(t.Context(), claim, asking(need), func(state assign.State) assign.Changes {
				seen = state
				return assign.Changes{From: state.Pool.Seq, Pool: state.Pool}
			})
			done <- err
		}()
		awaitWaiter(t, s.db, s.lock)
		for _, q := range []string{
			`UPDATE assignments SET idem_key = 'mine'`,
			`UPDATE pools SET seq = 99`,
			`DO RELEASE_ALL_LOCKS()`,
		} {
			if _, err := former.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if seen.Pool.Seq != 99 || seen.Keyed["mine"].ID != a.ID {
			t.Errorf("unit saw seq %d and keys %v, not what the former holder committed", seen.Pool.Seq, seen.Keyed)
		}
	})
}

// A unit whose session is killed must not go on in another one.
func TestKilledUnitWritesNothing(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, claim assign.Claim) {
		s := newScene(t, store.Options{})
		_, err := s.Store.Unit(t.Context(), claim, asking(oneNeed), func(state assign.State) assign.Changes {
			s.db.MustExec(fmt.Sprintf("KILL %d", s.holder(t)))
			return oneAssignment(state)
		})
		if !errors.Is(err, assign.ErrOutcomeUnknown) {
			t.Errorf("err = %v, want ErrOutcomeUnknown", err)
		}
		s.assigned(t, 0)
	})
}

// A kill costs the callers a retry, and no more.
func TestKilledUnitIsRunAgain(t *testing.T) {
	t.Parallel()
	for name, o := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, o)
			killing := &killer{Ledger: s.Store, kill: func() int {
				ids := idleSessions(t, s)
				for _, id := range ids {
					s.db.MustExec(fmt.Sprintf("KILL %d", id))
				}
				return len(ids)
			}}
			c := storetest.Combine(t, killing)
			for i := range 10 {
				a, err := c.Assign(t.Context(), assign.Request{Pool: "demo", Key: fmt.Sprint("k", i)})
				if err != nil || a.Replayed {
					t.Fatalf("assignment %d: %+v, %v", i, a, err)
				}
			}
			if killing.kills < 10 {
				t.Errorf("only %d sessions were killed", killing.kills)
			}
			s.assigned(t, 10)
		})
	}
}

// killer kills every other unit between its read and its write.
type killer struct {
	assign.Ledger
	kill  func() int // returns how many sessions it killed
	units int
	kills int
}

func (k *killer) Unit(ctx context.Context, claim assign.Claim, ask func() assign.Need, decide func(assign.State) assign.Changes) (assign.Trace, error) {
	k.units++
	return k.Ledger.Unit(ctx, claim, ask, func(s assign.State) assign.Changes {
		c := decide(s)
		if k.units%2 == 1 {
			k.kills += k.kill()
		}
		return c
	})
}

// idleSessions are the sessions on the scene's schema that run nothing just
// now, but for the one that asks: among them that of a unit which decides.
func idleSessions(t *testing.T, s *scene) (ids []int64) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(ids) == 0 && time.Now().Before(deadline); {
		err := s.db.SelectContext(t.Context(), &ids, `SELECT ID FROM information_schema.PROCESSLIST
			WHERE DB = ? AND COMMAND = 'Sleep' AND ID <> CONNECTION_ID()`, s.Database.Schema)
		if err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// A fence that is not where the unit read it must be an error that undoes all,
// never an update of no rows.
func TestLostFenceIsAnError(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	before := s.seq(t)
	_, err := s.Store.Unit(t.Context(), demo, asking(oneNeed), func(state assign.State) assign.Changes {
		state.Pool.Seq += 5
		return oneAssignment(state)
	})
	if !errors.Is(err, assign.ErrOutcomeUnknown) {
		t.Errorf("err = %v, want ErrOutcomeUnknown", err)
	}
	s.assigned(t, 0)
	if got := s.seq(t); got != before {
		t.Errorf("seq = %d, want %d", got, before)
	}
}

// With the lock off, the pool's row keeps a second unit out.
func TestFenceExcludesWithoutLock(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{LockOff: true})
	before := s.seq(t)
	var first atomic.Bool // whether the first unit is over
	second := make(chan error, 1)
	_, err := s.Store.Unit(t.Context(), demo, asking(oneNeed), func(state assign.State) assign.Changes {
		go func() {
			_, err := s.Store.Unit(t.Context(), demo, asking(oneNeed), func(state assign.State) assign.Changes {
				if !first.Load() || state.Pool.Seq != before+1 {
					t.Errorf("second unit read seq %d while the first decided on %d", state.Pool.Seq, before)
				}
				return oneAssignment(state)
			})
			second <- err
		}()
		awaitRowWaiter(t, s.db)
		first.Store(true)
		return oneAssignment(state)
	})
	if err := errors.Join(err, <-second); err != nil {
		t.Fatal(err)
	}
	s.assigned(t, 2)
}

// awaitRowWaiter returns when a transaction waits for a row of any table. The
// server makes a new picture of its transactions only if nobody has looked at
// the last one for 100 ms.
func awaitRowWaiter(t *testing.T, db *sqlx.DB) {
	t.Helper()
	look := time.NewTicker(150 * time.Millisecond)
	defer look.Stop()
	for range 60 {
		if get[int64](t, db, `SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'`) > 0 {
			return
		}
		<-look.C
	}
	t.Error("nobody waits for a row")
}

// A foreign row lock makes the pool busy; nothing is concluded from it.
func TestForeignRowLockIsBusy(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{LockOff: true})
	tx := s.db.MustBegin()
	defer tx.Rollback()
	tx.MustExec(`SELECT seq FROM pools WHERE pool = 'demo' FOR UPDATE`)
	_, err := s.Store.Unit(t.Context(), demo, asking(oneNeed), func(assign.State) assign.Changes {
		t.Error("decided without the fence")
		return assign.Changes{}
	})
	if !errors.Is(err, assign.ErrBusy) {
		t.Errorf("err = %v, want ErrBusy", err)
	}
}

// READ COMMITTED locks no gaps: a unit that looks for planners and numbers
// where there are none must not keep a neighbouring pool from getting some.
func TestUnitLocksNoGaps(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	for _, pool := range []assign.PoolID{"demn", "demp"} { // the neighbours on both sides
		s.Fill(t, pool, 1, 0)
	}
	need := oneNeed
	need.FreeNumbers, need.Keys, need.Picks = 10, []string{"none"}, 10
	need.Planners = []assign.PlannerID{"z-none"} // would stand between the pool's last and its neighbour's first
	_, err := s.Store.Unit(t.Context(), demo, asking(need), func(state assign.State) assign.Changes {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		for i, pool := range []assign.PoolID{"demn", "demp"} {
			if _, err := s.Stock(ctx, assign.Stocking{Pool: pool, Numbers: []assign.Number{assign.Number(fmt.Sprintf("050%d", i))}}); err != nil {
				t.Errorf("stock %s: %v", pool, err)
			}
			if _, err := s.Staff(ctx, assign.Staffing{Pool: pool, Changes: []assign.PlannerChange{{ID: "new"}}}); err != nil {
				t.Errorf("staff %s: %v", pool, err)
			}
			if _, err := s.Assign(ctx, assign.Request{Pool: pool}); err != nil {
				t.Errorf("assign %s: %v", pool, err)
			}
		}
		return oneAssignment(state)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Two units may not end in a deadlock, whatever they do to neighbouring pools.
func TestUnitsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s := dbtest.NewServer(t) // its deadlocks are nobody else's
	db := s.New()
	h := storetest.On(t, db, store.Options{LockOff: true})
	if _, err := h.Store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := deadlocks(t, db.Open(t))
	storm(t, h)
	if n := deadlocks(t, db.Open(t)) - before; n != 0 {
		t.Errorf("%d deadlocks, want none", n)
	}
}

// deadlocks is how many the server has counted.
func deadlocks(t *testing.T, db *sqlx.DB) int64 {
	t.Helper()
	return get[int64](t, db, `SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks'`)
}

// A session that waited in vain, or whose wait was ended by somebody, has not
// got the lock, and decides nothing.
func TestUnitWithoutLockDecidesNothing(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, claim assign.Claim) {
		decide := func(t *testing.T) func(assign.State) assign.Changes {
			return func(assign.State) assign.Changes {
				t.Error("decided without the lock")
				return assign.Changes{}
			}
		}
		holding := func(t *testing.T) *scene {
			s := newScene(t, store.Options{})
			conn, err := s.db.Connx(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			conn.ExecContext(t.Context(), `DO GET_LOCK(?, 5)`, s.lock)
			return s
		}
		t.Run("timeout", func(t *testing.T) {
			t.Parallel()
			s := holding(t)
			if _, err := s.Store.Unit(t.Context(), claim, asking(oneNeed), decide(t)); !errors.Is(err, assign.ErrBusy) {
				t.Errorf("err = %v, want ErrBusy", err)
			}
		})
		for _, kill := range []string{"KILL QUERY", "KILL CONNECTION"} {
			t.Run(kill, func(t *testing.T) {
				t.Parallel()
				s := holding(t)
				claim := claim
				claim.Wait = 20 * time.Second
				done := make(chan error, 1)
				go func() {
					_, err := s.Store.Unit(t.Context(), claim, asking(oneNeed), decide(t))
					done <- err
				}()
				awaitWaiter(t, s.db, s.lock)
				s.db.MustExec(fmt.Sprintf("%s %d", kill, get[int64](t, s.db,
					`SELECT ID FROM information_schema.PROCESSLIST WHERE STATE = 'User lock' AND INFO LIKE CONCAT('%', ?, '%')`, s.lock)))
				if err := <-done; !errors.Is(err, assign.ErrUnavailable) {
					t.Errorf("err = %v, want ErrUnavailable", err)
				}
			})
		}
		t.Run("cancelled", func(t *testing.T) {
			t.Parallel()
			s := holding(t)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				awaitWaiter(t, s.db, s.lock)
				cancel()
			}()
			if _, err := s.Store.Unit(ctx, claim, asking(oneNeed), decide(t)); !errors.Is(err, assign.ErrBusy) {
				t.Errorf("err = %v, want ErrBusy", err)
			}
		})
	})
}

// A session that may hold something never serves another unit. GET_LOCK lets
// a session take its own lock again, so this looks at connection ids.
func TestUncleanSessionIsThrownAway(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{Units: 1})
	session := func() (id int64) {
		t.Helper()
		_, err := s.Store.Unit(t.Context(), demo, asking(oneNeed), func(state assign.State) assign.Changes {
			id = s.holder(t)
			return assign.Changes{From: state.Pool.Seq, Pool: state.Pool}
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := session()
	if second := session(); second != first {
		t.Errorf("a clean session was thrown away: %d, then %d", first, second)
	}
	_, err := s.Store.Unit(t.Context(), demo, asking(oneNeed), func(state assign.State) assign.Changes {
		state.Pool.Seq += 5 // a lost fence
		return oneAssignment(state)
	})
	if err == nil {
		t.Fatal("unit went well")
	}
	s.free(t)
	if third := session(); third == first {
		t.Errorf("a session with an open transaction was used again: %d", third)
	}
	s.assigned(t, 0)
}

// A caller that goes while its unit decides changes nothing about the unit:
// what cleans up has a context of its own.
func TestCancelledUnitEndsCleanly(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	trace, err := s.Store.Unit(ctx, demo, asking(oneNeed), func(state assign.State) assign.Changes {
		cancel()
		return oneAssignment(state)
	})
	if err != nil || trace.Unreleased {
		t.Errorf("unit: %+v, %v", trace, err)
	}
	if s.holder(t) != 0 {
		t.Error("lock is held after the unit")
	}
	s.assigned(t, 1)
}

// A server that falls silent in the middle of COMMIT costs a bounded time.
func TestCommitHasADeadline(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	r := newRelay(t, s.Database.DSN)
	behind := storetest.On(t, &dbtest.Database{DSN: r.dsn, Schema: s.Database.Schema}, store.Options{})
	r.on(once(";COMMIT", func(sent []byte) ([]byte, bool, bool) { return sent, false, false }))

	done := make(chan error, 1)
	go func() {
		_, err := behind.Store.Unit(t.Context(), demo, asking(oneNeed), oneAssignment)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, assign.ErrOutcomeUnknown) {
			t.Errorf("err = %v, want ErrOutcomeUnknown", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("unit hangs on a silent server")
	}
	s.assigned(t, 0)
}

// A connection that breaks around COMMIT looks the same whether the commit
// happened or not; the answer must be right both times, and only once.
func TestBrokenCommitIsSettled(t *testing.T) {
	t.Parallel()
	for _, lockOff := range []bool{false, true} {
		for name, deliver := range map[string]bool{"before the server": false, "after the server": true} {
			t.Run(fmt.Sprintf("cut %s, lock off %v", name, lockOff), func(t *testing.T) {
				t.Parallel()
				s := newScene(t, store.Options{LockOff: lockOff})
				r := newRelay(t, s.Database.DSN)
				behind := storetest.On(t, &dbtest.Database{DSN: r.dsn, Schema: s.Database.Schema}, store.Options{LockOff: lockOff})
				for i := range int64(10) {
					r.on(once(";COMMIT", func(sent []byte) ([]byte, bool, bool) { return sent, deliver, true }))
					a, err := behind.Assign(t.Context(), assign.Request{Pool: "demo", Key: fmt.Sprint("k", i)})
					if err != nil || a.Replayed {
						t.Fatalf("assignment %d: %+v, %v", i, a, err)
					}
					r.on(once(";COMMIT", func(sent []byte) ([]byte, bool, bool) { return sent, deliver, true }))
					staffed, err := behind.Staff(t.Context(), assign.Staffing{Pool: "demo",
						Changes: []assign.PlannerChange{{ID: assign.PlannerID(fmt.Sprint("late", i))}}})
					if err != nil || staffed.Created != 1 {
						t.Fatalf("staffing %d: %+v, %v", i, staffed, err)
					}
					if got := get[int64](t, s.db, `SELECT COUNT(*) FROM assignments WHERE id = ?`, a.ID); got != 1 {
						t.Fatalf("assignment %d was answered and is not there", i)
					}
				}
				s.assigned(t, 10)
				if got, want := s.seq(t), int64(2+10+10); got != want {
					t.Errorf("seq = %d, want %d: something was written twice", got, want)
				}
			})
		}
	}
}

// What is committed is a success, although the lock could not be released; the
// connection that may still hold it is not used again.
func TestFailedReleaseIsASuccess(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	r := newRelay(t, s.Database.DSN)
	behind := storetest.On(t, &dbtest.Database{DSN: r.dsn, Schema: s.Database.Schema}, store.Options{})
	r.on(once("SELECT RELEASE_LOCK('fairlead", func(sent []byte) ([]byte, bool, bool) {
		return replaced(sent, "SELECT RELEASE_LOCK('fairlead", "SELECT RELEASE_LOCK('elsewher"), true, false
	}))
	trace, err := behind.Store.Unit(t.Context(), demo, asking(oneNeed), oneAssignment)
	if err != nil || !trace.Unreleased {
		t.Errorf("unit: %+v, %v; want a success that is not released", trace, err)
	}
	s.assigned(t, 1)
}

// A clock that jumps back, or a host whose clock is behind, changes nothing:
// a pool's time never runs backwards.
func TestTimeNeverRunsBackwards(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	ahead := time.Now().UTC().Add(time.Hour).Truncate(time.Microsecond)
	s.db.MustExec(`UPDATE pools SET last_at = ?`, ahead)
	a, err := s.Assign(t.Context(), assign.Request{Pool: "demo"})
	if err != nil || !a.AssignedAt.Equal(ahead) {
		t.Errorf("assigned at %v, want %v (%v)", a.AssignedAt, ahead, err)
	}
}

// A number that two places disagree about is set aside, reported, and does not
// stop its pool.
func TestDisputedNumberIsSetAside(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	if _, err := s.Stock(t.Context(), assign.Stocking{Pool: "demo", Numbers: []assign.Number{"0501", "0502", "0503"}}); err != nil {
		t.Fatal(err)
	}
	first, err := s.Assign(t.Context(), assign.Request{Pool: "demo"})
	if err != nil || first.Number != "0501" {
		t.Fatalf("first: %+v, %v", first, err)
	}
	s.db.MustExec(`UPDATE numbers SET state = 'free', assignment = NULL WHERE number = '0501'`)
	second, err := s.Assign(t.Context(), assign.Request{Pool: "demo", Wish: assign.NumberRequired})
	if err != nil || second.Number != "0502" {
		t.Errorf("second: %+v, %v; want number 0502", second, err)
	}
	if got := get[string](t, s.db, `SELECT state FROM numbers WHERE number = '0501'`); got != "set_aside" {
		t.Errorf("state of 0501 is %q, want set_aside", got)
	}
	if got := get[int64](t, s.db, `SELECT COUNT(*) FROM events WHERE kind = 'numbers_set_aside'`); got != 1 {
		t.Errorf("%d events report it, want 1", got)
	}
}

// The tables themselves refuse what must never be, should all else be wrong.
func TestTablesRefuseDoubles(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	if _, err := s.Assign(t.Context(), assign.Request{Pool: "demo", Key: "k", Wish: assign.NumberNone}); err != nil {
		t.Fatal(err)
	}
	s.db.MustExec(`UPDATE assignments SET number = '0501', live_number = '0501'`)
	insert := `INSERT INTO assignments SELECT pool, %s, %s, planner, planner_name, number, %s, wish, customer, %s, fingerprint, assigned_at, released_at FROM assignments LIMIT 1`
	for name, q := range map[string]string{
		"position": fmt.Sprintf(insert, "seq", "'2'", "NULL", "'2'"),
		"id":       fmt.Sprintf(insert, "seq + 1", "id", "NULL", "'2'"),
		"key":      fmt.Sprintf(insert, "seq + 1", "'2'", "NULL", "idem_key"),
		"number":   fmt.Sprintf(insert, "seq + 1", "'2'", "live_number", "'2'"),
	} {
		if _, err := s.db.Exec(q); err == nil {
			t.Errorf("a second row with the same %s was taken", name)
		}
	}
}

// Every session has small timeouts, strict mode and UTC, whatever the server's
// defaults are.
func TestSessionsAreSetUp(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.Options{})
	for name, db := range s.Store.DBs() {
		for variable, want := range map[string]string{
			"wait_timeout": "20", "net_write_timeout": "20", "innodb_lock_wait_timeout": "3", "lock_wait_timeout": "5", "time_zone": "+00:00",
		} {
			var got string
			if err := db.QueryRowContext(t.Context(), "SELECT @@"+variable).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s = %q, want %q (%v)", name, variable, got, want, err)
			}
		}
		var n int64
		if err := db.QueryRowContext(t.Context(), "SELECT @@sql_mode LIKE '%STRICT_TRANS_TABLES%'").Scan(&n); err != nil || n != 1 {
			t.Errorf("%s: not strict (%v)", name, err)
		}
	}
}

// A database that is not there is unavailable, at once.
func TestNoDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	s, err := store.Open("root@tcp("+addr+")/fairlead", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = storetest.Combine(t, s).Assign(t.Context(), assign.Request{Pool: "demo"})
	if !errors.Is(err, assign.ErrUnavailable) {
		t.Errorf("err = %v, want ErrUnavailable", err)
	}
}
