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
	cut bool // resting numbers are left out
}

type memPool struct {
	Pool        Pool
	Planners    map[PlannerID]Planner
	Assignments []Assignment // in the order of Seq
	Events      []Event      // in the order of Seq

	Keys, IDs map[string]int // where in Assignments
}

func newMemLedger(now func() time.Time) *memLedger {
	return &memLedger{pools: map[PoolID]*memPool{}, numbers: map[Number]NumberRecord{}, live: map[Number]string{}, now: now}
}

// clone returns a ledger that looks the same and shares nothing.
func (l *memLedger) clone() *memLedger {
	c := newMemLedger(l.now)
	c.cut = l.cut
	c.numbers, c.live = maps.Clone(l.numbers), maps.Clone(l.live)
	for id, p := range l.pools {
		c.pools[id] = &memPool{p.Pool, maps.Clone(p.Planners), slices.Clone(p.Assignments), slices.Clone(p.Events), maps.Clone(p.Keys), maps.Clone(p.IDs)}
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

func (l *memLedger) read(pool PoolID, need Need) State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Now: l.now()}
	p, ok := l.pools[pool]
	if !ok {
		return s
	}
	s.Found, s.Pool = true, p.Pool
	s.Picks = p.picks(need.Picks)
	s.FreeNumbers = l.free(p, need.FreeNumbers)
	s.Keyed = map[string]Assignment{}
	s.Assignments = map[string]Held{}
	for _, key := range need.Keys {
		if i, ok := p.Keys[key]; ok {
			s.Keyed[key] = p.Assignments[i]
		}
	}
	for _, id := range need.Assignments {
		if i, ok := p.IDs[id]; ok {
			a := p.Assignments[i]
			s.Assignments[id] = Held{a, p.Planners[a.Planner], l.numbers[a.live()]}
		}
	}
	s.Planners = map[PlannerID]Planner{}
	for _, id := range need.Planners {
		if row, ok := p.Planners[id]; ok {
			s.Planners[id] = row
		}
	}
	s.Numbers = map[Number]NumberRecord{}
	for _, n := range need.Numbers {
		if row, ok := l.numbers[n]; ok {
			s.Numbers[n] = row
		}
	}
	for _, e := range p.Events {
		if e.Seq == need.Event {
			s.EventID = e.ID
		}
	}
	return s
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

func (l *memLedger) free(p *memPool, n int) []FreeNumber {
	var rows []FreeNumber
	for _, row := range l.numbers {
		if l.cut && row.FreeAt.After(latest(l.now(), p.Pool.LastAt)) {
			continue
		}
		if row.Pool == p.Pool.ID && row.State == NumberFree && row.Rank().Compare(p.Pool.FreeFrom) >= 0 {
			rows = append(rows, FreeNumber{row, l.live[row.Number]})
		}
	}
	slices.SortFunc(rows, func(a, b FreeNumber) int {
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
		if rows := len(c.Assignments) + len(c.Released) + len(c.Planners) + len(c.NewPlanners) + len(c.Numbers) + len(c.Events); rows > 0 {
			return fmt.Errorf("%d rows in changes that claim to be empty", rows)
		}
		return nil
	}
	p, found := l.pools[c.Pool.ID]
	if !found {
		p = &memPool{Planners: map[PlannerID]Planner{}, Keys: map[string]int{}, IDs: map[string]int{}}
	}
	if err := errors.Join(l.checkPool(p, found, c), l.checkLog(p, c), l.checkRows(p, c)); err != nil {
		return err
	}
	l.pools[c.Pool.ID] = p
	p.Pool = c.Pool
	for _, a := range c.Released {
		p.Assignments[p.IDs[a.ID]] = a
		delete(l.live, a.Number)
	}
	for _, a := range c.Assignments {
		p.Keys[a.Key], p.IDs[a.ID] = len(p.Assignments), len(p.Assignments)
		p.Assignments = append(p.Assignments, a)
		if a.Number != "" {
			l.live[a.Number] = a.ID
		}
	}
	p.Events = append(p.Events, c.Events...)
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
	for _, a := range c.Released {
		i, ok := p.IDs[a.ID]
		if !ok {
			return fmt.Errorf("release of %s, which does not exist", a.ID)
		}
		was := p.Assignments[i]
		live[was.live()] = "" // in place of what is in the table
		was.State, was.ReleasedAt = AssignmentReleased, c.Pool.LastAt
		if was != a {
			return fmt.Errorf("release makes %+v of %+v", a, p.Assignments[i])
		}
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
	if !increasing(c.Planners, func(row Planner) PlannerID { return row.ID }) ||
		!increasing(c.NewPlanners, func(row Planner) PlannerID { return row.ID }) ||
		!increasing(c.Numbers, func(row NumberRecord) Number { return row.Number }) ||
		!increasing(c.Released, func(row Assignment) int64 { return row.Seq }) {
		return errors.New("rows out of order")
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
	want := p.Pool
	want.Planners, want.Active, want.Assigned, want.Open = int64(len(p.Planners)), 0, int64(len(p.Assignments)), 0
	want.Numbers, want.NumbersActive, want.NumbersAside = 0, 0, 0
	planners := map[PlannerID]Planner{}
	for _, a := range p.Assignments {
		row := planners[a.Planner]
		row.Assigned++
		row.LastSeq, row.LastAt = a.Seq, a.AssignedAt
		if a.State == AssignmentActive {
			row.Open++
			want.Open++
		}
		planners[a.Planner] = row
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
		want.NumbersAside += count(row.State == NumberAside)
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
