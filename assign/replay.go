package assign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Replay goes through one pool's log from its first position, decides
// everything once more, and says where the log disagrees. It then compares
// where the log leads to with how the pool's rows stand.
//
// Its callers hand over the log with Assignment and Event in the order of
// positions (of two at the same position, the event first), and then, if they
// wish, one moment's rows: those that Late asks for with Settle, the turns,
// Pool, the planners, the numbers, and End.
//
// It shares with the code that decides the order itself ([Rank.Compare],
// [FreeRank.Compare]) and what events look like, and nothing else: it sees all
// planners and numbers, where a unit sees a few, and keeps its own books.
//
// After a finding it goes on from what the log says, and no longer trusts what
// it knows of the planners and numbers involved until the log tells more, so
// that one damage gives a few findings and not one at every later position.
type Replay struct {
	pool   PoolID
	report func(Finding)
	found  map[FindingKind]int64

	seq      int64     // of the latest entry
	at       time.Time // of the latest entry
	slack    slack
	created  bool
	settings Settings

	assigned, open int64 // turns that count, and live assignments
	planners       map[PlannerID]*turn
	roster         []*turn // by ordinal
	active         int64   // planners
	order          queue[Rank, *turn]
	before         pick // the latest, unless something has changed the order since

	numbers map[Number]*stock
	counts  Pool                    // of numbers, by state
	aside   bool                    // whether any was ever set aside
	asides  map[Number]asideFinding // those that are
	free    queue[FreeRank, *stock] // the resting among them
	earlier map[Pair][]*stock       // who had them last, in a sticky pool

	owners  owners
	holding map[int64]*stock   // by position of the live assignment
	passed  map[int64]*passing // by position of the assignment that was reassigned
	pending map[int64]released // assignments whose rows are ahead of the log
	late    map[int64]released // assignments whose rows were read too early

	claims  map[int64]amendment // what rows say that no event has said yet
	amended map[int64]amendment // what events say beyond a release

	// How often the log has contradicted its own settings: about the lives of
	// numbers, and about whose they are again. See [patience].
	wrongLives, wrongPairs int
	seed                   maphash.Seed

	row *Pool // as it was given to Pool; until then zero, whose bounds hide nobody
}

// slack is how many picks, of planners and of numbers, missing positions may
// account for.
type slack struct{ planners, numbers int64 }

// A turn is a planner in a [Replay]: as the log makes it, and where it stands.
type turn struct {
	Planner
	ordinal uint32
	index   int

	// skew is what the picks say the load must be beyond what the log counts:
	// not 0 only after damage. With unsure even that is not known, and the
	// planner is in no order until it is picked once more.
	skew   int64
	unsure bool

	alias string // a name that an assignment gave it, once
	phone bool   // whether one is kept
	first int64  // position of its first turn
	seen  bool   // its row
}

func (t *turn) place() *int { return &t.index }

// Rank is the planner's true place, as far as it is known.
func (t *turn) Rank() Rank {
	r := t.Planner.Rank()
	r.Load += t.skew
	return r
}

// A pick is the rank that a planner was picked with; the zero value is none.
type pick struct {
	*turn
	Rank
}

// A released is what the log or an assignment's row says of its end.
type released struct {
	id    string // of the assignment
	at    time.Time
	event int64 // position of the event; 0 if it is the row that says so
}

// NewReplay returns a Replay of a pool's log from its first position. It calls
// report with each finding, at most [MaxFindings] times for one kind.
func NewReplay(pool PoolID, report func(Finding)) *Replay {
	return &Replay{
		pool:     pool,
		report:   report,
		found:    map[FindingKind]int64{},
		planners: map[PlannerID]*turn{},
		numbers:  map[Number]*stock{},
		asides:   map[Number]asideFinding{},
		earlier:  map[Pair][]*stock{},
		owners:   owners{},
		holding:  map[int64]*stock{},
		passed:   map[int64]*passing{},
		pending:  map[int64]released{},
		late:     map[int64]released{},
		claims:   map[int64]amendment{},
		amended:  map[int64]amendment{},
		seed:     maphash.MakeSeed(),
		row:      new(Pool),
	}
}

// patience is how often a [Replay] is told that a setting cannot be what the log
// says before it no longer goes by that setting: all that follows would be
// wrong in the same way.
const patience = 3

// MaxFindings is how many findings of one kind a [Replay] tells of before it
// only counts them. What one hand does wrong a million times is one damage.
const MaxFindings = 100

