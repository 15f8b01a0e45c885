package assign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// A memLedger is a [Ledger] whose tables are maps. It shows a unit no more
// than the unit asked for and the pool's lower bounds let through, and refuses
// to write what the constraints of a database would refuse.
type memLedger struct {
	mu    sync.Mutex // guards what follows; a pool's hold is what keeps units apart
	pools map[PoolID]*memPool

	// numbers are in one pool each, and seen by all.
	numbers map[Number]NumberRecord
	live    map[Number]string // the assignments that hold them, by id

	now func() time.Time
}

type memPool struct {
	Pool        Pool
	Planners    map[PlannerID]Planner
	Phones      map[PlannerID]Phone
	Assignments []Assignment // in the order of Seq, without what numbers keep for them
	Turns       []Turn       // of reassignments, in the order of Seq
	Events      []Event      // in the order of Seq

	Keys, IDs map[string]int // where in Assignments
}

func newMemLedger(now func() time.Time) *memLedger {
	return &memLedger{pools: map[PoolID]*memPool{}, numbers: map[Number]NumberRecord{}, live: map[Number]string{}, now: now}
}

// clone returns a ledger that looks the same and shares nothing.
func (l *memLedger) clone() *memLedger {
	c := newMemLedger(l.now)
	c.numbers, c.live = maps.Clone(l.numbers), maps.Clone(l.live)
	for id, p := range l.pools {
		c.pools[id] = &memPool{p.Pool, maps.Clone(p.Planners), maps.Clone(p.Phones), slices.Clone(p.Assignments), slices.Clone(p.Turns),
			slices.Clone(p.Events), maps.Clone(p.Keys), maps.Clone(p.IDs)}
	}
	return c
}

// pool returns a pool that is there.
func (l *memLedger) pool(id PoolID) *memPool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pools[id]
}

// Unit implements [Ledger], for callers who come one at a time.
func (l *memLedger) Unit(_ context.Context, claim Claim, ask func() Need, decide func(State) Changes) (Trace, error) {
	state := l.read(claim.Pool, ask())
	changes := decide(state)
	trace := Trace{Seq: state.Pool.Seq, Written: !changes.Empty()}
	if err := l.commit(changes); err != nil {
		return trace, fmt.Errorf("%w: %w: %w", ErrOutcomeUnknown, ErrRefused, err)
	}
	return trace, nil
}

func (l *memLedger) PoolOf(_ context.Context, assignment string) (PoolID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, p := range l.pools {
		if _, ok := p.IDs[assignment]; ok {
			return id, nil
		}
	}
	return "", ErrAssignmentNotFound
}

func (l *memLedger) PoolOfNumber(_ context.Context, n Number) (PoolID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if row, ok := l.numbers[n]; ok {
		return row.Pool, nil
	}
	return "", ErrNumberNotFound
}

func (l *memLedger) read(pool PoolID, need Need) State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Now: l.now()}
	p, ok := l.pools[pool]
	if !ok {
		return s
	}
	now := latest(s.Now, p.Pool.LastAt)
	s.Found, s.Pool = true, p.Pool
	s.Picks = p.picks(need.Picks)
	s.FreeNumbers = l.free(p, need.FreeNumbers)
	if need.Expiring > 0 {
		s.Expiring, s.NextExpiry = l.expiring(p, need.Expiring, now)
	}
	s.Earlier = l.earlier(p, need.Earlier)
	s.Keyed = map[string]Assignment{}
	for _, key := range need.Keys {
		if i, ok := p.Keys[key]; ok {
			s.Keyed[key] = l.full(p.Assignments[i])
		}
	}
	s.Assignments = map[string]Held{}
	for _, id := range need.Assignments {
		if i, ok := p.IDs[id]; ok {
			s.Assignments[id] = l.held(p, p.Assignments[i])
		}
	}
	s.Planners, s.Phones = map[PlannerID]Planner{}, map[PlannerID]Phone{}
	for _, id := range need.Planners {
		if row, ok := p.Planners[id]; ok {
			s.Planners[id] = row
		}
		if phone, ok := p.Phones[id]; ok {
			s.Phones[id] = phone
		}
	}
	s.Numbers = map[Number]SeenNumber{}
	for _, n := range need.Numbers {
		if row, ok := l.numbers[n]; ok {
			s.Numbers[n] = SeenNumber{row, l.live[n]}
		}
	}
	if i, ok := p.IDs[need.Turns]; ok {
		s.Turns = p.turns(p.Assignments[i])
	}
	if need.Live != nil {
		s.Live = l.living(p, *need.Live, now)
	}
	for _, e := range p.Events {
		if e.Seq == need.Event {
			s.EventID = e.ID
		}
	}
	return s
}

