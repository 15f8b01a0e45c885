package load

// A queue is a heap: its first item comes before all others.
type queue[T any] struct {
	items  []T
	before func(a, b T) bool
	moved  func(T, int) // told each item's new index, -1 when it leaves; may be nil
}

func (q *queue[T]) len() int { return len(q.items) }
func (q *queue[T]) first() T { return q.items[0] }

func (q *queue[T]) push(item T) {
	q.items = append(q.items, item)
	q.place(item, len(q.items)-1)
	q.up(len(q.items) - 1)
}

func (q *queue[T]) pop() T { return q.remove(0) }

// remove takes out the item at i.
func (q *queue[T]) remove(i int) T {
	item, last := q.items[i], len(q.items)-1
	q.swap(i, last)
	q.items = q.items[:last]
	if i < last {
		q.fix(i)
	}
	if q.moved != nil {
		q.moved(item, -1)
	}
	return item
}

// fix is to be called when the item at i has changed.
func (q *queue[T]) fix(i int) {
	if !q.down(i) {
		q.up(i)
	}
}

func (q *queue[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.before(q.items[i], q.items[parent]) {
			return
		}
		q.swap(i, parent)
		i = parent
	}
}

func (q *queue[T]) down(i int) (sank bool) {
	for {
		child := 2*i + 1
		if child >= len(q.items) {
			return sank
		}
		if right := child + 1; right < len(q.items) && q.before(q.items[right], q.items[child]) {
			child = right
		}
		if !q.before(q.items[child], q.items[i]) {
			return sank
		}
		q.swap(i, child)
		i, sank = child, true
	}
}

func (q *queue[T]) swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.place(q.items[i], i)
	q.place(q.items[j], j)
}

func (q *queue[T]) place(item T, i int) {
	if q.moved != nil {
		q.moved(item, i)
	}
}
