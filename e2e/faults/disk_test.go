package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/dbtest"
)

// A database without room takes nothing. Whoever asks is refused, for as long
// as that lasts and no longer, and nothing is lost that was answered.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "400m")
	s := newSite(t, dbtest.Place{Dir: disk})
	s.customer = strings.Repeat("\U0001F4DE", 256) // the longest, to fill pages quickly
	a, b := s.start(t), s.start(t)
	s.fill(t, a, pool)
	l := s.load(t, demand{callers: 16}, a, b)
	l.awaitMore(t, 100)

	ballast := fillUp(t, disk)
	await(t, "a call is refused", 90*time.Second, func() bool { return len(s.refusals()) > 0 })
	had := l.answers.Load()
	time.Sleep(3 * time.Second) // the length of the trouble
	t.Logf("full after %d assignments; three seconds later %d more, calls not answered with one %v, errors of the server %v",
		had, l.answers.Load()-had, s.refusals(), serverErrors(a, b))
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if s.server.Pid() == 0 { // MySQL ends itself if it cannot even roll back
		log, _ := os.ReadFile(filepath.Join(disk, "server", "db", "err.log"))
		t.Logf("the server ended by itself: %s", regexp.MustCompile(`.*FATAL.*`).Find(log))
		s.server.Stop()
		s.server.Start()
	}
	began := time.Now()
	l.awaitMore(t, 500)
	t.Logf("500 more answers %v after there was room again", time.Since(began).Round(time.Millisecond))
	l.end()
	s.check(t, a, pool)
}

// smallDisk mounts a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	sweepDisks()
	dir, name := t.TempDir(), fmt.Sprint(diskPrefix, os.Getpid())
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, name, dir).CombinedOutput(); err != nil {
		cannot(t, "a full disk needs a mounted tmpfs, which only root can make: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

const diskPrefix = "fairlead-test-" // in front of the process that mounted it

// sweepDisks unmounts what tests left that were killed.
func sweepDisks() {
	mounts, _ := os.ReadFile("/proc/mounts")
	for line := range strings.Lines(string(mounts)) {
		name, rest, _ := strings.Cut(line, " ")
		dir, _, _ := strings.Cut(rest, " ")
		pid, err := strconv.Atoi(strings.TrimPrefix(name, diskPrefix))
		if err == nil && strings.HasPrefix(name, diskPrefix) && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = exec.Command("umount", "--lazy", dir).Run()
		}
	}
}

// fillUp writes a file that leaves no room.
func fillUp(t *testing.T, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2] // the last bit of room too
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return path
}
