package localdb

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeApt stands for apt-get. It writes down how it was called, refuses to
// install without a file named allowed, and makes a server program otherwise.
const fakeApt = `#!/bin/sh
PATH=/usr/bin:/bin
echo "$*" >>"$FAKE/calls"
case "$*" in
*--download-only*)
	: >"${3%/*}/archives/server.deb" # $3 is the configuration, in the folder to work in
	;;
*" install "*)
	[ -e "$FAKE/allowed" ] || { echo "E: held broken packages"; exit 100; }
	dpkg-deb --extract server.deb "$FAKE/system"
	;;
esac
`

// fakeDpkgDeb stands for dpkg-deb, with one package that it can unpack.
const fakeDpkgDeb = `#!/bin/sh
PATH=/usr/bin:/bin
mkdir -p "$3/usr/sbin" "$3/usr/share/mysql"
: >"$3/usr/share/mysql/mysql_system_tables.sql"
printf '#!/bin/sh\necho version 1\n' >"$3/usr/sbin/mariadbd"
chmod +x "$3/usr/sbin/mariadbd"
`

// fakeMachine is a machine without MariaDB, and with the given tools.
func fakeMachine(t *testing.T, tools map[string]string) (dir string) {
	t.Helper()
	if _, err := os.Stat("/var/lib/dpkg/status"); err != nil {
		t.Skip("the packages of this machine are not Debian's")
	}
	dir = t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range tools {
		script = strings.ReplaceAll(script, "dpkg-deb --extract", filepath.Join(bin, "dpkg-deb")+" --extract")
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("FAKE", dir)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	places := usualPlaces
	t.Cleanup(func() { usualPlaces = places })
	usualPlaces = []string{filepath.Join(dir, "system/usr/sbin/mariadbd")}
	return dir
}

var debian = map[string]string{"apt-get": fakeApt, "dpkg-deb": fakeDpkgDeb}

func TestInstall(t *testing.T) {
	const system, unpacked = "system/usr/sbin/mariadbd", "cache/fairlead/mariadb/root/usr/sbin/mariadbd"
	for _, tt := range []struct {
		name          string
		root, allowed bool
		want          string // where the server is afterwards
		said          string
	}{
		{"root", true, true, system, "Installing the package"},
		{"root who may not", true, false, unpacked, "held broken packages"},
		{"not root", false, true, unpacked, "nothing is installed on the system"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := fakeMachine(t, debian)
			if tt.allowed {
				if err := os.WriteFile(filepath.Join(dir, "allowed"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			if err := installAs(t.Context(), &out, tt.root); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			inst, err := Find()
			if err != nil || inst.Server != filepath.Join(dir, tt.want) {
				t.Errorf("Find = %+v, %v; want %s", inst, err, tt.want)
			}
			if !strings.Contains(out.String(), tt.said) || !strings.Contains(out.String(), "version 1") {
				t.Errorf("said %q; want %q and the version", &out, tt.said)
			}
			checkSecondInstall(t, tt.root)
		})
	}
}

// checkSecondInstall checks that installing again does nothing and says so.
func checkSecondInstall(t *testing.T, root bool) {
	t.Helper()
	calls := filepath.Join(os.Getenv("FAKE"), "calls")
	before, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := installAs(t.Context(), &out, root); err != nil || !strings.Contains(out.String(), "here already") {
		t.Errorf("again: %q, %v", &out, err)
	}
	if after, _ := os.ReadFile(calls); !bytes.Equal(before, after) {
		t.Errorf("again: apt-get was called")
	}
}

func TestInstallElsewhereSaysWhatToDo(t *testing.T) {
	fakeMachine(t, nil)
	err := Install(t.Context(), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "brew install mariadb") || !strings.Contains(err.Error(), "FAIRLEAD_DSN") {
		t.Errorf("Install: %v", err)
	}
	if _, err := Find(); err == nil || !strings.Contains(err.Error(), "fairlead localdb install") {
		t.Errorf("Find: %v; want it to name the next step", err)
	}
}
