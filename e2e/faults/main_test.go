// Package faults breaks one thing at a time under instances of the program that
// share a database, and holds them to what they promise: whoever was answered
// keeps the answer, nobody gets a turn twice, a pool is free again in time, and
// nothing stays behind.
package faults

import (
	"flag"
	"os"
	"testing"

	"fairlead/e2e/program"
)

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) {
	// Most of these tests wait for a time-out that is part of the promise: more
	// of them can run at once than there are processors.
	_ = flag.Set("test.parallel", "8")
	flag.Parse()
	program.Main(m, &binary, build)
}

// cannot ends a test that this machine does not let run. In CI that is a
// failure: nothing may be left out unnoticed.
func cannot(t *testing.T, why string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(why, args...)
	}
	t.Skipf(why, args...)
}
