package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/lock"
)

const (
	verifyPools = `SELECT pool, seq FROM pools ORDER BY pool`

	verifyPool     = `SELECT ` + poolColumns + ` FROM pools p WHERE p.pool = ?`
	verifyPlanners = `SELECT p.planner, p.name, p.active = 1, p.base, p.assigned, p.live, p.last_seq, p.last_at, p.planner_load,
			EXISTS (SELECT 1 FROM phones c WHERE c.pool = p.pool AND c.kind = '` + PlannerPhone + `' AND c.owner = p.planner AND c.box <> '')
		FROM planners p FORCE INDEX (PRIMARY) WHERE p.pool = ? ORDER BY p.planner`
	verifyNumbers = `SELECT ` + numberColumns + ` FROM numbers n FORCE INDEX (by_pool) WHERE n.pool = ? ORDER BY n.number`
	verifyTurns   = `SELECT r.assignment, r.seq, r.planner, r.at, r.turn, r.idem_key, r.fingerprint FROM reassignments r WHERE r.pool = ? ORDER BY r.seq`
	verifyLate    = `SELECT ` + loggedColumns + ` FROM assignments a FORCE INDEX (PRIMARY) WHERE a.pool = ? AND a.seq IN (%s)`
)

// Verified is what a verification went through.
type Verified struct {
	Pools, Assignments, Events int64
	Findings                   int64 // may be more than were told, see [assign.MaxFindings]
}

// Verify replays the logs of these pools, of all if there are none named, and
// compares where they lead to with how the pools stand. It reports what is
// wrong, which is no error. It may run while the pools are in use, and does
// not disturb them.
//
// It calls progress, unless that is nil, with how much of the logs has been
// gone through; the total grows with the pools. Neither progress nor report is
// called by two goroutines at once. They hold up the verification, which fails
// if the database has to wait for them for long, a minute or so.
//
// Errors: [assign.ErrPoolNotFound], [assign.ErrUnavailable].
func (s *Store) Verify(ctx context.Context, pools []assign.PoolID, progress func(done, total int64), report func(assign.Finding)) (Verified, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	v := &verification{Store: s, progress: progress, report: report}
	err := v.run(ctx, pools)
	return v.sum, wrap("verify", err)
}

// A verification is one call of Verify.
type verification struct {
	*Store
	sum         Verified
	progress    func(done, total int64)
	report      func(assign.Finding)
	done, total int64
}

func (v *verification) run(ctx context.Context, named []assign.PoolID) error {
	seqs, err := v.pools(ctx)
	if err != nil {
		return err
	}
	pools := named
	if len(pools) == 0 {
		pools = slices.Sorted(maps.Keys(seqs))
	}
	for _, pool := range pools {
		v.total += seqs[pool]
	}
	if err := v.checkKeys(ctx, named); err != nil {
		return err
	}
	if err := v.checkStrays(ctx, named, seqs); err != nil {
		return err
	}
	for _, pool := range pools {
		if seq, ok := seqs[pool]; ok {
			if err := v.pool(ctx, pool, seq); err != nil {
				return fmt.Errorf("pool %s: %w", pool, err)
			}
		}
	}
	v.progress(v.total, v.total)
	return nil
}

// pools returns how far each pool's log goes, as the pool's row has it.
func (v *verification) pools(ctx context.Context) (map[assign.PoolID]int64, error) {
	seqs := map[assign.PoolID]int64{}
	err := v.query(ctx, v.reads, func(rows *sqlx.Rows) error {
		var (
			pool assign.PoolID
			seq  int64
		)
		err := rows.Scan(&pool, &seq)
		seqs[pool] = seq
		return err
	}, verifyPools)
	return seqs, err
}

func (v *verification) query(ctx context.Context, q sqlx.QueryerContext, scan func(*sqlx.Rows) error, query string, args ...any) error {
	rows, err := q.QueryxContext(ctx, query, args...)
	if err != nil {
		return unreadable(ctx, err)
	}
	defer rows.Close()
	return unreadable(ctx, each(rows, func() error { return scan(rows) }))
}

// find reports what is wrong outside a pool's log.
func (v *verification) find(pool assign.PoolID, seq int64, kind assign.FindingKind, format string, args ...any) {
	v.sum.Findings++
	v.report(assign.Finding{Pool: pool, Seq: seq, Kind: kind, Detail: fmt.Sprintf(format, args...)})
}

