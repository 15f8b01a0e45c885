package unit

import (
	"math"
	"testing"
)

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"}, {Count(0.25), "0.25"}, {Count(9.999), "10"}, {Count(12.4), "12"}, {Count(999), "999"}, {Count(1000), "1,000"},
		{Count(int64(-1234567)), "-1,234,567"}, {Count(-0.001), "-0.001"}, {Count(0.0026), "0.0026"}, {Count(1e15), "1.00e+15"}, {Count(math.NaN()), "–"}, {Count(math.Inf(-1)), "–"},
		{Plural(1, "planner"), "1 planner"}, {Plural(0, "planner"), "0 planners"}, {Plural(int64(1200), "planner"), "1,200 planners"},
		{Percent(0), "0%"}, {Percent(0.25), "25%"}, {Percent(0.71428), "71.43%"}, {Percent(0.00001), "<0.01%"}, {Percent(1), "100%"},
		{Percent(math.NaN()), "–"}, {Percent(math.MaxFloat64), "–"},
		{Rate(8400), "8,400/s"}, {Rate(0.5), "0.5/s"}, {Rate(math.Inf(1)), "–"},
		{Seconds(0), "0 s"}, {Seconds(5e-9), "5 ns"}, {Seconds(850e-6), "850 µs"}, {Seconds(0.00125), "1.25 ms"}, {Seconds(0.0124), "12.4 ms"},
		{Seconds(999.4e-6), "999 µs"}, {Seconds(999.6e-6), "1 ms"}, {Seconds(0.9996), "1 s"}, {Seconds(2.5), "2.5 s"}, {Seconds(1234), "1,234 s"}, {Seconds(math.NaN()), "–"},
		{Millis(12.4), "12.4 ms"}, {Millis(1500), "1.5 s"},
		{Span(30), "30 s"}, {Span(0.5), "500 ms"}, {Span(119.9), "120 s"}, {Span(120), "2 min"}, {Span(330.4), "5 min 30 s"}, {Span(3599.9), "1 h"},
		{Span(3601), "1 h"}, {Span(21600), "6 h"}, {Span(22320), "6 h 12 min"}, {Span(math.NaN()), "–"}, {Span(math.Inf(1)), "–"},
		{Times(0.854), "0.85×"}, {Times(15), "15×"}, {Times(42.64), "42.6×"}, {Times(1234), "1,234×"}, {Times(math.NaN()), "–"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
