package mutant

// limits is mutants that make callers wait for longer than they have to.
var limits = []Mutant{
	{
		Name: "deadline-ignored",
		Says: "A call waits for its unit for as long as it takes, whatever its caller and the longest wait say. " +
			"Shows when a pool cannot be had, or the database does not answer, for longer than some Request-Timeout.",
		Promises: []int{9},
		Edits: []Edit{
			{"assign/combiner.go", "\te := &entry{call: call, deadline: deadlineOf(ctx, now, MaxWait), done: make(chan struct{})}\n",
				"\tctx = context.WithoutCancel(ctx)\n\te := &entry{call: call, deadline: deadlineOf(ctx, now, 24*time.Hour), done: make(chan struct{})}\n"},
			{"assign/combiner.go", "\tif busy && !wasStuck && c.config.LockWait > firstWait {\n", "\tif busy {\n"},
		},
	},
}

// Slow is mutants that are not in [All], because no load and no storm of faults
// gives them away: they are for the tests in e2e/faults that measure how long a
// pool is kept from others by a session that was cut off, and wait for it.
var Slow = []Mutant{
	{
		Name: "silence-unlimited",
		Says: "Sessions that are cut off without a word keep their lock and their rows for as long as the server likes, by default eight hours. " +
			"Shows when the network between an instance that holds a pool and the database is silent for longer than promised.",
		Promises: []int{10},
		Edits:    []Edit{{"store/dsn.go", "\t\"wait_timeout\":             fmt.Sprint(waitTimeout),\n", ""}},
	},
	{
		Name: "row-wait-unlimited",
		Says: "Sessions wait for somebody else's row for as long as the server likes, by default 50 seconds. " +
			"Shows when an instance dies while it waits for one: the server does not notice before.",
		Promises: []int{10},
		Edits:    []Edit{{"store/dsn.go", "\t\"innodb_lock_wait_timeout\": fmt.Sprint(rowLockTimeout),\n", ""}},
	},
}
