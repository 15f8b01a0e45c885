package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
	"fairlead/internal/dbtest"
)

// A listed number is one of fairlead numbers list --json.
type listed struct{ Number, State string }

// numbersDesk is where somebody sits who looks after a database's numbers.
type numbersDesk struct {
	*testing.T
	db    *dbtest.Database
	dir   string
	files int
}

// newNumbersDesk has an empty database with two pools, of which b has one
// number.
func newNumbersDesk(t *testing.T) *numbersDesk {
	t.Helper()
	d := &numbersDesk{T: t, db: dbtest.New(t), dir: t.TempDir()}
	for pool, file := range map[string]string{"a": d.file("p.csv", "p1\np2\n"), "b": d.file("p.csv", "p1\n")} {
		if out, code := binary.Run(t, "seed", "--dsn="+d.db.DSN, "--pool="+pool, "--planners="+file); code != 0 {
			t.Fatalf("seed: %d %s", code, out)
		}
	}
	d.run(0, "import", "--pool=b", d.file("b.csv", "0507-000-0001\n"))
	return d
}

// file writes a file whose name ends like this.
func (d *numbersDesk) file(name, text string) string {
	d.Helper()
	d.files++
	path := filepath.Join(d.dir, fmt.Sprintf("%d-%s", d.files, name))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.Fatal(err)
	}
	return path
}

// run runs fairlead numbers, which must exit with code, and returns what it
// printed.
func (d *numbersDesk) run(code int, args ...string) string {
	d.Helper()
	out, got := binary.Run(d.T, append([]string{"numbers", args[0], "--dsn=" + d.db.DSN, "--log-level=error"}, args[1:]...)...)
	if got != code {
		d.Fatalf("numbers %s exits with %d, want %d:\n%s", strings.Join(args, " "), got, code, out)
	}
	return out
}

// says fails the test unless out has each of these.
func (d *numbersDesk) says(out string, want ...string) {
	d.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			d.Errorf("output does not say %q:\n%s", w, out)
		}
	}
}

func (d *numbersDesk) list(pool string, flags ...string) []listed {
	d.Helper()
	out := d.run(0, append([]string{"list", "--json", "--pool=" + pool}, flags...)...)
	var l struct{ Numbers []listed }
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		d.Fatalf("%v: %s", err, out)
	}
	return l.Numbers
}

func (d *numbersDesk) has(pool string, want ...string) {
	d.Helper()
	var got []string
	for _, n := range d.list(pool) {
		got = append(got, n.Number)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.Errorf("numbers of %s (-want +got):\n%s", pool, diff)
	}
}

// A list as people have it goes into a pool in one form, once.
func TestNumbersImport(t *testing.T) {
	t.Parallel()
	d := newNumbersDesk(t)
	csv := d.file("list.csv", "\ufeffnumber\n# from the carrier\n0507-1234-5678\n+82 (0)507 123 4567\n'０５０７ ００００ ０００２\n")

	d.says(d.run(0, "import", "--pool=a", "--dry-run", csv), "pool a: 3 would be added, 0 there before, 0 rejected; nothing was written")
	d.has("a")
	d.says(d.run(0, "import", "--pool=a", csv), "pool a: 3 added, 0 there before, 0 rejected")
	d.has("a", "050700000002", "05071234567", "050712345678")
	more := d.file("list.json", `{"numbers": [{"number": "+82-507-1234-5678"}, "0507 765 4321"]}`)
	d.says(d.run(0, "import", "--pool=a", "--dry-run", more), "1 would be added, 1 there before")
	d.says(d.run(0, "import", "--pool=a", more), "pool a: 1 added, 1 there before, 0 rejected")
	d.has("a", "050700000002", "05071234567", "050712345678", "05077654321")
	d.says(d.run(0, "list", "--pool=a"), "NUMBER", "05077654321            free", "4 numbers")
	binary.Verify(t, d.db.DSN)
}

