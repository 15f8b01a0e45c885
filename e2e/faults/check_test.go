package faults

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
	"fairlead/e2e/program"
)

// check holds what callers were told against what is there, now that each key
// was asked with until it was answered and nothing is broken any longer.
func (s *site) check(t *testing.T, i *program.Instance, pools ...string) {
	t.Helper()
	there := map[string]client.Assignment{}
	for _, p := range pools {
		for _, a := range s.stored(t, i, p) {
			there[a.Key] = a
		}
	}
	if diff := cmp.Diff(s.answered, there); diff != "" {
		t.Errorf("%d keys were answered, %d are there (- answered, + there):\n%.4000s", len(s.answered), len(there), diff)
	}
	binary.Verify(t, s.server.DSN(s.schema))
	s.nothingHeld(t, pools...)
	t.Logf("%d assignments; calls not answered with one: %v; the slowest answer took %v", len(there), s.refused, s.slowest.Round(time.Millisecond))
	if s.slowest > maxWait+2*time.Second {
		t.Errorf("an answer took %v", s.slowest)
	}
}

// stored are a pool's assignments, as an instance lists them.
func (s *site) stored(t *testing.T, i *program.Instance, pool string) (all []client.Assignment) {
	t.Helper()
	limit, after := client.Limit(1000), client.AfterSeq(0)
	for {
		r, err := i.ListAssignmentsWithResponse(t.Context(), pool, &client.ListAssignmentsParams{Limit: &limit, After: &after})
		if err != nil || r.JSON200 == nil {
			t.Fatalf("list assignments of %s: %v %+v", pool, err, r)
		}
		all = append(all, r.JSON200.Assignments...)
		if r.JSON200.Next == nil {
			return all
		}
		after = *r.JSON200.Next
	}
}

// nothingHeld wants no lock taken or waited for, and no transaction open. Units
// whose callers have left may have to end first.
func (s *site) nothingHeld(t *testing.T, pools ...string) {
	t.Helper()
	for _, p := range pools {
		await(t, "lock of "+p+" is free", 5*time.Second, func() bool { return s.holder(t, p) == 0 })
	}
	for what, query := range map[string]string{
		"no lock is taken or waited for": `SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'USER LEVEL LOCK'`,
		"no transaction is open": `SELECT COUNT(*) FROM information_schema.INNODB_TRX t
			JOIN performance_schema.threads p ON p.PROCESSLIST_ID = t.trx_mysql_thread_id WHERE p.PROCESSLIST_DB = DATABASE()`,
	} {
		awaitEvery(t, trxCacheTime, what, 5*time.Second, func() bool { return s.number(t, query) == 0 })
	}
}

// await waits for a condition.
func await(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	awaitEvery(t, 2*time.Millisecond, what, limit, holds)
}

func awaitEvery(t *testing.T, pause time.Duration, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); {
		if time.Since(began) > limit {
			t.Fatalf("after %v it is still not so that %s", limit, what)
		}
		time.Sleep(pause)
	}
}
