package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	html "fairlead/internal/page"
	"fairlead/internal/page/chart"
	"fairlead/internal/page/unit"
)

// WriteHTML writes the report as one page that needs nothing else: no network,
// no script, no other file.
func (r *Report) WriteHTML(w io.Writer) error {
	p := html.Page{
		Title:    "Designs side by side",
		Subtitle: r.whatRan(),
		Verdict:  r.banner(),
		Tiles:    r.tiles(),
		Notices:  r.Warnings,
		Footer:   "Written by fairlead compare.",
	}
	for i := range r.Levels {
		p.Sections = append(p.Sections, r.Levels[i].section())
	}
	p.Sections = append(p.Sections, r.serverSection(), legend(r))
	return p.Write(w)
}

func (r *Report) whatRan() string {
	s := fmt.Sprintf("On %s %s: %s of %s for each design, turn about, with %s.", r.Database.Engine, r.Database.Version,
		unit.Plural(r.Rounds, "round"), unit.Span(r.StretchSeconds), unit.Plural(r.Planners, "planner"))
	if !r.At.IsZero() {
		s += " Begun " + r.At.UTC().Format("2 January 2006, 15:04:05 UTC") + "."
	}
	return s
}

// banner is the judge's word on our own design; the others' faults are results.
func (r *Report) banner() *html.Verdict {
	if !r.measured(Ours) {
		return nil
	}
	if r.OursClean() {
		return &html.Verdict{Pass: true, Word: "PASS", Text: "Fairlead assigned nothing wrongly and no turn twice, and every planner got the same share."}
	}
	return &html.Verdict{Word: "FAIL", Text: "The judge found faults in what Fairlead itself recorded or answered: see its rows below. This must not happen; please report it."}
}

func (r *Report) measured(design string) bool {
	for i := range r.Levels {
		if r.Levels[i].result(design) != nil {
			return true
		}
	}
	return false
}

func (l *Level) result(design string) *Result {
	i := slices.IndexFunc(l.Results, func(r Result) bool { return r.Design == design })
	if i < 0 {
		return nil
	}
	return &l.Results[i]
}

// tiles are of our design, level by level, and of what happens without a lock.
func (r *Report) tiles() []html.Tile {
	var tiles []html.Tile
	for i := range r.Levels {
		l := &r.Levels[i]
		if ours := l.result(Ours); ours != nil {
			tiles = append(tiles, html.Tile{Label: "Rate, " + unit.Plural(l.Clients, "client"), Value: rate(ours.Rate.Median), Note: "Fairlead" + timesTextbook(ours.Ratio)},
				html.Tile{Label: "p99, " + unit.Plural(l.Clients, "client"), Value: unit.Millis(ours.P99), Note: "Fairlead; p50 " + unit.Millis(ours.P50)})
		}
	}
	if l, none := r.worst(NoLock); none != nil {
		tiles = append(tiles, html.Tile{Label: "Wrong without a lock", Value: unit.Count(none.Verdict.Wrong), Bad: none.Verdict.Wrong > 0,
			Note: fmt.Sprintf("of %s, %s", unit.Plural(none.Verdict.Assignments, "assignment"), unit.Plural(l.Clients, "client"))})
	}
	return tiles
}

// worst is the level at which a design went wrong most often.
func (r *Report) worst(design string) (*Level, *Result) {
	var level *Level
	var result *Result
	for i := range r.Levels {
		if res := r.Levels[i].result(design); res != nil && (result == nil || res.Verdict.Wrong > result.Verdict.Wrong) {
			level, result = &r.Levels[i], res
		}
	}
	return level, result
}

func rate(v float64) string { return unit.Rate(rounded(v)) }

// rounded drops the decimals that a rate says nothing with.
func rounded(v float64) float64 {
	if v < 10 {
		return v
	}
	return math.Round(v)
}

func timesTextbook(ratio *float64) string {
	if ratio == nil {
		return ""
	}
	return ", " + unit.Times(*ratio) + " the textbook lock"
}

