package page_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead/internal/page"
	"fairlead/internal/page/chart"
	"fairlead/internal/page/pagetest"
	"fairlead/internal/page/unit"
)

var update = flag.Bool("update", false, "write the golden files anew")

// report makes a page a report, for pagetest.
type report page.Page

func (r *report) WriteHTML(w io.Writer) error { return (*page.Page)(r).Write(w) }

func TestPages(t *testing.T) {
	for name, r := range map[string]*report{
		"page-full":  everything("text"),
		"page-empty": {},
		"page-bare":  {Verdict: &page.Verdict{}, Tiles: []page.Tile{{}}, Sections: []page.Section{{Tables: []page.Table{{}, {Rows: []page.Row{{}, page.Cells("more than columns")}}}, Lists: []page.List{{}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, pagetest.Render(t, name, r))
		})
	}
}

func TestPageEscapes(t *testing.T) {
	const h = pagetest.Hostile
	text := pagetest.Render(t, "page-hostile", everything(h))
	if bytes.Contains([]byte(text), []byte("<script")) {
		t.Error("there is a script in the page")
	}
	if strings.Count(text, "&lt;script&gt;") < 25 {
		t.Error("the page does not show all of what it was given")
	}
}

// A page loads nothing, so that it opens without a network and tells nobody
// that it was opened.
func TestPageLoadsNothing(t *testing.T) {
	text := pagetest.Render(t, "page-alone", everything("text"))
	for _, bad := range []string{"http:", "https:", "//", "url(", "@import", "@font-face", "<script", "<link", "<img", "src=", "href="} {
		if strings.Contains(text, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
}

func TestSentence(t *testing.T) {
	for s, want := range map[string]string{"": "", " ": "", "a": "A.", "12 violations": "12 violations.", "All is well.": "All is well.", "été": "Été."} {
		if got := page.Sentence(s); got != want {
			t.Errorf("Sentence(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestWriteFails(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := everything("text").WriteHTML(w); err == nil {
		t.Error("no error from a writer that fails")
	}
}

// everything is a page with all there is, and the given text in all places.
func everything(s string) *report {
	head := chart.Head{Title: s, Desc: s}
	axis := func(sc chart.Scale) chart.Axis { return chart.Axis{Title: s, Scale: sc} }
	figures := []page.Figure{
		{Caption: s, Chart: chart.Lines{Head: head, X: axis(chart.Elapsed(30)), Y: axis(chart.Linear(100, unit.Rate)),
			Series: []chart.Series{{Name: s, Points: []chart.Point{{X: 1, Y: 10}, {X: 2, Y: 90}}}, {Name: s, Points: []chart.Point{{X: 1, Y: 1}}}}}},
		{Caption: s, Chart: chart.Bars{Head: head, Axis: axis(chart.Linear(10, unit.Count)), Rows: []chart.Bar{{Label: s, Value: 8, Least: 7, Most: 9, Text: s}}}},
		{Caption: s, Chart: chart.Dots{Head: head, Axis: axis(chart.Log(0.001, 1, unit.Seconds)), Series: []string{s}, Rows: []chart.DotRow{{Label: s, Values: []float64{0.01}, Text: s}}}},
		{Caption: s, Chart: chart.Columns{Head: head, XTitle: s, Y: axis(chart.Whole(3)), Bars: []chart.Column{{Label: s, Value: 2}}}},
	}
	columns := []page.Column{{Name: s, Text: true}, {Name: s}}
	return &report{
		Title: s, Subtitle: s, Verdict: &page.Verdict{Word: s, Text: s}, Notices: []string{s}, Footer: s,
		Tiles: []page.Tile{{Label: s, Value: s, Note: s, Bad: true}},
		Sections: []page.Section{{Title: s, Text: s, Points: []string{s}, Figures: figures,
			Tables: []page.Table{{Caption: s, Columns: columns, Rows: []page.Row{page.Cells(s, s)}},
				{Caption: s, Folded: true, Columns: columns, Rows: []page.Row{{Strong: true, Cells: []page.Cell{{Value: s, Note: s}, {Value: s, Bad: true}}}}}},
			Lists: []page.List{{Caption: s, Items: []page.Item{{Name: s, Value: s, Bad: true}}}}}},
	}
}

// golden compares a page with a file, in which one line stands for the
// stylesheet.
func golden(t *testing.T, name, got string) {
	t.Helper()
	style, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(got, string(style)) != 1 {
		t.Fatalf("the page %s does not have the stylesheet once", name)
	}
	got = strings.Replace(got, string(style), "style.css\n", 1)
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the page is not as %s has it; if that is meant, run the test with -args -update: %s", file, diff)
	}
}