func (r *Replay) find(seq int64, kind FindingKind, format string, args ...any) {
	if r.found[kind]++; r.found[kind] <= MaxFindings {
		r.report(Finding{r.pool, seq, kind, fmt.Sprintf(format, args...)})
	}
}

// Found is how many findings there have been, told or not.
func (r *Replay) Found() (n int64) {
	for _, of := range r.found {
		n += of
	}
	return n
}

// Seq is the position of the latest entry.
func (r *Replay) Seq() int64 { return r.seq }

// Assignment replays an assignment. holds is the number that its row keeps
// from others, which must be its number while it is live. Neither a nor what
// it points to is kept.
func (r *Replay) Assignment(a *Assignment, holds Number) {
	r.step(a.Seq, a.AssignedAt)
	if !r.created {
		r.find(a.Seq, FoundEvent, "the log starts with an assignment, and not with the creation of the pool")
		r.created = true
	}
	t := r.picked(a)
	r.turn(t, a.Seq, a.AssignedAt)
	t.Open++
	r.open++
	if owner := r.owners.at(a.Seq); *owner == 0 {
		*owner = ownedBy(t, false)
	}
	r.numbered(a, t)
	r.request(a)
	r.standing(a, holds)
	if a.State != AssignmentActive {
		r.pending[a.Seq] = released{id: strings.Clone(a.ID), at: a.ReleasedAt}
	}
	if claim := amendmentOf(a); claim != (amendment{}) {
		r.claims[a.Seq] = claim.cloned()
	}
}

// turn counts a turn of t.
func (r *Replay) turn(t *turn, seq int64, at time.Time) {
	t.Assigned++
	t.LastSeq, t.LastAt = seq, at
	if t.first == 0 {
		t.first = seq
	}
	r.ranked(t)
	r.assigned++
}

// ranked moves t to where it belongs now, if it is in the order.
func (r *Replay) ranked(t *turn) {
	if t.index >= 0 {
		r.order.put(t)
	}
}

// step checks an entry's place in the log.
func (r *Replay) step(seq int64, at time.Time) {
	switch {
	case seq < 1:
		r.find(seq, FoundPosition, "positions start at 1")
	case seq == r.seq:
		r.find(seq, FoundDuplicate, "the position is taken twice")
	case seq < r.seq:
		r.find(seq, FoundPosition, "the position comes behind %d", r.seq)
	case seq > r.seq+1:
		r.gap(seq - 1)
	}
	r.seq = max(r.seq, seq)
	if at.Before(r.at) {
		r.find(seq, FoundTime, "its time is %s, and what comes before it is of %s", clock(at), clock(r.at))
	}
	r.at = at
}

// gap reports that the positions behind the latest are missing, to last.
func (r *Replay) gap(last int64) {
	if first := r.seq + 1; first == last {
		r.find(first, FoundGap, "the position is missing")
	} else {
		r.find(first, FoundGap, "the positions %d to %d are missing", first, last)
	}
	missing := last - r.seq
	r.slack.planners += missing
	r.slack.numbers += missing
	r.created = true // what is missing may have done so
	r.before = pick{}
}

// excused uses up slack.
func excused(slack *int64) bool {
	if *slack == 0 {
		return false
	}
	*slack--
	return true
}

// picked checks whose turn it was, and returns whose turn it is said to have
// been.
func (r *Replay) picked(a *Assignment) *turn {
	t, first := r.planners[a.Planner], r.order.first()
	switch {
	case t == nil:
		t = r.unknown(a)
	case !t.Active:
		r.find(a.Seq, FoundInactivePlanner, "it went to planner %s, who is not active", t.ID)
		r.distrust(t)
		r.activate(t, true)
	case t.unsure:
		r.learn(t, first)
	case t != first:
		if !excused(&r.slack.planners) {
			r.find(a.Seq, FoundPick, "it went to planner %s (load %d, last turn at %d); the rule picks %s (load %d, last turn at %d)",
				t.ID, t.Rank().Load, t.LastSeq, first.ID, first.Rank().Load, first.LastSeq)
		}
		r.distrust(t)
		r.distrust(first)
	}
	if r.before = (pick{t, t.Rank()}); t.unsure {
		r.before = pick{}
	}
	r.named(a, t)
	return t
}

