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

// nullBytes is for what is no text: the driver marks it as such.
func nullBytes(s string) any {
	if s == "" {
		return nil
	}
	return []byte(s)
}

const poolColumns = `p.pool, p.seq, p.last_at, p.cooldown_seconds, p.number_ttl_seconds, p.ttl_from_use, p.sticky, p.number_or_fail,
	p.planners, p.active, p.assigned, p.live,
	p.numbers, p.numbers_active, p.numbers_draining, p.numbers_suspended, p.numbers_aside, p.numbers_expiring,
	p.pick_load, p.pick_seq, p.pick_planner, p.free_at, p.free_number`

type poolRow struct {
	assign.Pool
	cooldown, ttl int64
}

func (r *poolRow) dest() []any {
	return []any{&r.ID, &r.Seq, &r.LastAt, &r.cooldown, &r.ttl, &r.Settings.TTLFromUse, &r.Settings.Sticky, &r.Settings.NumberOrFail,
		&r.Planners, &r.Active, &r.Assigned, &r.Open,
		&r.Numbers, &r.NumbersActive, &r.NumbersDraining, &r.NumbersSuspended, &r.NumbersAside, &r.NumbersExpiring,
		&r.PickFrom.Load, &r.PickFrom.LastSeq, &r.PickFrom.Planner, &r.FreeFrom.FreeAt, &r.FreeFrom.Number}
}

func (r *poolRow) pool() assign.Pool {
	r.Settings.Cooldown = time.Duration(r.cooldown) * time.Second
	r.Settings.NumberTTL = time.Duration(r.ttl) * time.Second
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

// assignmentColumns are those of an assignment with what other tables have of
// it; see joinNumber and joinPhone. heldColumns are the same where its number
// is joined as n, and then those of who has it and of that number.
const (
	assignmentColumns = ownColumns + `, m.expires_at` + phoneColumns
	heldColumns       = ownColumns + `, IF(n.assignment = a.id, n.expires_at, NULL)` + phoneColumns + `, ` + plannerColumns + `, ` + numberColumns

	phoneColumns = `, c.key_id, c.box, c.mark`
	ownColumns   = `a.pool, a.seq, a.id, a.planner, a.planner_name, a.number, a.wish, a.customer,
	a.idem_key, a.fingerprint, a.assigned_at, a.released_at, a.voided_at, a.turn, a.now_planner, a.now_name`
)

const (
	// joinNumber adds the number that a live assignment holds.
	joinNumber = ` LEFT JOIN numbers m ON m.number = a.live_number AND m.assignment = a.id`

	// joinPhone adds the customer's phone.
	joinPhone = ` LEFT JOIN phones c ON c.pool = a.pool AND c.kind = '` + CustomerPhone + `' AND c.owner = a.id`

	// holder is who has an assignment now, to join.
	holder = `planners p ON p.pool = a.pool AND p.planner = COALESCE(a.now_planner, a.planner)`
)

type assignmentRow struct {
	assign.Assignment
	number, nowPlanner, nowName     sql.NullString
	fingerprint                     []byte
	releasedAt, voidedAt, expiresAt sql.NullTime
	turn                            bool
	phone                           phoneRow
}

func (r *assignmentRow) dest() []any {
	return append([]any{&r.Pool, &r.Seq, &r.ID, &r.Planner, &r.PlannerName, &r.number, &r.Wish, &r.Customer,
		&r.Key, &r.fingerprint, &r.AssignedAt, &r.releasedAt, &r.voidedAt, &r.turn, &r.nowPlanner, &r.nowName,
		&r.expiresAt}, r.phone.dest()...)
}

func (r *assignmentRow) assignment() assign.Assignment {
	r.Number = assign.Number(r.number.String)
	copy(r.Fingerprint[:], r.fingerprint)
	r.ReleasedAt, r.VoidedAt, r.ExpiresAt = r.releasedAt.Time, r.voidedAt.Time, r.expiresAt.Time
	r.State = stateOf(r.releasedAt, r.voidedAt)
	r.TurnBack = !r.turn
	r.ReassignedTo, r.ReassignedToName = assign.PlannerID(r.nowPlanner.String), r.nowName.String
	r.CustomerPhone = r.phone.phone()
	return r.Assignment
}

func stateOf(released, voided sql.NullTime) assign.AssignmentState {
	switch {
	case voided.Valid:
		return assign.AssignmentVoid
	case released.Valid:
		return assign.AssignmentReleased
	}
	return assign.AssignmentActive
}

// phoneRow is a phone, or none where a join found none.
type phoneRow struct{ key, box, mark sql.NullString }

func (r *phoneRow) dest() []any { return []any{&r.key, &r.box, &r.mark} }

func (r *phoneRow) phone() assign.Phone {
	if r.box.String == "" {
		return assign.Phone{}
	}
	return assign.Phone{Key: r.key.String, Box: r.box.String, Mark: r.mark.String}
}

const numberColumns = `n.number, n.pool, n.state, n.free_at, n.assignment, n.expires_at, n.used_at, n.released_at,
	n.last_customer, n.last_planner`

type numberRow struct {
	number, pool, state, assignment, customer, planner sql.NullString
	freeAt, expiresAt, usedAt, releasedAt              sql.NullTime
}

func (r *numberRow) dest() []any {
	return []any{&r.number, &r.pool, &r.state, &r.freeAt, &r.assignment, &r.expiresAt, &r.usedAt, &r.releasedAt,
		&r.customer, &r.planner}
}

// record is the zero record where a join found no number.
func (r *numberRow) record() assign.NumberRecord {
	return assign.NumberRecord{
		Number:     assign.Number(r.number.String),
		Pool:       assign.PoolID(r.pool.String),
		State:      assign.NumberState(r.state.String),
		FreeAt:     r.freeAt.Time,
		Assignment: r.assignment.String,
		ExpiresAt:  r.expiresAt.Time,
		UsedAt:     r.usedAt.Time,
		ReleasedAt: r.releasedAt.Time,
		Earlier:    assign.Pair{Customer: assign.CustomerMark(r.customer.String), Planner: assign.PlannerID(r.planner.String)},
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
