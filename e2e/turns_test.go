package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// Three instances on one database, many clients, some of whom ask again: every
// answer is consistent, and nobody gets a turn that somebody else had.
func TestTurnsAreHandedOutOnce(t *testing.T) {
	for _, lock := range []string{"named", "off"} {
		t.Run("lock "+lock, func(t *testing.T) {
			const pools, planners, assignments = 4, 50, 20_000
			db := dbtest.New(t)
			var instances []*program.Instance
			for range 3 {
				instances = append(instances, binary.Start(t, "--dsn="+db.DSN, "--lock="+lock, "--log-level=warn"))
			}
			for p := range pools {
				fill(t, instances[0], poolName(p), planners, 500)
			}
			began := time.Now()
			answers := drive(t, instances, pools, assignments)
			took := time.Since(began)
			checkAnswers(t, answers, pools, assignments)
			for p := range pools {
				checkCounts(t, instances[p%len(instances)], poolName(p), planners)
			}
			binary.Verify(t, db.DSN)
			t.Logf("%d assignments and %d repeated calls in %v", assignments, len(answers)-assignments, took.Round(time.Millisecond))
		})
	}
}

func poolName(p int) string { return fmt.Sprintf("pool-%d", p) }

// fill makes a pool with so many planners and numbers.
func fill(t testing.TB, i *program.Instance, pool string, planners, numbers int) {
	t.Helper()
	ctx := context.Background()
	if r, err := i.PutPoolWithResponse(ctx, pool, nil, client.PoolSettings{}); err != nil || r.StatusCode() != 201 {
		t.Fatalf("make %s: %v %s", pool, err, r.Body)
	}
	var body client.PostPlannersJSONRequestBody
	for p := range planners {
		name := fmt.Sprintf("Planner %d", p)
		body.Planners = append(body.Planners, client.PlannersItem{ID: fmt.Sprintf("p%06d", p), Name: &name})
	}
	if r, err := i.PostPlannersWithResponse(ctx, pool, nil, body); err != nil || r.StatusCode() != 200 {
		t.Fatalf("staff %s: %v %s", pool, err, r.Body)
	}
	if numbers == 0 {
		return
	}
	var stock client.PostNumbersJSONRequestBody
	for n := range numbers {
		stock.Numbers = append(stock.Numbers, fmt.Sprintf("050%s%05d", pool[len(pool)-1:], n))
	}
	if r, err := i.PostNumbersWithResponse(ctx, pool, nil, stock); err != nil || r.StatusCode() != 200 {
		t.Fatalf("stock %s: %v %s", pool, err, r.Body)
	}
}

// An answer is one call that got one, and when.
type answer struct {
	pool, key  string
	sent, got  time.Duration // since the start
	assignment client.Assignment
	replayed   bool
}

// drive makes n assignments from 64 clients over all instances and pools. One
// call in ten is made again, at any time afterwards and on any instance.
func drive(t *testing.T, instances []*program.Instance, pools, n int) []answer {
	t.Helper()
	const clients = 64
	var (
		next  atomic.Int64
		mu    sync.Mutex
		all   []answer
		wg    sync.WaitGroup
		began = time.Now()
	)
	for c := range clients {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(c)))
			var mine []answer
			call := func(pool, key string) {
				a := answer{pool: pool, key: key, sent: time.Since(began)}
				r, err := instances[rnd.IntN(len(instances))].CreateAssignmentWithResponse(context.Background(), pool,
					&client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{})
				if err != nil || r.JSON201 == nil {
					t.Errorf("assign %s: %v %s", key, err, bodyOf(r))
					return
				}
				a.got = time.Since(began)
				a.assignment = *r.JSON201
				a.replayed = r.HTTPResponse.Header.Get("Idempotency-Replayed") == "true"
				mine = append(mine, a)
			}
			for i := next.Add(1); i <= int64(n) && !t.Failed(); i = next.Add(1) {
				call(poolName(int(i)%pools), fmt.Sprint("key-", i))
				if rnd.IntN(10) == 0 {
					again := mine[rnd.IntN(len(mine))]
					call(again.pool, again.key)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	return all
}

func bodyOf(r *client.CreateAssignmentResponse) []byte {
	if r == nil {
		return nil
	}
	return r.Body
}

// checkAnswers holds what the clients saw against what they were promised.
func checkAnswers(t *testing.T, answers []answer, pools, want int) {
	t.Helper()
	fresh := 0
	for _, a := range answers {
		if !a.replayed {
			fresh++
		}
	}
	if keys := checkConsistent(t, answers); keys != want || fresh != want {
		t.Errorf("%d keys and %d answers that are not repeats, want %d of both", keys, fresh, want)
	}
	for p := range pools {
		checkOrder(t, answers, poolName(p))
	}
}

// checkConsistent wants one answer for each key, however often it was given,
// and returns how many keys there are.
func checkConsistent(t *testing.T, answers []answer) int {
	t.Helper()
	first := map[string]client.Assignment{} // by key
	for _, a := range answers {
		known, ok := first[a.key]
		if !ok {
			first[a.key] = a.assignment
			continue
		}
		if known.ID != a.assignment.ID || known.Seq != a.assignment.Seq || known.Planner != a.assignment.Planner ||
			!known.AssignedAt.Equal(a.assignment.AssignedAt) {
			t.Errorf("key %s has two answers: %+v and %+v", a.key, known, a.assignment)
		}
	}
	return len(first)
}

// checkOrder wants each position once, and a call that was answered before
// another was sent to come before it.
func checkOrder(t *testing.T, answers []answer, pool string) {
	t.Helper()
	var fresh []answer
	for _, a := range answers {
		if a.pool == pool && !a.replayed {
			fresh = append(fresh, a)
		}
	}
	slices.SortFunc(fresh, func(a, b answer) int { return int(a.assignment.Seq - b.assignment.Seq) })
	latestSent := time.Duration(0) // of all with a smaller seq
	for i, a := range fresh {
		if i > 0 && a.assignment.Seq == fresh[i-1].assignment.Seq {
			t.Errorf("%s: position %d was given twice", pool, a.assignment.Seq)
		}
		if a.got < latestSent {
			t.Errorf("%s: position %d was answered before a smaller one was asked for", pool, a.assignment.Seq)
		}
		latestSent = max(latestSent, a.sent)
	}
}

// checkCounts wants the planners' counts within 1 of each other.
func checkCounts(t *testing.T, i *program.Instance, pool string, planners int) {
	t.Helper()
	limit := 1000
	r, err := i.ListPlannersWithResponse(context.Background(), pool, &client.ListPlannersParams{Limit: &limit})
	if err != nil || r.StatusCode() != http.StatusOK {
		t.Fatalf("list planners of %s: %v", pool, err)
	}
	if len(r.JSON200.Planners) != planners {
		t.Errorf("%s has %d planners, want %d", pool, len(r.JSON200.Planners), planners)
	}
	least, most := r.JSON200.Planners[0].Assigned, r.JSON200.Planners[0].Assigned
	for _, p := range r.JSON200.Planners {
		least, most = min(least, p.Assigned), max(most, p.Assigned)
	}
	if most-least > 1 {
		t.Errorf("%s: planners have %d to %d assignments", pool, least, most)
	}
	t.Logf("%s: planners have %d to %d assignments", pool, least, most)
}
