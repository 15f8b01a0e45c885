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

	Assigned int64 // turns: assignments and reassignments, less what was given back
	Open     int64 // assignments that are live and this planner's

	LastSeq int64     // position of the latest turn; 0 means never
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
	Assigned int64 // turns of all planners
	Open     int64 // assignments that are live

	Numbers          int64 // ever imported
	NumbersActive    int64 // of those, by state; what is left is free or resting
	NumbersDraining  int64
	NumbersSuspended int64
	NumbersAside     int64
	NumbersExpiring  int64 // of those in live assignments, with an ExpiresAt

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

	// NumberTTL is after how long an assignment with a number ends by itself,
	// in whole seconds from 1 to [MaxCooldown]; 0 means never.
	NumberTTL time.Duration

	// TTLFromUse lets the NumberTTL begin anew with each call on the number.
	TTLFromUse bool

	// Sticky lets a customer who comes back to the same planner have the
	// number again that the two had before, although it still rests.
	Sticky bool

	// NumberOrFail refuses requests that do not say whether they need a number
	// when none is free. Without it they do without.
	NumberOrFail bool
}

// MaxCooldown is the longest rest, and the longest life, that a number can be
// given.
const MaxCooldown = 10 * 365 * 24 * time.Hour

// A NumberState says what may happen to a number next.
type NumberState string

const (
	NumberFree      NumberState = "free"      // may be handed out, once its FreeAt has come
	NumberActive    NumberState = "active"    // in a live assignment
	NumberDraining  NumberState = "draining"  // not to be handed out again; may still be in a live assignment
	NumberSuspended NumberState = "suspended" // the same, and leads nowhere meanwhile
	NumberAside     NumberState = "set_aside" // its records disagree, see [NumbersSetAside]
)

// A NumberRecord is what is known of a number.
type NumberRecord struct {
	Number Number
	Pool   PoolID
	State  NumberState

	// FreeAt is when the number became free, or will after its cool-down. It
	// has no meaning while the number is in an assignment.
	FreeAt time.Time

	Assignment string    // id of the live assignment; empty if there is none
	ExpiresAt  time.Time // when that ends by itself; zero if never, or if there is none

	UsedAt     time.Time // of the latest call on it; zero means never
	ReleasedAt time.Time // when its latest assignment ended; zero means never

	// Earlier is who had it last, if the pool was sticky when that ended.
	Earlier Pair
}

// Expired reports whether the number's assignment has ended by itself at now.
func (n NumberRecord) Expired(now time.Time) bool {
	return !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now)
}

// A Pair is a customer and a planner. Its zero value is nobody.
type Pair struct {
	Customer CustomerMark
	Planner  PlannerID
}

// A CustomerMark is the SHA-256 of a customer, as bytes; empty for none.
type CustomerMark string

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
	AssignmentVoid     AssignmentState = "void" // as if it had not been
)

// An Assignment is one decision: who got a request, and with which number.
// What was decided never changes; the fields from State on do.
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

	AssignedAt time.Time // UTC, whole microseconds

	State      AssignmentState
	ReleasedAt time.Time // when it ended; zero while it is live
	VoidedAt   time.Time // zero unless it is void

	// ExpiresAt is when it ends by itself; zero if never, or if it has ended.
	// Its number's record keeps it.
	ExpiresAt time.Time

	// TurnBack means that Planner no longer counts it.
	TurnBack bool

	// ReassignedTo is who has it now; empty if that is Planner.
	ReassignedTo     PlannerID
	ReassignedToName string // as it was then

	// CustomerPhone is the customer's real phone, sealed.
	CustomerPhone Phone
}

// Holder is who has the assignment now.
func (a Assignment) Holder() PlannerID { return cmp.Or(a.ReassignedTo, a.Planner) }

// At is the assignment as it is at now: one whose time is over has ended, even
// if nobody has written that down yet.
func (a Assignment) At(now time.Time) Assignment {
	if a.State == AssignmentActive && !a.ExpiresAt.IsZero() && !a.ExpiresAt.After(now) {
		a.State, a.ReleasedAt, a.ExpiresAt = AssignmentReleased, a.ExpiresAt, time.Time{}
	}
	return a
}

// A Wish says whether a request needs a number.
type Wish string

const (
	NumberByPool    Wish = "by_pool"   // as the pool's settings say; the default
	NumberPreferred Wish = "preferred" // one if there is a free one
	NumberRequired  Wish = "required"  // none free: nothing is assigned
	NumberNone      Wish = "none"
)
