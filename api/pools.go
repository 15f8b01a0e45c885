package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"fairlead/assign"
)

// putPool handles PUT /v1/pools/:pool. If the pool cannot be read afterwards,
// the caller is told that the outcome is unknown; putting it again does no harm.
func (s *Server) putPool(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return err
	}
	change, err := decodePool(body)
	if err != nil {
		return err
	}
	change.Pool, change.Actor = pool, x.actor
	created, err := s.Writes.ChangePool(ctx, change)
	if err != nil {
		return err
	}
	view, err := s.Reads.Pool(ctx, pool)
	if err != nil {
		// The change is committed; an error that says otherwise would lie.
		return fmt.Errorf("%w: pool was changed, and then: %w", assign.ErrOutcomeUnknown, err)
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		x.Response().Header().Set(echo.HeaderLocation, "/v1/pools/"+string(pool))
	}
	return x.answer(status, poolOf(view))
}

// decodePool reads settings: absent keeps what is, null is the default.
func decodePool(body []byte) (p assign.PoolChange, err error) {
	d, err := newDecoder(body)
	if err != nil {
		return p, err
	}
	err = d.object("", func(name, field string) (err error) {
		switch name {
		case "cooldown_seconds":
			p.Cooldown, err = d.seconds(field)
		case "number_ttl_seconds":
			p.NumberTTL, err = d.seconds(field)
		case "number_ttl_from":
			p.TTLFromUse, err = d.either(field, assign.TTLFromAssigned, assign.TTLFromLastUse)
		case "sticky":
			p.Sticky, err = d.either(field, assign.StickyAvoid, assign.StickyPrefer)
		case "on_exhausted":
			p.NumberOrFail, err = d.either(field, assign.ExhaustedAssignWithout, assign.ExhaustedFail)
		default:
			err = unknown(field)
		}
		return err
	})
	return p, err
}

// seconds reads a setting in seconds; null is 0.
func (d *decoder) seconds(field string) (*time.Duration, error) {
	n, err := d.integer(field, 0)
	if err != nil {
		return nil, err
	}
	v, err := assign.CheckSeconds(field, n)
	return &v, err
}

// either reads a setting that is one of two words, as whether it is yes; null
// is no.
func (d *decoder) either(field, no, yes string) (*bool, error) {
	v, err := parsed(d.word, field, func(field, s string) (bool, error) { return assign.ParseWord(field, s, no, yes) })
	return &v, err
}

// getPool handles GET /v1/pools/:pool.
func (s *Server) getPool(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	view, err := s.Reads.Pool(ctx, pool)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, poolOf(view))
}

// getPools handles GET /v1/pools.
func (s *Server) getPools(ctx context.Context, x *exchange) error {
	after, err := queried(x, "after", assign.ParsePoolID)
	if err != nil {
		return err
	}
	limit, err := x.limit()
	if err != nil {
		return err
	}
	page, err := s.Reads.Pools(ctx, after, limit)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, PoolList{
		Pools: each(page.Items, poolOf),
		Next:  next(page, func(p assign.PoolView) string { return string(p.ID) }),
	})
}

func poolOf(v assign.PoolView) Pool {
	ttlFrom, sticky, onExhausted := v.Settings.Words()
	return Pool{
		Pool:             string(v.ID),
		CooldownSeconds:  int64(v.Settings.Cooldown / time.Second),
		NumberTTLSeconds: int64(v.Settings.NumberTTL / time.Second),
		NumberTTLFrom:    NumberTTLFrom(ttlFrom),
		Sticky:           Sticky(sticky),
		OnExhausted:      OnExhausted(onExhausted),
		Planners:         v.Planners,
		ActivePlanners:   v.Active,
		Assigned:         v.Assigned,
		Open:             v.Open,
		Numbers: PoolNumbers{
			Total:     v.Numbers,
			Free:      v.Free(),
			Active:    v.NumbersActive,
			Cooling:   v.Cooling,
			Draining:  v.NumbersDraining,
			Suspended: v.NumbersSuspended,
			SetAside:  v.NumbersAside,
		},
		Seq:       v.Seq,
		Spread:    v.Spread(),
		UpdatedAt: Time(v.LastAt),
	}
}
