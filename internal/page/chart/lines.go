package chart

import (
	"cmp"
	"html/template"
	"math"
	"slices"
)

// Lines draws series over a common axis. Each has its name at its end, and a
// dash pattern besides its colour.
type Lines struct {
	Head
	X, Y   Axis
	Series []Series
}

// A Series is a line through points in the order of X. A point with a value
// that has no place on its axis, NaN above all, interrupts the line.
type Series struct {
	Name   string
	Points []Point
}

// A Point is a value and where it belongs.
type Point struct{ X, Y float64 }

const linesHeight = 260.0

// SVG implements [Chart].
func (l Lines) SVG(id string, width int) template.HTML {
	c := open(id, float64(width), linesHeight, l.Head)
	f := l.frame(float64(width))
	f.drawLeft(c, l.Y)
	f.drawBelow(c, l.X, false)
	c.line("axis", f.left, f.bottom, f.right, f.bottom)
	var ends []lineEnd
	for i, s := range l.Series {
		if e, ok := l.draw(c, f, i, s); ok {
			ends = append(ends, e)
		}
	}
	l.label(c, f, ends, float64(width))
	return c.close()
}

func (l Lines) frame(width float64) frame {
	left := widest(l.Y.Scale.labels()) + labelGap
	right := width - 20
	if len(l.Series) > 1 {
		right = width - min(widest(l.names()), width/4) - 2*labelGap
	}
	return frame{left: left, top: titleRoom, right: right, bottom: linesHeight - axisRoom}
}

func (l Lines) names() []string {
	var ns []string
	for _, s := range l.Series {
		ns = append(ns, s.Name)
	}
	return ns
}

// A lineEnd is where a line stops, and so where its name goes.
type lineEnd struct {
	series int
	y      float64
}

func (l Lines) draw(c *canvas, f frame, i int, s Series) (lineEnd, bool) {
	last, drawn := lineEnd{series: i}, false
	for _, part := range l.parts(f, s.Points) {
		if len(part) == 1 {
			c.mark(i, part[0].X, part[0].Y, s.Name)
		} else {
			c.path(seriesClass("stroke", i), thin(part))
		}
		last.y, drawn = part[len(part)-1].Y, true
	}
	return last, drawn
}

// parts returns the stretches between interruptions, in pixels.
func (l Lines) parts(f frame, points []Point) [][]Point {
	var all [][]Point
	var part []Point
	flush := func() {
		if len(part) > 0 {
			all = append(all, part)
		}
		part = nil
	}
	for _, p := range points {
		x, okX := l.X.Scale.at(p.X)
		y, okY := l.Y.Scale.at(p.Y)
		if !okX || !okY {
			flush()
			continue
		}
		part = append(part, Point{f.x(x), f.y(y)})
	}
	flush()
	return all
}

// label writes the names beside the lines' ends, moved up where lines end
// close together. One line alone has its name in the title.
func (l Lines) label(c *canvas, f frame, ends []lineEnd, width float64) {
	if len(l.Series) < 2 {
		return
	}
	slices.SortStableFunc(ends, func(a, b lineEnd) int { return cmp.Compare(b.y, a.y) })
	free := f.bottom
	for i := range ends {
		ends[i].y = min(ends[i].y, free)
		free = ends[i].y - lineHeight
	}
	for _, e := range ends {
		c.text("name "+seriesClass("ink", e.series), start, f.right+labelGap, e.y+4, fit(l.Series[e.series].Name, width-f.right-labelGap))
	}
}

// thin keeps of each column of pixels the first, least, most and last value,
// so that a long series looks the same and no page grows without end.
func thin(points []Point) []Point {
	var kept []Point
	for len(points) > 0 {
		column := math.Floor(points[0].X)
		n := slices.IndexFunc(points, func(p Point) bool { return math.Floor(p.X) != column })
		if n < 0 {
			n = len(points)
		}
		kept = append(kept, extremes(points[:n])...)
		points = points[n:]
	}
	return kept
}

func extremes(points []Point) []Point {
	if len(points) <= 4 {
		return points
	}
	least, most := 0, 0
	for i, p := range points {
		if p.Y < points[least].Y {
			least = i
		}
		if p.Y > points[most].Y {
			most = i
		}
	}
	keep := []int{0, min(least, most), max(least, most), len(points) - 1}
	var kept []Point
	for _, i := range slices.Compact(keep) {
		kept = append(kept, points[i])
	}
	return kept
}
