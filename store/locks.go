package store

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/lock"
)

// maxKnownLocks bounds how many pools' locks are asked for one by one, where
// the server has no better way to tell.
const maxKnownLocks = 1000

// migrateKey is the key of the lock under which a schema is migrated. It has a
// colon, which pool ids have not.
const migrateKey = "migrate:lock"

// Locks shows the named locks of a server, and ends their holders. It needs no
// tables of ours; where they are, it knows the pools behind the names, and
// keeps an audit of what it ended.
type Locks struct {
	db      *sqlx.DB // for looking
	kills   *sqlx.DB // for ending holders, which must not queue behind people's reads
	schema  string   // empty: none was named
	scope   string   // of the names of this schema's locks
	service bool     // part of a service: nobody is ended without an audit
	log     *slog.Logger
}

// OpenLocks prepares a Locks on the server that dsn names, for people who have
// an account there and no running service. Close it after use. It does not
// connect. The name may leave the schema out, or name one that is not ours.
func OpenLocks(dsn string) (*Locks, error) {
	cfg, err := looking(dsn)
	if err != nil {
		return nil, err
	}
	if cfg, err = named(cfg, "", "locks"); err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	db, err := open(cfg, 2, log)
	if err != nil {
		return nil, err
	}
	return &Locks{db: db, kills: db, schema: cfg.DBName, scope: scopeOf(cfg.DBName), log: log}, nil
}

// Locks returns a Locks on s's connections: those for reads, and for kills
// those that writes begin with, which are given back at once. It ends with s.
func (s *Store) Locks() *Locks {
	return &Locks{db: s.reads, kills: s.lookups, schema: s.schema, scope: s.scope, service: true, log: s.log}
}

// Close closes what [OpenLocks] opened.
func (l *Locks) Close() error { return l.db.Close() }

// List returns the locks that are held or waited for: those of this schema, or
// with all those of the whole server. Errors: [assign.ErrUnavailable].
func (l *Locks) List(ctx context.Context, all bool) (assign.LockList, error) {
	pools, err := l.pools(ctx, l.db, maxKnownLocks)
	if err != nil {
		return assign.LockList{}, err
	}
	known := &poolNames{pools: l.namesOf(pools), all: len(pools) < maxKnownLocks}
	list, err := l.inspect(ctx, l.db, slices.Collect(maps.Keys(known.pools)), known)
	if err != nil || all {
		return list, err
	}
	list.Locks = slices.DeleteFunc(list.Locks, func(v assign.LockView) bool { return !v.Ours })
	return list, nil
}

// Lock returns a lock by its name, or by its pool's id: what can be one, is
// one. A lock that is free, or that nobody ever took, is an answer too. A pool's
// lock is followed by another application's of the name that is the pool's id,
// if there is one that is held or waited for. Errors: [assign.ErrUnavailable].
func (l *Locks) Lock(ctx context.Context, name string) (assign.LockList, error) {
	return l.lookUp(ctx, l.db, name)
}

func (l *Locks) lookUp(ctx context.Context, db *sqlx.DB, name string) (assign.LockList, error) {
	names, known := l.meant(name)
	list, err := l.inspect(ctx, db, names, known)
	if err != nil {
		return assign.LockList{}, err
	}
	seen := list.Locks
	list.Locks = nil
	for i, n := range names {
		v, err := l.one(ctx, db, n, known, seen)
		if err != nil {
			return assign.LockList{}, err
		}
		if i == 0 || !v.Free() {
			list.Locks = append(list.Locks, v)
		}
	}
	return list, nil
}

// one is the lock of this name among those that were seen, or a free one.
func (l *Locks) one(ctx context.Context, db *sqlx.DB, name lock.Name, known *poolNames, seen []assign.LockView) (assign.LockView, error) {
	if i := slices.IndexFunc(seen, func(v assign.LockView) bool { return v.Name == string(name) }); i >= 0 {
		return seen[i], nil
	}
	return l.view(ctx, db, lock.Held{Name: name}, known)
}

// meant returns the names of the locks that somebody can mean who writes name.
func (l *Locks) meant(name string) ([]lock.Name, *poolNames) {
	if pool, err := assign.ParsePoolID("name", name); err == nil && l.schema != "" {
		full := lock.NameOf(l.scope, name)
		return []lock.Name{full, lock.Name(name)}, &poolNames{pools: map[lock.Name]assign.PoolID{full: pool}}
	}
	return []lock.Name{lock.Name(name)}, &poolNames{}
}

