package store

import (
	"context"

	"fairlead/assign"
)

const (
	selectExpiringPools = `SELECT pool FROM pools WHERE numbers_expiring > 0 ORDER BY pool`

	// anyExpired is asked for one pool at a time: with the pool of an outer
	// query the servers go through all numbers that never expire.
	anyExpired = `SELECT EXISTS (SELECT 1 FROM numbers FORCE INDEX (expiring) WHERE pool = ? AND expires_at <= NOW(6))`
)

// Expired returns the pools with assignments that have ended by themselves,
// which nobody has written down yet. Nothing waits for that but the counts of
// open assignments. Error: [assign.ErrUnavailable].
func (s *Store) Expired(ctx context.Context) (expired []assign.PoolID, err error) {
	var pools []assign.PoolID
	err = s.reads.SelectContext(ctx, &pools, selectExpiringPools)
	for _, pool := range pools {
		var any bool
		if err == nil {
			err = s.reads.GetContext(ctx, &any, anyExpired, string(pool))
		}
		if any {
			expired = append(expired, pool)
		}
	}
	return expired, wrap("look for expired assignments", unreadable(ctx, err))
}
