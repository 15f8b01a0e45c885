package store

import (
	"database/sql"
	"time"

	"fairlead/assign"
)

// Rows as the tables have them. They stay in this package: columns are ours to
// rename, the domain's fields are not. The order of a columns constant is that
// of the dest method beneath it.

// epoch stands for a time that never was; the columns it is written to are NOT
// NULL, and DATETIME has no zero in strict mode.
var epoch = time.Unix(0, 0).UTC()

func orEpoch(t time.Time) time.Time {
	if t.IsZero() {
		return epoch
	}
	return t
}

func nullTime(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }

func nullString(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

const poolColumns = `p.pool, p.seq, p.last_at, p.cooldown_seconds, p.planners, p.active, p.assigned, p.live,
	p.numbers, p.numbers_active, p.numbers_aside, p.pick_load, p.pick_seq, p.pick_planner, p.free_at, p.free_number`

type poolRow struct {
	assign.Pool
	cooldown int64
}

func (r *poolRow) dest() []any {
	return []any{&r.ID, &r.Seq, &r.LastAt, &r.cooldown, &r.Planners, &r.Active, &r.Assigned, &r.Open,
		&r.Numbers, &r.NumbersActive, &r.NumbersAside, &r.PickFrom.Load, &r.PickFrom.LastSeq, &r.PickFrom.Planner,
		&r.FreeFrom.FreeAt, &r.FreeFrom.Number}
}

func (r *poolRow) pool() assign.Pool {
	r.Settings.Cooldown = time.Duration(r.cooldown) * time.Second
	return r.Pool
}

const plannerColumns = `p.planner, p.name, p.active, p.base, p.assigned, p.live, p.last_seq, p.last_at`

type plannerRow struct {
	assign.Planner
	lastAt sql.NullTime
}

func (r *plannerRow) dest() []any {
	return []any{&r.ID, &r.Name, &r.Active, &r.Base, &r.Assigned, &r.Open, &r.LastSeq, &r.lastAt}
}

func (r *plannerRow) planner() assign.Planner {
	r.LastAt = r.lastAt.Time
	return r.Planner
}

const assignmentColumns = `a.pool, a.seq, a.id, a.planner, a.planner_name, a.number, a.wish, a.customer,
	a.idem_key, a.fingerprint, a.assigned_at, a.released_at`

type assignmentRow struct {
	assign.Assignment
	number      sql.NullString
	fingerprint []byte
	releasedAt  sql.NullTime
}

func (r *assignmentRow) dest() []any {
	return []any{&r.Pool, &r.Seq, &r.ID, &r.Planner, &r.PlannerName, &r.number, &r.Wish, &r.Customer,
		&r.Key, &r.fingerprint, &r.AssignedAt, &r.releasedAt}
}

func (r *assignmentRow) assignment() assign.Assignment {
	r.Number = assign.Number(r.number.String)
	copy(r.Fingerprint[:], r.fingerprint)
	r.ReleasedAt = r.releasedAt.Time
	r.State = assign.AssignmentActive
	if r.releasedAt.Valid {
		r.State = assign.AssignmentReleased
	}
	return r.Assignment
}

const numberColumns = `n.number, n.pool, n.state, n.free_at, n.assignment`

type numberRow struct {
	number, pool, state, assignment sql.NullString
	freeAt                          sql.NullTime
}

func (r *numberRow) dest() []any {
	return []any{&r.number, &r.pool, &r.state, &r.freeAt, &r.assignment}
}

// record is the zero record where a join found no number.
func (r *numberRow) record() assign.NumberRecord {
	return assign.NumberRecord{
		Number:     assign.Number(r.number.String),
		Pool:       assign.PoolID(r.pool.String),
		State:      assign.NumberState(r.state.String),
		FreeAt:     r.freeAt.Time,
		Assignment: r.assignment.String,
	}
}

const eventColumns = `e.pool, e.seq, e.id, e.kind, e.happened_at, e.actor, e.data`

type eventRow struct {
	assign.Event
	data []byte
}

func (r *eventRow) dest() []any {
	return []any{&r.Pool, &r.Seq, &r.ID, &r.Kind, &r.At, &r.Actor, &r.data}
}

func (r *eventRow) event() assign.Event {
	r.Data = r.data
	return r.Event
}
