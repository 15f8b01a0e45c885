package seed_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
	"fairlead/internal/seed"
)

func TestPlanners(t *testing.T) {
	t.Parallel()
	got, err := seed.Planners(strings.NewReader("\ufeffid,name,active\n# away until June\np1,Kim,true\np2, \"Lee, J.\",false\np3\n"))
	kim, lee, on, off := "Kim", "Lee, J.", true, false
	want := []assign.PlannerChange{{ID: "p1", Name: &kim, Active: &on}, {ID: "p2", Name: &lee, Active: &off}, {ID: "p3"}}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadLinesAreListed(t *testing.T) {
	t.Parallel()
	_, err := seed.Planners(strings.NewReader("p1\np 2\np3,x,maybe\np1\np5,a,true,b\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"line 2: id must be", "line 3: active must be true or false", "line 4: id p1 is on line 1 already", "line 5: 4 columns"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
	if _, err := seed.Numbers(strings.NewReader("050-7555-0001\nabc\n")); err == nil || !strings.Contains(err.Error(), "line 2: number must") {
		t.Errorf("numbers: %v", err)
	}
}

// Whatever a file holds, what is read from it is what the domain takes.
func FuzzPlanners(f *testing.F) {
	f.Add("id,name\np1,Kim\n")
	f.Add("p1,\"a\nb\",true")
	f.Add("\ufeff#\n,,,")
	f.Fuzz(func(t *testing.T, file string) {
		planners, err := seed.Planners(strings.NewReader(file))
		if err != nil && planners != nil {
			t.Error("planners besides an error")
		}
		for _, p := range planners {
			if _, err := assign.ParsePlannerID("id", string(p.ID)); err != nil {
				t.Error(err)
			}
		}
	})
}
