package api

import "fairlead/assign"

// each renders all items of a page. No items are an empty list, never null.
func each[T, U any](items []T, render func(T) U) []U {
	out := make([]U, len(items))
	for i, item := range items {
		out[i] = render(item)
	}
	return out
}

// next is the cursor of the last item of a page, nil if no page follows.
func next[T, C any](p assign.Page[T], cursor func(T) C) *C {
	if !p.More || len(p.Items) == 0 {
		return nil
	}
	c := cursor(p.Items[len(p.Items)-1])
	return &c
}
