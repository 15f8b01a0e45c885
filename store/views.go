package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
)

// Reads for people. Each is one short statement outside any unit, so that it
// neither waits for a pool nor keeps one; what it says may be old when it
// arrives.

const (
	selectPoolOf       = `SELECT pool FROM assignments WHERE id = ?`
	selectPoolOfNumber = `SELECT pool FROM numbers WHERE number = ?`
	selectPoolsOf      = `SELECT number, pool FROM numbers FORCE INDEX (PRIMARY) WHERE number IN (%s)`

	selectAssignments  = `SELECT NOW(6), ` + assignmentColumns + ` FROM assignments a` + joinNumber + joinPhone + ` WHERE `
	assignmentsByPhone = `SELECT NOW(6), ` + assignmentColumns + ` FROM phones c FORCE INDEX (by_mark)
		STRAIGHT_JOIN assignments a FORCE INDEX (by_id) ON a.id = c.owner` + joinNumber + `
		WHERE c.pool = ? AND c.kind = '` + CustomerPhone + `' AND c.mark IN (%s) AND a.pool = ? AND a.seq > ?`

	// A pool's view adds what cannot be kept: how many numbers are resting at
	// this moment, which costs a step in the index for each that does; how many
	// have come out of their assignments by themselves, which nobody has written
	// down yet; and the ends of the index pick. The whole order is spelled out,
	// or MySQL sorts.
	selectViews = `SELECT ` + poolColumns + `,
			(SELECT COUNT(*) FROM numbers n FORCE INDEX (next_free) WHERE n.pool = p.pool AND n.state = 'free' AND n.free_at > NOW(6)),
			IF(p.numbers_expiring = 0, 0, (SELECT COUNT(*) FROM numbers n FORCE INDEX (expiring)
				WHERE n.pool = p.pool AND n.expires_at <= NOW(6) AND n.state = 'active')),
			IF(p.numbers_expiring = 0, 0, (SELECT COUNT(*) FROM numbers n FORCE INDEX (expiring)
				WHERE n.pool = p.pool AND n.expires_at <= NOW(6) AND n.state = 'active'
				AND n.expires_at > NOW(6) - INTERVAL p.cooldown_seconds SECOND)),
			COALESCE((SELECT l.planner_load FROM planners l FORCE INDEX (pick) WHERE l.pool = p.pool AND l.active = 1
				ORDER BY l.pool, l.active, l.planner_load LIMIT 1), 0),
			COALESCE((SELECT m.planner_load FROM planners m FORCE INDEX (pick) WHERE m.pool = p.pool AND m.active = 1
				ORDER BY m.pool DESC, m.active DESC, m.planner_load DESC LIMIT 1), 0)
		FROM pools p WHERE `

	listPlanners    = `SELECT ` + plannerColumns + `, f.key_id, f.box, f.mark FROM planners p` + joinPlannerPhone + ` WHERE p.pool = ? AND p.planner > ?`
	plannersByPhone = `SELECT ` + plannerColumns + `, f.key_id, f.box, f.mark FROM phones f FORCE INDEX (by_mark)
		STRAIGHT_JOIN planners p ON p.pool = f.pool AND p.planner = f.owner
		WHERE p.pool = ? AND p.planner > ? AND f.pool = p.pool AND f.kind = '` + PlannerPhone + `' AND f.box <> '' AND f.mark IN (%s)`
	listNumbers = `SELECT NOW(6), p.cooldown_seconds, ` + numberColumns + `
		FROM numbers n FORCE INDEX (%s) JOIN pools p ON p.pool = n.pool WHERE n.pool = ? AND n.number > ?`
	listEvents = `SELECT ` + eventColumns + ` FROM events e WHERE e.pool = ? AND e.seq > ? ORDER BY e.seq LIMIT ?`

	joinPlannerPhone = ` LEFT JOIN phones f ON f.pool = p.pool AND f.kind = '` + PlannerPhone + `' AND f.owner = p.planner`

	selectNumber = `SELECT NOW(6), ` + numberColumns + ` FROM numbers n WHERE n.number = ?`

	// selectRoute is asked for every telephone call: five rows by their keys.
	selectRoute = `SELECT NOW(6), ` + heldColumns + `, f.key_id, f.box, f.mark FROM numbers n
		JOIN assignments a FORCE INDEX (by_id) ON a.id = n.assignment
		JOIN ` + holder + joinPlannerPhone + joinPhone + ` WHERE n.number = ? AND a.live_number = n.number`
)

