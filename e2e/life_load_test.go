package e2e

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

var lifeFor = flag.Duration("life-for", 8*time.Second, "how long TestLifeUnderKills assigns and releases")

// A usage is one life of a number in an assignment: as the service says it was,
// and as the client saw it.
type usage struct {
	number           string
	id               string
	assigned, ended  time.Time     // as the answers say
	got, sentRelease time.Duration // since the start, on the clock of the clients
}

// lifeClients ask for numbers and give them back.
type lifeClients struct {
	instances []*program.Instance
	began     time.Time

	mu       sync.Mutex
	used     []usage
	refused  atomic.Int64 // for want of a number
	doubtful atomic.Int64 // asked again after a 503
}

// Sixty-four clients want a hundred numbers that rest for two seconds, from
// three instances whose units are killed all the time: by what each client was
// told, no number was ever in two assignments, or given inside its rest.
func TestLifeUnderKills(t *testing.T) {
	const numbers, rest = 100, 2 * time.Second
	db := dbtest.New(t)
	l := &life{T: t, db: db}
	c := &lifeClients{}
	for range 3 {
		c.instances = append(c.instances, binary.Start(t, "--dsn="+db.DSN, "--log-level=error"))
	}
	l.i = c.instances[0]
	ask[client.Pool](l, 201, "PUT", "/v1/pools/"+lifePool, `{"cooldown_seconds": 2, "on_exhausted": "fail"}`)
	l.staff(10)
	l.stock(numbers)

	c.began = time.Now()
	stop := make(chan struct{})
	timer := time.AfterFunc(*lifeFor, func() { close(stop) })
	defer timer.Stop()
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() { c.run(t, n, numbers, stop) })
	}
	var killed int
	wg.Go(func() { killed = killHolders(t, db, lifePool, stop) })
	wg.Wait()

	c.judge(t, rest)
	p := l.pool()
	if p.Assigned != int64(len(c.used)) || p.Open != 0 || p.Numbers.Active != 0 || p.Spread > 1 {
		t.Errorf("clients had %d assignments, the pool says %s", len(c.used), jsonOf(p))
	}
	if killed == 0 || len(c.used) <= numbers || c.refused.Load() == 0 {
		t.Error("no holder was killed, no number was given again, or there was always one: this shows nothing")
	}
	l.well()
	t.Logf("%v: %d assignments, as many releases; %d refused for want of a number, %d asked again after a 503; %d holders killed",
		*lifeFor, len(c.used), c.refused.Load(), c.doubtful.Load(), killed)
}

// run is one client: an assignment, some work, its release, and again.
func (c *lifeClients) run(t *testing.T, n, numbers int, stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(6, uint64(n)))
	for k := 0; !t.Failed(); k++ {
		select {
		case <-stop:
			return
		default:
		}
		a, next := c.assign(t, rnd, fmt.Sprintf("key-%d-%d", n, k), numbers)
		if a == nil { // until one comes back, and soon enough to be in the way of others
			time.Sleep(min(max(time.Until(next), time.Millisecond), 20*time.Millisecond))
			continue
		}
		u := usage{number: *a.Number, id: a.ID, assigned: a.AssignedAt, got: time.Since(c.began)}
		time.Sleep(time.Duration(rnd.Int64N(int64(100 * time.Millisecond)))) // the work
		u.sentRelease = time.Since(c.began)
		u.ended = c.release(t, rnd, a.ID)
		c.mu.Lock()
		c.used = append(c.used, u)
		c.mu.Unlock()
	}
}

// anywhere is one of the instances.
func (c *lifeClients) anywhere(rnd *rand.Rand) *program.Instance {
	return c.instances[rnd.IntN(len(c.instances))]
}

// assign returns an assignment, or when the next number is back; it asks until
// it knows which.
func (c *lifeClients) assign(t *testing.T, rnd *rand.Rand, key string, numbers int) (a *client.Assignment, next time.Time) {
	for !t.Failed() {
		r, err := c.anywhere(rnd).CreateAssignmentWithResponse(t.Context(), lifePool, &client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{})
		switch {
		case err != nil:
			t.Errorf("assign %s: %v", key, err)
		case r.JSON201 != nil && r.JSON201.Number != nil && r.JSON201.State == client.AssignmentStateActive:
			return r.JSON201, next
		case r.ApplicationProblemJSON503 != nil:
			c.doubtful.Add(1)
		case r.ApplicationProblemJSON409 != nil:
			c.refused.Add(1)
			return nil, comesBack(t, r.ApplicationProblemJSON409, numbers)
		default:
			t.Errorf("assign %s: %d %s", key, r.StatusCode(), r.Body)
		}
	}
	return nil, next
}

