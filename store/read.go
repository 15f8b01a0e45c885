package store

import (
	"database/sql"
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

	// The unit's time is read behind the fence, once: what is over by then must
	// be the same for all that the unit reads and for what it decides.
	setNow     = `SET @now = NOW(6)`
	selectNow  = `SELECT CAST(@now AS DATETIME(6))`
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

	// selectHeld and selectLive read assignments with who has them now and the
	// numbers that they hold.
	selectHeld = `SELECT ` + heldColumns + ` FROM assignments a FORCE INDEX (by_id)` + joinHeld + ` WHERE a.pool = ? AND a.id IN (%s)`
	selectLive = `SELECT ` + heldColumns + ` FROM assignments a FORCE INDEX (live)` + joinHeld + ` WHERE a.pool = ? AND a.released_at IS NULL`
	joinHeld   = `
		JOIN ` + holder + `
		LEFT JOIN numbers n ON n.number = a.live_number` + joinPhone

	// selectKeyed needs no locks: whoever could write such a row is kept out
	// by the fence, and under READ COMMITTED the snapshot is the statement's own.
	selectKeyed = `SELECT ` + assignmentColumns + `
		FROM assignments a FORCE INDEX (once_per_key)` + joinNumber + joinPhone + ` WHERE a.pool = ? AND a.idem_key IN (%s)`

	// selectFree finds and locks numbers like selectPicks. It also says which
	// live assignment holds a number that claims to be free; there is none
	// unless a hand was in the tables.
	selectFree = `SELECT ` + numberColumns + claimedBy + `
		FROM (
			SELECT number FROM numbers FORCE INDEX (next_free)
			WHERE pool = ? AND state = 'free' AND (free_at > @free_at
				OR free_at = @free_at AND number >= @free_number)
			ORDER BY free_at, number LIMIT ?) first
		STRAIGHT_JOIN numbers n FORCE INDEX (PRIMARY) ON n.number = first.number FOR UPDATE`
	claimedBy = `, COALESCE((SELECT a.id FROM assignments a WHERE a.live_number = n.number), '')`

	// unitTime is the time that the unit is stamped with: never before the pool's
	// last, whatever the clock says.
	unitTime = `GREATEST(CAST(@now AS DATETIME(6)), CAST(@last_at AS DATETIME(6)))`

	// selectExpiring leaves out what a hand has made of numbers: they could not
	// end, and would be in the way of all others.
	selectExpiring = `SELECT ` + heldColumns + `
		FROM numbers n FORCE INDEX (expiring)
		STRAIGHT_JOIN assignments a FORCE INDEX (once_per_number) ON a.live_number = n.number AND a.id = n.assignment
		STRAIGHT_JOIN ` + holder + joinPhone + `
		WHERE n.pool = ? AND n.expires_at <= ` + unitTime + ` AND n.state IN ('active', 'draining', 'suspended') AND a.pool = n.pool`
	firstExpired = ` ORDER BY n.expires_at, n.number LIMIT ?`

	// comingBack leaves numbers out that are not handed out again: calls that
	// want one do not end their assignments, of which there may be many.
	comingBack       = ` AND n.state = 'active'`
	selectNextExpiry = `SELECT n.expires_at FROM numbers n FORCE INDEX (expiring)
		WHERE n.pool = ? AND n.expires_at > ` + unitTime + comingBack + ` ORDER BY n.expires_at LIMIT 1`

	selectEarlier = `SELECT ` + numberColumns + claimedBy + `
		FROM numbers n FORCE INDEX (by_customer) WHERE n.pool = ? AND n.state = 'free' AND n.last_customer IN (%s)`

	// selectNumbers looks at other pools' numbers too, which the fence does
	// not protect: who adds the same number at the same time meets the primary
	// key, and looks again.
	selectNumbers = `SELECT ` + numberColumns + claimedBy + ` FROM numbers n FORCE INDEX (PRIMARY) WHERE n.number IN (%s)`

	selectPhones = `SELECT c.owner, c.key_id, c.box, c.mark FROM phones c FORCE INDEX (PRIMARY)
		WHERE c.pool = ? AND c.kind = '` + PlannerPhone + `' AND c.owner IN (%s)`

	// turnsOf is all turns of an assignment: the first, and those by
	// reassignments.
	turnsOf = `SELECT a.seq AS assignment, a.seq, a.planner, a.assigned_at AS at, a.turn, '' AS idem_key, NULL AS fingerprint
			FROM assignments a FORCE INDEX (by_id) WHERE a.pool = ? AND a.id = ?
		UNION ALL SELECT r.assignment, r.seq, r.planner, r.at, r.turn, r.idem_key, r.fingerprint
			FROM assignments a FORCE INDEX (by_id)
			JOIN reassignments r FORCE INDEX (of_assignment) ON r.pool = a.pool AND r.assignment = a.seq
			WHERE a.pool = ? AND a.id = ?`
	selectTurns        = turnsOf + ` ORDER BY seq`
	selectTurnPlanners = `SELECT ` + plannerColumns + ` FROM (SELECT DISTINCT planner FROM (` + turnsOf + `) t) whose
		STRAIGHT_JOIN planners p FORCE INDEX (PRIMARY) ON p.pool = ? AND p.planner = whose.planner FOR UPDATE`

	// selectOthers finds the latest turn that counts of each planner but for
	// those of this assignment: one step back in an index, or a few.
	selectOthers = `SELECT whose.planner,
			(SELECT b.seq` + otherFirst + `), (SELECT b.assigned_at` + otherFirst + `),
			(SELECT b.seq` + otherLater + `), (SELECT b.at` + otherLater + `)
		FROM (SELECT DISTINCT assignment, planner FROM (` + turnsOf + `) t) whose`
	otherFirst = ` FROM assignments b FORCE INDEX (by_planner)
		WHERE b.pool = ? AND b.planner = whose.planner AND b.turn = 1 AND b.seq <> whose.assignment ORDER BY b.seq DESC LIMIT 1`
	otherLater = ` FROM reassignments b FORCE INDEX (by_planner)
		WHERE b.pool = ? AND b.planner = whose.planner AND b.turn = 1 AND b.assignment <> whose.assignment ORDER BY b.seq DESC LIMIT 1`

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
	p.add(setNow)
	r.then(p, r.takeNow, selectNow)
	r.then(p, r.takePool, selectPool, string(r.pool))
	if n := r.need.Picks; n > 0 {
		r.then(p, r.takePicks, selectPicks, string(r.pool), n, string(r.pool))
	}
	asking(r, p, r.need.Planners, r.takePlanners, selectPlanners, string(r.pool))
	asking(r, p, r.need.Planners, r.takePhones, selectPhones, string(r.pool))
	asking(r, p, r.need.Keys, r.takeKeyed, selectKeyed, string(r.pool))
	asking(r, p, r.need.Assignments, r.takeHeld, selectHeld, string(r.pool))
	if n := r.need.FreeNumbers; n > 0 {
		r.then(p, r.takeFree, selectFree, string(r.pool), n)
	}
	if n := r.need.Expiring; n > 0 {
		r.then(p, r.takeExpiring, selectExpiring+comingBack+firstExpired, string(r.pool), n)
		r.then(p, r.takeNextExpiry, selectNextExpiry, string(r.pool))
	}
	r.askEarlier(p)
	r.askTurns(p)
	r.askLive(p)
	asking(r, p, r.need.Numbers, r.takeNumbers, selectNumbers)
	if seq := r.need.Event; seq > 0 {
		r.then(p, r.takeEventID, selectEventID, string(r.pool), seq)
	}
}

