package chaos

import (
	"fmt"
	"os"
	"testing"
	"time"

	"fairlead/e2e/history"
)

// Whatever is killed, stopped or cut off, callers may be refused, but what they
// are promised holds.
func TestChaos(t *testing.T) {
	if *runTime < time.Second || *roundTime < time.Second {
		t.Fatalf("-for=%v -round=%v: at least a second", *runTime, *roundTime)
	}
	total := newTally()
	for n := 0; total.time < *runTime && !t.Failed(); n++ {
		p := planOf(*seed+uint64(n), min(*roundTime, *runTime-total.time))
		t.Run(fmt.Sprintf("seed=%d,lock=%s", p.seed, p.lock()), func(t *testing.T) {
			t.Log(p)
			v := play(t, binary, p)
			total.add(v)
			t.Log(lineOf(v))
			if done := history.Summarize(v.calls).Done; done < 10*int(p.time.Seconds()) {
				t.Errorf("%d calls were answered with a success in %v: that proves nothing", done, p.time)
			}
			if len(v.violations) > 0 || t.Failed() {
				t.Errorf("%d violations:\n%s%s", len(v.violations), indent(v.violations, 20), kept(v))
			}
		})
		if total.rounds <= n {
			break // the round did not come to its end
		}
	}
	t.Logf("\n%s", total)
	if names := total.missing(); len(names) > 0 && !t.Failed() {
		t.Errorf("these faults never hit anything, or these events never came about: %q", names)
	}
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
