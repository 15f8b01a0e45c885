package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/go-sql-driver/mysql"
	"github.com/oklog/ulid/v2"

	"fairlead/assign"
	"fairlead/internal/localdb"
	"fairlead/store"
)

// schema is Fairlead's in the private database.
const schema = "fairlead"

// databaseFlags say which database a subcommand works on.
type databaseFlags struct {
	DSN     string `env:"FAIRLEAD_DSN" placeholder:"USER:PASSWORD@tcp(HOST:3306)/SCHEMA" help:"Database to use, in go-sql-driver form. Without it, a private one is used or started."`
	DataDir string `env:"FAIRLEAD_DATA_DIR" default:"${data_dir}" help:"Folder of the private database."`
}

// open returns the DSN of the database, starting the private one if there is
// no other and nobody runs it. close stops what was started.
func (f databaseFlags) open(ctx context.Context, log *slog.Logger) (dsn string, close func() error, err error) {
	if f.DSN == "" {
		cfg, running, err := localdb.Join(ctx, f.DataDir)
		if err != nil {
			return "", nil, err
		}
		if running {
			dsn, err := withSchema(ctx, cfg)
			return dsn, func() error { return nil }, err
		}
	}
	return f.openOwn(ctx, log)
}

// openOwn is open for a program that others depend on: it does not join a
// private database that would end with somebody else.
func (f databaseFlags) openOwn(ctx context.Context, log *slog.Logger) (dsn string, close func() error, err error) {
	if f.DSN != "" {
		return f.DSN, func() error { return nil }, nil
	}
	server, err := localdb.Start(ctx, localdb.Options{Dir: f.DataDir, Log: log})
	if err != nil {
		return "", nil, err
	}
	if dsn, err = withSchema(ctx, server.Config("")); err != nil {
		_ = server.Close()
		return "", nil, err
	}
	return dsn, server.Close, nil
}

func withSchema(ctx context.Context, cfg *mysql.Config) (string, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+schema); err != nil {
		return "", fmt.Errorf("make schema in the private database: %w", err)
	}
	cfg = cfg.Clone()
	cfg.DBName = schema
	return cfg.FormatDSN(), nil
}

// storeFlags are those of a subcommand that works on the store and ends.
type storeFlags struct {
	databaseFlags
	logFlags
}

// withExisting is withStore for subcommands that only look: they make no
// database where there is none.
func (f storeFlags) withExisting(ctx context.Context, fn func(*store.Store) error) error {
	if err := f.exists(); err != nil {
		return err
	}
	return f.withStore(ctx, fn)
}

// exists says what to do if there is no database to look at.
func (f databaseFlags) exists() error {
	if f.DSN == "" && !localdb.Exists(f.DataDir) {
		return fmt.Errorf("there is no private database in %s: give its folder with --data-dir, or another database with --dsn", f.DataDir)
	}
	return nil
}

// withStore runs fn on the store of a subcommand's database.
func (f storeFlags) withStore(ctx context.Context, fn func(*store.Store) error) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	dsn, stop, err := f.open(ctx, log)
	if err != nil {
		return err
	}
	defer stop()
	st, err := store.Open(dsn, store.Options{Log: log})
	if err != nil {
		return err
	}
	defer st.Close()
	if _, err := st.Check(ctx); err != nil {
		return err
	}
	return fn(st)
}

// combine puts the domain on top of a ledger.
func combine(l assign.Ledger, c assign.CombinerConfig) (*assign.Combiner, error) {
	return assign.NewCombiner(&assign.Service{Ledger: l, NewID: newID}, c)
}

func newID() string { return ulid.Make().String() }
