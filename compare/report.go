package compare

import (
	"slices"
	"time"
)

// A Report is what a comparison found. Its JSON names are stable.
type Report struct {
	At   time.Time `json:"at"`           // when it began
	Took float64   `json:"took_seconds"` // all of it, preparing and judging included

	Database Database     `json:"database"`
	Redis    *RedisServer `json:"redis"` // null if none was asked for

	Planners       int     `json:"planners"` // of each pool
	Rounds         int     `json:"rounds"`   // stretches of each design, turn about with the others'
	StretchSeconds float64 `json:"stretch_seconds"`

	// Warnings are what a reader has to know before the figures, for people.
	Warnings []string `json:"warnings"`

	Levels []Level `json:"levels"` // as asked for
}

// A Database is the server that the SQL designs were measured on.
type Database struct {
	Engine   string    `json:"engine"` // MySQL, MariaDB or TiDB
	Version  string    `json:"version"`
	Settings []Setting `json:"settings"` // those that decide what a commit costs
	Durable  bool      `json:"durable"`  // a commit that was answered survives a power cut

	// RoundTrip is the median time of SELECT 1.
	RoundTrip float64 `json:"round_trip_ms"`
}

// A RedisServer is the server that the script was measured on.
type RedisServer struct {
	Version  string    `json:"version"`
	Settings []Setting `json:"settings"` // as they were found
}

// A Setting is a variable of a server.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"` // empty if the server has no such variable
}

// A Level is one number of clients, each of which has one request under way at
// any time. Every level has a pool of its own in each design.
type Level struct {
	Clients int      `json:"clients"`
	Results []Result `json:"results"` // in the order of the designs, the same at each level
}

// A Result is what one design did at one level.
type Result struct {
	Design string `json:"design"` // one of [Designs]; of Redis with its mode behind it: "redis-always"
	Title  string `json:"title"`  // for people: "textbook lock", "Redis, appendfsync always"

	Rate  Rate      `json:"rate"`        // assignments a second
	Rates []float64 `json:"round_rates"` // the same, round by round
	Ratio *float64  `json:"vs_textbook"` // rate to the textbook lock's of the same level; null if that was not measured

	// Latencies of all rounds together, of calls that got an answer.
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`

	Connections int    `json:"connections"` // most that were in use at once
	Answers     int64  `json:"answers"`     // assignments that callers were given
	Errors      int64  `json:"errors"`      // calls that ended in an error
	FirstError  string `json:"first_error"` // empty if there was none

	Verdict    Verdict `json:"verdict"`     // on what the design left behind
	PerPlanner []int64 `json:"per_planner"` // assignments of each planner, most first
}

// A Rate sums up the rounds.
type Rate struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// A Verdict is the judge's on a design's answers and records of a level, from
// its first assignment to its last.
type Verdict struct {
	Assignments int64 `json:"assignments"` // that are on record

	// Wrong are the assignments with at least one of these three faults.
	Wrong int64 `json:"wrong"`
	// Repeated are those of a turn that had been handed out already: both were
	// decided from the same state.
	Repeated int64 `json:"repeated_turns"`
	// OutOfTurn are those of a planner who did not have the least at the time.
	// It is null where the records do not tell the order of commits.
	OutOfTurn *int64 `json:"out_of_turn"`
	// Contradicted are answers that the records do not hold, or hold otherwise.
	Contradicted int64 `json:"contradicted_answers"`

	// LostCounts is by how much the counts that the design keeps of its
	// planners differ from what they were given.
	LostCounts int64 `json:"lost_counts"`

	Least  int64 `json:"least"`  // assignments of the planner who was given the least
	Most   int64 `json:"most"`   // and the most
	Spread int64 `json:"spread"` // the difference; by the rule at most 1

	// Findings are what "fairlead verify" says of our own records.
	Findings []string `json:"findings,omitempty"`
}

// Clean reports whether the judge found nothing.
func (v Verdict) Clean() bool {
	return v.Wrong == 0 && v.LostCounts == 0 && v.Spread <= 1 && len(v.Findings) == 0
}

// OursClean reports whether the judge found nothing against Fairlead's own
// design. It is true if that was not measured.
func (r *Report) OursClean() bool {
	for _, l := range r.Levels {
		for _, res := range l.Results {
			if res.Design == Ours && !res.Verdict.Clean() {
				return false
			}
		}
	}
	return true
}

// rateOf sums up rounds, of which there is at least one.
func rateOf(rounds []float64) Rate {
	sorted := slices.Sorted(slices.Values(rounds))
	mid := len(sorted) / 2
	r := Rate{Median: sorted[mid], Least: sorted[0], Most: sorted[len(sorted)-1]}
	if len(sorted)%2 == 0 {
		r.Median = (sorted[mid-1] + sorted[mid]) / 2
	}
	return r
}

// setRatios compares each result with the textbook's of its level.
func (l *Level) setRatios() {
	i := slices.IndexFunc(l.Results, func(r Result) bool { return r.Design == Textbook })
	if i < 0 || l.Results[i].Rate.Median == 0 {
		return
	}
	base := l.Results[i].Rate.Median
	for i := range l.Results {
		ratio := l.Results[i].Rate.Median / base
		l.Results[i].Ratio = &ratio
	}
}
