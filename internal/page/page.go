// Package page writes a report as one HTML file: it needs no other file, no
// network and no script, and reads in light and dark, on a phone and on paper.
package page

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"fairlead/internal/page/chart"
)

// A Page is a report for people, from its heading down. What is empty is left
// out. All texts are plain and are escaped when the page is written.
type Page struct {
	Title    string
	Subtitle string // one sentence: what was done, and to what
	Verdict  *Verdict
	Tiles    []Tile
	Notices  []string // sentences: what a reader has to know before the figures
	Sections []Section
	Footer   string
}

// A Verdict is the answer that the report is read for.
type Verdict struct {
	Pass bool
	Word string // PASS, FAIL
	Text string // why, or what it is based on
}

// A Tile is a headline figure.
type Tile struct {
	Label string
	Value string
	Note  string // smaller, below the value
	Bad   bool   // the figure is bad news
}

// A Section is a heading with what belongs below it, in this order.
type Section struct {
	Title   string
	Text    string
	Points  []string // sentences, as a list
	Figures []Figure
	Tables  []Table
	Lists   []List
}

// A Figure is a chart with a caption. What it shows should stand in a table or
// in the caption too, for those who cannot see it.
type Figure struct {
	Chart   chart.Chart
	Caption string
}

// A Table has a header above and, in the first column, beside its rows.
type Table struct {
	Caption string
	Folded  bool // shown when asked for
	Columns []Column
	Rows    []Row
}

// A Column is the head of one.
type Column struct {
	Name string
	Text bool // aligned as text; numbers are aligned as numbers
}

// A Row is one line of a table.
type Row struct {
	Cells  []Cell
	Strong bool // set off from the other rows
}

// A Cell is one value.
type Cell struct {
	Value string
	Note  string // smaller, below the value
	Bad   bool   // the value is bad news
}

// Cells is a row of plain values.
func Cells(values ...string) Row {
	var r Row
	for _, v := range values {
		r.Cells = append(r.Cells, Cell{Value: v})
	}
	return r
}

// A List is names with values, for facts that are no table.
type List struct {
	Caption string
	Items   []Item
}

// An Item is one fact.
type Item struct {
	Name  string
	Value string
	Bad   bool
}

// Sentence makes a sentence of words such as an error has them.
func Sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	first, n := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[n:]
	if strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

//go:embed page.html style.css
var files embed.FS

var layout = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"style":    style,
	"sentence": Sentence,
	"draw":     draw,
	"align":    align,
}).ParseFS(files, "page.html"))

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	if err := layout.Execute(w, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

func style() (template.CSS, error) {
	css, err := files.ReadFile("style.css")
	return template.CSS(css), err
}

// Charts are drawn twice, and the stylesheet shows one of them: text that
// shrinks with a wide chart cannot be read on a phone.
const (
	wideChart   = 800
	narrowChart = 360
)

type drawings struct{ Wide, Narrow template.HTML }

func draw(section, figure int, c chart.Chart) drawings {
	id := fmt.Sprintf("chart-%d-%d", section, figure)
	return drawings{Wide: c.SVG(id+"-wide", wideChart), Narrow: c.SVG(id+"-narrow", narrowChart)}
}

// align is the class of a cell in the i-th column.
func align(columns []Column, i int) string {
	if i < len(columns) && !columns[i].Text {
		return "number"
	}
	return "text"
}
