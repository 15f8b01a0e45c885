package assign

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
