package localdb_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"fairlead/internal/localdb"
)

// The kernel, and nobody else, must end the server when its program is killed.
func TestServerEndsWithItsProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with its parent; elsewhere the next Start does")
	}
	t.Parallel()
	dir := t.TempDir()
	cmd, _ := owner(t, dir)
	kill9(t, cmd)

	lock, err := os.OpenFile(filepath.Join(dir, "server.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	eventually(t, "the server's end", func() bool {
		return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
	})
}

// A server that is left over, as on systems where nobody ends it, must neither
// share the data with the next one nor keep it out.
func TestServerLeftOverIsEnded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 25)) // for its socket's folder, which is left over too
	cmd, old := owner(t, dir, envServer+"="+serverThatStays(t))
	note, err := os.ReadFile(filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	kill9(t, cmd)
	if err := syscall.Kill(old, 0); err != nil {
		t.Fatalf("the server is not left over: %v", err)
	}
	if _, ok, err := localdb.Join(t.Context(), dir); ok || err != nil {
		t.Errorf("Join = %v, %v; a server without an owner is not one to join", ok, err)
	}

	srv := start(t, small(dir))
	remember(t, srv)
	if srv.Pid() == old {
		t.Error("the new server is the old one")
	}
	if _, err := os.Stat(filepath.Dir(string(note))); err == nil {
		t.Errorf("the folder of the old socket %s is still there", note)
	}
}

// serverThatStays returns a server program that lives on when its parent dies.
func serverThatStays(t *testing.T) string {
	t.Helper()
	inst, err := localdb.Find()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		return inst.Server
	}
	path := filepath.Join(t.TempDir(), "mariadbd")
	script := "#!/bin/sh\nexec setpriv --pdeathsig clear '" + inst.Server + "' \"$@\"\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// Killing program after program must never wedge the folder or lose data.
func TestManyOwnersKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := start(t, small(dir))
	remember(t, srv)
	stop(t, srv)
	for range 5 {
		cmd, _ := owner(t, dir)
		kill9(t, cmd)
	}
	checkRemembered(t, start(t, small(dir)))
}

// A program that is killed while its server makes the folder leaves half of
// one, and perhaps a server that is still at it.
func TestOwnerKilledWhileMakingTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		cmd, _ := ownerStarting(t, dir)
		eventually(t, "a folder in the making", func() bool {
			_, err := os.Stat(filepath.Join(dir, "db", "ibdata1"))
			return err == nil
		})
		kill9(t, cmd)
	}
	remember(t, start(t, small(dir)))
}
