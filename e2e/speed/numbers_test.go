package speed

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/assign"
	"fairlead/internal/storetest"
	"fairlead/phone"
	"fairlead/store"
)

var (
	routeRate = flag.Int("route-rate", 2_000, "telephone calls a second")
	routeFor  = flag.Duration("route-for", 10*time.Second, "how long each of BenchmarkHTTPRoute's loads is measured")
)

// BenchmarkInsideNumbers is a pool of a million numbers beside one of a
// thousand: each request takes the number that has been free for longest, and
// gives it back.
func BenchmarkInsideNumbers(b *testing.B) {
	houses := map[string]*storetest.House{}
	for name, numbers := range map[string]int{"1000": 1_000, "1000000": 1_000_000} {
		houses[name] = storetest.New(b, store.Options{})
		houses[name].Fill(b, "hot", 50, numbers)
	}
	each(b, []int{1, 64, 512}, func(b *testing.B, clients int) {
		for b.Loop() {
			rates := map[string][]float64{}
			for range *rounds {
				for _, name := range []string{"1000", "1000000"} {
					rates[name] = append(rates[name], takeAndGiveBack(b, houses[name], clients))
				}
			}
			b.ReportMetric(0, "ns/op")
			for name, of := range rates {
				b.ReportMetric(median(of), name+"-numbers/s")
			}
			b.ReportMetric(median(rates["1000"])/median(rates["1000000"]), "cost")
		}
	})
}

func takeAndGiveBack(b *testing.B, h *storetest.House, clients int) (rate float64) {
	b.Helper()
	var done atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range clients {
		wg.Go(func() {
			for time.Since(began) < *stretch {
				a, err := h.Assign(b.Context(), assign.Request{Pool: "hot", Wish: assign.NumberRequired})
				if err == nil {
					_, err = h.Release(b.Context(), assign.Release{ID: a.ID})
				}
				if err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// BenchmarkHTTPRoute is where calls go, asked at a steady rate beside
// assignments on the same instance, at several rates of these. Latencies count
// from when a call was due.
func BenchmarkHTTPRoute(b *testing.B) {
	const live = 5_000
	h := storetest.New(b, store.Options{})
	h.Fill(b, "hot", 50, 200_000)
	cmd := binary.Command("serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--dsn="+h.Database.DSN)
	cmd.Env = append(os.Environ(), "FAIRLEAD_PHONE_KEYS="+phone.NewKey())
	s := start(b, cmd)
	giveTelephones(b, s)
	numbers := occupy(b, h, live)
	for _, beside := range []int{0, 500, 1_000, 2_000} {
		b.Run(fmt.Sprintf("assignments=%d", beside), func(b *testing.B) {
			for b.Loop() {
				var wg sync.WaitGroup
				var routes, assigns []time.Duration
				wg.Go(func() {
					routes = steady(b, s, *routeRate, 32, func(c *lightCaller) error { return route(c, numbers[rand.IntN(live)]) })
				})
				if beside > 0 {
					wg.Go(func() {
						assigns = steady(b, s, beside, 64, func(c *lightCaller) error { return c.assign("hot", newKey()) })
					})
				}
				wg.Wait()
				b.ReportMetric(0, "ns/op")
				report(b, "route", routes)
				report(b, "assign", assigns)
			}
		})
	}
}

func giveTelephones(b *testing.B, s *server) {
	b.Helper()
	c, err := s.light()
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	for i := range 50 {
		status, answer, err := c.(*lightCaller).send("PATCH", fmt.Sprintf("/v1/pools/hot/planners/p%06d", i+1), "", fmt.Sprintf(`{"phone":"0101234%04d"}`, i))
		if err != nil || !strings.Contains(status, "200") {
			b.Fatalf("%v: %s %s", err, status, answer)
		}
	}
}

// occupy makes assignments, and returns their numbers.
func occupy(b *testing.B, h *storetest.House, n int) []assign.Number {
	b.Helper()
	numbers := make([]assign.Number, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				a, err := h.Assign(b.Context(), assign.Request{Pool: "hot", Wish: assign.NumberRequired})
				if err != nil {
					b.Error(err)
					return
				}
				numbers[i] = a.Number
			}
		})
	}
	wg.Wait()
	return numbers
}

func route(c *lightCaller, n assign.Number) error {
	status, answer, err := c.send("GET", "/v1/numbers/"+string(n)+"/route", "", "")
	if err != nil {
		return err
	}
	var r struct {
		Planner struct{ Phone string }
	}
	if err := json.Unmarshal(answer, &r); err != nil || !strings.Contains(status, "200") || len(r.Planner.Phone) != 11 {
		return fmt.Errorf("%s %s", status, answer)
	}
	return nil
}

// steady makes calls at a rate, whatever becomes of the earlier ones, and
// returns how long after they were due they had their answers.
func steady(b *testing.B, s *server, rate, callers int, call func(*lightCaller) error) []time.Duration {
	var next atomic.Int64
	times := make([][]time.Duration, callers)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range callers {
		c, err := s.light()
		if err != nil {
			b.Error(err)
			return nil
		}
		wg.Go(func() {
			defer c.close()
			for {
				due := began.Add(time.Duration(next.Add(1)) * time.Second / time.Duration(rate))
				if due.Sub(began) > *routeFor {
					return
				}
				time.Sleep(time.Until(due))
				if err := call(c.(*lightCaller)); err != nil {
					b.Error(err)
					return
				}
				times[i] = append(times[i], time.Since(due))
			}
		})
	}
	wg.Wait()
	return slices.Concat(times...)
}

// report says how long calls took: in the middle, and but for one in a hundred.
func report(b *testing.B, what string, times []time.Duration) {
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), what+"-p50-ms")
	b.ReportMetric(at(0.99), what+"-p99-ms")
	b.ReportMetric(float64(len(times))/routeFor.Seconds(), what+"/s")
}
