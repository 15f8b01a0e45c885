package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

var (
	faultTime = flag.Duration("faults", 15*time.Second, "how long TestFaultsCostNothing makes faults in each mode")
	faultSeed = flag.Uint64("seed", 1, "seed of what TestFaultsCostNothing does")
)

// While everything is killed, stopped and cut off, callers may be refused, but
// whoever was answered keeps the answer, and nobody gets a turn twice.
func TestFaultsCostNothing(t *testing.T) {
	for _, lock := range []string{"named", "off"} {
		t.Run("lock "+lock, func(t *testing.T) {
			c := newChaos(t, lock)
			c.run(t)
			c.settle(t)
			c.check(t)
		})
	}
}

const (
	chaosPools    = 4
	chaosPlanners = 7
	chaosClients  = 32
)

// chaos is three instances on a database of their own, and those who call them.
type chaos struct {
	server *dbtest.Private
	db     *dbtest.Database
	admin  *sqlx.DB
	flags  []string
	rnd    *rand.Rand // the nemesis's

	mu        sync.RWMutex
	instances []*program.Instance

	next   atomic.Int64
	began  time.Time
	calls  sync.Map // of *chaosCall, by key
	faults map[string]int
	failed atomic.Int64 // calls that were not answered with a success
}

// A chaosCall is everything that was seen of one key.
type chaosCall struct {
	mu      sync.Mutex
	pool    string
	key     string
	answers []answer
}

func newChaos(t *testing.T, lock string) *chaos {
	t.Helper()
	server := dbtest.NewServer(t)
	db := server.New()
	c := &chaos{server: server, db: db, admin: db.Open(t), faults: map[string]int{}, rnd: rand.New(rand.NewPCG(*faultSeed, 0)),
		flags: []string{"--dsn=" + db.DSN, "--lock=" + lock, "--log-level=error"}}
	for range 3 {
		c.instances = append(c.instances, binary.Start(t, c.flags...))
	}
	for p := range chaosPools {
		fill(t, c.instances[0], poolName(p), chaosPlanners, 40)
	}
	return c
}

// run lets clients call while the nemesis is at work.
func (c *chaos) run(t *testing.T) {
	t.Helper()
	c.began = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), *faultTime)
	defer cancel()
	var clients sync.WaitGroup
	for n := range chaosClients {
		clients.Go(func() { c.client(ctx, t, rand.New(rand.NewPCG(*faultSeed, uint64(n+1)))) })
	}
	for ctx.Err() == nil && !t.Failed() {
		c.fault(t)
	}
	clients.Wait()
}

// client makes new assignments, repeats old ones, releases some, and switches
// planners off and on.
func (c *chaos) client(ctx context.Context, t *testing.T, rnd *rand.Rand) {
	var mine []*chaosCall
	for ctx.Err() == nil {
		call := &chaosCall{pool: poolName(rnd.IntN(chaosPools)), key: fmt.Sprint("key-", c.next.Add(1))}
		switch r := rnd.IntN(100); {
		case r < 10 && len(mine) > 0:
			call = mine[rnd.IntN(len(mine))]
		case r < 11 && len(mine) > 0:
			c.reuse(ctx, t, rnd, mine[rnd.IntN(len(mine))])
			continue
		case r < 30 && len(mine) > 0:
			c.release(ctx, rnd, mine[rnd.IntN(len(mine))])
			continue
		case r < 32:
			active := rnd.IntN(4) > 0
			_, _ = c.instance(rnd).PatchPlannerWithResponse(ctx, call.pool, fmt.Sprintf("p%06d", rnd.IntN(chaosPlanners)), nil,
				client.PatchPlannerJSONRequestBody{Active: &active})
			continue
		}
		c.calls.Store(call.key, call)
		mine = append(mine, call)
		patience := 12 * time.Second
		if rnd.IntN(20) == 0 {
			patience = time.Duration(rnd.IntN(20)) * time.Millisecond // leaves in the middle
		}
		calling, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		if err := c.assign(calling, c.instance(rnd), call); err != nil {
			c.failed.Add(1)
		}
		cancel()
	}
}

// instance is any that runs.
func (c *chaos) instance(rnd *rand.Rand) *program.Instance {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.instances[rnd.IntN(len(c.instances))]
}

// errRefused is any answer but a success.
var errRefused = errors.New("refused")

// assign makes a call once, and notes its answer if it has one.
func (c *chaos) assign(ctx context.Context, i *program.Instance, call *chaosCall) error {
	a := answer{pool: call.pool, key: call.key, sent: time.Since(c.began)}
	r, err := i.CreateAssignmentWithResponse(ctx, call.pool, &client.CreateAssignmentParams{IdempotencyKey: &call.key}, client.AssignmentRequest{})
	if err != nil {
		return err
	}
	if r.JSON201 == nil {
		return fmt.Errorf("%w: %s", errRefused, r.Body)
	}
	a.got, a.assignment = time.Since(c.began), *r.JSON201
	a.replayed = r.HTTPResponse.Header.Get("Idempotency-Replayed") == "true"
	call.mu.Lock()
	defer call.mu.Unlock()
	call.answers = append(call.answers, a)
	return nil
}