func (l *Level) section() html.Section {
	s := html.Section{Title: unit.Plural(l.Clients, "client"), Text: "Each client has one request under way at any time."}
	if len(l.Results) == 0 {
		return s
	}
	s.Figures = []html.Figure{l.rates(), l.latencies()}
	for _, design := range []string{NoLock, Ours} {
		if res := l.result(design); res != nil && len(res.PerPlanner) > 0 {
			s.Figures = append(s.Figures, res.planners())
		}
	}
	s.Tables = []html.Table{l.speedTable(), l.faultTable()}
	s.Lists = l.remarks()
	return s
}

func (l *Level) rates() html.Figure {
	b := chart.Bars{Head: chart.Head{Title: "Assignments per second with " + unit.Plural(l.Clients, "client"), Desc: "The same figures are in the table of speed."}}
	most := 0.0
	for _, res := range l.Results {
		most = max(most, res.Rate.Median, res.Rate.Most)
		text := rate(res.Rate.Median)
		if res.Ratio != nil {
			text += " · " + unit.Times(*res.Ratio)
		}
		b.Rows = append(b.Rows, chart.Bar{Label: res.Title, Value: res.Rate.Median, Least: res.Rate.Least, Most: res.Rate.Most, Text: text, Strong: res.Design == Ours})
	}
	b.Axis = chart.Axis{Title: "assignments per second", Scale: chart.Linear(most, unit.Count)}
	caption := "Median of the rounds; the thin line goes from the slowest round to the fastest."
	if l.result(Textbook) != nil {
		caption += " × is the ratio to the textbook lock."
	}
	return html.Figure{Chart: b, Caption: caption}
}

func (l *Level) latencies() html.Figure {
	d := chart.Dots{Head: chart.Head{Title: "Latency with " + unit.Plural(l.Clients, "client"), Desc: "The same figures are in the table of speed."}, Series: []string{"p50", "p99"}}
	least, most := math.Inf(1), 0.0
	for _, res := range l.Results {
		row := chart.DotRow{Label: res.Title, Text: unit.Millis(res.P50) + " / " + unit.Millis(res.P99)}
		for _, v := range []float64{res.P50 / 1000, res.P99 / 1000} {
			row.Values = append(row.Values, v)
			if v > 0 && !math.IsInf(v, 0) {
				least, most = min(least, v), max(most, v)
			}
		}
		d.Rows = append(d.Rows, row)
	}
	d.Axis = chart.Axis{Title: "latency, logarithmic", Scale: chart.Log(least, most, unit.Seconds)}
	return html.Figure{Chart: d, Caption: "Half of the calls took no longer than p50, all but one in a hundred no longer than p99."}
}

func (res *Result) planners() html.Figure {
	v := res.Verdict
	between := fmt.Sprintf("from %s to %s for each of %s", unit.Count(v.Least), unit.Count(v.Most), unit.Plural(len(res.PerPlanner), "planner"))
	c := chart.Counts{Head: chart.Head{Title: "Assignments per planner: " + res.Title, Desc: res.Title + ": " + between + "."},
		What: "assignments", Thing: "planner", Strong: res.Design == Ours}
	for i, n := range res.PerPlanner {
		c.Bars = append(c.Bars, chart.Column{Label: fmt.Sprint(i + 1), Value: float64(n)})
	}
	return html.Figure{Chart: c.Columns(), Caption: fmt.Sprintf("%s: %s, a spread of %s.", res.Title, between, unit.Count(v.Spread))}
}

