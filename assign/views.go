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
func (v PoolView) Free() int64 { return v.unused() - v.Cooling }

// unused is how many numbers are free or resting.
func (p Pool) unused() int64 {
	return p.Numbers - p.NumbersActive - p.NumbersDraining - p.NumbersSuspended - p.NumbersAside
}

// Spread is how far the loads of active planners lie apart.
func (v PoolView) Spread() int64 { return v.Most - v.Least }

// A NumberView is a number as people look at it: State is refined by whether
// the number is still resting.
type NumberView struct {
	NumberRecord
	Cooling bool
}

// View is a number as it is at now, in a pool whose numbers rest for so long.
// One whose assignment has ended by itself is what it will be when that is
// written down.
func (n NumberRecord) View(now time.Time, cooldown time.Duration) NumberView {
	if n.Expired(now) {
		n.ReleasedAt, n.FreeAt = n.ExpiresAt, n.ExpiresAt.Add(cooldown)
		n.ExpiresAt, n.Assignment = time.Time{}, ""
		if n.State == NumberActive {
			n.State = NumberFree
		}
	}
	return NumberView{n, n.State == NumberFree && n.FreeAt.After(now)}
}

// A PlannerView is a planner as people look at it.
type PlannerView struct {
	Planner
	Phone Phone
}

// A Route is where a call on a number goes.
type Route struct {
	Number     Number
	Assignment Assignment
	Planner    PlannerView // who has the assignment now
}

// An AssignmentFilter chooses assignments of a pool, in the order of seq. The
// zero value of a field does not restrict.
type AssignmentFilter struct {
	Key     string
	Planner PlannerID
	Phones  []PhoneMark // the customer's, under any of these
	After   int64       // only those with a larger seq
	Limit   int         // at most so many; required, from 1
}

// A PlannerFilter chooses planners of a pool, in the order of their ids. The
// zero value of a field does not restrict.
type PlannerFilter struct {
	Phones []PhoneMark // theirs, under any of these
	After  PlannerID   // only those behind it
	Limit  int         // at most so many; required, from 1
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
	ListFree      NumberFilterState = "free"    // could be handed out now
	ListActive    NumberFilterState = "active"  // in a live assignment
	ListCooling   NumberFilterState = "cooling" // resting after an assignment
	ListDraining  NumberFilterState = "draining"
	ListSuspended NumberFilterState = "suspended"
	ListAside     NumberFilterState = "set_aside"
)
