// Package archtest keeps the import graph the way CONTRIBUTING draws it.
package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "fairlead/"

// allowed says, for each package, which packages of ours it may reach, and
// which parts of other modules, even indirectly. Nothing else but the standard
// library.
var allowed = map[string]struct{ ours, others []string }{
	"assign":     {},
	"lock":       {others: []string{"github.com/jmoiron/sqlx", "github.com/go-sql-driver/mysql", "filippo.io/edwards25519"}},
	"migrations": {others: []string{"github.com/pressly/goose/v3", "github.com/mfridman/interpolate", "github.com/sethvargo/go-retry", "go.uber.org/multierr", "golang.org/x/sync"}},
	"store": {
		ours: []string{"assign", "lock", "migrations"},
		others: []string{"github.com/jmoiron/sqlx", "github.com/go-sql-driver/mysql", "filippo.io/edwards25519",
			"github.com/pressly/goose/v3", "github.com/mfridman/interpolate", "github.com/sethvargo/go-retry", "go.uber.org/multierr", "golang.org/x/sync",
			"github.com/oklog/ulid/v2"},
	},
	"phone":               {ours: []string{"assign"}},
	"internal/numbering":  {ours: []string{"assign"}, others: []string{"github.com/nyaruka/phonenumbers", "google.golang.org/protobuf", "golang.org/x/text"}},
	"internal/page/unit":  {},
	"internal/page/chart": {ours: []string{"internal/page/unit"}},
	"internal/page":       {ours: []string{"internal/page/chart", "internal/page/unit"}},
	"observe": {ours: []string{"assign"}, others: []string{"github.com/prometheus", "github.com/beorn7/perks", "github.com/cespare/xxhash",
		"github.com/munnerz/goautoneg", "google.golang.org/protobuf", "go.yaml.in/yaml", "golang.org/x"}},
}

// forbidden says, for each package, what it must not reach. It is for those
// whose libraries are too many to list.
var forbidden = map[string][]string{
	"api":        {"github.com/jmoiron", "github.com/go-sql-driver", module + "lock", module + "store", module + "observe"},
	"api/client": {"github.com/labstack", module + "api", module + "assign"},
	// A second opinion must not be the first one's.
	"load":        {"github.com/jmoiron", "github.com/go-sql-driver", "github.com/labstack", module + "api", module + "assign", module + "lock", module + "store", module + "observe"},
	"e2e/history": {"github.com/jmoiron", module + "assign", module + "lock", module + "store", module + "observe"},
}

func TestImports(t *testing.T) {
	t.Parallel()
	for pkg, may := range allowed {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			for _, dep := range deps(t, pkg) {
				of := may.others
				name, ours := strings.CutPrefix(dep, module)
				if ours {
					of, dep = may.ours, name
				}
				if dep != pkg && !within(dep, of) && (ours || !standard(dep)) {
					t.Errorf("%s reaches %s", pkg, dep)
				}
			}
		})
	}
	for pkg, bans := range forbidden {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			for _, dep := range deps(t, pkg) {
				if dep != module+pkg && within(dep, bans) {
					t.Errorf("%s reaches %s", pkg, dep)
				}
			}
		})
	}
}

// echo's context, and with it the framework, stays in api.
func TestEchoStaysInAPI(t *testing.T) {
	t.Parallel()
	users := run(t, "list", "-f", `{{$p := .ImportPath}}{{range .Imports}}{{if eq . "github.com/labstack/echo/v4"}}{{$p}}{{end}}{{end}}`, module+"...")
	if got := strings.Fields(users); !slices.Equal(got, []string{module + "api"}) {
		t.Errorf("echo is imported by %v", got)
	}
}

func deps(t *testing.T, pkg string) []string {
	t.Helper()
	return strings.Fields(run(t, "list", "-deps", module+pkg))
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", args[0], err)
	}
	return string(out)
}

func within(dep string, of []string) bool {
	return slices.ContainsFunc(of, func(o string) bool { return dep == o || strings.HasPrefix(dep, o+"/") })
}

// standard tells the standard library by its paths, which have no dot.
func standard(dep string) bool {
	first, _, _ := strings.Cut(dep, "/")
	return !strings.Contains(first, ".")
}