// One wrong line and nothing is imported, whether it is the file that says so
// or the database.
func TestNumbersImportRejects(t *testing.T) {
	t.Parallel()
	d := newNumbersDesk(t)
	d.run(0, "import", "--pool=a", "--form=e164", d.file("e.csv", "0507-000-0009\n"))
	bad := d.file("bad.csv", "0507-123-4567\n010-1234-5678\n5.07E+11\n0507-123-4567\n0507-123-4568\n")
	rejects := []string{"line 2: ***-****-**78 is a mobile number", "line 3: 5.07E+11 was made an amount", "line 4: 0507-123-4567 is on line 1 already"}

	out := d.run(1, "import", "--pool=a", bad)
	d.says(out, append(rejects, "Nothing was imported: 3 wrong lines of 5", "--any-kind")...)
	if strings.Contains(out, "1234-5678") || strings.Contains(out, "12345678") {
		t.Errorf("somebody's phone is shown:\n%s", out)
	}
	d.has("a", "+825070000009")
	d.says(d.run(0, "import", "--pool=a", "--skip-bad", "--dry-run", bad), append(rejects, "2 would be added, 0 there before, 3 rejected; nothing was written")...)
	d.has("a", "+825070000009")
	d.says(d.run(0, "import", "--pool=a", "--skip-bad", bad), append(rejects, "pool a: 2 added, 0 there before, 3 rejected")...)
	d.has("a", "+825070000009", "05071234567", "05071234568")

	taken := d.file("taken.csv", "0507-765-4321\n0507-000-0001\n0507-000-0009\n")
	rejects = []string{"line 2: 05070000001 belongs to pool b", "line 3: 05070000009 is in pool a already, as +825070000009"}
	d.says(d.run(1, "import", "--pool=a", taken), append(rejects, "Nothing was imported: 2 wrong lines of 3")...)
	d.says(d.run(1, "import", "--pool=a", "--dry-run", taken), rejects...)
	d.has("a", "+825070000009", "05071234567", "05071234568")
	d.says(d.run(0, "import", "--pool=a", "--skip-bad", taken), append(rejects, "pool a: 1 added, 0 there before, 2 rejected")...)
	d.has("a", "+825070000009", "05071234567", "05071234568", "05077654321")
	d.has("b", "05070000001")
	mixed := d.run(1, "import", "--pool=a", "--dry-run", d.file("mixed.csv", "0507-000-0001\n0507-765-4322\n"))
	d.says(mixed, "line 1: 05070000001 belongs to pool b\nNothing was imported: 1 wrong line of 2")
	mixed = d.run(0, "import", "--pool=a", "--dry-run", "--skip-bad", d.file("mixed.csv", "0507-000-0001\n0507-1\n"))
	d.says(mixed, "line 1: 05070000001 belongs to pool b\nline 2: 0507-1 is no Korean relay number")
	binary.Verify(t, d.db.DSN)
}

// A list with wrong lines is judged without a database.
func TestNumbersImportJudgesFirst(t *testing.T) {
	t.Parallel()
	d := &numbersDesk{T: t, db: &dbtest.Database{DSN: "nobody@tcp(127.0.0.1:1)/nowhere"}, dir: t.TempDir()}
	d.says(d.run(1, "import", "--pool=a", "--dry-run", d.file("bad.csv", "0507-123-4567\n0507-12\n")), "line 2: 0507-12 is no Korean relay number", "Nothing was imported")
	d.run(2, "import", "--pool=a", "--dry-run", d.file("good.csv", "0507-123-4567\n"))
}

// What cannot be done is said before anything is written.
func TestNumbersImportRefuses(t *testing.T) {
	t.Parallel()
	d := newNumbersDesk(t)
	good := d.file("good.csv", "0507-123-4567\n")
	for want, args := range map[string][]string{
		"there is no pool nowhere":                 {"--pool=nowhere", good},
		"--pool must be 1 to 48":                   {"--pool=A B", good},
		`--region: "XX" is not a country`:          {"--pool=a", "--region=XX", good},
		`column "carrier" is not known`:            {"--pool=a", "--skip-bad", d.file("two.csv", "number,carrier\n0507-123-4567,KT\n")},
		"nothing was written: line 1: is not JSON": {"--pool=a", "--skip-bad", d.file("not.json", "0507-123-4567\n")},
		"has no numbers":                           {"--pool=a", "--skip-bad", d.file("empty.csv", "number\n")},
		"must be one of":                           {"--pool=a", "--format=xml", good},
	} {
		d.says(d.run(2, append([]string{"import"}, args...)...), want)
	}
	d.says(d.run(2, "list", "--pool=nowhere"), "there is no pool nowhere")
	d.has("a")
}

