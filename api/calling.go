package api

import (
	"context"
	"net/http"

	"fairlead/assign"
	"fairlead/phone"
)

// What a telephone switch asks for.

// getRoute handles GET /v1/numbers/:number/route. Its answer is the only one
// that has somebody's phone in it.
func (s *Server) getRoute(ctx context.Context, x *exchange) error {
	n, err := x.number()
	if err != nil {
		return err
	}
	r, err := s.Reads.Route(ctx, n)
	if err != nil {
		return err
	}
	planner, err := s.routedTo(r)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, Route{
		Number:     string(r.Number),
		Pool:       string(r.Assignment.Pool),
		Planner:    planner,
		Assignment: s.assignmentOf(r.Assignment),
		ExpiresAt:  timeOrNull(r.Assignment.ExpiresAt),
	})
}

// routedTo is who is to be called. That the phone cannot be read is an error: a
// switch would take no phone for nobody to call.
func (s *Server) routedTo(r assign.Route) (RoutedPlanner, error) {
	p := RoutedPlanner{ID: string(r.Planner.ID), Name: r.Planner.Name}
	if r.Planner.Phone.IsZero() {
		return p, nil
	}
	number, err := s.Phones.Open(r.Planner.Phone, phone.AboutPlanner(r.Assignment.Pool, r.Planner.ID))
	p.Phone = &number
	return p, err
}

// postTouch handles POST /v1/numbers/:number/touch.
func (s *Server) postTouch(ctx context.Context, x *exchange) error {
	n, err := x.number()
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	if err := decodeNothing(body); err != nil {
		return err
	}
	v, err := s.Writes.Touch(ctx, assign.Touch{Number: n, Actor: x.actor})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, numberOf(v))
}

// decodeNothing reads a body that has nothing to say.
func decodeNothing(body []byte) error {
	d, err := newDecoder(body)
	if err != nil {
		return err
	}
	return d.object("", func(_, field string) error { return unknown(field) })
}
