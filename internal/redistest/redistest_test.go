package redistest

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestServerAppendsAsAsked(t *testing.T) {
	t.Parallel()
	for _, fsync := range []string{"always", "everysec"} {
		c := New(t, fsync).Client(t)
		got, err := c.ConfigGet(t.Context(), "append*").Result()
		if err != nil {
			t.Fatal(err)
		}
		if got["appendonly"] != "yes" || got["appendfsync"] != fsync {
			t.Errorf("settings %v, want appendonly yes and appendfsync %s", got, fsync)
		}
	}
}

func TestServerEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var s *Server
	t.Run("test", func(t *testing.T) { s = New(t, "no") })
	if s == nil {
		t.Skip("there is no server")
	}
	if conn, err := net.Dial("tcp", s.Addr); err == nil {
		conn.Close()
		t.Errorf("%s still answers", s.Addr)
	}
}

// A machine without Redis leaves the tests out with a reason, and CI fails.
func TestFindSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	if _, _, err := find(); err == nil {
		t.Fatal("found a server where there is none")
	}
	program := filepath.Join(os.Getenv("PATH"), "redis-server")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, _, err := find(); err != nil || got != program {
		t.Errorf("find() = %q, %v, want %q", got, err, program)
	}
}