// PoolOf implements [assign.Ledger].
func (s *Store) PoolOf(ctx context.Context, assignment string) (assign.PoolID, error) {
	return s.poolOf(ctx, selectPoolOf, assignment, assign.ErrAssignmentNotFound)
}

// PoolOfNumber implements [assign.Ledger].
func (s *Store) PoolOfNumber(ctx context.Context, n assign.Number) (assign.PoolID, error) {
	return s.poolOf(ctx, selectPoolOfNumber, string(n), assign.ErrNumberNotFound)
}

func (s *Store) poolOf(ctx context.Context, query, of string, missing error) (assign.PoolID, error) {
	var pool assign.PoolID
	err := s.lookups.GetContext(ctx, &pool, query, of)
	if errors.Is(err, sql.ErrNoRows) {
		return "", missing
	}
	return pool, wrap("look up a pool", unreadable(ctx, err))
}

// PoolsOf returns the pools of those of the numbers that are in one. Error:
// [assign.ErrUnavailable].
func (s *Store) PoolsOf(ctx context.Context, numbers []assign.Number) (map[assign.Number]assign.PoolID, error) {
	pools := map[assign.Number]assign.PoolID{}
	for part := range slices.Chunk(numbers, 1_000) {
		marks, args := list(part)
		rows, err := s.reads.QueryxContext(ctx, fmt.Sprintf(selectPoolsOf, marks), args...)
		if err != nil {
			return nil, wrap("look up numbers", unreadable(ctx, err))
		}
		err = each(rows, func() error {
			var (
				number assign.Number
				pool   assign.PoolID
			)
			err := rows.Scan(&number, &pool)
			pools[number] = pool
			return err
		})
		if err = errors.Join(err, rows.Close()); err != nil {
			return nil, wrap("look up numbers", unreadable(ctx, err))
		}
	}
	return pools, nil
}

// Assignment returns the assignment with this id. Errors:
// [assign.ErrAssignmentNotFound], [assign.ErrUnavailable].
func (s *Store) Assignment(ctx context.Context, id string) (assign.Assignment, error) {
	p, err := page(ctx, s.reads, 1, selectAssignments+`a.id = ?`, []any{id}, scanAssignment)
	if err == nil && len(p.Items) == 0 {
		return assign.Assignment{}, assign.ErrAssignmentNotFound
	}
	if err != nil {
		return assign.Assignment{}, err
	}
	return p.Items[0], nil
}

// Route says where a call on n goes. Errors: [assign.ErrNumberNotFound],
// [assign.ErrNumberNotLive], [assign.ErrUnavailable].
func (s *Store) Route(ctx context.Context, n assign.Number) (assign.Route, error) {
	p, err := page(ctx, s.lookups, 1, selectRoute, []any{string(n)}, scanRoute)
	switch {
	case err != nil:
		return assign.Route{}, err
	case len(p.Items) == 0 || !p.Items[0].leads:
		return assign.Route{}, s.notLive(ctx, n)
	}
	return p.Items[0].Route, nil
}

// A route is where a call would go, if the number leads anywhere.
type route struct {
	assign.Route
	leads bool
}

func scanRoute(rows *sqlx.Rows) (route, error) {
	var (
		now time.Time
		a   assignmentRow
		p   plannerRow
		n   numberRow
		f   phoneRow
	)
	err := rows.Scan(slices.Concat([]any{&now}, a.dest(), p.dest(), n.dest(), f.dest())...)
	number := n.record()
	return route{
		assign.Route{Number: number.Number, Assignment: a.assignment(), Planner: assign.PlannerView{Planner: p.planner(), Phone: f.phone()}},
		number.Leads(now),
	}, err
}

// notLive says why no call on n goes anywhere.
func (s *Store) notLive(ctx context.Context, n assign.Number) error {
	var (
		now time.Time
		row numberRow
	)
	err := s.lookups.QueryRowxContext(ctx, selectNumber, string(n)).Scan(append([]any{&now}, row.dest()...)...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return assign.ErrNumberNotFound
	case err != nil:
		return wrap("look up a number", unreadable(ctx, err))
	}
	return &assign.NumberNotLiveError{LastReleased: row.record().LastReleased(now)}
}

