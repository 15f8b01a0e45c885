package assign

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

var storms = flag.Int("storms", 4, "how many seeds TestStorm tries")

// In a storm, two instances share a database that is slow, fails before and
// after commits, loses answers, finishes writes when nobody waits for them any
// more, and whose locks strangers take. Over two hours every caller must get
// one answer in time, and every answer must be the truth.
func TestStorm(t *testing.T) {
	for seed := range *storms {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStorm(t, uint64(seed))
				s.rage(2 * time.Hour)
				s.calm()
				s.judge()
			})
		})
	}
}

const (
	stormUnits = 3
	stormLine  = 6
)

var stormPools = []PoolID{"a", "b", "c", "d", "e"}

type storm struct {
	*memLedger
	t         *testing.T
	holds     map[PoolID]chan struct{} // a token is in it while the pool is held
	instances []*instance
	over      chan struct{} // closed when nothing goes wrong any more

	random  sync.Mutex // guards rng and down
	rng     *rand.Rand
	down    bool // the database does not answer
	records struct {
		sync.Mutex
		all  []record
		next int
	}
}

// An instance is one process of the service.
type instance struct {
	*storm
	*Combiner
	mu      sync.Mutex
	running map[PoolID]int
}

// A record is what became of one call. Its name is in what the call writes.
type record struct {
	name       string
	pool       PoolID
	key        string // empty: made up, or not an assignment
	began      time.Time
	deadline   time.Time
	ended      time.Time
	answer     any
	err        error
	mustChange bool // the answer says that the log has an entry
	ends       bool // the call is to end an assignment
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{
		memLedger: newMemLedger(bubbleTime),
		t:         t,
		holds:     map[PoolID]chan struct{}{},
		over:      make(chan struct{}),
		rng:       rand.New(rand.NewPCG(seed, seed)),
	}
	ids := newIDs()
	for _, pool := range stormPools {
		s.holds[pool] = make(chan struct{}, 1)
	}
	for range 2 {
		i := &instance{storm: s, running: map[PoolID]int{}}
		c, err := NewCombiner(&Service{Ledger: i, NewID: ids}, CombinerConfig{Units: stormUnits, Line: stormLine, LockWait: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		i.Combiner = c
		s.instances = append(s.instances, i)
	}
	return s
}

// n is a random number below limit.
func (s *storm) n(limit int) int {
	s.random.Lock()
	defer s.random.Unlock()
	return s.rng.IntN(limit)
}

// oneIn is true every so often, while the storm goes on.
func (s *storm) oneIn(n int) bool {
	select {
	case <-s.over:
		return false
	default:
		return s.n(n) == 0
	}
}

func (s *storm) setDown(down bool) {
	s.random.Lock()
	defer s.random.Unlock()
	s.down = down
}

func (s *storm) isDown() bool {
	s.random.Lock()
	defer s.random.Unlock()
	return s.down
}

// latency is mostly short.
func (s *storm) latency() time.Duration {
	d := time.Duration(s.n(4000)) * time.Microsecond
	if s.oneIn(40) {
		d *= 500
	}
	return d
}

// Unit implements [Ledger] as a database does: the pool is held until the
// unit's outcome is settled, also if its caller does not hear of it.
func (i *instance) Unit(ctx context.Context, claim Claim, ask func() Need, decide func(State) Changes) (Trace, error) {
	pool, need := claim.Pool, Need{}
	if !claim.AskLate {
		need = ask()
	}
	i.enter(pool)
	defer i.exit(pool)
	if !sleep(ctx, i.latency()) {
		return Trace{}, fmt.Errorf("dial: %w: %w", ErrBusy, ctx.Err())
	}
	if i.isDown() || i.oneIn(25) {
		return Trace{}, fmt.Errorf("dial: %w", ErrUnavailable)
	}
	held := i.holds[pool]
	patience := time.NewTimer(claim.Wait)
	defer patience.Stop()
	select {
	case held <- struct{}{}:
	case <-patience.C:
		return Trace{}, fmt.Errorf("lock: %w", ErrBusy)
	case <-ctx.Done():
		return Trace{}, fmt.Errorf("lock: %w: %w", ErrBusy, ctx.Err())
	}
	if claim.AskLate {
		need = ask()
	}
	if !sleep(ctx, i.latency()) {
		<-held
		return Trace{}, fmt.Errorf("read: %w: %w", ErrBusy, ctx.Err())
	}
	if i.isDown() || i.oneIn(40) {
		<-held
		return Trace{}, fmt.Errorf("read: %w", ErrUnavailable)
	}
	state := i.read(pool, need)
	changes := decide(state)
	time.Sleep(i.latency())

	trace := Trace{Seq: state.Pool.Seq}
	unheard, committed := i.isDown() || i.oneIn(6), !i.oneIn(12)
	commit := func() error {
		err := i.commit(changes)
		if err != nil && !errors.Is(err, errNumbers) {
			i.t.Error(err)
		}
		return err
	}
	if changes.Empty() || !unheard {
		err := commit()
		<-held
		if err != nil {
			return trace, fmt.Errorf("write: %w: %w: %w", ErrOutcomeUnknown, ErrRefused, err)
		}
		return trace, nil
	}
	settle := func() {
		if committed {
			_ = commit() // refused or not, nobody hears of it
		}
		<-held
	}
	if d := i.latency(); i.oneIn(3) {
		go func() {
			time.Sleep(10 * d)
			settle()
		}()
	} else {
		settle()
	}
	if i.oneIn(5) {
		return trace, fmt.Errorf("write: %w: %w", ErrOutcomeUnknown, ErrRefused)
	}
	return trace, fmt.Errorf("write: %w", ErrOutcomeUnknown)
}

func (i *instance) enter(pool PoolID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running[pool]++
	all := 0
	for _, n := range i.running {
		all += n
	}
	if i.running[pool] > 1 || all > stormUnits {
		i.t.Errorf("units at once: %v", i.running)
	}
}

func (i *instance) exit(pool PoolID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running[pool]--
}

// rage lets clients call, and strangers take pools, for so long.
func (s *storm) rage(d time.Duration) {
	until := time.Now().Add(d)
	var wg sync.WaitGroup
	for _, i := range s.instances {
		for range 16 {
			wg.Go(func() { i.client(until) })
		}
		wg.Go(func() {
			for time.Now().Before(until) {
				i.checkStats()
				time.Sleep(time.Second)
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(until) {
			// Down when everybody comes, now and then.
			time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute + 3*time.Millisecond)))
			s.setDown(s.n(5) == 0)
			time.Sleep(time.Duration(s.n(15)) * time.Second)
			s.setDown(false)
		}
	})
	wg.Go(func() {
		for time.Now().Before(until) {
			time.Sleep(time.Duration(s.n(40)) * time.Second)
			pool := stormPools[s.n(len(stormPools))]
			s.holds[pool] <- struct{}{}
			time.Sleep(time.Duration(s.n(30)) * 500 * time.Millisecond)
			<-s.holds[pool]
		}
	})
	wg.Wait()
}

func (i *instance) checkStats() {
	s := i.Stats()
	if s.Waiting < 0 || s.Running < 0 || s.Running > stormUnits || s.Queued < 0 || s.Stuck < 0 || s.Stuck > s.Running+s.Queued {
		i.t.Errorf("stats %+v", s)
	}
}

// client calls one time after the other, in bursts.
func (i *instance) client(until time.Time) {
	var held []Assignment
	for time.Now().Before(until) {
		// Everybody comes at the same time now and then.
		pause := time.Duration(i.n(90)) * time.Second
		if i.n(3) > 0 {
			pause = time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))
		}
		time.Sleep(pause)
		for range 1 + i.n(3) {
			held = append(held, i.call(held)...)
			held = held[max(0, len(held)-4):]
		}
	}
}

