package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fairlead/assign"
	"fairlead/store"
)

// expireEvery writes down, again and again, which assignments have ended by
// themselves. Nobody waits for it: whoever looks sees their end when it has
// come. It keeps the counts of open assignments right in pools where nothing
// else happens. Several instances may do it at once; one of them will find
// nothing left.
func expireEvery(ctx context.Context, every time.Duration, st *store.Store, combiner *assign.Combiner, log *slog.Logger) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			if err := expireOnce(ctx, st, combiner); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "expired assignments not written down, trying again", slog.Duration("in", every), slog.Any("err", err))
			}
		case <-ctx.Done():
			return
		}
	}
}

// expireOnce goes on with the other pools if one cannot be had.
func expireOnce(ctx context.Context, st *store.Store, combiner *assign.Combiner) error {
	pools, err := st.Expired(ctx)
	for _, pool := range pools {
		err = errors.Join(err, expirePool(ctx, combiner, pool))
	}
	return err
}

func expirePool(ctx context.Context, combiner *assign.Combiner, pool assign.PoolID) error {
	for {
		done, err := combiner.ReleaseMany(ctx, assign.BulkRelease{Pool: pool, State: assign.ReleaseExpired, Limit: assign.MaxReleases})
		if err != nil {
			return fmt.Errorf("pool %s: %w", pool, err)
		}
		if !done.More {
			return nil
		}
	}
}
