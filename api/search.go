package api

import (
	"context"
	"net/http"

	"fairlead/assign"
)

// A search is a page of what belongs to a phone.
type search[Cursor any] struct {
	phone string // in plain digits
	after Cursor
	limit int
}

// decodeSearch reads a search whose phone is in the field of that name; after
// reads the cursor.
func decodeSearch[C any](body []byte, phone string, after func(d *decoder, field string) (C, error)) (q search[C], err error) {
	q.limit = defaultLimit
	d, err := newDecoder(body)
	if err != nil {
		return q, err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case phone:
			q.phone, err = d.phone(field)
		case "after":
			q.after, err = after(d, field)
		case "limit":
			q.limit, err = d.limit(field, defaultLimit, maxLimit)
		default:
			err = unknown(field)
		}
		return err
	})
	if err == nil && q.phone == "" {
		err = invalid(phone, "is required")
	}
	return q, err
}

// limit reads how many are wanted at most; null is missing.
func (d *decoder) limit(field string, missing, most int) (int, error) {
	n, err := d.integer(field, int64(missing))
	if err == nil && (n < 1 || n > int64(most)) {
		err = outside(field, 1, int64(most))
	}
	return int(n), err
}

// postAssignmentSearch handles POST /v1/pools/:pool/assignments/search.
func (s *Server) postAssignmentSearch(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	q, err := decodeAssignmentSearch(body)
	if err != nil {
		return err
	}
	marks, err := s.marks(q.phone)
	if err != nil {
		return err
	}
	page, err := s.Reads.Assignments(ctx, pool, assign.AssignmentFilter{Phones: marks, After: q.after, Limit: q.limit})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, s.assignmentList(page))
}

func decodeAssignmentSearch(body []byte) (search[int64], error) {
	return decodeSearch(body, "customer_phone", func(d *decoder, field string) (int64, error) {
		seq, err := d.integer(field, 0)
		if err == nil && seq < 0 {
			err = invalid(field, "must be a seq")
		}
		return seq, err
	})
}

// postPlannerSearch handles POST /v1/pools/:pool/planners/search.
func (s *Server) postPlannerSearch(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	q, err := decodePlannerSearch(body)
	if err != nil {
		return err
	}
	marks, err := s.marks(q.phone)
	if err != nil {
		return err
	}
	page, err := s.Reads.Planners(ctx, pool, assign.PlannerFilter{Phones: marks, After: q.after, Limit: q.limit})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, s.plannerList(pool, page))
}

func decodePlannerSearch(body []byte) (search[assign.PlannerID], error) {
	return decodeSearch(body, "phone", (*decoder).plannerID)
}
