package assign

import "time"

// A seat is a planner's place in a unit. index is where in the order it
// stands, -1 while the planner is not active.
type seat struct {
	Planner
	index   int
	changed bool
	added   bool // has no row yet

	phone    Phone // known of those only whom the unit may change
	rephoned bool
}

// seats is a heap whose top is the planner picked next.
type seats []*seat

func (h seats) Len() int           { return len(h) }
func (h seats) Less(i, j int) bool { return h[i].Rank().Compare(h[j].Rank()) < 0 }
func (h seats) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *seats) Push(x any) {
	s := x.(*seat)
	s.index = len(*h)
	*h = append(*h, s)
}

func (h *seats) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	s.index = -1
	return s
}

// freeNumbers is a heap whose top is the number handed out next.
type freeNumbers []NumberRecord

func (h freeNumbers) Len() int           { return len(h) }
func (h freeNumbers) Less(i, j int) bool { return h[i].Rank().Compare(h[j].Rank()) < 0 }
func (h freeNumbers) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *freeNumbers) Push(x any)        { *h = append(*h, x.(NumberRecord)) }

func (h *freeNumbers) Pop() any {
	last := len(*h) - 1
	n := (*h)[last]
	*h = (*h)[:last]
	return n
}

// least returns the smaller rank; latest the later time.
func least[R interface{ Compare(R) int }](a, b R) R {
	if b.Compare(a) < 0 {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
