package history

import "container/heap"

// A queue holds keys in the order of their ranks. Any of them can be moved or
// taken out in logarithmic time, not only the first.
type queue[R any] struct {
	before func(a, b R) bool
	items  []ranked[R]
	places map[string]int
}

type ranked[R any] struct {
	key  string
	rank R
}

func newQueue[R any](before func(a, b R) bool) *queue[R] {
	return &queue[R]{before: before, places: map[string]int{}}
}

// put gives key a rank, in place of the one it had.
func (q *queue[R]) put(key string, rank R) {
	if i, ok := q.places[key]; ok {
		q.items[i].rank = rank
		heap.Fix(q, i)
		return
	}
	heap.Push(q, ranked[R]{key, rank})
}

// drop takes key out, if it is there.
func (q *queue[R]) drop(key string) {
	if i, ok := q.places[key]; ok {
		heap.Remove(q, i)
	}
}

// first is the key that comes before all others; there is none if ok is false.
func (q *queue[R]) first() (key string, rank R, ok bool) {
	if len(q.items) == 0 {
		return "", rank, false
	}
	return q.items[0].key, q.items[0].rank, true
}

func (q *queue[R]) has(key string) bool { _, ok := q.places[key]; return ok }

// The rest is for package heap.

func (q *queue[R]) Len() int           { return len(q.items) }
func (q *queue[R]) Less(i, j int) bool { return q.before(q.items[i].rank, q.items[j].rank) }

func (q *queue[R]) Swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.places[q.items[i].key], q.places[q.items[j].key] = i, j
}

func (q *queue[R]) Push(x any) {
	r := x.(ranked[R])
	q.places[r.key] = len(q.items)
	q.items = append(q.items, r)
}

func (q *queue[R]) Pop() any {
	last := q.items[len(q.items)-1]
	q.items = q.items[:len(q.items)-1]
	delete(q.places, last.key)
	return last
}
