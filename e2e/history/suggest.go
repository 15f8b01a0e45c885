package history

import (
	"cmp"
	"slices"
	"time"
)

// inSuggestedOrder numbers operations in the order that a search should begin
// with: those that changed something by seq, and each that only looked where
// it is first true and not too early.
func inSuggestedOrder(start table, done []placed, looked []operation) []operation {
	slices.SortStableFunc(done, func(a, b placed) int { return cmp.Compare(a.seq, b.seq) })
	slices.SortStableFunc(looked, func(a, b operation) int { return cmp.Compare(a.when.from, b.when.from) })
	tables, until := tablesAlong(start, done), untils(done)
	behind := make([][]operation, len(done)+1) // what looked behind so many
	places := make([]int, len(looked))
	for i, look := range looked {
		n := earliest(looked[:i], places, look)
		for ; n < len(done); n++ {
			if _, ok := look.move(tables[n]); ok && look.when.from <= until[n] {
				break
			}
		}
		places[i] = n
		behind[n] = append(behind[n], look)
	}
	var all []operation
	for n := range behind {
		if n > 0 {
			all = append(all, done[n-1].operation)
		}
		all = append(all, behind[n]...)
	}
	for i := range all {
		all[i].nth = i + 1
	}
	return all
}

// tablesAlong are the tables behind 0, 1, 2 … of the operations.
func tablesAlong(start table, done []placed) []table {
	tables := []table{start}
	for _, o := range done {
		start, _ = o.move(start)
		tables = append(tables, start)
	}
	return tables
}

// untils are the times by when somebody must have begun to look who did so
// behind 0, 1, 2 … of the operations: the first end of any to come.
func untils(done []placed) []time.Duration {
	until := make([]time.Duration, len(done)+1)
	until[len(done)] = forever
	for i := len(done) - 1; i >= 0; i-- {
		until[i] = min(until[i+1], done[i].when.to)
	}
	return until
}

// earliest is behind how many operations look can come at the earliest, for
// others who had looked before it began.
func earliest(before []operation, places []int, look operation) (n int) {
	for i, o := range before {
		if o.when.to < look.when.from {
			n = max(n, places[i])
		}
	}
	return n
}
