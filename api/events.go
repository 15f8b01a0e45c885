package api

import (
	"context"
	"net/http"

	"fairlead/assign"
)

// getEvents handles GET /v1/pools/:pool/events.
func (s *Server) getEvents(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	after, err := x.afterSeq()
	if err != nil {
		return err
	}
	limit, err := x.limit()
	if err != nil {
		return err
	}
	page, err := s.Reads.Events(ctx, pool, after, limit)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, EventList{
		Events: each(page.Items, eventOf),
		Next:   next(page, func(e assign.Event) int64 { return e.Seq }),
	})
}

func eventOf(e assign.Event) Event {
	return Event{
		Pool:  string(e.Pool),
		Seq:   e.Seq,
		ID:    e.ID,
		Kind:  string(e.Kind),
		At:    Time(e.At),
		Actor: e.Actor,
		Data:  e.Data,
	}
}
