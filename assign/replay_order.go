package assign

import "container/heap"

// A queue is a heap with the first in the order of R on top. Its members know
// where they stand, so that any of them can be moved or taken out.
type queue[R interface{ Compare(R) int }, T member[R]] []T

type member[R any] interface {
	Rank() R
	place() *int // -1 while it is in no queue
}

// first is the top, or nil.
func (q queue[R, T]) first() (t T) {
	if len(q) > 0 {
		t = q[0]
	}
	return t
}

// put makes t a member, or moves it after its rank changed.
func (q *queue[R, T]) put(t T) {
	if i := *t.place(); i >= 0 {
		heap.Fix(q, i)
		return
	}
	heap.Push(q, t)
}

// drop takes t out, if it is in.
func (q *queue[R, T]) drop(t T) {
	if i := *t.place(); i >= 0 {
		heap.Remove(q, i)
	}
}

func (q queue[R, T]) Len() int           { return len(q) }
func (q queue[R, T]) Less(i, j int) bool { return q[i].Rank().Compare(q[j].Rank()) < 0 }
func (q queue[R, T]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	*q[i].place(), *q[j].place() = i, j
}

func (q *queue[R, T]) Push(x any) {
	t := x.(T)
	*t.place() = len(*q)
	*q = append(*q, t)
}

func (q *queue[R, T]) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	clear((*q)[last:])
	*q = (*q)[:last]
	*t.place() = -1
	return t
}

// owners remembers whose each assignment is and whether it is live, in four
// bytes each: a pool whose work is never released keeps all of them. Pages
// keep a stray position from costing memory for all below it.
type owners map[int64]*[1 << ownersBits]uint32

const ownersBits = 12

// at is the cell of position seq: 0 if there is no assignment, else twice the
// owner's ordinal, which counts from 1, plus 1 once it is released.
func (o owners) at(seq int64) *uint32 {
	page := o[seq>>ownersBits]
	if page == nil {
		page = new([1 << ownersBits]uint32)
		o[seq>>ownersBits] = page
	}
	return &page[seq&(1<<ownersBits-1)]
}
