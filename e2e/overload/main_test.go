// Package overload asks one instance for many times what it can do, on a
// database that is made slow so that the machine has room for the asking.
package overload

import (
	"flag"
	"testing"
	"time"

	"fairlead/e2e/program"
)

var (
	overloadTime = flag.Duration("overload", 10*time.Second, "how long the tests ask for too much")
	assertSpeed  = flag.Bool("assert", false, "fail where the figures miss their targets; for a machine that does nothing else")
)

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) { program.Main(m, &binary, program.Sound) }

// target is a check of a figure. The figure is for the log in any case; only
// with -assert can missing it fail the test.
func target(t *testing.T, met bool, format string, args ...any) {
	t.Helper()
	switch {
	case met:
	case *assertSpeed:
		t.Errorf("target missed: "+format, args...)
	default:
		t.Logf("target missed, and -assert was not given: "+format, args...)
	}
}
