package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/dbtest"
)

// doctor runs the subcommand for scripts.
func doctor(t *testing.T, args ...string) (levels map[string]string, says map[string]string, code int) {
	t.Helper()
	out, err := binary.Command(append([]string{"doctor", "--json", "--log-level=error"}, args...)...).Output()
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	var found []struct{ Check, Level, Says, Do string }
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	levels, says = map[string]string{}, map[string]string{}
	for _, d := range found {
		levels[d.Check], says[d.Check] = d.Level, d.Says+"; "+d.Do
	}
	return levels, says, code
}

// The exit code tells scripts what people read, and serve refuses in the
// doctor's words.
func TestDoctor(t *testing.T) {
	t.Parallel()
	var seeing []string
	if engine, _ := dbtest.Engine(t); engine == "mariadb" { // MySQL's defaults
		for _, consumer := range []string{"events-statements-current", "events-statements-history", "events-transactions-current"} {
			seeing = append(seeing, "--performance-schema-consumer-"+consumer+"=ON")
		}
	}
	server := dbtest.NewServer(t, seeing...)
	db := server.New()
	levels, _, code := doctor(t, "--dsn="+db.DSN)
	if code != 0 || levels["migrations"] != "warning" || levels["writer"] != "ok" {
		t.Errorf("on an empty schema: exit code %d, %v", code, levels)
	}
	if levels, _, code = doctor(t, "--dsn="+db.DSN, "--migrate=off"); code != 1 || levels["migrations"] != "failure" {
		t.Errorf("on an empty schema that stays so: exit code %d, %v", code, levels)
	}
	if out, code := binary.Run(t, "migrate", "up", "--dsn="+db.DSN); code != 0 {
		t.Fatal(out)
	}
	if out, code := binary.Run(t, "doctor", "--dsn="+db.DSN); code != 0 || !strings.HasSuffix(out, "\nAll is well.\n") {
		t.Errorf("on a healthy server: exit code %d:\n%s", code, out)
	} else {
		t.Log("\n" + out)
	}
	if levels, says, code := doctor(t, "--dsn="+db.DSN, "--units=1000", "--instances=3"); code != 0 || levels["connections"] != "warning" || !strings.Contains(says["connections"], "3036 in all") {
		t.Errorf("too many instances: exit code %d, %s", code, says["connections"])
	}

	db.Open(t).MustExec(`SET GLOBAL read_only = ON`)
	out, code := binary.Run(t, "doctor", "--dsn="+db.DSN)
	if code != 1 || !strings.Contains(out, "the server is read-only (read_only)") || !strings.Contains(out, "serve refuses this database") {
		t.Errorf("on a read-only server: exit code %d:\n%s", code, out)
	}
	_, says, _ := doctor(t, "--dsn="+db.DSN)
	refusal, code := binary.Run(t, "serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--dsn="+db.DSN)
	if code != 2 || !strings.Contains(refusal, "this database cannot be used: "+says["writer"]) {
		t.Errorf("serve exits with %d and says\n%s\nnot the doctor's\n%s", code, refusal, says["writer"])
	}

	server.Stop()
	if _, _, code := doctor(t, "--dsn="+db.DSN); code != 2 {
		t.Errorf("with the server down: exit code %d", code)
	}
}

// serve looks at rights when the tables are there.
func TestServeNamesMissingRight(t *testing.T) {
	t.Parallel()
	at := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	db := at.New()
	if out, code := binary.Run(t, "migrate", "up", "--dsn="+db.DSN); code != 0 {
		t.Fatal(out)
	}
	root := db.Open(t)
	root.MustExec("REVOKE ALL PRIVILEGES, GRANT OPTION FROM fairlead@'%'")
	root.MustExec("GRANT SELECT, INSERT ON " + db.Schema + ".* TO fairlead@'%'")
	dsn := at.NetworkDSN(at.Address(), db.Schema)
	levels, says, code := doctor(t, "--dsn="+dsn)
	if code != 1 || levels["privileges"] != "failure" || !strings.Contains(says["privileges"], "lacks UPDATE on pools") {
		t.Errorf("exit code %d: %v", code, says["privileges"])
	}
	out, code := binary.Run(t, "serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--dsn="+dsn)
	if code != 2 || !strings.Contains(out, "this database cannot be used: "+says["privileges"]) {
		t.Errorf("serve exits with %d and says\n%s\nnot the doctor's\n%s", code, out, says["privileges"])
	}
}

// What cannot be looked at has a code of its own, and nothing is made where
// nothing is.
func TestDoctorCannotLook(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	dir := filepath.Join(t.TempDir(), "mistyped")
	for name, c := range map[string]struct{ flag, says string }{
		"no private database": {"--data-dir=" + dir, "no private database in " + dir},
		"nobody there":        {"--dsn=root@tcp(127.0.0.1:1)/nowhere", "connect:"},
		"unknown schema":      {"--dsn=" + db.DSN + "_not_there", "check the user, the password and the schema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := binary.Run(t, "doctor", c.flag); code != 2 || !strings.Contains(out, c.says) {
				t.Errorf("exit code %d: %s", code, out)
			}
		})
	}
}

// A private database that nobody runs is started to be looked at.
func TestDoctorOfPrivateDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := binary.Start(t, "--data-dir="+dir)
	beside, _, code := doctor(t, "--data-dir="+dir)
	if code != 0 || beside["engine"] != "ok" {
		t.Errorf("beside the service: exit code %d: %v", code, beside)
	}
	i.Stop(t)
	alone, says, code := doctor(t, "--data-dir="+dir)
	if code != 0 || alone["migrations"] != "ok" || alone["durability"] != "ok" {
		t.Errorf("alone: exit code %d: %v", code, says)
	}
}
