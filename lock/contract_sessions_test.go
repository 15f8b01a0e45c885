package lock_test

import (
	"context"
	"fmt"
	"testing"
)

// TestContractSession asks what a session can do without losing its lock.
func TestContractSession(t *testing.T) {
	t.Parallel()
	const outlives = "that a lock lives as long as its session: a unit takes it first, then begins, writes and commits, and releases it last"
	var cells []cell
	for _, c := range []struct {
		name string
		does func(s *scene) []string
	}{
		{"COMMIT", func(s *scene) []string {
			return []string{`START TRANSACTION`, `UPDATE ` + s.table() + ` SET v = 1`, `COMMIT`}
		}},
		{"ROLLBACK", func(s *scene) []string {
			return []string{`START TRANSACTION`, `UPDATE ` + s.table() + ` SET v = 1`, `ROLLBACK`}
		}},
		{"taken in a transaction", func(s *scene) []string { return []string{`ROLLBACK`} }},
		{"START TRANSACTION twice", func(*scene) []string { return []string{`START TRANSACTION`, `START TRANSACTION`, `COMMIT`} }},
		{"SAVEPOINT", func(*scene) []string {
			return []string{`START TRANSACTION`, `SAVEPOINT x`, `ROLLBACK TO SAVEPOINT x`, `COMMIT`}
		}},
		{"LOCK TABLES", func(s *scene) []string { return []string{`LOCK TABLES ` + s.table() + ` WRITE`} }},
		{"UNLOCK TABLES", func(s *scene) []string { return []string{`LOCK TABLES ` + s.table() + ` WRITE`, `UNLOCK TABLES`} }},
		{"autocommit off", func(s *scene) []string { return []string{`SET autocommit = 0`, `DELETE FROM ` + s.table()} }},
		{"autocommit off and on", func(s *scene) []string {
			return []string{`SET autocommit = 0`, `DELETE FROM ` + s.table(), `SET autocommit = 1`}
		}},
		{"USE", func(*scene) []string { return []string{`USE information_schema`} }},
		{"temporary table", func(*scene) []string { return []string{`CREATE TEMPORARY TABLE x (n INT)`, `DROP TEMPORARY TABLE x`} }},
		{"DDL", func(s *scene) []string { return []string{`ALTER TABLE ` + s.table() + ` ADD COLUMN w INT`} }},
	} {
		cells = append(cells, cell{c.name, answers{"first", "first", ""}, func(s *scene) string {
			does := c.does(s)
			a := s.session()
			if c.name == "taken in a transaction" {
				a.must(`START TRANSACTION`)
			}
			a.take()
			a.must(does...)
			return s.holder(a)
		}, outlives})
	}
	checkCells(t, cells)
}

func TestContractSessionEnds(t *testing.T) {
	t.Parallel()
	const reset = "that whatever resets a connection frees its locks and undoes its transaction; that the driver's own reset does not, which is why unclean sessions are thrown away"
	checkCells(t, []cell{
		{"a failed statement keeps the lock", both("first"), func(s *scene) string {
			a := s.session()
			a.take()
			a.do(`SELECT * FROM not_there`)
			return s.holder(a)
		}, "that a unit that failed must release its lock or end its session"},
		{"reset", both("free"), func(s *scene) string {
			a := s.session(new(lead).under)
			a.take()
			a.must(resetConnection)
			return s.holder(a)
		}, reset},
		{"reset rolls back", both("0"), func(s *scene) string {
			table := s.table()
			a := s.session(new(lead).under)
			a.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1`, resetConnection, `COMMIT`)
			return s.look(`SELECT SUM(v) FROM ` + table)
		}, reset},
		{"reset keeps the session", both("true"), func(s *scene) string {
			a := s.session(new(lead).under)
			a.must(resetConnection)
			return fmt.Sprint(a.ask(`SELECT CONNECTION_ID()`) == fmt.Sprint(a.id))
		}, reset},
		{"the pool of connections does not reset", everywhere("held"), func(s *scene) string {
			db := s.connect()
			db.SetMaxOpenConns(1)
			conn, err := db.Connx(s.t.Context())
			if err != nil {
				return failed(err)
			}
			first(conn.QueryRowContext(s.t.Context(), `SELECT GET_LOCK(?, 0)`, s.lock))
			conn.Close()
			first(db.QueryRowContext(s.t.Context(), `SELECT 1`)) // its next user
			return s.heldOrFree()
		}, reset},
		{"release with a cancelled context leaks", everywhere("cancelled, held"), func(s *scene) string {
			db := s.connect()
			conn, err := db.Connx(s.t.Context())
			if err != nil {
				return failed(err)
			}
			first(conn.QueryRowContext(s.t.Context(), `SELECT GET_LOCK(?, 0)`, s.lock))
			ctx, cancel := context.WithCancel(s.t.Context())
			cancel()
			got := first(conn.QueryRowContext(ctx, `SELECT RELEASE_LOCK(?)`, s.lock))
			conn.Close()
			return got + ", " + s.heldOrFree()
		}, "why With releases on a context of its own, and Close disconnects what is not clean"},
	})
}

func (s *scene) heldOrFree() string {
	if s.holder() == "free" {
		return "free"
	}
	return "held"
}
