package assign

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"time"
)

// A model is a pool as the words of this package say it, in the plainest form:
// lists of turns, assignments and numbers, gone through from end to end for
// every question. It keeps no count, no order and no bound, and shares with the
// code that decides nothing but what things look like.
type model struct {
	id       PoolID
	exists   bool
	settings Settings
	seq      int64
	at       time.Time // of the latest entry

	staff       map[PlannerID]*modelPlanner
	assignments []*Assignment // as they are now, in the order of seq
	numbers     map[Number]*NumberRecord
	foreign     map[Number]bool // those of other pools

	log []entryOf // what the log must say
}

// An entryOf is an entry of a pool's log without its id: an event's data, or
// the assignment as it was made.
type entryOf struct {
	Seq  int64
	At   time.Time
	Kind EventKind // empty for an assignment
	Data any
}

type modelPlanner struct {
	Name   string
	Active bool
	Base   int64
	Phone  Phone
	turns  []*modelTurn // in the order of seq
}

type modelTurn struct {
	seq        int64
	at         time.Time
	assignment *Assignment
	counts     bool
	asked      Reassignment // by which it was given; zero for the first turn
}

func newModel(id PoolID) *model {
	return &model{id: id, staff: map[PlannerID]*modelPlanner{}, numbers: map[Number]*NumberRecord{}, foreign: map[Number]bool{}}
}

// write adds an entry to the log.
func (m *model) write(now time.Time, kind EventKind, data any) {
	m.seq++
	m.at = now
	m.log = append(m.log, entryOf{m.seq, now, kind, data})
}

// now is the time that a unit has when the clock says so.
func (m *model) now(clock time.Time) time.Time {
	if clock.Before(m.at) {
		return m.at
	}
	return clock
}

// load counts p's turns.
func (p *modelPlanner) load() int64 {
	n := p.Base
	for _, t := range p.turns {
		if t.counts {
			n++
		}
	}
	return n
}

// last is p's latest turn that counts; the zero turn if there is none.
func (p *modelPlanner) last() (last modelTurn) {
	for _, t := range p.turns {
		if t.counts {
			last = *t
		}
	}
	return last
}

// pick is whom the rule picks if one is left out; "" if there is nobody.
func (m *model) pick(out PlannerID) (first PlannerID) {
	for id, p := range m.staff {
		if !p.Active || id == out {
			continue
		}
		if first == "" || precedes(m.planner(id), m.planner(first)) {
			first = id
		}
	}
	return first
}

// precedes is the rule, once more.
func precedes(a, b Planner) bool {
	if x, y := a.Assigned+a.Base, b.Assigned+b.Base; x != y {
		return x < y
	}
	if a.LastSeq != b.LastSeq {
		return a.LastSeq < b.LastSeq
	}
	return a.ID < b.ID
}

// planner is what a planner's row must say, but for what is open.
func (m *model) planner(id PlannerID) Planner {
	p := m.staff[id]
	last := p.last()
	return Planner{ID: id, Name: p.Name, Active: p.Active, Base: p.Base, Assigned: p.load() - p.Base, LastSeq: last.seq, LastAt: last.at}
}

// planners are the rows of all planners.
func (m *model) planners() map[PlannerID]Planner {
	rows := map[PlannerID]Planner{}
	for id := range m.staff {
		row := m.planner(id)
		for _, a := range m.assignments {
			if a.State == AssignmentActive && a.Holder() == id {
				row.Open++
			}
		}
		rows[id] = row
	}
	return rows
}

// records are the rows of all numbers.
func (m *model) records() map[Number]NumberRecord {
	rows := map[Number]NumberRecord{}
	for n, r := range m.numbers {
		rows[n] = *r
	}
	return rows
}

