package mutant

// numbers is mutants that hand out numbers that are not to be had, or lose
// those that are.
var numbers = []Mutant{
	{
		Name: "number-not-asked-whether-free",
		Says: "A number is handed out without asking whether it is free; nobody looks for the live assignment that has it, and no unique key " +
			"refuses the second one.",
		Promises: []int{6},
		Edits: []Edit{
			{"store/read.go", "WHERE pool = ? AND state = 'free' AND (free_at > @free_at", "WHERE pool = ? AND (free_at > @free_at"},
			{"assign/draft.go", "\t\t\td.free = append(d.free, n.NumberRecord)\n", "\t\t\tn.State = NumberFree\n\t\t\td.free = append(d.free, n.NumberRecord)\n"},
			disputesAreNotAsked, noKeyOfLiveNumbers, keysMayBeMissing,
		},
	},
	{
		Name:     "cool-down-ignored",
		Says:     "A number is handed out again while it rests. Shows in pools with a cool-down and fewer numbers than are asked for.",
		Promises: []int{6},
		Edits:    []Edit{{"assign/numbers.go", "\tif !ok || n.FreeAt.After(d.now) {\n", "\tif !ok {\n"}},
	},
	{
		Name:     "own-number-of-another-planner",
		Says:     "A customer who comes back gets the number again that they had with whichever planner, although it rests: calls of that one reach somebody else.",
		Promises: []int{6},
		Edits: []Edit{
			{"assign/numbers.go", "import (\n\t\"cmp\"\n", "import (\n\t\"cmp\"\n\t\"maps\"\n"},
			{"assign/numbers.go", "range d.earlier[p] {\n", "range slices.Concat(slices.Collect(maps.Values(d.earlier))...) {\n"},
			{"assign/numbers.go", "n.State == NumberFree && n.Earlier == p &&", "n.State == NumberFree && n.Earlier.Customer == p.Customer &&"},
		},
	},
	{
		Name:     "draining-only-noted",
		Says:     "A free number that is drained or suspended is said to be so in the log, and handed out all the same.",
		Promises: []int{6},
		Edits:    []Edit{{"assign/caring.go", "\tn.State = next\n", "\tif n.Assignment != \"\" {\n\t\tn.State = next\n\t}\n"}},
	},
	{
		Name:     "draining-ends-with-assignment",
		Says:     "A number that drains comes back into use when its assignment ends.",
		Promises: []int{6},
		Edits:    []Edit{{"assign/numbers.go", "\tif n.State == NumberActive {\n\t\tn.State = NumberFree\n", "\tif n.State == NumberActive || n.State == NumberDraining {\n\t\tn.State = NumberFree\n"}},
	},
	{
		Name: "ends-not-looked-for",
		Says: "Nobody looks for assignments that have ended by themselves, and their numbers never come back. " +
			"Shows as assignments without a number, or with a later one, while one that has ended by itself has rested.",
		Promises: []int{3},
		Edits:    []Edit{{"assign/assigning.go", "\tif n.expiring {\n", "\tif false {\n"}},
	},
	{
		Name:     "ended-by-itself-and-released",
		Says:     "The release of an assignment that has ended by itself takes it for live: its number rests from the release on.",
		Promises: []int{3},
		Edits: []Edit{{"assign/releasing.go", "\td.expire([]Held{h}, c.eventID)\n\tif h, _ = d.held(c.ID); h.Assignment.State == AssignmentActive {\n",
			"\tif h, _ = d.held(c.ID); h.Assignment.State == AssignmentActive {\n"}},
	},
	{
		Name:     "use-does-not-count",
		Says:     "A call on a number does not let its time begin anew where it is to.",
		Promises: []int{3},
		Edits:    []Edit{{"assign/touching.go", "\tif d.Pool.Settings.TTLFromUse {\n", "\tif false {\n"}},
	},
	{
		Name:     "route-to-former-planner",
		Says:     "A number leads to the planner who was picked at first, whoever has the assignment now.",
		Promises: []int{6},
		Edits:    []Edit{{"store/views.go", "` + holder + joinPlannerPhone", "planners p ON p.pool = a.pool AND p.planner = a.planner` + joinPlannerPhone"}},
	},
}
