package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// maxSkew is how far the clocks of this machine and the server may be apart.
// Nothing is decided by this machine's; people compare its log with the
// database's times.
const maxSkew = time.Second

var checkClock = check{"clock", func(ctx context.Context, s *Store, _ facts) (verdict, error) {
	a, err := measure(ctx, s.reads)
	if err != nil {
		return verdict{}, err
	}
	return a.judge(), nil
}}

// A skew is how far the server's clock is ahead of ours, give or take.
type skew struct{ ahead, doubt time.Duration }

// measure takes the best of some readings. The server looked at its clock at
// some time between question and answer, so the shortest exchange says most.
func measure(ctx context.Context, db *sqlx.DB) (best skew, err error) {
	conn, err := db.Connx(ctx) // so that no reading has the dial in it
	if err != nil {
		return skew{}, err
	}
	defer conn.Close()
	for i := range 5 {
		var server time.Time
		asked := time.Now()
		if err := conn.GetContext(ctx, &server, `SELECT UTC_TIMESTAMP(6)`); err != nil {
			return skew{}, fmt.Errorf("ask for the time: %w", err)
		}
		half := time.Since(asked) / 2
		if r := (skew{server.Sub(asked.Add(half)), half}); i == 0 || r.doubt < best.doubt {
			best = r
		}
	}
	return best, nil
}

func (r skew) judge() verdict {
	says := fmt.Sprintf("the server's clock is %v ahead of this machine's, give or take %v", r.ahead.Round(10*time.Microsecond), r.doubt.Round(10*time.Microsecond))
	if r.ahead < 0 {
		says = fmt.Sprintf("the server's clock is %v behind this machine's, give or take %v", -r.ahead.Round(10*time.Microsecond), r.doubt.Round(10*time.Microsecond))
	}
	if r.ahead.Abs()-r.doubt > maxSkew {
		return note(warn(says+": times in logs and in the database do not compare", "set both by the same time service (NTP)"))
	}
	return verdict{fine: says}
}