// pool verifies one pool, whose log was said to end at position seq.
func (v *verification) pool(ctx context.Context, pool assign.PoolID, seq int64) error {
	p := &poolVerification{verification: v, pool: pool, began: v.done, expected: seq, tell: v.report}
	p.replay = assign.NewReplay(pool, func(f assign.Finding) { p.tell(f) })
	if err := p.history(ctx); err != nil {
		return err
	}
	if err := p.present(ctx); err != nil {
		return err
	}
	p.replay.End()
	v.sum.Pools++
	v.sum.Findings += p.replay.Found()
	v.done = p.began + p.expected
	v.progress(v.done, v.total)
	return nil
}

// A poolVerification is the part of a verification that is about one pool.
type poolVerification struct {
	*verification
	pool     assign.PoolID
	replay   *assign.Replay
	next     int64 // position behind what has been replayed
	began    int64 // done before this pool
	expected int64 // entries in the pool's log
	entries  int64 // of those, replayed
	tell     func(assign.Finding)
}

// Assignment implements [logReader].
func (p *poolVerification) Assignment(a *assign.Assignment, holds assign.Number) {
	p.sum.Assignments++
	p.replay.Assignment(a, holds)
}

// Event implements [logReader].
func (p *poolVerification) Event(e *assign.Event) {
	p.sum.Events++
	p.replay.Event(e)
}

// told counts an entry. What is in the log beyond what was expected makes the
// total grow.
func (p *poolVerification) told() {
	if p.entries++; p.entries > p.expected {
		p.expected++
		p.total++
	}
	if p.entries%logBatch == 0 {
		p.progress(p.began+p.entries, p.total)
	}
}

const (
	// shortTail is how much of the log may be left for the snapshot.
	shortTail = 1_000

	// maxRounds ends the chase after a log that grows faster than it is read.
	maxRounds = 10
)

// history replays the log without a snapshot, to where little is missing.
func (p *poolVerification) history(ctx context.Context) error {
	p.next = math.MinInt64
	for range maxRounds {
		var end int64
		if err := p.reads.GetContext(ctx, &end, logEnd, string(p.pool), string(p.pool)); err != nil {
			return unreadable(ctx, err)
		}
		if p.next > end-shortTail && p.next > math.MinInt64 {
			return nil
		}
		if err := p.stretch(ctx, end); err != nil {
			return err
		}
	}
	return nil
}

// stretch replays the log from next to end.
func (p *poolVerification) stretch(ctx context.Context, end int64) error {
	assignments := readAhead(ctx, p.reads, logAssignments, p.pool, p.next, end, newLoggedRow(p.pool))
	defer assignments.stop()
	events := readAhead(ctx, p.reads, logEvents, p.pool, p.next, end, &eventRow{})
	defer events.stop()
	p.next = end + 1
	return merge(assignments, events, p, p.told)
}

