// Package failover has a database take over from another while instances are
// at work on it.
package failover

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

var failovers = flag.Int("failovers", 2, "how often a replica takes over in a row")

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fairlead-failover")
	if err == nil {
		binary, err = program.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := dbtest.Run(m)
	os.RemoveAll(dir)
	os.Exit(code)
}
