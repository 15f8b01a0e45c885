package load

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	html "fairlead/internal/page"
	"fairlead/internal/page/chart"
	"fairlead/internal/page/unit"
)

// WriteHTML writes the report as one page that needs nothing else: no network,
// no script, no other file.
func (r *Report) WriteHTML(w io.Writer) error {
	p := html.Page{
		Title:    "Load test",
		Subtitle: r.whatRan(),
		Verdict:  r.verdictBanner(),
		Tiles:    r.tiles(),
		Notices:  r.notices(),
		Footer:   "Run " + r.Run + ", written by fairlead load.",
	}
	for _, s := range []*html.Section{r.violationSection(), r.latencySection(), r.timeSection(),
		r.plannerSection(), r.outcomeSection(), r.judgedSection(), r.optionSection()} {
		if s != nil {
			p.Sections = append(p.Sections, *s)
		}
	}
	return p.Write(w)
}

func (r *Report) whatRan() string {
	s := fmt.Sprintf("%s, measured for %s against %s", r.loop(), unit.Span(r.Summary.Seconds), r.Service)
	if !r.Started.IsZero() {
		s += ", from " + r.Started.UTC().Format("2 January 2006, 15:04:05 UTC")
	}
	return s + "."
}

func (r *Report) loop() string {
	o := r.Options
	if o.Rate > 0 {
		return fmt.Sprintf("Open loop of %s with up to %s", unit.Rate(float64(o.Rate)), unit.Plural(o.Clients, "client"))
	}
	return "Closed loop of " + unit.Plural(o.Clients, "client")
}

func (r *Report) verdictBanner() *html.Verdict {
	v := r.Verdict
	if v.Pass {
		return &html.Verdict{Pass: true, Word: "PASS", Text: fmt.Sprintf(
			"Every answer was as the API promises: %s judged, no violation.", unit.Plural(r.Summary.Judged, "assignment"))}
	}
	text := html.Sentence(v.Why)
	if v.First != nil {
		text += " The first is " + v.First.String()
	}
	return &html.Verdict{Word: "FAIL", Text: text}
}

func (r *Report) tiles() []html.Tile {
	s, l := r.Summary, r.latencyOf("assign")
	tiles := []html.Tile{
		{Label: "Assignments per second", Value: unit.Count(math.Round(s.AssignedPerSecond)), Note: unit.Count(math.Round(s.CallsPerSecond)) + " calls per second"},
		{Label: "Latency, p50", Value: unit.Millis(l.P50), Note: "of assignments"},
		{Label: "Latency, p99", Value: unit.Millis(l.P99), Note: "slowest " + unit.Millis(l.Max)},
		{Label: "Assigned", Value: unit.Count(s.Assigned), Note: unit.Count(s.Replayed) + " replayed, " + unit.Count(s.Released) + " released"},
		{Label: "Refused", Value: unit.Count(s.Refused), Note: "as documented"},
		{Label: "Failed", Value: unit.Count(s.Failed), Note: "no usable answer", Bad: s.Failed > 0},
		{Label: "Violations", Value: unit.Count(r.Verdict.Violations), Note: "in " + unit.Count(s.Judged) + " judged", Bad: r.Verdict.Violations > 0},
	}
	if s.OfferedRate > 0 {
		tiles = append(tiles, html.Tile{Label: "Calls wanted", Value: unit.Rate(s.OfferedRate), Note: unit.Count(s.NeverBegun) + " never began", Bad: s.NeverBegun > 0})
	}
	return tiles
}

func (r *Report) latencyOf(kind string) Latency {
	for _, c := range r.Calls {
		if c.Kind == kind {
			return c.Latency
		}
	}
	return Latency{P50: math.NaN(), P99: math.NaN(), Max: math.NaN()}
}

func (r *Report) notices() []string {
	var ns []string
	s := r.Summary
	if s.Interrupted {
		ns = append(ns, "The run was interrupted before its time was up.")
	}
	if s.Late > 0 {
		ns = append(ns, fmt.Sprintf("%s began more than 10 ms after their time, at most %s late: the load test, or its machine, could not keep up. The latencies count the delay.",
			unit.Plural(s.Late, "call"), unit.Millis(s.MostLateMs)))
	}
	if s.NeverBegun > 0 {
		ns = append(ns, fmt.Sprintf("%s never began, since all clients were busy: the rate that was asked for is more than %s can drive.",
			unit.Plural(s.NeverBegun, "call"), unit.Plural(r.Options.Clients, "client")))
	}
	if s.Unsettled > 0 {
		ns = append(ns, fmt.Sprintf("The outcome of %s stayed unknown to the end.", unit.Plural(s.Unsettled, "call")))
	}
	return ns
}

