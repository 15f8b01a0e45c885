package chaos

import (
	"bytes"
	"context"
	"fmt"
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
	stall := watchStalls(ctx)
	var clients sync.WaitGroup
	for k := range p.clients {
		clients.Go(func() { load.client(ctx, k) })
	}
	n.haunt(ctx)
	clients.Wait()
	stalled := <-stall

	v := verdict{plan: p, faults: n.counts, violations: n.wrong}
	found := func(what string, err error) {
		if err != nil {
			v.violations = append(v.violations, fmt.Sprintf("%s: %v", what, err))
		}
	}
	if t.Failed() {
		return v // the cluster itself broke down
	}
	found("promise 7: settle", load.settle())
	found("tables", n.leftOver())
	v.calls = c.record.Calls()
	var err error
	v.pools, err = c.read()
	found("read the pools", err)
	v.keep = func(dir string) (string, error) { return keep(dir, p, v.calls, v.pools) }
	for _, x := range history.Judge(v.calls, v.pools, history.Options{Slack: slack + stalled, Excused: c.excused}) {
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
// machine is busy. What it was seen to stand still comes on top.
const slack = time.Second

// watchStalls returns how long, at most, this process was kept from running
// while ctx was not done.
func watchStalls(ctx context.Context) <-chan time.Duration {
	longest := make(chan time.Duration, 1)
	go func() {
		const beat = 10 * time.Millisecond
		var most time.Duration
		for last := time.Now(); pause(ctx, beat); last = time.Now() {
			most = max(most, time.Since(last)-beat)
		}
		longest <- most
	}()
	return longest
}

// excused are calls whose instance could not answer, or not in time.
func (c *cluster) excused(call history.Call) bool {
	return c.stopped(call.Instance, call.Sent, call.Got)
}

// read returns what the pools hold, as callers can read it.
func (c *cluster) read() ([]history.Pool, error) {
	var pools []history.Pool
	for p := range c.plan.pools {
		pool, err := history.Read(context.Background(), c.seats[0].holder.ClientWithResponses, poolName(p))
		if err != nil {
			return nil, err
		}
		pools = append(pools, pool)
	}
	return pools, nil
}

// keep writes what a round saw to files, for somebody to look into.
func keep(dir string, p plan, calls []history.Call, pools []history.Pool) (string, error) {
	path := fmt.Sprintf("%s/seed-%d-lock-%s.jsonl", dir, p.seed, p.lock())
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
