package wire

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
)

// A state is what others see of a unit that is under way.
type state struct {
	Locked      bool // the named lock
	Row, Others bool // rows that are locked: the pool's, and the planner's
	Seq         int  // of the pool, committed or not
	Written     int  // assignments, committed or not
	Committed   int  // assignments
}

// stateAt is where a unit of a pool stands at each step, the lock apart.
var stateAt = map[Step]state{
	BeforeLock:        {},
	BeforeBegin:       {},
	BeforeFence:       {},
	BehindFence:       {Row: true},
	EndOfRead:         {Row: true, Others: true},
	BeforeWrite:       {Row: true, Others: true},
	BeforeAssignments: {Row: true, Others: true, Seq: 1},
	BeforeCommit:      {Row: true, Others: true, Seq: 1, Written: 1},
	BehindCommit:      {Seq: 1, Written: 1, Committed: 1},
}

func (s *scene) look(t *testing.T, pool string) state {
	t.Helper()
	got := state{Locked: !get[bool](t, s, `SELECT IS_FREE_LOCK(?)`, s.lock(pool)), Committed: s.assigned(t, pool)}
	tx, err := s.admin.BeginTxx(t.Context(), &sql.TxOptions{Isolation: sql.LevelReadUncommitted})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	rows := `SELECT (SELECT COUNT(*) FROM %s WHERE pool = ?) - COUNT(*) FROM (SELECT pool FROM %[1]s WHERE pool = ? FOR UPDATE SKIP LOCKED) free`
	for _, q := range []struct {
		dest  any
		query string
		args  []any
	}{
		{&got.Row, fmt.Sprintf(rows, "pools"), []any{pool, pool}},
		{&got.Others, fmt.Sprintf(rows, "planners"), []any{pool, pool}},
		{&got.Seq, `SELECT seq FROM pools WHERE pool = ?`, []any{pool}},
		{&got.Written, `SELECT COUNT(*) FROM assignments WHERE pool = ?`, []any{pool}},
	} {
		if err := tx.GetContext(t.Context(), q.dest, q.query, q.args...); err != nil {
			t.Fatalf("%s: %v", q.query, err)
		}
	}
	return got
}

// sprung waits for a trap.
func sprung(t *testing.T, a *Armed) Sprung {
	t.Helper()
	select {
	case s := <-a.Sprung():
		return s
	case <-time.After(20 * time.Second):
		t.Fatalf("%+v did not spring", a.Trap)
		return Sprung{}
	}
}

// inBackground is a unit that goes on while the test looks.
func (s *scene) inBackground(t *testing.T, pool string, locking bool) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := s.work(t.Context(), pool, locking)
		ended <- err
	}()
	return ended
}

// undo undoes what units have done.
func (s *scene) undo() {
	s.admin.MustExec(`DELETE FROM assignments`)
	s.admin.MustExec(`UPDATE pools SET seq = 0`)
}

// eachStep runs a test at each step that there is, with the lock and without.
func eachStep(t *testing.T, test func(t *testing.T, step Step, locking bool)) {
	for _, locking := range []bool{true, false} {
		for _, step := range Steps {
			if locking || step.WithoutLock() {
				t.Run(fmt.Sprintf("%v/lock %v", step, locking), func(t *testing.T) { test(t, step, locking) })
			}
		}
	}
}

// At each step a unit is held where it says, is found there, and can be killed.
func heldUnitIsFoundAndKilled(t *testing.T, s *scene) {
	eachStep(t, func(t *testing.T, step Step, locking bool) {
		s.undo()
		trap := s.Arm(Trap{Pool: "demo", Step: step, Do: Hold, For: time.Minute})
		s.mustWork(t, "other", locking) // not of this pool
		ended := s.inBackground(t, "demo", locking)
		id, err := sprung(t, trap).Session(t.Context(), s.admin)
		if err != nil {
			t.Fatal(err)
		}

		want := stateAt[step]
		want.Locked = locking && step != BeforeLock
		if diff := cmp.Diff(want, s.look(t, "demo")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}

		s.admin.MustExec(fmt.Sprintf(`KILL CONNECTION %d`, id))
		if err := <-ended; err == nil {
			t.Error("the unit did not notice that its session was killed")
		}
		await(t, "nothing is held any more", func() bool {
			got := s.look(t, "demo")
			return !got.Locked && !got.Row && !got.Others
		})
		if got := s.assigned(t, "demo"); got != want.Committed {
			t.Errorf("%d assignments, want %d", got, want.Committed)
		}
		s.mustWork(t, "demo", locking)
	})
}

