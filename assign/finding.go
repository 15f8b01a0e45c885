package assign

import "fmt"

// A Finding is one place where a pool's records contradict the rule or each
// other.
type Finding struct {
	Pool   PoolID      // empty if the place is in no pool
	Seq    int64       // position in the pool's log; 0 if the place is not in the log
	Kind   FindingKind // what is wrong
	Detail string      // for people: what is there, and what should be
}

// String is the finding on one line: place, kind, detail.
func (f Finding) String() string {
	switch {
	case f.Pool == "":
		return fmt.Sprintf("%s: %s", f.Kind, f.Detail)
	case f.Seq == 0:
		return fmt.Sprintf("%s: %s: %s", f.Pool, f.Kind, f.Detail)
	}
	return fmt.Sprintf("%s/%d: %s: %s", f.Pool, f.Seq, f.Kind, f.Detail)
}

// A FindingKind says what is wrong. The kinds are stable: scripts may rely on
// them.
type FindingKind string

// What can be wrong with the log itself.
const (
	FoundGap       FindingKind = "gap"            // positions are missing
	FoundDuplicate FindingKind = "duplicate"      // a position is taken twice
	FoundPosition  FindingKind = "wrong_position" // a position below 1, or out of order
	FoundTime      FindingKind = "time_backwards" // earlier than what comes before
)

// What can be wrong with a decision.
const (
	FoundPick            FindingKind = "wrong_planner" // the rule picks another
	FoundUnknownPlanner  FindingKind = "unknown_planner"
	FoundInactivePlanner FindingKind = "inactive_planner"
	FoundPlannerName     FindingKind = "wrong_planner_name" // not the name the planner had then
	FoundNumber          FindingKind = "wrong_number"       // the rule gives another, or none, or one
	FoundUnknownNumber   FindingKind = "unknown_number"     // not a number of the pool
	FoundNumberTwice     FindingKind = "number_twice"       // in two live assignments
	FoundCooldown        FindingKind = "number_resting"     // given inside its cool-down
	FoundNumberAside     FindingKind = "number_set_aside"   // out of use, see [NumbersSetAside]
	FoundNumberOut       FindingKind = "number_out_of_use"  // draining or suspended
	FoundRequest         FindingKind = "wrong_request"      // key, wish, or a fingerprint that does not fit
	FoundKeyTwice        FindingKind = "key_twice"          // one key, two assignments
	FoundIDTwice         FindingKind = "id_twice"           // one id, two assignments
)

// What can be wrong with an event.
const (
	FoundEvent   FindingKind = "wrong_event"   // not to be decoded, or not what the log led to
	FoundBase    FindingKind = "wrong_base"    // a planner did not start level, nor at zero
	FoundRelease FindingKind = "wrong_release" // of what is not live, or giving back the wrong number
	FoundExpiry  FindingKind = "wrong_expiry"  // of what is not live, or not at its time
	FoundVoid    FindingKind = "wrong_void"    // of what is void, or giving back the wrong turns

	FoundReassign FindingKind = "wrong_reassignment" // of what is not live, or giving back the wrong turn
)

// What can be wrong with rows that say how things stand.
const (
	FoundAssignmentState FindingKind = "wrong_assignment_state" // released or not, against the events
	FoundTurnRow         FindingKind = "wrong_turn_row"         // of a reassignment
	FoundPoolRow         FindingKind = "wrong_pool_row"
	FoundPlannerRow      FindingKind = "wrong_planner_row"
	FoundNumberRow       FindingKind = "wrong_number_row"
	FoundBound           FindingKind = "wrong_bound" // [Pool.PickFrom] or FreeFrom hides somebody
	FoundNoPool          FindingKind = "pool_missing"
	FoundNoUniqueKey     FindingKind = "unique_key_missing" // of the tables
)
