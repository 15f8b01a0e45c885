package chaos

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead/e2e/mutant"
)

var (
	withMutants = flag.String("mutants", "", "run TestMutants, which takes minutes: each one \"once\", or \"all\" in both lock modes if they break both")
	only        = flag.String("only", "", "run TestMutants on the one whose name begins like this")
)

// mutantTime is how long a mutant gets to be found out, and mutantTries how
// often.
const (
	mutantTime  = 6 * time.Second
	mutantTries = 5
)

// A program that is broken on purpose is found out by the same run that finds
// nothing wrong with the sound one.
func TestMutants(t *testing.T) {
	if *withMutants == "" {
		t.Skip("`make mutants` runs it")
	}
	t.Run("sound", func(t *testing.T) {
		for _, lock := range []string{"named", "off"} {
			if v := play(t, binary, huntingPlan(0, lock)); len(v.violations) > 0 {
				t.Fatalf("the sound program is found out, which says that the hunt proves nothing:\n%s", indent(v.violations, 20))
			}
		}
	})
	caught, all := 0, 0
	var lines []string
	for _, m := range mutant.All {
		if !strings.HasPrefix(m.Name, *only) {
			continue
		}
		for _, lock := range modes(m) {
			all++
			t.Run(m.Name+",lock="+lock, func(t *testing.T) {
				how := hunt(t, m, lock)
				if how == "" {
					t.Errorf("nothing was noticed in %d rounds of %v: %s", mutantTries, mutantTime, m.Says)
					how = "NOT CAUGHT"
				} else {
					caught++
				}
				lines = append(lines, fmt.Sprintf("  %-28s lock %-6s %s", m.Name, lock, how))
			})
		}
	}
	t.Logf("\n%s\n\n  caught %d of %d", strings.Join(lines, "\n"), caught, all)
	if all == 0 {
		t.Errorf("no mutant is named %q", *only)
	}
}

// huntingPlan is the round that finds mutants.
func huntingPlan(try int, lock string) plan {
	return plan{seed: *seed + uint64(try), lockOff: lock == "off", time: mutantTime, settle: 12 * time.Second,
		pools: 2, planners: 7, numbers: 30, cooldown: 1, clients: 48, rich: true, ttl: 2}
}

// modes are those in which a mutant is to be found out.
func modes(m mutant.Mutant) []string {
	switch {
	case m.Lock != "":
		return []string{m.Lock}
	case *withMutants == "all":
		return []string{"named", "off"}
	}
	return []string{"named"}
}

// hunt returns what was noticed first, or "".
func hunt(t *testing.T, m mutant.Mutant, lock string) string {
	broken, err := m.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for try := range mutantTries {
		var v verdict
		t.Run(fmt.Sprint("try ", try+1), func(t *testing.T) { v = play(t, broken, huntingPlan(try, lock)) })
		if broke := v.of(m.Promises); len(broke) > 0 {
			return fmt.Sprintf("try %d, %d violations, as %.110s", try+1, len(broke), broke[0])
		}
	}
	return ""
}

// of is the violations of some promises. That tables which were robbed of their
// keys take doubles is no proof that anybody would notice what comes of it.
func (v verdict) of(promises []int) (found []string) {
	for _, x := range v.violations {
		for _, p := range promises {
			if strings.HasPrefix(x, fmt.Sprintf("promise %d:", p)) {
				found = append(found, x)
			}
		}
	}
	return found
}
