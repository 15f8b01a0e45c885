package history

// A timeline is what things were along a pool's log, by their names.
type timeline[T comparable] map[string][]change[T]

// A change is what something became at a position of the log.
type change[T comparable] struct {
	seq   int64
	value T
}

// note adds what something is from a position on, if that is a change. Positions
// must not fall.
func (t timeline[T]) note(name string, seq int64, value T) {
	if before := t[name]; len(before) == 0 || before[len(before)-1].value != value {
		t[name] = append(before, change[T]{seq, value})
	}
}

// was reports whether something was so right behind some position from first to
// last.
func (t timeline[T]) was(name string, value T, first, last int64) bool {
	for _, c := range t.during(name, first, last) {
		if c.value == value {
			return true
		}
	}
	return false
}

// always reports whether something was so right behind each position from
// first to last.
func (t timeline[T]) always(name string, value T, first, last int64) bool {
	during := t.during(name, first, last)
	for _, c := range during {
		if c.value != value {
			return false
		}
	}
	return len(during) > 0 && during[0].seq <= first
}

// during is what something was at first, if anything, and all that it became
// until last.
func (t timeline[T]) during(name string, first, last int64) []change[T] {
	changes := t[name]
	seq := func(c change[T]) int64 { return c.seq }
	from := max(0, countUpTo(changes, first, seq)-1)
	return changes[from:max(from, countUpTo(changes, last, seq))]
}