// A list of more than one part that breaks in the second leaves the first,
// says so, and is finished by the same command.
func TestNumbersImportGoesOn(t *testing.T) {
	t.Parallel()
	d := newNumbersDesk(t)
	db := d.db.Open(t)
	db.MustExec(`CREATE TRIGGER no_number BEFORE INSERT ON numbers FOR EACH ROW
		IF NEW.number = '05070020000' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'broken on purpose'; END IF`)
	var csv strings.Builder
	for n := range 15_000 {
		fmt.Fprintf(&csv, "0507%07d\n", 10_000+n)
	}
	file := d.file("long.csv", csv.String())
	out := d.run(2, "import", "--pool=a", file)
	d.says(out, "pool a: 10,000 added, 0 there before, 0 rejected, 5,000 not done", "put numbers 10001 to 15000", "what was added stays, and the same command goes on from there")
	if n := len(d.list("a")); n != 10_000 {
		t.Errorf("there are %d numbers", n)
	}
	db.MustExec("DROP TRIGGER no_number")
	d.says(d.run(0, "import", "--pool=a", file), "pool a: 5,000 added, 10,000 there before, 0 rejected")
	if n := len(d.list("a")); n != 15_000 {
		t.Errorf("there are %d numbers", n)
	}
	binary.Verify(t, d.db.DSN)
}

// Numbers are taken out of use and brought back beside a service that hands
// them out.
func TestNumbersCare(t *testing.T) {
	t.Parallel()
	d := newNumbersDesk(t)
	d.run(0, "import", "--pool=a", d.file("two.csv", "0507-000-0002\n0507-000-0003\n"))
	i := binary.Start(t, "--dsn="+d.db.DSN)
	assign := func() client.Assignment {
		t.Helper()
		r, err := i.CreateAssignmentWithResponse(context.Background(), "a", nil, client.AssignmentRequest{})
		if err != nil || r.JSON201 == nil {
			t.Fatalf("assign: %v %s", err, r.Body)
		}
		return *r.JSON201
	}
	first := assign()
	if first.Number == nil || *first.Number != "05070000002" {
		t.Fatalf("first assignment: %+v", first)
	}
	d.says(d.run(0, "drain", "--reason=goes back", "0507-000-0002", "0507-000-0003"),
		"05070000002: draining, in assignment "+first.ID, "05070000003: draining, in no assignment")
	if diff := cmp.Diff([]listed{{"05070000002", "draining"}, {"05070000003", "draining"}}, d.list("a")); diff != "" {
		t.Error(diff)
	}
	if second := assign(); second.Number != nil {
		t.Errorf("a number that drains was handed out: %+v", second)
	}
	d.says(d.run(0, "suspend", "05070000002"), "05070000002: suspended, in assignment "+first.ID)
	if diff := cmp.Diff([]listed{{"05070000002", "suspended"}}, d.list("a", "--state=suspended")); diff != "" {
		t.Error(diff)
	}
	d.says(d.run(0, "resume", "05070000002", "05070000003"), "05070000002: active, in assignment "+first.ID, "05070000003: free, in no assignment")
	if third := assign(); third.Number == nil || *third.Number != "05070000003" {
		t.Errorf("a number that was brought back was not handed out: %+v", third)
	}
	d.says(d.run(1, "suspend", "05079999999", "05070000001"), "05079999999: no pool has it", "05070000001: suspended")
	d.says(d.run(2, "suspend", "05070000002", "x"), `number "x" must be`)
	if diff := cmp.Diff([]listed{{"05070000002", "active"}, {"05070000003", "active"}}, d.list("a")); diff != "" {
		t.Error(diff)
	}
	binary.Verify(t, d.db.DSN)
}

// Sizing needs neither a database nor a network.
func TestNumbersSize(t *testing.T) {
	t.Parallel()
	out, code := binary.Run(t, "numbers", "size", "--rate=40/h", "--ttl=2h", "--cooldown=24h", "--have=1000")
	if code != 0 || !strings.Contains(out, "Numbers:       1,113,") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := binary.Run(t, "numbers", "size", "--rate=40", "--ttl=2h", "--cooldown=24h"); code != 2 || !strings.Contains(out, "--rate:") {
		t.Errorf("%d %s", code, out)
	}
	var s struct{ Numbers int }
	if out, code := binary.Run(t, "numbers", "size", "--rate=3/min", "--ttl=10m", "--cooldown=0s", "--availability=99", "--json"); code != 0 || json.Unmarshal([]byte(out), &s) != nil || s.Numbers != 42 {
		t.Errorf("%d %s", code, out)
	}
}
