package lock

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// A Held is a lock with who holds it and who waits for it.
type Held struct {
	Name    Name
	Holder  *Owner  // nil if the lock is free
	Waiters []Owner // longest waiting first
}

// An Owner is a session that holds a lock or waits for it. What the source
// cannot see is zero.
type Owner struct {
	ConnectionID int64
	User         string
	Host         string
	Program      string        // from the connection's attributes
	For          time.Duration // waiting so long; negative if that, or a holder's time, cannot be seen
}

// A Source is where locks were read, which says what can be missing.
type Source string

const (
	// FromPerformanceSchema sees every holder and every waiter.
	FromPerformanceSchema Source = "performance_schema.metadata_locks"

	// FromPlugin sees every holder; waiters as FromFunctions does.
	FromPlugin Source = "information_schema.metadata_lock_info"

	// FromFunctions sees the holders of the names that were asked for, and
	// waiters as far as this account may see the process list: without the
	// PROCESS privilege, its own.
	FromFunctions Source = "is_used_lock"
)

// List returns the locks that are held or waited for, by the best source that
// this account can read. Where the source knows only names that it is asked
// for, those are known; a known name that is free is left out.
func List(ctx context.Context, db sqlx.QueryerContext, known []Name) ([]Held, Source, error) {
	locks, err := fromPerformanceSchema(ctx, db)
	if err == nil {
		return locks, FromPerformanceSchema, nil
	}
	if !unreadable(err) {
		return nil, "", fmt.Errorf("list locks: %w", err)
	}
	source := FromPlugin
	holders, err := fromPlugin(ctx, db)
	if unreadable(err) {
		source = FromFunctions
		holders, err = fromFunctions(ctx, db, known)
	}
	if err == nil {
		locks, err = withProcesses(ctx, db, holders)
	}
	if err != nil {
		return nil, "", fmt.Errorf("list locks: %w", err)
	}
	return locks, source, nil
}

// errOff means that the instrument that would see locks is switched off.
var errOff = errors.New("instrument wait/lock/metadata/sql/mdl is off")

// unreadable tells a source that is not there for us from one that failed.
func unreadable(err error) bool {
	me := (*mysql.MySQLError)(nil)
	return errors.Is(err, errOff) || errors.As(err, &me) &&
		(me.Number == 1142 || me.Number == 1227 || me.Number == 1109 || me.Number == 1146 || me.Number == 1049)
}

const (
	selectInstrument = `SELECT ENABLED FROM performance_schema.setup_instruments WHERE NAME = 'wait/lock/metadata/sql/mdl'`

	// Waiters come by how long they have waited, in whole seconds, and then in
	// the order in which their sessions were opened.
	selectMetadataLocks = `
		SELECT l.OBJECT_NAME AS name, l.LOCK_STATUS = 'GRANTED' AS granted, t.PROCESSLIST_ID AS id,
			COALESCE(t.PROCESSLIST_USER, '') AS user, COALESCE(t.PROCESSLIST_HOST, '') AS host,
			COALESCE(t.PROCESSLIST_TIME, 0) AS seconds, COALESCE(a.ATTR_VALUE, '') AS program
		FROM performance_schema.metadata_locks l
		JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID
		LEFT JOIN performance_schema.session_connect_attrs a
			ON a.PROCESSLIST_ID = t.PROCESSLIST_ID AND a.ATTR_NAME = 'program_name'
		WHERE l.OBJECT_TYPE = 'USER LEVEL LOCK'
		ORDER BY l.OBJECT_NAME, granted DESC, seconds DESC, id`
)

