package lock_test

import (
	"fmt"
	"testing"
	"time"
)

// crossed has n sessions hold a lock each and ask for the next one's, the last
// for the first one's, which closes the circle. The last does something in a
// transaction before. It returns what the last has for an answer, and itself.
func (s *scene) crossed(n int, does ...string) (got string, last *actor) {
	s.t.Helper()
	ring := make([]*actor, n)
	for i := range ring {
		ring[i] = s.session()
		ring[i].take(fmt.Sprint(i))
	}
	last = ring[n-1]
	last.must(`START TRANSACTION`)
	last.must(does...)
	for i, a := range ring[:n-1] {
		a.queue(fmt.Sprint(i + 1))
	}
	return last.get(s.lock+"0", 5), last
}

// TestContractDeadlock asks what becomes of sessions that wait for each other.
func TestContractDeadlock(t *testing.T) {
	t.Parallel()
	const typed = "that such a deadlock is ErrDeadlock, at once, and not a wait that runs out"
	const open = "that after ErrDeadlock a session still has its locks and its transaction, and must be closed, not only released"
	checkCells(t, []cell{
		{"of two locks", answers{"error 1213", "error 3058", "0"}, func(s *scene) string {
			got, _ := s.crossed(2)
			return got
		}, typed},
		{"of three locks", answers{"error 1213", "error 3058", "0"}, func(s *scene) string {
			got, _ := s.crossed(3)
			return got
		}, typed},
		{"the victim keeps its other lock", both("0"), func(s *scene) string {
			s.crossed(2)
			return s.session().get(s.lock+"1", 0)
		}, open},
		{"the victim's transaction goes on", both("2"), func(s *scene) string {
			table := s.table()
			_, last := s.crossed(2, `UPDATE `+table+` SET v = 1`)
			last.must(`COMMIT`)
			return s.look(`SELECT SUM(v) FROM ` + table)
		}, open},
		{"the victim's transaction can be undone", both("0"), func(s *scene) string {
			table := s.table()
			_, last := s.crossed(2, `UPDATE `+table+` SET v = 1`)
			last.must(`ROLLBACK`)
			return s.look(`SELECT SUM(v) FROM ` + table)
		}, open},
		{"the others get what the victim gives back", both("1"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take("0")
			b.take("1")
			p := a.queue("1")
			b.get(s.lock+"0", 5)
			b.do(`DO RELEASE_ALL_LOCKS()`)
			return p.result()
		}, open},
	})
}

// TestContractMixedDeadlock asks about circles of a named lock and a lock of
// another kind.
func TestContractMixedDeadlock(t *testing.T) {
	t.Parallel()
	const unseen = "why a unit takes its lock before its rows, and waits for rows for a short time only: nobody ends such a circle but the time-out"
	rowCircle := func(s *scene) (owner *actor, waiter *pending, got string) {
		table := s.table()
		owner, other := s.session(), s.session()
		other.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1 WHERE id = 1`)
		owner.take()
		owner.must(`SET innodb_lock_wait_timeout = 2`, `START TRANSACTION`, `UPDATE `+table+` SET v = 1 WHERE id = 2`)
		waiter = other.queue()
		return owner, waiter, owner.do(`UPDATE ` + table + ` SET v = 2 WHERE id = 1`)
	}
	checkCells(t, []cell{
		{"with a row, until the row's time-out", both("error 1205 after its time"), func(s *scene) string {
			began := time.Now()
			_, waiter, got := rowCircle(s)
			if took := time.Since(began); took < 1500*time.Millisecond {
				return fmt.Sprintf("%s after %v", got, took)
			}
			if !waiter.open() {
				return "the other one has " + waiter.result()
			}
			return got + " after its time"
		}, unseen},
		{"with a row, whose waiter's transaction stays open", both("1"), func(s *scene) string {
			owner, _, _ := rowCircle(s)
			return owner.ask(`SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = CONNECTION_ID()`)
		}, "that after 1205 a session is thrown away: its transaction is still open"},
		{"with DDL", answers{mariadb: "the lock's waiter waits on, DDL: error 1213", mysql: "the lock's waiter: error 3058, DDL waits on"}, func(s *scene) string {
			table := s.table()
			owner, reader := s.session(), s.session()
			reader.must(`START TRANSACTION`)
			reader.ask(`SELECT SUM(v) FROM ` + table)
			owner.take()
			waiter := reader.queue()
			ddl := owner.start(forTable, `ALTER TABLE `+table+` ADD COLUMN w INT`)
			s.until("one of them is the victim", func() bool { return !waiter.open() || !ddl.open() })
			if ddl.open() {
				return "the lock's waiter: " + waiter.result() + ", DDL waits on"
			}
			got := ddl.result()
			if !waiter.open() {
				return "both end"
			}
			return "the lock's waiter waits on, DDL: " + got
		}, "that DDL under a pool's lock is ended, or ends a wait that is then tried again: see docs on migrations"},
	})
}