// unknown adds a planner of whom the log has not told.
func (r *Replay) unknown(a *Assignment) *turn {
	r.find(a.Seq, FoundUnknownPlanner, "it went to planner %s, whom no earlier event has added", a.Planner)
	t := r.join(PlannerID(strings.Clone(string(a.Planner))))
	t.Name = strings.Clone(a.PlannerName)
	t.unsure = true
	r.activate(t, true)
	return t
}

// join adds a planner who is not active yet.
func (r *Replay) join(id PlannerID) *turn {
	t := &turn{Planner: Planner{ID: id}, ordinal: uint32(len(r.roster) + 1), index: -1}
	r.roster = append(r.roster, t)
	r.planners[id] = t
	return t
}

func (r *Replay) activate(t *turn, active bool) {
	r.active += count(active) - count(t.Active)
	t.Active = active
	if active && !t.unsure {
		r.order.put(t)
	} else {
		r.order.drop(t)
	}
}

// distrust takes a planner out of the order: either its load is not what the
// log has it, or an assignment is not its own.
func (r *Replay) distrust(t *turn) {
	t.unsure = true
	r.order.drop(t)
}

// learn puts a planner back into the order who is picked although its rank was
// not known, if the rank is known now. It must have been behind the pick before
// this one, and before everybody of whom the rank is known; where these leave a
// choice, a later pick will tell. If nobody's rank is known, this one is what
// the others are measured by.
func (r *Replay) learn(t, first *turn) {
	if first != nil {
		most := t.loadBefore(first)
		if r.before.turn == nil || r.before.turn == t || t.loadBehind(r.before.Rank) != most {
			return
		}
		t.skew = most - t.Load()
	}
	t.unsure = false
	r.order.put(t)
}

// loadBefore is the largest load with which t is picked before first.
func (t *turn) loadBefore(first *turn) int64 { return t.loadBehind(first.Rank()) - 1 }

// loadBehind is the smallest load with which t is picked behind r.
func (t *turn) loadBehind(r Rank) int64 {
	if (Rank{r.Load, t.LastSeq, t.ID}).Compare(r) < 0 {
		return r.Load + 1
	}
	return r.Load
}

// named checks the name that an assignment gives its planner. The second time
// that it gives the same other one, that is the planner's name.
func (r *Replay) named(a *Assignment, t *turn) {
	switch a.PlannerName {
	case t.Name:
	case t.alias:
		t.Name, t.alias = t.alias, t.Name
	default:
		r.find(a.Seq, FoundPlannerName, "it calls planner %s %q, whose name was %q", t.ID, a.PlannerName, t.Name)
		t.alias = strings.Clone(a.PlannerName)
	}
}

var wishes = []Wish{NumberByPool, NumberPreferred, NumberRequired, NumberNone}

// request checks what an assignment says of the request behind it.
func (r *Replay) request(a *Assignment) {
	if _, err := ParseKey("key", a.Key); err != nil {
		r.find(a.Seq, FoundRequest, "its idempotency %v", err)
	}
	if !slices.Contains(wishes, a.Wish) {
		r.find(a.Seq, FoundRequest, `its wish for a number is %q, which is none of %q`, a.Wish, wishes)
	} else if fingerprint(a.Customer, a.Wish) != a.Fingerprint {
		r.find(a.Seq, FoundRequest, "its fingerprint is not that of its customer and its wish for a number (%s)", a.Wish)
	}
}

// standing checks that an assignment's row keeps its number from others exactly
// while it is live.
func (r *Replay) standing(a *Assignment, holds Number) {
	want := Number("")
	if a.State == AssignmentActive {
		want = a.Number
	}
	if holds != want {
		r.find(a.Seq, FoundAssignmentState, "it is %s with number %q, and its row keeps number %q from others instead of %q",
			a.State, a.Number, holds, want)
	}
}

// Event replays an event. Neither e nor what it points to is kept.
func (r *Replay) Event(e *Event) {
	r.step(e.Seq, e.At)
	if !r.created && e.Kind != EventPool {
		r.find(e.Seq, FoundEvent, "the log starts with %s, and not with the creation of the pool", e.Kind)
		r.created = true
	}
	switch e.Kind {
	case EventPool:
		retell(r, e, r.poolChanged)
	case EventPlanners:
		retell(r, e, r.plannersChanged)
	case EventNumbersAdded:
		retell(r, e, r.numbersAdded)
	case EventNumbersSetAside:
		retell(r, e, r.numbersSetAside)
	case EventNumberChanged:
		retell(r, e, r.numberChanged)
	case EventNumberTouched:
		retell(r, e, r.numberTouched)
	case EventReleased:
		retell(r, e, r.release)
	case EventReleasedMany:
		retell(r, e, r.releaseMany)
	case EventExpired:
		retell(r, e, r.expire)
	case EventVoided:
		retell(r, e, r.void)
	case EventReassigned:
		retell(r, e, r.reassign)
	default:
		r.find(e.Seq, FoundEvent, "there is no kind of event %q", e.Kind)
	}
}

