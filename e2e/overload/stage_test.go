package overload

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/e2e/wire"
	"fairlead/internal/dbtest"
)

// A stage is an instance in front of a database that is far away.
type stage struct {
	*program.Instance
	db    *dbtest.Database
	admin *sqlx.DB // past the wire
	wire  *wire.Wire
}

// distance is what a round trip to the database costs. A unit takes two, so a pool's capacity is a little less than 1,280
// calls a second, and ten times that is within what two processors can ask
// for and refuse.
const distance = 200 * time.Millisecond

func newStage(t *testing.T, pools ...string) *stage {
	t.Helper()
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	s := &stage{db: server.New(), wire: wire.New(t, server.Address())}
	s.admin = s.db.Open(t)
	// One line of log for each refusal would be most of what the test reads.
	s.Instance = binary.Start(t, "--dsn="+server.NetworkDSN(s.wire.Addr(), s.db.Schema), fmt.Sprintf("--line=%d", line), "--log-level=warn")
	for _, pool := range pools {
		s.fill(t, pool, 20)
	}
	s.wire.Delay(distance/2, 0) // each way
	return s
}

func (s *stage) fill(t *testing.T, pool string, planners int) {
	t.Helper()
	if r, err := s.PutPoolWithResponse(t.Context(), pool, nil, client.PoolSettings{}); err != nil || r.StatusCode() != 201 {
		t.Fatalf("make %s: %v %+v", pool, err, r)
	}
	var body client.PostPlannersJSONRequestBody
	for p := range planners {
		body.Planners = append(body.Planners, client.PlannersItem{ID: fmt.Sprintf("p%d", p)})
	}
	if r, err := s.PostPlannersWithResponse(t.Context(), pool, nil, body); err != nil || r.StatusCode() != 200 {
		t.Fatalf("staff %s: %v %+v", pool, err, r)
	}
}

// gather connects callers to the instance.
func (s *stage) gather(t *testing.T, prefix string, patience time.Duration, callers int, pools ...string) *load {
	t.Helper()
	return gather(t, strings.TrimPrefix(s.URL, "http://"), prefix, patience, callers, pools...)
}

// maxUnit is how many calls a unit has at most.
const maxUnit = 512

// capacity is how many calls a second a pool takes when there are always
// enough of them for the next unit.
func (s *stage) capacity(t *testing.T, pool string) (float64, *tally) {
	t.Helper()
	const warm, length = time.Second, 3 * time.Second
	all := s.gather(t, "all-", 5*time.Second, min(3*maxUnit, line), pool).closed(t, length)
	rate := all.pace(assigned, warm, length)
	t.Logf("capacity of a pool: %.0f/s, p50 %v", rate, quantile(all.times(assigned, warm, length), .5))
	return rate, all
}

// keys returns how often each key is in a pool's table, as callers see it.
func (s *stage) keys(t *testing.T, pool string) map[string]int {
	t.Helper()
	keys := map[string]int{}
	limit, after := 1000, int64(0)
	for {
		r, err := s.ListAssignmentsWithResponse(t.Context(), pool, &client.ListAssignmentsParams{Limit: &limit, After: &after})
		if err != nil || r.JSON200 == nil {
			t.Fatalf("list %s: %v %+v", pool, err, r)
		}
		for _, a := range r.JSON200.Assignments {
			keys[a.Key]++
		}
		if r.JSON200.Next == nil {
			return keys
		}
		after = *r.JSON200.Next
	}
}

// check holds what callers were told against what is in the tables: all that
// was assigned and nothing that was refused. Of calls without an answer, and of
// those whose outcome was said to be unknown, either may be true.
func (s *stage) check(t *testing.T, pools []string, tallies ...*tally) {
	t.Helper()
	there := map[string]int{}
	rows := 0
	for _, pool := range pools {
		for key, n := range s.keys(t, pool) {
			there[key] += n
			rows += n
		}
	}
	explained, lost, refused, settled := 0, 0, 0, 0
	for _, a := range tallies {
		for _, c := range a.calls {
			n := there[a.key(c.n)]
			explained += n
			switch {
			case n > 1:
				t.Errorf("key %s has %d assignments", a.key(c.n), n)
			case c.verdict == assigned && n == 0:
				lost++
			case c.verdict.refused() && n == 1:
				refused++
			case n == 1 && c.verdict != assigned:
				settled++
			}
		}
	}
	if lost > 0 || refused > 0 {
		t.Errorf("%d calls were answered with an assignment that is not there, %d were refused and are there", lost, refused)
	}
	if explained != rows {
		t.Errorf("%d assignments are there, %d of them were asked for", rows, explained)
	}
	t.Logf("%d assignments; %d of them belong to calls whose outcome was unknown to the caller", rows, settled)
}

// checkServer wants the database not to have been asked for more connections
// than it has.
func (s *stage) checkServer(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		name string
		most int
	}{
		{"Connection_errors_max_connections", 0},
		{"Max_used_connections", 60}, // 28 are the instance's, a few the test's
	} {
		n, err := status(t.Context(), s.admin, c.name)
		if err != nil {
			t.Fatal(err)
		}
		if n > c.most {
			t.Errorf("the database's %s is %d, want at most %d", c.name, n, c.most)
		}
		t.Logf("the database's %s is %d", c.name, n)
	}
}