func (r *Report) violationSection() *html.Section {
	v := r.Verdict
	if v.Violations == 0 && v.First == nil && len(v.Examples) == 0 {
		return nil
	}
	kinds := html.Table{Caption: "Violations by kind", Columns: []html.Column{{Name: "Kind", Text: true}, {Name: "Violations"}}}
	for _, k := range v.Kinds {
		kinds.Rows = append(kinds.Rows, html.Cells(k.Kind, unit.Count(k.Count)))
	}
	examples := html.Table{Caption: "The first of each kind", Columns: []html.Column{{Name: "Kind", Text: true}, {Name: "What was wrong", Text: true}}}
	for _, e := range v.Examples {
		examples.Rows = append(examples.Rows, html.Row{Cells: []html.Cell{{Value: e.Kind, Note: e.Pool}, {Value: e.Text}}})
	}
	return &html.Section{Title: "Violations", Tables: []html.Table{kinds, examples}}
}

func (r *Report) latencySection() *html.Section {
	if len(r.Calls) == 0 {
		return nil
	}
	s := &html.Section{Title: "Latency", Figures: []html.Figure{r.distribution()}, Tables: []html.Table{r.latencies()}}
	s.Text = "From the moment a client sent its request to the end of the answer."
	if r.Options.Rate > 0 {
		s.Text = "From the moment a call should have begun, so that a stall counts for every call that it delayed."
	}
	return s
}

func (r *Report) distribution() html.Figure {
	var lines []chart.Series
	var samples int64
	least, most := math.Inf(1), 0.0
	for _, c := range r.Calls {
		samples = max(samples, c.Count)
		line := chart.Series{Name: c.Kind}
		for _, p := range c.Distribution {
			line.Points = append(line.Points, chart.Point{X: p.Quantile, Y: p.Ms / 1000})
			least, most = widen(least, most, p.Ms/1000)
		}
		lines = append(lines, line)
	}
	return html.Figure{
		Chart: chart.Lines{
			Head: chart.Head{Title: "Latency by percentile", Desc: "The same figures are in the table of latencies."},
			X:    chart.Axis{Title: "share of calls that took no longer", Scale: chart.Quantiles(samples)},
			Y:    chart.Axis{Title: "latency, logarithmic", Scale: chart.Log(least, most, unit.Seconds)}, Series: lines},
		Caption: "Each step to the right looks at ten times rarer calls; the right edge is the slowest one.",
	}
}

// widen takes a value into a range, if it has a place on a logarithmic axis.
func widen(least, most, v float64) (float64, float64) {
	if v > 0 && !math.IsInf(v, 0) {
		return min(least, v), max(most, v)
	}
	return least, most
}

func (r *Report) latencies() html.Table {
	t := html.Table{Caption: "Calls that were answered as they should be", Columns: []html.Column{{Name: "Call", Text: true}, {Name: "Calls"},
		{Name: "Mean"}, {Name: "p50"}, {Name: "p90"}, {Name: "p99"}, {Name: "p99.9"}, {Name: "Slowest"}}}
	for _, c := range r.Calls {
		l := c.Latency
		t.Rows = append(t.Rows, html.Cells(c.Kind, unit.Count(c.Count), unit.Millis(l.Mean), unit.Millis(l.P50), unit.Millis(l.P90), unit.Millis(l.P99), unit.Millis(l.P999), unit.Millis(l.Max)))
	}
	return t
}

func (r *Report) timeSection() *html.Section {
	if len(r.Seconds) == 0 {
		return nil
	}
	s := &html.Section{Title: "Over time", Figures: []html.Figure{r.rateOverTime(), r.latencyOverTime()}}
	if r.Summary.Refused > 0 || r.Summary.Failed > 0 {
		s.Figures = append(s.Figures, r.troubleOverTime())
	}
	return s
}

// line is one value of each second, drawn in the middle of it.
func (r *Report) line(name string, of func(Second) float64) chart.Series {
	s := chart.Series{Name: name}
	for _, sec := range r.Seconds {
		s.Points = append(s.Points, chart.Point{X: float64(sec.Second) + 0.5, Y: of(sec)})
	}
	return s
}

func (r *Report) timeAxis() chart.Axis {
	last := float64(r.Seconds[len(r.Seconds)-1].Second + 1)
	return chart.Axis{Title: "time since the end of the warm-up", Scale: chart.Elapsed(last)}
}

