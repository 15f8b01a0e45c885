// Package speed measures how fast the program is, beside other ways to do the
// same and beside itself under other circumstances. What is compared is
// measured in one run, turn about, and given as medians and ratios, so that the
// machine's own speed drops out. Clients, service and database share the
// machine.
//
// Nothing here asserts a time: run it with make bench and make bench-http.
package speed

import (
	"fmt"
	"os"
	"testing"

	"fairlead/e2e/program"
)

// binary is the program under test, as it is shipped.
var binary *program.Program

func TestMain(m *testing.M) {
	if way := os.Getenv(envServe); way != "" {
		if err := serve(way); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	program.Main(m, &binary, program.Sound)
}
