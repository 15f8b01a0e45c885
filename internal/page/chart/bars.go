package chart

import "html/template"

// Bars draws one horizontal bar a row, from zero, with its label before it and
// its value after it, so that even a bar too short to see can be read.
type Bars struct {
	Head
	Axis Axis // has to begin at zero
	Rows []Bar
}

// A Bar is one row. Least and Most are drawn as an error bar if they differ.
type Bar struct {
	Label       string
	Value       float64
	Least, Most float64
	Text        string // the value for people
	Strong      bool   // set off from the others by its colour
}

const barHeight = 18.0

// SVG implements [Chart].
func (b Bars) SVG(id string, width int) template.HTML {
	r := rows{width: float64(width), count: len(b.Rows), labels: b.column(func(x Bar) string { return x.Label }),
		texts: b.column(func(x Bar) string { return x.Text })}
	c := open(id, r.width, r.height(), b.Head)
	f := r.frame()
	f.drawBelow(c, b.Axis, true)
	for i, bar := range b.Rows {
		r.label(c, i)
		b.draw(c, f, r, i, bar)
	}
	c.line("axis", f.left, f.top, f.left, f.bottom)
	return c.close()
}

func (b Bars) column(of func(Bar) string) []string {
	var texts []string
	for _, r := range b.Rows {
		texts = append(texts, of(r))
	}
	return texts
}

func (b Bars) draw(c *canvas, f frame, r rows, i int, bar Bar) {
	y := r.middle(i)
	at, ok := b.Axis.Scale.at(bar.Value)
	if !ok {
		c.text("value", start, f.left+labelGap, y+4, bar.Text)
		return
	}
	class := "bar"
	if bar.Strong {
		class = "bar strong"
	}
	c.rect(class, f.left, y-barHeight/2, f.x(at)-f.left, barHeight, bar.Label+": "+bar.Text)
	right := f.x(at)
	if least, most, ok := b.errors(bar); ok {
		drawError(c, f.x(least), f.x(most), y)
		right = max(right, f.x(most))
	}
	c.text("value", start, right+labelGap, y+4, bar.Text)
}

func (b Bars) errors(bar Bar) (least, most float64, ok bool) {
	least, ok1 := b.Axis.Scale.at(bar.Least)
	most, ok2 := b.Axis.Scale.at(bar.Most)
	return least, most, ok1 && ok2 && bar.Least < bar.Most
}

func drawError(c *canvas, from, to, y float64) {
	const cap = 4
	c.line("error", from, y, to, y)
	c.line("error", from, y-cap, from, y+cap)
	c.line("error", to, y-cap, to, y+cap)
}