func (m *model) assignment(id string) *Assignment {
	for _, a := range m.assignments {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// numberOf is the record of the number that a holds, or nil.
func (m *model) numberOf(a *Assignment) *NumberRecord {
	n := m.numbers[a.Number]
	if a.State != AssignmentActive || n == nil || n.Assignment != a.ID || n.State == NumberAside || n.State == NumberFree {
		return nil
	}
	return n
}

// over reports whether a has ended by itself, which is not written down yet.
func (m *model) over(a *Assignment, now time.Time) bool {
	n := m.numberOf(a)
	return n != nil && !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now)
}

// shown is a as callers are told of it at now.
func (m *model) shown(a *Assignment, now time.Time) Assignment {
	shown := *a
	if n := m.numberOf(a); n != nil {
		shown.ExpiresAt = n.ExpiresAt
	}
	if m.over(a, now) {
		shown.State, shown.ReleasedAt, shown.ExpiresAt = AssignmentReleased, shown.ExpiresAt, time.Time{}
	}
	return shown
}

func markOf(customer string) CustomerMark {
	sum := sha256.Sum256([]byte(customer))
	return CustomerMark(sum[:])
}

// assign gives a request to whose turn it is.
func (m *model) assign(now time.Time, r Request, id string) (*Assignment, error) {
	to := m.pick("")
	if to == "" {
		return nil, ErrNoPlanner
	}
	a := &Assignment{
		ID: id, Pool: m.id, Planner: to, PlannerName: m.staff[to].Name, Customer: r.Customer, Key: r.Key, Wish: r.Wish,
		Fingerprint: fingerprint(r.Customer, r.Wish), AssignedAt: now, State: AssignmentActive, CustomerPhone: r.CustomerPhone.Phone,
	}
	if r.Wish != NumberNone {
		n := m.numberFor(now, r.Customer, to)
		if n == nil && (r.Wish == NumberRequired || r.Wish == NumberByPool && m.settings.NumberOrFail) {
			return nil, m.exhausted()
		}
		if n != nil {
			a.Number = n.Number
			n.State, n.Assignment, n.ExpiresAt = NumberActive, id, m.expiry(now)
		}
	}
	a.Seq = m.seq + 1
	m.assignments = append(m.assignments, a)
	m.turn(to, &modelTurn{a.Seq, now, a, true, Reassignment{}})
	m.write(now, "", m.shown(a, now))
	return a, nil
}

func (m *model) turn(p PlannerID, t *modelTurn) { m.staff[p].turns = append(m.staff[p].turns, t) }

func (m *model) expiry(now time.Time) time.Time {
	if m.settings.NumberTTL == 0 {
		return time.Time{}
	}
	return now.Add(m.settings.NumberTTL)
}

// numberFor is the number that an assignment of customer to planner gets.
func (m *model) numberFor(now time.Time, customer string, planner PlannerID) (best *NumberRecord) {
	if m.settings.Sticky && customer != "" {
		for _, n := range m.numbers {
			own := n.State == NumberFree && n.Earlier == Pair{markOf(customer), planner}
			if own && (best == nil || n.ReleasedAt.After(best.ReleasedAt) || n.ReleasedAt.Equal(best.ReleasedAt) && n.Number < best.Number) {
				best = n
			}
		}
	}
	if best != nil {
		return best
	}
	for _, n := range m.numbers {
		if n.State == NumberFree && !n.FreeAt.After(now) &&
			(best == nil || n.FreeAt.Before(best.FreeAt) || n.FreeAt.Equal(best.FreeAt) && n.Number < best.Number) {
			best = n
		}
	}
	return best
}

// exhausted says how the numbers stand when none is free.
func (m *model) exhausted() error {
	e := &NoNumberError{}
	next := func(at time.Time) {
		if e.NextFree.IsZero() || at.Before(e.NextFree) {
			e.NextFree = at
		}
	}
	for _, n := range m.numbers {
		switch n.State {
		case NumberFree:
			e.Cooling++
			next(n.FreeAt)
		case NumberActive:
			e.Active++
			if !n.ExpiresAt.IsZero() {
				next(n.ExpiresAt.Add(m.settings.Cooldown))
			}
		case NumberDraining:
			e.Draining++
		case NumberSuspended:
			e.Suspended++
		case NumberAside:
			e.Aside++
		}
	}
	return e
}

// end ends a live assignment at a time.
func (m *model) end(a *Assignment, at time.Time) Ended {
	e := Ended{ID: a.ID, Seq: a.Seq}
	if n := m.numberOf(a); n != nil {
		number, freeAt := n.Number, at.Add(m.settings.Cooldown)
		e.Number, e.FreeAt = &number, &freeAt
		n.Assignment, n.ExpiresAt, n.ReleasedAt, n.FreeAt, n.Earlier = "", time.Time{}, at, freeAt, Pair{}
		if m.settings.Sticky && a.Customer != "" {
			n.Earlier = Pair{markOf(a.Customer), a.Holder()}
		}
		if n.State == NumberActive {
			n.State = NumberFree
		}
	}
	a.State, a.ReleasedAt = AssignmentReleased, at
	return e
}

// due are the first n assignments that have ended by themselves and give a
// number back to be used.
func (m *model) due(n int, now time.Time) (due []*Assignment) {
	for _, a := range m.assignments {
		if m.over(a, now) && m.numbers[a.Number].State == NumberActive {
			due = append(due, a)
		}
	}
	slices.SortFunc(due, func(a, b *Assignment) int {
		x, y := m.numbers[a.Number], m.numbers[b.Number]
		return cmp.Or(x.ExpiresAt.Compare(y.ExpiresAt), cmp.Compare(x.Number, y.Number))
	})
	return due[:min(n, len(due))]
}

// expire writes down that these have ended by themselves.
func (m *model) expire(now time.Time, due ...*Assignment) {
	var data Expired
	for _, a := range due {
		at := m.numberOf(a).ExpiresAt
		data.Assignments = append(data.Assignments, ExpiredOne{m.end(a, at), at})
	}
	if due != nil {
		m.write(now, EventExpired, data)
	}
}

// release ends an assignment that has not ended.
func (m *model) release(now time.Time, a *Assignment, reason string) {
	switch {
	case m.over(a, now):
		m.expire(now, a)
	case a.State == AssignmentActive:
		m.write(now, EventReleased, Released{m.end(a, now), cmp.Or(reason, "done")})
	}
}

// releaseMany ends these, none of which has ended.
func (m *model) releaseMany(now time.Time, live []*Assignment, reason string) {
	var over []*Assignment
	var data ReleasedMany
	for _, a := range live {
		if m.over(a, now) {
			over = append(over, a)
		}
	}
	m.expire(now, over...)
	for _, a := range live {
		if a.State == AssignmentActive {
			data.Assignments = append(data.Assignments, m.end(a, now))
		}
	}
	if data.Assignments != nil {
		data.Reason = cmp.Or(reason, "done")
		m.write(now, EventReleasedMany, data)
	}
}

// turnsOf are the turns that planners have had for a, oldest first.
func (m *model) turnsOf(a *Assignment) (ids []PlannerID, turns []*modelTurn) {
	whose := map[*modelTurn]PlannerID{}
	for id, p := range m.staff {
		for _, t := range p.turns {
			if t.assignment == a {
				turns, whose[t] = append(turns, t), id
			}
		}
	}
	slices.SortFunc(turns, func(x, y *modelTurn) int { return cmp.Compare(x.seq, y.seq) })
	for _, t := range turns {
		ids = append(ids, whose[t])
	}
	return ids, turns
}

// giveBack takes a turn from a planner.
func (m *model) giveBack(id PlannerID, t *modelTurn) TurnBack {
	t.counts = false
	if t.seq == t.assignment.Seq {
		t.assignment.TurnBack = true
	}
	last := m.staff[id].last()
	b := TurnBack{Planner: id, Turn: t.seq, LastSeq: last.seq}
	if last.seq > 0 {
		b.LastAt = &last.at
	}
	return b
}

// void makes a, which is not void, as if it had not been.
func (m *model) void(now time.Time, a *Assignment, reason VoidReason, note string) {
	if m.over(a, now) {
		m.expire(now, a)
	}
	data := Voided{Ended: Ended{ID: a.ID, Seq: a.Seq}, TurnsBack: []TurnBack{}, Reason: cmp.Or(string(reason), "mistake"), Note: note}
	if a.State == AssignmentActive {
		data.Ended = m.end(a, now)
	}
	ids, turns := m.turnsOf(a)
	for i, t := range turns {
		if t.counts {
			data.TurnsBack = append(data.TurnsBack, m.giveBack(ids[i], t))
		}
	}
	a.State, a.VoidedAt, a.TurnBack = AssignmentVoid, now, true
	m.write(now, EventVoided, data)
}

// reassign gives a to somebody else, or leaves it where it is.
func (m *model) reassign(now time.Time, a *Assignment, r Reassignment) error {
	ids, turns := m.turnsOf(a)
	for _, t := range turns {
		if t.asked.Key != r.Key {
			continue
		}
		if t.asked.Reason != r.Reason || t.asked.Note != r.Note || t.asked.OrCurrent != r.OrCurrent {
			return ErrKeyReused
		}
		return nil
	}
	if m.over(a, now) {
		m.expire(now, a)
	}
	if a.State != AssignmentActive {
		return ErrAssignmentOver
	}
	from := a.Holder()
	var turn *modelTurn
	for i, t := range turns {
		if ids[i] == from {
			turn = t
		}
	}
	back := turn.counts && (r.Reason == ReassignMistake || r.Reason == ReassignCustomer)
	turn.counts = turn.counts && !back // to see who would be next
	out := from
	if r.OrCurrent {
		out = ""
	}
	to := m.pick(out)
	turn.counts = turn.counts || back
	switch to {
	case "":
		if m.staff[from].Active {
			return ErrNobodyElse
		}
		return ErrNoPlanner
	case from:
		return nil
	}
	data := Reassigned{ID: a.ID, Seq: a.Seq, From: from, To: to, ToName: m.staff[to].Name, Exclude: !r.OrCurrent,
		TurnsBack: []TurnBack{}, Reason: string(r.Reason), Note: r.Note}
	if back {
		data.TurnsBack = append(data.TurnsBack, m.giveBack(from, turn))
	}
	m.turn(to, &modelTurn{m.seq + 1, now, a, true, r})
	a.ReassignedTo, a.ReassignedToName = to, m.staff[to].Name
	m.write(now, EventReassigned, data)
	return nil
}

// leads reports whether a call on a number leads anywhere.
func (m *model) leads(now time.Time, n *NumberRecord) bool {
	a := m.assignment(n.Assignment)
	return a != nil && m.numberOf(a) == n && n.State != NumberSuspended && !m.over(a, now)
}

// touch notes a call on a number, and reports whether it leads anywhere.
func (m *model) touch(now time.Time, n *NumberRecord) bool {
	if !m.leads(now, n) {
		return false
	}
	n.UsedAt = now
	if m.settings.TTLFromUse {
		n.ExpiresAt = m.expiry(now)
	}
	data := NumberTouched{Number: n.Number, Assignment: n.Assignment}
	if at := n.ExpiresAt; !at.IsZero() {
		data.ExpiresAt = &at
	}
	m.write(now, EventNumberTouched, data)
	return true
}

// claimed reports whether a live assignment has the number.
func (m *model) claimed(n Number) bool {
	return slices.ContainsFunc(m.assignments, func(a *Assignment) bool { return a.Number == n && a.State == AssignmentActive })
}

// care changes what may happen to a number.
func (m *model) care(now time.Time, n *NumberRecord, to CareTo, reason string) error {
	was := n.State
	switch {
	case was == NumberAside && (to != CareResume || m.claimed(n.Number)):
		return ErrNumberAside
	case was == NumberAside:
		n.State, n.Assignment, n.Earlier, n.FreeAt = NumberFree, "", Pair{}, now.Add(m.settings.Cooldown)
	case to == CareSuspend:
		n.State = NumberSuspended
	case to == CareDrain:
		n.State = NumberDraining
	case n.Assignment != "":
		n.State = NumberActive
	default:
		n.State = NumberFree
	}
	if n.State == was {
		return nil
	}
	data := NumberChanged{Number: n.Number, State: n.State, Was: was, Reason: reason}
	if n.State == NumberFree {
		at := n.FreeAt
		data.FreeAt = &at
	}
	m.write(now, EventNumberChanged, data)
	return nil
}

// view is a number as callers are told of it at now.
func (m *model) view(n *NumberRecord, now time.Time) NumberView {
	v := *n
	if !v.ExpiresAt.IsZero() && !v.ExpiresAt.After(now) {
		v.ReleasedAt, v.FreeAt = v.ExpiresAt, v.ExpiresAt.Add(m.settings.Cooldown)
		v.Assignment, v.ExpiresAt = "", time.Time{}
		if v.State == NumberActive {
			v.State = NumberFree
		}
	}
	return NumberView{v, v.State == NumberFree && v.FreeAt.After(now)}
}

// setAside takes free numbers out of use that assignments hold.
func (m *model) setAside(now time.Time, numbers ...Number) {
	var data NumbersSetAside
	for _, n := range numbers {
		held := ""
		for _, a := range m.assignments {
			if a.Number == n && a.State == AssignmentActive {
				held = a.ID
			}
		}
		r := m.numbers[n]
		data.Numbers = append(data.Numbers, NumberSetAside{n, r.State, held})
		r.State, r.ExpiresAt = NumberAside, time.Time{}
	}
	m.write(now, EventNumbersSetAside, data)
}

func (m *model) stock(now time.Time, numbers []Number) (Stocked, error) {
	for _, n := range numbers {
		if m.foreign[n] {
			return Stocked{}, &NumberTakenError{n}
		}
	}
	var data NumbersAdded
	for _, n := range numbers {
		if m.numbers[n] == nil {
			m.numbers[n] = &NumberRecord{Number: n, Pool: m.id, State: NumberFree, FreeAt: now}
			data.Numbers = append(data.Numbers, n)
		}
	}
	if data.Numbers != nil {
		m.write(now, EventNumbersAdded, data)
	}
	return Stocked{len(data.Numbers), len(numbers) - len(data.Numbers)}, nil
}

func (m *model) settle(now time.Time, s Settings) (created bool) {
	data := PoolChanged{SettingsData: settingsData(s)}
	if m.exists {
		was := settingsData(m.settings)
		data.Was = &was
	}
	if !m.exists || s != m.settings {
		m.write(now, EventPool, data)
	}
	created = !m.exists
	m.exists, m.settings = true, s
	return created
}

// level is what the base of a planner becomes who joins level with the others.
func (m *model) level(id PlannerID) int64 {
	p := m.staff[id]
	var loads []int64
	for other, o := range m.staff {
		if o.Active && other != id {
			loads = append(loads, o.load())
		}
	}
	if loads == nil {
		return p.Base
	}
	return p.Base + max(0, slices.Min(loads)-p.load())
}

func (m *model) change(now time.Time, changes []PlannerChange) Staffed {
	var data PlannersChanged
	var answer Staffed
	for _, c := range changes {
		p, there := m.staff[c.ID]
		if !there {
			p = &modelPlanner{}
			m.staff[c.ID] = p
		}
		was := *p
		if c.Name != nil {
			p.Name = *c.Name
		}
		if c.Phone != nil && !(there && c.Phone.Mark == p.Phone.Mark) {
			p.Phone = c.Phone.Phone
		}
		active := p.Active || !there
		if c.Active != nil {
			active = *c.Active
		}
		if active && !p.Active && c.Start != StartZero {
			p.Base = m.level(c.ID)
		}
		p.Active = active
		row := PlannerChanged{ID: c.ID, PlannerData: p.data(), PhoneChanged: p.Phone != was.Phone}
		switch {
		case !there:
			answer.Created++
			data.Planners = append(data.Planners, row)
		case p.data() != was.data() || row.PhoneChanged:
			answer.Updated++
			old := was.data()
			row.Was = &old
			data.Planners = append(data.Planners, row)
		default:
			answer.Unchanged++
		}
		answer.Last = PlannerView{m.planners()[c.ID], p.Phone}
	}
	if data.Planners != nil {
		m.write(now, EventPlanners, data)
	}
	return answer
}

func (p *modelPlanner) data() PlannerData {
	return PlannerData{p.Name, p.Active, p.Base, p.Phone.Box != ""}
}

// row is what the pool's row must say, but for the bounds.
func (m *model) row() Pool {
	p := Pool{ID: m.id, Seq: m.seq, LastAt: m.at, Settings: m.settings, Planners: int64(len(m.staff)), Numbers: int64(len(m.numbers))}
	for row := range maps.Values(m.planners()) {
		p.Assigned += row.Assigned
		p.Open += row.Open
		if row.Active {
			p.Active++
		}
	}
	for _, n := range m.numbers {
		switch n.State {
		case NumberActive:
			p.NumbersActive++
		case NumberDraining:
			p.NumbersDraining++
		case NumberSuspended:
			p.NumbersSuspended++
		case NumberAside:
			p.NumbersAside++
		}
		if !n.ExpiresAt.IsZero() {
			p.NumbersExpiring++
		}
	}
	return p
}