// call makes one random call, and returns what there is to release by it.
func (i *instance) call(held []Assignment) []Assignment {
	limit := time.Duration(1+i.n(12000)) * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if i.n(8) == 0 {
		stop := time.AfterFunc(time.Duration(i.n(2000))*time.Millisecond, cancel)
		defer stop.Stop()
	}
	i.records.Lock()
	i.records.next++
	nth := i.records.next
	r := record{name: fmt.Sprintf("call %d", nth), began: time.Now()}
	i.records.Unlock()
	r.pool = stormPools[i.n(len(stormPools))]
	r.deadline = r.began.Add(min(limit, MaxWait))
	var got []Assignment
	switch kind := i.n(28); {
	case kind == 0:
		cooldown, ttl := time.Duration(i.n(60))*time.Second, time.Duration(i.n(3))*time.Minute
		sticky, fromUse := i.n(2) == 0, i.n(2) == 0
		created, err := i.ChangePool(ctx, PoolChange{Pool: r.pool, Cooldown: &cooldown, NumberTTL: &ttl, Sticky: &sticky, TTLFromUse: &fromUse, Actor: r.name})
		r.answer, r.err, r.mustChange = created, err, created
	case kind < 3:
		on := i.n(4) > 0
		changes := []PlannerChange{{ID: plannerID(i.n(7)), Active: &on}, {ID: plannerID(i.n(7))}}
		answer, err := i.Staff(ctx, Staffing{Pool: r.pool, Changes: changes, Actor: r.name})
		r.answer, r.err, r.mustChange = answer, err, answer.Created+answer.Updated > 0
	case kind < 5:
		numbers := []Number{number(i.n(200)), number(i.n(200))}
		answer, err := i.Stock(ctx, Stocking{Pool: r.pool, Numbers: numbers, Actor: r.name})
		r.answer, r.err, r.mustChange = answer, err, answer.Added > 0
	case kind < 9 && len(held) > 0:
		a := held[i.n(len(held))]
		r.pool = a.Pool
		answer, err := i.Release(ctx, Release{ID: a.ID, Actor: r.name})
		r.answer, r.err, r.ends = answer, err, true
	case kind < 11 && len(held) > 0:
		a := held[i.n(len(held))]
		r.pool = a.Pool
		answer, err := i.Void(ctx, Void{ID: a.ID, Actor: r.name})
		r.answer, r.err, r.ends = answer, err, true
	case kind < 13 && len(held) > 0:
		a := held[i.n(len(held))]
		r.pool = a.Pool
		reason := []ReassignReason{ReassignMistake, ReassignDeclined}[i.n(2)]
		answer, err := i.Reassign(ctx, Reassignment{ID: a.ID, Reason: reason, OrCurrent: i.n(2) == 0, Actor: r.name})
		r.answer, r.err = answer.Assignment, err
	case kind == 13:
		state := []ReleaseState{ReleaseActive, ReleaseExpired}[i.n(2)]
		answer, err := i.ReleaseMany(ctx, BulkRelease{Pool: r.pool, State: state, Age: time.Minute, Limit: 1 + i.n(5), Actor: r.name})
		r.answer, r.err = answer, err
	case kind == 14:
		to := []CareTo{CareDrain, CareSuspend, CareResume, CareResume}[i.n(4)]
		answer, err := i.Care(ctx, Care{Number: number(i.n(200)), To: to, Actor: r.name})
		r.answer, r.err = answer, err
	case kind == 15 && len(held) > 0:
		answer, err := i.Touch(ctx, Touch{Number: cmp.Or(held[i.n(len(held))].Number, "0000")})
		r.answer, r.err = answer, err
	default:
		request := Request{Pool: r.pool, Customer: r.name, Wish: []Wish{"", NumberRequired, NumberNone}[i.n(3)]}
		switch i.n(3) {
		case 0:
			request.Key = "of " + r.name
		case 1: // one of few keys, whose requests differ at times
			request.Key = fmt.Sprintf("shared %d", nth/20)
			request.Customer, request.Wish = "shared", NumberPreferred
			if i.n(10) == 0 {
				request.Customer = "other"
			}
		}
		answer, err := i.Assign(ctx, request)
		r.answer, r.err, r.key = answer, err, request.Key
		if err == nil {
			got = []Assignment{answer.Assignment}
		}
	}
	r.ended = time.Now()
	i.records.Lock()
	i.records.all = append(i.records.all, r)
	i.records.Unlock()
	return got
}

