package chart

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead/internal/page/unit"
)

const hostile = `"'><script>alert(1)</script></title></svg>` + "\x00\x1b\xff &amp; \u202e日本語"

var widths = []int{360, 800}

// checkDrawing fails unless a chart is well-formed XML, says what it is, and
// all its numbers are numbers.
func checkDrawing(t interface{ Fatalf(string, ...any) }, c Chart) {
	for _, width := range widths {
		text := string(c.SVG("x", width))
		titles := 0
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%T: %v in %s", c, err, text)
			}
			if e, ok := token.(xml.StartElement); ok {
				checkElement(t, e)
				titles += map[string]int{"title": 1, "desc": 1}[e.Name.Local]
			}
		}
		if titles < 2 || !strings.HasPrefix(text, `<svg class="chart" role="img" aria-labelledby="x-t x-d"`) {
			t.Fatalf("%T does not say what it is: %s", c, text)
		}
	}
}

func checkElement(t interface{ Fatalf(string, ...any) }, e xml.StartElement) {
	if !strings.Contains(" svg title desc text line rect path circle ", " "+e.Name.Local+" ") {
		t.Fatalf("there is an element %q", e.Name.Local)
	}
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "x", "y", "x1", "x2", "y1", "y2", "width", "height", "cx", "cy", "r":
			if v, err := strconv.ParseFloat(a.Value, 64); err != nil || math.Abs(v) > 10_000 {
				t.Fatalf("%s of %s is %q", a.Name.Local, e.Name.Local, a.Value)
			}
		case "d":
			if strings.ContainsAny(a.Value, "NI") || a.Value == "" {
				t.Fatalf("path %q", a.Value)
			}
		}
	}
}

func TestChartsAreWellFormed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.Just(hostile), rapid.String(), rapid.StringN(0, 200, -1))
		h := Head{Title: text.Draw(t, "title"), Desc: text.Draw(t, "desc")}
		name := text.Draw(t, "name")
		vs := rapid.SliceOfN(values(), 0, 80).Draw(t, "values")
		checkDrawing(t, lines(h, name, vs))
		checkDrawing(t, Dots{Head: h, Axis: Axis{name, Log(vs0(vs), 1, unit.Seconds)}, Series: []string{"a", name, name}, Rows: []DotRow{{}, {name, vs, name}}})
		bars := Bars{Head: h, Axis: Axis{name, Linear(vs0(vs), unit.Rate)}}
		columns := Counts{Head: h, What: name, Thing: name}
		for i, v := range vs {
			bars.Rows = append(bars.Rows, Bar{Label: name, Value: v, Least: vs[0], Most: v, Text: name, Strong: i == 1})
			columns.Bars = append(columns.Bars, Column{name, math.Trunc(math.Mod(math.Abs(v), 1e15))})
			if math.IsNaN(columns.Bars[i].Value) {
				columns.Bars[i].Value = 0
			}
		}
		checkDrawing(t, bars)
		checkDrawing(t, columns.Columns())
	})
}

func vs0(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	return vs[0]
}

func lines(h Head, name string, vs []float64) Lines {
	l := Lines{Head: h, X: Axis{name, Elapsed(float64(len(vs)))}, Y: Axis{name, Linear(vs0(vs), unit.Rate)}}
	for range 3 {
		s := Series{Name: name}
		for i, v := range vs {
			s.Points = append(s.Points, Point{float64(i), v})
		}
		l.Series = append(l.Series, s)
	}
	return l
}

// A label's place, as the drawing gives it and widthOf guesses it.
type label struct {
	text        string
	left, right float64
	y           float64
}

func labelsOf(t *rapid.T, c Chart, width int) []label {
	var ls []label
	var at xml.StartElement
	for d := xml.NewDecoder(strings.NewReader(string(c.SVG("x", width)))); ; {
		token, err := d.Token()
		if err != nil {
			return ls
		}
		switch e := token.(type) {
		case xml.StartElement:
			at = e.Copy()
		case xml.CharData:
			if at.Name.Local == "text" {
				ls = append(ls, place(t, at, string(e)))
			}
		case xml.EndElement:
			at = xml.StartElement{}
		}
	}
}

