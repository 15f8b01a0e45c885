package failover

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/program"
)

// The primary dies under load and its replica takes over, several times. What
// was acknowledged stays as it was, those who were not answered learn the
// truth, and the instances find their way back by themselves.
func TestReplicaTakesOver(t *testing.T) {
	s := newSite(t)
	w := newWorks(t, s)
	tr := newTraffic(w.instances)
	tr.start(t, 32)
	var turns []turn
	for n := range *failovers {
		if n > 0 {
			s.addReplica(t)
		}
		tr.awaitEach(t, 200, call.assigned)
		turns = append(turns, w.failOver(t, s, tr))
	}
	tr.awaitEach(t, 200, call.assigned)
	calls := tr.end()
	for _, u := range turns {
		u.check(t, calls, len(w.instances))
	}
	checkCalls(t, s, tr, calls)
}

// works is instances that reach the site through a relay each.
type works struct {
	instances []*program.Instance
	relays    []*relay
}

func newWorks(t *testing.T, s *site) *works {
	t.Helper()
	w := &works{}
	for range 2 {
		r := newRelay(t, s.primary.Address())
		w.relays = append(w.relays, r)
		w.instances = append(w.instances, binary.Start(t, "--dsn="+s.dsn(r), "--log-level=error"))
	}
	i := w.instances[0]
	if r, err := i.PutPoolWithResponse(t.Context(), pool, nil, client.PoolSettings{}); err != nil || r.StatusCode() != http.StatusCreated {
		t.Fatalf("make the pool: %v %+v", err, r)
	}
	var staff client.PostPlannersJSONRequestBody
	for p := range 7 {
		staff.Planners = append(staff.Planners, client.PlannersItem{ID: fmt.Sprint("p", p)})
	}
	if r, err := i.PostPlannersWithResponse(t.Context(), pool, nil, staff); err != nil || r.StatusCode() != http.StatusOK {
		t.Fatalf("staff the pool: %v %+v", err, r)
	}
	return w
}

// A turn is when the steps of a failover were, since the traffic's start.
type turn struct {
	killed    time.Duration // the primary was dead
	protected time.Duration // the instances reached only the replica, which takes no writes
	promoting time.Duration // that was about to end
	ready     time.Duration // the replica was the primary
}

// failOver kills the primary, lets the instances meet the replica before it
// takes writes, and then lets it take over.
func (w *works) failOver(t *testing.T, s *site, tr *traffic) (u turn) {
	t.Helper()
	s.primary.Kill()
	u.killed = tr.since()
	for _, r := range w.relays {
		r.point(t, s.replica.Address())
	}
	u.protected = tr.since()
	tr.awaitAny(t, 20, call.refused)
	w.checkProtected(t, s)
	u.promoting = tr.since()
	s.takeOver(t)
	u.ready = tr.since()
	return u
}

// checkProtected wants instances on a server that takes no writes to say that
// they are not ready, and a new one not to start.
func (w *works) checkProtected(t *testing.T, s *site) {
	t.Helper()
	for n, i := range w.instances {
		if r, err := i.GetReadinessWithResponse(t.Context()); err != nil || r.StatusCode() != http.StatusServiceUnavailable {
			t.Errorf("instance %d on a read-only server says of its readiness: %v %+v", n, err, r)
		}
	}
	out, code := binary.Run(t, "serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--dsn="+s.dsn(w.relays[0]))
	if code != 2 || !strings.Contains(out, "the server is read-only") {
		t.Errorf("a new instance on a read-only server ends with %d and says %q", code, out)
	}
}

// check wants nothing to be assigned while nothing could be written, and says
// how long it took.
func (u turn) check(t *testing.T, calls []call, instances int) {
	t.Helper()
	codes := map[string]int{}
	first := make([]time.Duration, instances)
	for _, c := range calls {
		switch {
		case c.assigned() && c.sent >= u.protected && c.got < u.promoting:
			t.Errorf("%s was assigned while the database was read-only", c.key)
		case c.assigned() && c.got >= u.ready && (first[c.instance] == 0 || c.got < first[c.instance]):
			first[c.instance] = c.got
		case !c.assigned() && c.got >= u.killed && c.sent <= u.ready:
			codes[c.code]++
		}
	}
	for _, got := range first {
		t.Logf("the first answer came %v after the primary was killed, %v after the replica took over", ms(got-u.killed), ms(got-u.ready))
	}
	t.Logf("from kill to promotion %v; meanwhile: %v", ms(u.ready-u.killed), codes)
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
