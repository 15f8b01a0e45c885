package lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A span is an answer and how long it takes to come. The zero value is not
// known.
type span struct {
	answer string
	takes  time.Duration
}

const (
	// early allows for two clocks that do not tick alike.
	early = 20 * time.Millisecond

	// late is less than lies between any two of the times asked for here. A
	// busy machine can be later than that: it is given some tries.
	late  = 350 * time.Millisecond
	tries = 6
)

// A spanCell is a cell whose answer takes time.
type spanCell struct {
	name                 string
	mariadb, mysql, tidb span
	ask                  func(*scene) string
	lost                 string
}

// inTime asks until the answer comes in time; it must never come too early,
// nor be another.
func inTime(c spanCell) cell {
	want := answers{c.mariadb.answer, c.mysql.answer, c.tidb.answer}
	return cell{c.name, want, func(s *scene) string {
		want := choose(s, c.mariadb, c.mysql, c.tidb)
		var got string
		var took time.Duration
		for range tries {
			began := time.Now()
			got = c.ask(s)
			took = time.Since(began)
			if took < want.takes+late || got != want.answer {
				break
			}
		}
		if want.answer != "" && (took < want.takes-early || took >= want.takes+late) {
			s.t.Errorf("the answer of %s %s took %v, want %v.\nWhat rests on it: %s", s.engine, s.version, took, want.takes, c.lost)
		}
		return got
	}, c.lost}
}

// TestContractTimeouts asks how long GET_LOCK waits for a lock that another
// session holds. Fairlead gives whole seconds from 1 to 30, and 0.
func TestContractTimeouts(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	at := func(answer string, d time.Duration) span { return span{answer, d} }
	const whole = "that whole seconds mean the same everywhere, and why Seconds rounds up: 0.4 s would be no wait at all on MySQL"
	const digits = "that waits are given as numbers"
	var cells []cell
	for _, c := range []struct {
		timeout              string
		mariadb, mysql, tidb span
		lost                 string
	}{
		{`0`, at("0", 0), at("0", 0), at("0", time.Second), "that a wait of 0 only tries: the self-test and With without patience"},
		{`1`, at("0", time.Second), at("0", time.Second), at("0", time.Second), "that callers wait as long as they said, and units are not started behind their deadline"},
		{`0.4`, at("0", 400*ms), at("0", 0), span{}, whole},
		{`0.5`, at("0", 500*ms), at("0", time.Second), at("0", time.Second), whole},
		{`0.6`, at("0", 600*ms), at("0", time.Second), at("0", time.Second), whole},
		{`1.4`, at("0", 1400*ms), at("0", time.Second), span{}, whole},
		{`1.5`, at("0", 1500*ms), at("0", 2*time.Second), span{}, whole},
		{`'1'`, at("0", time.Second), at("0", time.Second), span{}, digits},
		{`'0.7'`, at("0", 700*ms), at("0", 0), span{}, digits},
		{`'abc'`, at("0", 0), at("0", 0), span{}, digits},
		{`NULL`, at("NULL", 0), at("0", 0), at("0", time.Second), "that Fairlead never asks with NULL"},
		{`-0.4`, at("0", 0), at("0", 0), span{}, whole},
	} {
		cells = append(cells, inTime(spanCell{c.timeout, c.mariadb, c.mysql, c.tidb, func(s *scene) string {
			return s.held().ask(`SELECT GET_LOCK(?, `+c.timeout+`)`, s.lock)
		}, c.lost}))
	}
	checkCells(t, cells)
}

// held returns a session that does not hold the scene's lock, of which
// another takes care.
func (s *scene) held() *actor {
	s.t.Helper()
	if s.holder() == "free" {
		s.session().take()
	}
	return s.session()
}

