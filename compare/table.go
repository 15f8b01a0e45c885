package compare

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the report for people, as plain text.
func (r *Report) WriteTable(w io.Writer) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s %s, round trip %.2f ms; %s\n", r.Database.Engine, r.Database.Version, r.Database.RoundTrip, settingsText(r.Database.Settings))
	if r.Redis != nil {
		fmt.Fprintf(b, "Redis %s as found: %s\n", r.Redis.Version, settingsText(r.Redis.Settings))
	}
	fmt.Fprintf(b, "one pool of %d planners; %d rounds of %g s for each design, turn about\n", r.Planners, r.Rounds, r.StretchSeconds)
	for _, text := range r.Warnings {
		fmt.Fprintf(b, "WARNING: %s\n", text)
	}
	for _, l := range r.Levels {
		l.write(b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func settingsText(settings []Setting) string {
	var parts []string
	for _, s := range settings {
		if s.Value != "" {
			parts = append(parts, s.Name+"="+s.Value)
		}
	}
	if len(parts) == 0 {
		return "its settings are unknown"
	}
	return strings.Join(parts, ", ")
}

func (l Level) write(b *strings.Builder) {
	b.WriteByte('\n')
	head := fmt.Sprintf("%d clients", l.Clients)
	width := len(head)
	for _, r := range l.Results {
		width = max(width, len(r.Title))
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%-*s\tassignments/s\tleast..most\tto textbook\tp50 ms\tp99 ms\tconnections\twrong\tspread\t\n", width, head)
	for _, r := range l.Results {
		ratio := "-"
		if r.Ratio != nil {
			ratio = fmt.Sprintf("%.2f x", *r.Ratio)
		}
		fmt.Fprintf(t, "%-*s\t%.0f\t%.0f..%.0f\t%s\t%.2f\t%.2f\t%d\t%d\t%d\t\n", width, r.Title,
			r.Rate.Median, r.Rate.Least, r.Rate.Most, ratio, r.P50, r.P99, r.Connections, r.Verdict.Wrong, r.Verdict.Spread)
	}
	t.Flush() // a Builder takes everything
	for _, r := range l.Results {
		for _, note := range r.notes() {
			fmt.Fprintf(b, "%s: %s\n", r.Title, note)
		}
	}
}

// notes say in words what was wrong.
func (r Result) notes() (notes []string) {
	v := r.Verdict
	for _, n := range []struct {
		count int64
		text  string
	}{
		{v.Repeated, "%d assignments were of a turn that had been handed out already"},
		{deref(v.OutOfTurn), "%d assignments went to a planner who did not have the least"},
		{v.Contradicted, "%d answers are not on record, or are there otherwise"},
		{v.LostCounts, "the planners' counts are off by %d in all"},
		{r.Errors, "%d calls ended in an error, the first in: " + strings.ReplaceAll(r.FirstError, "%", "%%")},
	} {
		if n.count > 0 {
			notes = append(notes, fmt.Sprintf(n.text, n.count))
		}
	}
	for _, f := range v.Findings {
		notes = append(notes, "verify: "+f)
	}
	return notes
}

func deref(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
