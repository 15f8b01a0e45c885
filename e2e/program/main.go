package program

import (
	"fmt"
	"os"
	"testing"

	"fairlead/internal/dbtest"
)

// Main is the TestMain of a package that tests the program: it builds it, puts
// it where p points to, runs the tests, removes what they left, and exits.
func Main(m *testing.M, p **Program, build func(dir string) (*Program, error)) {
	dir, err := os.MkdirTemp("", "fairlead-program-")
	if err == nil {
		*p, err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := dbtest.Run(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// Sound builds the program as it is.
func Sound(dir string) (*Program, error) { return Build(dir) }