// TestContractOddWaits asks of waits that are more than a number of seconds.
func TestContractOddWaits(t *testing.T) {
	t.Parallel()
	prepared := func(cfg *mysql.Config) { cfg.InterpolateParams = false }
	cells := []cell{
		inTime(spanCell{"a string in a prepared statement", span{"0", 700 * time.Millisecond}, span{"0", time.Second}, span{}, func(s *scene) string {
			s.held()
			return s.session(prepared).ask(`SELECT GET_LOCK(?, ?)`, s.lock, "0.7")
		}, "that waits are given as numbers"}),
		inTime(spanCell{"a number in a prepared statement", span{"0", time.Second}, span{"0", time.Second}, span{"0", time.Second}, func(s *scene) string {
			s.held()
			return s.session(prepared).ask(`SELECT GET_LOCK(?, ?)`, s.lock, 1)
		}, "that text and prepared statements mean the same by whole seconds"}),
		inTime(spanCell{"lock_wait_timeout is about other locks", span{"0", 2 * time.Second}, span{"0", 2 * time.Second}, span{}, func(s *scene) string {
			b := s.held()
			b.must(`SET lock_wait_timeout = 1`)
			return b.get(s.lock, 2)
		}, "that the small lock_wait_timeout of our sessions does not cut their waits for a pool short"}),
		inTime(spanCell{"a limit on statements ends a wait", span{"NULL", time.Second}, span{"error 3024", time.Second}, span{}, func(s *scene) string {
			b := s.held()
			b.must(choose(s, `SET max_statement_time = 1`, `SET max_execution_time = 1000`, `SET max_execution_time = 1000`))
			return b.get(s.lock, 20)
		}, "that a DBA's limit on statements is ErrKilled, and on MariaDB comes as NULL without an error"}),
		{"NULL on a free lock", answers{mariadb: "NULL", mysql: "1"}, func(s *scene) string {
			return s.session().ask(`SELECT GET_LOCK(?, NULL)`, s.lock)
		}, "that Fairlead never asks with NULL: a lock that is free is not had on MariaDB"},
		{"NULL takes a free lock", answers{mariadb: "free", mysql: "first"}, func(s *scene) string {
			a := s.session()
			a.ask(`SELECT GET_LOCK(?, NULL)`, s.lock)
			return s.holder(a)
		}, "that only 1 means taken"},
		{"-1 on a free lock", answers{mariadb: "NULL", mysql: "1"}, func(s *scene) string {
			return s.session().ask(`SELECT GET_LOCK(?, -1)`, s.lock)
		}, "that Seconds gives nothing below 0"},
		{"-1 on a held lock", answers{mariadb: "NULL", mysql: "waits"}, func(s *scene) string {
			b := s.held()
			p := b.start(forLock, `SELECT GET_LOCK(?, -1)`, s.lock)
			if !p.open() {
				return p.result()
			}
			s.kill("CONNECTION", b)
			p.result()
			return "waits"
		}, "that Seconds gives nothing below 0: a unit would wait for ever"},
		{"the driver's readTimeout is a limit on waits", both("connection lost"), func(s *scene) string {
			s.held()
			b := s.session(func(cfg *mysql.Config) { cfg.ReadTimeout = 300 * time.Millisecond })
			return b.get(s.lock, 20)
		}, "why a readTimeout below the longest wait is refused at start"},
	}
	checkCells(t, cells)
}

// A deadline of the caller's ends the call, not the wait: the connection is
// given up, and the server finds out by itself (see TestContractClients).
func TestContractCancelled(t *testing.T) {
	t.Parallel()
	checkCells(t, []cell{
		inTime(spanCell{"a wait whose caller gives up", span{"context deadline exceeded", 300 * time.Millisecond},
			span{"context deadline exceeded", 300 * time.Millisecond}, span{"context deadline exceeded", 300 * time.Millisecond}, func(s *scene) string {
				b := s.held()
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				return first(b.conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, 20)`, s.lock))
			}, "that a caller is answered at its deadline, whatever the server does"}),
		{"a connection given up is not used again", everywhere("connection lost"), func(s *scene) string {
			b := s.held()
			ctx, cancel := context.WithTimeout(s.t.Context(), 100*time.Millisecond)
			defer cancel()
			first(b.conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, 20)`, s.lock))
			return b.ask(`SELECT 1`)
		}, "that after a cancelled wait no statement of the unit can run"},
	})
}