// inspect returns all locks that the server shows, and those of names that it
// only tells of when it is asked.
func (l *Locks) inspect(ctx context.Context, db *sqlx.DB, names []lock.Name, known *poolNames) (assign.LockList, error) {
	report, err := lock.Inspect(ctx, db, names)
	if err != nil {
		return assign.LockList{}, unreadable(ctx, err)
	}
	list := assign.LockList{Source: string(report.Source), CannotSee: report.CannotSee, Remedy: report.Remedy}
	if report.Source == lock.FromFunctions && len(names) == maxKnownLocks {
		list.CannotSee = strings.TrimSpace(fmt.Sprintf("%s Of the pools, only the %d that changed last were asked for.", list.CannotSee, maxKnownLocks))
	}
	for _, h := range report.Locks {
		v, err := l.view(ctx, db, h, known)
		if err != nil {
			return assign.LockList{}, err
		}
		list.Locks = append(list.Locks, v)
	}
	return list, nil
}

func (l *Locks) view(ctx context.Context, db *sqlx.DB, h lock.Held, known *poolNames) (v assign.LockView, err error) {
	v.Name = string(h.Name)
	v.Pool, v.Ours, err = l.owner(ctx, db, h.Name, known)
	if h.Holder != nil {
		v.Holder = new(session(*h.Holder))
	}
	for _, w := range h.Waiters {
		v.Waiters = append(v.Waiters, session(w))
	}
	return v, err
}

func session(o lock.Owner) assign.SessionView {
	return assign.SessionView{ConnectionID: o.ConnectionID, User: o.User, Host: o.Host, Program: o.Program,
		Instance: o.Instance, Statement: o.Statement, For: o.For, Exact: o.Exact}
}

// owner reports whether a lock is one of this schema's, and the pool that it
// guards if it guards one. The names of another schema can begin like ours, so
// a name is ours only if it is the very one that we would give.
func (l *Locks) owner(ctx context.Context, db *sqlx.DB, name lock.Name, known *poolNames) (pool assign.PoolID, ours bool, err error) {
	if l.schema == "" {
		return "", false, nil
	}
	if pool, ok := known.pools[name]; ok {
		return pool, true, nil
	}
	if name == lock.NameOf(l.scope, migrateKey) {
		return "", true, nil
	}
	if rest, ok := strings.CutPrefix(string(name), l.scope+":"); ok && lock.NameOf(l.scope, rest) == name {
		pool, err := assign.ParsePoolID("name", rest)
		return pool, err == nil, nil
	}
	if !name.CutIn(l.scope) || known.all {
		return "", false, nil
	}
	pools, err := l.pools(ctx, db, math.MaxInt64)
	if err != nil {
		return "", false, err
	}
	*known = poolNames{pools: l.namesOf(pools), all: true}
	pool, ours = known.pools[name]
	return pool, ours, nil
}

// poolNames are the pools behind the names of locks. Every pool's are read only
// where a name is cut, and then once: anybody can take locks of such names.
type poolNames struct {
	pools map[lock.Name]assign.PoolID
	all   bool // pools has all of them
}

func (l *Locks) namesOf(pools []assign.PoolID) map[lock.Name]assign.PoolID {
	names := make(map[lock.Name]assign.PoolID, len(pools))
	for _, pool := range pools {
		names[lock.NameOf(l.scope, string(pool))] = pool
	}
	return names
}

// pools are the pools that were written to last. There are none where the
// tables are not ours, or not for this account to read.
func (l *Locks) pools(ctx context.Context, db *sqlx.DB, limit int64) (pools []assign.PoolID, err error) {
	if l.schema == "" {
		return nil, nil
	}
	err = db.SelectContext(ctx, &pools, `SELECT pool FROM pools ORDER BY last_at DESC LIMIT ?`, limit)
	if n, _ := number(err); noPools[n] {
		return nil, nil
	}
	return pools, wrap("list pools", unreadable(ctx, err))
}

// noPools are the server's errors for a table that is not there, is another
// application's, or is not for this account.
var noPools = map[uint16]bool{
	1044: true, // ER_DBACCESS_DENIED_ERROR
	1049: true, // ER_BAD_DB_ERROR
	1054: true, // ER_BAD_FIELD_ERROR
	1142: true, // ER_TABLEACCESS_DENIED_ERROR
	1143: true, // ER_COLUMNACCESS_DENIED_ERROR
	1146: true, // ER_NO_SUCH_TABLE
}