func place(t *rapid.T, e xml.StartElement, text string) label {
	attr := map[string]string{}
	for _, a := range e.Attr {
		attr[a.Name.Local] = a.Value
	}
	x, err1 := strconv.ParseFloat(attr["x"], 64)
	y, err2 := strconv.ParseFloat(attr["y"], 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("text %q at %v", text, attr)
	}
	w := widthOf(text)
	left := map[string]float64{"start": x, "middle": x - w/2, "end": x - w}[attr["text-anchor"]]
	return label{text, left, left + w, y}
}

func checkLabels(t *rapid.T, c Chart) {
	const slackOfWidth = 30 // the page has a margin
	for _, width := range widths {
		ls := labelsOf(t, c, width)
		for i, a := range ls {
			if a.left < -slackOfWidth || a.right > float64(width)+slackOfWidth {
				t.Fatalf("%T, %d wide: %q goes from %v to %v", c, width, a.text, a.left, a.right)
			}
			for _, b := range ls[:i] {
				if math.Abs(a.y-b.y) < 10 && a.left < b.right-0.2 && b.left < a.right-0.2 {
					t.Fatalf("%T, %d wide: %v overlaps %v", c, width, a, b)
				}
			}
		}
	}
}

// Of charts like those of the reports, no label is cut or covers another.
func TestLabelsDoNotOverlap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.Float64Range(1e-5, 1e7).Draw(t, "most")
		least := most / rapid.Float64Range(1, 1e4).Draw(t, "ratio")
		n := rapid.IntRange(1, 60).Draw(t, "n")
		x := rapid.SampledFrom([]Scale{Elapsed(rapid.Float64Range(0.01, 1e5).Draw(t, "seconds")), Quantiles(rapid.Int64Range(1, 1e9).Draw(t, "samples"))}).Draw(t, "x")
		y := rapid.SampledFrom([]Scale{Linear(most, unit.Count), Log(least, most, unit.Seconds)}).Draw(t, "y")
		l := Lines{X: Axis{"time since the end of the warm-up", x}, Y: Axis{"latency, logarithmic", y}}
		for i, name := range []string{"assign", "repeat", "release"} {
			l.Series = append(l.Series, Series{name, []Point{{0.1, least}, {0.9, rapid.Float64Range(least, most).Draw(t, fmt.Sprint(i))}}})
		}
		checkLabels(t, l)

		bars := Bars{Axis: Axis{"assignments per second", Linear(most, unit.Count)}}
		dots := Dots{Axis: Axis{"latency, logarithmic", Log(least, most, unit.Seconds)}, Series: []string{"p50", "p99"}}
		counts := Counts{What: "assignments", Thing: "planner"}
		for i := range n {
			name := rapid.SampledFrom([]string{"no lock", "Redis, appendfsync everysec", "planner-0001", strings.Repeat("wide ", 20)}).Draw(t, "label")
			bars.Rows = append(bars.Rows, Bar{Label: name, Value: least, Text: unit.Rate(least) + " · " + unit.Times(42.6)})
			dots.Rows = append(dots.Rows, DotRow{name, []float64{least, most}, unit.Seconds(least) + " / " + unit.Seconds(most)})
			counts.Bars = append(counts.Bars, Column{name, math.Trunc(most * float64(i))})
		}
		checkLabels(t, bars)
		checkLabels(t, dots)
		checkLabels(t, counts.Columns())
	})
}