// calm ends the storm: from then on everything works, at once.
func (s *storm) calm() {
	close(s.over)
	time.Sleep(time.Minute)
	for _, i := range s.instances {
		for _, pool := range stormPools {
			began := time.Now()
			if _, err := i.ChangePool(s.t.Context(), PoolChange{Pool: pool}); err != nil || time.Since(began) > time.Second {
				s.t.Errorf("pool %s after the storm: %v after %v", pool, err, time.Since(began))
			}
		}
		synctest.Wait()
		if got := i.Stats(); got != (CombinerStats{}) || len(i.lines) > 0 {
			s.t.Errorf("left over: %+v, lines %v", got, i.lines)
		}
		if err := i.Close(s.t.Context()); err != nil {
			s.t.Error(err)
		}
	}
	for _, pool := range stormPools {
		if err := errors.Join(s.audit(pool), s.referee(pool)); err != nil {
			s.t.Error(err)
		}
		if found := (&bench{memLedger: s.memLedger}).history(pool).findings(); found != nil {
			s.t.Errorf("found:\n%s", lines(found))
		}
	}
}

// judge compares what callers were told with what is there.
func (s *storm) judge() {
	t := s.t
	all := s.records.all
	tally := map[string]int{}
	first := map[string]record{} // the first answer to each key
	traces := s.traces()
	for _, r := range all {
		outcome := s.verdict(r, traces[r.name])
		tally[outcome]++
		a, ok := r.answer.(Assigned)
		if r.err != nil || !ok {
			continue
		}
		id := string(a.Pool) + " " + a.Key
		if f, ok := first[id]; ok && f.answer.(Assigned).ID != a.ID {
			t.Errorf("one key, two answers:\n%+v\n%+v", f, r)
		}
		if f, ok := first[id]; ok && !f.answer.(Assigned).Replayed && !a.Replayed {
			t.Errorf("one key, twice new:\n%+v\n%+v", f, r)
		}
		if _, ok := first[id]; !ok || !a.Replayed {
			first[id] = r
		}
	}
	s.checkOrder(all)
	kinds := map[EventKind]int{}
	for _, p := range s.pools {
		for _, e := range p.Events {
			kinds[e.Kind]++
		}
	}
	for _, kind := range []EventKind{EventPool, EventPlanners, EventNumbersAdded, EventNumberChanged, EventNumberTouched,
		EventReleased, EventReleasedMany, EventExpired, EventVoided, EventReassigned} {
		if kinds[kind] == 0 {
			t.Errorf("this storm had no event %s", kind)
		}
	}
	t.Logf("events: %v", kinds)
	t.Logf("%d calls: %v", len(all), tally)
	for _, outcome := range []string{"done", "replayed", "busy", "unavailable", "unknown, done", "unknown, not done"} {
		if tally[outcome] == 0 {
			t.Errorf("this storm had no call with the outcome %q", outcome)
		}
	}
}

