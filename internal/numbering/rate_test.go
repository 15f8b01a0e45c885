package numbering_test

import (
	"math"
	"testing"

	"fairlead/internal/numbering"
)

func TestParseRate(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]struct {
		perSecond float64
		text      string
	}{
		"40/h": {40.0 / 3600, "40/h"}, "3/min": {0.05, "3/min"}, "0.5/s": {0.5, "0.5/s"}, "1000/day": {1000.0 / 86400, "1000/day"},
		" 40 / H ": {40.0 / 3600, "40/h"}, "1000/d": {1000.0 / 86400, "1000/day"}, "1/minute": {1.0 / 60, "1/min"}, "1e3/hour": {1000.0 / 3600, "1000/h"},
	} {
		got, err := numbering.ParseRate(s)
		if err != nil || math.Abs(got.PerSecond()-want.perSecond) > 1e-12 || got.String() != want.text {
			t.Errorf("%q is %v, %g a second, %v", s, got, got.PerSecond(), err)
		}
	}
	for _, s := range []string{"", "40", "/h", "40/", "40/m", "0/h", "-1/h", "inf/h", "nan/h", "x/h", "40/week", "40/h/h"} {
		if got, err := numbering.ParseRate(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestRatePer(t *testing.T) {
	t.Parallel()
	r, _ := numbering.ParseRate("40/h")
	if got := r.Per(0.01).String(); got != "36/h" {
		t.Error(got)
	}
	if got := r.Per(12_345.678 / 3600).String(); got != "12345.68/h" {
		t.Error(got)
	}
}