// full is a with what its number keeps for it.
func (l *memLedger) full(a Assignment) Assignment {
	if n := l.numbers[a.live()]; n.Assignment == a.ID {
		a.ExpiresAt = n.ExpiresAt
	}
	return a
}

func (l *memLedger) held(p *memPool, a Assignment) Held {
	return Held{l.full(a), p.Planners[a.Holder()], l.numbers[a.live()]}
}

// expiring returns the first n of those that are over by now and give a number
// back, and when the next will.
func (l *memLedger) expiring(p *memPool, n int, now time.Time) (over []Held, next time.Time) {
	for _, a := range p.Assignments {
		switch h := l.held(p, a); {
		case h.Assignment.ExpiresAt.IsZero() || h.Number.State != NumberActive:
		case h.Number.Expired(now):
			over = append(over, h)
		case next.IsZero() || h.Number.ExpiresAt.Before(next):
			next = h.Number.ExpiresAt
		}
	}
	slices.SortFunc(over, func(a, b Held) int {
		return cmp.Or(a.Number.ExpiresAt.Compare(b.Number.ExpiresAt), cmp.Compare(a.Number.Number, b.Number.Number))
	})
	return over[:min(n, len(over))], next
}

// earlier returns the free numbers that these customers had last, in no order.
func (l *memLedger) earlier(p *memPool, customers []CustomerMark) (rows []SeenNumber) {
	for _, row := range l.numbers {
		if row.Pool == p.Pool.ID && row.State == NumberFree && slices.Contains(customers, row.Earlier.Customer) {
			rows = append(rows, SeenNumber{row, l.live[row.Number]})
		}
	}
	return rows
}

func (l *memLedger) living(p *memPool, f LiveFilter, now time.Time) (rows []Held) {
	for _, a := range p.Assignments {
		h := l.held(p, a)
		if a.State == AssignmentActive && len(rows) < f.Limit &&
			(f.Planner == "" || f.Planner == a.Holder()) &&
			!a.AssignedAt.After(now.Add(-f.Age)) &&
			(f.State == "" || f.State == h.Number.State && h.Number.Assignment == a.ID) &&
			(!f.Expired || h.Number.Expired(now) && h.Number.Assignment == a.ID) {
			rows = append(rows, h)
		}
	}
	return rows
}

// turns are those of a, with the latest others of their planners.
func (p *memPool) turns(a Assignment) Turns {
	t := Turns{Others: map[PlannerID]Turn{}}
	for _, turn := range p.allTurns() {
		if turn.Assignment == a.Seq {
			t.Turns = append(t.Turns, turn)
			t.Planners = append(t.Planners, p.Planners[turn.Planner])
		}
	}
	slices.SortFunc(t.Planners, func(a, b Planner) int { return cmp.Compare(a.ID, b.ID) })
	t.Planners = slices.Compact(t.Planners)
	for _, turn := range p.allTurns() {
		mine := slices.ContainsFunc(t.Planners, func(p Planner) bool { return p.ID == turn.Planner })
		if mine && turn.Counts && turn.Assignment != a.Seq && turn.Seq > t.Others[turn.Planner].Seq {
			t.Others[turn.Planner] = turn
		}
	}
	return t
}

