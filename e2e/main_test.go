// Package e2e drives the built program over HTTP, against real databases.
package e2e

import (
	"testing"

	"fairlead/e2e/program"
)

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) { program.Main(m, &binary, program.Sound) }
