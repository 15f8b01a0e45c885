package mutant

// outcomes is mutants that tell callers something else than what has become of
// their calls.
var outcomes = []Mutant{
	{
		Name:     "answered-before-commit",
		Says:     "Callers get their answers when the write is sent, not when it is committed. What is cut off in between was answered and is not there.",
		Promises: []int{2},
		Edits: []Edit{
			{"store/unit.go", "\tdefer session.Close()\n", "\twriting := false\n\tdefer func() {\n\t\tif !writing {\n\t\t\tsession.Close()\n\t\t}\n\t}()\n"},
			{"store/unit.go", "\terr = u.finish(ctx, changes)\n", `	if len(changes.Assignments) > 0 {
		writing = true
		trace := u.trace
		go func() {
			defer session.Close()
			_ = u.finish(ctx, changes)
		}()
		return trace, nil
	}
	err = u.finish(ctx, changes)
`},
		},
	},
	{
		Name:     "failed-write-is-success",
		Says:     "An error of the write is not looked at. What was not committed is answered.",
		Promises: []int{2},
		Edits:    []Edit{{"store/unit.go", "\t\treturn unsure(err)\n", "\t\treturn nil\n"}},
	},
	{
		Name: "failed-write-is-no-write",
		Says: "An error of the write is taken to mean that nothing was written, and callers are told so at once. " +
			"Shows as assignments of keys that were only ever answered with 503 unavailable, or that are replays the first time they are answered.",
		Promises: []int{7},
		Edits: []Edit{
			{"store/failures.go", "\t\treturn fmt.Errorf(\"%w: %w: %w\", assign.ErrOutcomeUnknown, assign.ErrRefused, err)\n",
				"\t\treturn fmt.Errorf(\"%w: %w\", assign.ErrUnavailable, err)\n"},
			{"store/failures.go", "\treturn fmt.Errorf(\"%w: %w\", assign.ErrOutcomeUnknown, err)\n",
				"\treturn fmt.Errorf(\"%w: %w\", assign.ErrUnavailable, err)\n"},
			{"assign/service.go", "errors.Is(err, ErrBusy) || failures == maxFailures", "errors.Is(err, ErrBusy) || failures == 1"},
		},
	},
	{
		Name: "unknown-is-busy",
		Says: "An unknown outcome is told as 503 pool_busy, which says that nothing was changed. " +
			"Shows as assignments of keys that were only ever answered so, or that are replays the first time they are answered.",
		Promises: []int{7},
		Edits: []Edit{{"api/problem.go", `ProblemCodeOutcomeUnknown,
		"The outcome is unknown", "The call may or may not have happened. Repeat it to find out; an assignment or a reassignment with the key given here.", time.Second},`,
			`ProblemCodePoolBusy,
		"The pool is busy", "Nothing was changed. Try again later.", time.Second},`}},
	},
	{
		Name: "keys-are-not-looked-up",
		Says: "Nobody looks whether a key was used before. The unique key refuses the second assignment, so " +
			"no key is answered twice, and one whose commit was in doubt not even once: 503 for ever.",
		Promises: []int{1, 7},
		Edits:    []Edit{keysAreNotLookedUp},
	},
	{
		Name:     "keys-are-worth-nothing",
		Says:     "Nobody looks whether a key was used before, and no unique key refuses it: every try is an assignment.",
		Promises: []int{1, 7},
		Edits:    []Edit{keysAreNotLookedUp, noKeyOfIdemKeys, noKeyOfIDs, keysMayBeMissing},
	},
	{
		Name:     "reassigned-again",
		Says:     "Nobody looks whether a reassignment with that key was made before: who repeats it, not knowing what became of it, reassigns once more.",
		Promises: []int{1},
		Edits:    []Edit{{"assign/reassigning.go", "; ok {\n\t\tif c.answer = ", "; false && ok {\n\t\tif c.answer = "}},
	},
	{
		Name:     "voided-again",
		Says:     "A void assignment that is voided again is one more event, at another time.",
		Promises: []int{2, 3},
		Edits:    []Edit{{"assign/voiding.go", "\tcase h.Assignment.State == AssignmentVoid:\n", "\tcase false:\n"}},
	},
	{
		Name:     "reused-key-is-replay",
		Says:     "A key that comes with another body gets the answer to the first, instead of 422 key_reused.",
		Promises: []int{1},
		Edits:    []Edit{{"assign/assigning.go", "\tif earlier.Fingerprint != c.fingerprint {\n", "\tif false {\n"}},
	},
}

var keysAreNotLookedUp = Edit{"store/read.go", "asking(r, p, r.need.Keys, ", "asking(r, p, r.need.Keys[:0], "}
