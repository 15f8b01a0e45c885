package mutant

// rules is mutants that give work or numbers to the wrong ones.
var rules = []Mutant{
	{
		Name: "number-not-asked-whether-free",
		Says: "A number is handed out without asking whether it is free; nobody looks for the live assignment that has it, and no unique key " +
			"refuses the second one.",
		Promises: []int{6},
		Edits: []Edit{
			{"store/read.go", "WHERE pool = ? AND state = 'free' AND free_at <=", "WHERE pool = ? AND free_at <="},
			disputesAreNotAsked, noKeyOfLiveNumbers, keysMayBeMissing,
		},
	},
	{
		Name:     "cool-down-ignored",
		Says:     "A number is handed out again while it rests. Shows in pools with a cool-down and fewer numbers than are asked for.",
		Promises: []int{6},
		Edits: []Edit{
			{"store/read.go", "state = 'free' AND free_at <= GREATEST(NOW(6), CAST(@last_at AS DATETIME(6)))\n", "state = 'free'\n"},
			{"assign/draft.go", "len(d.free) == 0 || d.free[0].FreeAt.After(d.now)", "len(d.free) == 0"},
		},
	},
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
}
