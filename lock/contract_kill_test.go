package lock_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"fairlead/lock"
)

// TestContractKillQuery asks what KILL QUERY does to who waits and who holds.
func TestContractKillQuery(t *testing.T) {
	t.Parallel()
	const waiter = "that a wait that was ended from outside is ErrKilled: an error on MySQL, NULL without an error on MariaDB"
	const holder = "that KILL QUERY does not free a lock, which docs and doctor tell DBAs: the session has to go"
	checkCells(t, []cell{
		{"of a waiter", answers{mariadb: "NULL", mysql: "error 1317"}, func(s *scene) string {
			s.session().take()
			b := s.session()
			p := b.queue()
			s.kill("QUERY", b)
			return p.result()
		}, waiter},
		{"of a waiter, whose session goes on", both("1"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			p := b.queue()
			s.kill("QUERY", b)
			p.result()
			a.release()
			return b.get(s.lock, 5)
		}, waiter},
		{"of a waiter, whose transaction goes on", both("2"), func(s *scene) string {
			table := s.table()
			s.session().take()
			b := s.session()
			b.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1`)
			p := b.queue()
			s.kill("QUERY", b)
			p.result()
			b.must(`COMMIT`)
			return s.look(`SELECT SUM(v) FROM ` + table)
		}, "that a session whose wait was ended may be left with an open transaction, and is thrown away"},
		{"of an idle holder", answers{"first", "first", "free"}, func(s *scene) string {
			a := s.session()
			a.take()
			s.kill("QUERY", a)
			return s.holder(a)
		}, holder},
		{"of an idle holder, whose next statement runs", both("1"), func(s *scene) string {
			a := s.session()
			a.take()
			s.kill("QUERY", a)
			return a.ask(`SELECT 1`)
		}, holder},
		{"of a holder in SLEEP", answers{mariadb: "error 1317", mysql: "1"}, func(s *scene) string {
			a := s.session()
			a.take()
			p := a.wait(asleep, `SELECT SLEEP(50)`)
			s.kill("QUERY", a)
			return p.result()
		}, "what a holder's caller sees when its statement is ended"},
		{"of a holder in SLEEP, which keeps the lock", both("first"), func(s *scene) string {
			a := s.session()
			a.take()
			p := a.wait(asleep, `SELECT SLEEP(50)`)
			s.kill("QUERY", a)
			p.result()
			return s.holder(a)
		}, holder},
		{"of a holder that waits for a row", both("error 1317, first"), func(s *scene) string {
			table := s.table()
			a, b := s.session(), s.session()
			b.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1`)
			a.take()
			a.must(`SET innodb_lock_wait_timeout = 50`)
			p := a.wait(forRow, `SELECT v FROM `+table+` WHERE id = 1 FOR UPDATE`)
			s.kill("QUERY", a)
			return p.result() + ", " + s.holder(a)
		}, holder},
	})
}

