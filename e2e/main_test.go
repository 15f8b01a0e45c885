// Package e2e drives the built program over HTTP, against real databases.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// binary is the program under test.
var binary *program.Program

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fairlead-e2e")
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
