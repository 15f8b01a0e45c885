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

// clock is how findings write a time.
func clock(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000")
}

// sorted is the keys of m in their order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
