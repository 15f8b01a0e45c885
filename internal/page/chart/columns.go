package chart

import (
	"html/template"
	"math"

	"fairlead/internal/page/unit"
)

// Columns draws one upright bar a thing, from zero: a histogram, or counts of
// many things that need no name each.
type Columns struct {
	Head
	Y      Axis   // has to begin at zero
	XTitle string // what the columns are
	Bars   []Column
	Strong bool // in the colour of what is to be set off
}

// A Column is one bar. Its label is left out where there is no room for it.
type Column struct {
	Label string
	Value float64
}

const (
	columnsHeight = 240.0
	labelRoom     = 90.0 // for one label below the columns
)

// SVG implements [Chart].
func (k Columns) SVG(id string, width int) template.HTML {
	c := open(id, float64(width), columnsHeight, k.Head)
	f := frame{left: widest(k.Y.Scale.labels()) + labelGap, top: titleRoom, right: float64(width) - 10, bottom: columnsHeight - axisRoom}
	f.drawLeft(c, k.Y)
	for i, bar := range k.Bars {
		k.draw(c, f, i, bar)
	}
	k.label(c, f, float64(width))
	c.line("axis", f.left, f.bottom, f.right, f.bottom)
	c.text("axis-title", middle, (f.left+k.x(f, max(len(k.Bars), 1)))/2, f.bottom+34, fit(k.XTitle, float64(width)))
	return c.close()
}

func (k Columns) pitch(f frame) float64 {
	const widestPitch = 110
	return min((f.right-f.left)/float64(max(len(k.Bars), 1)), widestPitch)
}

func (k Columns) x(f frame, i int) float64 { return f.left + float64(i)*k.pitch(f) }

// label writes as many of the labels as there is room for: all, every second,
// every third, ...
func (k Columns) label(c *canvas, f frame, width float64) {
	free := 0.0
	for i := 0; i < len(k.Bars); i += k.every(f) {
		text := fit(k.Bars[i].Label, labelRoom)
		half := widthOf(text) / 2
		x := min(max(k.x(f, i)+k.pitch(f)/2, half), width-half)
		if x-half >= free {
			c.text("tick", middle, x, f.bottom+16, text)
			free = x + half + labelGap
		}
	}
}

func (k Columns) every(f frame) int {
	room := 0.0
	for _, b := range k.Bars {
		room = max(room, min(widthOf(b.Label), labelRoom)+labelGap)
	}
	return max(1, int(math.Ceil(room/k.pitch(f))))
}

func (k Columns) draw(c *canvas, f frame, i int, bar Column) {
	at, ok := k.Y.Scale.at(bar.Value)
	if !ok {
		return
	}
	class := "bar"
	if k.Strong {
		class = "bar strong"
	}
	gap := min(k.pitch(f)/5, 6)
	c.rect(class, k.x(f, i)+gap/2, f.y(at), k.pitch(f)-gap, f.bottom-f.y(at), bar.Label+": "+unit.Count(bar.Value))
}
