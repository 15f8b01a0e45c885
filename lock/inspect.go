package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// A Held is a lock with who holds it and who waits for it.
type Held struct {
	Name    Name    // as known to the caller of [Inspect], else as the server spells it
	Holder  *Owner  // nil if the lock is free
	Waiters []Owner // longest waiting first, which is the order in which MySQL and MariaDB serve them
}

// An Owner is a session that holds a lock or waits for it. What the source
// cannot see is zero.
type Owner struct {
	ConnectionID int64 // 0 if the server does not say who it is
	User         string
	Host         string
	Program      string // from the connection's attributes
	Instance     string // the same; of our own programs only
	Statement    string // what it runs now, short, with a ? in the place of every literal

	// For is how long it has held the lock, or waited for it; negative if that
	// cannot be seen. Unless Exact, which allows for a tenth of a second, it is
	// the best that is known: how long the session has been in its present
	// statement, idle or in its transaction. That is mostly less than the truth,
	// and can be more.
	For   time.Duration
	Exact bool
}

// A Report is the locks that are held or waited for, and how far to trust it.
type Report struct {
	Locks  []Held // by name
	Source Source

	// CannotSee is what may be missing, and Remedy how to get a source that has
	// it; both are sentences for people, and empty if nothing is missing.
	CannotSee string
	Remedy    string
}

// A Source is where locks were read, which says what can be missing.
type Source string

const (
	// FromPerformanceSchema sees every holder and every waiter.
	FromPerformanceSchema Source = "performance_schema.metadata_locks"

	// FromPlugin sees every holder; waiters as FromFunctions does.
	FromPlugin Source = "information_schema.metadata_lock_info"

	// FromFunctions sees waiters as far as this account may see the process
	// list: without the PROCESS privilege, its own. It sees the holders of the
	// locks that these wait for, and of the names that were asked for.
	FromFunctions Source = "is_used_lock"
)

// Inspect returns the locks of the server that are held or waited for, by the
// best source that this account can read. Where the source knows only names
// that it is asked for, those are known; a known name that is free is left out.
//
// What it returns was true at slightly different times, for locks that change
// hands meanwhile. It takes some round trips, and no lock.
func Inspect(ctx context.Context, db sqlx.QueryerContext, known []Name) (Report, error) {
	srv, err := ask(ctx, db)
	if err != nil {
		return Report{}, fmt.Errorf("inspect locks: %w", err)
	}
	for _, read := range srv.sources() {
		r, err := read(ctx, srv, srv.spelling(known))
		if err == nil {
			return r, nil
		}
		srv.refusals = append(srv.refusals, err)
		if !unreadable(err) {
			break
		}
	}
	return Report{}, fmt.Errorf("inspect locks: %w", errors.Join(srv.refusals...))
}

// sources are those that a server may have, the best first.
func (s *server) sources() []source {
	switch s.engine {
	case TiDB:
		return []source{fromFunctions}
	case MariaDB:
		return []source{fromPerformanceSchema, fromPlugin, fromFunctions}
	}
	return []source{fromPerformanceSchema, fromFunctions}
}

type source func(context.Context, *server, spelling) (Report, error)

// A spelling is how names are written in a report: as the caller knows them.
// MySQL and TiDB compare names without regard to case, and MySQL shows them in
// lower case.
type spelling struct {
	known    map[string]Name
	foldCase bool
}

func (s *server) spelling(known []Name) spelling {
	sp := spelling{known: make(map[string]Name, len(known)), foldCase: s.engine != MariaDB}
	for _, name := range known {
		sp.known[string(sp.folded(string(name)))] = name
	}
	return sp
}

func (s spelling) folded(name string) Name {
	if s.foldCase {
		name = strings.ToLower(name)
	}
	return Name(name)
}

func (s spelling) of(name string) Name {
	folded := s.folded(name)
	if k, ok := s.known[string(folded)]; ok {
		return k
	}
	return folded
}

// A board collects what is seen of each lock.
type board struct {
	spelling
	locks map[Name]*Held
}

func newBoard(s spelling) *board { return &board{spelling: s, locks: map[Name]*Held{}} }

func (b *board) at(name string) *Held {
	n := b.of(name)
	if b.locks[n] == nil {
		b.locks[n] = &Held{Name: n}
	}
	return b.locks[n]
}

func (b *board) holder(name string, o Owner) { b.at(name).Holder = &o }

func (b *board) waiter(name string, o Owner) {
	l := b.at(name)
	l.Waiters = append(l.Waiters, o)
}

func (b *board) report(source Source, g gaps) Report {
	r := Report{Locks: b.sorted(), Source: source}
	r.CannotSee, r.Remedy = g.said()
	return r
}

// sorted returns the locks by name, with waiters by how long they have waited,
// and then by how long they have been connected.
func (b *board) sorted() []Held {
	locks := make([]Held, 0, len(b.locks))
	for _, l := range b.locks {
		l.Waiters = slices.DeleteFunc(l.Waiters, func(w Owner) bool { // has been served since it was seen
			return l.Holder != nil && w.ConnectionID == l.Holder.ConnectionID && w.ConnectionID != 0
		})
		slices.SortFunc(l.Waiters, func(x, y Owner) int {
			return cmp.Or(cmp.Compare(y.For, x.For), cmp.Compare(x.ConnectionID, y.ConnectionID))
		})
		locks = append(locks, *l)
	}
	slices.SortFunc(locks, func(x, y Held) int { return strings.Compare(string(x.Name), string(y.Name)) })
	return locks
}
