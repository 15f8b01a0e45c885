// Package failover has a database take over from another while instances are
// at work on it.
package failover

import (
	"flag"
	"testing"

	"fairlead/e2e/program"
)

var failovers = flag.Int("failovers", 2, "how often a replica takes over in a row")

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) { program.Main(m, &binary, program.Sound) }
