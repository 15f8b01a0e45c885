package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
)

// Reads for people. Each is one short statement outside any unit, so that it
// neither waits for a pool nor keeps one; what it says may be old when it
// arrives.

const (
	selectPoolOf     = `SELECT pool FROM assignments WHERE id = ?`
	selectAssignment = `SELECT ` + assignmentColumns + ` FROM assignments a WHERE a.id = ?`

	// A pool's view adds what cannot be kept: how many numbers are resting at
	// this moment, which costs a step in the index for each that does, and the
	// ends of the index pick. The whole order is spelled out, or MySQL sorts.
	selectViews = `SELECT ` + poolColumns + `,
			(SELECT COUNT(*) FROM numbers n FORCE INDEX (next_free) WHERE n.pool = p.pool AND n.state = 'free' AND n.free_at > NOW(6)),
			COALESCE((SELECT l.planner_load FROM planners l FORCE INDEX (pick) WHERE l.pool = p.pool AND l.active = 1
				ORDER BY l.pool, l.active, l.planner_load LIMIT 1), 0),
			COALESCE((SELECT m.planner_load FROM planners m FORCE INDEX (pick) WHERE m.pool = p.pool AND m.active = 1
				ORDER BY m.pool DESC, m.active DESC, m.planner_load DESC LIMIT 1), 0)
		FROM pools p WHERE `

	listPlanners    = `SELECT ` + plannerColumns + ` FROM planners p WHERE p.pool = ? AND p.planner > ? ORDER BY p.planner LIMIT ?`
	listNumbers     = `SELECT ` + numberColumns + `, n.free_at > NOW(6) FROM numbers n FORCE INDEX (by_pool) WHERE n.pool = ? AND n.number > ?`
	listAssignments = `SELECT ` + assignmentColumns + ` FROM assignments a WHERE a.pool = ? AND a.seq > ?`
	listEvents      = `SELECT ` + eventColumns + ` FROM events e WHERE e.pool = ? AND e.seq > ? ORDER BY e.seq LIMIT ?`
)

// PoolOf implements [assign.Ledger].
func (s *Store) PoolOf(ctx context.Context, assignment string) (assign.PoolID, error) {
	var pool assign.PoolID
	err := s.lookups.GetContext(ctx, &pool, selectPoolOf, assignment)
	if errors.Is(err, sql.ErrNoRows) {
		return "", assign.ErrAssignmentNotFound
	}
	return pool, wrap("look up assignment", unreadable(ctx, err))
}

// Assignment returns the assignment with this id. Errors:
// [assign.ErrAssignmentNotFound], [assign.ErrUnavailable].
func (s *Store) Assignment(ctx context.Context, id string) (assign.Assignment, error) {
	var row assignmentRow
	err := s.reads.QueryRowxContext(ctx, selectAssignment, id).Scan(row.dest()...)
	if errors.Is(err, sql.ErrNoRows) {
		return assign.Assignment{}, assign.ErrAssignmentNotFound
	}
	return row.assignment(), wrap("read assignment", unreadable(ctx, err))
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
			row  poolRow
			view assign.PoolView
		)
		err := rows.Scan(append(row.dest(), &view.Cooling, &view.Least, &view.Most)...)
		view.Pool = row.pool()
		return view, err
	})
}

// Planners lists a pool's planners behind after, at most limit, in the order
// of their ids. Errors: [assign.ErrPoolNotFound], [assign.ErrUnavailable].
func (s *Store) Planners(ctx context.Context, pool assign.PoolID, after assign.PlannerID, limit int) (assign.Page[assign.Planner], error) {
	p, err := page(ctx, s.reads, limit, listPlanners, []any{string(pool), string(after), limit + 1},
		func(rows *sqlx.Rows) (assign.Planner, error) {
			var row plannerRow
			err := rows.Scan(row.dest()...)
			return row.planner(), err
		})
	return p, s.orNoPool(ctx, pool, len(p.Items), err)
}

// Numbers lists a pool's numbers as f says, in the order of the numbers.
// Errors: [assign.ErrPoolNotFound], [assign.ErrUnavailable].
func (s *Store) Numbers(ctx context.Context, pool assign.PoolID, f assign.NumberFilter) (assign.Page[assign.NumberView], error) {
	query, args := listNumbers, []any{string(pool), string(f.After)}
	switch f.State {
	case assign.ListFree:
		query += ` AND n.state = 'free' AND n.free_at <= NOW(6)`
	case assign.ListCooling:
		query += ` AND n.state = 'free' AND n.free_at > NOW(6)`
	case assign.ListActive, assign.ListAside:
		query += ` AND n.state = ?`
		args = append(args, string(f.State))
	}
	p, err := page(ctx, s.reads, f.Limit, query+` ORDER BY n.number LIMIT ?`, append(args, f.Limit+1),
		func(rows *sqlx.Rows) (assign.NumberView, error) {
			var (
				row  numberRow
				view assign.NumberView
			)
			err := rows.Scan(append(row.dest(), &view.Cooling)...)
			view.NumberRecord = row.record()
			view.Cooling = view.Cooling && view.State == assign.NumberFree
			return view, err
		})
	return p, s.orNoPool(ctx, pool, len(p.Items), err)
}

// Assignments lists a pool's assignments as f says, in the order of seq.
// Errors: [assign.ErrPoolNotFound], [assign.ErrUnavailable].
func (s *Store) Assignments(ctx context.Context, pool assign.PoolID, f assign.AssignmentFilter) (assign.Page[assign.Assignment], error) {
	query, args := listAssignments, []any{string(pool), f.After}
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
	var row assignmentRow
	err := rows.Scan(row.dest()...)
	return row.assignment(), err
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
