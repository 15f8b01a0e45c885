package chart

import (
	"math"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// values are those that charts are drawn of, and those that they should
// survive.
func values() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64Range(0, 1e7), rapid.Float64Range(0, 1), rapid.Float64(),
		rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1, 10, 0.1, 0.3}))
}

// checkScale fails unless the ticks of a scale can be labelled: a few, in
// order, on the axis, each with a text of its own.
func checkScale(t *rapid.T, name string, s Scale, fewest, most int) {
	if len(s.ticks) < fewest || len(s.ticks) > most {
		t.Fatalf("%s: %d ticks, want %d to %d: %v", name, len(s.ticks), fewest, most, s.labels())
	}
	if !(s.lo < s.hi) || math.IsInf(s.hi-s.lo, 0) {
		t.Fatalf("%s: axis from %v to %v", name, s.lo, s.hi)
	}
	before, label := math.Inf(-1), ""
	for _, tk := range s.ticks {
		at, ok := s.at(tk.value)
		if !ok || at <= before || at < 0 || at > 1 {
			t.Fatalf("%s: tick %v is at %v, the one before at %v", name, tk.value, at, before)
		}
		if tk.label == label {
			t.Fatalf("%s: two ticks are labelled %q: %v", name, label, s.labels())
		}
		before, label = at, tk.label
	}
}

// exact writes a value so that it differs from all others.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', 12, 64) }

// isRound tells 1, 2 and 5 times powers of ten.
func isRound(v float64) bool {
	m := v / math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	for _, r := range []float64{1, 2, 5} {
		if math.Abs(m-r) < 1e-6 {
			return true
		}
	}
	return false
}

func TestLinearTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := values().Draw(t, "most")
		s := Linear(most, exact)
		checkScale(t, "linear", s, 2, mostTicks+1)
		step := s.ticks[1].value
		if !isRound(step) || s.ticks[0].value != 0 {
			t.Fatalf("ticks begin %v, %v", s.ticks[0].value, step)
		}
		if at, ok := s.at(most); most > 0 && most < 1e200 && most > 1e-200 && (!ok || s.hi < most*(1-1e-6) || s.hi-step > most*(1+1e-6) || at < 0.5) {
			t.Fatalf("axis ends at %v, steps of %v, for values up to %v, which is at %v", s.hi, step, most, at)
		}
	})
}

func TestWholeTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Whole(rapid.Float64Range(0, 1e12).Draw(t, "most"))
		checkScale(t, "whole", s, 2, mostTicks+1)
		for _, tk := range s.ticks {
			if tk.value != math.Trunc(tk.value) {
				t.Fatalf("tick at %v", tk.value)
			}
		}
	})
}

func TestLogTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		least, most := values().Draw(t, "least"), values().Draw(t, "most")
		s := Log(least, most, exact)
		if len(s.ticks) > 10 {
			t.Fatalf("%d ticks", len(s.ticks))
		}
		if least < 1e-8 || most > 1e12 {
			return // far from any latency: drawn, however labelled
		}
		checkScale(t, "log", s, 2, 10)
		for _, tk := range s.ticks {
			if !isRound(tk.value) {
				t.Fatalf("tick at %v", tk.value)
			}
		}
		if least <= most && (math.Pow(10, s.lo) > least*(1+1e-6) || math.Pow(10, s.hi) < most*(1-1e-6)) {
			t.Fatalf("axis from %v to %v for %v to %v", math.Pow(10, s.lo), math.Pow(10, s.hi), least, most)
		}
	})
}

func TestQuantileTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkScale(t, "quantiles", Quantiles(rapid.Int64().Draw(t, "n")), 3, 9)
	})
	s := Quantiles(12_345)
	want := []string{"0%", "50%", "90%", "99%", "99.9%", "99.99%", "99.999%"}
	if diff := cmp.Diff(want, s.labels()); diff != "" {
		t.Error(diff)
	}
	nine, _ := s.at(0.9)
	two, _ := s.at(0.99)
	if at, ok := s.at(1); !ok || at != 1 || math.Abs(two-2*nine) > 1e-9 {
		t.Errorf("0.9 is at %v, 0.99 at %v, 1 at %v", nine, two, at)
	}
}

func TestElapsedTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seconds := values().Draw(t, "seconds")
		s := Elapsed(seconds)
		if seconds > 1e-3 && seconds < 1e9 {
			checkScale(t, "elapsed", s, 2, mostTicks+1)
			if s.hi != seconds {
				t.Fatalf("axis ends at %v, not at %v", s.hi, seconds)
			}
		}
	})
	for seconds, want := range map[float64][]string{
		0.5:   {"0 s", "100 ms", "200 ms", "300 ms", "400 ms", "500 ms"},
		5:     {"0 s", "1 s", "2 s", "3 s", "4 s", "5 s"},
		150:   {"0 s", "30 s", "60 s", "90 s", "120 s", "150 s"},
		299:   {"0 min", "1 min", "2 min", "3 min", "4 min"},
		21600: {"0 h", "1 h", "2 h", "3 h", "4 h", "5 h", "6 h"},
	} {
		if diff := cmp.Diff(want, Elapsed(seconds).labels()); diff != "" {
			t.Errorf("%v seconds: %s", seconds, diff)
		}
	}
}

func TestRoundNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]float64{-4: 0.05, -3: 0.1, -2: 0.2, -1: 0.5, 0: 1, 1: 2, 2: 5, 3: 10, 4: 20} {
		if got := nice(n); got != want {
			t.Errorf("nice(%d) = %v, want %v", n, got, want)
		}
		if above(want) != n || below(want) != n || above(want*0.9) != n || below(want*1.1) != n {
			t.Errorf("%v is not between the round numbers that it should be", want)
		}
	}
}
