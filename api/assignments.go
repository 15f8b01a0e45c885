package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"fairlead/assign"
)

// postAssignment handles POST /v1/pools/:pool/assignments.
func (s *Server) postAssignment(ctx context.Context, x *exchange) error {
	r, err := x.assignmentRequest()
	if err != nil {
		return err
	}
	a, err := s.Writes.Assign(ctx, r)
	if err != nil {
		return err
	}
	h := x.Response().Header()
	h.Set(echo.HeaderLocation, "/v1/assignments/"+a.ID)
	if a.Replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	return x.answer(http.StatusCreated, assignmentOf(a.Assignment))
}

func (x *exchange) assignmentRequest() (r assign.Request, err error) {
	if r.Pool, err = x.pool(); err != nil {
		return r, err
	}
	if r.Key, err = key(x.Request().Header); err != nil {
		return r, err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return r, err
	}
	r.Customer, r.Wish, err = decodeAssignment(body)
	return r, err
}

func decodeAssignment(body []byte) (customer string, wish assign.Wish, err error) {
	wish = assign.NumberPreferred
	d, err := newDecoder(body)
	if err != nil {
		return "", "", err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case "customer":
			customer, err = parsed(d.text, field, assign.ParseText)
		case "number":
			wish, err = parsed(d.word, field, assign.ParseWish)
		default:
			err = unknown(field)
		}
		return err
	})
	return customer, wish, err
}

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
	reason, err := decodeRelease(body)
	if err != nil {
		return err
	}
	a, err := s.Writes.Release(ctx, assign.Release{ID: id, Reason: reason, Actor: x.actor})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, assignmentOf(a))
}

func decodeRelease(body []byte) (reason string, err error) {
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

// getAssignment handles GET /v1/assignments/:id.
func (s *Server) getAssignment(ctx context.Context, x *exchange) error {
	id, err := x.assignment()
	if err != nil {
		return err
	}
	a, err := s.Reads.Assignment(ctx, id)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, assignmentOf(a))
}

// getAssignments handles GET /v1/pools/:pool/assignments.
func (s *Server) getAssignments(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	f, err := x.assignmentFilter()
	if err != nil {
		return err
	}
	page, err := s.Reads.Assignments(ctx, pool, f)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, AssignmentList{
		Assignments: each(page.Items, assignmentOf),
		Next:        next(page, func(a assign.Assignment) int64 { return a.Seq }),
	})
}

func (x *exchange) assignmentFilter() (f assign.AssignmentFilter, err error) {
	if f.Key, err = queried(x, "key", assign.ParseKey); err != nil {
		return f, err
	}
	if f.Planner, err = queried(x, "planner", assign.ParsePlannerID); err != nil {
		return f, err
	}
	if f.After, err = x.afterSeq(); err != nil {
		return f, err
	}
	f.Limit, err = x.limit()
	return f, err
}

func assignmentOf(a assign.Assignment) Assignment {
	return Assignment{
		ID:         a.ID,
		Pool:       string(a.Pool),
		Seq:        a.Seq,
		Planner:    AssignedPlanner{ID: string(a.Planner), Name: a.PlannerName},
		Number:     textOrNull(a.Number),
		Customer:   a.Customer,
		Key:        a.Key,
		State:      AssignmentState(a.State),
		AssignedAt: Time(a.AssignedAt),
		ReleasedAt: timeOrNull(a.ReleasedAt),
	}
}