// Pool returns one pool. Errors: [assign.ErrPoolNotFound],
// [assign.ErrUnavailable].
func (s *Store) Pool(ctx context.Context, pool assign.PoolID) (assign.PoolView, error) {
	page, err := s.views(ctx, 1, selectViews+`p.pool = ?`, string(pool))
	if err == nil && len(page.Items) == 0 {
		return assign.PoolView{}, assign.ErrPoolNotFound
	}
	if err != nil {
		return assign.PoolView{}, err
	}
	return page.Items[0], nil
}

// Pools lists pools behind after, at most limit, in the order of their ids.
// Error: [assign.ErrUnavailable].
func (s *Store) Pools(ctx context.Context, after assign.PoolID, limit int) (assign.Page[assign.PoolView], error) {
	return s.views(ctx, limit, selectViews+`p.pool > ? ORDER BY p.pool LIMIT ?`, string(after), limit+1)
}

func (s *Store) views(ctx context.Context, limit int, query string, args ...any) (assign.Page[assign.PoolView], error) {
	return page(ctx, s.reads, limit, query, args, func(rows *sqlx.Rows) (assign.PoolView, error) {
		var (
			row              poolRow
			view             assign.PoolView
			expired, resting int64
		)
		err := rows.Scan(append(row.dest(), &view.Cooling, &expired, &resting, &view.Least, &view.Most)...)
		view.Pool = row.pool()
		view.NumbersActive -= expired
		view.Cooling += resting
		return view, err
	})
}

// Planners lists a pool's planners as f says, in the order of their ids.
// Errors: [assign.ErrPoolNotFound], [assign.ErrUnavailable].
func (s *Store) Planners(ctx context.Context, pool assign.PoolID, f assign.PlannerFilter) (assign.Page[assign.PlannerView], error) {
	query, args := listPlanners, []any{string(pool), string(f.After)}
	if f.Phones != nil {
		in, marks := marksOf(f.Phones)
		query, args = fmt.Sprintf(plannersByPhone, in), append(args, marks...)
	}
	p, err := page(ctx, s.reads, f.Limit, query+` ORDER BY p.planner LIMIT ?`, append(args, f.Limit+1),
		func(rows *sqlx.Rows) (assign.PlannerView, error) {
			var (
				row   plannerRow
				phone phoneRow
			)
			err := rows.Scan(append(row.dest(), phone.dest()...)...)
			return assign.PlannerView{Planner: row.planner(), Phone: phone.phone()}, err
		})
	return p, s.orNoPool(ctx, pool, len(p.Items), err)
}

// marksOf are placeholders for the marks of phones, and these. No two keys
// make the same mark.
func marksOf(phones []assign.PhoneMark) (in string, args []any) {
	for _, p := range phones {
		args = append(args, []byte(p.Mark))
	}
	return marks(len(phones)), args
}

// Numbers lists a pool's numbers as f says, in the order of the numbers.
// Errors: [assign.ErrPoolNotFound], [assign.ErrUnavailable].
func (s *Store) Numbers(ctx context.Context, pool assign.PoolID, f assign.NumberFilter) (assign.Page[assign.NumberView], error) {
	// States that few numbers are in are found by state, and sorted.
	index := "by_pool"
	switch f.State {
	case assign.ListDraining, assign.ListSuspended, assign.ListAside:
		index = "next_free"
	}
	query, args := fmt.Sprintf(listNumbers, index), []any{string(pool), string(f.After)}
	if f.State != "" {
		query += ` AND (` + inState(f.State) + `)`
	}
	p, err := page(ctx, s.reads, f.Limit, query+` ORDER BY n.number LIMIT ?`, append(args, f.Limit+1),
		func(rows *sqlx.Rows) (assign.NumberView, error) {
			var (
				now      time.Time
				cooldown int64
				row      numberRow
			)
			err := rows.Scan(append([]any{&now, &cooldown}, row.dest()...)...)
			return row.record().View(now, time.Duration(cooldown)*time.Second), err
		})
	return p, s.orNoPool(ctx, pool, len(p.Items), err)
}

