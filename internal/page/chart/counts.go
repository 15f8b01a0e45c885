package chart

import (
	"cmp"
	"math"
	"slices"

	"fairlead/internal/page/unit"
)

// mostNamed is how many things can have a column each.
const mostNamed = 60

// Counts shows what each of many things was given: a column each, in the order
// in which they are given, or for many how many of them have which count.
type Counts struct {
	Head
	What   string // is counted: "assignments"
	Thing  string // has a count: "planner"
	Bars   []Column
	Strong bool
}

// Columns is the chart, for as many things as there are.
func (k Counts) Columns() Columns {
	if len(k.Bars) <= mostNamed {
		return Columns{Head: k.Head, XTitle: k.Thing + "s", Y: Axis{Title: k.What, Scale: Whole(mostOf(k.Bars))}, Bars: k.Bars, Strong: k.Strong}
	}
	bins := histogram(k.Bars)
	return Columns{Head: k.Head, XTitle: k.What + " per " + k.Thing, Y: Axis{Title: k.Thing + "s", Scale: Whole(mostOf(bins))}, Bars: bins, Strong: k.Strong}
}

func mostOf(bars []Column) float64 {
	most := 0.0
	for _, b := range bars {
		most = max(most, b.Value)
	}
	return most
}

const mostBins = 30

// histogram counts how many bars have which value, which are whole numbers.
func histogram(bars []Column) []Column {
	byValue := func(a, b Column) int { return cmp.Compare(a.Value, b.Value) }
	least, most := slices.MinFunc(bars, byValue).Value, slices.MaxFunc(bars, byValue).Value
	width := 1.0
	if most-least >= mostBins {
		width = roundUp((most - least + 1) / mostBins)
	}
	from := math.Floor(least/width) * width
	bins := make([]Column, int((most-from)/width)+1)
	for i := range bins {
		bins[i].Label = binLabel(from+float64(i)*width, width)
	}
	for _, b := range bars {
		bins[int((b.Value-from)/width)].Value++
	}
	return bins
}

func binLabel(from, width float64) string {
	if width == 1 {
		return unit.Count(from)
	}
	return unit.Count(from) + "–" + unit.Count(from+width-1)
}
