package chart

import (
	"math"
	"strconv"

	"fairlead/internal/page/unit"
)

// A Unit writes a value of an axis for people.
type Unit func(float64) string

// A Scale places values on an axis and knows where to label it.
// Make one with Linear, Whole, Log, Quantiles or Elapsed: whatever they are
// given, they return a scale that can be drawn.
type Scale struct {
	to     func(float64) float64
	lo, hi float64 // the ends, as to sees them
	ticks  []tick
}

type tick struct {
	value float64
	label string
	// minor says that the axis can be read without this label.
	minor bool
}

// at returns where a value is, from 0 to 1; what lies outside is put on the
// nearer end. It returns false for what has no place at all.
func (s Scale) at(v float64) (float64, bool) {
	t := s.to(v)
	if math.IsNaN(t) || math.IsNaN(v) {
		return 0, false
	}
	return min(max((t-s.lo)/(s.hi-s.lo), 0), 1), true
}

func (s Scale) labels() []string {
	var ls []string
	for _, t := range s.ticks {
		ls = append(ls, t.label)
	}
	return ls
}

const mostTicks = 6 // of an evenly spaced axis, the zero apart

// Linear runs from zero to the next round number after most.
func Linear(most float64, write Unit) Scale {
	return linear(most, 0, write)
}

// Whole is Linear for things that are counted: its ticks are whole numbers.
func Whole(most float64) Scale {
	return linear(most, 1, unit.Count)
}

func linear(most, leastStep float64, write Unit) Scale {
	if !positive(most) {
		most = 1
	}
	most = min(max(most, 1e-290), 1e290)
	step := max(roundUp(most/mostTicks), leastStep)
	n := max(1, math.Ceil(most/step-slack))
	s := Scale{to: itself, hi: n * step}
	for i := range int(n) + 1 {
		v := float64(i) * step
		s.ticks = append(s.ticks, tick{value: v, label: write(v)})
	}
	return s
}

func itself(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// roundUp returns the next 1, 2 or 5 times a power of ten.
func roundUp(v float64) float64 {
	return nice(above(v))
}

// slack forgives a division its error: 0.3/0.1 is three steps, not four.
const slack = 1e-9

// above returns which round number is the first that is not below v.
func above(v float64) int {
	n := 3 * int(math.Floor(math.Log10(v)))
	for nice(n) < v*(1-slack) {
		n++
	}
	return n
}

// below returns which round number is the last that is not above v.
func below(v float64) int {
	n := above(v)
	if nice(n) > v*(1+slack) {
		n--
	}
	return n
}

// nice counts the round numbers 1, 2, 5, 10, 20, ... from 1 = nice(0).
func nice(n int) float64 {
	k := n / 3
	if n%3 < 0 {
		k--
	}
	m := [...]float64{1, 2, 5}[n-3*k]
	if k < 0 {
		return m / math.Pow10(-k) // 2/1000 is nearer to 0.002 than 2*0.001
	}
	return m * math.Pow10(k)
}

// Log is logarithmic, from the round number below least to the one above
// most. It has no zero, so no bar may stand on it.
func Log(least, most float64, write Unit) Scale {
	switch {
	case !positive(least) && !positive(most):
		least, most = 1e-3, 1e-3
	case !positive(least):
		least = most
	case !positive(most):
		most = least
	case least > most:
		least, most = most, least
	}
	least, most = min(max(least, 1e-290), 1e290), min(max(most, 1e-290), 1e290)
	from, to := below(least), above(most)
	if from == to {
		from, to = from-1, to+1
	}
	s := Scale{to: log10, lo: log10(nice(from)), hi: log10(nice(to))}
	decades := (to-from)/27 + 1 // so that there are at most nine labels, however far it is
	for n := from; n <= to; n++ {
		whole := n%3 == 0
		if (whole && n/3%decades == 0) || to-from <= 9 {
			s.ticks = append(s.ticks, tick{value: nice(n), label: write(nice(n)), minor: !whole && to-from > 3})
		}
	}
	return s
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 0) }

func log10(v float64) float64 {
	if !positive(v) {
		return math.NaN()
	}
	return math.Log10(v)
}

// Quantiles gives every further nine the same room, from 0 to the first
// quantile with as many nines as n samples can tell: 0%, 90%, 99%, 99.9%, ...
// The maximum, quantile 1, is at the end.
func Quantiles(n int64) Scale {
	nines := min(max(math.Ceil(math.Log10(float64(max(n, 1)))), 2), 7)
	s := Scale{to: nineCount, hi: nines}
	s.ticks = []tick{{value: 0, label: "0%"}, {value: 0.5, label: "50%", minor: true}}
	for i := 1; i <= int(nines); i++ {
		q := 1 - math.Pow10(-i)
		s.ticks = append(s.ticks, tick{value: q, label: strconv.FormatFloat(q*100, 'f', max(0, i-2), 64) + "%"})
	}
	return s
}

func nineCount(q float64) float64 {
	switch {
	case q < 0 || q > 1 || math.IsNaN(q):
		return math.NaN()
	case q == 1:
		return math.MaxFloat64
	}
	return -math.Log10(1 - q)
}

// Elapsed runs over the seconds of a run, to its very end, with ticks where
// clocks have them.
func Elapsed(seconds float64) Scale {
	if !positive(seconds) {
		seconds = 1
	}
	step := clockStep(seconds / mostTicks)
	s := Scale{to: itself, hi: seconds}
	for i := 0; float64(i)*step <= seconds*(1+slack) && i <= 2*mostTicks; i++ {
		s.ticks = append(s.ticks, tick{value: float64(i) * step, label: clock(float64(i)*step, step)})
	}
	return s
}

const minute, hour = 60.0, 3600.0

func clockStep(least float64) float64 {
	for _, s := range []float64{1, 2, 5, 10, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
		hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour} {
		if least <= s && least > 0.5 {
			return s
		}
	}
	if least > hour {
		return 24 * hour * roundUp(least/(24*hour))
	}
	return roundUp(max(least, 1e-9))
}

func clock(v, step float64) string {
	switch {
	case step >= hour:
		return unit.Count(v/hour) + " h"
	case step >= minute:
		return unit.Count(v/minute) + " min"
	case step >= 1:
		return unit.Count(v) + " s"
	default:
		return unit.Seconds(v)
	}
}