// allTurns are the pool's, those of reassignments last.
func (p *memPool) allTurns() []Turn {
	var all []Turn
	for _, a := range p.Assignments {
		all = append(all, Turn{Assignment: a.Seq, Seq: a.Seq, Planner: a.Planner, At: a.AssignedAt, Counts: !a.TurnBack})
	}
	return append(all, p.Turns...)
}

// live is the number that a holds, if it does.
func (a Assignment) live() Number {
	if a.State == AssignmentActive {
		return a.Number
	}
	return ""
}

// inOrder returns the active planners, first picked first.
func (p *memPool) inOrder() []Planner {
	var active []Planner
	for _, row := range p.Planners {
		if row.Active {
			active = append(active, row)
		}
	}
	slices.SortFunc(active, func(a, b Planner) int {
		return cmp.Or(cmp.Compare(a.Assigned+a.Base, b.Assigned+b.Base), cmp.Compare(a.LastSeq, b.LastSeq), cmp.Compare(a.ID, b.ID))
	})
	return active
}

func (p *memPool) picks(n int) []Planner {
	rows := slices.DeleteFunc(p.inOrder(), func(row Planner) bool { return row.Rank().Compare(p.Pool.PickFrom) < 0 })
	return rows[:min(n, len(rows))]
}

func (l *memLedger) free(p *memPool, n int) []SeenNumber {
	var rows []SeenNumber
	for _, row := range l.numbers {
		if row.Pool == p.Pool.ID && row.State == NumberFree && row.Rank().Compare(p.Pool.FreeFrom) >= 0 {
			rows = append(rows, SeenNumber{row, l.live[row.Number]})
		}
	}
	slices.SortFunc(rows, func(a, b SeenNumber) int {
		return cmp.Or(a.FreeAt.Compare(b.FreeAt), cmp.Compare(a.Number, b.Number))
	})
	return rows[:min(n, len(rows))]
}

// errNumbers means that numbers were there that should not be, or the other way
// round. It can happen: other pools' numbers are behind other fences.
var errNumbers = errors.New("numbers")

// commit writes c, all or nothing. It is as strict as a database that knows
// what every constraint is for.
func (l *memLedger) commit(c Changes) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Empty() {
		rows := len(c.Assignments) + len(c.Released) + len(c.Amended) + len(c.Turns) + len(c.Planners) + len(c.NewPlanners) +
			len(c.Numbers) + len(c.Events) + len(c.Phones)
		if rows > 0 {
			return fmt.Errorf("%d rows in changes that claim to be empty", rows)
		}
		return nil
	}
	p, found := l.pools[c.Pool.ID]
	if !found {
		p = &memPool{Planners: map[PlannerID]Planner{}, Phones: map[PlannerID]Phone{}, Keys: map[string]int{}, IDs: map[string]int{}}
	}
	if err := errors.Join(l.checkPool(p, found, c), l.checkLog(p, c), l.checkRows(p, c)); err != nil {
		return err
	}
	l.pools[c.Pool.ID] = p
	p.Pool = c.Pool
	for _, a := range slices.Concat(c.Released, c.Amended) {
		was := p.Assignments[p.IDs[a.ID]]
		if a.State != AssignmentActive && was.live() != "" {
			delete(l.live, a.Number)
		}
		a.ExpiresAt = time.Time{} // its number keeps that
		p.Assignments[p.IDs[a.ID]] = a
	}
	for _, a := range c.Assignments {
		a.ExpiresAt = time.Time{}
		p.Keys[a.Key], p.IDs[a.ID] = len(p.Assignments), len(p.Assignments)
		p.Assignments = append(p.Assignments, a)
		if a.Number != "" {
			l.live[a.Number] = a.ID
		}
	}
	p.Events = append(p.Events, c.Events...)
	for _, t := range c.Turns {
		i, there := slices.BinarySearchFunc(p.Turns, t.Seq, func(t Turn, seq int64) int { return cmp.Compare(t.Seq, seq) })
		if there {
			p.Turns[i] = t
		} else {
			p.Turns = slices.Insert(p.Turns, i, t)
		}
	}
	for _, phone := range c.Phones {
		if p.Phones[phone.Planner] = phone.Phone; phone.Phone.IsZero() {
			delete(p.Phones, phone.Planner)
		}
	}
	for _, row := range slices.Concat(c.Planners, c.NewPlanners) {
		p.Planners[row.ID] = row
	}
	for _, row := range c.Numbers {
		l.numbers[row.Number] = row
	}
	return nil
}

