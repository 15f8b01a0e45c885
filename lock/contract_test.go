package lock_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"fairlead/internal/dbtest"
)

// The tests named TestContract say what Fairlead believes of the servers it
// runs on: of named locks first, and of what transactions, sessions and the
// driver do around them. Each cell is one question to a real server. A server
// or driver of a new version that answers otherwise fails the cell, and the
// cell says which part of the design rested on the answer.
//
// `make test-engines` asks them all of every engine there is.

// answers are what each engine says to a question. An empty one is not known,
// and the engine is not asked.
type answers struct{ mariadb, mysql, tidb string }

// both is an answer of MariaDB and MySQL; TiDB's is not known.
func both(a string) answers { return answers{mariadb: a, mysql: a} }

// everywhere is an answer that all engines give.
func everywhere(a string) answers { return answers{a, a, a} }

// A cell is a question to the server. It runs beside other cells, on the same
// server, and must leave them alone.
type cell struct {
	name string
	want answers
	ask  func(*scene) string
	lost string // what no longer holds in Fairlead if the answer is another
}

func checkCells(t *testing.T, cells []cell) {
	t.Helper()
	db := dbtest.New(t)
	for _, c := range cells {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, db)
			want := choose(s, c.want.mariadb, c.want.mysql, c.want.tidb)
			if want == "" {
				t.Skipf("what %s should answer is not known", s.engine)
			}
			if got := c.ask(s); got != want {
				t.Errorf("%s %s answers %q, want %q.\nWhat rests on it: %s", s.engine, s.version, got, want, c.lost)
			}
		})
	}
}

// choose returns what is said of the engine that the scene is set on.
func choose[T any](s *scene, mariadb, mysql, tidb T) T {
	s.t.Helper()
	switch s.engine {
	case "mariadb":
		return mariadb
	case "mysql":
		return mysql
	case "tidb":
		return tidb
	}
	s.t.Fatalf("nothing is known of engine %q", s.engine)
	panic("not reached")
}

// onMariaDB reports whether the server is MariaDB of this version or a later
// one. It is for answers that are documented to have changed.
func onMariaDB(t *testing.T, major, minor int) bool {
	t.Helper()
	engine, version := dbtest.Engine(t)
	var gotMajor, gotMinor int
	if _, err := fmt.Sscanf(version, "%d.%d", &gotMajor, &gotMinor); err != nil {
		t.Fatalf("version %q: %v", version, err)
	}
	return engine == "mariadb" && (gotMajor > major || gotMajor == major && gotMinor >= minor)
}

// Answers of one engine must not be held against what is known of another:
// who named the engine, and a server by its address, gets a failure if the
// two are not the same.
func TestContractEngine(t *testing.T) {
	name, version := dbtest.Engine(t)
	t.Logf("engine: %s %s", name, version)
	if wanted := os.Getenv("FAIRLEAD_TEST_ENGINE"); wanted != "" && !strings.EqualFold(wanted, name) {
		t.Errorf("the server is %s %s, and FAIRLEAD_TEST_ENGINE asks for %s", name, version, wanted)
	}
}
