package wire

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
)

// Session waits until the server has come to the step where the session is
// held, and returns its connection id. Db is that of an administrator, who may
// see the sessions of others and kill them.
func (s Sprung) Session(ctx context.Context, db *sqlx.DB) (id int64, err error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		all, err := dbtest.Sessions(ctx, db)
		if err != nil {
			return 0, err
		}
		for _, one := range all {
			if one.State == "User sleep" && strings.Contains(one.Info, s.mark) {
				return one.ID, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("no session is held %v of a unit of %s: %w", s.Step, s.Pool, ctx.Err())
		}
	}
}
