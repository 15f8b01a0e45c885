package numbering_test

import (
	"container/heap"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fairlead/internal/numbering"
)

// The tables that telephone engineers dimension by give the offered load that N
// lines bear at a given blocking.
var tables = []struct {
	lines    int
	blocking float64
	load     float64
}{
	{1, 0.01, 0.0101}, {5, 0.01, 1.361}, {10, 0.01, 4.461}, {15, 0.01, 8.108}, {20, 0.01, 12.03}, {50, 0.01, 37.90}, {100, 0.01, 84.06},
	{10, 0.001, 3.092}, {20, 0.001, 9.412}, {50, 0.001, 32.51}, {100, 0.001, 75.24},
	{10, 0.02, 5.084}, {50, 0.02, 40.26}, {100, 0.02, 87.97}, {10, 0.05, 6.216}, {100, 0.05, 95.24},
}

func TestSizeAgainstTables(t *testing.T) {
	t.Parallel()
	for _, tt := range tables {
		if got := numbering.LoadFor(tt.lines, tt.blocking); math.Abs(got-tt.load) > 0.0006*tt.load+0.00005 {
			t.Errorf("%d lines at %g bear %.4f erlangs, the table says %g", tt.lines, tt.blocking, got, tt.load)
		}
		// The table's last digit is rounded, so a hair less load for sure fits.
		if n, err := numbering.NumbersFor(tt.load*0.999, tt.blocking); n != tt.lines || err != nil {
			t.Errorf("%g erlangs at %g need %d lines (%v), the table says %d", tt.load, tt.blocking, n, err, tt.lines)
		}
	}
}

// The recursion is the formula as it stands, where that can be worked out.
func TestBlockingIsTheFormula(t *testing.T) {
	t.Parallel()
	for _, load := range []float64{0.1, 1, 7.5, 40} {
		for n := range 60 {
			term, sum := 1.0, 1.0
			for i := 1; i <= n; i++ {
				term *= load / float64(i)
				sum += term
			}
			if got, want := numbering.Blocking(load, n), term/sum; math.Abs(got-want) > 1e-12*want {
				t.Errorf("B(%g, %d) = %g, want %g", load, n, got, want)
			}
		}
	}
}

func TestNumbersForIsTheSmallest(t *testing.T) {
	t.Parallel()
	for _, load := range []float64{0.001, 0.5, 1, 10, 1040, 50_000} {
		for _, blocking := range []float64{0.1, 0.01, 0.001, 1e-6} {
			n, err := numbering.NumbersFor(load, blocking)
			if err != nil {
				t.Fatal(err)
			}
			if numbering.Blocking(load, n) > blocking || n > 0 && numbering.Blocking(load, n-1) <= blocking {
				t.Errorf("%g erlangs at %g: %d is not the smallest", load, blocking, n)
			}
			if bears := numbering.LoadFor(n, blocking); bears < load || numbering.LoadFor(n-1, blocking) >= load {
				t.Errorf("%g erlangs at %g: %d numbers, which bear %g", load, blocking, n, bears)
			}
		}
	}
}

func TestSizeAtTheEdges(t *testing.T) {
	t.Parallel()
	if n, err := numbering.NumbersFor(0, 0.001); n != 1 || err != nil {
		t.Errorf("no load needs %d, %v", n, err) // B(0) is 1: whoever comes finds none
	}
	if _, err := numbering.NumbersFor(2*numbering.MaxNumbers, 0.001); !errors.Is(err, numbering.ErrTooMany) {
		t.Error(err)
	}
	for _, bad := range [][2]float64{{-1, 0.1}, {1, 0}, {math.NaN(), 0.1}, {1, math.NaN()}} {
		if n, err := numbering.NumbersFor(bad[0], bad[1]); err == nil {
			t.Errorf("%v needs %d", bad, n)
		}
	}
	if got := numbering.LoadFor(0, 0.1); got != 0 {
		t.Errorf("no numbers bear %g", got)
	}
	if got := numbering.Load(40.0/3600, 26*time.Hour); math.Abs(got-1040) > 1e-9 {
		t.Errorf("40 an hour for 26 hours is %g", got)
	}
	if got := numbering.Blocking(1e-300, 1000); got != 0 {
		t.Errorf("%g", got)
	}
}

// away are times for which a number is away, with a mean of one.
var away = map[string]func(*rand.Rand) float64{
	"always the same": func(*rand.Rand) float64 { return 1 },
	"exponential":     func(r *rand.Rand) float64 { return r.ExpFloat64() },
	"mostly short": func(r *rand.Rand) float64 {
		if r.Float64() < 0.9 {
			return 0.2
		}
		return 8.2
	},
}

const (
	simLoad     = 40.0
	simNumbers  = 50
	simRequests = 2_000_000
)

// A pool that is played through loses what the formula says, whatever the
// distribution of the times, and one number more or less can be told apart.
func TestSizeAgainstSimulation(t *testing.T) {
	t.Parallel()
	want := numbering.Blocking(simLoad, simNumbers)
	step := want - numbering.Blocking(simLoad, simNumbers+1)
	for name, away := range away {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := simulate(simNumbers, 1, away)
			t.Logf("formula %.5f, simulation %.5f, one number more %.5f", want, got, want-step)
			if math.Abs(got-want) > step/2 {
				t.Errorf("simulation loses %.5f, formula says %.5f", got, want)
			}
		})
	}
}

// Requests that come three at a time, as many in all, lose far more.
func TestBurstsNeedMore(t *testing.T) {
	t.Parallel()
	if got, calm := simulate(simNumbers, 3, away["exponential"]), numbering.Blocking(simLoad, simNumbers); got < 2*calm {
		t.Errorf("in bursts %.5f are lost, one by one %.5f", got, calm)
	}
}

// simulate returns the share of requests that found none of n numbers. They
// come at simLoad in a unit of time, so many at once.
func simulate(n, atOnce int, away func(*rand.Rand) float64) float64 {
	r := rand.New(rand.NewPCG(1917, 1957))
	var back times
	lost, now := 0, 0.0
	for i := range simRequests {
		if i%atOnce == 0 {
			now += r.ExpFloat64() * float64(atOnce) / simLoad
		}
		for len(back) > 0 && back[0] <= now {
			heap.Pop(&back)
		}
		if len(back) == n {
			lost++
			continue
		}
		heap.Push(&back, now+away(r))
	}
	return float64(lost) / simRequests
}

// times are when numbers come back, the next first.
type times []float64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(x any)        { *t = append(*t, x.(float64)) }
func (t *times) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}
