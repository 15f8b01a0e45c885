package compare

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/oklog/ulid/v2"
)

// The tables of the SQL designs that are not ours, a set for each. They have
// our columns and as many indexes, and leave out our pools' counts, which
// saves these designs a statement.
//
// The log is numbered by the server, since a number that is taken from a row
// of the pool would make requests wait there for each other, lock or no lock.
// A key is accepted once; nothing else stands in the way of a wrong decision.
var schemaOf = []string{
	`CREATE TABLE %[1]s_pools (
		pool VARBINARY(48) NOT NULL PRIMARY KEY
	) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin`,

	`CREATE TABLE %[1]s_planners (
		pool         VARBINARY(48) NOT NULL,
		planner      VARBINARY(64) NOT NULL,
		name         VARCHAR(256)  NOT NULL,
		active       TINYINT       NOT NULL,
		base         BIGINT        NOT NULL,
		assigned     BIGINT        NOT NULL,
		live         BIGINT        NOT NULL,
		planner_load BIGINT        NOT NULL,
		last_seq     BIGINT        NOT NULL,
		last_at      DATETIME(6)   NULL,
		PRIMARY KEY (pool, planner),
		KEY pick (pool, active, planner_load, last_seq, planner)
	) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin`,

	`CREATE TABLE %[1]s_assignments (
		seq          BIGINT         NOT NULL AUTO_INCREMENT,
		pool         VARBINARY(48)  NOT NULL,
		id           VARBINARY(26)  NOT NULL,
		planner      VARBINARY(64)  NOT NULL,
		planner_name VARCHAR(256)   NOT NULL,
		turn         BIGINT         NOT NULL, -- which of the planner's it is, by the count that was read
		number       VARBINARY(21)  NULL,
		live_number  VARBINARY(21)  NULL,
		wish         VARBINARY(9)   NOT NULL,
		customer     VARCHAR(256)   NOT NULL,
		idem_key     VARBINARY(255) NOT NULL,
		fingerprint  BINARY(32)     NOT NULL,
		assigned_at  DATETIME(6)    NOT NULL,
		released_at  DATETIME(6)    NULL,
		PRIMARY KEY (seq),
		UNIQUE KEY by_id (id),
		UNIQUE KEY once_per_key (pool, idem_key),
		UNIQUE KEY once_per_number (live_number),
		KEY by_planner (pool, planner, seq)
	) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin`,
}

// tables are a design's set, with the statements that all such designs share.
type tables struct {
	noSwitch
	db     *sqlx.DB
	design string

	lookUp, pick, insert, count string
}

func newTables(ctx context.Context, db *sqlx.DB, design string) (*tables, error) {
	for _, create := range schemaOf {
		if _, err := db.ExecContext(ctx, fmt.Sprintf(create, design)); err != nil {
			return nil, fmt.Errorf("create tables: %w", err)
		}
	}
	named := func(query string) string { return fmt.Sprintf(query, design) }
	return &tables{db: db, design: design,
		lookUp: named(`SELECT planner, seq, turn FROM %s_assignments WHERE pool = ? AND idem_key = ?`),
		pick: named(`SELECT planner, name, assigned + 1 FROM %s_planners FORCE INDEX (pick) WHERE pool = ? AND active = 1
			ORDER BY planner_load, last_seq, planner LIMIT 1`),
		insert: named(`INSERT INTO %s_assignments (pool, id, planner, planner_name, turn, wish, customer, idem_key, fingerprint, assigned_at)
			VALUES (?, ?, ?, ?, ?, 'none', '', ?, ?, NOW(6))`),
		count: named(`UPDATE %s_planners SET assigned = assigned + 1, live = live + 1, planner_load = planner_load + 1, last_seq = ?, last_at = NOW(6)
			WHERE pool = ? AND planner = ?`),
	}, nil
}

func (t *tables) name() string  { return t.design }
func (t *tables) title() string { return titles[t.design] }
func (t *tables) busy() int     { return t.db.Stats().InUse }

// bulk is how many rows one statement brings.
const bulk = 1000

