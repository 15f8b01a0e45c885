package overload

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
)

// A pool whose lock a stranger keeps is asked for several times what it could do.
// The other pools of the instance, each busy with half of what it can do, lose
// no more than one pool's share.
func TestStuckPoolUnderOverload(t *testing.T) {
	const calm = 4 * time.Second
	healthy := []string{"a", "b", "c", "d"}
	all := append([]string{"stuck"}, healthy...)
	s := newStage(t, all...)
	capacity, first := s.capacity(t, "stuck")
	half := capacity / 2
	others := s.gather(t, "others-", 5*time.Second, manyCallers, healthy...)
	flood := s.gather(t, "flood-", 5*time.Second, manyCallers, "stuck")
	keeper := s.newKeeper(t, "stuck")

	began := time.Now()
	var got *tally
	var meanwhile sync.WaitGroup
	meanwhile.Go(func() {
		got = others.open(t, began, step{half * float64(len(healthy)), calm + *overloadTime})
	})
	meanwhile.Go(func() {
		time.Sleep(time.Until(began.Add(calm)))
		keeper.take(t)
	})
	flooded := flood.open(t, began, step{half, calm}, step{factor * capacity, *overloadTime})
	meanwhile.Wait()
	keeper.release(t)
	s.wire.Delay(0, 0)

	begin, end := calm, calm+*overloadTime
	sent, dropped := flooded.sent(begin, end)
	t.Logf("the stuck pool: %.0f/s sent (%.1f capacities), %.0f/s dropped for want of a caller; %s",
		sent, sent/capacity, dropped, spell(flooded.counts(begin, end)))
	before, during := got.rate(assigned, time.Second, begin), got.rate(assigned, begin, end)
	t.Logf("the %d other pools: %.0f/s before, %.0f/s during (ratio %.2f); p99 %v before, %v during; %s", len(healthy), before, during, during/before,
		quantile(got.times(assigned, 0, begin), .99), quantile(got.times(assigned, begin, end), .99), spell(got.counts(0, end)))
	share := 1 / float64(len(all))
	target(t, during >= (1-share)*before, "the others' goodput fell to %.2f, the stuck pool's share is %.2f", during/before, share)

	s.checkServer(t)
	s.check(t, all, first, flooded, got)
	binary.Verify(t, s.db.DSN)
}

// A keeper takes a pool's lock as a stranger would.
type keeper struct {
	conn *sqlx.Conn
	name string
}

func (s *stage) newKeeper(t *testing.T, pool string) *keeper {
	t.Helper()
	conn, err := s.admin.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &keeper{conn, fmt.Sprintf("fairlead:%s:%s", s.db.Schema, pool)}
}

func (k *keeper) take(t *testing.T)    { k.must(t, `SELECT GET_LOCK(?, 10)`) }
func (k *keeper) release(t *testing.T) { k.must(t, `SELECT RELEASE_LOCK(?)`) }

func (k *keeper) must(t *testing.T, query string) {
	t.Helper()
	var got sql.NullInt64
	if err := k.conn.GetContext(t.Context(), &got, query, k.name); err != nil || got.Int64 != 1 {
		t.Errorf("%s for %s: %d %v", query, k.name, got.Int64, err)
	}
}
