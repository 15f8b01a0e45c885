package mutant

// exclusion is mutants that let two units of a pool decide at the same time,
// that would not notice if they did, or that keep a pool from everybody else.
var exclusion = []Mutant{
	{
		Name:     "no-lock-no-fence",
		Says:     "Nothing keeps two units apart: no named lock, no lock on the pool's row, no comparison, no unique keys.",
		Promises: []int{3, 4, 5, 6},
		Edits:    with(noNets, Edit{"store/store.go", "lockOff: o.LockOff", "lockOff: true"}),
	},
	{
		Name:     "snapshot-before-lock",
		Says:     "A unit reads a snapshot from before it had the lock, and locks no rows. No fence, no comparison, no unique keys.",
		Promises: []int{3, 4, 5, 6},
		Lock:     "named",
		Edits: with(noNets,
			Edit{"store/unit.go",
				"\tahead := u.claim.AskLate && !u.lockOff\n",
				"\tp.add(`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`)\n\tp.add(`START TRANSACTION WITH CONSISTENT SNAPSHOT`)\n\tahead := false\n"},
			Edit{"store/read.go", "\tp.add(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED`)\n\tp.add(`START TRANSACTION`)\n", ""},
			picksAreNotLocked,
			Edit{"store/read.go", "p.planner IN (%s) FOR UPDATE`", "p.planner IN (%s)`"},
			Edit{"store/read.go", "n.number = first.number FOR UPDATE`", "n.number = first.number`"},
		),
	},
	{
		Name: "dirty-session-kept",
		Says: "A session that did not end cleanly goes back to the others, with its lock and what it had written so far; " +
			"the next START TRANSACTION on it commits that. The isolation level is set for the session, as the server would " +
			"refuse to set it for the next transaction inside an open one, and give the fault away; and each write pauses for five milliseconds " +
			"half way, for KILL QUERY to find it there. Shows as positions that are missing, and as pools that nobody can have although nobody works on them.",
		Promises: []int{3, 10},
		Edits: []Edit{
			{"lock/session.go", "\tif !s.clean {\n", "\tif false {\n"},
			{"store/read.go", "`SET TRANSACTION ISOLATION LEVEL READ COMMITTED`", "`SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`"},
			{"store/write.go", "\twritePool(p, c)\n",
				"\twritePool(p, c)\n\tp.add(`SELECT COUNT(*) INTO @paused FROM pools WHERE pool = ? AND SLEEP(0.005) = 0`, string(c.Pool.ID))\n"},
		},
	},
	{
		Name:     "released-before-commit",
		Says:     "The lock is released ahead of the writes, two milliseconds before them. No fence, no comparison, no unique keys.",
		Promises: []int{3, 4, 5, 6},
		Lock:     "named",
		Edits: with(noNets,
			Edit{"store/unit.go", "\t\twriteChanges(&p, changes)\n",
				"\t\tif !u.lockOff {\n\t\t\tp.add(`DO RELEASE_LOCK(?)`, string(u.name()))\n\t\t\tp.add(`DO SLEEP(0.002)`)\n\t\t}\n\t\twriteChanges(&p, changes)\n"},
			// The release at the end finds nothing to release, and says 1 all the same.
			Edit{"store/unit.go", "p.add(lock.ReleaseSQL, ", "p.add(`SELECT 1 | COALESCE(RELEASE_LOCK(?), 0)`, "},
		),
	},
	{
		Name: "any-lock-answer-is-yes",
		Says: "Whatever GET_LOCK says is taken for 1. No fence, no comparison, no unique keys. Shows when a holder is stopped for longer " +
			"than others wait for it, a second, or when a waiter's statement is killed.",
		Promises: []int{3, 4, 5, 6},
		Lock:     "named",
		Edits: with(noNets,
			Edit{"store/unit.go", "\treturn lock.Granted(v)\n", "\t_ = v\n\treturn nil\n"},
			Edit{"store/unit.go", "\terr := u.session.Get(ctx, u.name(), u.claim.Wait)\n",
				"\terr := u.session.Get(ctx, u.name(), u.claim.Wait)\n\tif errors.Is(err, lock.ErrTimeout) || errors.Is(err, lock.ErrKilled) {\n\t\terr = nil\n\t}\n"},
		),
	},
	{
		Name: "lock-taken-twice",
		Says: "The lock is taken a second time inside the transaction and released once: the session keeps it when it goes back to the " +
			"others. Shows as instances that cannot have a pool which another one has worked on, and as calls to them that never get an answer.",
		Promises: []int{7, 10},
		Lock:     "named",
		Edits: []Edit{{"store/unit.go", "\t\twriteChanges(&p, changes)\n",
			"\t\twriteChanges(&p, changes)\n\t\tif !u.lockOff {\n\t\t\tp.add(`DO GET_LOCK(?, 1)`, string(u.name()))\n\t\t}\n"}},
	},
	{
		Name: "picks-read-before-fence",
		Says: "Planners are read, without locking them, ahead of the fence instead of behind it: as they were before the unit " +
			"that it waits for. The named lock hides this, since it comes first.",
		Promises: []int{3, 5},
		Lock:     "off",
		Edits: []Edit{
			picksAreNotLocked,
			// The bounds come from the fence, and without them the answer is the same.
			{"store/read.go", ` AND (planner_load > @pick_load
				OR planner_load = @pick_load AND last_seq > @pick_seq
				OR planner_load = @pick_load AND last_seq = @pick_seq AND planner >= @pick_planner)`, ``},
			{"store/read.go", "\tp.add(fence, string(r.pool))\n", "\tif n := r.need.Picks; n > 0 {\n" + askPicks + "\t}\n\tp.add(fence, string(r.pool))\n"},
			{"store/read.go", "selectPool, string(r.pool))\n\tif n := r.need.Picks; n > 0 {\n" + askPicks + "\t}\n", "selectPool, string(r.pool))\n"},
		},
	},
	{
		Name: "no-unique-keys",
		Says: "The tables refuse nothing that is there already. The fence alone keeps the promises, so nothing goes wrong " +
			"until somebody tries to write a double by hand.",
		Promises: []int{8},
		Edits:    noKeys,
	},
}

var picksAreNotLocked = Edit{"store/read.go", "p.planner = first.planner FOR UPDATE`", "p.planner = first.planner`"}

const askPicks = "\t\tr.then(p, r.takePicks, selectPicks, string(r.pool), n, string(r.pool))\n"
