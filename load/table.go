package load

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// shownPools is how many pools the table lists.
const shownPools = 10

// WriteTable writes the report for people who read it in a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	t := &table{tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)}
	r.writeRate(t)
	r.writeLatency(t)
	r.writeOutcomes(t)
	r.writePools(t)
	r.writeVerdict(t)
	return t.Flush()
}

type table struct{ *tabwriter.Writer }

func (t *table) row(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (r *Report) writeRate(t *table) {
	s, o := &r.Summary, &r.Options
	mode := fmt.Sprintf("closed loop, %d clients", o.Clients)
	if o.Rate > 0 {
		mode = fmt.Sprintf("open loop, %g calls/s wanted, at most %d under way", float64(o.Rate), o.Clients)
	}
	t.row("run %s: %s, %s", r.Run, r.Service, mode)
	t.row("")
	t.row("assigned\t%.0f/s\t%d in %.1f s%s", s.AssignedPerSecond, s.Assigned, s.Seconds, interrupted(s))
	t.row("calls\t%.0f/s\t%d: %d repeated, %d released, %d refused, %d failed", s.CallsPerSecond, s.Calls, s.Replayed, s.Released, s.Refused, s.Failed)
	if o.Rate > 0 {
		t.row("not in time\t%d late\tat most %.1f ms; %d never begun", s.Late, s.MostLateMs, s.NeverBegun)
	}
	t.row("")
}

func interrupted(s *Summary) string {
	if s.Interrupted {
		return ", interrupted"
	}
	return ""
}

func (r *Report) writeLatency(t *table) {
	from := ""
	if r.Options.Rate > 0 {
		from = " from the time it was due"
	}
	t.row("latency in ms%s\tp50\tp90\tp99\tp99.9\tmax\tcalls", from)
	for _, c := range r.Calls {
		l := c.Latency
		t.row("  %s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d", c.Kind, l.P50, l.P90, l.P99, l.P999, l.Max, c.Count)
	}
	t.row("")
}

func (r *Report) writeOutcomes(t *table) {
	var bad bool
	for _, o := range r.Outcomes {
		if o.Name == outcomeNames[ok] {
			continue
		}
		if !bad {
			t.row("not as wished\tcall\tcount")
		}
		bad = true
		t.row("  %s\t%s\t%d", o.Name, o.Kind, o.Count)
	}
	if bad {
		t.row("")
	}
}

func (r *Report) writePools(t *table) {
	t.row("pool\tassigned\tplanners\tleast\tmost given to one")
	for _, p := range r.Pools[:min(shownPools, len(r.Pools))] {
		t.row("  %s\t%d\t%d\t%d\t%d", p.ID, p.Assigned, len(p.Planners), p.Least, p.Most)
	}
	if more := len(r.Pools) - shownPools; more > 0 {
		t.row("  and %d more", more)
	}
	t.row("")
}

func (r *Report) writeVerdict(t *table) {
	v := &r.Verdict
	if d := v.Replayed; d != nil {
		t.row("log replayed: %d assignments and %d events in %d pools", d.Assignments, d.Events, d.Pools)
	}
	if d := v.Database; d != nil {
		t.row("tables replayed: %d assignments and %d events in %d pools", d.Assignments, d.Events, d.Pools)
	}
	if s := &r.Summary; s.Settled+s.Unsettled > 0 {
		t.row("calls in doubt: %d settled afterwards, %d not", s.Settled, s.Unsettled)
	}
	for _, text := range v.NotJudged {
		t.row("not judged: %s", text)
	}
	if v.Pass {
		t.row("PASS: %d assignments judged, no violation", r.Summary.Judged)
		return
	}
	t.row("FAIL: %s", v.Why)
	if v.First != nil {
		t.row("first: %s", oneLine(v.First.String()))
	}
	for _, k := range v.Kinds {
		t.row("  %d of kind %s", k.Count, k.Kind)
	}
}

// oneLine keeps a text from breaking the table.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
