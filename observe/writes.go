package observe

import (
	"context"
	"time"

	"fairlead/assign"
)

// writer changes pools; *assign.Combiner does.
type writer interface {
	Assign(ctx context.Context, r assign.Request) (assign.Assigned, error)
	Release(ctx context.Context, r assign.Release) (assign.Assignment, error)
	Void(ctx context.Context, v assign.Void) (assign.Assignment, error)
	Reassign(ctx context.Context, r assign.Reassignment) (assign.Assigned, error)
	ReleaseMany(ctx context.Context, r assign.BulkRelease) (assign.BulkReleased, error)
	Care(ctx context.Context, c assign.Care) (assign.NumberView, error)
	Touch(ctx context.Context, t assign.Touch) (assign.NumberView, error)
	ChangePool(ctx context.Context, p assign.PoolChange) (created bool, err error)
	Staff(ctx context.Context, s assign.Staffing) (assign.Staffed, error)
	Stock(ctx context.Context, s assign.Stocking) (assign.Stocked, error)
}

// Writes counts calls that change pools by what becomes of them, and times
// assignments. All fields are required.
type Writes struct {
	Next    writer
	Metrics *Metrics

	// Code is the name of an error in the metrics: one of a short list.
	Code func(error) string
}

// Assign passes r on.
func (w *Writes) Assign(ctx context.Context, r assign.Request) (assign.Assigned, error) {
	began := time.Now()
	a, err := w.Next.Assign(ctx, r)
	result := "assigned"
	switch {
	case err != nil:
		result = w.Code(err)
	case a.Replayed:
		result = "replayed"
	}
	w.Metrics.assignments.WithLabelValues(result).Inc()
	w.Metrics.assignmentTime.Observe(time.Since(began).Seconds())
	return a, err
}

// Release passes r on.
func (w *Writes) Release(ctx context.Context, r assign.Release) (assign.Assignment, error) {
	a, err := w.Next.Release(ctx, r)
	w.count("release", err)
	return a, err
}

// Void passes v on.
func (w *Writes) Void(ctx context.Context, v assign.Void) (assign.Assignment, error) {
	a, err := w.Next.Void(ctx, v)
	w.count("void", err)
	return a, err
}

// Reassign passes r on.
func (w *Writes) Reassign(ctx context.Context, r assign.Reassignment) (assign.Assigned, error) {
	a, err := w.Next.Reassign(ctx, r)
	w.count("reassign", err)
	return a, err
}

// ReleaseMany passes r on. It counts the call, not what it ends.
func (w *Writes) ReleaseMany(ctx context.Context, r assign.BulkRelease) (assign.BulkReleased, error) {
	released, err := w.Next.ReleaseMany(ctx, r)
	w.count("bulk_release", err)
	return released, err
}

// Care passes c on.
func (w *Writes) Care(ctx context.Context, c assign.Care) (assign.NumberView, error) {
	n, err := w.Next.Care(ctx, c)
	w.count("number_care", err)
	return n, err
}

// Touch passes t on.
func (w *Writes) Touch(ctx context.Context, t assign.Touch) (assign.NumberView, error) {
	n, err := w.Next.Touch(ctx, t)
	w.count("touch", err)
	return n, err
}

// ChangePool passes p on.
func (w *Writes) ChangePool(ctx context.Context, p assign.PoolChange) (created bool, err error) {
	created, err = w.Next.ChangePool(ctx, p)
	w.count("pool", err)
	return created, err
}

// Staff passes s on.
func (w *Writes) Staff(ctx context.Context, s assign.Staffing) (assign.Staffed, error) {
	staffed, err := w.Next.Staff(ctx, s)
	w.count("planners", err)
	return staffed, err
}

// Stock passes s on.
func (w *Writes) Stock(ctx context.Context, s assign.Stocking) (assign.Stocked, error) {
	stocked, err := w.Next.Stock(ctx, s)
	w.count("numbers", err)
	return stocked, err
}

func (w *Writes) count(call string, err error) {
	result := "ok"
	if err != nil {
		result = w.Code(err)
	}
	w.Metrics.changes.WithLabelValues(call, result).Inc()
}
