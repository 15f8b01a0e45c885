package compare

import "context"

// rowLock locks the pool's row for the length of a transaction. It does not
// lock the planner it is about to pick instead: that row's place in the order
// changes while others wait for it, and those then have somebody who has had
// his turn.
type rowLock struct{ *tables }

func (d *rowLock) assign(ctx context.Context, pool, key string) (answer, error) {
	return retrying(ctx, func() (answer, error) {
		tx, err := d.db.BeginTx(ctx, nil)
		if err != nil {
			return answer{}, err
		}
		defer tx.Rollback()
		var locked string
		if err := tx.QueryRowContext(ctx, `SELECT pool FROM rowlock_pools WHERE pool = ? FOR UPDATE`, pool).Scan(&locked); err != nil {
			return answer{}, err
		}
		a, err := d.turn(ctx, tx, pool, key)
		if err != nil {
			return answer{}, err
		}
		return a, tx.Commit()
	})
}
