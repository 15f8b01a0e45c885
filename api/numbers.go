package api

import (
	"context"
	"net/http"

	"fairlead/assign"
)

// postNumbers handles POST /v1/pools/:pool/numbers.
func (s *Server) postNumbers(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	body, err := x.body(maxBulkBody)
	if err != nil {
		return err
	}
	numbers, err := decodeNumbers(body)
	if err != nil {
		return err
	}
	stocked, err := s.Writes.Stock(ctx, assign.Stocking{Pool: pool, Numbers: numbers, Actor: x.actor})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, NumbersResult{Added: stocked.Added, Existing: stocked.Existing})
}

func decodeNumbers(body []byte) (numbers []assign.Number, err error) {
	err = decodeBulk(body, "numbers", func(d *decoder, field string) error {
		n, err := parsed(d.text, field, assign.ParseNumber)
		numbers = append(numbers, n)
		return err
	})
	return numbers, err
}

// getNumbers handles GET /v1/pools/:pool/numbers.
func (s *Server) getNumbers(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	f, err := x.numberFilter()
	if err != nil {
		return err
	}
	page, err := s.Reads.Numbers(ctx, pool, f)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, NumberList{
		Numbers: each(page.Items, numberOf),
		Next:    next(page, func(n assign.NumberView) string { return string(n.Number) }),
	})
}

func (x *exchange) numberFilter() (f assign.NumberFilter, err error) {
	if f.State, err = queried(x, "state", parseNumberState); err != nil {
		return f, err
	}
	if f.After, err = queried(x, "after", parseListedNumber); err != nil {
		return f, err
	}
	f.Limit, err = x.limit()
	return f, err
}

func numberOf(v assign.NumberView) Number {
	n := Number{
		Number:     string(v.Number),
		State:      NumberState(v.State),
		Assignment: textOrNull(v.Assignment),
		ExpiresAt:  timeOrNull(v.ExpiresAt),
		UsedAt:     timeOrNull(v.UsedAt),
		ReleasedAt: timeOrNull(v.ReleasedAt),
	}
	if v.State == assign.NumberFree {
		n.FreeAt = timeOrNull(v.FreeAt)
	}
	if v.Cooling {
		n.State = NumberStateCooling
	}
	return n
}