func (r *Report) rateOverTime() html.Figure {
	line := r.line("rate", func(s Second) float64 { return s.Rate })
	least, most := math.Inf(1), 0.0
	for _, p := range line.Points {
		least, most = min(least, p.Y), max(most, p.Y)
	}
	return html.Figure{
		Chart: chart.Lines{
			Head: chart.Head{Title: "Assignments per second over time", Desc: fmt.Sprintf("Between %s and %s.", unit.Rate(math.Round(least)), unit.Rate(math.Round(most)))},
			X:    r.timeAxis(), Y: chart.Axis{Title: "assignments per second", Scale: chart.Linear(most, unit.Count)},
			Series: []chart.Series{line}},
		Caption: fmt.Sprintf("Slowest second %s, fastest %s.", unit.Rate(math.Round(least)), unit.Rate(math.Round(most))),
	}
}

func (r *Report) latencyOverTime() html.Figure {
	lines := []chart.Series{
		r.line("p50", func(s Second) float64 { return orGap(s.P50Ms) / 1000 }),
		r.line("p99", func(s Second) float64 { return orGap(s.P99Ms) / 1000 }),
	}
	least, most := math.Inf(1), 0.0
	for _, l := range lines {
		for _, p := range l.Points {
			least, most = widen(least, most, p.Y)
		}
	}
	return html.Figure{Chart: chart.Lines{
		Head: chart.Head{Title: "Latency of assignments over time", Desc: fmt.Sprintf("Second by second, p50 and p99 were between %s and %s.", unit.Seconds(least), unit.Seconds(most))},
		X:    r.timeAxis(), Y: chart.Axis{Title: "latency of assignments, logarithmic", Scale: chart.Log(least, most, unit.Seconds)},
		Series: lines}}
}

// orGap makes a gap of a second that has no latency.
func orGap(v float64) float64 {
	if v > 0 {
		return v
	}
	return math.NaN()
}

func (r *Report) troubleOverTime() html.Figure {
	lines := []chart.Series{
		r.line("refused", func(s Second) float64 { return float64(s.Refused) }),
		r.line("failed", func(s Second) float64 { return float64(s.Failed) }),
	}
	most := int64(0)
	for _, s := range r.Seconds {
		most = max(most, s.Refused, s.Failed)
	}
	return html.Figure{Chart: chart.Lines{
		Head: chart.Head{Title: "Calls refused and failed over time", Desc: fmt.Sprintf("At most %s in one second.", unit.Count(most))},
		X:    r.timeAxis(), Y: chart.Axis{Title: "calls per second", Scale: chart.Whole(float64(most))},
		Series: lines}}
}

func (r *Report) plannerSection() *html.Section {
	if len(r.Pools) == 0 {
		return nil
	}
	pools := slices.Clone(r.Pools)
	slices.SortStableFunc(pools, func(a, b Pool) int { return cmp.Compare(b.Most-b.Least, a.Most-a.Least) })
	s := &html.Section{Title: "Planners", Text: spreadText(pools), Figures: []html.Figure{plannerFigure(pools[0], len(pools) > 1)}}
	if len(pools) > 1 {
		s.Tables = append(s.Tables, poolTable(pools))
	}
	s.Tables = append(s.Tables, plannerTable(pools[0]))
	return s
}

func spreadText(pools []Pool) string {
	p := pools[0]
	if len(pools) == 1 {
		return fmt.Sprintf("In pool %s, the planner who was given the least got %s, and the one with the most %s.", p.ID, unit.Count(p.Least), unit.Count(p.Most))
	}
	return fmt.Sprintf("In %s, the largest difference between two planners of a pool is %s, in pool %s: the least is %s, the most %s.",
		unit.Plural(len(pools), "pool"), unit.Count(p.Most-p.Least), p.ID, unit.Count(p.Least), unit.Count(p.Most))
}

func plannerFigure(p Pool, ofMany bool) html.Figure {
	c := chart.Counts{Head: chart.Head{Title: "Assignments per planner of pool " + p.ID, Desc: fmt.Sprintf("%s: from %s to %s.", unit.Plural(len(p.Planners), "planner"), unit.Count(p.Least), unit.Count(p.Most))},
		What: "assignments", Thing: "planner"}
	for _, pl := range p.Planners {
		c.Bars = append(c.Bars, chart.Column{Label: pl.ID, Value: float64(pl.Assigned)})
	}
	f := html.Figure{Chart: c.Columns(), Caption: "The warm-up is included."}
	if ofMany {
		f.Caption = "The pool where the difference is largest. " + f.Caption
	}
	return f
}

// mostRows is how long a table gets before it is cut.
const mostRows = 1000

