package compare

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// scratchPrefix begins the names of the schemas that are made, so that a person
// knows what one is that was left behind.
const scratchPrefix = "fairlead_compare_"

// A scratch is the schema in which everything happens.
type scratch struct {
	cfg    *mysql.Config // leads to the schema
	schema string
	own    bool     // it was made here, and not named by the user
	admin  *sqlx.DB // not for what is measured
}

func checkSchemaName(name string) error {
	if len(name) > 64 || strings.ContainsAny(name, "`\x00") {
		return fmt.Errorf("--schema %q: is no name of a schema", name)
	}
	return nil
}

// openScratch makes a schema of a name that nobody has, or takes the empty one
// that the user named.
func openScratch(ctx context.Context, dsn, schema string) (*scratch, error) {
	if dsn == "" {
		return nil, errors.New("--dsn: no database is given")
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("--dsn: %w", err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	s := &scratch{cfg: cfg, schema: schema, own: schema == ""}
	if s.own {
		s.schema = scratchPrefix + strings.ToLower(rand.Text()[:10])
		cfg.DBName = ""
	} else {
		cfg.DBName = schema
	}
	if s.admin, err = s.open(4); err != nil {
		return nil, err
	}
	if err := s.claim(ctx); err != nil {
		return nil, errors.Join(err, s.admin.Close())
	}
	return s, nil
}

func (s *scratch) claim(ctx context.Context) error {
	if err := s.admin.PingContext(ctx); err != nil {
		if refusedSchema(err) && !s.own {
			return fmt.Errorf("--schema %s: the account may not use it, or it does not exist: %w", s.schema, err)
		}
		return fmt.Errorf("--dsn: connect to the database: %w", err)
	}
	if !s.own {
		return s.occupy(ctx)
	}
	if err := s.create(ctx); err != nil {
		return err
	}
	if err := s.moveIn(); err != nil {
		return errors.Join(err, s.drop())
	}
	return nil
}

// create makes the schema. It is not cut off: the server would go on, and make
// one that nobody drops.
func (s *scratch) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+quoted(s.schema))
	switch {
	case err == nil:
		return nil
	case refusedSchema(err):
		return fmt.Errorf("--dsn: the account may not create a schema to work in; make an empty one that it may use, and name it with --schema (%w)", err)
	case refused(err):
		return fmt.Errorf("create a schema to work in: %w", err)
	}
	return errors.Join(fmt.Errorf("create a schema to work in: %w", err), s.drop()) // it may be there, unanswered
}

// moveIn leads all further connections to the schema.
func (s *scratch) moveIn() error {
	s.cfg.DBName = s.schema
	admin, err := s.open(4)
	if err != nil {
		return err
	}
	_ = s.admin.Close()
	s.admin = admin
	return nil
}

// occupy takes the schema that the user named.
func (s *scratch) occupy(ctx context.Context) error {
	if err := s.mustBeEmpty(ctx); err != nil {
		return err
	}
	return s.sign(ctx)
}

// signTable says whose a named schema is.
const signTable = "fairlead_compare"

// sign makes the table. Of two comparisons that find a schema empty at the same
// time, one can.
func (s *scratch) sign(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_, err := s.admin.ExecContext(ctx, "CREATE TABLE "+quoted(signTable)+" (n INT NOT NULL PRIMARY KEY)")
	if err == nil {
		return nil
	}
	err = fmt.Errorf("--schema %s: make a table in it: %w", s.schema, err)
	if refused(err) {
		return err
	}
	return errors.Join(err, s.drop()) // it may be there, unanswered
}

func (s *scratch) mustBeEmpty(ctx context.Context) error {
	names, err := s.listTables(ctx)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("--schema %s: has %d tables or views (%s); name an empty schema, for what is made in it is dropped at the end", s.schema, len(names), names[0])
	}
	return nil
}

func (s *scratch) listTables(ctx context.Context) ([]string, error) {
	var names []string
	err := s.admin.SelectContext(ctx, &names, `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name`)
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", s.schema, err)
	}
	return names, nil
}

