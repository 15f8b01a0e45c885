package assign

import "container/heap"

// A queue is a heap with the first in the order of R on top. Its members know
// where they stand, so that any of them can be moved or taken out.
type queue[R interface{ Compare(R) int }, T member[R]] []T

type member[R any] interface {
	comparable
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

// firstBut is the first without out, or nil: the top, or else one of the two
// beneath it.
func (q queue[R, T]) firstBut(out T) (t T) {
	if len(q) == 0 || q[0] != out {
		return q.first()
	}
	for i, m := range q[1:min(3, len(q))] {
		if i == 0 || m.Rank().Compare(t.Rank()) < 0 {
			t = m
		}
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

// owners remembers whose each turn is and what became of it, in four bytes
// each: a pool whose work is never released keeps all of them. Pages keep a
// stray position from costing memory for all below it.
type owners map[int64]*[1 << ownersBits]uint32

const ownersBits = 12

// A cell is the ordinal of the planner whose turn it is, which counts from 1,
// above these bits; 0 if there is no turn at the position.
const (
	turnOver   = 1 << iota // the assignment has ended
	turnBack               // given back
	turnPassed             // by a reassignment: the position is the event's

	turnBits = iota
)

func ownedBy(t *turn, passed bool) uint32 {
	cell := t.ordinal << turnBits
	if passed {
		cell |= turnPassed
	}
	return cell
}

// at is the cell of position seq.
func (o owners) at(seq int64) *uint32 {
	page := o[seq>>ownersBits]
	if page == nil {
		page = new([1 << ownersBits]uint32)
		o[seq>>ownersBits] = page
	}
	return &page[seq&(1<<ownersBits-1)]
}

// latest is the position of the latest turn of t up to seq that counts; 0 if
// there is none.
func (o owners) latest(t *turn, seq int64) int64 {
	for ; seq >= t.first && seq > 0; seq-- {
		page := o[seq>>ownersBits]
		if page == nil {
			seq &^= 1<<ownersBits - 1 // the loop goes on with the page before
			continue
		}
		if cell := page[seq&(1<<ownersBits-1)]; cell>>turnBits == t.ordinal && cell&turnBack == 0 {
			return seq
		}
	}
	return 0
}
