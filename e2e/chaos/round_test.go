package chaos

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/e2e/history"
	"fairlead/e2e/program"
)

// A verdict is what came of a round.
type verdict struct {
	plan       plan
	faults     map[string]int
	calls      []history.Call
	pools      []history.Pool
	violations []string
	keep       func(dir string) (string, error)
}

// play runs one round: a cluster, a workload, a nemesis, and the judges.
func play(t *testing.T, b *program.Program, p plan) verdict {
	t.Helper()
	c := newCluster(t, b, p)
	c.furnish()
	rest := c.resting()
	load := newWorkload(c)
	n := &nemesis{cluster: c, load: load, counts: map[string]int{}}

	ctx, cancel := context.WithTimeout(t.Context(), p.time)
	defer cancel()
	watched := c.watchStalls()
	var clients sync.WaitGroup
	for k := range p.clients {
		clients.Go(func() { load.client(ctx, k) })
	}
	n.haunt(ctx)
	clients.Wait()

	v := verdict{plan: p, faults: n.counts, violations: n.wrong}
	found := func(what string, err error) {
		if err != nil {
			v.violations = append(v.violations, fmt.Sprintf("%s: %v", what, err))
		}
	}
	found("promise 7: settle", load.settle())
	found("tables", n.leftOver())
	watched()
	v.calls = c.record.Calls()
	pools, err := c.read()
	v.keep = func(dir string) (string, error) { return c.keep(dir, v.calls, pools) }
	if err != nil {
		found("read the pools", err)
		return v // judged against nothing, everything would be wrong
	}
	v.pools = pools
	for _, x := range history.Judge(v.calls, pools, history.Options{Slack: slack, Grace: c.grace}) {
		v.violations = append(v.violations, x.String())
	}
	if out, code := b.Run(t, "verify", "--dsn="+c.db.DSN); code != 0 {
		v.violations = append(v.violations, fmt.Sprintf("verify exits with %d: %s", code, out))
	}
	found("promise 8: doubles", c.refusesDoubles())
	found("promise 10: left behind", c.leftBehind(rest))
	return v
}

// slack is what a call may take beyond its deadline: answers travel, and the
// machine is busy, more so where races are looked for.
const slack = time.Second + program.Race*4*time.Second

// watchStalls notes when this program was kept from running, and with it, for
// all that is known, everything else. It ends when the function that it returns
// is called.
func (c *cluster) watchStalls() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		const beat = 10 * time.Millisecond
		for last := c.record.Now(); pause(ctx, beat); {
			now := c.record.Now()
			if now-last > 5*beat {
				c.stalls = append(c.stalls, pausing{from: last, to: now})
			}
			last = now
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// grace is how much later than its deadline a call may be answered because
// nobody could run.
func (c *cluster) grace(call history.Call) time.Duration {
	return c.standstill(call.Instance, call.Sent, call.Got)
}

// read returns what the pools hold, as callers can read it.
func (c *cluster) read() ([]history.Pool, error) {
	var pools []history.Pool
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for p := range c.plan.pools {
		pool, err := history.Read(ctx, c.seats[0].holder.ClientWithResponses, poolName(p))
		if err != nil {
			return nil, err
		}
		pools = append(pools, pool)
	}
	return pools, nil
}

// keep writes what a round saw to a file, for somebody to look into: all calls,
// and the tables if they could be read.
func (c *cluster) keep(dir string, calls []history.Call, pools []history.Pool) (string, error) {
	engine := cmp.Or(os.Getenv("FAIRLEAD_TEST_ENGINE"), "mariadb")
	path := fmt.Sprintf("%s/%s-%s-seed-%d-lock-%s.jsonl", dir, time.Now().UTC().Format("0102T150405"), engine, c.plan.seed, c.plan.lock())
	return path, history.WriteFile(path, calls, pools)
}

func indent(lines []string, most int) string {
	var b bytes.Buffer
	for n, l := range lines {
		if n == most {
			fmt.Fprintf(&b, "    … and %d more\n", len(lines)-n)
			break
		}
		fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(strings.TrimSpace(l), "\n", "\n        "))
	}
	return b.String()
}