// A hold that ends, by itself or because somebody ends it, changes nothing but
// the time.
func holdChangesNothing(t *testing.T, s *scene) {
	const short = 20 * time.Millisecond
	eachStep(t, func(t *testing.T, step Step, locking bool) {
		s.undo()
		for i, d := range []time.Duration{short, time.Minute} {
			trap := s.Arm(Trap{Step: step, Do: Hold, For: d})
			began := time.Now()
			ended := s.inBackground(t, "demo", locking)
			where := sprung(t, trap)
			if where.Step != step || where.Pool != "demo" {
				t.Errorf("sprung at %+v", where)
			}
			if d > short {
				id, err := where.Session(t.Context(), s.admin)
				if err != nil {
					t.Fatal(err)
				}
				s.admin.MustExec(fmt.Sprintf(`KILL QUERY %d`, id))
			}
			if err := <-ended; err != nil || time.Since(began) < short && d == short {
				t.Errorf("held for %v: %v after %v", d, err, time.Since(began))
			}
			s.mustWork(t, "demo", locking) // on the same connection
			if got := s.assigned(t, "demo"); got != 2*(i+1) {
				t.Errorf("held for %v: %d assignments", d, got)
			}
		}
		if got := s.sessions(t); got != 1 {
			t.Errorf("%d sessions: connections were lost", got)
		}
	})
}

