package load

import "time"

// A Report is what a run measured, and what was found wrong.
type Report struct {
	Run     string    `json:"run"`     // in the ids of its pools and in its keys
	Service string    `json:"service"` // the URL that was called
	Started time.Time `json:"started"` // when measuring began
	Options Options   `json:"options"`

	Summary  Summary   `json:"summary"`
	Calls    []Calls   `json:"calls"`    // one for each kind of call there was
	Outcomes []Outcome `json:"outcomes"` // of the calls measured, most frequent first
	Seconds  []Second  `json:"seconds"`  // the measured time, second by second
	Pools    []Pool    `json:"pools"`    // what each pool's planners were given
	Verdict  Verdict   `json:"verdict"`
}

// Summary is a run in a few figures. They are of the measured time, without
// the warm-up, unless they say otherwise.
type Summary struct {
	Seconds  float64 `json:"seconds"`  // from the end of the warm-up to the last answer, and not less than was asked for
	Calls    int64   `json:"calls"`    // answered, refused and failed
	Assigned int64   `json:"assigned"` // new assignments
	Replayed int64   `json:"replayed"` // answers to repeated keys
	Released int64   `json:"released"`
	Refused  int64   `json:"refused"` // refusals that the API documents
	Failed   int64   `json:"failed"`  // no answer, an unknown outcome, or an answer that is none

	CallsPerSecond    float64 `json:"calls_per_second"`
	AssignedPerSecond float64 `json:"assigned_per_second"`

	// Interrupted says that the run ended before its time.
	Interrupted bool `json:"interrupted"`

	// Of an open loop: calls that began more than 10 ms after their time, the
	// longest that one was late, and calls whose time came and that never
	// began. Their latency counts the delay.
	Late        int64   `json:"late"`
	MostLateMs  float64 `json:"most_late_ms"`
	NeverBegun  int64   `json:"never_begun"`
	OfferedRate float64 `json:"offered_rate"` // calls a second that were wanted; 0 in a closed loop

	// Judged counts the assignments that the judge saw, with the warm-up and
	// what was settled afterwards; Unsettled those whose outcome stayed unknown.
	Judged    int64 `json:"judged"`
	Settled   int64 `json:"settled"`
	Unsettled int64 `json:"unsettled"`
}

// Calls are the calls of one kind that were answered as they should be.
type Calls struct {
	Kind         string  `json:"kind"` // "assign", "repeat" or "release"
	Count        int64   `json:"count"`
	Latency      Latency `json:"latency"`
	Distribution []Point `json:"distribution"` // for a chart, from the fastest to the slowest
}

// Latency is in milliseconds. In an open loop it counts from the time at which
// the call should have begun.
type Latency struct {
	Mean float64 `json:"mean_ms"`
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
}

// A Point says that this share of calls took at most so long.
type Point struct {
	Quantile float64 `json:"quantile"` // above 0, at most 1
	Ms       float64 `json:"ms"`
}

// An Outcome is how calls of one kind ended.
type Outcome struct {
	Kind  string `json:"kind"`
	Name  string `json:"outcome"` // "ok", the code of a refusal, or "unreachable", "timeout", "broken" or "undocumented"
	Count int64  `json:"count"`
}

// A Second is one second of the measured time.
type Second struct {
	Second   int     `json:"second"` // from 0; the last one may be shorter
	Rate     float64 `json:"rate"`   // new assignments per second
	Calls    int64   `json:"calls"`
	Refused  int64   `json:"refused"`
	Failed   int64   `json:"failed"`
	P50Ms    float64 `json:"p50_ms"` // of assignments; 0 if there were none
	P99Ms    float64 `json:"p99_ms"`
	assigned int64
}

// A Pool is what the run gave the planners of one pool, warm-up included.
type Pool struct {
	ID       string          `json:"id"`
	Own      bool            `json:"own"` // made by this run
	Assigned int64           `json:"assigned"`
	Least    int64           `json:"least"` // that a planner was given
	Most     int64           `json:"most"`
	Planners []PlannerCounts `json:"planners"` // in the order of their ids
}

// PlannerCounts is what one planner was given.
type PlannerCounts struct {
	ID       string `json:"id"`
	Assigned int64  `json:"assigned"`
}

// A Verdict says whether everything was as the API promises.
type Verdict struct {
	Pass bool `json:"pass"`

	// Why it is not a PASS, in a sentence; empty if it is.
	Why string `json:"why"`

	Violations int64       `json:"violations"`      // all
	First      *Violation  `json:"first"`           // the first that was found, if any
	Kinds      []Violated  `json:"kinds"`           // how many of which kind, in the order in which they were met
	Examples   []Violation `json:"examples"`        // the first few of each kind
	Judged     []string    `json:"judged"`          // what was looked at, for people
	NotJudged  []string    `json:"not_judged"`      // what could not be, and why
	Replayed   *Replayed   `json:"replayed"`        // the logs; null if they were not replayed
	Database   *Replayed   `json:"database_replay"` // the same from the tables; null without access to the database
}

// A Violation is one thing that is not as the API promises.
type Violation struct {
	Kind string `json:"kind"` // "answer", "seq", "order", "spread", "key", "number", "refusal", "log", "count" or "database"
	Pool string `json:"pool"`
	Text string `json:"text"`
}

// String is the violation on one line.
func (v Violation) String() string {
	if v.Pool == "" {
		return v.Kind + ": " + v.Text
	}
	return v.Kind + ": pool " + v.Pool + ": " + v.Text
}

// Violated counts the violations of one kind.
type Violated struct {
	Kind  string `json:"kind"`
	Count int64  `json:"count"`
}

// Replayed is how much of the logs was gone through.
type Replayed struct {
	Pools       int   `json:"pools"`
	Assignments int64 `json:"assignments"`
	Events      int64 `json:"events"`
}
