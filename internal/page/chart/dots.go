package chart

import "html/template"

// Dots draws a few values a row on a common axis, which may be logarithmic
// since a dot, unlike a bar, has no length.
type Dots struct {
	Head
	Axis   Axis
	Series []string // what the first value of each row is, the second, ...
	Rows   []DotRow
}

// A DotRow is a thing and its values, in the order of the series.
type DotRow struct {
	Label  string
	Values []float64
	Text   string // the values for people
}

const legendRoom = 26.0

// SVG implements [Chart].
func (d Dots) SVG(id string, width int) template.HTML {
	r := rows{width: float64(width), count: len(d.Rows), top: legendRoom,
		labels: d.column(func(x DotRow) string { return x.Label }), texts: d.column(func(x DotRow) string { return x.Text })}
	c := open(id, r.width, r.height(), d.Head)
	f := r.frame()
	d.legend(c, f.left)
	f.drawBelow(c, d.Axis, true)
	for i, row := range d.Rows {
		r.label(c, i)
		d.draw(c, f, r.middle(i), row)
	}
	return c.close()
}

func (d Dots) column(of func(DotRow) string) []string {
	var texts []string
	for _, r := range d.Rows {
		texts = append(texts, of(r))
	}
	return texts
}

func (d Dots) legend(c *canvas, x float64) {
	for i, name := range d.Series {
		c.mark(i, x+5, 9, name)
		c.text("label", start, x+14, 13, name)
		x += widthOf(name) + 34
	}
}

func (d Dots) draw(c *canvas, f frame, y float64, row DotRow) {
	least, most := 1.0, 0.0
	for _, v := range row.Values {
		if at, ok := d.Axis.Scale.at(v); ok {
			least, most = min(least, at), max(most, at)
		}
	}
	if least < most {
		c.line("range", f.x(least), y, f.x(most), y)
	}
	for i, v := range row.Values {
		if at, ok := d.Axis.Scale.at(v); ok {
			c.mark(i, f.x(at), y, row.Label+": "+row.Text)
		}
	}
	c.text("value", start, f.right+2*labelGap, y+4, row.Text)
}
