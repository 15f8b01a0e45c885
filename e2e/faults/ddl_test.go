package faults

import (
	"testing"
	"time"

	"fairlead/internal/dbtest"
)

// Whatever an administrator does to the tables, callers are answered or
// refused, and when it is done all goes on.
func TestTablesAreChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.Place{})
	a, b := s.start(t), s.start(t)
	s.fill(t, a, pool, "pool-1")
	l := s.load(t, demand{callers: 8, pause: 2 * time.Millisecond, pools: []string{pool, "pool-1"}}, a, b)
	l.awaitMore(t, 100)
	for _, test := range []struct {
		name       string
		statements []string
	}{
		{"index on assignments", []string{
			`ALTER TABLE assignments ADD INDEX stranger (customer)`,
			`ALTER TABLE assignments DROP INDEX stranger`,
		}},
		{"column of assignments", []string{
			`ALTER TABLE assignments ADD COLUMN stranger INT NOT NULL DEFAULT 0, ALGORITHM = COPY`,
			`ALTER TABLE assignments DROP COLUMN stranger, ALGORITHM = COPY`,
		}},
		{"index on planners", []string{
			`ALTER TABLE planners ADD INDEX stranger (name)`,
			`ALTER TABLE planners DROP INDEX stranger`,
		}},
		{"column of planners", []string{
			`ALTER TABLE planners ADD COLUMN stranger INT NOT NULL DEFAULT 0 FIRST`,
			`ALTER TABLE planners DROP COLUMN stranger`,
		}},
		{"tables are flushed", []string{`FLUSH TABLES`, `FLUSH TABLES pools, planners`}},
		{"assignments are kept", []string{`LOCK TABLES assignments WRITE`, `DO SLEEP(2)`, `UNLOCK TABLES`}},
		{"pools are kept", []string{`LOCK TABLES pools WRITE, planners READ`, `DO SLEEP(2)`, `UNLOCK TABLES`}},
		{"all is kept", []string{`FLUSH TABLES WITH READ LOCK`, `DO SLEEP(2)`, `UNLOCK TABLES`}},
		{"assignments are kept for longer than anybody waits", []string{`LOCK TABLES assignments WRITE`, `DO SLEEP(12)`, `UNLOCK TABLES`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := s.stranger(t)
			defer k.leave()
			began := time.Now()
			for _, statement := range test.statements {
				k.exec(statement)
			}
			t.Logf("it took %v; calls not answered with an assignment so far: %v", time.Since(began).Round(time.Millisecond), s.refusals())
			l.awaitMore(t, 50)
		})
	}
	t.Run("change waits behind a long transaction", func(t *testing.T) {
		s.changeBehindTransaction(t)
		l.awaitMore(t, 50)
	})
	l.end()
	t.Logf("errors of the server: %v", serverErrors(a, b))
	s.check(t, a, pool, "pool-1")
}

// changeBehindTransaction lets an ALTER wait for a transaction that only reads.
// Everything that comes later waits behind the ALTER.
func (s *site) changeBehindTransaction(t *testing.T) {
	t.Helper()
	reader := s.stranger(t)
	reader.exec(`START TRANSACTION`)
	reader.exec(`DO (SELECT COUNT(*) FROM assignments)`)
	changer := s.stranger(t)
	changer.exec(`SET lock_wait_timeout = 4`)
	began := time.Now()
	if _, err := changer.ExecContext(t.Context(), `ALTER TABLE assignments ADD INDEX stranger (customer)`); err == nil {
		t.Error("the table was changed under a reader")
	}
	t.Logf("everybody waited for %v; calls not answered with an assignment so far: %v", time.Since(began).Round(time.Millisecond), s.refusals())
	changer.leave()
	reader.leave()
}