func (l *memLedger) checkPool(p *memPool, found bool, c Changes) error {
	switch {
	case c.Create == found:
		return fmt.Errorf("create is %t for a pool whose existence is %t", c.Create, found)
	case c.From != p.Pool.Seq:
		return fmt.Errorf("unit decided from seq %d, pool is at %d", c.From, p.Pool.Seq)
	case c.Pool.LastAt.Before(p.Pool.LastAt):
		return fmt.Errorf("time runs backwards from %v to %v", p.Pool.LastAt, c.Pool.LastAt)
	}
	return nil
}

// checkLog checks that the unit's part of the log has no gap, no duplicate and
// one time.
func (l *memLedger) checkLog(p *memPool, c Changes) error {
	var seqs []int64
	at := func(t time.Time) error {
		if !t.Equal(c.Pool.LastAt) {
			return fmt.Errorf("entry at %v in a unit at %v", t, c.Pool.LastAt)
		}
		return nil
	}
	var errs []error
	for _, a := range c.Assignments {
		seqs = append(seqs, a.Seq)
		errs = append(errs, at(a.AssignedAt))
	}
	for _, e := range c.Events {
		seqs = append(seqs, e.Seq)
		errs = append(errs, at(e.At))
	}
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != c.From+1+int64(i) {
			errs = append(errs, fmt.Errorf("log goes on at %d with %v", c.From, seqs))
			break
		}
	}
	if c.Pool.Seq != c.From+int64(len(seqs)) {
		errs = append(errs, fmt.Errorf("pool's seq is %d after %d and %d entries", c.Pool.Seq, c.From, len(seqs)))
	}
	return errors.Join(errs...)
}

