package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"fairlead/e2e/mutant"
	"fairlead/e2e/program"
)

var (
	instead     = flag.String("mutant", "", "run the tests on the mutant of this name")
	withMutants = flag.Bool("mutants", false, "run TestSlowMutants, which takes two minutes")
)

// build builds what is to be tested.
func build(dir string) (*program.Program, error) {
	if *instead == "" {
		return program.Build(dir)
	}
	for _, m := range mutant.Slow {
		if m.Name == *instead {
			return m.Build(dir)
		}
	}
	return nil, fmt.Errorf("there is no mutant %q", *instead)
}

// noticedBy is the test that a mutant must not pass.
var noticedBy = map[string]string{
	"silence-unlimited":  "TestHolderCutOffWhileReading",
	"row-wait-unlimited": "TestInstanceKilledWaitingForRow",
}

// Programs that keep pools for longer than is promised do not pass the tests
// that wait for it.
func TestSlowMutants(t *testing.T) {
	if !*withMutants {
		t.Skip("`make mutants` runs it")
	}
	for _, m := range mutant.Slow {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			test, ok := noticedBy[m.Name]
			if !ok {
				t.Fatal("no test is said to notice it")
			}
			out, err := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.timeout=5m", "-mutant="+m.Name).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: "+test) {
				t.Errorf("%s does not notice (%v): %s\n%s", test, err, m.Says, out)
			}
		})
	}
}
