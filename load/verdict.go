package load

import (
	"fmt"
	"slices"
	"sync"
)

// What violations are of.
const (
	ofAnswer   = "answer"   // an answer is not what the call asked for, or not as specified
	ofSeq      = "seq"      // a position was given twice, or cannot be
	ofOrder    = "order"    // a later call got an earlier position
	ofSpread   = "spread"   // not the planner whose turn it was
	ofKey      = "key"      // a repeated key did not get the first answer
	ofNumber   = "number"   // a number in two live assignments, or not the one that was due
	ofRefusal  = "refusal"  // a refusal that is not as specified
	ofLog      = "log"      // the log is not what callers were told, or has a gap
	ofCount    = "count"    // counters are not what the log says
	ofDatabase = "database" // found in the tables
)

// examples is how many violations of a kind are told.
const examples = 5

// findings collects violations, from any goroutine: there should be none.
type findings struct {
	mu    sync.Mutex
	all   int64
	told  []Violation
	kinds []Violated
}

func (f *findings) add(kind, pool, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all++
	i := slices.IndexFunc(f.kinds, func(k Violated) bool { return k.Kind == kind })
	if i < 0 {
		i = len(f.kinds)
		f.kinds = append(f.kinds, Violated{Kind: kind})
	}
	if f.kinds[i].Count++; f.kinds[i].Count <= examples {
		f.told = append(f.told, Violation{kind, pool, fmt.Sprintf(format, args...)})
	}
}

func (f *findings) count() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all
}

// verdict is what was found so far.
func (f *findings) verdict() Verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := Verdict{
		Violations: f.all, Kinds: append([]Violated{}, f.kinds...), Examples: append([]Violation{}, f.told...),
		Judged: []string{}, NotJudged: []string{},
	}
	if len(f.told) > 0 {
		v.First = &v.Examples[0]
	}
	return v
}