// present compares with how the pool stands at one moment, after replaying what
// has happened until then. Findings wait until the snapshot is over: whoever
// reads them may be slow.
func (p *poolVerification) present(ctx context.Context) error {
	var found []assign.Finding
	p.tell = func(f assign.Finding) { found = append(found, f) }
	err := p.snapshot(ctx, func(q sqlx.QueryerContext) error {
		for _, compare := range []func(context.Context, sqlx.QueryerContext) error{p.tail, p.late, p.turns, p.row, p.planners, p.numbers} {
			if err := compare(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	p.tell = p.report
	for _, f := range found {
		p.report(f)
	}
	return err
}

// snapshot runs fn on a session that sees the database as of one moment.
func (p *poolVerification) snapshot(ctx context.Context, fn func(sqlx.QueryerContext) error) error {
	session, err := lock.Open(ctx, p.reads)
	if err != nil {
		return unreadable(ctx, err)
	}
	defer session.Close()
	for _, statement := range []string{
		`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`,
		`START TRANSACTION WITH CONSISTENT SNAPSHOT`,
	} {
		if _, err := session.ExecContext(ctx, statement); err != nil {
			return unreadable(ctx, err)
		}
	}
	if err := fn(session); err != nil {
		return err
	}
	if _, err := session.ExecContext(ctx, `ROLLBACK`); err != nil {
		return unreadable(ctx, err)
	}
	session.Clean()
	return nil
}

func (p *poolVerification) tail(ctx context.Context, q sqlx.QueryerContext) error {
	assignments, err := readAll(ctx, q, logAssignments, p.pool, p.next, math.MaxInt64, newLoggedRow(p.pool))
	if err != nil {
		return err
	}
	events, err := readAll(ctx, q, logEvents, p.pool, p.next, math.MaxInt64, &eventRow{})
	if err != nil {
		return err
	}
	return merge(assignments, events, p, p.told)
}

// late reads the assignments again that were read before they were released.
func (p *poolVerification) late(ctx context.Context, q sqlx.QueryerContext) error {
	row := newLoggedRow(p.pool)
	for seqs := range slices.Chunk(p.replay.Late(), 1_000) {
		args := []any{string(p.pool)}
		for _, seq := range seqs {
			args = append(args, seq)
		}
		err := p.query(ctx, q, func(rows *sqlx.Rows) error {
			if err := rows.Scan(row.dest()...); err != nil {
				return err
			}
			var a logged
			row.put(&a)
			p.replay.Settle(&a.Assignment, a.holds)
			return nil
		}, fmt.Sprintf(verifyLate, marks(len(seqs))), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *poolVerification) turns(ctx context.Context, q sqlx.QueryerContext) error {
	return p.query(ctx, q, func(rows *sqlx.Rows) error {
		t, err := scanTurn(rows)
		if err == nil {
			p.replay.TurnRow(t)
		}
		return err
	}, verifyTurns, string(p.pool))
}

func (p *poolVerification) row(ctx context.Context, q sqlx.QueryerContext) error {
	return p.query(ctx, q, func(rows *sqlx.Rows) error {
		var row poolRow
		err := rows.Scan(row.dest()...)
		if err == nil {
			p.replay.Pool(row.pool())
		}
		return err
	}, verifyPool, string(p.pool))
}

func (p *poolVerification) planners(ctx context.Context, q sqlx.QueryerContext) error {
	return p.query(ctx, q, func(rows *sqlx.Rows) error {
		var (
			row   plannerRow
			load  int64
			phone bool
		)
		err := rows.Scan(append(row.dest(), &load, &phone)...)
		if err == nil {
			p.replay.PlannerRow(row.planner(), load, phone)
		}
		return err
	}, verifyPlanners, string(p.pool))
}

func (p *poolVerification) numbers(ctx context.Context, q sqlx.QueryerContext) error {
	return p.query(ctx, q, func(rows *sqlx.Rows) error {
		var row numberRow
		err := rows.Scan(row.dest()...)
		if err == nil {
			p.replay.NumberRow(row.record())
		}
		return err
	}, verifyNumbers, string(p.pool))
}

const (
	uniqueKeys = `SELECT s.table_name, s.index_name, s.column_name FROM information_schema.statistics s
		WHERE s.table_schema = DATABASE() AND s.non_unique = 0 ORDER BY s.table_name, s.index_name`

	keysTwice = `SELECT a.pool, MAX(a.seq), MIN(a.seq), a.idem_key FROM assignments a
		GROUP BY a.pool, a.idem_key HAVING COUNT(*) > 1 ORDER BY a.pool, MAX(a.seq) LIMIT ?`
	idsTwice = `SELECT MAX(a.pool), MAX(a.seq), MIN(a.seq), a.id FROM assignments a
		GROUP BY a.id HAVING COUNT(*) > 1 ORDER BY a.id LIMIT ?`
)

// guards are the unique keys that the promises rest on, and how to find what
// got past one that is missing. Where there is no query the replay finds it.
var guards = []struct {
	table, columns string // in the order of their names
	kind           assign.FindingKind
	twice, what    string
}{
	{table: "assignments", columns: "idem_key pool", kind: assign.FoundKeyTwice, twice: keysTwice, what: "idempotency key"},
	{table: "assignments", columns: "id", kind: assign.FoundIDTwice, twice: idsTwice, what: "id"},
	{table: "assignments", columns: "live_number"},
	{table: "assignments", columns: "pool seq"},
	{table: "events", columns: "pool seq"},
	{table: "numbers", columns: "number"},
	{table: "phones", columns: "kind owner pool"},
	{table: "planners", columns: "planner pool"},
	{table: "pools", columns: "pool"},
	{table: "reassignments", columns: "pool seq"},
}

// checkKeys looks at the tables themselves. A key that is there spares looking
// for what it makes impossible.
func (v *verification) checkKeys(ctx context.Context, named []assign.PoolID) error {
	keys := map[string][]string{} // columns, by "table index"
	err := v.query(ctx, v.reads, func(rows *sqlx.Rows) error {
		var table, index, column string
		err := rows.Scan(&table, &index, &column)
		keys[table+" "+index] = append(keys[table+" "+index], column)
		return err
	}, uniqueKeys)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for key, columns := range keys {
		table, _, _ := strings.Cut(key, " ")
		slices.Sort(columns)
		there[table+": "+strings.Join(columns, " ")] = true
	}
	for _, g := range guards {
		if there[g.table+": "+g.columns] {
			continue
		}
		v.find("", 0, assign.FoundNoUniqueKey, "table %s has no unique key on (%s)", g.table, strings.ReplaceAll(g.columns, " ", ", "))
		if err := v.checkTwice(ctx, named, g.kind, g.twice, g.what); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) checkTwice(ctx context.Context, named []assign.PoolID, kind assign.FindingKind, query, what string) error {
	if query == "" {
		return nil
	}
	return v.query(ctx, v.reads, func(rows *sqlx.Rows) error {
		var (
			pool        assign.PoolID
			first, last int64
			value       string
		)
		err := rows.Scan(&pool, &last, &first, &value)
		if err == nil && (len(named) == 0 || slices.Contains(named, pool)) {
			v.find(pool, last, kind, "its %s %q is that of the assignment at %d too", what, value, first)
		}
		return err
	}, query, assign.MaxFindings)
}

// tables are those that hold rows of pools.
var tables = []string{"planners", "assignments", "reassignments", "numbers", "events", "phones"}

// checkStrays looks for rows of pools that have no row of their own. A pool's
// own comes first, so it is asked for once more after the others were seen.
func (v *verification) checkStrays(ctx context.Context, named []assign.PoolID, there map[assign.PoolID]int64) error {
	found := map[assign.PoolID]bool{}
	for _, table := range tables {
		pools, err := v.poolsIn(ctx, table, named)
		if err != nil {
			return err
		}
		for _, pool := range pools {
			if _, ok := there[pool]; ok {
				continue
			}
			switch err := v.orNoPool(ctx, pool, 0, nil); {
			case errors.Is(err, assign.ErrPoolNotFound):
				v.find(pool, 0, assign.FoundNoPool, "table %s has rows of this pool, which has none in pools", table)
				found[pool] = true
			case err != nil:
				return err
			}
		}
	}
	for _, pool := range named {
		if _, ok := there[pool]; !ok && !found[pool] {
			return fmt.Errorf("%w: %s", assign.ErrPoolNotFound, pool)
		}
	}
	return nil
}

// poolsIn lists the pools that a table has rows of, or which of those named if
// any are.
func (v *verification) poolsIn(ctx context.Context, table string, named []assign.PoolID) (pools []assign.PoolID, err error) {
	for _, pool := range named {
		found, err := v.poolIn(ctx, table, "=", pool)
		if err != nil {
			return nil, err
		}
		pools = append(pools, found...)
	}
	if len(named) > 0 {
		return pools, nil
	}
	// Each is a look into the index. Asking for the distinct ones would read
	// all of it on some servers.
	for last := []assign.PoolID{""}; len(last) > 0; pools = append(pools, last...) {
		if last, err = v.poolIn(ctx, table, ">", last[0]); err != nil {
			return nil, err
		}
	}
	return pools, nil
}

// poolIn returns the first pool in a table that compares so, if there is one.
func (v *verification) poolIn(ctx context.Context, table, compares string, pool assign.PoolID) (found []assign.PoolID, err error) {
	query := `SELECT pool FROM ` + table + ` WHERE pool ` + compares + ` ? ORDER BY pool LIMIT 1`
	err = v.reads.SelectContext(ctx, &found, query, string(pool))
	return found, unreadable(ctx, err)
}
