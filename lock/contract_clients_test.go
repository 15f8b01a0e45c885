package lock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"fairlead/lock"
)

// TestContractClients asks how soon a server notices that a client is gone,
// and what becomes of its lock or its place in the queue until then.
func TestContractClients(t *testing.T) {
	t.Parallel()
	checkCells(t, []cell{
		{"a waiter that gave up leaves the queue before its wait is over", answers{"yes", "yes", ""}, func(s *scene) string {
			s.session().take()
			b := s.session()
			ctx, cancel := context.WithCancel(s.t.Context())
			defer cancel()
			answer := make(chan string, 1)
			go func() { answer <- first(b.conn.QueryRowContext(ctx, lock.GetSQL, s.lock, 50)) }()
			s.until("the session waits", func() bool { return b.waits(forLock) })
			cancel()
			if got := <-answer; got != "cancelled" {
				return "the client has " + got
			}
			return sooner(b.gone(), 20*time.Second)
		}, "that the queue of a pool is not full of callers who left: the server looks after a waiter's client every second"},

		{"a holder that hangs up", both("1 in time"), func(s *scene) string {
			return s.quickest(time.Second, func() (string, time.Duration) {
				line := new(lead)
				a, b := s.session(line.under), s.session()
				a.take()
				a.must(`START TRANSACTION`)
				p := b.queue()
				began := time.Now()
				line.cut()
				got := p.result()
				took := time.Since(began)
				b.release()
				return got, took
			})
		}, "that the pools of an instance that died go on at once"},

		inTime(spanCell{"a holder that hangs up while it waits for a row", span{"1", 2 * time.Second}, span{"1", 2 * time.Second}, span{}, func(s *scene) string {
			table, line := s.table(), new(lead)
			a, b, row := s.session(line.under), s.session(), s.session()
			row.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1`)
			a.take()
			a.must(`SET innodb_lock_wait_timeout = 2`)
			defer func() { row.must(`ROLLBACK`); b.release() }()
			a.wait(forRow, `SELECT v FROM `+table+` WHERE id = 1 FOR UPDATE`)
			p := b.queue()
			line.cut()
			return p.result()
		}, "why our sessions wait for rows for 3 seconds at most: a dead holder keeps its pool until then"}),

		{"a holder that hangs up in SLEEP", answers{"1 sooner than 20s", "1 sooner than 20s", ""}, func(s *scene) string {
			line := new(lead)
			a, b := s.session(line.under), s.session()
			a.take()
			a.wait(asleep, `SELECT SLEEP(50)`)
			p := b.queue()
			began := time.Now()
			line.cut()
			got := p.result()
			if time.Since(began) >= 20*time.Second {
				return got + " late"
			}
			return got + " sooner than 20s"
		}, "that the server looks after the client of a statement that sleeps"},

		silentHolder("a silent holder", func(*actor, string) {}),
		silentHolder("a silent holder in a transaction", func(a *actor, table string) {
			a.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1`)
		}),

		inTime(spanCell{"a silent waiter is given the lock, and keeps it", span{"it had it", 2 * time.Second}, span{"it had it", 2 * time.Second}, span{}, func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			b.must(`SET wait_timeout = 2`)
			b.queue()
			a.release()
			s.until("the lock is passed on", func() bool { return s.holder(b) == "first" })
			s.until("the silent one loses it", func() bool { return s.holder() == "free" })
			return "it had it"
		}, "that wait_timeout, 20 seconds on our sessions, bounds for how long a client that was cut off without a word keeps a pool"}),
	})
}

// sooner is "yes" if that is less than a limit.
func sooner(took, limit time.Duration) string {
	if took < limit {
		return "yes"
	}
	return fmt.Sprintf("after %v", took)
}

// silentHolder is about a session whose client says no more, and does not hang
// up either.
func silentHolder(name string, before func(a *actor, table string)) cell {
	return inTime(spanCell{name, span{"1", 2 * time.Second}, span{"1", 2 * time.Second}, span{}, func(s *scene) string {
		a, b := s.session(), s.session()
		a.take()
		before(a, s.table())
		p := b.wait(forLock, lock.GetSQL, s.lock, 50)
		a.must(`SET wait_timeout = 2`) // from now on it says nothing
		got := p.result()
		b.release()
		return got
	}, "that wait_timeout, 20 seconds on our sessions, bounds for how long a holder that was cut off without a word keeps its pool"})
}
