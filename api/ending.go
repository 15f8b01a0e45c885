package api

import (
	"context"
	"net/http"
	"time"

	"fairlead/assign"
)

// postRelease handles POST /v1/assignments/:id/release.
func (s *Server) postRelease(ctx context.Context, x *exchange) error {
	id, err := x.assignment()
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	reason, err := decodeReason(body)
	if err != nil {
		return err
	}
	a, err := s.Writes.Release(ctx, assign.Release{ID: id, Reason: reason, Actor: x.actor})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, s.assignmentOf(a))
}

// decodeReason reads a body that says why, for people, and no more.
func decodeReason(body []byte) (reason string, err error) {
	d, err := newDecoder(body)
	if err != nil {
		return "", err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case "reason":
			reason, err = parsed(d.text, field, assign.ParseText)
		default:
			err = unknown(field)
		}
		return err
	})
	return reason, err
}

// postVoid handles POST /v1/assignments/:id/void.
func (s *Server) postVoid(ctx context.Context, x *exchange) error {
	id, err := x.assignment()
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	v, err := decodeVoid(body)
	if err != nil {
		return err
	}
	v.ID, v.Actor = id, x.actor
	a, err := s.Writes.Void(ctx, v)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, s.assignmentOf(a))
}

func decodeVoid(body []byte) (v assign.Void, err error) {
	d, err := newDecoder(body)
	if err != nil {
		return v, err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case "reason":
			v.Reason, err = parsed(d.word, field, assign.ParseVoidReason)
		case "note":
			v.Note, err = parsed(d.text, field, assign.ParseText)
		default:
			err = unknown(field)
		}
		return err
	})
	return v, err
}

// postReassign handles POST /v1/assignments/:id/reassign.
func (s *Server) postReassign(ctx context.Context, x *exchange) error {
	id, err := x.assignment()
	if err != nil {
		return err
	}
	again, err := key(x.Request().Header)
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	r, err := decodeReassign(body)
	if err != nil {
		return err
	}
	r.ID, r.Key, r.Actor = id, again, x.actor
	a, err := s.Writes.Reassign(ctx, r)
	if err != nil {
		return err
	}
	if a.Replayed {
		x.Response().Header().Set("Idempotency-Replayed", "true")
	}
	return x.answer(http.StatusOK, s.assignmentOf(a.Assignment))
}

func decodeReassign(body []byte) (r assign.Reassignment, err error) {
	d, err := newDecoder(body)
	if err != nil {
		return r, err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case "reason":
			r.Reason, err = parsed(d.word, field, assign.ParseReassignReason)
		case "exclude_current":
			var exclude bool
			exclude, err = d.boolean(field, true)
			r.OrCurrent = !exclude
		case "note":
			r.Note, err = parsed(d.text, field, assign.ParseText)
		default:
			err = unknown(field)
		}
		return err
	})
	if err == nil && r.Reason == "" {
		err = invalid("reason", "is required")
	}
	return r, err
}

// postReleases handles POST /v1/pools/:pool/release.
func (s *Server) postReleases(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	r, err := decodeReleases(body)
	if err != nil {
		return err
	}
	r.Pool, r.Actor = pool, x.actor
	released, err := s.Writes.ReleaseMany(ctx, r)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, BulkReleased{
		Assignments: each(released.Assignments, s.assignmentOf),
		More:        released.More,
	})
}

func decodeReleases(body []byte) (r assign.BulkRelease, err error) {
	r.Limit = assign.MaxReleases
	d, err := newDecoder(body)
	if err != nil {
		return r, err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case "planner":
			r.Planner, err = d.plannerID(field)
		case "older_than_seconds":
			r.Age, err = d.age(field)
		case "state":
			r.State, err = d.releaseState(field)
		case "limit":
			r.Limit, err = d.limit(field, assign.MaxReleases, assign.MaxReleases)
		case "reason":
			r.Reason, err = parsed(d.text, field, assign.ParseText)
		default:
			err = unknown(field)
		}
		return err
	})
	if err == nil && r.Planner == "" && r.Age == 0 && r.State == "" {
		err = invalid("body", `must say which: "planner", "older_than_seconds" or "state"`)
	}
	return r, err
}

// plannerID reads a planner's id; null is none.
func (d *decoder) plannerID(field string) (assign.PlannerID, error) {
	if d.null() {
		return "", nil
	}
	return parsed(d.text, field, assign.ParsePlannerID)
}

// age reads how old something is at least; null is any age. All of them is not
// an age: 0 is what a mistake in a sum comes out as.
func (d *decoder) age(field string) (time.Duration, error) {
	if d.null() {
		return 0, nil
	}
	const longest = int64(assign.MaxCooldown / time.Second)
	n, err := d.integer(field, 0)
	if err == nil && (n < 1 || n > longest) {
		err = outside(field, 1, longest)
	}
	if err != nil {
		return 0, err
	}
	return time.Duration(n) * time.Second, nil
}

// releaseState reads how assignments stand; null is any way.
func (d *decoder) releaseState(field string) (assign.ReleaseState, error) {
	if d.null() {
		return "", nil
	}
	return parsed(d.word, field, assign.ParseReleaseState)
}