func retell[T any](r *Replay, e *Event, apply func(*Event, T)) {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		r.find(e.Seq, FoundEvent, "its data is not that of %s: %v", e.Kind, err)
		return
	}
	apply(e, data)
}

func (r *Replay) poolChanged(e *Event, d PoolChanged) {
	switch {
	case !r.created && d.Was != nil:
		r.find(e.Seq, FoundEvent, "it changes the pool, which nothing before it creates")
	case r.created && d.Was == nil && !excused(&r.slack.planners):
		r.find(e.Seq, FoundEvent, "it creates the pool, which is there")
	case d.Was != nil && d.Was.settings() == d.settings():
		r.find(e.Seq, FoundEvent, "it changes nothing")
	case d.Was != nil && d.Was.settings() != r.settings && !excused(&r.slack.planners):
		r.find(e.Seq, FoundEvent, "it changes settings that were %s, which were %s", *d.Was, settingsData(r.settings))
	}
	r.created = true
	r.settings = d.settings()
}

func (d SettingsData) String() string {
	return fmt.Sprintf("cool-down %d s, life %d s from %s, sticky %s, exhausted %s",
		d.CooldownSeconds, d.NumberTTLSeconds, d.NumberTTLFrom, d.Sticky, d.OnExhausted)
}

func (r *Replay) plannersChanged(e *Event, d PlannersChanged) {
	if len(d.Planners) == 0 {
		r.find(e.Seq, FoundEvent, "it changes nobody")
	}
	for i := range d.Planners {
		r.plannerChanged(e, &d.Planners[i])
	}
	r.before = pick{}
}

func (r *Replay) plannerChanged(e *Event, c *PlannerChanged) {
	t, known := r.planners[c.ID]
	if !known {
		t = r.join(c.ID)
	}
	was := PlannerData{t.Name, t.Active, t.Base, t.phone}
	switch trusted := known && !t.unsure; {
	case known && c.Was == nil:
		r.find(e.Seq, FoundEvent, "it adds planner %s, who is there", c.ID)
	case !known && c.Was != nil:
		r.find(e.Seq, FoundEvent, "it changes planner %s, whom no earlier event has added", c.ID)
		was = *c.Was
	case c.PhoneChanged && !c.Phone && (c.Was == nil || !c.Was.Phone):
		r.find(e.Seq, FoundEvent, "it takes a phone from planner %s, who had none", c.ID)
	case known && *c.Was == c.PlannerData && !c.PhoneChanged:
		r.find(e.Seq, FoundEvent, "it lists planner %s, whom it does not change", c.ID)
	case trusted && *c.Was != was && !excused(&r.slack.planners):
		r.find(e.Seq, FoundEvent, "it changes planner %s from %s, who was %s", c.ID, *c.Was, was)
		was = *c.Was
	case known:
		was = *c.Was
	}
	r.raised(e, t, was, c.PlannerData)
	t.Name, t.alias, t.Base, t.phone = c.Name, "", c.Base, c.Phone
	r.activate(t, c.Active)
}

// raised checks the load that a planner joins with, and that nobody else's
// changes. The event does not say which start was asked for.
func (r *Replay) raised(e *Event, t *turn, was, is PlannerData) {
	if is.Base == was.Base {
		return
	}
	level := was.Base
	if is.Active && !was.Active {
		if int64(len(r.order)) < r.active {
			return // somebody's rank is not known
		}
		if first := r.order.first(); first != nil {
			level += max(0, first.Rank().Load-was.Base-t.Assigned-t.skew)
		}
	}
	if is.Base != level {
		r.find(e.Seq, FoundBase, "it changes the base of planner %s from %d to %d; to be level it must be %d", t.ID, was.Base, is.Base, level)
	}
}

func (d PlannerData) String() string {
	return fmt.Sprintf("%q (active: %t, base %d, phone: %t)", d.Name, d.Active, d.Base, d.Phone)
}

// clock is how findings write a time.
func clock(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000")
}

// sorted is the keys of m in their order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
