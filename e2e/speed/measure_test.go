package speed

import (
	"flag"
	"slices"
	"sync"
	"testing"
	"time"
)

var (
	stretch = flag.Duration("stretch", 2*time.Second, "how long one way is measured before it is the next one's turn")
	rounds  = flag.Int("rounds", 5, "how often each way has its turn")
)

// A way is one of the things that are compared.
type way struct {
	name string
	dial func() (caller, error)
	pool func() string // of the next request; nil: always "hot"
}

// A result is what a way did in all of its turns.
type result struct {
	rates []float64 // assignments a second, of each turn
	p50s  []time.Duration
}

func (r result) rate() float64      { return median(r.rates) }
func (r result) p50() time.Duration { return median(r.p50s) }

func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// turnAbout measures the ways one after the other, again and again, and
// reports the rate and the median latency of each.
func turnAbout(b *testing.B, clients int, ways ...way) map[string]result {
	b.Helper()
	results := map[string]result{}
	for range *rounds {
		for _, w := range ways {
			rate, p50 := w.measure(b, clients)
			r := results[w.name]
			results[w.name] = result{append(r.rates, rate), append(r.p50s, p50)}
		}
	}
	b.ReportMetric(0, "ns/op") // of a whole comparison: means nothing
	for _, w := range ways {
		b.ReportMetric(results[w.name].rate(), w.name+"/s")
		b.ReportMetric(float64(results[w.name].p50().Microseconds()), w.name+"-p50-µs")
	}
	return results
}

// measure keeps clients busy for a stretch, each with one request at a time on
// a connection of its own that is open before the time begins.
func (w way) measure(b *testing.B, clients int) (rate float64, p50 time.Duration) {
	b.Helper()
	callers := make([]caller, clients)
	for i := range callers {
		c, err := w.dial()
		if err != nil {
			b.Fatalf("%s: %v", w.name, err)
		}
		defer c.close()
		callers[i] = c
	}
	pool := w.pool
	if pool == nil {
		pool = func() string { return "hot" }
	}
	var wg sync.WaitGroup
	times := make([][]time.Duration, clients)
	began := time.Now()
	for i, c := range callers {
		wg.Go(func() {
			for time.Since(began) < *stretch {
				sent := time.Now()
				if err := c.assign(pool(), newKey()); err != nil {
					b.Errorf("%s: %v", w.name, err)
					return
				}
				times[i] = append(times[i], time.Since(sent))
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	all := slices.Concat(times...)
	if b.Failed() || len(all) == 0 {
		b.Fatalf("%s: no valid measurement", w.name)
	}
	return float64(len(all)) / took.Seconds(), median(all)
}
