package store

import (
	"database/sql"
	"slices"
	"strings"
	"time"

	"fairlead/assign"
)

const (
	insertPool = `INSERT INTO pools (pool, seq, last_at, cooldown_seconds, number_ttl_seconds, ttl_from_use, sticky, number_or_fail,
		planners, active, assigned, live,
		numbers, numbers_active, numbers_draining, numbers_suspended, numbers_aside, numbers_expiring,
		pick_load, pick_seq, pick_planner, free_at, free_number)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`

	// updatePool fails, and takes the transaction with it, if seq is not what
	// the unit read: NULL in a NOT NULL column is an error in strict mode,
	// where a WHERE that matches nothing would be none.
	updatePool = `UPDATE pools SET seq = IF(seq = ?, ?, NULL), last_at = ?, cooldown_seconds = ?, number_ttl_seconds = ?,
		ttl_from_use = ?, sticky = ?, number_or_fail = ?, planners = ?, active = ?, assigned = ?, live = ?,
		numbers = ?, numbers_active = ?, numbers_draining = ?, numbers_suspended = ?, numbers_aside = ?, numbers_expiring = ?,
		pick_load = ?, pick_seq = ?, pick_planner = ?, free_at = ?, free_number = ? WHERE pool = ?`

	// releaseAssignments comes before the inserts, which may hand out again
	// what it sets free.
	releaseAssignments = `UPDATE assignments FORCE INDEX (PRIMARY) SET released_at = `
	releasedOnes       = `, live_number = NULL WHERE pool = ? AND seq IN (`

	// amendAssignment comes before the inserts for the same reason.
	amendAssignment = `UPDATE assignments FORCE INDEX (PRIMARY) SET released_at = ?, live_number = ?, voided_at = ?, turn = ?,
		now_planner = ?, now_name = ? WHERE pool = ? AND seq = ?`

	insertTurns = `INSERT INTO reassignments (pool, seq, assignment, planner, turn, at, idem_key, fingerprint) VALUES `
	takeTurn    = `UPDATE reassignments SET turn = 0 WHERE pool = ? AND seq = ?`

	// The unit has read and locked each row that it replaces; an upsert writes
	// all of them in one statement, without a long CASE.
	insertPlanners   = `INSERT INTO planners (pool, planner, name, active, base, assigned, live, planner_load, last_seq, last_at) VALUES `
	orReplacePlanner = ` ON DUPLICATE KEY UPDATE name = VALUES(name), active = VALUES(active), base = VALUES(base),
		assigned = VALUES(assigned), live = VALUES(live), planner_load = VALUES(planner_load),
		last_seq = VALUES(last_seq), last_at = VALUES(last_at)`

	insertAssignments = `INSERT INTO assignments (pool, seq, id, planner, planner_name, number, live_number, wish, customer,
		idem_key, fingerprint, assigned_at) VALUES `

	insertNumbers = `INSERT INTO numbers (number, pool, state, free_at, assignment, expires_at, used_at, released_at,
		last_customer, last_planner) VALUES `
	orReplaceNumber = ` ON DUPLICATE KEY UPDATE state = VALUES(state), free_at = VALUES(free_at), assignment = VALUES(assignment),
		expires_at = VALUES(expires_at), used_at = VALUES(used_at), released_at = VALUES(released_at),
		last_customer = VALUES(last_customer), last_planner = VALUES(last_planner)`

	insertPhones   = `INSERT INTO phones (pool, kind, owner, key_id, box, mark) VALUES `
	orReplacePhone = ` ON DUPLICATE KEY UPDATE key_id = VALUES(key_id), box = VALUES(box), mark = VALUES(mark)`

	insertEvents = `INSERT INTO events (pool, seq, id, kind, happened_at, actor, data) VALUES `
)

// writeChanges adds what a unit decided to p, the pool's row first.
func writeChanges(p *packet, c assign.Changes) {
	writePool(p, c)
	writeReleases(p, c.Pool.ID, c.Released)
	writeAmended(p, c)
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
	writePhones(p, c)
	p.addRows(insertEvents, ``, 7, rowsOf(c.Events, func(e assign.Event) []any {
		return []any{string(e.Pool), e.Seq, e.ID, string(e.Kind), e.At, e.Actor, string(e.Data)}
	}))
}

