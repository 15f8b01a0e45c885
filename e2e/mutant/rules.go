package mutant

// rules is mutants that give work to the wrong ones.
var rules = []Mutant{
	{
		Name: "tie-broken-by-id",
		Says: "Among planners with the same load the first id is picked, whoever had the last turn. " +
			"With the same planners from the start this is what the rule picks too: it shows when some have been off for a while.",
		Promises: []int{3},
		Edits: []Edit{
			{"assign/heaps.go", "func (h seats) Less(i, j int) bool { return h[i].Rank().Compare(h[j].Rank()) < 0 }",
				"func (h seats) Less(i, j int) bool {\n\ta, b := h[i].Rank(), h[j].Rank()\n\treturn a.Load < b.Load || a.Load == b.Load && a.Planner < b.Planner\n}"},
			{"store/read.go", "ORDER BY planner_load, last_seq, planner LIMIT ?", "ORDER BY planner_load, planner LIMIT ?"},
			// The rank of the one who is picked no longer comes before everybody else's.
			{"assign/assigning.go", "d.Pool.PickFrom = s.Rank()", "d.Pool.PickFrom = Rank{Load: s.Load()}"},
		},
	},
	{
		Name:     "counted-twice",
		Says:     "One assignment in fifty is counted twice for its planner, who then misses a turn.",
		Promises: []int{3, 5},
		Edits: []Edit{{"assign/assigning.go", "\ts.Assigned++\n\ts.Open++\n",
			"\ts.Assigned++\n\tif seq%50 == 0 {\n\t\ts.Assigned++\n\t}\n\ts.Open++\n"}},
	},
	{
		Name: "comeback-not-levelled",
		Says: "A planner who comes back has the load of when they left, and gets every turn until the others are caught up with. " +
			"The log is what \"start\": \"zero\" would have made, so verify finds nothing: it shows to those who know that nobody asked for that, " +
			"as loads that differ by more than 1 behind a planner's coming back.",
		Promises: []int{3, 5},
		Edits:    []Edit{{"assign/staffing.go", "\t\tnext.Base += d.behind(next)\n", "\t\t_ = d.behind(next)\n"}},
	},
	{
		Name:     "void-keeps-turn",
		Says:     "The turn of a void assignment is said to be given back, and counts all the same.",
		Promises: []int{3, 5},
		Edits:    []Edit{{"assign/ending.go", "\ts.Assigned--\n", ""}},
	},
	{
		Name: "void-keeps-last-turn",
		Says: "A planner whose turn is given back has the smaller load, and is taken for the last who had work all the same. " +
			"Shows among planners with the same load.",
		Promises: []int{3},
		Edits:    []Edit{{"assign/ending.go", "\ts.LastSeq, s.LastAt = last.Seq, last.At\n", ""}},
	},
	{
		Name:     "reassigned-to-current",
		Says:     "A reassignment goes to whose turn it is, be it the planner who has the assignment.",
		Promises: []int{3},
		Edits:    []Edit{{"assign/reassigning.go", "\tto := d.firstBut(from)\n", "\tto := d.first()\n"}},
	},
	{
		Name:     "released-whosever",
		Says:     "A release of a planner's assignments ends anybody's.",
		Promises: []int{3},
		Edits:    []Edit{{"store/read.go", "\t\tquery += ` AND p.planner = ?`\n", "\t\tquery += ` AND p.planner <> CONCAT(?, '?')`\n"}},
	},
}
