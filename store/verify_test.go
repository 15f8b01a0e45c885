package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// verify returns what is found in these pools, or in all if there are none
// named.
func verify(t *testing.T, h *storetest.House, pools ...assign.PoolID) []assign.Finding {
	t.Helper()
	var found []assign.Finding
	sum, err := h.Store.Verify(t.Context(), pools, nil, func(f assign.Finding) { found = append(found, f) })
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(found)) != sum.Findings {
		t.Errorf("%d findings reported, and %d counted", len(found), sum.Findings)
	}
	return found
}

func lines(found []assign.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// past gives a pool a small history that is the same for each: planners a, b
// and c, numbers that end in 1 to 6, and
//
//	 1 pool, 2 planners, 3 numbers
//	 4 a 1   5 b 2   6 c 3   7 a 4   8 b 5   9 c without
//	10 release of 4   11 release of 5
//	12 d joins level
//	13 d 6   14 a 1   15 b 2
//	16 release of 13
//	17 a new name for a   18 c without (none wanted)   19 d 6   20 a without
//	21 release of 6
//
// n, of two digits, tells its numbers and keys from those of other pools.
func past(t *testing.T, h *storetest.House, pool assign.PoolID, n string) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	staff := func(id assign.PlannerID, name string) assign.Staffing {
		return assign.Staffing{Pool: pool, Changes: []assign.PlannerChange{{ID: id, Name: &name}}}
	}
	ids := map[int64]string{}
	give := func(wish assign.Wish, planner assign.PlannerID, number string) {
		t.Helper()
		a, err := h.Assign(ctx, assign.Request{Pool: pool, Customer: "somebody", Wish: wish})
		check(err)
		if a.Planner != planner || !strings.HasSuffix(string(a.Number), number) {
			t.Fatalf("the past of %s is another: %+v, want planner %s and number …%s", pool, a, planner, number)
		}
		ids[a.Seq] = a.ID
	}
	end := func(seq int64) {
		t.Helper()
		_, err := h.Release(ctx, assign.Release{ID: ids[seq], Reason: "done"})
		check(err)
	}
	_, err := h.ChangePool(ctx, assign.PoolChange{Pool: pool})
	check(err)
	abc := assign.Staffing{Pool: pool}
	for _, id := range []string{"a", "b", "c"} {
		name := "Planner " + id
		abc.Changes = append(abc.Changes, assign.PlannerChange{ID: assign.PlannerID(id), Name: &name})
	}
	_, err = h.Staff(ctx, abc)
	check(err)
	stock := assign.Stocking{Pool: pool}
	for i := 1; i <= 6; i++ {
		stock.Numbers = append(stock.Numbers, assign.Number(fmt.Sprintf("05%s%d", n, i)))
	}
	_, err = h.Stock(ctx, stock)
	check(err)
	give("", "a", "1")
	give("", "b", "2")
	give("", "c", "3")
	give("", "a", "4")
	give("", "b", "5")
	give(assign.NumberNone, "c", "")
	end(4)
	end(5)
	_, err = h.Staff(ctx, staff("d", "Planner d"))
	check(err)
	give("", "d", "6")
	give("", "a", "1")
	give("", "b", "2")
	end(13)
	_, err = h.Staff(ctx, staff("a", "Planner A"))
	check(err)
	give(assign.NumberNone, "c", "")
	give("", "d", "6")
	give("", "a", "")
	end(6)
}

