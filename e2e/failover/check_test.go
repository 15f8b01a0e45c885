package failover

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
)

// checkCalls holds what callers were told, and are told when they ask again,
// against what the last primary has.
func checkCalls(t *testing.T, s *site, tr *traffic, calls []call) {
	t.Helper()
	checkOrder(t, calls)
	before := tr.rows(t)
	asked := map[string]bool{}  // true if somebody was not told what became of it
	known := map[string]*call{} // by key, an answer
	for i, c := range calls {
		asked[c.key] = asked[c.key] || !c.assigned() && !c.refused()
		if c.assigned() {
			known[c.key] = &calls[i]
		}
	}
	unclear, done := 0, 0
	for key, doubt := range asked {
		row, there := before[key]
		switch {
		case known[key] != nil:
			if diff := cmp.Diff(*known[key].assignment, row); diff != "" {
				t.Errorf("%s is not as it was acknowledged (-acknowledged +found):\n%s", key, diff)
			}
			continue
		case doubt && there:
			done++
		case there:
			t.Errorf("%s was refused, and is there", key)
		}
		if doubt {
			unclear++
		}
		again := tr.call(0, key)
		if !again.assigned() || again.replayed != there || there && !cmp.Equal(*again.assignment, row) {
			t.Errorf("%s, asked again: %+v; there was %+v (%v)", key, again, row, there)
		}
	}
	if rows := tr.rows(t); len(rows) != len(asked) {
		t.Errorf("%d assignments for %d keys", len(rows), len(asked))
	}
	t.Logf("%d keys, %d acknowledged; of %d with an unknown outcome, %d had been assigned", len(asked), len(known), unclear, done)
	binary.Verify(t, s.primary.DSN(s.schema))
}

// rows returns a pool's assignments by key.
func (tr *traffic) rows(t *testing.T) map[string]client.Assignment {
	t.Helper()
	rows := map[string]client.Assignment{}
	limit, after := 1000, int64(0)
	for {
		r, err := tr.instances[0].ListAssignmentsWithResponse(t.Context(), pool, &client.ListAssignmentsParams{Limit: &limit, After: &after})
		if err != nil || r.JSON200 == nil {
			t.Fatalf("list the assignments: %v %+v", err, r)
		}
		for _, a := range r.JSON200.Assignments {
			rows[a.Key] = a
		}
		if r.JSON200.Next == nil {
			return rows
		}
		after = *r.JSON200.Next
	}
}

// checkOrder wants each position once, and a call that was answered before
// another was sent to come before it.
func checkOrder(t *testing.T, calls []call) {
	t.Helper()
	var fresh []call
	for _, c := range calls {
		if c.assigned() && !c.replayed {
			fresh = append(fresh, c)
		}
	}
	slices.SortFunc(fresh, func(a, b call) int { return int(a.assignment.Seq - b.assignment.Seq) })
	for i, latest := 0, fresh[0].sent; i < len(fresh); i++ {
		if i > 0 && fresh[i].assignment.Seq == fresh[i-1].assignment.Seq {
			t.Errorf("position %d was given twice", fresh[i].assignment.Seq)
		}
		if fresh[i].got < latest {
			t.Errorf("position %d was answered before a smaller one was asked for", fresh[i].assignment.Seq)
		}
		latest = max(latest, fresh[i].sent)
	}
}