// A failed packet has done what stands before the step, and its session lives
// on in the middle of the unit.
func failedPacketStopsThere(t *testing.T, s *scene) {
	eachStep(t, func(t *testing.T, step Step, locking bool) {
		s.undo()
		s.Arm(Trap{Step: step, Do: Fail, With: 1205})
		conn, err := s.client.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		defer conn.Raw(func(any) error { return driver.ErrBadConn }) // with the lock and the rows it holds
		seq, err := s.read(t.Context(), conn, "demo", locking)
		if err == nil {
			err = s.write(t.Context(), conn, "demo", seq, locking)
		}
		var said *mysql.MySQLError
		if !errors.As(err, &said) || said.Number != 1205 {
			t.Fatalf("the client is told %v", err)
		}
		want := stateAt[step]
		want.Locked = locking && step != BeforeLock
		if diff := cmp.Diff(want, s.look(t, "demo")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if err := conn.PingContext(t.Context()); err != nil {
			t.Errorf("the connection is gone: %v", err)
		}
	})
}

// What each action leaves of a unit whose packet it meets.
func cuts(t *testing.T, s *scene) {
	for _, tt := range []struct {
		step Step
		do   Action
		want int // assignments
	}{
		{BeforeLock, DropAndCut, 0},
		{BeforeLock, DeliverAndCut, 0},
		{BeforeLock, Truncate, 0},
		{BeforeCommit, DropAndCut, 0},
		{BeforeCommit, DeliverAndCut, 1},
		{BeforeCommit, Truncate, 0},
	} {
		t.Run(fmt.Sprintf("%v/%v", tt.step, tt.do), func(t *testing.T) {
			before := s.assigned(t, "demo")
			trap := s.Arm(Trap{Pool: "demo", Step: tt.step, Do: tt.do})
			_, err := s.work(t.Context(), "demo", true)
			if err == nil {
				t.Error("the client has noticed nothing")
			}
			if trap.Disarm() {
				t.Error("the trap has not sprung")
			}
			await(t, "the session ends", func() bool { return s.sessions(t) == 0 })
			if got := s.assigned(t, "demo") - before; got != tt.want {
				t.Errorf("%d assignments, want %d; the client: %v", got, tt.want, err)
			}
			s.mustWork(t, "demo", true)
		})
	}
}

// The client of a delivered packet is free at once, whatever the server still
// has to do, and the server does it.
func deliveredPacketIsFinished(t *testing.T, s *scene) {
	blocker, err := s.admin.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Rollback()
	conn, err := s.client.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if seq, err := s.read(t.Context(), conn, "demo", true); err != nil || seq != 0 {
		t.Fatalf("seq %d, %v", seq, err)
	}
	// The packet's insert will wait for this one.
	blocker.MustExec(`INSERT INTO assignments VALUES ('demo', 1, 'in the way')`)
	s.Arm(Trap{Step: BeforeWrite, Do: DeliverAndCut})
	if err := s.write(t.Context(), conn, "demo", 0, true); err == nil {
		t.Error("the client has noticed nothing")
	}
	if got := s.look(t, "demo"); !got.Locked || !got.Row || got.Committed != 0 {
		t.Errorf("the server is done already: %+v", got)
	}
	if err := blocker.Rollback(); err != nil {
		t.Fatal(err)
	}
	await(t, "the packet is committed", func() bool { return s.assigned(t, "demo") == 1 })
	await(t, "the session ends", func() bool { return s.sessions(t) == 0 })
}

// The server can talk on to nobody, for as long as it has something to say.
func TestDeliveredPacketIsAnsweredToNobody(t *testing.T) {
	t.Parallel()
	client, server, w := raw(t)
	w.Arm(Trap{Step: BeforeCommit, Do: DeliverAndCut})
	said := append(greeting(0), queryOf(writeSQL)...)
	if _, err := client.Write(said); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(said)+len(goodbye))
	if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, append(said, goodbye...)) {
		t.Errorf("the server got %q, %v", got, err)
	}
	if n, err := client.Read(make([]byte, 1)); n > 0 || err == nil || err == io.EOF {
		t.Errorf("the client got %d bytes, %v", n, err)
	}
	if n, err := server.Write(make([]byte, 16<<20)); err != nil { // more than fits in between
		t.Errorf("the server could say %d bytes: %v", n, err)
	}
	server.Close()
	await(t, "the connection is forgotten", func() bool { return len(w.open()) == 0 })
}

// Packets of many chunks are held and cut like others.
func trapsMeetLongPackets(t *testing.T, s *scene) {
	long := randomText(3 << 20)
	for i, do := range []Action{Hold, DeliverAndCut, Truncate} {
		trap := Trap{Pool: "demo", Step: BeforeCommit, Do: do}
		if do == Hold {
			trap.For = time.Millisecond
		}
		armed := s.Arm(trap)
		_, err := s.client.ExecContext(t.Context(), `UPDATE pools SET seq = seq WHERE pool = ?;INSERT INTO assignments (pool, seq, customer) VALUES (?,?,?);COMMIT`,
			"demo", "demo", i, long)
		sprung(t, armed)
		if (err == nil) != (do == Hold) {
			t.Errorf("%v: %v", do, err)
		}
		if do != Truncate {
			await(t, fmt.Sprint("the packet is committed: ", do), func() bool { return s.assigned(t, "demo") == i+1 })
			if got := get[string](t, s, `SELECT customer FROM assignments WHERE seq = ?`, i); got != long {
				t.Errorf("%v: %d bytes have changed under way to %d", do, len(long), len(got))
			}
		}
	}
	await(t, "the truncated packet's session ends", func() bool { return s.sessions(t) == 0 })
	if got := s.assigned(t, "demo"); got != 2 {
		t.Errorf("%d assignments, want 2", got)
	}
}

// The wait for a session that is not there ends with its context.
func sessionIsGivenUp(t *testing.T, s *scene) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if id, err := (Sprung{mark: "held:nowhere"}).Session(ctx, s.admin); err == nil {
		t.Errorf("found %d", id)
	}
}