func poolTable(pools []Pool) html.Table {
	t := html.Table{Caption: "Pools, widest spread first", Folded: len(pools) > 12, Columns: []html.Column{{Name: "Pool", Text: true}, {Name: "Planners"}, {Name: "Assigned"},
		{Name: "Least"}, {Name: "Most"}, {Name: "Spread"}}}
	for _, p := range pools[:min(len(pools), mostRows)] {
		t.Rows = append(t.Rows, html.Cells(p.ID, unit.Count(len(p.Planners)), unit.Count(p.Assigned), unit.Count(p.Least), unit.Count(p.Most), unit.Count(p.Most-p.Least)))
	}
	t.Caption += cutNote(len(pools))
	return t
}

func plannerTable(p Pool) html.Table {
	t := html.Table{Caption: "Planners of pool " + p.ID, Folded: true, Columns: []html.Column{{Name: "Planner", Text: true}, {Name: "Assignments"}}}
	for _, pl := range p.Planners[:min(len(p.Planners), mostRows)] {
		t.Rows = append(t.Rows, html.Cells(pl.ID, unit.Count(pl.Assigned)))
	}
	t.Caption += cutNote(len(p.Planners))
	return t
}

func cutNote(n int) string {
	if n <= mostRows {
		return ""
	}
	return fmt.Sprintf(" (the first %s of %s)", unit.Count(mostRows), unit.Count(n))
}

func (r *Report) outcomeSection() *html.Section {
	if len(r.Outcomes) == 0 {
		return nil
	}
	t := html.Table{Caption: "How the measured calls ended", Columns: []html.Column{{Name: "Call", Text: true}, {Name: "Outcome", Text: true}, {Name: "Calls"}, {Name: "Share"}}}
	var all int64
	for _, o := range r.Outcomes {
		all += o.Count
	}
	for _, o := range r.Outcomes {
		t.Rows = append(t.Rows, html.Cells(o.Kind, o.Name, unit.Count(o.Count), unit.Percent(float64(o.Count)/float64(all))))
	}
	return &html.Section{Title: "Outcomes", Tables: []html.Table{t}}
}

func (r *Report) judgedSection() *html.Section {
	v := r.Verdict
	s := &html.Section{Title: "What was judged", Points: v.Judged}
	for _, n := range v.NotJudged {
		s.Points = append(s.Points[:len(s.Points):len(s.Points)], "Not judged: "+n)
	}
	l := html.List{}
	if p := v.Replayed; p != nil {
		l.Items = append(l.Items, html.Item{Name: "Replayed over the API", Value: p.text()})
	}
	if p := v.Database; p != nil {
		l.Items = append(l.Items, html.Item{Name: "Replayed from the tables", Value: p.text()})
	}
	if len(l.Items) > 0 {
		s.Lists = []html.List{l}
	}
	if len(s.Points) == 0 && len(s.Lists) == 0 {
		return nil
	}
	return s
}

func (p *Replayed) text() string {
	return fmt.Sprintf("%s and %s of %s", unit.Plural(p.Assignments, "assignment"), unit.Plural(p.Events, "event"), unit.Plural(p.Pools, "pool"))
}

func (r *Report) optionSection() *html.Section {
	o := &r.Options
	items := []html.Item{
		{Name: "Service", Value: r.Service},
		{Name: "Load", Value: r.loop()},
		{Name: "Measured", Value: r.measured()},
		{Name: "Warm-up", Value: unit.Span(time.Duration(o.WarmUp).Seconds())},
		{Name: "Pools", Value: o.pools()},
		{Name: "Share of repeated keys", Value: unit.Percent(o.Retries)},
		{Name: "Share of releases", Value: unit.Percent(o.Releases)},
		{Name: "Share that wants a number", Value: unit.Percent(o.WithNumber)},
		{Name: "Connections", Value: o.connections()},
		{Name: "Timeout of a call", Value: unit.Span(time.Duration(o.Timeout).Seconds())},
	}
	return &html.Section{Title: "What was run", Lists: []html.List{{Items: items}}}
}

func (r *Report) measured() string {
	if n := r.Options.Count; n > 0 {
		return unit.Plural(n, "call")
	}
	return unit.Span(time.Duration(r.Options.For).Seconds())
}

func (o *Options) pools() string {
	if len(o.Use) > 0 {
		return strings.Join(o.Use, ", ")
	}
	return fmt.Sprintf("%s of %s and %s", unit.Plural(o.Pools, "pool"), unit.Plural(o.Planners, "planner"), unit.Plural(o.Numbers, "number"))
}

func (o *Options) connections() string {
	if o.KeepAlive {
		return "kept alive"
	}
	return "a new one for each call"
}
