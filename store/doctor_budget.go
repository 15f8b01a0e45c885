package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"
)

// most is the part of max_connections, in percent, that the service may plan
// to use: others, and the administrator, want in too.
const most = 80

var checkConnections = check{"connections", func(ctx context.Context, s *Store, f facts) (verdict, error) {
	status, err := pairs(ctx, s.reads, `SHOW GLOBAL STATUS LIKE 'Threads_connected'`)
	if err != nil {
		return verdict{}, err
	}
	own, err := ownSessions(ctx, s.reads)
	if err != nil {
		return verdict{}, err
	}
	inUse, _ := strconv.Atoi(status["threads_connected"])
	limit, _ := strconv.Atoi(f.global["max_connections"])
	perAccount, _ := strconv.Atoi(f.session["max_user_connections"]) // the account's own, or the server's
	return budget{
		each: s.connections(), instances: max(f.plan.Instances, 1),
		limit: limit, perAccount: perAccount, inUse: inUse, others: max(inUse-own, 0),
	}.judge(), nil
}}

// connections is how many this store may have at once.
func (s *Store) connections() (n int) {
	for _, db := range s.DBs() {
		n += db.Stats().MaxOpenConnections
	}
	return n
}

// A budget is the connections that the service will want, and what there is.
// A limit of 0 is none.
type budget struct {
	each, instances   int
	limit, perAccount int
	inUse, others     int // now; others are not this account's
}

func (b budget) judge() verdict {
	need := b.each * b.instances
	wants := fmt.Sprintf("%d instances use up to %d connections each, %d in all", b.instances, b.each, need)
	if b.instances == 1 {
		wants = fmt.Sprintf("1 instance uses up to %d connections", need)
	}
	do := func(variable string, least int) string {
		return fmt.Sprintf("SET GLOBAL %s = %d or more, and the same in the server's configuration; or give --units and --reads less", variable, least)
	}
	v := verdict{fine: fmt.Sprintf("%s; max_connections=%d, %d in use now", wants, b.limit, b.inUse)}
	switch enough := (need*100 + most - 1) / most; {
	case b.limit == 0:
		v.fine = fmt.Sprintf("%s; the server has no limit, %d in use now", wants, b.inUse)
	case b.limit < enough:
		v.problems = append(v.problems, warn(fmt.Sprintf("%s, which is more than %d %% of max_connections=%d", wants, most, b.limit), do("max_connections", enough)))
	case b.limit-b.others < need:
		v.problems = append(v.problems, warn(fmt.Sprintf("%s, and other accounts use %d of max_connections=%d", wants, b.others, b.limit), do("max_connections", need+b.others)))
	}
	if b.perAccount > 0 && b.perAccount < need {
		v.problems = append(v.problems, warn(fmt.Sprintf("%s, and this account may have %d (max_user_connections)", wants, b.perAccount),
			fmt.Sprintf("ALTER USER … WITH MAX_USER_CONNECTIONS %d, or give --units and --reads less", need)))
	}
	return v
}

// ownSessions counts this account's sessions, which every account may see. It
// does not ask information_schema, where a statement with bytes that are no
// text makes MySQL refuse (3854, ER_CANNOT_CONVERT_STRING).
func ownSessions(ctx context.Context, db sqlx.QueryerContext) (n int, err error) {
	var self string
	if err := sqlx.GetContext(ctx, db, &self, `SELECT SUBSTRING_INDEX(USER(), '@', 1)`); err != nil {
		return 0, err
	}
	rows, err := db.QueryxContext(ctx, `SHOW PROCESSLIST`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			return 0, err
		}
		if user, _ := row["User"].([]byte); string(user) == self {
			n++
		}
	}
	return n, rows.Err()
}
