package compare

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRateOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rounds []float64
		want   Rate
	}{
		{[]float64{7}, Rate{7, 7, 7}},
		{[]float64{9, 1, 5}, Rate{5, 1, 9}},
		{[]float64{4, 1, 2, 9}, Rate{3, 1, 9}},
	} {
		if got := rateOf(tt.rounds); got != tt.want {
			t.Errorf("rateOf(%v) = %+v, want %+v", tt.rounds, got, tt.want)
		}
	}
}

func TestRatios(t *testing.T) {
	t.Parallel()
	l := Level{Results: []Result{
		{Design: NoLock, Rate: Rate{Median: 1000, Least: 1, Most: 9000}},
		{Design: Textbook, Rate: Rate{Median: 500}},
		{Design: Ours, Rate: Rate{Median: 10_000}},
	}}
	l.setRatios()
	var got []float64
	for _, r := range l.Results {
		got = append(got, *r.Ratio)
	}
	if diff := cmp.Diff([]float64{2, 1, 20}, got); diff != "" {
		t.Errorf("ratios (-want +got):\n%s", diff)
	}

	without := Level{Results: []Result{{Design: Ours, Rate: Rate{Median: 10}}}}
	without.setRatios()
	if r := without.Results[0].Ratio; r != nil {
		t.Errorf("ratio %v to a textbook lock that was not measured", *r)
	}
}

func TestWriteTable(t *testing.T) {
	t.Parallel()
	r := Report{
		Database: Database{Engine: "MySQL", Version: "8.4.3", RoundTrip: 0.25, Settings: []Setting{{"log_bin", "ON"}, {"sync_binlog", ""}}},
		Planners: 50, Rounds: 5, StretchSeconds: 6,
		Warnings: []string{"commits are not durable"},
		Levels: []Level{{Clients: 64, Results: []Result{
			{Title: "no lock", Rate: Rate{1234.4, 1000, 1500}, P50: 1.5, P99: 20, Connections: 64, Ratio: ptr(2.5), Verdict: Verdict{Wrong: 77, Repeated: 77, Spread: 9}},
			{Title: "Fairlead", Errors: 3, FirstError: "100% busy", Verdict: Verdict{OutOfTurn: ptr(int64(0)), Findings: []string{"gap"}}},
		}}},
	}
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"MySQL 8.4.3, round trip 0.25 ms; log_bin=ON\n",
		"5 rounds of 6 s",
		"WARNING: commits are not durable\n",
		"no lock              1234   1000..1500       2.50 x    1.50   20.00           64     77       9\n",
		"no lock: 77 assignments were of a turn that had been handed out already\n",
		"Fairlead: 3 calls ended in an error, the first in: 100% busy\n",
		"Fairlead: verify: gap\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, &b)
		}
	}
}
