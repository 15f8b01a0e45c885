package store

import (
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
)

const (
	// fence locks the pool's row, before any other row is looked at. That
	// excludes every other unit of the pool, with or without the named lock.
	// What the picks start from goes into variables, so that the statements
	// behind it can use it in the same round trip.
	fence = `SELECT pick_load, pick_seq, pick_planner, free_at, free_number, last_at
		INTO @pick_load, @pick_seq, @pick_planner, @free_at, @free_number, @last_at
		FROM pools WHERE pool = ? FOR UPDATE`

	selectNow  = `SELECT NOW(6)`
	selectPool = `SELECT ` + poolColumns + ` FROM pools p WHERE p.pool = ?`

	// selectPicks finds the first n planners in the order of the index, and
	// stops there however many the pool has; then it locks these rows, one by
	// one, by their key. Locking them along the index would, behind the pool's
	// last planner, wait for the first of the neighbouring pool.
	selectPicks = `SELECT ` + plannerColumns + ` FROM (
			SELECT planner FROM planners FORCE INDEX (pick)
			WHERE pool = ? AND active = 1 AND (planner_load > @pick_load
				OR planner_load = @pick_load AND last_seq > @pick_seq
				OR planner_load = @pick_load AND last_seq = @pick_seq AND planner >= @pick_planner)
			ORDER BY planner_load, last_seq, planner LIMIT ?) first
		STRAIGHT_JOIN planners p FORCE INDEX (PRIMARY) ON p.pool = ? AND p.planner = first.planner FOR UPDATE`

	selectPlanners = `SELECT ` + plannerColumns + `
		FROM planners p FORCE INDEX (PRIMARY) WHERE p.pool = ? AND p.planner IN (%s) FOR UPDATE`

	// selectKeyed needs no locks: whoever could write such a row is kept out
	// by the fence, and under READ COMMITTED the snapshot is the statement's own.
	selectKeyed = `SELECT ` + assignmentColumns + `
		FROM assignments a FORCE INDEX (once_per_key) WHERE a.pool = ? AND a.idem_key IN (%s)`

	selectHeld = `SELECT ` + assignmentColumns + `, ` + plannerColumns + `, ` + numberColumns + `
		FROM assignments a FORCE INDEX (by_id)
		JOIN planners p ON p.pool = a.pool AND p.planner = a.planner
		LEFT JOIN numbers n ON n.number = a.live_number
		WHERE a.pool = ? AND a.id IN (%s)`

	// selectFree finds and locks numbers like selectPicks. The time is the one
	// that the unit is stamped with, or a little later: never before the
	// pool's last, whatever the clock says. It also says which live assignment
	// holds a number that claims to be free; there is none unless a hand was
	// in the tables.
	selectFree = `SELECT ` + numberColumns + `,
			COALESCE((SELECT a.id FROM assignments a WHERE a.live_number = n.number), '')
		FROM (
			SELECT number FROM numbers FORCE INDEX (next_free)
			WHERE pool = ? AND state = 'free' AND free_at <= GREATEST(NOW(6), CAST(@last_at AS DATETIME(6)))
				AND (free_at > @free_at
				OR free_at = @free_at AND number >= @free_number)
			ORDER BY free_at, number LIMIT ?) first
		STRAIGHT_JOIN numbers n FORCE INDEX (PRIMARY) ON n.number = first.number FOR UPDATE`

	// selectNumbers looks at other pools' numbers too, which the fence does
	// not protect: who adds the same number at the same time meets the primary
	// key, and looks again.
	selectNumbers = `SELECT ` + numberColumns + ` FROM numbers n FORCE INDEX (PRIMARY) WHERE n.number IN (%s)`

	selectEventID = `SELECT e.id FROM events e WHERE e.pool = ? AND e.seq = ?`
)

// A reading is the statements of a unit's read packet, and the state that
// their results make.
type reading struct {
	pool  assign.PoolID
	need  assign.Need
	state assign.State
	takes []func(*sqlx.Rows) error // one for each result, in order
}

