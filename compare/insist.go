package compare

import (
	"context"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
)

// closeTime bounds what is undone at the end, which goes on when the caller's
// context is over.
const closeTime = 30 * time.Second

// insist tries to undo something until it is undone, the server refuses, or ctx
// ends. A server that was restarted under the work comes back.
func insist(ctx context.Context, undo func() error) error {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		err := undo()
		if err == nil || refused(err) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// refused reports whether a server said no. Otherwise there may be none just
// now, and what it was asked for may have been done or not.
func refused(err error) bool {
	const tooManyConnections, shuttingDown = 1040, 1053
	if said := (*mysql.MySQLError)(nil); errors.As(err, &said) {
		return said.Number != tooManyConnections && said.Number != shuttingDown
	}
	said := redis.Error(nil)
	return errors.As(err, &said) && !redis.HasErrorPrefix(err, "LOADING")
}