// TestContractKill asks what becomes of lock and waiters when a session is
// ended.
func TestContractKill(t *testing.T) {
	t.Parallel()
	const soon = "that a killed holder's pool goes on in less than a second"
	const goesOn = "1 in time"
	cells := []cell{
		{"of a waiter", both("connection lost"), func(s *scene) string {
			s.session().take()
			b := s.session()
			p := b.queue()
			s.kill("CONNECTION", b)
			return p.result()
		}, "that a killed session is an error of the connection, upon which the unit is tried again on another"},
		{"of a waiter, which the lock passes over", both("1"), func(s *scene) string {
			a, b, c := s.session(), s.session(), s.session()
			a.take()
			b.queue()
			third := c.queue()
			s.kill("CONNECTION", b)
			b.gone()
			a.release()
			return third.result()
		}, "that a dead waiter holds nobody up"},
		{"of a holder, seen by itself", both("connection lost"), func(s *scene) string {
			a := s.session()
			a.take()
			s.kill("CONNECTION", a)
			a.gone()
			return a.ask(`SELECT 1`)
		}, "that a unit whose session was killed writes nothing more"},
		{"of a holder, on whose connection the pool says nothing", both("1 and free"), func(s *scene) string {
			db := s.connect()
			var id int64
			if err := db.GetContext(s.t.Context(), &id, `SELECT CONNECTION_ID() FROM (SELECT GET_LOCK(?, 0)) x`, s.lock); err != nil {
				return failed(err)
			}
			a := &actor{s: s, id: id}
			s.kill("CONNECTION", a)
			a.gone()
			return first(db.QueryRowContext(s.t.Context(), `SELECT 1`)) + " and " + s.holder()
		}, "why a unit's statements run on one connection and never on the pool, which goes on silently without the lock"},
	}
	for _, holder := range []struct {
		name string
		want answers
		busy func(s *scene, a *actor)
	}{
		{"idle", everywhere(goesOn), func(*scene, *actor) {}},
		{"in SLEEP", everywhere(goesOn), func(_ *scene, a *actor) { a.wait(asleep, `SELECT SLEEP(50)`) }},
		{"waiting for a row", both(goesOn), func(s *scene, a *actor) {
			table := s.table()
			s.session().must(`SET autocommit = 0`, `UPDATE `+table+` SET v = 1`)
			a.must(`SET innodb_lock_wait_timeout = 50`)
			a.wait(forRow, `SELECT v FROM `+table+` WHERE id = 1 FOR UPDATE`)
		}},
		{"in a transaction", both(goesOn), func(s *scene, a *actor) { a.must(`START TRANSACTION`, `UPDATE `+s.table()+` SET v = 1`) }},
	} {
		cells = append(cells, cell{"of a holder " + holder.name, holder.want, func(s *scene) string {
			return s.quickest(time.Second, func() (string, time.Duration) {
				a, b := s.session(), s.session()
				a.take()
				holder.busy(s, a)
				p := b.queue()
				began := time.Now()
				s.kill("CONNECTION", a)
				got := p.result()
				took := time.Since(began)
				b.release()
				return got, took
			})
		}, soon})
	}
	checkCells(t, cells)
}

// quickest says whether something takes less than limit on a machine that is
// not too busy just now: it may try a few times.
func (s *scene) quickest(limit time.Duration, do func() (string, time.Duration)) string {
	s.t.Helper()
	var got string
	var took time.Duration
	for range tries {
		if got, took = do(); took < limit {
			return got + " in time"
		}
	}
	return fmt.Sprintf("%s after %v", got, took)
}

// account makes an account with these privileges and returns the edit that
// connects as it. The test's own account must be allowed to.
func (s *scene) account(privileges ...string) func(*mysql.Config) {
	s.t.Helper()
	user := "c_" + rand.Text()[:12]
	password := rand.Text()
	s.do(fmt.Sprintf(`CREATE USER %s@'%%' IDENTIFIED BY '%s'`, user, password))
	s.t.Cleanup(func() { _, _ = s.admin.Exec(fmt.Sprintf(`DROP USER %s@'%%'`, user)) })
	for _, p := range append([]string{"SELECT ON " + s.schema + ".*"}, privileges...) {
		s.do(fmt.Sprintf(`GRANT %s TO %s@'%%'`, p, user))
	}
	return func(cfg *mysql.Config) { cfg.User, cfg.Passwd = user, password }
}

// TestContractWhoMayKill asks who may end whose sessions.
func TestContractWhoMayKill(t *testing.T) {
	t.Parallel()
	const rights = "that the app account cannot end another account's session, and the admin account's one privilege is enough: the accounts of docs/dba.md"
	kill := func(by, of *actor) string { return by.do(fmt.Sprint(`KILL CONNECTION `, of.id)) }
	checkCells(t, []cell{
		{"the same account", both("ok"), func(s *scene) string {
			app := s.account()
			return kill(s.session(app), s.session(app))
		}, rights},
		{"another account", both("error 1095"), func(s *scene) string {
			return kill(s.session(s.account()), s.session(s.account()))
		}, rights},
		{"another account, its statement", both("error 1095"), func(s *scene) string {
			by, of := s.session(s.account()), s.session(s.account())
			return by.do(fmt.Sprint(`KILL QUERY `, of.id))
		}, rights},
		{"an administrator's", both("error 1095"), func(s *scene) string {
			return kill(s.session(s.account()), s.session())
		}, rights},
		{"with only the privilege for it", both("ok"), func(s *scene) string {
			privilege := choose(s, "CONNECTION ADMIN", "CONNECTION_ADMIN", "CONNECTION_ADMIN") + " ON *.*"
			return kill(s.session(s.account(privilege)), s.session(s.account()))
		}, rights},
		{"with only the privilege for it, a system account", answers{mariadb: "ok", mysql: "error 1095"}, func(s *scene) string {
			admin := choose(s, "CONNECTION ADMIN", "CONNECTION_ADMIN", "CONNECTION_ADMIN") + " ON *.*"
			system := choose(s, "SUPER", "SYSTEM_USER", "SYSTEM_USER") + " ON *.*"
			return kill(s.session(s.account(admin)), s.session(s.account(system)))
		}, rights},
		{"nobody", both("error 1094"), func(s *scene) string {
			return s.session().do(`KILL CONNECTION 4294967290`)
		}, "that Kill tells a holder that is gone (ErrHolderChanged) from one that it may not end"},
	})
}

