package store

import (
	"time"

	"fairlead/assign"
)

const (
	insertPool = `INSERT INTO pools (pool, seq, last_at, cooldown_seconds, planners, active, assigned, live,
		numbers, numbers_active, numbers_aside, pick_load, pick_seq, pick_planner, free_at, free_number)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`

	// updatePool fails, and takes the transaction with it, if seq is not what
	// the unit read: NULL in a NOT NULL column is an error in strict mode,
	// where a WHERE that matches nothing would be none.
	updatePool = `UPDATE pools SET seq = IF(seq = ?, ?, NULL), last_at = ?, cooldown_seconds = ?, planners = ?,
		active = ?, assigned = ?, live = ?, numbers = ?, numbers_active = ?, numbers_aside = ?,
		pick_load = ?, pick_seq = ?, pick_planner = ?, free_at = ?, free_number = ? WHERE pool = ?`

	// releaseAssignments comes before the inserts, which may hand out again
	// what it sets free.
	releaseAssignments = `UPDATE assignments FORCE INDEX (PRIMARY) SET released_at = ?, live_number = NULL
		WHERE pool = ? AND seq IN (`

	// The unit has read and locked each row that it replaces; an upsert writes
	// all of them in one statement, without a long CASE.
	insertPlanners   = `INSERT INTO planners (pool, planner, name, active, base, assigned, live, planner_load, last_seq, last_at) VALUES `
	orReplacePlanner = ` ON DUPLICATE KEY UPDATE name = VALUES(name), active = VALUES(active), base = VALUES(base),
		assigned = VALUES(assigned), live = VALUES(live), planner_load = VALUES(planner_load),
		last_seq = VALUES(last_seq), last_at = VALUES(last_at)`

	insertAssignments = `INSERT INTO assignments (pool, seq, id, planner, planner_name, number, live_number, wish, customer,
		idem_key, fingerprint, assigned_at) VALUES `

	insertNumbers   = `INSERT INTO numbers (number, pool, state, free_at, assignment) VALUES `
	orReplaceNumber = ` ON DUPLICATE KEY UPDATE state = VALUES(state), free_at = VALUES(free_at), assignment = VALUES(assignment)`

	insertEvents = `INSERT INTO events (pool, seq, id, kind, happened_at, actor, data) VALUES `
)

// writeChanges adds what a unit decided to p, the pool's row first.
func writeChanges(p *packet, c assign.Changes) {
	writePool(p, c)
	writeReleases(p, c.Pool.ID, c.Released)
	planner := func(pl assign.Planner) []any {
		return []any{string(c.Pool.ID), string(pl.ID), pl.Name, pl.Active, pl.Base, pl.Assigned, pl.Open,
			pl.Load(), pl.LastSeq, nullTime(pl.LastAt)}
	}
	p.addRows(insertPlanners, orReplacePlanner, 10, rowsOf(c.Planners, planner))
	p.addRows(insertPlanners, ``, 10, rowsOf(c.NewPlanners, planner))
	p.addRows(insertAssignments, ``, 12, rowsOf(c.Assignments, func(a assign.Assignment) []any {
		number := nullString(string(a.Number))
		return []any{string(a.Pool), a.Seq, a.ID, string(a.Planner), a.PlannerName, number, number, string(a.Wish),
			a.Customer, a.Key, a.Fingerprint[:], a.AssignedAt}
	}))
	writeNumbers(p, c)
	p.addRows(insertEvents, ``, 7, rowsOf(c.Events, func(e assign.Event) []any {
		return []any{string(e.Pool), e.Seq, e.ID, string(e.Kind), e.At, e.Actor, string(e.Data)}
	}))
}

func writePool(p *packet, c assign.Changes) {
	pool := c.Pool
	columns := []any{pool.LastAt, int64(pool.Settings.Cooldown / time.Second), pool.Planners, pool.Active,
		pool.Assigned, pool.Open, pool.Numbers, pool.NumbersActive, pool.NumbersAside,
		pool.PickFrom.Load, pool.PickFrom.LastSeq, string(pool.PickFrom.Planner),
		orEpoch(pool.FreeFrom.FreeAt), string(pool.FreeFrom.Number)}
	if c.Create {
		p.add(insertPool, append([]any{string(pool.ID), pool.Seq}, columns...)...)
		return
	}
	columns = append([]any{c.From, pool.Seq}, columns...)
	p.add(updatePool, append(columns, string(pool.ID))...)
}

// writeReleases ends assignments. All of a unit end at the same time.
func writeReleases(p *packet, pool assign.PoolID, released []assign.Assignment) {
	if len(released) == 0 {
		return
	}
	args := []any{released[0].ReleasedAt, string(pool)}
	for _, a := range released {
		args = append(args, a.Seq)
	}
	p.add(releaseAssignments+marks(len(released))+")", args...)
}

// writeNumbers replaces numbers that the unit has locked, or adds new ones. New
// ones must not replace any: another pool may have added them meanwhile.
func writeNumbers(p *packet, c assign.Changes) {
	rows := rowsOf(c.Numbers, func(n assign.NumberRecord) []any {
		return []any{string(n.Number), string(n.Pool), string(n.State), n.FreeAt, nullString(n.Assignment)}
	})
	tail := orReplaceNumber
	if c.NewNumbers {
		tail = ``
	}
	p.addRows(insertNumbers, tail, 5, rows)
}

func rowsOf[T any](values []T, row func(T) []any) [][]any {
	rows := make([][]any, len(values))
	for i, v := range values {
		rows[i] = row(v)
	}
	return rows
}