// refusedSchema reports whether the server says that this account may not, or
// that there is no such schema, which it says to some who may not.
func refusedSchema(err error) bool {
	const accessDenied, unknownSchema, privilegeNeeded = 1044, 1049, 1227
	said := (*mysql.MySQLError)(nil)
	return errors.As(err, &said) && slices.Contains([]uint16{accessDenied, unknownSchema, privilegeNeeded}, said.Number)
}

func quoted(name string) string { return "`" + name + "`" }

// close drops what was made. All other connections must be closed.
func (s *scratch) close() error { return errors.Join(s.drop(), s.admin.Close()) }

func (s *scratch) drop() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	drop, what := "DROP DATABASE IF EXISTS "+quoted(s.schema), "schema "+s.schema+" is left behind, drop it by hand"
	if !s.own {
		// By name: somebody else may have made tables there meanwhile.
		drop, what = "DROP TABLE IF EXISTS "+strings.Join(tableNames(), ", "), "tables in schema "+s.schema+" are left behind, drop them by hand"
	}
	err := insist(ctx, func() error {
		_, err := s.admin.ExecContext(ctx, drop)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// tableNames are all that this package makes, quoted; the sign is last.
func tableNames() []string {
	names := []string{"pools", "planners", "assignments", "reassignments", "numbers", "phones", "events", "audit", "goose_db_version"}
	for _, design := range []string{NoLock, Textbook, RowLock} {
		names = append(names, design+"_pools", design+"_planners", design+"_assignments")
	}
	names = append(names, signTable)
	for i := range names {
		names[i] = quoted(names[i])
	}
	return names
}

// dsn leads to the schema.
func (s *scratch) dsn() string { return s.cfg.FormatDSN() }

// connections returns those that the designs share that take one for each
// request. The server must have room for as many beside those of others.
func (s *scratch) connections(ctx context.Context, n int) (*sqlx.DB, error) {
	most, err := s.number(ctx, `SHOW VARIABLES LIKE 'max_connections'`)
	if err != nil {
		return nil, err
	}
	mine, err := s.number(ctx, `SHOW VARIABLES LIKE 'max_user_connections'`)
	if err != nil {
		return nil, err
	}
	used, err := s.number(ctx, `SHOW GLOBAL STATUS LIKE 'Threads_connected'`)
	if err != nil {
		return nil, err
	}
	if r := room(most, mine, used); n > r {
		return nil, fmt.Errorf("--connections %d: the server has room for %d (max_connections is %d, of which %d are in use; max_user_connections is %d; some are left free)", n, r, most, used, mine)
	}
	return s.open(n)
}

// room is how many connections may be opened: most is the server's limit, mine
// the account's, and 0 is none. Some stay free for our own design and for
// others that come.
func room(most, mine, used int) int {
	const spare = 10
	r := math.MaxInt
	if most > 0 {
		r = most - used - spare
	}
	if mine > 0 {
		r = min(r, mine-spare)
	}
	return max(0, r)
}

// number returns the value that SHOW tells; 0 if the server has none of the
// name.
func (s *scratch) number(ctx context.Context, show string) (int, error) {
	var name string
	var value int
	err := s.admin.QueryRowxContext(ctx, show).Scan(&name, &value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%s: %w", show, err)
	}
	return value, nil
}

// open returns up to n connections as an experienced user of the driver sets
// them up: parameters are put into the text, which saves a round trip for each
// statement, and connections stay open.
func (s *scratch) open(n int) (*sqlx.DB, error) {
	cfg := s.cfg.Clone()
	cfg.InterpolateParams, cfg.ParseTime, cfg.Loc = true, true, time.UTC
	cfg.Logger = &mysql.NopLogger{} // what matters is returned
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("--dsn: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(readCommitted{connector}), "mysql")
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// readCommitted sets the isolation level once for each connection. To ask for
// it with each transaction would cost a round trip every time.
type readCommitted struct{ driver.Connector }

func (c readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	_, err = conn.(driver.ExecerContext).ExecContext(ctx, `SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`, nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