// checkRows checks unique keys, and that rows come in the order of their keys.
func (l *memLedger) checkRows(p *memPool, c Changes) error {
	live := map[Number]string{}
	amends := slices.Concat(c.Released, c.Amended)
	for i, a := range amends {
		if err := l.checkAmends(p, c, a, i >= len(c.Released)); err != nil {
			return err
		}
		if a.State != AssignmentActive {
			live[p.Assignments[p.IDs[a.ID]].live()] = "" // in place of what is in the table
		}
		if slices.ContainsFunc(amends[:i], func(b Assignment) bool { return a.ID == b.ID }) {
			return fmt.Errorf("assignment %s changes twice", a.ID)
		}
	}
	if err := p.checkTurns(c); err != nil {
		return err
	}
	keys, ids := map[string]bool{}, map[string]bool{}
	for _, a := range c.Assignments {
		if holder, ok := live[a.Number]; a.Number != "" && (holder != "" || !ok && l.live[a.Number] != "") {
			return fmt.Errorf("number %s in two live assignments", a.Number)
		}
		live[a.Number] = a.ID
		_, oldKey := p.Keys[a.Key]
		_, oldID := p.IDs[a.ID]
		if oldKey || oldID || keys[a.Key] || ids[a.ID] {
			return fmt.Errorf("key or id twice: %+v", a)
		}
		keys[a.Key], ids[a.ID] = true, true
		if err := l.checkExpiry(c, a); err != nil {
			return err
		}
	}
	for _, row := range c.Numbers {
		if _, there := l.numbers[row.Number]; there == c.NewNumbers {
			return fmt.Errorf("%w: number %s is new: %t; exists: %t", errNumbers, row.Number, c.NewNumbers, there)
		}
	}
	for _, row := range slices.Concat(c.Planners, c.NewPlanners) {
		_, there := p.Planners[row.ID]
		if isNew := slices.Contains(c.NewPlanners, row); there == isNew {
			return fmt.Errorf("planner %s is new: %t; exists: %t", row.ID, isNew, there)
		}
	}
	for _, phone := range c.Phones {
		_, there := p.Planners[phone.Planner]
		if !there && !slices.ContainsFunc(c.NewPlanners, func(row Planner) bool { return row.ID == phone.Planner }) {
			return fmt.Errorf("phone of %s, who does not exist", phone.Planner)
		}
	}
	if !increasing(c.Planners, func(row Planner) PlannerID { return row.ID }) ||
		!increasing(c.NewPlanners, func(row Planner) PlannerID { return row.ID }) ||
		!increasing(c.Numbers, func(row NumberRecord) Number { return row.Number }) ||
		!increasing(c.Phones, func(row OwnedPhone) PlannerID { return row.Planner }) ||
		!increasing(c.Released, func(row Assignment) int64 { return row.Seq }) {
		return errors.New("rows out of order")
	}
	return nil
}

// checkAmends checks that an assignment changes as it may: what was decided
// stays, and what is over stays over.
func (l *memLedger) checkAmends(p *memPool, c Changes, a Assignment, amended bool) error {
	i, ok := p.IDs[a.ID]
	if !ok {
		return fmt.Errorf("change of %s, which does not exist", a.ID)
	}
	was, is := p.Assignments[i], a
	for what, wrong := range map[string]bool{
		"lives again":          was.State != AssignmentActive && a.State == AssignmentActive,
		"was void":             was.State == AssignmentVoid,
		"counts again":         was.TurnBack && !a.TurnBack,
		"void, but no more":    !amended && a.State != AssignmentReleased,
		"when it ended":        (a.State == AssignmentActive) != a.ReleasedAt.IsZero(),
		"when it was voided":   (a.State == AssignmentVoid) == a.VoidedAt.IsZero(),
		"ended in the future":  a.ReleasedAt.After(c.Pool.LastAt),
		"ended before it was":  !a.ReleasedAt.IsZero() && a.ReleasedAt.Before(a.AssignedAt),
		"ended at other times": was.State != AssignmentActive && !a.ReleasedAt.Equal(was.ReleasedAt),
	} {
		if wrong {
			return fmt.Errorf("makes %+v of %+v: %s", a, was, what)
		}
	}
	is.State, is.ReleasedAt, is.VoidedAt, is.TurnBack = was.State, was.ReleasedAt, was.VoidedAt, was.TurnBack
	is.ExpiresAt = time.Time{}
	if amended {
		is.ReassignedTo, is.ReassignedToName = was.ReassignedTo, was.ReassignedToName
	}
	if is != was {
		return fmt.Errorf("makes %+v of %+v", a, was)
	}
	return l.checkExpiry(c, a)
}

// checkExpiry checks that an assignment and its number say the same of when it
// ends.
func (l *memLedger) checkExpiry(c Changes, a Assignment) error {
	n := l.numbers[a.Number]
	for _, row := range c.Numbers {
		if row.Number == a.Number {
			n = row
		}
	}
	if n.Assignment != a.ID {
		n = NumberRecord{}
	}
	if !a.ExpiresAt.Equal(n.ExpiresAt) {
		return fmt.Errorf("ends by itself at %v, and its number says %v: %+v", a.ExpiresAt, n.ExpiresAt, a)
	}
	return nil
}