// reuse asks for something else with a key that was answered, which is refused
// whatever else happens.
func (c *chaos) reuse(ctx context.Context, t *testing.T, rnd *rand.Rand, call *chaosCall) {
	if _, ok := call.first(); !ok {
		return
	}
	customer := "somebody else"
	r, err := c.instance(rnd).CreateAssignmentWithResponse(ctx, call.pool, &client.CreateAssignmentParams{IdempotencyKey: &call.key},
		client.AssignmentRequest{Customer: &customer})
	if err == nil && r.StatusCode() != http.StatusUnprocessableEntity && r.StatusCode() != http.StatusServiceUnavailable {
		t.Errorf("reused key %s: %d %s", call.key, r.StatusCode(), r.Body)
	}
}

func (c *chaos) release(ctx context.Context, rnd *rand.Rand, call *chaosCall) {
	if a, ok := call.first(); ok {
		_, _ = c.instance(rnd).ReleaseAssignmentWithResponse(ctx, a.assignment.ID, nil, client.ReleaseAssignmentJSONRequestBody{})
	}
}

func (c *chaosCall) first() (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) == 0 {
		return answer{}, false
	}
	return c.answers[0], true
}

// fault does one bad thing. What it kills it brings back.
func (c *chaos) fault(t *testing.T) {
	t.Helper()
	switch r := c.rnd.IntN(100); {
	case r < 1:
		c.faults["database kill -9"]++
		c.server.Kill()
		c.server.Start()
	case r < 3:
		c.faults["instance kill -9"]++
		c.replace(t)
	case r < 4:
		c.faults["database stopped for a while"]++
		c.server.Signal(syscall.SIGSTOP)
		time.Sleep(time.Duration(50+c.rnd.IntN(300)) * time.Millisecond)
		c.server.Signal(syscall.SIGCONT)
	case r < 20:
		c.kill("KILL QUERY", "query kill")
	default:
		c.kill("KILL CONNECTION", "session kill")
	}
	// The pace of the faults, not a wait for anything.
	time.Sleep(time.Duration(c.rnd.IntN(20)) * time.Millisecond)
}

// replace kills an instance and starts another in its place.
func (c *chaos) replace(t *testing.T) {
	t.Helper()
	n := c.rnd.IntN(len(c.instances))
	c.instances[n].Kill()
	fresh := binary.Start(t, c.flags...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instances[n] = fresh
}

// kill ends the session, or what it runs, of a unit: the holder of a pool's
// lock, or with the lock off any that is in the middle of something.
func (c *chaos) kill(how, name string) {
	var ids []int64
	pool := poolName(c.rnd.IntN(chaosPools))
	_ = c.admin.Select(&ids, `SELECT IS_USED_LOCK(?) WHERE IS_USED_LOCK(?) IS NOT NULL`,
		fmt.Sprintf("fairlead:%s:%s", c.db.Schema, pool), fmt.Sprintf("fairlead:%s:%s", c.db.Schema, pool))
	if len(ids) == 0 {
		_ = c.admin.Select(&ids, `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()
			AND INFO LIKE '%assignments%'`, c.db.Schema)
	}
	for _, id := range ids[:min(1, len(ids))] {
		if _, err := c.admin.Exec(fmt.Sprintf("%s %d", how, id)); err == nil {
			c.faults[name]++
		}
	}
}

// settle asks with every key until it is answered: now nothing is broken, and
// the outcome of each call must be known.
func (c *chaos) settle(t *testing.T) {
	t.Helper()
	for p := range chaosPools {
		c.everybodyBack(t, poolName(p))
	}
	work := make(chan *chaosCall)
	var wg sync.WaitGroup
	for n := range chaosClients {
		wg.Go(func() {
			for call := range work {
				var err error
				for range 10 { // refused, perhaps, while broken connections are found out
					if err = c.assign(t.Context(), c.instances[n%len(c.instances)], call); err == nil {
						break
					}
				}
				if err != nil {
					t.Errorf("%s after all is well again: %v", call.key, err)
				}
			}
		})
	}
	c.calls.Range(func(_, call any) bool { work <- call.(*chaosCall); return true })
	close(work)
	wg.Wait()
}

// everybodyBack switches a pool's planners on, in one call.
func (c *chaos) everybodyBack(t *testing.T, pool string) {
	t.Helper()
	on := true
	var body client.PostPlannersJSONRequestBody
	for n := range chaosPlanners {
		body.Planners = append(body.Planners, client.PlannersItem{ID: fmt.Sprintf("p%06d", n), Active: &on})
	}
	for try := 1; ; try++ { // refused, perhaps, while broken connections are found out
		r, err := c.instances[0].PostPlannersWithResponse(t.Context(), pool, nil, body)
		if err == nil && r.StatusCode() == http.StatusOK {
			return
		}
		if try == 10 {
			t.Fatalf("switch the planners of %s on: %v %+v", pool, err, r)
		}
	}
}

// check holds what callers saw against each other and against the database.
func (c *chaos) check(t *testing.T) {
	t.Helper()
	var answers []answer
	keys := 0
	c.calls.Range(func(_, v any) bool {
		keys++
		answers = append(answers, v.(*chaosCall).answers...)
		return true
	})
	checkConsistent(t, answers)
	for p := range chaosPools {
		checkOrder(t, answers, poolName(p))
	}
	binary.Verify(t, c.db.DSN)
	var rows int
	if err := c.admin.Get(&rows, `SELECT COUNT(*) FROM assignments`); err != nil || rows != keys {
		t.Errorf("%d assignments for %d keys (%v)", rows, keys, err)
	}
	names := []string{}
	for name, n := range c.faults {
		names = append(names, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(names)
	t.Logf("seed %d: %d keys, %d answers, %d calls refused or cut off; faults: %v", *faultSeed, keys, len(answers), c.failed.Load(), names)
}