// verdict checks one record by itself, of which the log has so many entries,
// and says how the call went.
func (s *storm) verdict(r record, entries int) string {
	t := s.t
	if r.ended.After(r.deadline) {
		t.Errorf("answered %v late: %+v", r.ended.Sub(r.deadline), r)
	}
	if entries > 1 {
		t.Errorf("%d entries in the log: %+v", entries, r)
	}
	var unknown *UnknownError
	a, assigned := r.answer.(Assigned)
	shared := assigned && r.key != "" && r.key != "of "+r.name
	switch {
	case errors.Is(r.err, ErrOutcomeUnknown):
		if assigned && (!errors.As(r.err, &unknown) || unknown.Key == "" || r.key != "" && unknown.Key != r.key) {
			t.Errorf("no key: %+v", r)
		}
		if entries > 0 {
			return "unknown, done"
		}
		return "unknown, not done"
	case r.err != nil:
		if entries > 0 && !shared {
			t.Errorf("done all the same: %+v", r)
		}
		for _, err := range []error{ErrBusy, ErrUnavailable, ErrPoolNotFound, ErrNoPlanner, ErrNoNumber, ErrKeyReused, ErrNumberTaken,
			ErrAssignmentOver, ErrNumberNotFound, ErrNumberNotLive, ErrNumberAside} {
			if errors.Is(r.err, err) {
				return map[error]string{ErrBusy: "busy", ErrUnavailable: "unavailable"}[err]
			}
		}
		t.Errorf("error of another kind: %+v", r)
		return "other"
	case assigned:
		p := s.pools[a.Pool]
		i, ok := p.IDs[a.ID]
		if !ok {
			t.Errorf("not there: %+v", r)
			return "lost"
		}
		want := asOf(p.Assignments[i], a.Assignment)
		if want != a.Assignment || r.key != "" && want.Key != r.key {
			t.Errorf("told and there differ: %s", gocmp.Diff(a.Assignment, want))
		}
		if a.Replayed {
			if !shared {
				t.Errorf("replayed, and nobody else has the key: %+v", r)
			}
			return "replayed"
		}
	case r.mustChange && entries != 1:
		t.Errorf("%d entries in the log: %+v", entries, r)
	}
	if a, ok := r.answer.(Assignment); ok {
		p := s.pools[a.Pool]
		if got := p.Assignments[p.IDs[a.ID]]; asOf(got, a) != a || r.ends && (a.State == AssignmentActive || got.State == AssignmentActive) {
			t.Errorf("ended %+v, there is %+v", a, got)
		}
	}
	return "done"
}

