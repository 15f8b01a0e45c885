package lock

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/jmoiron/sqlx"
)

// A process is a session in the server's process list.
type process struct {
	id          int64
	user, host  string
	seconds     sql.NullInt64 // in its present state
	state, info sql.NullString
}

// processes returns the sessions that this account may see, those that have
// been longest in their present state first.
//
// It does not ask information_schema: a statement with bytes in it that are no
// text, as ours have, makes MySQL refuse to show the whole table there (3854,
// ER_CANNOT_CONVERT_STRING).
func processes(ctx context.Context, db sqlx.QueryerContext) ([]process, error) {
	rows, err := db.QueryxContext(ctx, `SHOW FULL PROCESSLIST`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var list []process
	for rows.Next() {
		var p process
		if err := rows.Scan(p.dest(columns)...); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b process) int {
		return cmp.Or(cmp.Compare(b.seconds.Int64, a.seconds.Int64), cmp.Compare(a.id, b.id))
	})
	return list, rows.Err()
}

// dest is where the columns go. Servers have some more than others.
func (p *process) dest(columns []string) []any {
	known := map[string]any{"Id": &p.id, "User": &p.user, "Host": &p.host, "Time": &p.seconds, "State": &p.state, "Info": &p.info}
	dest := make([]any, len(columns))
	for i, name := range columns {
		dest[i] = new(any)
		if d, ok := known[name]; ok {
			dest[i] = d
		}
	}
	return dest
}
