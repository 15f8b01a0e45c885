package dba

import (
	"testing"

	"fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/lock"
)

// secret is what must not be seen of other people's statements.
const secret = "customer-secret"

// A night is what a DBA is called for: somebody's open transaction has locked
// the row of a pool, the holder of the pool's lock waits for that row, and one
// more waits for the lock.
type night struct {
	*site
	blocker, holder, waiter session
	held, waited            <-chan error // how these two statements ended
}

func newNight(t *testing.T, s *site) *night {
	t.Helper()
	_, combiner := s.house(t)
	if _, err := combiner.ChangePool(t.Context(), assign.PoolChange{Pool: "demo"}); err != nil {
		t.Fatal(err)
	}
	service := s.as(t, app)
	n := &night{site: s, blocker: openSession(t, s.root), holder: openSession(t, service), waiter: openSession(t, service)}
	n.blocker.exec(t, `START TRANSACTION`)
	n.blocker.exec(t, `UPDATE fairlead.pools SET cooldown_seconds = 1 WHERE pool = 'demo'`)
	n.holder.exec(t, `SET innodb_lock_wait_timeout = 120`)
	n.holder.exec(t, `DO GET_LOCK('fairlead:fairlead:demo', 10)`)
	n.holder.exec(t, `START TRANSACTION`)
	n.holder.exec(t, `INSERT INTO events (pool, seq, id, kind, happened_at, actor, data) VALUES ('`+secret+`', 1, '', '', NOW(), '', '')`)
	// Bytes that are no text are in statements of ours, too.
	n.held = n.holder.begin(t.Context(), "UPDATE pools SET cooldown_seconds = 2 WHERE pool IN ('demo', '"+secret+"', _binary'\xff\xfe')")
	await(t, "the holder waits for the row", func() bool {
		var waits int
		query := `SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = ? AND trx_state = 'LOCK WAIT'`
		if s.dialect == lock.MySQL { // which does not show that table while bytes that are no text are in a statement
			query = `SELECT COUNT(*) FROM performance_schema.data_lock_waits d
				JOIN performance_schema.threads t ON t.THREAD_ID = d.REQUESTING_THREAD_ID WHERE t.PROCESSLIST_ID = ?`
		}
		if err := s.root.GetContext(t.Context(), &waits, query, n.holder.id); err != nil {
			t.Fatal(err)
		}
		return waits == 1
	})
	n.waited = n.waiter.begin(t.Context(), `SELECT GET_LOCK('fairlead:fairlead:demo', 120), '`+secret+`'`)
	await(t, "the waiter waits", func() bool {
		all, err := dbtest.Sessions(t.Context(), s.root)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range all {
			if other.ID == n.waiter.id && other.State == "User lock" {
				return true
			}
		}
		return false
	})
	return n
}

// holds reports whether a session holds the lock.
func (n *night) holds(t *testing.T, s session) bool {
	t.Helper()
	id, _, err := lock.UsedBy(t.Context(), n.root, lock.ExampleLock)
	if err != nil {
		t.Fatal(err)
	}
	return id == s.id
}