// checkTurns checks that turns are given by reassignments, and given back once.
func (p *memPool) checkTurns(c Changes) error {
	for _, t := range c.Turns {
		i := slices.IndexFunc(p.Turns, func(o Turn) bool { return o.Seq == t.Seq })
		if i >= 0 {
			was := p.Turns[i]
			was.Counts = false
			if was != t || !p.Turns[i].Counts {
				return fmt.Errorf("makes turn %+v of %+v", t, p.Turns[i])
			}
			continue
		}
		at := slices.IndexFunc(c.Events, func(e Event) bool { return e.Seq == t.Seq && e.Kind == EventReassigned })
		if at < 0 || !t.Counts || t.Key == "" || !t.At.Equal(c.Pool.LastAt) {
			return fmt.Errorf("turn out of nothing: %+v", t)
		}
	}
	return nil
}

func increasing[T any, K cmp.Ordered](rows []T, key func(T) K) bool {
	for i := 1; i < len(rows); i++ {
		if key(rows[i-1]) >= key(rows[i]) {
			return false
		}
	}
	return true
}

// audit reports what is wrong in a pool by counting what is kept: the counters,
// and the bounds that must not hide anybody.
func (l *memLedger) audit(id PoolID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pools[id]
	want := Pool{ID: p.Pool.ID, Seq: p.Pool.Seq, LastAt: p.Pool.LastAt, Settings: p.Pool.Settings, PickFrom: p.Pool.PickFrom, FreeFrom: p.Pool.FreeFrom}
	want.Planners = int64(len(p.Planners))
	planners := map[PlannerID]Planner{}
	for _, t := range p.allTurns() {
		row := planners[t.Planner]
		if t.Counts {
			row.Assigned++
			want.Assigned++
			if t.Seq > row.LastSeq {
				row.LastSeq, row.LastAt = t.Seq, t.At
			}
		}
		planners[t.Planner] = row
	}
	for _, a := range p.Assignments {
		row := planners[a.Holder()]
		if a.State == AssignmentActive {
			row.Open++
			want.Open++
		}
		planners[a.Holder()] = row
	}
	var errs []error
	for _, row := range p.Planners {
		counted := planners[row.ID]
		counted.ID, counted.Name, counted.Active, counted.Base = row.ID, row.Name, row.Active, row.Base
		if counted != row {
			errs = append(errs, fmt.Errorf("planner %+v, counted %+v", row, counted))
		}
		want.Active += count(row.Active)
		if row.Active && row.Rank().Compare(p.Pool.PickFrom) < 0 {
			errs = append(errs, fmt.Errorf("PickFrom %+v hides %+v", p.Pool.PickFrom, row))
		}
	}
	for _, row := range l.numbers {
		if row.Pool != id {
			continue
		}
		want.Numbers++
		want.NumbersActive += count(row.State == NumberActive)
		want.NumbersDraining += count(row.State == NumberDraining)
		want.NumbersSuspended += count(row.State == NumberSuspended)
		want.NumbersAside += count(row.State == NumberAside)
		want.NumbersExpiring += count(!row.ExpiresAt.IsZero())
		if row.State == NumberActive && row.Assignment == "" || row.Assignment == "" && !row.ExpiresAt.IsZero() {
			errs = append(errs, fmt.Errorf("number %+v", row))
		}
		if holder := l.live[row.Number]; row.State != NumberAside && row.Assignment != holder {
			errs = append(errs, fmt.Errorf("number %+v, held by %q", row, holder))
		}
		if row.State == NumberFree && row.Rank().Compare(p.Pool.FreeFrom) < 0 {
			errs = append(errs, fmt.Errorf("FreeFrom %+v hides %+v", p.Pool.FreeFrom, row))
		}
	}
	if want != p.Pool {
		errs = append(errs, fmt.Errorf("pool  %+v\ncounted %+v", p.Pool, want))
	}
	return errors.Join(errs...)
}