// asOf is an assignment with what became of it later as it was then.
func asOf(a, then Assignment) Assignment {
	a.State, a.ReleasedAt, a.VoidedAt, a.ExpiresAt, a.TurnBack = then.State, then.ReleasedAt, then.VoidedAt, then.ExpiresAt, then.TurnBack
	a.ReassignedTo, a.ReassignedToName = then.ReassignedTo, then.ReassignedToName
	return a
}

// traces counts the entries of the log by the names of the calls they are of.
func (s *storm) traces() map[string]int {
	n := map[string]int{}
	for _, p := range s.pools {
		for _, a := range p.Assignments {
			n[a.Customer]++
		}
		for _, e := range p.Events {
			n[e.Actor]++
		}
	}
	return n
}

// checkOrder checks that what was answered before a call began comes before it
// in the log.
func (s *storm) checkOrder(all []record) {
	for _, pool := range stormPools {
		var fresh []record
		for _, r := range all {
			if a, ok := r.answer.(Assigned); ok && r.err == nil && !a.Replayed && r.pool == pool {
				fresh = append(fresh, r)
			}
		}
		byEnd := slices.Clone(fresh)
		slices.SortFunc(fresh, func(a, b record) int { return a.began.Compare(b.began) })
		slices.SortFunc(byEnd, func(a, b record) int { return a.ended.Compare(b.ended) })
		var latest int64
		for _, r := range fresh {
			for len(byEnd) > 0 && byEnd[0].ended.Before(r.began) {
				latest = max(latest, byEnd[0].answer.(Assigned).Seq)
				byEnd = byEnd[1:]
			}
			if got := r.answer.(Assigned).Seq; got < latest {
				s.t.Errorf("has seq %d, after %d had been answered: %+v", got, latest, r)
			}
		}
	}
}
