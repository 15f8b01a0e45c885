package lock

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

const (
	// A statement holds a metadata lock on the tables that it reads: where the
	// instrument is on, this one sees its own. An account that may read this
	// table need not be allowed to read the instrument's switch.
	selectSeesLocks = `
		SELECT EXISTS (SELECT 1 FROM performance_schema.metadata_locks
			WHERE OBJECT_SCHEMA = 'performance_schema' AND OBJECT_NAME = 'metadata_locks')`

	// Other values of LOCK_STATUS are of sessions that have just stopped
	// waiting for nothing.
	selectClaims = `
		SELECT COALESCE(OBJECT_NAME, '') AS name, LOCK_STATUS = 'GRANTED' AS granted,
			COALESCE(OWNER_THREAD_ID, 0) AS thread, COALESCE(OWNER_EVENT_ID, 0) AS event
		FROM performance_schema.metadata_locks
		WHERE OBJECT_TYPE = 'USER LEVEL LOCK' AND LOCK_STATUS IN ('GRANTED', 'PENDING')`

	// As bytes, since the statement may hold some that are no text.
	selectThreads = `
		SELECT THREAD_ID AS thread, PROCESSLIST_ID AS id, COALESCE(PROCESSLIST_USER, '') AS user,
			COALESCE(PROCESSLIST_HOST, '') AS host, COALESCE(PROCESSLIST_COMMAND, '') = 'Sleep' AS idle,
			COALESCE(PROCESSLIST_TIME, -1) AS seconds, LEFT(CAST(PROCESSLIST_INFO AS BINARY), ?) AS statement
		FROM performance_schema.threads
		WHERE PROCESSLIST_ID IS NOT NULL AND (THREAD_ID IN (?) OR PROCESSLIST_ID IN (?))`

	selectAttributes = `
		SELECT PROCESSLIST_ID AS id, ATTR_NAME AS name, COALESCE(ATTR_VALUE, '') AS value
		FROM performance_schema.session_connect_attrs
		WHERE ATTR_NAME IN ('program_name', 'instance') AND PROCESSLIST_ID IN (?)`

	// Locks for which there was no room in metadata_locks.
	selectLost = `SHOW GLOBAL STATUS LIKE 'Performance_schema_metadata_lock_lost'`
)

// A claim is that a session holds a lock or waits for it.
type claim struct {
	Name          string
	Granted       bool
	Thread, Event uint64
	id            int64 // of the connection, where the thread is not known
}

func fromPerformanceSchema(ctx context.Context, srv *server, sp spelling) (Report, error) {
	claims, err := claimsOf(ctx, srv)
	if err != nil {
		return Report{}, err
	}
	claims, cut := toldApart(claims)
	unlisted, err := unlistedHolders(ctx, srv, sp, claims)
	if err != nil {
		return Report{}, err
	}
	claims = append(claims, unlisted...)
	all, g, err := sessionsOf(ctx, srv, claims)
	if err != nil {
		return Report{}, err
	}
	if cut {
		g.namesCut()
	}
	b := newBoard(sp)
	for _, c := range claims {
		s, seen := all.of(c)
		switch {
		case !seen: // it has ended, and what it had with it
		case c.Granted:
			b.holder(c.Name, s.holder(Name(c.Name), c.Event))
		default:
			b.waiter(c.Name, s.waiter())
		}
	}
	return b.report(FromPerformanceSchema, g), nil
}

// claimsOf reads who holds and who waits. The server goes through its sessions
// one after the other: a lock that changes hands meanwhile may seem to have two
// holders or none, and is worth another look.
func claimsOf(ctx context.Context, srv *server) (claims []claim, err error) {
	if !srv.schema {
		return nil, errSchemaOff
	}
	var sees bool
	if err := sqlx.GetContext(ctx, srv, &sees, selectSeesLocks); err != nil {
		return nil, err
	}
	if !sees {
		return nil, errInstrumentOff
	}
	for range 3 {
		claims = nil
		if err := srv.sel(ctx, &claims, selectClaims); err != nil {
			return nil, err
		}
		if consistent(claims) {
			break
		}
	}
	return claims, nil
}

func consistent(claims []claim) bool {
	holders, waited := map[string]int{}, map[string]bool{}
	for _, c := range claims {
		if c.Granted {
			holders[c.Name]++
		} else {
			waited[c.Name] = true
		}
	}
	for name := range waited {
		if holders[name] == 0 {
			return false
		}
	}
	for name, n := range holders {
		if n > 1 && len(name) < maxSeenName {
			return false
		}
	}
	return true
}

// maxSeenName is how many characters of a name the performance schema has room
// for. MariaDB takes names of up to 192 bytes; MySQL none longer than this.
const maxSeenName = 64

// toldApart leaves out claims of cut names that several sessions hold, which
// are different locks; cut says whether there were any.
func toldApart(claims []claim) (rest []claim, cut bool) {
	holders := map[string]int{}
	for _, c := range claims {
		if c.Granted && len(c.Name) >= maxSeenName {
			holders[c.Name]++
		}
	}
	rest = slices.DeleteFunc(claims, func(c claim) bool { return holders[c.Name] > 1 })
	return rest, len(rest) < len(claims)
}

