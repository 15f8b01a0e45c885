package main

import (
	"encoding/json"
	"io"
	"time"

	"fairlead/api"
	"fairlead/assign"
)

// writeJSON writes a list as the API answers it, indented or in one line.
func writeJSON(w io.Writer, list assign.LockList, indented bool) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if indented {
		e.SetIndent("", "  ")
	}
	l := api.LockList{Locks: []api.Lock{}, Source: list.Source, CannotSee: known(list.CannotSee), Remedy: known(list.Remedy)}
	for _, v := range list.Locks {
		l.Locks = append(l.Locks, lockJSON(v))
	}
	return e.Encode(l)
}

func lockJSON(v assign.LockView) api.Lock {
	l := api.Lock{Name: v.Name, Pool: known(string(v.Pool)), Free: v.Free(), Waiters: []api.LockWaiter{}}
	if h := v.Holder; h != nil {
		l.Holder = &api.LockHolder{
			ConnectionID: known(h.ConnectionID), User: known(h.User), Host: known(h.Host),
			Program: known(h.Program), Instance: known(h.Instance), Statement: known(h.Statement),
			HeldMs: milliseconds(h.For), HeldExact: h.Exact,
		}
	}
	for _, w := range v.Waiters {
		l.Waiters = append(l.Waiters, api.LockWaiter{
			ConnectionID: known(w.ConnectionID), User: known(w.User), Host: known(w.Host),
			Program: known(w.Program), Instance: known(w.Instance), Statement: known(w.Statement),
			WaitingMs: milliseconds(w.For), WaitingExact: w.Exact,
		})
	}
	return l
}

// known is null for what the source could not see.
func known[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func milliseconds(d time.Duration) *int64 {
	if d < 0 {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}
