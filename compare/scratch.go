package compare

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
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
		return s.mustBeEmpty(ctx)
	}
	// Named in full, since the connections are in no schema until there is one.
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+quoted(s.schema)); err != nil {
		if refusedSchema(err) {
			return fmt.Errorf("--dsn: the account may not create a schema to work in; make an empty one that it may use, and name it with --schema (%w)", err)
		}
		return fmt.Errorf("create a schema to work in: %w", err)
	}
	if err := s.moveIn(); err != nil {
		return errors.Join(err, s.drop())
	}
	return nil
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
	err := s.admin.SelectContext(ctx, &names, `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? ORDER BY table_name`, s.schema)
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
	if s.own {
		if _, err := s.admin.ExecContext(ctx, "DROP DATABASE "+quoted(s.schema)); err != nil {
			return fmt.Errorf("schema %s is left behind, drop it by hand: %w", s.schema, err)
		}
		return nil
	}
	// It was empty, and it is ours for as long as this takes.
	names, err := s.listTables(ctx)
	for _, name := range names {
		_, dropErr := s.admin.ExecContext(ctx, "DROP TABLE "+quoted(name))
		err = errors.Join(err, dropErr)
	}
	if err != nil {
		return fmt.Errorf("tables in schema %s are left behind, drop them by hand: %w", s.schema, err)
	}
	return nil
}

// dsn leads to the schema.
func (s *scratch) dsn() string { return s.cfg.FormatDSN() }

// connections returns those that the designs share that take one for each
// request. The server must allow as many, with some for others.
func (s *scratch) connections(ctx context.Context, n int) (*sqlx.DB, error) {
	const spare = 10
	var most int
	if err := s.admin.GetContext(ctx, &most, `SELECT @@max_connections`); err != nil {
		return nil, fmt.Errorf("ask for max_connections: %w", err)
	}
	if most > 0 && n+spare > most { // TiDB's 0 is no limit
		return nil, fmt.Errorf("--connections %d: the server allows %d in all (max_connections); take at most %d", n, most, max(1, most-spare))
	}
	return s.open(n)
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