// ask adds the statements to p. The isolation level holds for the next
// transaction only; READ COMMITTED keeps locks off gaps, which reach into
// neighbouring pools. Every read stands behind the fence.
func (r *reading) ask(p *packet) {
	p.add(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED`)
	p.add(`START TRANSACTION`)
	p.add(fence, string(r.pool))
	r.then(p, r.takeNow, selectNow)
	r.then(p, r.takePool, selectPool, string(r.pool))
	if n := r.need.Picks; n > 0 {
		r.then(p, r.takePicks, selectPicks, string(r.pool), n, string(r.pool))
	}
	asking(r, p, r.need.Planners, r.takePlanners, selectPlanners, string(r.pool))
	asking(r, p, r.need.Keys, r.takeKeyed, selectKeyed, string(r.pool))
	asking(r, p, r.need.Assignments, r.takeHeld, selectHeld, string(r.pool))
	if n := r.need.FreeNumbers; n > 0 {
		r.then(p, r.takeFree, selectFree, string(r.pool), n)
	}
	asking(r, p, r.need.Numbers, r.takeNumbers, selectNumbers)
	if seq := r.need.Event; seq > 0 {
		r.then(p, r.takeEventID, selectEventID, string(r.pool), seq)
	}
}

func (r *reading) then(p *packet, take func(*sqlx.Rows) error, statement string, args ...any) {
	p.add(statement, args...)
	r.takes = append(r.takes, take)
}

// asking adds a statement with a list of values, unless the list is empty.
func asking[T ~string](r *reading, p *packet, values []T, take func(*sqlx.Rows) error, statement string, args ...any) {
	if len(values) == 0 {
		return
	}
	marks, in := list(values)
	r.then(p, take, fmt.Sprintf(statement, marks), append(args, in...)...)
}

// take makes the state of the results; rows stands in the first.
func (r *reading) take(rows *sqlx.Rows) (assign.State, error) {
	for i, take := range r.takes {
		if i > 0 {
			if err := next(rows); err != nil {
				return assign.State{}, err
			}
		}
		if err := take(rows); err != nil {
			return assign.State{}, err
		}
	}
	// The driver may have kept back an error behind the last result.
	return r.state, rows.Close()
}

func (r *reading) takeNow(rows *sqlx.Rows) error {
	return each(rows, func() error { return rows.Scan(&r.state.Now) })
}

func (r *reading) takePool(rows *sqlx.Rows) error {
	return each(rows, func() error {
		var row poolRow
		err := rows.Scan(row.dest()...)
		r.state.Pool, r.state.Found = row.pool(), true
		return err
	})
}

func (r *reading) takePicks(rows *sqlx.Rows) error {
	return each(rows, func() error {
		var row plannerRow
		err := rows.Scan(row.dest()...)
		r.state.Picks = append(r.state.Picks, row.planner())
		return err
	})
}

func (r *reading) takePlanners(rows *sqlx.Rows) error {
	r.state.Planners = make(map[assign.PlannerID]assign.Planner, len(r.need.Planners))
	return each(rows, func() error {
		var row plannerRow
		err := rows.Scan(row.dest()...)
		r.state.Planners[row.ID] = row.planner()
		return err
	})
}

func (r *reading) takeKeyed(rows *sqlx.Rows) error {
	r.state.Keyed = map[string]assign.Assignment{}
	return each(rows, func() error {
		var row assignmentRow
		err := rows.Scan(row.dest()...)
		r.state.Keyed[row.Key] = row.assignment()
		return err
	})
}

func (r *reading) takeHeld(rows *sqlx.Rows) error {
	r.state.Assignments = make(map[string]assign.Held, len(r.need.Assignments))
	return each(rows, func() error {
		var (
			a assignmentRow
			p plannerRow
			n numberRow
		)
		err := rows.Scan(slices.Concat(a.dest(), p.dest(), n.dest())...)
		r.state.Assignments[a.ID] = assign.Held{Assignment: a.assignment(), Planner: p.planner(), Number: n.record()}
		return err
	})
}

func (r *reading) takeFree(rows *sqlx.Rows) error {
	return each(rows, func() error {
		var (
			row    numberRow
			heldBy string
		)
		err := rows.Scan(append(row.dest(), &heldBy)...)
		r.state.FreeNumbers = append(r.state.FreeNumbers, assign.FreeNumber{NumberRecord: row.record(), HeldBy: heldBy})
		return err
	})
}

func (r *reading) takeNumbers(rows *sqlx.Rows) error {
	r.state.Numbers = map[assign.Number]assign.NumberRecord{}
	return each(rows, func() error {
		var row numberRow
		err := rows.Scan(row.dest()...)
		n := row.record()
		r.state.Numbers[n.Number] = n
		return err
	})
}

func (r *reading) takeEventID(rows *sqlx.Rows) error {
	return each(rows, func() error { return rows.Scan(&r.state.EventID) })
}
