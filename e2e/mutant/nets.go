package mutant

import "slices"

// What contains a fault in the program, and is taken away from mutants whose
// own fault could not do any harm behind it.

// noFence leaves the pool's row unlocked while a unit decides.
var noFence = Edit{"store/read.go", "FROM pools WHERE pool = ? FOR UPDATE`", "FROM pools WHERE pool = ?`"}

// noComparison writes the pool's seq whatever it has become meanwhile.
var noComparison = Edit{"store/write.go", "seq = IF(seq = ?, ?, NULL)", "seq = 0 * ? + ?"}

// The keys that refuse what is there already. Statements name the indexes that
// they want, so these stay, and stop being unique.
var (
	noKeyOfPositions = Edit{"migrations/00001_pools.sql",
		"    PRIMARY KEY (pool, seq),\n    UNIQUE KEY by_id", "    PRIMARY KEY (pool, seq, id),\n    UNIQUE KEY by_id"}
	noKeyOfEvents = Edit{"migrations/00001_pools.sql",
		"    PRIMARY KEY (pool, seq)\n", "    PRIMARY KEY (pool, seq, id)\n"}
	noKeyOfIDs         = Edit{"migrations/00001_pools.sql", "UNIQUE KEY by_id", "KEY by_id"}
	noKeyOfIdemKeys    = Edit{"migrations/00001_pools.sql", "UNIQUE KEY once_per_key", "KEY once_per_key"}
	noKeyOfLiveNumbers = Edit{"migrations/00001_pools.sql", "UNIQUE KEY once_per_number", "KEY once_per_number"}
)

// keysMayBeMissing keeps verify from saying so, and not from looking for what
// has got past them.
var keysMayBeMissing = Edit{"store/verify.go",
	"\t\tv.find(\"\", 0, assign.FoundNoUniqueKey, \"table %s has no unique key on (%s)\", g.table, strings.ReplaceAll(g.columns, \" \", \", \"))\n", ""}

// disputesAreNotAsked hands out a free number without looking for the live
// assignment that has it.
var disputesAreNotAsked = Edit{"store/read.go", "COALESCE((SELECT a.id FROM assignments a WHERE a.live_number = n.number), '')", "''"}

// noKeys drops every key that an honest writer does not need.
var noKeys = []Edit{noKeyOfPositions, noKeyOfEvents, noKeyOfIDs, noKeyOfIdemKeys, noKeyOfLiveNumbers}

// noNets takes away everything that would still contain what two units do that
// decided at the same time.
var noNets = slices.Concat([]Edit{noFence, noComparison, keysMayBeMissing, disputesAreNotAsked}, noKeys)

// with is some edits and more.
func with(edits []Edit, more ...Edit) []Edit { return slices.Concat(edits, more) }
