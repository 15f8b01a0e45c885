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
	err = d.object("", func(name, field string) error {
		switch name {
		case "cooldown_seconds":
			seconds, err := d.integer(field, 0)
			if err != nil {
				return err
			}
			cooldown, err := assign.CheckCooldown(field, seconds)
			p.Cooldown = &cooldown
			return err
		default:
			return unknown(field)
		}
	})
	return p, err
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
	return Pool{
		Pool:            string(v.ID),
		CooldownSeconds: int64(v.Settings.Cooldown / time.Second),
		Planners:        v.Planners,
		ActivePlanners:  v.Active,
		Assigned:        v.Assigned,
		Open:            v.Open,
		Numbers: PoolNumbers{
			Total:    v.Numbers,
			Free:     v.Free(),
			Active:   v.NumbersActive,
			Cooling:  v.Cooling,
			SetAside: v.NumbersAside,
		},
		Seq:       v.Seq,
		Spread:    v.Spread(),
		UpdatedAt: Time(v.LastAt),
	}
}
