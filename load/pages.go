package load

// pages hold a value for each position of a log. Those that nothing was put on
// are not there, so that a senseless position costs no more than one page.
type pages[T comparable] map[int64]*[512]T

// at is where a position's value stands.
func (p pages[T]) at(seq int64) *T {
	page := p[seq/512]
	if page == nil {
		page = new([512]T)
		p[seq/512] = page
	}
	return &page[seq%512]
}

// get is the zero value if there is none.
func (p pages[T]) get(seq int64) (value T) {
	if page := p[seq/512]; page != nil && seq >= 0 {
		value = page[seq%512]
	}
	return value
}

// each goes through all values but zero values, in no order.
func (p pages[T]) each(do func(seq int64, value T)) {
	var zero T
	for n, page := range p {
		for i, value := range page {
			if value != zero {
				do(n*512+int64(i), value)
			}
		}
	}
}
