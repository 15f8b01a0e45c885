// Package unit writes figures for people.
package unit

import (
	"math"
	"strconv"
	"strings"
)

// unknown stands for what is not a number.
const unknown = "–"

// Count writes a number with thousands separated, and with decimals only where
// it is small and not whole.
func Count[N int | int64 | float64](n N) string {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return unknown
	}
	switch a := math.Abs(v); {
	case a < 0.01:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case a < 10:
		return decimal(v, 2)
	default:
		return thousands(decimal(v, 0))
	}
}

// Plural writes how many things there are: "1 planner", "50 planners".
func Plural[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Count(n) + " " + thing + "s"
}

// Percent writes a share of 1, and tells a small one from none.
func Percent(v float64) string {
	switch v *= 100; {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return unknown
	case v > 0 && v < 0.01:
		return "<0.01%"
	}
	return thousands(decimal(v, 2)) + "%"
}

// Rate writes a number of things per second, as "8,400/s".
func Rate(v float64) string {
	s := Count(v)
	if s == unknown {
		return s
	}
	return s + "/s"
}

// Seconds writes a duration given in seconds with three digits and the unit
// that makes it short: "850 µs", "1.25 ms", "2.5 s".
func Seconds(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return unknown
	case v == 0:
		return "0 s"
	case a < 999.5e-9:
		return digits(v*1e9) + " ns"
	case a < 999.5e-6:
		return digits(v*1e6) + " µs"
	case a < 999.5e-3:
		return digits(v*1e3) + " ms"
	default:
		return digits(v) + " s"
	}
}

// Span writes the seconds that something long took: "90 s", "5 min 30 s",
// "6 h".
func Span(v float64) string {
	const longest = 1e9 // thirty years
	switch v = roundSpan(v); {
	case !(v >= 120) || v > longest:
		return Seconds(v)
	case v < 3600:
		return two(int64(v), 60, "min", "s")
	default:
		return two(int64(v)/60, 60, "h", "min")
	}
}

// roundSpan drops what Span does not show of a long time, so that it cannot
// round up to 60 of something.
func roundSpan(v float64) float64 {
	switch {
	case v >= 3600-30:
		return math.Round(v/60) * 60
	case v >= 120:
		return math.Round(v)
	}
	return v
}

// two writes a number of small things as large ones and what is left.
func two(n, per int64, large, small string) string {
	s := Count(n/per) + " " + large
	if n%per != 0 {
		s += " " + Count(n%per) + " " + small
	}
	return s
}

// Millis is Seconds for a duration given in milliseconds.
func Millis(v float64) string { return Seconds(v / 1000) }

// Times writes a ratio: "0.85×", "15×".
func Times(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return unknown
	}
	return digits(v) + "×"
}

// digits keeps three significant digits, and all of those before the point.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a < 9.995:
		return decimal(v, 2)
	case a < 99.95:
		return decimal(v, 1)
	default:
		return thousands(decimal(v, 0))
	}
}

// endless is where a number is not worth its digits.
const endless = 1e15

func decimal(v float64, decimals int) string {
	if math.Abs(v) >= endless {
		return strconv.FormatFloat(v, 'e', 2, 64)
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

func thousands(s string) string {
	sign, whole, fraction := "", s, ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if i := strings.IndexByte(whole, '.'); i >= 0 {
		whole, fraction = whole[:i], whole[i:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole + fraction
}
