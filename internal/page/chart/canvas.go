package chart

import (
	"encoding/xml"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// A canvas collects the elements of one drawing. Classes and anchors are
// constants of this package; texts come from anywhere and are escaped here.
type canvas struct {
	b strings.Builder
}

type anchor string

const (
	start  anchor = "start"
	middle anchor = "middle"
	end    anchor = "end"
)

func open(id string, width, height float64, h Head) *canvas {
	c := &canvas{}
	fmt.Fprintf(&c.b, `<svg class="chart" role="img" aria-labelledby="%[1]s-t %[1]s-d" viewBox="0 0 %[2]s %[3]s">`,
		escape(id), num(width), num(height))
	fmt.Fprintf(&c.b, `<title id="%[1]s-t">%[2]s</title><desc id="%[1]s-d">%[3]s</desc>`, escape(id), escape(h.Title), escape(h.Desc))
	return c
}

func (c *canvas) close() template.HTML {
	c.b.WriteString("</svg>")
	return template.HTML(c.b.String())
}

func (c *canvas) text(class string, a anchor, x, y float64, s string) {
	fmt.Fprintf(&c.b, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, a, num(x), num(y), escape(s))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&c.b, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

// rect draws a bar; browsers show tip when the pointer rests on it.
func (c *canvas) rect(class string, x, y, w, h float64, tip string) {
	fmt.Fprintf(&c.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`,
		class, num(x), num(y), num(max(w, 0)), num(max(h, 0)), escape(tip))
}

// path draws straight lines through the points.
func (c *canvas) path(class string, points []Point) {
	var d strings.Builder
	for i, p := range points {
		d.WriteByte("ML"[min(i, 1)])
		d.WriteString(num(p.X) + " " + num(p.Y))
	}
	fmt.Fprintf(&c.b, `<path class="%s" d="%s"/>`, class, d.String())
}

// mark draws one value. Each series has a shape besides its colour.
func (c *canvas) mark(series int, x, y float64, tip string) {
	const r = 4.5
	class := seriesClass("fill", series)
	switch series % 3 {
	case 0:
		fmt.Fprintf(&c.b, `<circle class="%s" cx="%s" cy="%s" r="%s"><title>%s</title></circle>`, class, num(x), num(y), num(r), escape(tip))
	case 1:
		fmt.Fprintf(&c.b, `<path class="%s" d="M%s %sl%[4]s %[4]sl-%[4]s %[4]sl-%[4]s -%[4]sz"><title>%[5]s</title></path>`,
			class, num(x), num(y-r*1.3), num(r*1.3), escape(tip))
	default:
		c.rect(class, x-r, y-r, 2*r, 2*r, tip)
	}
}

func seriesClass(kind string, series int) string {
	return kind + " " + kind + strconv.Itoa(series%colours)
}

// num keeps one decimal: a tenth of a pixel is more than anybody sees.
func num(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

// escape makes a string safe in XML, and so in HTML, as text and as an
// attribute; what XML cannot hold at all becomes U+FFFD.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
