package compare

import "context"

// noLock is a transaction and nothing else: two that run at the same time read
// the same counts, and both give the same turn away. It counts with
// "assigned + 1" and not with the value it read, so that no count gets lost.
type noLock struct{ *tables }

func (d *noLock) assign(ctx context.Context, pool, key string) (answer, error) {
	return retrying(ctx, func() (answer, error) {
		tx, err := d.db.BeginTx(ctx, nil)
		if err != nil {
			return answer{}, err
		}
		defer tx.Rollback()
		a, err := d.turn(ctx, tx, pool, key)
		if err != nil {
			return answer{}, err
		}
		return a, tx.Commit()
	})
}

// ledger is in the order of the inserts, which here is not that of the commits.
func (d *noLock) ledger(ctx context.Context, pool string) (ledger, error) {
	l, err := d.tables.ledger(ctx, pool)
	l.ordered = false
	return l, err
}
