package compare

// judge compares what callers were told with what is on record, and both with
// the rule: each turn once, and always to a planner who has the least.
func judge(planners []string, told []given, l ledger) Verdict {
	v := Verdict{Assignments: int64(len(l.records)), Findings: l.findings}
	repeated := repeatedTurns(l.records)
	outOfTurn := make([]bool, len(l.records))
	if l.ordered {
		outOfTurn = notLeast(planners, l.records)
		n := count(outOfTurn)
		v.OutOfTurn = &n
	}
	contradicted, missing := contradictions(told, l.records)
	for i := range l.records {
		if repeated[i] || outOfTurn[i] || contradicted[i] {
			v.Wrong++
		}
	}
	v.Wrong += missing
	v.Repeated = count(repeated)
	v.Contradicted = count(contradicted) + missing

	rows := rowsOf(planners, l.records)
	v.Least = int64(len(l.records))
	for _, n := range rows {
		v.Least, v.Most = min(v.Least, n), max(v.Most, n)
	}
	v.Spread = v.Most - v.Least
	v.LostCounts = differences(l.counts, rows)
	return v
}

func count(marks []bool) (n int64) {
	for _, m := range marks {
		if m {
			n++
		}
	}
	return n
}

// repeatedTurns marks the records of a turn that an earlier one has: the same
// of the same planner, or the same position in the log, or for the same
// request.
func repeatedTurns(records []record) []bool {
	type turn struct {
		planner string
		turn    int64
	}
	turns := make(map[turn]bool, len(records))
	seqs := make(map[int64]bool, len(records))
	keys := make(map[string]bool, len(records))
	marks := make([]bool, len(records))
	for i, r := range records {
		t := turn{r.planner, r.turn}
		marks[i] = seqs[r.seq] || keys[r.key] || r.turn > 0 && turns[t]
		seqs[r.seq], keys[r.key], turns[t] = true, true, true
	}
	return marks
}

// notLeast marks the records of planners who did not have the least when their
// turn came.
func notLeast(planners []string, records []record) []bool {
	has := make(map[string]int64, len(planners))
	with := map[int64]int{0: len(planners)} // how many planners have so many
	least := int64(0)
	marks := make([]bool, len(records))
	for i, r := range records {
		n := has[r.planner]
		marks[i] = n > least
		has[r.planner]++
		with[n]--
		with[n+1]++
		for with[least] == 0 {
			least++
		}
	}
	return marks
}

// contradictions marks the records that say something else than the caller was
// told, and counts the answers that are not on record. A record that nobody was
// told of is none: its caller may have got an error.
func contradictions(told []given, records []record) (marks []bool, missing int64) {
	place := make(map[string]int, len(records))
	for i, r := range records {
		if _, again := place[r.key]; !again { // another is a fault of its own
			place[r.key] = i
		}
	}
	marks = make([]bool, len(records))
	for _, g := range told {
		switch i, ok := place[keyText(g.key)]; {
		case !ok:
			missing++
		case records[i].answer != g.answer:
			marks[i] = true
		}
	}
	return marks, missing
}

// differences is by how much two counts differ, over all planners.
func differences(counts, rows map[string]int64) (n int64) {
	for planner, c := range counts {
		n += max(c-rows[planner], rows[planner]-c)
	}
	for planner, c := range rows {
		if _, ok := counts[planner]; !ok {
			n += c
		}
	}
	return n
}
