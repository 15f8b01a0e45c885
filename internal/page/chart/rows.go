package chart

// rows is the layout of a chart with one row a thing: labels on the left, a
// text on the right, data between them. On narrow screens a label stands above
// its row.
type rows struct {
	width  float64
	count  int
	top    float64 // room above the rows
	labels []string
	texts  []string
}

const narrow = 500.0

// bold is how much wider bold text is.
const bold = 1.1

func (r rows) stacked() bool { return r.width < narrow }

func (r rows) pitch() float64 {
	if r.stacked() {
		return barHeight + lineHeight + 12
	}
	return barHeight + 12
}

func (r rows) height() float64 { return r.top + float64(max(r.count, 1))*r.pitch() + axisRoom }

func (r rows) frame() frame {
	f := frame{top: r.top, bottom: r.height() - axisRoom, left: 14}
	if !r.stacked() {
		f.left = max(f.left, r.labelRoom()+2*labelGap)
	}
	f.right = r.width - max(widest(r.texts)*bold+3*labelGap, 24)
	f.right = max(f.right, f.left+60)
	return f
}

func (r rows) labelRoom() float64 { return min(widest(r.labels), r.width*0.35) }

// middle is the height of the middle of a row's data.
func (r rows) middle(i int) float64 {
	return r.top + float64(i+1)*r.pitch() - barHeight/2 - 6
}

func (r rows) label(c *canvas, i int) {
	if r.stacked() {
		c.text("label", start, r.frame().left, r.middle(i)-barHeight/2-5, fit(r.labels[i], r.width-r.frame().left))
		return
	}
	c.text("label", end, r.frame().left-labelGap, r.middle(i)+4, fit(r.labels[i], r.labelRoom()))
}