// unlistedHolders asks for the holders of locks that are waited for or known,
// and not listed as held. Those that were taken before the instrument was
// switched on, or when there was no room left, are not.
func unlistedHolders(ctx context.Context, srv *server, sp spelling, claims []claim) ([]claim, error) {
	ask := map[Name]bool{}
	for _, name := range sp.known {
		ask[name] = true
	}
	for _, c := range claims {
		ask[sp.of(c.Name)] = true
	}
	for _, c := range claims {
		if c.Granted {
			delete(ask, sp.of(c.Name))
		}
	}
	holders, err := usedBy(ctx, srv, slices.Collect(maps.Keys(ask)))
	unlisted := make([]claim, 0, len(holders))
	for name, id := range holders {
		unlisted = append(unlisted, claim{Name: string(name), Granted: true, id: id})
	}
	return unlisted, err
}

// sessions are those that claims are about.
type sessions struct {
	byThread map[uint64]session
	threads  map[int64]uint64 // by connection id
}

func (s sessions) of(c claim) (session, bool) {
	if c.id == 0 {
		found, ok := s.byThread[c.Thread]
		return found, ok
	}
	if thread, ok := s.threads[c.id]; ok {
		return s.byThread[thread], true
	}
	return unseen(c.id), true
}

// ids are the connection ids of all, and one that nobody has: an empty list is
// no SQL.
func (s sessions) ids() []int64 { return append(slices.Collect(maps.Keys(s.threads)), 0) }

func sessionsOf(ctx context.Context, srv *server, claims []claim) (all sessions, g gaps, err error) {
	all, err = readThreads(ctx, srv, claims)
	if err != nil {
		return all, g, err
	}
	if err := all.addAttributes(ctx, srv); unreadable(err) {
		g.attributesDenied(srv)
	} else if err != nil {
		return all, g, err
	}
	if err := all.addEvents(ctx, srv, &g); err != nil {
		return all, g, err
	}
	if srv.engine == MariaDB {
		err = all.addProcesses(ctx, srv)
	}
	if err == nil {
		err = lostLocks(ctx, srv, &g)
	}
	return all, g, err
}

func readThreads(ctx context.Context, srv *server, claims []claim) (sessions, error) {
	threads, ids := []uint64{0}, []int64{0} // which nobody has: an empty list is no SQL
	for _, c := range claims {
		threads, ids = append(threads, c.Thread), append(ids, c.id)
	}
	var rows []struct {
		Thread     uint64
		ID         int64
		User, Host string
		Idle       bool
		Seconds    int64
		Statement  []byte
	}
	all := sessions{byThread: map[uint64]session{}, threads: map[int64]uint64{}}
	err := srv.sel(ctx, &rows, selectThreads, maxRead, threads, ids)
	for _, r := range rows {
		s := unseen(r.ID)
		s.user, s.host, s.idle, s.statement = r.User, r.Host, r.Idle, r.Statement
		s.since = seconds(r.Seconds)
		all.byThread[r.Thread], all.threads[r.ID] = s, r.Thread
	}
	return all, err
}

func (s sessions) addAttributes(ctx context.Context, srv *server) error {
	var rows []struct {
		ID          int64
		Name, Value string
	}
	if err := srv.sel(ctx, &rows, selectAttributes, s.ids()); err != nil {
		return err
	}
	for _, r := range rows {
		it := s.byThread[s.threads[r.ID]]
		if r.Name == "instance" {
			it.instance = r.Value
		} else {
			it.program = r.Value
		}
		s.byThread[s.threads[r.ID]] = it
	}
	return nil
}

func (s sessions) addEvents(ctx context.Context, srv *server, g *gaps) error {
	byThread, kept, err := readEvents(ctx, srv, append(slices.Collect(maps.Keys(s.byThread)), 0))
	switch {
	case unreadable(err):
		g.eventsDenied(srv)
	case err != nil:
		return err
	case !kept:
		g.eventsOff(srv)
	}
	for thread, it := range s.byThread {
		it.events = byThread[thread]
		s.byThread[thread] = it
	}
	return nil
}

// addProcesses adds what MariaDB's process list knows better: times to the
// millisecond, that begin anew when a statement ends.
func (s sessions) addProcesses(ctx context.Context, srv *server) error {
	list, _, err := processes(ctx, srv)
	for _, p := range list {
		if thread, ok := s.threads[p.id]; ok {
			it := s.byThread[thread]
			it.since, it.precise, it.transaction = p.since, p.precise, p.transaction
			it.idle, it.statement = p.idle, p.statement
			s.byThread[thread] = it
		}
	}
	return err
}

// lostLocks finds out whether there was no room for some lock.
func lostLocks(ctx context.Context, srv *server, g *gaps) error {
	var lost []struct {
		Name  string `db:"Variable_name"`
		Value int64  `db:"Value"`
	}
	err := srv.sel(ctx, &lost, selectLost)
	if err == nil && len(lost) == 1 && lost[0].Value > 0 {
		g.locksLost(lost[0].Value)
	}
	return err
}

func seconds(n int64) time.Duration {
	if n < 0 {
		return -1
	}
	return time.Duration(n) * time.Second
}