func (r *reading) askEarlier(p *packet) {
	if len(r.need.Earlier) == 0 {
		return
	}
	args := []any{string(r.pool)}
	for _, c := range r.need.Earlier {
		args = append(args, []byte(c))
	}
	r.then(p, r.takeEarlier, fmt.Sprintf(selectEarlier, marks(len(r.need.Earlier))), args...)
}

func (r *reading) askTurns(p *packet) {
	id, pool := r.need.Turns, string(r.pool)
	if id == "" {
		return
	}
	of := []any{pool, id, pool, id}
	r.then(p, r.takeTurns, selectTurns, of...)
	r.then(p, r.takeTurnPlanners, selectTurnPlanners, append(slices.Clip(of), pool)...)
	r.then(p, r.takeOthers, selectOthers, append([]any{pool, pool, pool, pool}, of...)...)
}

func (r *reading) askLive(p *packet) {
	f := r.need.Live
	if f == nil {
		return
	}
	query, order, args := selectLive, ` ORDER BY a.seq LIMIT ?`, []any{string(r.pool)}
	if f.Expired {
		query, order = selectExpiring, firstExpired
	}
	if f.Planner != "" {
		query += ` AND p.planner = ?`
		args = append(args, string(f.Planner))
	}
	if f.Age > 0 {
		query += ` AND a.assigned_at <= ` + unitTime + ` - INTERVAL ? MICROSECOND`
		args = append(args, f.Age.Microseconds())
	}
	if f.State != "" {
		query += ` AND n.state = ? AND n.assignment = a.id`
		args = append(args, string(f.State))
	}
	r.then(p, r.takeLive, query+order, append(args, f.Limit)...)
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
		h, err := scanHeld(rows)
		r.state.Assignments[h.Assignment.ID] = h
		return err
	})
}