func TestLinesAreInterrupted(t *testing.T) {
	t.Parallel()
	l := Lines{X: Axis{Scale: Elapsed(6)}, Y: Axis{Scale: Linear(10, unit.Count)}, Series: []Series{{"rate",
		[]Point{{0, 1}, {1, 2}, {2, math.NaN()}, {3, 4}, {4, math.Inf(1)}, {5, 5}, {6, 6}}}}}
	svg := string(l.SVG("x", 800))
	if paths, marks := strings.Count(svg, `class="stroke`), strings.Count(svg, "<circle"); paths != 2 || marks != 1 {
		t.Errorf("%d lines and %d single points, want 2 and 1", paths, marks)
	}
}

// A line that is thinned has at each column of pixels the extent it had.
func TestThinKeepsExtremes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var points []Point
		for i, y := range rapid.SliceOfN(rapid.Float64Range(0, 100), 1, 300).Draw(t, "ys") {
			points = append(points, Point{float64(i) / 25, y})
		}
		kept := thin(points)
		if len(kept) > 4*(len(points)/25+1) {
			t.Fatalf("%d of %d points kept", len(kept), len(points))
		}
		if got, want := extents(kept), extents(points); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("extents %v, want %v", got, want)
		}
	})
}

func extents(points []Point) map[float64][4]float64 {
	m := map[float64][4]float64{}
	for _, p := range points {
		c := math.Floor(p.X)
		e, there := m[c]
		if !there {
			e = [4]float64{p.Y, p.Y, p.Y, p.Y}
		}
		m[c] = [4]float64{e[0], min(e[1], p.Y), max(e[2], p.Y), p.Y}
	}
	return m
}

func TestCountsOfMany(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := Counts{What: "assignments", Thing: "planner"}
		ns := rapid.SliceOfN(rapid.Int64Range(0, rapid.SampledFrom([]int64{1, 40, 1e6, 1e14}).Draw(t, "most")), 1, 200).Draw(t, "counts")
		for _, n := range ns {
			k.Bars = append(k.Bars, Column{"p", float64(n)})
		}
		c := k.Columns()
		if len(ns) <= mostNamed {
			if len(c.Bars) != len(ns) || c.XTitle != "planners" {
				t.Fatalf("%d columns of %q for %d things", len(c.Bars), c.XTitle, len(ns))
			}
			return
		}
		sum := 0.0
		for _, b := range c.Bars {
			sum += b.Value
		}
		if len(c.Bars) > mostBins+2 || sum != float64(len(ns)) || c.XTitle != "assignments per planner" {
			t.Fatalf("%d columns of %q hold %v of %d things", len(c.Bars), c.XTitle, sum, len(ns))
		}
	})
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts []float64
		want   string
	}{
		{[]float64{281, 282, 282}, "[{281 1} {282 2}]"},
		{[]float64{7, 9, 10, 37}, "[{6–7 1} {8–9 1} {10–11 1} {12–13 0} {14–15 0} {16–17 0} {18–19 0} {20–21 0} {22–23 0} {24–25 0} {26–27 0} {28–29 0} {30–31 0} {32–33 0} {34–35 0} {36–37 1}]"},
	} {
		var bars []Column
		for _, n := range c.counts {
			bars = append(bars, Column{"p", n})
		}
		if got := fmt.Sprint(histogram(bars)); got != c.want {
			t.Errorf("histogram of %v is %s, want %s", c.counts, got, c.want)
		}
	}
}

func TestBarsBeginAtZero(t *testing.T) {
	t.Parallel()
	b := Bars{Axis: Axis{Scale: Linear(100, unit.Count)}, Rows: []Bar{{Label: "a", Value: 100}, {Label: "b", Value: 50}, {Label: "c"}}}
	var widths []float64
	for d := xml.NewDecoder(strings.NewReader(string(b.SVG("x", 800)))); ; {
		token, err := d.Token()
		if err != nil {
			break
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			w, _ := strconv.ParseFloat(e.Attr[3].Value, 64)
			widths = append(widths, w)
		}
	}
	if len(widths) != 3 || widths[2] != 0 || math.Abs(widths[0]-2*widths[1]) > 0.2 {
		t.Errorf("bars of 100, 50 and 0 are %v wide", widths)
	}
}