func (l *Level) speedTable() html.Table {
	t := html.Table{Caption: "Speed with " + unit.Plural(l.Clients, "client"), Columns: []html.Column{{Name: "Design", Text: true}, {Name: "Assignments per second"}, {Name: "To the textbook"},
		{Name: "p50"}, {Name: "p99"}, {Name: "Slowest"}, {Name: "Connections"}}}
	for _, res := range l.Results {
		ratio := "–"
		if res.Ratio != nil {
			ratio = unit.Times(*res.Ratio)
		}
		row := html.Cells(res.Title, rate(res.Rate.Median), ratio, unit.Millis(res.P50), unit.Millis(res.P99), unit.Millis(res.Max), unit.Count(res.Connections))
		row.Cells[1].Note = unit.Count(rounded(res.Rate.Least)) + " to " + unit.Count(rounded(res.Rate.Most))
		row.Strong = res.Design == Ours
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (l *Level) faultTable() html.Table {
	t := html.Table{Caption: "Correctness with " + unit.Plural(l.Clients, "client"), Columns: []html.Column{{Name: "Design", Text: true}, {Name: "On record"}, {Name: "Wrong"}, {Name: "Turn given twice"},
		{Name: "Out of turn"}, {Name: "Answer contradicted"}, {Name: "Counts lost"}, {Name: "Spread"}, {Name: "Errors"}}}
	for _, res := range l.Results {
		v := res.Verdict
		row := html.Row{Strong: res.Design == Ours, Cells: []html.Cell{{Value: res.Title}, {Value: unit.Count(v.Assignments)}, fault(v.Wrong, 0), fault(v.Repeated, 0),
			{Value: "–"}, fault(v.Contradicted, 0), fault(v.LostCounts, 0), fault(v.Spread, 1), fault(res.Errors, 0)}}
		if v.OutOfTurn != nil {
			row.Cells[4] = fault(*v.OutOfTurn, 0)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// fault is bad above what the rule allows.
func fault(n, allowed int64) html.Cell { return html.Cell{Value: unit.Count(n), Bad: n > allowed} }

// remarks are what designs said that no table has room for.
func (l *Level) remarks() []html.List {
	list := html.List{Caption: "Errors and findings"}
	for _, res := range l.Results {
		if res.FirstError != "" {
			list.Items = append(list.Items, html.Item{Name: res.Title, Value: "first error: " + res.FirstError, Bad: true})
		}
		for _, f := range res.Verdict.Findings {
			list.Items = append(list.Items, html.Item{Name: res.Title, Value: f, Bad: true})
		}
	}
	if len(list.Items) == 0 {
		return nil
	}
	return []html.List{list}
}

func (r *Report) serverSection() html.Section {
	db := r.Database
	facts := []html.Item{
		{Name: "Database", Value: strings.TrimSpace(db.Engine + " " + db.Version)},
		{Name: "Commits are durable", Value: yesNo(db.Durable), Bad: !db.Durable},
		{Name: "Round trip", Value: unit.Millis(db.RoundTrip) + " for SELECT 1 (median)"},
	}
	s := html.Section{Title: "The servers", Lists: []html.List{{Caption: "Database", Items: append(facts, settings(db.Settings)...)}}}
	if r.Redis != nil {
		items := append([]html.Item{{Name: "Version", Value: r.Redis.Version}}, settings(r.Redis.Settings)...)
		s.Lists = append(s.Lists, html.List{Caption: "Redis", Items: items})
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes: what was answered survives a power cut"
	}
	return "no: a power cut takes answered assignments with it"
}

func settings(of []Setting) []html.Item {
	var items []html.Item
	for _, s := range of {
		if s.Value != "" {
			items = append(items, html.Item{Name: s.Name, Value: s.Value})
		}
	}
	return items
}

// legend says what the columns mean.
func legend(r *Report) html.Section {
	points := []string{
		"Wrong: assignments with at least one of the faults in the next three columns.",
		"Turn given twice: two requests were decided from the same state, so both took the same turn.",
		"Out of turn: somebody else had been given less at that moment. A dash: the design's records do not tell the order of its commits.",
		"Answer contradicted: the caller was told something that the records do not hold.",
		"Counts lost: by how much the counts that a design keeps of its planners differ from what they were given.",
		"Spread: what the planner with the most was given, less what the one with the least was given. By the rule it is at most 1.",
	}
	if r.Redis != nil {
		points = append(points, "Redis answers before its log is on the disk unless appendfsync is always: a crash of the machine then takes the last answers with it.")
	}
	points = append(points, fmt.Sprintf("All of it took %s, preparing and judging included.", unit.Span(r.Took)))
	return html.Section{Title: "How to read this", Points: points}
}
