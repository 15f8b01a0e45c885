package load

import (
	"testing"

	"fairlead/e2e/program"
)

// built is the program whose subcommand this package is.
var built *program.Program

func TestMain(m *testing.M) { program.Main(m, &built, program.Sound) }
