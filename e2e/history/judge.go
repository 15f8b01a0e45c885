package history

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A Violation is one thing that users were promised and did not get.
type Violation struct {
	Promise int    // its number in the list of what users may rely on
	Pool    string // empty if it is not about one pool
	Text    string
}

// String is the violation on one line.
func (v Violation) String() string {
	if v.Pool == "" {
		return fmt.Sprintf("promise %d: %s", v.Promise, v.Text)
	}
	return fmt.Sprintf("promise %d: %s: %s", v.Promise, v.Pool, v.Text)
}

// Options say what a run did to its clients' patience.
type Options struct {
	// Slack is how much later than the deadline an answer may come: what the
	// network and a busy machine take.
	Slack time.Duration

	// Grace is how much later still a call's answer may come: for as long as
	// its instance was stopped meanwhile, say. Nil: no later.
	Grace func(Call) time.Duration
}

// Judge holds what callers were told against the tables and both against the
// promises. Nil means that it found nothing. calls must be all calls of the
// run to these pools; those that made and filled the pools beforehand may be
// missing. Planners must have joined level, not at zero.
//
// Of violations of one kind the first twenty are told, and then how many more
// there are.
func Judge(calls []Call, pools []Pool, o Options) []Violation {
	v := newVerdict()
	scenes := scenesOf(calls, pools)
	for _, s := range scenes {
		judgeKeys(s, v)
		judgeKept(s, v)
		judgeLog(s, v)
		judgeRule(s, v)
		judgeOrder(s, v)
		judgeSpread(s, v)
		judgeNumbers(s, v)
		judgeDoubt(s, v)
		judgeOnce(s, v)
	}
	judgeOwners(scenes, v)
	judgeAnswered(calls, scenes, v)
	judgePatience(calls, o, v)
	return v.result()
}

// enough is how many violations of one kind are told.
const enough = 20

// A verdict collects violations. Those that share promise and wording are of
// one kind.
type verdict struct {
	found  []Violation
	counts map[kindOfViolation]int
	kinds  []kindOfViolation // in the order in which they were met
}

type kindOfViolation struct {
	promise int
	wording string
}

func newVerdict() *verdict { return &verdict{counts: map[kindOfViolation]int{}} }

func (v *verdict) add(promise int, pool, format string, args ...any) {
	k := kindOfViolation{promise, format}
	v.counts[k]++
	if v.counts[k] == 1 {
		v.kinds = append(v.kinds, k)
	}
	if v.counts[k] <= enough {
		v.found = append(v.found, Violation{promise, pool, fmt.Sprintf(format, args...)})
	}
}

func (v *verdict) result() []Violation {
	for _, k := range v.kinds {
		if n := v.counts[k]; n > enough {
			v.found = append(v.found, Violation{k.promise, "", fmt.Sprintf("%d of this kind, of which %d are told: %s", n, enough, k.wording)})
		}
	}
	slices.SortStableFunc(v.found, func(a, b Violation) int { return cmp.Compare(a.Promise, b.Promise) })
	return v.found
}