func scanHeld(rows *sqlx.Rows) (assign.Held, error) {
	var (
		a assignmentRow
		p plannerRow
		n numberRow
	)
	err := rows.Scan(slices.Concat(a.dest(), p.dest(), n.dest())...)
	return assign.Held{Assignment: a.assignment(), Planner: p.planner(), Number: n.record()}, err
}

func (r *reading) takeExpiring(rows *sqlx.Rows) error {
	return takeAll(rows, &r.state.Expiring, scanHeld)
}

func (r *reading) takeLive(rows *sqlx.Rows) error { return takeAll(rows, &r.state.Live, scanHeld) }

func (r *reading) takeFree(rows *sqlx.Rows) error {
	return takeAll(rows, &r.state.FreeNumbers, scanSeen)
}

func (r *reading) takeEarlier(rows *sqlx.Rows) error {
	return takeAll(rows, &r.state.Earlier, scanSeen)
}

func takeAll[T any](rows *sqlx.Rows, all *[]T, scan func(*sqlx.Rows) (T, error)) error {
	return each(rows, func() error {
		v, err := scan(rows)
		*all = append(*all, v)
		return err
	})
}

func scanSeen(rows *sqlx.Rows) (assign.SeenNumber, error) {
	var (
		row       numberRow
		claimedBy string
	)
	err := rows.Scan(append(row.dest(), &claimedBy)...)
	return assign.SeenNumber{NumberRecord: row.record(), HeldBy: claimedBy}, err
}

func (r *reading) takeNextExpiry(rows *sqlx.Rows) error {
	return each(rows, func() error {
		var at sql.NullTime
		err := rows.Scan(&at)
		r.state.NextExpiry = at.Time
		return err
	})
}

func (r *reading) takeNumbers(rows *sqlx.Rows) error {
	r.state.Numbers = map[assign.Number]assign.SeenNumber{}
	return each(rows, func() error {
		n, err := scanSeen(rows)
		r.state.Numbers[n.Number] = n
		return err
	})
}

func (r *reading) takePhones(rows *sqlx.Rows) error {
	r.state.Phones = map[assign.PlannerID]assign.Phone{}
	return each(rows, func() error {
		var (
			planner assign.PlannerID
			row     phoneRow
		)
		err := rows.Scan(append([]any{&planner}, row.dest()...)...)
		r.state.Phones[planner] = row.phone()
		return err
	})
}

func (r *reading) takeTurns(rows *sqlx.Rows) error {
	return takeAll(rows, &r.state.Turns.Turns, scanTurn)
}

func scanTurn(rows *sqlx.Rows) (t assign.Turn, err error) {
	var fingerprint []byte
	err = rows.Scan(&t.Assignment, &t.Seq, &t.Planner, &t.At, &t.Counts, &t.Key, &fingerprint)
	copy(t.Fingerprint[:], fingerprint)
	return t, err
}

func (r *reading) takeTurnPlanners(rows *sqlx.Rows) error {
	return takeAll(rows, &r.state.Turns.Planners, func(rows *sqlx.Rows) (assign.Planner, error) {
		var row plannerRow
		err := rows.Scan(row.dest()...)
		return row.planner(), err
	})
}

func (r *reading) takeOthers(rows *sqlx.Rows) error {
	r.state.Turns.Others = map[assign.PlannerID]assign.Turn{}
	return each(rows, func() error {
		var (
			planner          assign.PlannerID
			first, later     sql.NullInt64
			firstAt, laterAt sql.NullTime
		)
		err := rows.Scan(&planner, &first, &firstAt, &later, &laterAt)
		t := assign.Turn{Seq: first.Int64, Planner: planner, At: firstAt.Time, Counts: true}
		if later.Int64 > first.Int64 {
			t.Seq, t.At = later.Int64, laterAt.Time
		}
		if t.Seq > 0 {
			r.state.Turns.Others[planner] = t
		}
		return err
	})
}

func (r *reading) takeEventID(rows *sqlx.Rows) error {
	return each(rows, func() error { return rows.Scan(&r.state.EventID) })
}
