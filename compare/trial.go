package compare

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A trial is one design at one number of clients, over all its rounds.
type trial struct {
	design
	pool     string
	clients  int
	planners []string

	warmed int     // answers of the warm-up, which are judged and not timed
	given  []given // what callers were told, the warm-up's first
	rates  []float64
	fails  int64
	first  error // of those that calls ended in
	inUse  int   // connections, at most
}

// given is one call that got its answer.
type given struct {
	answer
	key  uint64 // see keyText
	took time.Duration
}

// prepare makes the pool, and drives it for a moment that does not count.
func (t *trial) prepare(ctx context.Context, warmUp time.Duration) error {
	if err := t.add(ctx, t.pool, t.planners); err != nil {
		return fmt.Errorf("make the pool: %w", err)
	}
	err := t.stretch(ctx, warmUp, func(time.Duration) {})
	t.warmed, t.rates, t.inUse = len(t.given), nil, 0
	return err
}

// stretch keeps all callers busy for so long, and then lets them finish what
// they began: nothing that is under way is cut off or left out. It tells tick
// how much of the time is over.
func (t *trial) stretch(ctx context.Context, length time.Duration, tick func(time.Duration)) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	callers := make([]caller, t.clients)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range callers {
		wg.Go(func() {
			for ctx.Err() == nil && time.Since(began) < length {
				callers[i].call(ctx, t)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	t.watch(done, func() { tick(min(time.Since(began), length)) })
	took := time.Since(began)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return t.collect(callers, took)
}

// watch looks at the connections, and calls tick, until done.
func (t *trial) watch(done <-chan struct{}, tick func()) {
	often, seldom := time.NewTicker(2*time.Millisecond), time.NewTicker(200*time.Millisecond)
	defer often.Stop()
	defer seldom.Stop()
	for {
		select {
		case <-often.C:
			t.inUse = max(t.inUse, t.busy())
		case <-seldom.C:
			tick()
		case <-done:
			return
		}
	}
}

// collect adds what callers were told in a stretch. One in which nobody got an
// answer ends the comparison.
func (t *trial) collect(callers []caller, took time.Duration) error {
	before := len(t.given)
	for _, c := range callers {
		t.given = append(t.given, c.given...)
		t.fails += c.fails
		if t.first == nil {
			t.first = c.first
		}
	}
	answers := len(t.given) - before
	if answers == 0 {
		return errors.Join(errors.New("no call got an answer"), t.first)
	}
	t.rates = append(t.rates, float64(answers)/took.Seconds())
	return nil
}

// A caller has one request under way at a time.
type caller struct {
	given []given
	fails int64
	first error
}

// failPause keeps a caller whose calls fail at once from doing nothing else.
const failPause = 10 * time.Millisecond

func (c *caller) call(ctx context.Context, t *trial) {
	key := rand.Uint64()
	began := time.Now()
	a, err := t.assign(ctx, t.pool, keyText(key))
	took := time.Since(began)
	if err == nil {
		c.given = append(c.given, given{a, key, took})
		return
	}
	c.fails++
	if c.first == nil {
		c.first = err
	}
	select {
	case <-time.After(failPause):
	case <-ctx.Done():
	}
}

// keyText is an idempotency key of the length of a UUID, and as random.
func keyText(key uint64) string { return fmt.Sprintf("compare-0000-4000-8000-%016x", key) }

// longest is the longest latency that the histogram tells from longer ones.
const longest = time.Minute

// result sums the trial up, and judges it.
func (t *trial) result(ctx context.Context) (Result, error) {
	l, err := t.ledger(ctx, t.pool)
	if err != nil {
		return Result{}, err
	}
	times := hdrhistogram.New(1, longest.Microseconds(), 3)
	for _, g := range t.given[t.warmed:] {
		_ = times.RecordValue(min(g.took, longest).Microseconds())
	}
	at := func(percent float64) float64 { return float64(times.ValueAtPercentile(percent)) / 1000 }
	r := Result{
		Design:      t.name(),
		Title:       t.title(),
		Rate:        rateOf(t.rates),
		Rates:       t.rates,
		P50:         at(50),
		P99:         at(99),
		Max:         float64(times.Max()) / 1000,
		Connections: t.inUse,
		Answers:     int64(len(t.given) - t.warmed),
		Errors:      t.fails,
		PerPlanner:  perPlanner(t.planners, l.records),
		Verdict:     judge(t.planners, t.given, l),
	}
	if t.first != nil {
		r.FirstError = t.first.Error()
	}
	return r, nil
}

// perPlanner is how many assignments each planner has on record, most first.
func perPlanner(planners []string, records []record) []int64 {
	n := rowsOf(planners, records)
	counts := make([]int64, 0, len(n))
	for _, c := range n {
		counts = append(counts, c)
	}
	slices.Sort(counts)
	slices.Reverse(counts)
	return counts
}

// rowsOf counts records by planner; those without any are there with 0.
func rowsOf(planners []string, records []record) map[string]int64 {
	n := make(map[string]int64, len(planners))
	for _, p := range planners {
		n[p] = 0
	}
	for _, r := range records {
		n[r.planner]++
	}
	return n
}
