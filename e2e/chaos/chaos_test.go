package chaos

import (
	"fmt"
	"os"
	"testing"
)

// Whatever is killed, stopped or cut off, callers may be refused, but what they
// are promised holds.
func TestChaos(t *testing.T) {
	total := newTally()
	for n := 0; total.time < *runTime && !t.Failed(); n++ {
		p := planOf(*seed+uint64(n), min(*roundTime, *runTime-total.time))
		t.Run(fmt.Sprintf("seed=%d,lock=%s", p.seed, p.lock()), func(t *testing.T) {
			t.Log(p)
			v := play(t, binary, p)
			total.add(v)
			t.Log(lineOf(v))
			if len(v.violations) > 0 {
				t.Errorf("%d violations:\n%s%s", len(v.violations), indent(v.violations, 20), kept(v))
			}
		})
		if total.rounds <= n {
			break // the round did not come to its end
		}
	}
	t.Logf("\n%s", total)
}

// kept keeps the history of a round and says where.
func kept(v verdict) string {
	if v.keep == nil {
		return ""
	}
	dir := *keepIn
	err := error(nil)
	if dir == "" {
		dir, err = os.MkdirTemp("", "fairlead-history-")
	} else {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return fmt.Sprintf("the history could not be kept: %v", err)
	}
	path, err := v.keep(dir)
	if err != nil {
		return fmt.Sprintf("the history could not be kept: %v", err)
	}
	return fmt.Sprintf("the history is in %s; the same plan again: go test ./e2e/chaos -run TestChaos -v -args -seed=%d -for=%v -round=%v",
		path, v.plan.seed, v.plan.time, v.plan.time)
}
