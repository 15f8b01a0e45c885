package api

import (
	"context"
	"net/http"

	"fairlead/assign"
)

// care returns the handler of POST /v1/numbers/:number/suspend, drain or
// resume.
func care(to assign.CareTo) func(s *Server, ctx context.Context, x *exchange) error {
	return func(s *Server, ctx context.Context, x *exchange) error {
		n, err := x.number()
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
		v, err := s.Writes.Care(ctx, assign.Care{Number: n, To: to, Reason: reason, Actor: x.actor})
		if err != nil {
			return err
		}
		return x.answer(http.StatusOK, numberOf(v))
	}
}