// inState is the condition that a number is listed under a state, as
// [assign.NumberRecord.View] has it.
func inState(state assign.NumberFilterState) string {
	const (
		expired = `n.state = 'active' AND n.expires_at <= NOW(6)`
		rested  = `n.expires_at + INTERVAL p.cooldown_seconds SECOND <= NOW(6)`
	)
	switch state {
	case assign.ListFree:
		return `n.state = 'free' AND n.free_at <= NOW(6) OR ` + expired + ` AND ` + rested
	case assign.ListCooling:
		return `n.state = 'free' AND n.free_at > NOW(6) OR ` + expired + ` AND NOT ` + rested
	case assign.ListActive:
		return `n.state = 'active' AND (n.expires_at IS NULL OR n.expires_at > NOW(6))`
	case assign.ListDraining:
		return `n.state = 'draining'`
	case assign.ListSuspended:
		return `n.state = 'suspended'`
	case assign.ListAside:
		return `n.state = 'set_aside'`
	}
	return `FALSE`
}

// Assignments lists a pool's assignments as f says, in the order of seq.
// Errors: [assign.ErrPoolNotFound], [assign.ErrUnavailable].
func (s *Store) Assignments(ctx context.Context, pool assign.PoolID, f assign.AssignmentFilter) (assign.Page[assign.Assignment], error) {
	query, args := selectAssignments+`a.pool = ? AND a.seq > ?`, []any{string(pool), f.After}
	if f.Phones != nil {
		in, marks := marksOf(f.Phones)
		query, args = fmt.Sprintf(assignmentsByPhone, in), slices.Concat([]any{string(pool)}, marks, args)
	}
	if f.Key != "" {
		query += ` AND a.idem_key = ?`
		args = append(args, f.Key)
	}
	if f.Planner != "" {
		query += ` AND a.planner = ?`
		args = append(args, string(f.Planner))
	}
	p, err := page(ctx, s.reads, f.Limit, query+` ORDER BY a.seq LIMIT ?`, append(args, f.Limit+1), scanAssignment)
	return p, s.orNoPool(ctx, pool, len(p.Items), err)
}

func scanAssignment(rows *sqlx.Rows) (assign.Assignment, error) {
	var (
		now time.Time
		row assignmentRow
	)
	err := rows.Scan(append([]any{&now}, row.dest()...)...)
	return row.assignment().At(now), err
}

// maxEventBytes is about how much event data one page may hold. One event may
// list ten thousand planners.
const maxEventBytes = 4 << 20

// Events lists a pool's events behind position after, at most limit and fewer
// if they are large, in the order of seq. Errors: [assign.ErrPoolNotFound],
// [assign.ErrUnavailable].
func (s *Store) Events(ctx context.Context, pool assign.PoolID, after int64, limit int) (assign.Page[assign.Event], error) {
	size := 0
	p, err := page(ctx, s.reads, limit, listEvents, []any{string(pool), after, limit + 1},
		func(rows *sqlx.Rows) (assign.Event, error) {
			if size > maxEventBytes {
				return assign.Event{}, errEnough
			}
			e, err := scanEvent(rows)
			size += len(e.Data)
			return e, err
		})
	return p, s.orNoPool(ctx, pool, len(p.Items), err)
}

func scanEvent(rows *sqlx.Rows) (assign.Event, error) {
	var row eventRow
	err := rows.Scan(row.dest()...)
	return row.event(), err
}

// errEnough ends a page early: the list goes on, but not here.
var errEnough = errors.New("page is full")

// page reads at most limit items; query asks for one more, which tells whether
// the list goes on.
func page[T any](ctx context.Context, db *sqlx.DB, limit int, query string, args []any, scan func(*sqlx.Rows) (T, error)) (assign.Page[T], error) {
	var p assign.Page[T]
	rows, err := db.QueryxContext(ctx, query, args...)
	if err != nil {
		return p, wrap("list", unreadable(ctx, err))
	}
	defer rows.Close()
	err = each(rows, func() error {
		if p.More = len(p.Items) == limit; p.More {
			return nil
		}
		item, err := scan(rows)
		if err == nil {
			p.Items = append(p.Items, item)
		}
		return err
	})
	if errors.Is(err, errEnough) {
		p.More, err = true, nil
	}
	return p, wrap("list", unreadable(ctx, err))
}

// orNoPool tells an empty list from that of a pool that is not there.
func (s *Store) orNoPool(ctx context.Context, pool assign.PoolID, found int, err error) error {
	if err != nil || found > 0 {
		return err
	}
	var one int
	err = s.reads.GetContext(ctx, &one, `SELECT 1 FROM pools WHERE pool = ?`, string(pool))
	if errors.Is(err, sql.ErrNoRows) {
		return assign.ErrPoolNotFound
	}
	return wrap("look up pool", unreadable(ctx, err))
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
