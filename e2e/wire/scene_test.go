package wire

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
)

// A scene is a wire to a schema with a few tables like the product's.
type scene struct {
	*Wire
	server *dbtest.Private
	schema string
	admin  *sqlx.DB // past the wire; may see and kill all sessions
	client *sqlx.DB // through the wire
}

// scenes starts a server for the scenes of one test.
func scenes(t *testing.T) func(*testing.T) *scene {
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	return func(t *testing.T) *scene {
		t.Helper()
		d := server.New()
		s := &scene{Wire: New(t, server.Address()), server: server, schema: d.Schema, admin: d.Open(t)}
		for _, q := range []string{
			`CREATE TABLE pools (pool VARBINARY(64) PRIMARY KEY, seq BIGINT NOT NULL)`,
			`CREATE TABLE planners (pool VARBINARY(64), planner VARBINARY(64), assigned BIGINT NOT NULL, PRIMARY KEY (pool, planner))`,
			`CREATE TABLE assignments (pool VARBINARY(64), seq BIGINT, customer LONGTEXT NOT NULL, PRIMARY KEY (pool, seq))`,
			`INSERT INTO pools VALUES ('demo', 0), ('other', 0)`,
			`INSERT INTO planners VALUES ('demo', 'p1', 0), ('other', 'p1', 0)`,
		} {
			s.admin.MustExec(q)
		}
		s.client = s.open(t)
		return s
	}
}

// open returns a client's connections, which units may use.
func (s *scene) open(t *testing.T) *sqlx.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(s.server.NetworkDSN(s.Addr(), s.schema) + "?multiStatements=true&interpolateParams=true")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	t.Cleanup(func() { db.Close() })
	return db
}

func (s *scene) lock(pool string) string { return "wire:" + s.schema + ":" + pool }

// work is a unit of work in a session of its own, which is thrown away unless
// all went well. It returns the seq that it wrote.
func (s *scene) work(ctx context.Context, pool string, locking bool) (seq int, err error) {
	conn, err := s.client.Connx(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		conn.Close()
	}()
	if seq, err = s.read(ctx, conn, pool, locking); err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	if err = s.write(ctx, conn, pool, seq, locking); err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	return seq + 1, nil
}

func (s *scene) read(ctx context.Context, conn *sqlx.Conn, pool string, locking bool) (seq int, err error) {
	var (
		text string
		args []any
		now  string
		n    int
		name string
	)
	dest := [][]any{{&now}, {&seq, &n}, {&name}}
	granted := 1
	if locking {
		text, args, dest = `SELECT GET_LOCK(?, ?);`, []any{s.lock(pool), 5}, append([][]any{{&granted}}, dest...)
	}
	text += `SET TRANSACTION ISOLATION LEVEL READ COMMITTED;START TRANSACTION;SELECT seq
		INTO @seq
		FROM pools WHERE pool = ? FOR UPDATE;SELECT NOW(6);SELECT seq, @seq FROM pools WHERE pool = ?;` +
		`SELECT planner FROM planners WHERE pool = ? FOR UPDATE`
	rows, err := conn.QueryxContext(ctx, text, append(args, pool, pool, pool)...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for i, d := range dest {
		if i > 0 && !rows.NextResultSet() {
			return 0, fmt.Errorf("result %d is missing: %w", i, rows.Err())
		}
		if !rows.Next() {
			return 0, fmt.Errorf("result %d is empty: %w", i, rows.Err())
		}
		if err := rows.Scan(d...); err != nil {
			return 0, err
		}
	}
	if rows.NextResultSet() {
		return 0, fmt.Errorf("a result too many")
	}
	if granted != 1 || seq != n || name != "p1" {
		return 0, fmt.Errorf("lock %d, seq %d and %d, planner %q", granted, seq, n, name)
	}
	return seq, errors.Join(rows.Err(), rows.Close())
}

func (s *scene) write(ctx context.Context, conn *sqlx.Conn, pool string, seq int, locking bool) error {
	text := `UPDATE pools SET seq = IF(seq = ?, ?, NULL) WHERE pool = ?;` +
		`INSERT INTO planners (pool, planner, assigned) VALUES (?,?,?) ON DUPLICATE KEY UPDATE assigned = VALUES(assigned);` +
		`INSERT INTO assignments (pool, seq, customer) VALUES (?,?,?);COMMIT`
	args := []any{seq, seq + 1, pool, pool, "p1", seq + 1, pool, seq + 1, "it's; COMMIT\\"}
	if locking {
		text += `;SELECT RELEASE_LOCK(?)`
		args = append(args, s.lock(pool))
	}
	rows, err := conn.QueryxContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !locking {
		return rows.Close()
	}
	released := 0
	if rows.Next() {
		err = rows.Scan(&released)
	}
	if err == nil && released != 1 {
		err = fmt.Errorf("released %d: %v", released, rows.Err())
	}
	if err != nil {
		return err
	}
	return rows.Close()
}

// mustWork is a unit that has to go well.
func (s *scene) mustWork(t *testing.T, pool string, locking bool) {
	t.Helper()
	if _, err := s.work(t.Context(), pool, locking); err != nil {
		t.Errorf("unit of %s: %v", pool, err)
	}
}

// get returns the one value that query selects, past the wire.
func get[T any](t *testing.T, s *scene, query string, args ...any) T {
	t.Helper()
	var v T
	if err := s.admin.GetContext(t.Context(), &v, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// assigned is how many assignments are committed.
func (s *scene) assigned(t *testing.T, pool string) int {
	t.Helper()
	return get[int](t, s, `SELECT COUNT(*) FROM assignments WHERE pool = ?`, pool)
}

// sessions is how many the client has on the server.
func (s *scene) sessions(t *testing.T) int {
	t.Helper()
	return get[int](t, s, `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = ? AND USER = 'fairlead'`, s.schema)
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in 20 s it has not come to this: %s", what)
		}
	}
}