// comesBack is when a number does, as a refusal says; zero if all are in use.
func comesBack(t *testing.T, p *client.Problem, numbers int) time.Time {
	n := p.Numbers
	if p.Code != "no_number" || n == nil || n.Free != 0 || n.Active+n.Cooling != int64(numbers) || (n.Cooling > 0) != (p.NextFreeAt != nil) {
		t.Errorf("refused: %s", jsonOf(p))
	}
	if p.NextFreeAt == nil {
		return time.Time{}
	}
	return *p.NextFreeAt
}

// release ends an assignment, and asks until it knows when.
func (c *lifeClients) release(t *testing.T, rnd *rand.Rand, id string) time.Time {
	for !t.Failed() {
		r, err := c.anywhere(rnd).ReleaseAssignmentWithResponse(t.Context(), id, nil, client.ReleaseRequest{})
		switch {
		case err != nil:
			t.Errorf("release %s: %v", id, err)
		case r.JSON200 != nil && r.JSON200.ReleasedAt != nil:
			return *r.JSON200.ReleasedAt
		case r.ApplicationProblemJSON503 != nil:
			c.doubtful.Add(1)
		default:
			t.Errorf("release %s: %d %s", id, r.StatusCode(), r.Body)
		}
	}
	return time.Time{}
}

// judge looks at each number's lives, one behind the other, on both clocks.
func (c *lifeClients) judge(t *testing.T, rest time.Duration) {
	t.Helper()
	lives := map[string][]usage{}
	ids := map[string]bool{}
	for _, u := range c.used {
		lives[u.number] = append(lives[u.number], u)
		if ids[u.id] {
			t.Errorf("two clients were given assignment %s", u.id)
		}
		ids[u.id] = true
	}
	soonest := time.Duration(1<<63 - 1)
	for number, all := range lives {
		slices.SortFunc(all, func(a, b usage) int { return a.assigned.Compare(b.assigned) })
		for n := 1; n < len(all); n++ {
			was, is := all[n-1], all[n]
			soonest = min(soonest, is.assigned.Sub(was.ended))
			if is.assigned.Before(was.ended.Add(rest)) {
				t.Errorf("%s was in %s until %v, and in %s from %v", number, was.id, was.ended, is.id, is.assigned)
			}
			if is.got < was.sentRelease+rest {
				t.Errorf("%s was still in %s at %v, and %s had it by %v", number, was.id, was.sentRelease, is.id, is.got)
			}
		}
	}
	t.Logf("%d numbers were used; the shortest rest of one was %v", len(lives), soonest)
}

// errNoSession is the server's error for a session that is not there any more.
const errNoSession = 1094

// killHolders ends the session that holds a pool's lock, every 100 to 200
// milliseconds, and returns how many it ended.
func killHolders(t *testing.T, db *dbtest.Database, pool string, stop <-chan struct{}) (killed int) {
	admin, lock := db.Open(t), fmt.Sprintf("fairlead:%s:%s", db.Schema, pool)
	for {
		select {
		case <-stop:
			return killed
		case <-time.After(100*time.Millisecond + rand.N(100*time.Millisecond)):
		}
		if killHolder(t, admin, lock) {
			killed++
		}
	}
}

// killHolder waits a little for somebody to hold the lock.
func killHolder(t *testing.T, admin *sqlx.DB, lock string) bool {
	for range 100 {
		var id int64
		if err := admin.Get(&id, `SELECT COALESCE(IS_USED_LOCK(?), 0)`, lock); err != nil {
			t.Errorf("look for a holder: %v", err)
			return false
		}
		if id == 0 {
			continue
		}
		_, err := admin.Exec(fmt.Sprint("KILL CONNECTION ", id))
		if gone := (*mysql.MySQLError)(nil); errors.As(err, &gone) && gone.Number == errNoSession {
			continue
		}
		if err != nil {
			t.Errorf("kill a holder: %v", err)
		}
		return err == nil
	}
	return false
}
