package mutant

import (
	"context"
	"flag"
	"net/http"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// every is all mutants, whoever must catch them.
var every = slices.Concat(All, Slow)

var serveAll = flag.Bool("serve-all", false, "start every mutant and let it assign, instead of one")

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestMutantsAreDescribed(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range every {
		if m.Name == "" || names[m.Name] || m.Says == "" || len(m.Edits) == 0 || len(m.Promises) == 0 {
			t.Errorf("%+v lacks something, or its name is taken", m)
		}
		names[m.Name] = true
		if slices.Min(m.Promises) < 1 || slices.Max(m.Promises) > 10 {
			t.Errorf("%s breaks promises %v, of which there are 1 to 10", m.Name, m.Promises)
		}
		if !slices.Contains([]string{"", "named", "off"}, m.Lock) {
			t.Errorf("%s must be caught with the lock %q", m.Name, m.Lock)
		}
		for _, e := range m.Edits {
			if e.Old == e.New {
				t.Errorf("%s changes nothing in %s", m.Name, e.File)
			}
		}
	}
}

// Every mutant fits the program as it is now.
func TestMutantsCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles packages for each mutant")
	}
	for _, m := range every {
		t.Run(m.Name, func(t *testing.T) {
			overlay, err := m.overlay(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"build", "-overlay=" + overlay}
			for _, e := range m.Edits {
				args = append(args, "fairlead/"+path.Dir(e.File))
			}
			if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestEditThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]Edit{
		"nowhere": {"lock/session.go", "this text is not there", ""},
		"twice":   {"lock/session.go", "return", ""},
		"no file": {"lock/nothing.go", "package", ""},
		"nothing": {"lock/session.go", "", "package"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Mutant{Name: "misfit", Edits: []Edit{{"lock/session.go", "package lock", "package lock // edited"}, e}}
			_, err := m.overlay(t.TempDir())
			if err == nil || !strings.Contains(err.Error(), "misfit") || !strings.Contains(err.Error(), e.File) {
				t.Errorf("got %v, want an error that names the mutant and %s", err, e.File)
			}
		})
	}
}

// A fault that breaks everything would be caught by any test. It is for the
// fault tests to notice a mutant: it starts, and assigns while nothing happens.
func TestMutantsServe(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts programs")
	}
	for _, m := range every {
		if !*serveAll && m.Name != "no-unique-keys" {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			p, err := m.Build(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, lock := range []string{"named", "off"} {
				if m.Lock == "" || m.Lock == lock {
					t.Run("lock "+lock, func(t *testing.T) { serve(t, p, lock) })
				}
			}
		})
	}
}

func serve(t *testing.T, p *program.Program, lock string) {
	t.Helper()
	const pool = "p"
	ctx := context.Background()
	i := p.Start(t, "--dsn="+dbtest.New(t).DSN, "--lock="+lock)
	if r, err := i.PutPoolWithResponse(ctx, pool, nil, client.PoolSettings{}); err != nil || r.StatusCode() != http.StatusCreated {
		t.Fatalf("make a pool: %v %+v", err, r)
	}
	if r, err := i.PutPlannerWithResponse(ctx, pool, "kim", nil, client.PutPlannerJSONRequestBody{}); err != nil || r.StatusCode() != http.StatusCreated {
		t.Fatalf("add a planner: %v %+v", err, r)
	}
	if r, err := i.CreateAssignmentWithResponse(ctx, pool, nil, client.AssignmentRequest{}); err != nil || r.JSON201 == nil {
		t.Fatalf("assign: %v %+v", err, r)
	}
}

// Files that are embedded are edited like any other.
func TestEmbeddedFilesAreEdited(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts a program")
	}
	p, err := Mutant{Name: "schema", Edits: []Edit{noKeyOfIdemKeys}}.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	db := dbtest.New(t)
	if out, code := p.Run(t, "migrate", "up", "--dsn="+db.DSN); code != 0 {
		t.Fatalf("migrate up: exit code %d\n%s", code, out)
	}
	var unique []string
	if err := db.Open(t).Select(&unique, `SELECT DISTINCT index_name FROM information_schema.statistics
		WHERE table_schema = ? AND table_name = 'assignments' AND non_unique = 0`, db.Schema); err != nil {
		t.Fatal(err)
	}
	slices.Sort(unique)
	if want := []string{"PRIMARY", "by_id", "once_per_number"}; !slices.Equal(unique, want) {
		t.Errorf("the unique keys are %v, want %v", unique, want)
	}
}
