package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"fairlead/e2e/program"
)

// resting returns how many goroutines and files an instance has that nobody
// calls.
func (c *cluster) resting() footprint {
	c.t.Helper()
	i := c.seats[0].holder
	i.HTTP.CloseIdleConnections()
	f, err := footprintOf(i)
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

// A footprint is what an instance keeps open.
type footprint struct{ goroutines, files int }

func footprintOf(i *program.Instance) (f footprint, err error) {
	resp, err := i.HTTP.Get(i.Admin + "/metrics")
	if err != nil {
		return f, err
	}
	defer resp.Body.Close()
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), " ")
		n, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "go_goroutines":
			f.goroutines = int(n)
		case "process_open_fds":
			f.files = int(n)
		}
	}
	if f.goroutines == 0 || f.files == 0 {
		err = fmt.Errorf("%s: %s does not say how many goroutines and files there are", resp.Status, i.Admin)
	}
	return f, err
}

// Connections that an instance may keep open, and how many goroutines each may
// cost: the driver's, that watches for the end of a context, and one for the
// connection that asks for these figures.
const (
	keptConnections     = 16 + 8 + 4
	goroutinesPerSocket = 2
)

// leftBehind waits until nothing is left of the round: no lock, no
// transaction, and of goroutines and files only what belongs to connections
// that are kept for the next call.
func (c *cluster) leftBehind(rest footprint) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.plan.settle+10*time.Second)
	defer cancel()
	for deadline := time.Now().Add(c.plan.settle); ; {
		err := errors.Join(c.locksLeft(ctx), c.transactionsLeft(ctx), c.filesLeft(rest))
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond) // the server's list of transactions is as old as that
	}
}

func (c *cluster) locksLeft(ctx context.Context) error {
	for p := range c.plan.pools {
		var holders []int64
		name := c.lockName(poolName(p))
		if err := c.admin.SelectContext(ctx, &holders, `SELECT IS_USED_LOCK(?) FROM DUAL WHERE IS_USED_LOCK(?) IS NOT NULL`, name, name); err != nil {
			return err
		}
		if len(holders) > 0 {
			return fmt.Errorf("session %v still holds %s", holders, name)
		}
	}
	var names []string
	if err := c.admin.SelectContext(ctx, &names, `SELECT OBJECT_NAME FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'USER LEVEL LOCK'`); err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("locks %v are still held or waited for", names)
	}
	return nil
}

func (c *cluster) transactionsLeft(ctx context.Context) error {
	var n int
	if err := c.admin.GetContext(ctx, &n, `SELECT COUNT(*) FROM information_schema.INNODB_TRX`); err != nil || n > 0 {
		return fmt.Errorf("%d transactions are still open (%v)", n, err)
	}
	return nil
}

func (c *cluster) filesLeft(rest footprint) error {
	for _, s := range c.seats {
		i, name := s.now()
		i.HTTP.CloseIdleConnections()
		now, err := footprintOf(i)
		if err != nil {
			return err
		}
		if most := rest.goroutines + goroutinesPerSocket*keptConnections; now.goroutines > most {
			return fmt.Errorf("%s has %d goroutines, at most %d are expected of one at rest", name, now.goroutines, most)
		}
		if most := rest.files + keptConnections; now.files > most {
			return fmt.Errorf("%s has %d files open, at most %d are expected of one at rest", name, now.files, most)
		}
	}
	return nil
}

// doubles are rows that repeat a part of one that is there, which the tables
// themselves have to refuse whatever the program does.
var doubles = map[string]string{
	"a key": copyOfAssignment(`pool, seq + 1000000000, REVERSE(id), planner, planner_name, NULL, NULL, wish, customer, idem_key,
		fingerprint, assigned_at, released_at FROM assignments LIMIT 1`),
	"a position": copyOfAssignment(`pool, seq, REVERSE(id), planner, planner_name, NULL, NULL, wish, customer, 'another key',
		fingerprint, assigned_at, released_at FROM assignments LIMIT 1`),
	"an id": copyOfAssignment(`pool, seq + 1000000000, id, planner, planner_name, NULL, NULL, wish, customer, 'another key',
		fingerprint, assigned_at, released_at FROM assignments LIMIT 1`),
	"a live number": copyOfAssignment(`pool, seq + 1000000000, REVERSE(id), planner, planner_name, number, live_number, wish, customer, 'another key',
		fingerprint, assigned_at, released_at FROM assignments WHERE live_number IS NOT NULL LIMIT 1`),
	"the position of an event": `INSERT INTO events (pool, seq, id, kind, happened_at, actor, data)
		SELECT pool, seq, REVERSE(id), kind, happened_at, actor, data FROM events LIMIT 1`,
	"the position of a turn": `INSERT INTO reassignments (pool, seq, assignment, planner, turn, at, idem_key, fingerprint)
		SELECT pool, seq, assignment, planner, turn, at, 'another key', fingerprint FROM reassignments LIMIT 1`,
	"a number, in another pool": `INSERT INTO numbers (number, pool, state, free_at) SELECT number, 'another', 'free', free_at FROM numbers LIMIT 1`,
}

func copyOfAssignment(columns string) string {
	return `INSERT INTO assignments (pool, seq, id, planner, planner_name, number, live_number, wish, customer, idem_key,
		fingerprint, assigned_at, released_at) SELECT ` + columns
}

// refusesDoubles tries, and takes back, rows that must not be.
func (c *cluster) refusesDoubles() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.plan.settle)
	defer cancel()
	for what, insert := range doubles {
		tx, err := c.admin.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, insert)
		_ = tx.Rollback()
		var said *mysql.MySQLError
		if errors.As(err, &said) && said.Number == 1062 { // ER_DUP_ENTRY
			continue
		}
		if err != nil {
			return err
		}
		if rows, _ := done.RowsAffected(); rows > 0 {
			return fmt.Errorf("the tables take %s twice", what)
		}
	}
	return nil
}