// copyPast makes another pool with the past of pool "past", whose numbers and
// ids begin with 99 and 01.
func copyPast(t *testing.T, db *sqlx.DB, pool assign.PoolID, n string) {
	t.Helper()
	tx := db.MustBeginTx(t.Context(), nil)
	defer tx.Rollback()
	for _, sql := range []string{
		`INSERT INTO pools (pool, seq, last_at, cooldown_seconds, planners, active, assigned, live, numbers, numbers_active,
			numbers_aside, pick_load, pick_seq, pick_planner, free_at, free_number)
			SELECT :pool, seq, last_at, cooldown_seconds, planners, active, assigned, live, numbers, numbers_active,
			numbers_aside, pick_load, pick_seq, pick_planner, free_at, CONCAT('05', :n, RIGHT(free_number, 1)) FROM pools WHERE pool = 'past'`,
		`INSERT INTO planners SELECT :pool, planner, name, active, base, assigned, live, planner_load, last_seq, last_at
			FROM planners WHERE pool = 'past'`,
		`INSERT INTO assignments (pool, seq, id, planner, planner_name, number, live_number, wish, customer, idem_key, fingerprint,
			assigned_at, released_at)
			SELECT :pool, seq, CONCAT(:n, SUBSTRING(id, 3)), planner, planner_name,
			CONCAT('05', :n, RIGHT(number, 1)), CONCAT('05', :n, RIGHT(live_number, 1)), wish, customer, idem_key, fingerprint,
			assigned_at, released_at FROM assignments WHERE pool = 'past'`,
		`INSERT INTO numbers (number, pool, state, free_at, assignment, released_at)
			SELECT CONCAT('05', :n, RIGHT(number, 1)), :pool, state, free_at, CONCAT(:n, SUBSTRING(assignment, 3)), released_at
			FROM numbers WHERE pool = 'past'`,
		`INSERT INTO events SELECT :pool, seq, id, kind, happened_at, actor,
			REPLACE(REPLACE(data, '"0599', CONCAT('"05', :n)), '"id"::"01', CONCAT('"id"::"', :n)) FROM events WHERE pool = 'past'`,
	} {
		if _, err := tx.NamedExecContext(t.Context(), sql, map[string]any{"pool": string(pool), "n": n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// damages are what a hand may do to the tables, in pool :pool whose numbers
// begin with :digits. Each must be found at the place, and its findings must
// not be many.
var damages = []struct {
	name   string
	sql    string
	seq    int64 // of the finding
	kind   assign.FindingKind
	detail string // part of it
	most   int    // findings
}{
	// The log.
	{"assignment gone", `DELETE FROM assignments WHERE pool = :pool AND seq = 8`, 8, assign.FoundGap, "is missing", 5},
	{"last assignment gone", `DELETE FROM assignments WHERE pool = :pool AND seq = 20`, 20, assign.FoundGap, "is missing", 3},
	{"event gone", `DELETE FROM events WHERE pool = :pool AND seq = 11`, 11, assign.FoundGap, "is missing", 6},
	{"several gone", `DELETE FROM assignments WHERE pool = :pool AND seq IN (13, 14, 15)`, 13, assign.FoundGap, "13 to 15 are missing", 12},
	{"position taken twice", `INSERT INTO events (pool, seq, id, kind, happened_at, actor, data)
		SELECT pool, 8, id, 'assignment_released', happened_at, actor, data FROM events WHERE pool = :pool AND seq = 12`,
		8, assign.FoundDuplicate, "taken twice", 3},
	{"position 0", `UPDATE events SET seq = 0 WHERE pool = :pool AND seq = 17`, 0, assign.FoundPosition, "start at 1", 8},
	{"position far off", `UPDATE assignments SET seq = 1000000000000000 WHERE pool = :pool AND seq = 20`, 22, assign.FoundGap, "22 to 999999999999999 are missing", 5},
	{"time runs backwards", `UPDATE assignments SET assigned_at = assigned_at - INTERVAL 1 HOUR WHERE pool = :pool AND seq = 9`, 9, assign.FoundTime, "", 1},
	{"event's time runs backwards", `UPDATE events SET happened_at = happened_at - INTERVAL 1 HOUR WHERE pool = :pool AND seq = 12`, 12, assign.FoundTime, "", 1},

	// Decisions.
	{"planners swapped", `UPDATE assignments SET planner = IF(planner = 'a', 'b', 'a'), planner_name = IF(planner = 'a', 'Planner a', 'Planner b')
		WHERE pool = :pool AND seq IN (7, 8)`, 7, assign.FoundPick, "it went to planner b (load 1, last turn at 5); the rule picks a (load 1, last turn at 4)", 4},
	{"another planner", `UPDATE assignments SET planner = 'b', planner_name = 'Planner b' WHERE pool = :pool AND seq = 6`, 6, assign.FoundPick, "the rule picks c", 5},
	{"planner unknown", `UPDATE assignments SET planner = 'x' WHERE pool = :pool AND seq = 6`, 6, assign.FoundUnknownPlanner, "planner x", 6},
	{"planner's name", `UPDATE assignments SET planner_name = 'Nobody' WHERE pool = :pool AND seq = 6`, 6, assign.FoundPlannerName, `"Nobody", whose name was "Planner c"`, 1},
	{"planner's later name", `UPDATE assignments SET planner_name = 'Planner A' WHERE pool = :pool AND seq = 4`, 4, assign.FoundPlannerName, `whose name was "Planner a"`, 1},
	{"another number", `UPDATE assignments SET number = CONCAT(:digits, '6'), live_number = CONCAT(:digits, '9') WHERE pool = :pool AND seq = 7`, 7, assign.FoundNumber, "the rule gives", 5},
	{"number unknown", `UPDATE assignments SET number = '0999', live_number = NULL WHERE pool = :pool AND seq = 4`, 4, assign.FoundUnknownNumber, "0999", 3},
	{"number of another pool", `UPDATE assignments SET number = '05991', live_number = NULL WHERE pool = :pool AND seq = 4`, 4, assign.FoundUnknownNumber, "05991", 3},
	{"number taken away", `UPDATE assignments SET number = NULL, live_number = NULL WHERE pool = :pool AND seq = 7`, 7, assign.FoundNumber, "it has no number; the rule gives", 3},
	{"number although none was wanted", `UPDATE assignments SET number = CONCAT(:digits, '6') WHERE pool = :pool AND seq = 9`, 9, assign.FoundNumber, "none was wanted", 4},
	{"number in two live assignments", `UPDATE assignments SET number = CONCAT(:digits, '3') WHERE pool = :pool AND seq = 8`, 8, assign.FoundNumberTwice, "at 6", 4},
	{"number still resting", `UPDATE assignments SET assigned_at = '2020-01-01' WHERE pool = :pool AND seq = 14`, 14, assign.FoundTime, "", 3},
	{"wish", `UPDATE assignments SET wish = 'required' WHERE pool = :pool AND seq = 20`, 20, assign.FoundNumber, "although one was required", 2},
	{"wish that fits", `UPDATE assignments SET wish = 'required' WHERE pool = :pool AND seq = 7`, 7, assign.FoundRequest, "fingerprint", 1},
	{"wish that is none", `UPDATE assignments SET wish = 'maybe' WHERE pool = :pool AND seq = 7`, 7, assign.FoundRequest, `"maybe"`, 1},
	{"customer", `UPDATE assignments SET customer = 'else' WHERE pool = :pool AND seq = 7`, 7, assign.FoundRequest, "fingerprint", 1},
	{"fingerprint", `UPDATE assignments SET fingerprint = '' WHERE pool = :pool AND seq = 7`, 7, assign.FoundRequest, "fingerprint", 1},
	{"key", `UPDATE assignments SET idem_key = '' WHERE pool = :pool AND seq = 7`, 7, assign.FoundRequest, "key must be", 1},

	// Events.
	{"kind", `UPDATE events SET kind = 'party' WHERE pool = :pool AND seq = 12`, 12, assign.FoundEvent, `"party"`, 5},
	{"data cut", `UPDATE events SET data = LEFT(data, 20) WHERE pool = :pool AND seq = 12`, 12, assign.FoundEvent, "planners_changed", 5},
	{"data of nothing", `UPDATE events SET data = '{}' WHERE pool = :pool AND seq = 12`, 12, assign.FoundEvent, "changes nobody", 5},
	{"base", `UPDATE events SET data = REPLACE(data, '"base"::2', '"base"::7') WHERE pool = :pool AND seq = 12`, 12, assign.FoundBase, "from 0 to 7; to be level it must be 2", 4},
	{"old name", `UPDATE events SET data = REPLACE(data, 'Planner a', 'Someone') WHERE pool = :pool AND seq = 17`, 17, assign.FoundEvent, "Someone", 1},
	{"new name", `UPDATE events SET data = REPLACE(data, 'Planner A', 'Someone') WHERE pool = :pool AND seq = 17`, 20, assign.FoundPlannerName, "Someone", 2},
	{"numbers added", `UPDATE events SET data = REPLACE(data, CONCAT(:digits, '2'), CONCAT(:digits, '7')) WHERE pool = :pool AND seq = 3`, 5, assign.FoundUnknownNumber, "2,", 6},
	{"cool-down", `UPDATE events SET data = '{"cooldown_seconds"::60,"was"::null}' WHERE pool = :pool AND seq = 1`, 10, assign.FoundRelease, "cool-down", 3},
	{"creation", `UPDATE events SET data = '{"cooldown_seconds"::0,"was"::{"cooldown_seconds"::5}}' WHERE pool = :pool AND seq = 1`, 1, assign.FoundEvent, "nothing before it creates", 1},
	{"release of another", `UPDATE events SET data = REPLACE(data, '"assignment_seq"::5', '"assignment_seq"::7') WHERE pool = :pool AND seq = 11`, 11, assign.FoundRelease, "which assignment", 6},
	{"release of nothing", `UPDATE events SET data = REPLACE(data, '"assignment_seq"::5', '"assignment_seq"::3') WHERE pool = :pool AND seq = 11`, 11, assign.FoundRelease, "there is none", 6},
	{"release repeated", `UPDATE events SET data = REPLACE(data, '"assignment_seq"::5', '"assignment_seq"::4') WHERE pool = :pool AND seq = 11`, 11, assign.FoundRelease, "over before", 6},
	{"release by id", `UPDATE events SET data = REPLACE(data, '{"id"::"', '{"id"::"X') WHERE pool = :pool AND seq = 11`, 11, assign.FoundRelease, "it releases assignment X", 1},
	{"released number", `UPDATE events SET data = REPLACE(data, CONCAT('"', :digits, '2"'), 'null') WHERE pool = :pool AND seq = 11`, 11, assign.FoundRelease, "does not give back number", 2},
	{"rest", `UPDATE events SET data = REPLACE(data, '"free_at"::"20', '"free_at"::"21') WHERE pool = :pool AND seq = 16`, 16, assign.FoundRelease, "rest until", 4},

	// How assignments stand.
	{"released without event", `UPDATE assignments SET released_at = assigned_at, live_number = NULL WHERE pool = :pool AND seq = 14`, 14, assign.FoundAssignmentState, "no event has released it", 1},
	{"live after its release", `UPDATE assignments SET released_at = NULL WHERE pool = :pool AND seq = 4`, 4, assign.FoundAssignmentState, "the event at 10 has released it", 3},
	{"released at another time", `UPDATE assignments SET released_at = released_at + INTERVAL 1 SECOND WHERE pool = :pool AND seq = 4`, 4, assign.FoundAssignmentState, "the event at 10 says", 1},
	{"number let go", `UPDATE assignments SET live_number = NULL WHERE pool = :pool AND seq = 14`, 14, assign.FoundAssignmentState, "keeps number", 1},
	{"number kept", `UPDATE assignments SET live_number = '0888' WHERE pool = :pool AND seq = 4`, 4, assign.FoundAssignmentState, `keeps number "0888"`, 1},

	// How planners, numbers and the pool stand.
	{"planner's row gone", `DELETE FROM planners WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b has no row", 1},
	{"planner's row from nowhere", `INSERT INTO planners (pool, planner, name, active, base, assigned, live, planner_load, last_seq)
		VALUES (:pool, 'x', '', 0, 0, 0, 0, 0, 0)`, 0, assign.FoundPlannerRow, "planner x has a row", 1},
	{"planner's assigned", `UPDATE planners SET assigned = assigned + 1 WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b: assigned is 4, the log makes it 3", 1},
	{"planner's live", `UPDATE planners SET live = live - 1 WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b: live is 1, the log makes it 2", 1},
	{"planner's base", `UPDATE planners SET base = base + 1 WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b: base is 1, the log makes it 0", 1},
	{"planner's load", `UPDATE planners SET planner_load = planner_load + 1 WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b: load is 4, the log makes it 3", 1},
	{"planner's last turn", `UPDATE planners SET last_seq = last_seq + 1 WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b: last_seq is 16, the log makes it 15", 1},
	{"planner's last time", `UPDATE planners SET last_at = NULL WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b: last_at is no time", 1},
	{"planner's name now", `UPDATE planners SET name = 'B' WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, `planner b: name is "B", the log makes it "Planner b"`, 1},
	{"planner switched off", `UPDATE planners SET active = 0 WHERE pool = :pool AND planner = 'b'`, 0, assign.FoundPlannerRow, "planner b: active is false", 1},
	{"planner never picked", `UPDATE pools SET pick_load = 1000 WHERE pool = :pool`, 0, assign.FoundBound, "planner a", 4},
	{"number never given", `UPDATE pools SET free_at = '2999-01-01' WHERE pool = :pool`, 0, assign.FoundBound, "3 (free since", 1},
	{"number's row gone", `DELETE FROM numbers WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "4 has no row", 1},
	{"number's row from nowhere", `INSERT INTO numbers (number, pool, state, free_at) VALUES (CONCAT(:digits, '8'), :pool, 'free', '2020-01-01')`, 0, assign.FoundNumberRow, "8 has a row", 2},
	{"number's pool", `UPDATE numbers SET pool = 'nowhere' WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "4 has no row in this pool", 1},
	{"number's state", `UPDATE numbers SET state = 'set_aside' WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "state is set_aside, the log makes it active", 1},
	{"number's assignment", `UPDATE numbers SET assignment = NULL WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, `assignment is "", the log makes it "`, 1},
	{"number's rest", `UPDATE numbers SET state = 'free', assignment = NULL WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "state is free", 2},
	{"number's end", `UPDATE numbers SET expires_at = '2999-01-01' WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "expires_at is 2999", 1},
	{"number's call", `UPDATE numbers SET used_at = '2020-01-01' WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "used_at is 2020", 1},
	{"number's past", `UPDATE numbers SET last_customer = 'x', last_planner = 'a' WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "by a", 1},
	{"number's release", `UPDATE numbers SET released_at = '2020-01-01' WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "released_at is 2020", 1},
	{"number out of use", `UPDATE numbers SET state = 'draining' WHERE pool = :pool AND number = CONCAT(:digits, '4')`, 0, assign.FoundNumberRow, "state is draining, the log makes it active", 1},
	{"turn from nowhere", `INSERT INTO reassignments (pool, seq, assignment, planner, turn, at, idem_key, fingerprint) VALUES (:pool, 12, 4, 'b', 1, '2020-01-01', 'k', '')`, 12, assign.FoundTurnRow, "no event", 1},
	{"phone from nowhere", `INSERT INTO phones (pool, kind, owner, key_id, box, mark) VALUES (:pool, 'planner', 'b', 'k', 'box', 'mark')`, 0, assign.FoundPlannerRow, "phone is true, the log makes it false", 1},
	{"voided without event", `UPDATE assignments SET voided_at = assigned_at, turn = 0 WHERE pool = :pool AND seq = 4`, 4, assign.FoundAssignmentState, "the events say at no time", 2},
	{"passed on without event", `UPDATE assignments SET now_planner = 'c', now_name = '' WHERE pool = :pool AND seq = 14`, 14, assign.FoundAssignmentState, "its row says that c has it", 1},
	{"turn taken without event", `UPDATE assignments SET turn = 0 WHERE pool = :pool AND seq = 14`, 14, assign.FoundAssignmentState, "turn given back: true", 1},
	{"pool's settings", `UPDATE pools SET sticky = 1 WHERE pool = :pool`, 0, assign.FoundPoolRow, "sticky prefer", 1},
	{"pool's draining", `UPDATE pools SET numbers_draining = 1, numbers_expiring = 1 WHERE pool = :pool`, 0, assign.FoundPoolRow, "numbers_draining is 1, the log makes it 0; numbers_expiring is 1", 1},
	{"pool's seq ahead", `UPDATE pools SET seq = 23 WHERE pool = :pool`, 22, assign.FoundGap, "22 to 23", 1},
	{"pool's seq behind", `UPDATE pools SET seq = 18 WHERE pool = :pool`, 0, assign.FoundPoolRow, "seq is 18, the log makes it 21", 1},
	{"pool's time", `UPDATE pools SET last_at = last_at + INTERVAL 1 HOUR WHERE pool = :pool`, 0, assign.FoundPoolRow, "last_at", 1},
	{"pool's cool-down", `UPDATE pools SET cooldown_seconds = 60 WHERE pool = :pool`, 0, assign.FoundPoolRow, "cool-down 60 s", 1},
	{"pool's counts", `UPDATE pools SET planners = planners + 1, active = active + 1, assigned = assigned + 1, live = live + 1,
		numbers = numbers + 1, numbers_active = numbers_active + 1, numbers_aside = numbers_aside + 1 WHERE pool = :pool`,
		0, assign.FoundPoolRow, "planners is 5, the log makes it 4; active is 5, the log makes it 4; assigned is 13, the log makes it 12; " +
			"live is 9, the log makes it 8; numbers is 7, the log makes it 6; numbers_active is 6, the log makes it 5; numbers_aside is 1, the log makes it 0", 1},
	{"pool's row gone", `DELETE FROM pools WHERE pool = :pool`, 0, assign.FoundNoPool, "table assignments", 4},
}

// Every kind of damage is found, and where it is.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	past(t, h, "past", "99")
	for i, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			pool, n := assign.PoolID(fmt.Sprint("damage-", i)), fmt.Sprint(10+i)
			copyPast(t, db, pool, n)
			if found := verify(t, h, pool); found != nil {
				t.Fatalf("before the damage:\n%s", lines(found))
			}
			damage(t, db, d.sql, map[string]any{"pool": string(pool), "digits": "05" + n})
			found := verify(t, h, pool)
			there := false
			for _, f := range found {
				there = there || f.Pool == pool && f.Seq == d.seq && f.Kind == d.kind && strings.Contains(f.Detail, d.detail)
			}
			if !there || len(found) > d.most {
				t.Errorf("found:\n%swant %s at %d (%s), and at most %d", lines(found), d.kind, d.seq, d.detail, d.most)
			}
		})
	}
	if found := verify(t, h, "past"); found != nil {
		t.Errorf("the pool beside the damaged ones:\n%s", lines(found))
	}
}

func damage(t *testing.T, db *sqlx.DB, sql string, args map[string]any) {
	t.Helper()
	res, err := db.NamedExecContext(t.Context(), sql, args)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		t.Fatal("there was nothing to damage")
	}
}

// The tables without their keys are a finding, and so is what got past them.
func TestVerifyFindsWhatKeysWouldRefuse(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	past(t, h, "p", "01")
	past(t, h, "q", "02")
	for _, d := range []struct {
		sql  string
		want assign.Finding
	}{
		{`ALTER TABLE assignments DROP KEY once_per_number`, assign.Finding{Kind: assign.FoundNoUniqueKey, Detail: "table assignments has no unique key on (live_number)"}},
		{`UPDATE assignments SET number = '05013', live_number = '05013' WHERE pool = 'p' AND seq = 14`,
			assign.Finding{Pool: "p", Seq: 14, Kind: assign.FoundNumberTwice, Detail: "it has number 05013, which the live assignment "}},
		{`ALTER TABLE assignments DROP KEY once_per_key`, assign.Finding{Kind: assign.FoundNoUniqueKey, Detail: "table assignments has no unique key on (idem_key, pool)"}},
		{`UPDATE assignments SET idem_key = 'twice' WHERE pool = 'q' AND seq IN (7, 18)`,
			assign.Finding{Pool: "q", Seq: 18, Kind: assign.FoundKeyTwice, Detail: `its idempotency key "twice" is that of the assignment at 7 too`}},
		{`ALTER TABLE assignments DROP KEY by_id`, assign.Finding{Kind: assign.FoundNoUniqueKey, Detail: "table assignments has no unique key on (id)"}},
		{`UPDATE assignments SET id = 'X' WHERE pool = 'q' AND seq IN (9, 20)`,
			assign.Finding{Pool: "q", Seq: 20, Kind: assign.FoundIDTwice, Detail: `its id "X" is that of the assignment at 9 too`}},
	} {
		if _, err := db.ExecContext(t.Context(), d.sql); err != nil {
			t.Fatal(err)
		}
		found, there := verify(t, h), false
		for _, f := range found {
			there = there || f.Pool == d.want.Pool && f.Seq == d.want.Seq && f.Kind == d.want.Kind && strings.Contains(f.Detail, d.want.Detail)
		}
		if !there {
			t.Errorf("%s\nfound:\n%swant %s", d.sql, lines(found), d.want)
		}
	}
}

// What the service did about a number whose records disagreed stays a finding:
// somebody must look at it.
func TestVerifyReportsNumbersSetAside(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	past(t, h, "p", "01")
	damage(t, db, `UPDATE numbers SET state = 'free', assignment = NULL, free_at = '2020-01-02' WHERE pool = :pool AND number = '05014'`, map[string]any{"pool": "p"})
	damage(t, db, `UPDATE pools SET free_at = '2020-01-01' WHERE pool = :pool`, map[string]any{"pool": "p"})
	for range 4 {
		if _, err := h.Assign(t.Context(), assign.Request{Pool: "p"}); err != nil {
			t.Fatal(err)
		}
	}
	found := verify(t, h)
	if len(found) != 1 || found[0].Kind != assign.FoundNumberAside || found[0].Seq != 22 {
		t.Errorf("found:\n%swant one %s at 22", lines(found), assign.FoundNumberAside)
	}
}

// Rows of pools that are not there belong to nobody.
func TestVerifyFindsStrays(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	past(t, h, "p", "01")
	if found := verify(t, h); found != nil {
		t.Fatal(lines(found))
	}
	if _, err := h.Store.Verify(t.Context(), []assign.PoolID{"p", "nowhere"}, nil, nil); !errors.Is(err, assign.ErrPoolNotFound) {
		t.Errorf("verify of a pool that is not there: %v, want ErrPoolNotFound", err)
	}
	damage(t, db, `INSERT INTO numbers (number, pool, state, free_at) VALUES ('0777', :pool, 'free', '2020-01-01')`, map[string]any{"pool": "nowhere"})
	for _, pools := range [][]assign.PoolID{nil, {"nowhere"}} {
		found := verify(t, h, pools...)
		if len(found) != 1 || found[0].Pool != "nowhere" || found[0].Kind != assign.FoundNoPool || !strings.Contains(found[0].Detail, "table numbers") {
			t.Errorf("found in %q:\n%swant one %s", pools, lines(found), assign.FoundNoPool)
		}
	}
	if found := verify(t, h, "p"); found != nil {
		t.Errorf("the pool beside it:\n%s", lines(found))
	}
}

// Damage that a million rows share is told of a hundred times, and counted.
func TestVerifyDoesNotFlood(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	h.Fill(t, "p", 2, 0)
	var callers sync.WaitGroup
	for range assign.MaxFindings + 20 {
		callers.Go(func() {
			if _, err := h.Assign(t.Context(), assign.Request{Pool: "p"}); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	damage(t, h.Database.Open(t), `UPDATE assignments SET customer = 'else' WHERE pool = :pool`, map[string]any{"pool": "p"})
	var found []assign.Finding
	sum, err := h.Store.Verify(t.Context(), nil, nil, func(f assign.Finding) { found = append(found, f) })
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != assign.MaxFindings+1 || sum.Findings != assign.MaxFindings+20 || found[assign.MaxFindings].Detail != "20 more of this kind" {
		t.Errorf("%d findings told, %d counted, the last is %v", len(found), sum.Findings, found[len(found)-1])
	}
}

// A pool that is in use, by several instances and with all that may be asked
// of it, verifies clean at every moment, and when all is over.
func TestVerifyOfPoolsInUse(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]bool{"named lock": false, "lock off": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := storetest.New(t, store.Options{LockOff: off})
			houses := []*storetest.House{h, storetest.On(t, h.Database, store.Options{LockOff: off})}
			pools := []assign.PoolID{"left", "right"}
			for i, pool := range pools {
				past(t, h, pool, fmt.Sprintf("%02d", i))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			var users sync.WaitGroup
			for n := range 16 {
				users.Go(func() { use(ctx, t, houses[n%2], pools[n/2%2], n) })
			}
			rounds := 0
			for ; ctx.Err() == nil; rounds++ {
				if found := verify(t, h); found != nil {
					t.Errorf("while in use:\n%s", lines(found))
					break
				}
			}
			users.Wait()
			if found := verify(t, h); found != nil {
				t.Errorf("afterwards:\n%s", lines(found))
			}
			t.Logf("%d verifications meanwhile", rounds)
		})
	}
}

// A clock that steps back, as after a failover, hides no number that was
// free before.
func TestVerifyAfterAStepBack(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	past(t, h, "p", "01")
	damage(t, h.Database.Open(t), `UPDATE pools SET last_at = last_at + INTERVAL 1 HOUR WHERE pool = :pool`, map[string]any{"pool": "p"})
	for range 3 {
		a, err := h.Assign(t.Context(), assign.Request{Pool: "p", Wish: assign.NumberRequired})
		if err == nil {
			_, err = h.Release(t.Context(), assign.Release{ID: a.ID})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if found := verify(t, h); found != nil {
		t.Error(lines(found))
	}
}

// use does everything to a pool until ctx is done.
func use(ctx context.Context, t *testing.T, h *storetest.House, pool assign.PoolID, n int) {
	rnd := rand.New(rand.NewPCG(11, uint64(n)))
	var mine []string
	for i := 0; ctx.Err() == nil; i++ {
		id, err := useOnce(t.Context(), h, pool, rnd, n, i, mine)
		if err != nil && !errors.Is(err, assign.ErrNoPlanner) && !errors.Is(err, assign.ErrNoNumber) && !errors.Is(err, assign.ErrKeyReused) {
			t.Error(err)
			return
		}
		if id != "" {
			mine = append(mine, id)
		}
	}
}

func useOnce(ctx context.Context, h *storetest.House, pool assign.PoolID, rnd *rand.Rand, n, i int, mine []string) (id string, err error) {
	switch r := rnd.IntN(100); {
	case r < 3:
		name, active := fmt.Sprint("Planner ", rnd.IntN(9)), rnd.IntN(3) > 0
		_, err = h.Staff(ctx, assign.Staffing{Pool: pool, Changes: []assign.PlannerChange{
			{ID: assign.PlannerID(fmt.Sprint("p", rnd.IntN(30))), Active: &active, Start: []assign.Start{assign.StartLevel, assign.StartZero}[rnd.IntN(2)]},
			{ID: assign.PlannerID(fmt.Sprint("p", rnd.IntN(30))), Name: &name},
		}})
	case r < 5:
		_, err = h.Stock(ctx, assign.Stocking{Pool: pool, Numbers: []assign.Number{assign.Number(fmt.Sprintf("08%02d%06d", n, i))}})
	case r == 5:
		cooldown := time.Duration(rnd.IntN(2)) * time.Second
		_, err = h.ChangePool(ctx, assign.PoolChange{Pool: pool, Cooldown: &cooldown})
	case r < 45 && len(mine) > 0:
		_, err = h.Release(ctx, assign.Release{ID: mine[max(0, len(mine)-1-rnd.IntN(40))]})
	default:
		var a assign.Assigned
		a, err = h.Assign(ctx, assign.Request{
			Pool:     pool,
			Key:      fmt.Sprint("key", rnd.IntN(20_000)),
			Customer: []string{"", "somebody"}[rnd.IntN(2)],
			Wish:     []assign.Wish{"", assign.NumberRequired, assign.NumberNone}[rnd.IntN(3)],
		})
		id = a.ID
	}
	return id, err
}

// Progress ends where all has been gone through, and never goes back.
func TestVerifyTellsItsProgress(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	past(t, h, "p", "01")
	past(t, h, "q", "02")
	var last, all int64
	sum, err := h.Store.Verify(t.Context(), nil, func(done, total int64) {
		if done < last || done > total {
			t.Errorf("%d of %d done, after %d", done, total, last)
		}
		last, all = done, total
	}, func(f assign.Finding) { t.Error(f) })
	if want := (store.Verified{Pools: 2, Assignments: 24, Events: 18}); err != nil || sum != want {
		t.Errorf("verified %+v, %v; want %+v", sum, err, want)
	}
	if last != 42 || all != 42 {
		t.Errorf("%d of %d done, want 42 of 42", last, all)
	}
}

// BenchmarkVerify verifies a pool of a million assignments, which takes a few
// minutes to make, or of a hundred thousand with -short.
func BenchmarkVerify(b *testing.B) {
	assignments := 1_000_000
	if testing.Short() {
		assignments = 100_000
	}
	h := storetest.New(b, store.Options{})
	h.Fill(b, "demo", 50, 10_000)
	const callers = 1_000
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range assignments / callers {
				a, err := h.Assign(b.Context(), assign.Request{Pool: "demo", Customer: "somebody"})
				if err == nil && i%2 == 0 {
					_, err = h.Release(b.Context(), assign.Release{ID: a.ID})
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Store.Verify(b.Context(), nil, nil, func(f assign.Finding) { b.Error(f) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(assignments)*float64(b.N)/b.Elapsed().Seconds(), "assignments/s")
}
