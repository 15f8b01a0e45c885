package speed

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/oklog/ulid/v2"

	"fairlead/api"
	"fairlead/assign"
)

// textbook is the named lock as it is usually shown: for each request one
// connection, GET_LOCK, a transaction of single statements, COMMIT and
// RELEASE_LOCK, each a round trip. It works on the same tables, and is right;
// it is here to be measured beside ours.
type textbook struct {
	api.Writes // nil: nothing but Assign is asked of it

	db   *sqlx.DB
	lock string
}

// textbookConnections is what a service would give it. Most of them wait for
// the lock, so more do not make it faster.
const textbookConnections = 64

func newTextbook(dsn string, connections int) (*textbook, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	cfg.InterpolateParams, cfg.ParseTime = true, true // half the round trips of prepared statements
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &textbook{db: db, lock: "textbook:" + cfg.DBName}, nil
}

func (w *textbook) Assign(ctx context.Context, r assign.Request) (a assign.Assigned, err error) {
	conn, err := w.db.Connx(ctx)
	if err != nil {
		return a, err
	}
	defer conn.Close()
	var got int
	if err := conn.GetContext(ctx, &got, `SELECT GET_LOCK(?, 10)`, w.lock); err != nil {
		return a, err
	}
	if got != 1 {
		return a, assign.ErrBusy
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `DO RELEASE_LOCK(?)`, w.lock)
	tx, err := conn.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return a, err
	}
	defer tx.Rollback()
	if a, err = w.assign(ctx, tx, r); err != nil {
		return a, err
	}
	return a, tx.Commit()
}

func (w *textbook) assign(ctx context.Context, tx *sqlx.Tx, r assign.Request) (a assign.Assigned, err error) {
	var known int
	err = tx.GetContext(ctx, &known, `SELECT COUNT(*) FROM assignments WHERE pool = ? AND idem_key = ?`, r.Pool, r.Key)
	if err != nil || known > 0 {
		return a, errors.Join(err, errors.New("keys are fresh here"))
	}
	a.Assignment = assign.Assignment{ID: ulid.Make().String(), Pool: r.Pool, Key: r.Key, State: assign.AssignmentActive,
		AssignedAt: time.Now().UTC().Truncate(time.Microsecond)}
	if err = tx.GetContext(ctx, &a.Seq, `SELECT seq + 1 FROM pools WHERE pool = ?`, r.Pool); err != nil {
		return a, err
	}
	err = tx.QueryRowxContext(ctx, `SELECT planner, name FROM planners WHERE pool = ? AND active = 1
		ORDER BY planner_load, last_seq, planner LIMIT 1`, r.Pool).Scan(&a.Planner, &a.PlannerName)
	if err != nil {
		return a, err
	}
	var number sql.NullString
	err = tx.GetContext(ctx, &number, `SELECT number FROM numbers WHERE pool = ? AND state = 'free' AND free_at <= NOW(6)
		ORDER BY free_at, number LIMIT 1`, r.Pool)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return a, err
	}
	a.Number = assign.Number(number.String)
	writes := []statement{
		{`UPDATE pools SET seq = ?, assigned = assigned + 1, live = live + 1 WHERE pool = ?`, []any{a.Seq, r.Pool}},
		{`UPDATE planners SET assigned = assigned + 1, live = live + 1, planner_load = planner_load + 1, last_seq = ?, last_at = ?
			WHERE pool = ? AND planner = ?`, []any{a.Seq, a.AssignedAt, r.Pool, a.Planner}},
		{`INSERT INTO assignments (pool, seq, id, planner, planner_name, number, live_number, wish, customer, idem_key, fingerprint, assigned_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, 'preferred', ?, ?, '', ?)`,
			[]any{r.Pool, a.Seq, a.ID, a.Planner, a.PlannerName, number, number, r.Customer, r.Key, a.AssignedAt}},
	}
	if number.Valid {
		writes = append(writes, statement{`UPDATE numbers SET state = 'active', assignment = ? WHERE number = ?`, []any{a.ID, number}})
	}
	for _, write := range writes {
		if _, err := tx.ExecContext(ctx, write.query, write.args...); err != nil {
			return a, err
		}
	}
	return a, nil
}

type statement struct {
	query string
	args  []any
}
