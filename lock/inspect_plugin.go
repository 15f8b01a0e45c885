package lock

import (
	"context"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
)

// fromPlugin reads MariaDB's plugin metadata_lock_info, which every account may
// read. It lists holders only.
func fromPlugin(ctx context.Context, srv *server, sp spelling) (Report, error) {
	var rows []struct {
		Name string
		ID   int64
		Ms   int64
	}
	// LOCK_TIME_MS is how long ago the lock was asked for. Older versions of the
	// plugin have not got it.
	err := srv.sel(ctx, &rows, `
		SELECT TABLE_SCHEMA AS name, THREAD_ID AS id, COALESCE(LOCK_TIME_MS, -1) AS ms
		FROM information_schema.METADATA_LOCK_INFO WHERE LOCK_TYPE = 'User lock'`)
	if me := (*mysql.MySQLError)(nil); errors.As(err, &me) && me.Number == 1054 { // ER_BAD_FIELD_ERROR
		err = srv.sel(ctx, &rows, `
			SELECT TABLE_SCHEMA AS name, THREAD_ID AS id, -1 AS ms
			FROM information_schema.METADATA_LOCK_INFO WHERE LOCK_TYPE = 'User lock'`)
	}
	if err != nil {
		return Report{}, err
	}
	holders := make(map[string]holding, len(rows))
	for _, r := range rows {
		h := holding{id: r.ID, atMost: -1}
		if r.Ms >= 0 {
			h.atMost = time.Duration(r.Ms) * time.Millisecond
		}
		holders[r.Name] = h
	}
	list, all, err := processes(ctx, srv)
	if err != nil {
		return Report{}, err
	}
	b := newBoard(sp)
	nameless := b.add(holders, list)
	return b.report(FromPlugin, processGaps(srv, FromPlugin, all, nameless)), nil
}
