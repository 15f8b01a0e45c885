package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"fairlead/assign"
	"fairlead/phone"
)

// postAssignment handles POST /v1/pools/:pool/assignments.
func (s *Server) postAssignment(ctx context.Context, x *exchange) error {
	r, number, err := s.assignmentRequest(x)
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
	// The assignment has the phone that was asked for, or the key would belong
	// to another request. So there is nothing to open.
	return x.answer(http.StatusCreated, renderAssignment(a.Assignment, textOrNull(phone.Mask(number))))
}

// assignmentRequest is what is asked for, with the customer's phone in plain
// digits beside it.
func (s *Server) assignmentRequest(x *exchange) (r assign.Request, number string, err error) {
	pool, err := x.pool()
	if err != nil {
		return r, "", err
	}
	key, err := key(x.Request().Header)
	if err != nil {
		return r, "", err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return r, "", err
	}
	if r, number, err = decodeAssignment(body); err != nil {
		return r, "", err
	}
	if number != "" {
		r.CustomerPhone, err = s.Phones.Seal(number, phone.AboutCustomer(pool))
		if errors.Is(err, assign.ErrNoPhoneKey) {
			// It may be a repeat, whose answer does not depend on the key.
			r.CustomerPhone, err = assign.GivenPhone{NoKey: true}, nil
		}
	}
	r.Pool, r.Key = pool, key
	return r, number, err
}

// decodeAssignment reads a request and, apart from it, the customer's phone,
// empty if there is none.
func decodeAssignment(body []byte) (r assign.Request, number string, err error) {
	r.Wish = assign.NumberByPool
	d, err := newDecoder(body)
	if err != nil {
		return r, "", err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case "customer":
			r.Customer, err = parsed(d.text, field, assign.ParseText)
		case "number":
			r.Wish, err = parsed(d.word, field, assign.ParseWish)
		case "customer_phone":
			number, err = d.phone(field)
		default:
			err = unknown(field)
		}
		return err
	})
	return r, number, err
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
	return x.answer(http.StatusOK, s.assignmentOf(a))
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
	return x.answer(http.StatusOK, s.assignmentList(page))
}

func (s *Server) assignmentList(page assign.Page[assign.Assignment]) AssignmentList {
	return AssignmentList{
		Assignments: each(page.Items, s.assignmentOf),
		Next:        next(page, func(a assign.Assignment) int64 { return a.Seq }),
	}
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

func (s *Server) assignmentOf(a assign.Assignment) Assignment {
	return renderAssignment(a, s.masked(a.CustomerPhone, phone.AboutCustomer(a.Pool)))
}

// renderAssignment takes the customer's phone as it is to be shown.
func renderAssignment(a assign.Assignment, customerPhone *string) Assignment {
	return Assignment{
		ID:            a.ID,
		Pool:          string(a.Pool),
		Seq:           a.Seq,
		Planner:       AssignedPlanner{ID: string(a.Planner), Name: a.PlannerName},
		ReassignedTo:  reassignedTo(a),
		Number:        textOrNull(a.Number),
		Customer:      a.Customer,
		CustomerPhone: customerPhone,
		Key:           a.Key,
		State:         AssignmentState(a.State),
		AssignedAt:    Time(a.AssignedAt),
		ReleasedAt:    timeOrNull(a.ReleasedAt),
		VoidedAt:      timeOrNull(a.VoidedAt),
	}
}

func reassignedTo(a assign.Assignment) *AssignedPlanner {
	if a.ReassignedTo == "" {
		return nil
	}
	return &AssignedPlanner{ID: string(a.ReassignedTo), Name: a.ReassignedToName}
}
