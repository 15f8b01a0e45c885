package chaos

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// What follows is done by somebody else who is on the same server, by SQL.

// lockPoolRow keeps the row that every unit of a pool has to lock.
func lockPoolRow(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	return n.keep(ctx, rnd, rowLock, `SELECT seq FROM pools WHERE pool = ? FOR UPDATE`)
}

// lockPlanners keeps the rows that a unit locks behind the fence.
func lockPlanners(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	return n.keep(ctx, rnd, plannersLock, `SELECT planner FROM planners WHERE pool = ? FOR UPDATE`)
}

// stay is how long a stranger stays: mostly for a moment, now and then for
// longer than a unit waits.
func stay(rnd *rand.Rand) time.Duration {
	most := 500
	if rnd.IntN(3) == 0 {
		most = 5000
	}
	return time.Duration(100+rnd.IntN(most)) * time.Millisecond
}

// keep holds rows of a pool for a while.
func (n *nemesis) keep(ctx context.Context, rnd *rand.Rand, name, query string) (string, int) {
	pool := poolName(rnd.IntN(n.plan.pools))
	tx, err := n.admin.BeginTx(ctx, nil)
	if err != nil {
		return "", 0
	}
	defer tx.Rollback()
	rows, err := tx.QueryContext(ctx, query, pool)
	if err != nil {
		return "", 0
	}
	for rows.Next() {
	}
	if errors.Join(rows.Err(), rows.Close()) != nil {
		return "", 0
	}
	pause(ctx, stay(rnd))
	return name, 1
}

// stealLock takes a pool's lock for a while. Units that wait for it are not
// to go on without it, nor to be lost.
func stealLock(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	conn, err := n.admin.Connx(ctx)
	if err != nil {
		return "", 0
	}
	defer conn.Close()
	name := n.lockName(poolName(rnd.IntN(n.plan.pools)))
	var got sql.NullInt64
	if err := conn.GetContext(ctx, &got, `SELECT GET_LOCK(?, 2)`, name); err != nil || got.Int64 != 1 {
		return "", 0
	}
	pause(ctx, stay(rnd))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, `DO RELEASE_LOCK(?)`, name); err != nil {
		return "", 0 // the server died, and the lock with it
	}
	return lockStolen, 1
}

// These undo others of tableChanges.
const (
	dropIndex  = `ALTER TABLE assignments DROP INDEX chaos`
	dropColumn = `ALTER TABLE planners DROP COLUMN chaos`
)

// tableChanges are what an administrator might do while the service runs.
var tableChanges = []string{
	`ALTER TABLE assignments ADD INDEX chaos (assigned_at)`,
	dropIndex,
	`ALTER TABLE planners ADD COLUMN chaos INT NOT NULL DEFAULT 0`,
	dropColumn,
	`ALTER TABLE pools COMMENT = 'changed'`,
	`ANALYZE TABLE assignments, planners, pools`,
}

func changeTable(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	return n.onOwnSession(ctx, tableChange, tableChanges[rnd.IntN(len(tableChanges))])
}

func flushTables(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	return n.onOwnSession(ctx, tableFlush, `FLUSH TABLES`)
}

// onOwnSession runs a statement that gives up when the tables are not to be
// had: what waits for all units must not stop them for long.
func (n *nemesis) onOwnSession(ctx context.Context, name, statement string) (string, int) {
	conn, err := n.admin.Connx(ctx)
	if err != nil {
		return "", 0
	}
	defer conn.Close()
	defer conn.Raw(func(any) error { return driver.ErrBadConn }) // with its settings
	if _, err := conn.ExecContext(ctx, `SET lock_wait_timeout = 2`); err != nil {
		return "", 0
	}
	if _, err := conn.ExecContext(ctx, statement); err != nil {
		return "", 0 // there already, not there, or not to be had
	}
	return name, 1
}

// exhaust takes every connection that an ordinary account can get, and sees
// whether the administrator still gets in.
func exhaust(n *nemesis, ctx context.Context, rnd *rand.Rand) (string, int) {
	strangers, err := sql.Open("mysql", n.server.NetworkDSN(n.server.Address(), n.db.Schema))
	if err != nil {
		n.blame("%v", err)
		return "", 0
	}
	defer strangers.Close()
	var taken []*sql.Conn
	defer func() {
		for _, c := range taken {
			_ = c.Close()
		}
	}()
	full := false
	for range maxConnections + 1 {
		conn, err := strangers.Conn(ctx)
		if err != nil {
			full = isFull(err)
			break
		}
		taken = append(taken, conn)
	}
	if !full {
		return "", 0
	}
	if err := n.getIn(ctx); isFull(err) {
		n.blame("with all connections taken the administrator does not get in: %v", err)
	} else if err != nil {
		return "", 0 // the server died meanwhile
	}
	pause(ctx, time.Duration(rnd.IntN(1500))*time.Millisecond)
	return exhaustion, 1
}

// getIn connects as the administrator. There is one place for such a one. Another
// of our hands may have it, for as long as a stranger stays, or have left it to
// the next: an idle connection counts as one that is taken.
func (n *nemesis) getIn(ctx context.Context) (err error) {
	for range 80 {
		var admin *sqlx.DB
		if admin, err = sqlx.ConnectContext(ctx, "mysql", n.db.DSN); err == nil {
			return admin.Close()
		}
		if !isFull(err) {
			return err
		}
		n.admin.SetMaxIdleConns(0) // closes those there are
		n.admin.SetMaxIdleConns(adminConns)
		if !pause(ctx, 100*time.Millisecond) {
			return err
		}
	}
	return err
}

// isFull reports whether the server had no connection left.
func isFull(err error) bool {
	me, ok := err.(*mysql.MySQLError)
	return ok && me.Number == 1040 // ER_CON_COUNT_ERROR
}

// leftOver undoes what a change that was not undone has left in the tables.
func (n *nemesis) leftOver() error {
	ctx, cancel := context.WithTimeout(context.Background(), n.plan.settle)
	defer cancel()
	for _, q := range []string{dropIndex, dropColumn} {
		_, err := n.admin.ExecContext(ctx, q)
		if me, ok := err.(*mysql.MySQLError); err != nil && (!ok || me.Number != 1091) { // ER_CANT_DROP_FIELD_OR_KEY
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}
