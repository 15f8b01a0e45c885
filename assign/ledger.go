package assign

import (
	"context"
	"time"
)

// A Ledger remembers pools. It is what [Service] needs of a database.
type Ledger interface {
	// Unit runs one unit on a pool: it waits for the pool, reads what ask
	// wants, lets decide choose, and commits the changes, all or none.
	// While it runs no other unit of that pool is between its read and the
	// end of its commit, in this process or any other. Both functions are
	// called at most once, and must not block; if the changes are empty,
	// nothing is written.
	//
	// Errors, all of which leave the pool to the next unit:
	//   - wrapping [ErrBusy]: the pool stayed taken for as long as claim.Wait;
	//   - wrapping [ErrUnavailable]: the database failed before anything was
	//     written;
	//   - wrapping [ErrOutcomeUnknown]: it failed afterwards. The changes are
	//     there or will never be, and the next unit of the pool sees which.
	// The first two mean that decide was not called. Any other error is a
	// fault, and leaves everything as it was.
	//
	// The Trace is valid whatever the error.
	Unit(ctx context.Context, claim Claim, ask func() Need, decide func(State) Changes) (Trace, error)

	// PoolOf returns the pool of the assignment with this id, which never
	// changes. Errors: [ErrAssignmentNotFound], [ErrUnavailable].
	PoolOf(ctx context.Context, assignment string) (PoolID, error)

	// PoolOfNumber returns the pool that a number belongs to, which never
	// changes. Errors: [ErrNumberNotFound], [ErrUnavailable].
	PoolOfNumber(ctx context.Context, n Number) (PoolID, error)
}

// A Claim says how a unit comes to its pool.
type Claim struct {
	Pool PoolID
	Wait time.Duration // whole seconds, at least one

	// AskLate means that the unit is asked for its need when the pool is its
	// own, so that calls can join it until then. That costs a round trip. A
	// pool that can only be claimed by reading it asks at once all the same.
	AskLate bool
}

// A Need is what a unit's calls have to see before they can be decided. Its
// zero value asks for the pool alone.
type Need struct {
	Calls       int         // so many calls; for those who count them
	Picks       int         // so many active planners, first picked first
	Keys        []string    // assignments made with these keys
	Assignments []string    // assignments with these ids
	Planners    []PlannerID // these planners, active or not
	Numbers     []Number    // these numbers, in whichever pool

	// FreeNumbers asks for so many free numbers, first handed out first; those
	// that rest come last.
	FreeNumbers int

	// Expiring asks for so many assignments that have ended by themselves by
	// the later of State.Now and Pool.LastAt, first ended first, and for when
	// the next will. Only active numbers matter: one that stays out of use
	// would stand in the way of others, and does not come back.
	Expiring int

	// Earlier asks for the free numbers, resting or not, that these customers
	// had last.
	Earlier []CustomerMark

	// Turns asks for the turns of the assignment with this id; empty asks for
	// none.
	Turns string

	// Live asks for assignments that have not ended; nil asks for none.
	Live *LiveFilter

	// What is known of the pool when calls say what they need.
	hint

	// Event asks for the id of the event at this position; 0 asks for none.
	// It is how a call finds out whether its own unit was committed after all.
	Event int64
}

// A State is what a unit read, all of it behind the pool's fence.
type State struct {
	Found bool // whether the pool exists; if not, nothing below is set but Now
	Pool  Pool
	Now   time.Time // the database's clock, UTC, whole microseconds

	Picks       []Planner
	FreeNumbers []SeenNumber
	Keyed       map[string]Assignment
	Assignments map[string]Held
	Planners    map[PlannerID]Planner
	Phones      map[PlannerID]Phone // of Need.Planners
	Numbers     map[Number]SeenNumber
	EventID     string // empty if there is no event at Need.Event

	Expiring   []Held
	NextExpiry time.Time // later than those; zero if there is none
	Earlier    []SeenNumber
	Turns      Turns
	Live       []Held
}

// A SeenNumber is a number's record with what the assignments say of it.
type SeenNumber struct {
	NumberRecord

	// HeldBy is the id of the live assignment that has the number. Unless it
	// is the record's own, somebody changed the tables by hand.
	HeldBy string
}

// A LiveFilter chooses assignments that have not ended, oldest first; those
// that have ended by themselves, first ended first. The zero value of a field
// does not restrict.
type LiveFilter struct {
	Planner PlannerID     // who has it now
	Age     time.Duration // since it was made, at least
	State   NumberState   // of its number

	// Expired chooses those that have ended by themselves, which nobody has
	// written down yet.
	Expired bool

	Limit int // at most so many; required, from 1
}

// A Turn is one time that a planner was given an assignment: at first, or by a
// reassignment.
type Turn struct {
	Assignment int64 // its position
	Seq        int64 // of the turn: the assignment's, or the reassignment's
	Planner    PlannerID
	At         time.Time
	Counts     bool // for the planner's load

	// Of the call that reassigned, to know it again; empty for the first turn.
	Key         string
	Fingerprint Fingerprint
}

// Turns are those of one assignment, oldest first, with the planners whom they
// went to.
type Turns struct {
	Turns    []Turn
	Planners []Planner

	// Others has each planner's latest turn that counts and is none of these,
	// if there is one.
	Others map[PlannerID]Turn
}

// Held is an assignment with who has it and the number it holds.
type Held struct {
	Assignment Assignment
	Planner    Planner

	// Number is the number's own record, zero if the assignment has no number
	// or the number's record is gone.
	Number NumberRecord
}

// Changes are what a unit writes. The zero value writes nothing.
type Changes struct {
	Create bool  // the pool is new
	From   int64 // the pool's Seq as it was read
	Pool   Pool  // the pool's row afterwards; if anything is written, its Seq is past From

	Assignments []Assignment   // new
	Released    []Assignment   // as they are now: over, and no more than that
	Amended     []Assignment   // as they are now
	Turns       []Turn         // of reassignments: new if they count, else no longer counting
	Planners    []Planner      // rows, all of them replaced
	NewPlanners []Planner      // rows that must not replace any
	Numbers     []NumberRecord // rows, all of them replaced unless NewNumbers
	NewNumbers  bool           // Numbers are new, and must not replace any
	Events      []Event        // new
	Phones      []OwnedPhone   // of planners, new or replaced; those of Assignments are in there
}

// An OwnedPhone is a planner's phone; the zero [Phone] takes it away.
type OwnedPhone struct {
	Planner PlannerID
	Phone   Phone
}

// Empty reports whether there is nothing to write.
func (c Changes) Empty() bool { return c.Pool.Seq == c.From }

// A Trace says where a unit's time went, for logs and metrics. A step that was
// not reached is zero.
type Trace struct {
	Connect time.Duration // getting a connection
	Lock    time.Duration // waiting for the named lock; zero with the lock off
	Read    time.Duration
	Decide  time.Duration
	Write   time.Duration // from the first write to the end of the commit and the release

	Seq     int64 // the pool's seq as read; 0 if it was not
	Written bool  // whether the write was sent

	// Unreleased means that the lock was taken and that its release could not
	// be confirmed. The session was ended instead.
	Unreleased bool
}

// Held is how long the unit kept others from the pool.
func (t Trace) Held() time.Duration { return t.Read + t.Decide + t.Write }
