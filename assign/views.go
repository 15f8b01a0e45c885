package assign

import "time"

// A Page is one stretch of a list.
type Page[T any] struct {
	Items []T
	More  bool // whether the list goes on behind them
}

// A PoolView is a pool as people look at it.
type PoolView struct {
	Pool
	Cooling int64 // numbers that are free but still resting
	Least   int64 // smallest load among active planners; 0 if there are none
	Most    int64 // largest
}

// Free is how many numbers could be handed out now.
func (v PoolView) Free() int64 {
	return v.Numbers - v.NumbersActive - v.NumbersAside - v.Cooling
}

// Spread is how far the loads of active planners lie apart.
func (v PoolView) Spread() int64 { return v.Most - v.Least }

// A NumberView is a number as people look at it: State is refined by whether
// the number is still resting.
type NumberView struct {
	NumberRecord
	Cooling bool
}

// A LockView is a pool's named lock as the database sees it.
type LockView struct {
	Name    string
	Pool    PoolID // empty if the name is too long to tell
	Holder  *SessionView
	Waiters []SessionView // in the order in which they will be served, where the source can tell
}

// A SessionView is a database session that holds a lock or waits for it.
// Fields that the source cannot see are zero.
type SessionView struct {
	ConnectionID int64
	User         string
	Host         string
	Program      string
	For          time.Duration // held or waiting so long; negative if the source cannot tell
}

// A LockList is the answer to "who holds what".
type LockList struct {
	Locks  []LockView
	Source string // where it was read, so that "no waiters" is not "cannot see"
}

// An AssignmentFilter chooses assignments of a pool, in the order of seq. The
// zero value of a field does not restrict.
type AssignmentFilter struct {
	Key     string
	Planner PlannerID
	After   int64 // only those with a larger seq
	Limit   int   // at most so many; required, from 1
}

// A NumberFilter chooses numbers of a pool, in the order of the numbers. The
// zero value of a field does not restrict.
type NumberFilter struct {
	State NumberFilterState
	After Number // only those behind it
	Limit int    // at most so many; required, from 1
}

// A NumberFilterState is a state that numbers can be listed by.
type NumberFilterState string

const (
	ListFree    NumberFilterState = "free"    // could be handed out now
	ListActive  NumberFilterState = "active"  // in a live assignment
	ListCooling NumberFilterState = "cooling" // resting after an assignment
	ListAside   NumberFilterState = "set_aside"
)