func writePool(p *packet, c assign.Changes) {
	pool, s := c.Pool, c.Pool.Settings
	columns := []any{pool.LastAt, int64(s.Cooldown / time.Second), int64(s.NumberTTL / time.Second), s.TTLFromUse, s.Sticky, s.NumberOrFail,
		pool.Planners, pool.Active, pool.Assigned, pool.Open,
		pool.Numbers, pool.NumbersActive, pool.NumbersDraining, pool.NumbersSuspended, pool.NumbersAside, pool.NumbersExpiring,
		pool.PickFrom.Load, pool.PickFrom.LastSeq, string(pool.PickFrom.Planner),
		orEpoch(pool.FreeFrom.FreeAt), string(pool.FreeFrom.Number)}
	if c.Create {
		p.add(insertPool, append([]any{string(pool.ID), pool.Seq}, columns...)...)
		return
	}
	columns = append([]any{c.From, pool.Seq}, columns...)
	p.add(updatePool, append(columns, string(pool.ID))...)
}

// writeReleases ends assignments. Most of a unit end at its own time; those
// that ended by themselves did so each at another.
func writeReleases(p *packet, pool assign.PoolID, released []assign.Assignment) {
	if len(released) == 0 {
		return
	}
	text, args := releaseAssignments+`?`, []any{released[0].ReleasedAt}
	if slices.ContainsFunc(released, func(a assign.Assignment) bool { return !a.ReleasedAt.Equal(released[0].ReleasedAt) }) {
		text, args = releaseAssignments+`CASE seq`+strings.Repeat(` WHEN ? THEN CAST(? AS DATETIME(6))`, len(released))+` END`, nil
		for _, a := range released {
			args = append(args, a.Seq, a.ReleasedAt)
		}
	}
	args = append(args, string(pool))
	for _, a := range released {
		args = append(args, a.Seq)
	}
	p.add(text+releasedOnes+marks(len(released))+")", args...)
}

// writeAmended writes what became of assignments that were voided or passed on.
func writeAmended(p *packet, c assign.Changes) {
	for _, a := range c.Amended {
		held := nullString("")
		if a.State == assign.AssignmentActive {
			held = nullString(string(a.Number))
		}
		p.add(amendAssignment, nullTime(a.ReleasedAt), held, nullTime(a.VoidedAt), !a.TurnBack,
			nullString(string(a.ReassignedTo)), sql.NullString{String: a.ReassignedToName, Valid: a.ReassignedTo != ""},
			string(a.Pool), a.Seq)
	}
	var given []assign.Turn
	for _, t := range c.Turns {
		if t.Counts {
			given = append(given, t)
		} else {
			p.add(takeTurn, string(c.Pool.ID), t.Seq)
		}
	}
	p.addRows(insertTurns, ``, 8, rowsOf(given, func(t assign.Turn) []any {
		return []any{string(c.Pool.ID), t.Seq, t.Assignment, string(t.Planner), true, t.At, t.Key, t.Fingerprint[:]}
	}))
}

// writeNumbers replaces numbers that the unit has locked, or adds new ones. New
// ones must not replace any: another pool may have added them meanwhile.
func writeNumbers(p *packet, c assign.Changes) {
	rows := rowsOf(c.Numbers, func(n assign.NumberRecord) []any {
		return []any{string(n.Number), string(n.Pool), string(n.State), n.FreeAt, nullString(n.Assignment),
			nullTime(n.ExpiresAt), nullTime(n.UsedAt), nullTime(n.ReleasedAt),
			nullBytes(string(n.Earlier.Customer)), nullString(string(n.Earlier.Planner))}
	})
	tail := orReplaceNumber
	if c.NewNumbers {
		tail = ``
	}
	p.addRows(insertNumbers, tail, 10, rows)
}

// writePhones writes the phones of planners, an empty box for one that was
// taken away, and those of new assignments.
func writePhones(p *packet, c assign.Changes) {
	row := func(kind, owner string, ph assign.Phone) []any {
		return []any{string(c.Pool.ID), kind, owner, ph.Key, []byte(ph.Box), []byte(ph.Mark)}
	}
	rows := rowsOf(c.Phones, func(o assign.OwnedPhone) []any { return row(PlannerPhone, string(o.Planner), o.Phone) })
	for _, a := range c.Assignments {
		if !a.CustomerPhone.IsZero() {
			rows = append(rows, row(CustomerPhone, a.ID, a.CustomerPhone))
		}
	}
	p.addRows(insertPhones, orReplacePhone, 6, rows)
}

func rowsOf[T any](values []T, row func(T) []any) [][]any {
	rows := make([][]any, len(values))
	for i, v := range values {
		rows[i] = row(v)
	}
	return rows
}
