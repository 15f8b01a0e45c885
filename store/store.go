// Package store keeps pools in MySQL, MariaDB or TiDB. It is the only place
// where a named lock and a transaction meet.
//
// The order of a unit is lock, begin, read, write, commit, release, all in one
// session: a snapshot taken before the lock was ours could miss the last
// holder's commit, and a release before our commit would hide ours from the
// next. The lock alone does not make the data right, though: it may be lost,
// killed or switched off. The row in pools does, which every unit locks before
// it reads anything else.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/lock"
)

// Options choose how a [Store] works. The zero value of a field is its default.
type Options struct {
	// Units is how many connections units may use at once; default 16. It
	// must be at least the [assign.CombinerConfig]'s.
	Units int

	// Reads is how many connections reads may use at once; default 8, at
	// least 2, which [Store.Check] takes.
	Reads int

	// LockOff runs units without the named lock. Nothing is assigned twice
	// even so; what is lost is the order among instances, and a lock that
	// people can see and end.
	LockOff bool

	// Instance is what people who look at the server's own tables see this
	// process called, as the attribute instance of its connections; empty: not
	// at all. It may have up to 128 bytes, without commas.
	Instance string

	Log *slog.Logger // default: nowhere
}

// A Store is the [assign.Ledger] in a database, and what people may read of
// it. Close it after use.
type Store struct {
	schema  string
	scope   string // of lock names
	lockOff bool
	log     *slog.Logger

	units   *sqlx.DB // packets of several statements; for units only
	reads   *sqlx.DB
	lookups *sqlx.DB // the short reads that writes and telephone calls begin with, which people's must not hold up

	maxPacket atomic.Int64 // the server's max_allowed_packet; 0 until it is known
}

var _ assign.Ledger = (*Store)(nil)

// idleTime is how long an unused connection is kept; it must be less than
// waitTimeout, at which the server ends it.
const idleTime = (waitTimeout - 5) * time.Second

// Open prepares a Store on the database that dsn names, in the driver's form.
// It does not connect: call [Store.Check] before use.
func Open(dsn string, o Options) (*Store, error) {
	cfg, err := config(dsn)
	if err != nil {
		return nil, err
	}
	if o.Units == 0 {
		o.Units = 16
	}
	if o.Reads == 0 {
		o.Reads = 8
	}
	if o.Units < 1 || o.Reads < 2 {
		return nil, fmt.Errorf("%d connections for units and %d for reads are too few: 1 and 2 are the least", o.Units, o.Reads)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{schema: cfg.DBName, scope: scopeOf(cfg.DBName), lockOff: o.LockOff, log: o.Log}
	if s.reads, err = openRole(cfg, "reads", o.Reads, o); err != nil {
		return nil, err
	}
	if s.lookups, err = openRole(cfg, "lookups", lookups, o); err != nil {
		return nil, err
	}
	// Several statements in one packet save round trips, and would turn any
	// injection into many statements: only units have it, whose texts are
	// constants and placeholders.
	cfg.MultiStatements = true
	if s.units, err = openRole(cfg, "units", o.Units, o); err != nil {
		return nil, err
	}
	return s, nil
}

// lookups is how many connections there are for what writes look up first, and
// for where calls go.
const lookups = 4

// openRole is open for connections of ours that are for one thing, and say so.
func openRole(cfg *mysql.Config, role string, size int, o Options) (*sqlx.DB, error) {
	cfg, err := named(cfg, o.Instance, role)
	if err != nil {
		return nil, err
	}
	return open(cfg, size, o.Log)
}

func open(cfg *mysql.Config, size int, log *slog.Logger) (*sqlx.DB, error) {
	cfg = cfg.Clone()
	cfg.Logger = driverLog{log}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("data source name: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(boundedConnector{connector, cfg.Timeout}), "mysql")
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size) // a unit is cheap only on a connection that is open
	db.SetConnMaxIdleTime(idleTime)
	return db, nil
}

// A boundedConnector gives up on a server that accepts a connection and then
// says nothing. The driver's own timeout ends with the dial, and database/sql
// opens connections that others wait for without a deadline.
type boundedConnector struct {
	driver.Connector
	limit time.Duration
}

func (c boundedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	return c.Connector.Connect(ctx)
}

// driverLog hands what the driver says to our log, at a level that tells that
// the error is returned as well.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) { l.log.Debug("database driver", "message", fmt.Sprint(v...)) }

// Close closes all connections. It must not be called while a unit runs.
func (s *Store) Close() error {
	return errors.Join(s.units.Close(), s.reads.Close(), s.lookups.Close())
}

// Writable returns an error if the database does not answer, does not take
// writes just now, or cannot be read.
func (s *Store) Writable(ctx context.Context) error {
	var readOnly bool
	err := s.lookups.GetContext(ctx, &readOnly, `SELECT @@global.read_only OR EXISTS (SELECT 1 FROM pools WHERE pool = '')`)
	if err == nil && readOnly {
		err = errors.New("the server is read-only")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", assign.ErrUnavailable, err)
	}
	return nil
}

// DBs returns the sets of connections for metrics, by what they are for.
func (s *Store) DBs() map[string]*sql.DB {
	return map[string]*sql.DB{"units": s.units.DB, "reads": s.reads.DB, "lookups": s.lookups.DB}
}

// scopeOf is what the names of a schema's locks begin with.
func scopeOf(schema string) string { return "fairlead:" + schema }

// LockName is the name of pool's lock on the server.
func (s *Store) LockName(pool assign.PoolID) lock.Name { return lock.NameOf(s.scope, string(pool)) }
