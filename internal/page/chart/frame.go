package chart

// A frame is the rectangle that data is drawn in, with an axis below it and
// one on its left.
type frame struct {
	left, top, right, bottom float64
}

const (
	axisRoom  = 40.0 // below a frame: labels and the axis' title
	titleRoom = 24.0 // above a frame: the title of the axis on the left
	labelGap  = 6.0
)

func (f frame) x(at float64) float64 { return f.left + at*(f.right-f.left) }
func (f frame) y(at float64) float64 { return f.bottom - at*(f.bottom-f.top) }

// drawLeft draws the axis on the left with its grid, and its title above it,
// where it is read without turning one's head.
func (f frame) drawLeft(c *canvas, a Axis) {
	c.text("axis-title", start, 0, f.top-titleRoom+12, fit(a.Title, f.right))
	for _, t := range f.upright(a.Scale) {
		at, _ := a.Scale.at(t.value)
		c.line("grid", f.left, f.y(at), f.right, f.y(at))
		c.text("tick", end, f.left-labelGap, f.y(at)+4, t.label)
	}
}

// upright leaves out the lesser labels where there is no height for all.
func (f frame) upright(s Scale) []tick {
	if float64(len(s.ticks))*lineHeight <= f.bottom-f.top {
		return s.ticks
	}
	return major(s.ticks)
}

// drawBelow draws the axis below, with a grid if asked for.
func (f frame) drawBelow(c *canvas, a Axis, grid bool) {
	for _, t := range f.level(a.Scale) {
		at, _ := a.Scale.at(t.value)
		to := f.bottom + 4
		if grid {
			c.line("grid", f.x(at), f.top, f.x(at), to)
		} else {
			c.line("axis", f.x(at), f.bottom, f.x(at), to)
		}
		c.text("tick", middle, f.x(at), f.bottom+16, t.label)
	}
	c.text("axis-title", middle, (f.left+f.right)/2, f.bottom+34, fit(a.Title, f.right))
}

// level leaves out labels that would run into each other: first the lesser
// ones, then every second, and so on.
func (f frame) level(s Scale) []tick {
	ticks := s.ticks
	if !f.hasRoom(s, ticks) {
		ticks = major(ticks)
	}
	some := ticks
	for every := 2; !f.hasRoom(s, some) && every <= len(ticks); every++ {
		some = nil
		for i := 0; i < len(ticks); i += every {
			some = append(some, ticks[i])
		}
	}
	return some
}

func (f frame) hasRoom(s Scale, ticks []tick) bool {
	free := f.left - 1e9
	for _, t := range ticks {
		at, _ := s.at(t.value)
		half := widthOf(t.label) / 2
		if f.x(at)-half < free {
			return false
		}
		free = f.x(at) + half + labelGap
	}
	return true
}

func major(ticks []tick) []tick {
	var some []tick
	for _, t := range ticks {
		if !t.minor {
			some = append(some, t)
		}
	}
	return some
}