func fromPerformanceSchema(ctx context.Context, db sqlx.QueryerContext) ([]Held, error) {
	var enabled string
	err := sqlx.GetContext(ctx, db, &enabled, selectInstrument)
	if errors.Is(err, sql.ErrNoRows) || err == nil && enabled != "YES" {
		return nil, errOff // the tables are there and empty
	}
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Name    string
		Granted bool
		ID      int64
		User    string
		Host    string
		Seconds int64
		Program string
	}
	if err := sqlx.SelectContext(ctx, db, &rows, selectMetadataLocks); err != nil {
		return nil, err
	}
	var locks []Held
	for _, r := range rows {
		if len(locks) == 0 || locks[len(locks)-1].Name != Name(r.Name) {
			locks = append(locks, Held{Name: Name(r.Name)})
		}
		l := &locks[len(locks)-1]
		o := Owner{ConnectionID: r.ID, User: r.User, Host: r.Host, Program: r.Program, For: -1}
		if r.Granted {
			l.Holder = &o // its PROCESSLIST_TIME is that of its present state
			continue
		}
		o.For = time.Duration(r.Seconds) * time.Second
		l.Waiters = append(l.Waiters, o)
	}
	return locks, nil
}

func fromPlugin(ctx context.Context, db sqlx.QueryerContext) (map[Name]int64, error) {
	var rows []struct {
		Name string
		ID   int64
	}
	err := sqlx.SelectContext(ctx, db, &rows, `
		SELECT TABLE_SCHEMA AS name, THREAD_ID AS id FROM information_schema.metadata_lock_info
		WHERE LOCK_TYPE = 'User lock'`)
	if err != nil {
		return nil, err
	}
	holders := make(map[Name]int64, len(rows))
	for _, r := range rows {
		holders[Name(r.Name)] = r.ID
	}
	return holders, nil
}

func fromFunctions(ctx context.Context, db sqlx.QueryerContext, known []Name) (map[Name]int64, error) {
	holders := map[Name]int64{}
	for names := range slices.Chunk(known, 100) { // one round trip for so many
		args := make([]any, len(names))
		for i, name := range names {
			args[i] = string(name)
		}
		query := `SELECT ` + strings.TrimSuffix(strings.Repeat(`IS_USED_LOCK(?),`, len(names)), `,`)
		ids := make([]sql.NullInt64, len(names))
		dest := make([]any, len(names))
		for i := range ids {
			dest[i] = &ids[i]
		}
		if err := db.QueryRowxContext(ctx, query, args...).Scan(dest...); err != nil {
			return nil, err
		}
		for i, name := range names {
			if ids[i].Valid {
				holders[name] = ids[i].Int64
			}
		}
	}
	return holders, nil
}

// waitsFor finds the name in the statement of a session that waits for a lock.
var waitsFor = regexp.MustCompile(`(?i)GET_LOCK\s*\(\s*'([^']+)'`)

// withProcesses adds what the process list says of holders, and the waiters
// that it shows.
func withProcesses(ctx context.Context, db sqlx.QueryerContext, holders map[Name]int64) ([]Held, error) {
	list, err := processes(ctx, db)
	if err != nil {
		return nil, err
	}
	byName := map[Name]*Held{}
	at := func(name Name) *Held {
		if byName[name] == nil {
			byName[name] = &Held{Name: name}
		}
		return byName[name]
	}
	owners := map[int64]Owner{}
	for _, p := range list {
		o := Owner{ConnectionID: p.id, User: p.user, Host: p.host, For: -1}
		owners[p.id] = o
		if m := waitsFor.FindStringSubmatch(p.info.String); m != nil && p.state.String == "User lock" {
			o.For = time.Duration(p.seconds.Int64) * time.Second
			l := at(Name(m[1]))
			l.Waiters = append(l.Waiters, o)
		}
	}
	for name, id := range holders {
		o, seen := owners[id]
		if !seen {
			o = Owner{ConnectionID: id, For: -1}
		}
		at(name).Holder = &o
	}
	locks := make([]Held, 0, len(byName))
	for _, l := range byName {
		locks = append(locks, *l)
	}
	slices.SortFunc(locks, func(a, b Held) int { return cmp.Compare(a.Name, b.Name) })
	return locks, nil
}
