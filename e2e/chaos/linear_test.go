package chaos

import (
	"fmt"
	"testing"
	"time"

	"fairlead/e2e/history"
)

// The judges find the order of a pool by its seq. Without that, from calls and
// answers alone, porcupine has to find an order that the rule allows.
func TestLinearizable(t *testing.T) {
	for _, seed := range []uint64{*seed, *seed + 1} {
		p := planOf(seed, 3*time.Second)
		p.pools, p.planners, p.numbers, p.clients, p.rich = 4, 7, 0, 12, false // small enough to be searched
		t.Run(fmt.Sprintf("lock=%s", p.lock()), func(t *testing.T) {
			v := play(t, binary, p)
			if len(v.violations) > 0 {
				t.Errorf("violations:\n%s%s", indent(v.violations, 20), kept(v))
			}
			for _, pool := range v.pools {
				if err := history.Linearizable(v.calls, pool); err != nil {
					t.Error(err)
				}
			}
			t.Log(lineOf(v))
		})
	}
}
