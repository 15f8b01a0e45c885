// Package dba does what docs/dba.md says, on real servers: it makes the
// accounts from the page's grants, pastes its statements, and runs its commands.
package dba

import (
	"testing"

	"fairlead/e2e/program"
)

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) { program.Main(m, &binary, program.Sound) }