func (t *tables) add(ctx context.Context, pool string, planners []string) error {
	if _, err := t.db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s_pools (pool) VALUES (?)`, t.design), pool); err != nil {
		return err
	}
	for some := range slices.Chunk(planners, bulk) {
		var args []any
		for _, p := range some {
			args = append(args, pool, p, "Planner "+p)
		}
		values := strings.TrimSuffix(strings.Repeat("(?, ?, ?, 1, 0, 0, 0, 0, 0, NULL), ", len(some)), ", ")
		insert := fmt.Sprintf(`INSERT INTO %s_planners (pool, planner, name, active, base, assigned, live, planner_load, last_seq, last_at) VALUES `, t.design)
		if _, err := t.db.ExecContext(ctx, insert+values, args...); err != nil {
			return err
		}
	}
	return nil
}

// fingerprint stands for a request's, which is not what is measured.
var fingerprint = sha256.Sum256(nil)

// turn hands out a turn in a transaction: four statements, each a round trip.
// The insert comes before the count so that the planner's row, which others
// wait for, is locked for as short as can be.
func (t *tables) turn(ctx context.Context, tx *sql.Tx, pool, key string) (a answer, err error) {
	err = tx.QueryRowContext(ctx, t.lookUp, pool, key).Scan(&a.planner, &a.seq, &a.turn)
	if !errors.Is(err, sql.ErrNoRows) {
		return a, err
	}
	var called string
	if err := tx.QueryRowContext(ctx, t.pick, pool).Scan(&a.planner, &called, &a.turn); err != nil {
		return a, err
	}
	done, err := tx.ExecContext(ctx, t.insert, pool, ulid.Make().String(), a.planner, called, a.turn, key, fingerprint[:])
	if err != nil {
		return a, err
	}
	if a.seq, err = done.LastInsertId(); err != nil {
		return a, err
	}
	_, err = tx.ExecContext(ctx, t.count, a.seq, pool, a.planner)
	return a, err
}

// ledger tells what is in the tables.
func (t *tables) ledger(ctx context.Context, pool string) (ledger, error) {
	return readLedger(ctx, t.db,
		fmt.Sprintf(`SELECT seq, planner, turn, idem_key FROM %s_assignments FORCE INDEX (PRIMARY) WHERE pool = ? ORDER BY seq`, t.design),
		fmt.Sprintf(`SELECT planner, assigned FROM %s_planners WHERE pool = ?`, t.design), pool)
}

func readLedger(ctx context.Context, db *sqlx.DB, records, counts, pool string) (l ledger, err error) {
	l.ordered, l.counts = true, map[string]int64{}
	var r record
	err = each(ctx, db, records, pool, func() { l.records = append(l.records, r) }, &r.seq, &r.planner, &r.turn, &r.key)
	if err != nil {
		return l, err
	}
	var (
		planner  string
		assigned int64
	)
	err = each(ctx, db, counts, pool, func() { l.counts[planner] = assigned }, &planner, &assigned)
	return l, err
}

// each scans every row that query finds in a pool into dest, and calls fn.
func each(ctx context.Context, db *sqlx.DB, query, pool string, fn func(), dest ...any) error {
	rows, err := db.QueryContext(ctx, query, pool)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		fn()
	}
	return rows.Err()
}

// retries is how often a transaction is run again.
const retries = 10

// retrying runs a transaction again that the server ended for the sake of
// another, as it tells one to do; each time after a longer pause.
func retrying(ctx context.Context, transaction func() (answer, error)) (answer, error) {
	pause := 2 * time.Millisecond
	for tries := 0; ; tries++ {
		a, err := transaction()
		if tries == retries || !passing(err) {
			return a, err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return a, ctx.Err()
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

// passing reports whether the server ended a transaction that may well succeed
// the next time: a deadlock, or a row that was not to be had in time.
func passing(err error) bool {
	const lockWait, deadlock = 1205, 1213
	said := (*mysql.MySQLError)(nil)
	return errors.As(err, &said) && (said.Number == lockWait || said.Number == deadlock)
}
