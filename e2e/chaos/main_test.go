// Package chaos runs the program under load while everything around it is
// killed, stopped, cut off and held up, and then judges what callers saw, and
// what the tables hold, by what users are promised.
package chaos

import (
	"flag"
	"testing"
	"time"

	"fairlead/e2e/program"
)

var (
	runTime   = flag.Duration("for", 20*time.Second, "how long TestChaos makes faults, in rounds")
	roundTime = flag.Duration("round", 10*time.Second, "how long one round is")
	seed      = flag.Uint64("seed", 1, "seed of the first round; each further one adds 1; odd ones take the lock, even ones do without")
	keepIn    = flag.String("keep", "", "folder for the histories of rounds that found something (default: a new one in the system's temporary folder)")
)

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) { program.Main(m, &binary, program.Sound) }