// TestContractGuardedKill asks of the statement of [lock.Kill], in which the
// server itself compares the holder.
func TestContractGuardedKill(t *testing.T) {
	t.Parallel()
	const guarded = "that a kill hits who holds the lock at that moment, and nobody else"
	kill := func(s *scene, by *actor, of *actor) string {
		switch err := lock.Kill(s.t.Context(), by.conn, lock.Name(s.lock), of.id); {
		case err == nil:
			return "killed"
		default:
			return typeOf(err)
		}
	}
	checkCells(t, []cell{
		{"the holder", both("killed, free"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			got := kill(s, b, a)
			a.gone()
			return got + ", " + s.holder()
		}, guarded},
		{"a session that holds another lock", both("ErrHolderChanged, first"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			b.take("other")
			return kill(s, s.session(), b) + ", " + s.holder(a)
		}, guarded},
		{"who held it", both("ErrHolderChanged, 1"), func(s *scene) string {
			a := s.session()
			a.take()
			a.release()
			return kill(s, s.session(), a) + ", " + a.ask(`SELECT 1`)
		}, guarded},
		{"who waits for it", both("ErrHolderChanged, first"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			b.queue()
			return kill(s, s.session(), b) + ", " + s.holder(a)
		}, guarded},
		{"a holder of another account", both("ErrKillDenied, first"), func(s *scene) string {
			a := s.session()
			a.take()
			return kill(s, s.session(s.account()), a) + ", " + s.holder(a)
		}, guarded},
	})
}

// TestContractRollbackComesFirst: a session that ends gives up its rows before
// its lock, so the next holder finds none of them locked and none changed.
func TestContractRollbackComesFirst(t *testing.T) {
	t.Parallel()
	var cells []cell
	for _, end := range []struct {
		name string
		do   func(s *scene, a *actor, l *lead)
	}{
		{"KILL", func(s *scene, a *actor, _ *lead) { s.kill("CONNECTION", a) }},
		{"hanging up", func(_ *scene, _ *actor, l *lead) { l.cut() }},
	} {
		cells = append(cells, cell{end.name, both("locked before, 0 changed after"), func(s *scene) string {
			table := s.bigTable()
			changed := `SELECT COUNT(*) FROM (SELECT v FROM ` + table + ` WHERE v <> 0 FOR UPDATE NOWAIT) x`
			line := new(lead)
			a, b := s.session(line.under), s.session()
			a.take()
			a.must(`START TRANSACTION`, `UPDATE `+table+` SET v = 1`)
			before := b.ask(changed)
			if before == choose(s, "error 1205", "error 3572", "error 3572") {
				before = "locked"
			}
			p := b.queue()
			end.do(s, a, line)
			if got := p.result(); got != "1" {
				return "the lock: " + got
			}
			return before + " before, " + b.ask(changed) + " changed after"
		}, "that the lock is the barrier after an unclear commit, and that the next unit never meets half of the last one"})
	}
	checkCells(t, cells)
}

// bigTable makes a table of as many rows as take a while to roll back.
func (s *scene) bigTable() string {
	s.t.Helper()
	table := s.table()
	for range 13 {
		s.do(`INSERT INTO ` + table + ` (v) SELECT v FROM ` + table)
	}
	return table
}
