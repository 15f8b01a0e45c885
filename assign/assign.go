// Package assign decides who gets the work, and makes sure that it is decided
// once.
//
// A pool is a set of planners who share one kind of work. Each request that
// comes into a pool goes to the active planner with the smallest load; among
// equals to the one whose last turn is longest ago; among those to the one
// whose id comes first. That order is total, so every decision can be
// recomputed from the pool's log (see [Replay]).
//
// Everything that changes a pool happens in a unit: one hold of the pool's
// lock in which one or more calls are read for, decided and committed
// together. A [Ledger] runs units, and knows how to read and write them; what
// is decided is a pure function from a [State] to [Changes]. The [Service]
// runs calls in a unit and settles an unclear outcome; the [Combiner] lets
// calls that wait for the same pool share one.
//
// The package knows neither SQL nor HTTP and imports the standard library
// only.
package assign

import (
	"cmp"
	"time"
)

type (
	// A PoolID names a pool: a slug of up to 48 characters, see [ParsePoolID].
	PoolID string

	// A PlannerID is the caller's own id for a planner, unique in its pool,
	// see [ParsePlannerID].
	PlannerID string

	// A Number is a safe number: a relay phone number that hides the real
	// one. Its zero value means that there is none. See [ParseNumber].
	Number string
)

// A Planner receives work. Its zero value is nobody.
type Planner struct {
	ID     PlannerID
	Name   string
	Active bool

	// Base is added to Assigned to give the load. It is how a planner who
	// joins late starts level with the others instead of catching up.
	Base int64

	Assigned int64 // assignments ever made
	Open     int64 // of those, not released

	LastSeq int64     // position of the latest assignment; 0 means never
	LastAt  time.Time // when that was; zero means never
}

// Load is what the rule compares first.
func (p Planner) Load() int64 { return p.Assigned + p.Base }

// Rank is p's place in the order in which planners are picked.
func (p Planner) Rank() Rank { return Rank{p.Load(), p.LastSeq, p.ID} }

// A Rank is a planner's place in the order in which planners are picked. The
// zero Rank comes before every planner's.
type Rank struct {
	Load    int64
	LastSeq int64
	Planner PlannerID
}

// Compare is the rule: smallest load, then least recently assigned, then
// planner id bytewise. It is negative if r is picked before o.
func (r Rank) Compare(o Rank) int {
	return cmp.Or(
		cmp.Compare(r.Load, o.Load),
		cmp.Compare(r.LastSeq, o.LastSeq),
		cmp.Compare(r.Planner, o.Planner),
	)
}

// A Pool is the row that stands for a pool: its settings, the counts that
// people ask for, and what keeps a unit cheap. Whoever holds that row decides.
type Pool struct {
	ID  PoolID
	Seq int64 // of the latest assignment or event; 0 means none yet

	// LastAt is the time of the latest unit that changed anything. The next
	// unit's time is never earlier, whatever the database's clock says.
	LastAt time.Time

	Settings Settings

	Planners int64 // ever added
	Active   int64 // of those, active
	Assigned int64 // assignments ever made
	Open     int64 // of those, not released

	Numbers       int64 // ever imported
	NumbersActive int64 // of those, in a live assignment
	NumbersAside  int64 // of those, set aside

	// PickFrom and FreeFrom are lower bounds of the first active planner and
	// the first free number in their orders. They cost nothing in a healthy
	// database. Where old row versions cannot be purged, because somebody
	// keeps a snapshot open, every pick leaves a dead entry at the head of
	// its index, and the bounds let a unit start behind them.
	PickFrom Rank
	FreeFrom FreeRank
}

// Settings are what a pool's owner may choose. The zero value is the default.
type Settings struct {
	// Cooldown is how long a number rests between two assignments, in whole
	// seconds from 0 to [MaxCooldown].
	Cooldown time.Duration
}

// MaxCooldown is the longest rest that a number can be given.
const MaxCooldown = 10 * 365 * 24 * time.Hour

// A NumberState says what may happen to a number next.
type NumberState string

const (
	NumberFree   NumberState = "free"      // may be handed out, once its FreeAt has come
	NumberActive NumberState = "active"    // in a live assignment
	NumberAside  NumberState = "set_aside" // its records disagree, see [NumbersSetAside]
)

// A NumberRecord is what is known of a number.
type NumberRecord struct {
	Number Number
	Pool   PoolID
	State  NumberState

	// FreeAt is when the number became free, or will after its cool-down. It
	// has no meaning while the number is active.
	FreeAt time.Time

	Assignment string // id of the live assignment; empty if there is none
}

// Rank is n's place in the order in which free numbers are handed out.
func (n NumberRecord) Rank() FreeRank { return FreeRank{n.FreeAt, n.Number} }

// A FreeRank is a free number's place in the order in which numbers are handed
// out: longest free first, then by number. The zero value comes first.
type FreeRank struct {
	FreeAt time.Time
	Number Number
}

// Compare is negative if r is handed out before o.
func (r FreeRank) Compare(o FreeRank) int {
	return cmp.Or(r.FreeAt.Compare(o.FreeAt), cmp.Compare(r.Number, o.Number))
}

// An AssignmentState says how far an assignment's life has come.
type AssignmentState string

const (
	AssignmentActive   AssignmentState = "active"
	AssignmentReleased AssignmentState = "released"
)

// An Assignment is one decision: who got a request, and with which number.
// Only State and ReleasedAt ever change.
type Assignment struct {
	ID   string // ULID
	Pool PoolID
	Seq  int64 // position in the pool's log

	Planner     PlannerID
	PlannerName string // as it was then
	Number      Number // empty if none was given

	Customer    string // the caller's reference, may be empty
	Key         string // idempotency key
	Wish        Wish
	Fingerprint Fingerprint

	State      AssignmentState
	AssignedAt time.Time // UTC, whole microseconds
	ReleasedAt time.Time // zero while the assignment is live
}

// A Wish says whether a request needs a number.
type Wish string

const (
	NumberPreferred Wish = "preferred" // one if there is a free one; the default
	NumberRequired  Wish = "required"  // none free: nothing is assigned
	NumberNone      Wish = "none"
)
