package localdb

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// A server that answers on our socket but is not the one we started must not
// be taken for it.
func TestAnswerOfAnotherServerIsRefused(t *testing.T) {
	t.Parallel()
	first, err := Start(t.Context(), Options{Dir: t.TempDir(), BufferPool: 32 << 20, RedoLog: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()

	other, err := spawn(exec.Command("sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.stop(time.Minute) }()
	second := &Server{socket: first.socket, folder: &folder{root: t.TempDir()}}
	if err := second.await(t.Context(), other); err == nil || !strings.Contains(err.Error(), "is answered by process") {
		t.Errorf("await: %v, want a refusal", err)
	}
}

func TestChildThatDoesNotListenIsKilled(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c, err := spawn(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	err = c.stop(100 * time.Millisecond)
	if err == nil || !strings.Contains(c.state(), "killed") {
		t.Errorf("stop: %v, child: %s; want it killed", err, c.state())
	}
}

// With the folder taken and no server in it, Join must say so rather than
// wait for ever or report that nobody is there.
func TestJoinWithoutAnswer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := claim(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, ok, err := Join(ctx, dir); ok || !errors.Is(err, ErrInUse) {
		t.Errorf("Join = %v, %v; want ErrInUse", ok, err)
	}
	if err := f.release(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Join(t.Context(), dir); ok || err != nil {
		t.Errorf("Join of a folder that was given back = %v, %v; want false, nil", ok, err)
	}
}

// Those who only look hold the lock for a moment. That must not fail a Start.
func TestClaimOutwaitsThoseWhoLook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	looker, err := claim(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = looker.release() })
	f, err := claim(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.release(); err != nil {
		t.Error(err)
	}
}

func TestLinuxMemory(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	meminfo := "MemFree: 1 kB\nMemTotal:       8388608 kB\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing known", nil, 0},
		{"no group", map[string]string{"proc/meminfo": meminfo}, 8 * gib},
		{"no limit", map[string]string{
			"proc/meminfo":                 meminfo,
			"proc/self/cgroup":             "0::/a\n",
			"sys/fs/cgroup/a/memory.max":   "max\n",
			"sys/fs/cgroup/b/memory.max":   "1073741824\n",
			"sys/fs/cgroup/memory.limit_x": "1\n",
		}, 8 * gib},
		{"own limit", map[string]string{
			"proc/meminfo":               meminfo,
			"proc/self/cgroup":           "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "4294967296\n",
			// the parent's limit is the smaller one
			"sys/fs/cgroup/a/b/memory.max": "6442450944\n",
		}, 4 * gib},
		{"container whose group is out of sight", map[string]string{
			"proc/meminfo":             meminfo,
			"proc/self/cgroup":         "0::/../other\n",
			"sys/fs/cgroup/memory.max": "2147483648\n",
		}, 2 * gib},
		{"version 1", map[string]string{
			"proc/meminfo":     meminfo,
			"proc/self/cgroup": "5:devices:/d\n4:memory:/m\n0::/\n",
			"sys/fs/cgroup/memory/m/memory.limit_in_bytes": "3221225472\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
		}, 3 * gib},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for name, text := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := linuxMemory(root); got != tt.want {
				t.Errorf("linuxMemory = %d, want %d", got, tt.want)
			}
		})
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path string, mode os.FileMode) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name, server, sql string
		mode              os.FileMode
		want              bool
	}{
		{"Debian", "sbin/mariadbd", "share/mysql/mysql_system_tables.sql", 0o755, true},
		{"newer", "bin/mariadbd", "share/mariadb/mariadb_system_tables.sql", 0o755, true},
		{"no scripts", "sbin/mariadbd", "share/mysql/errmsg.txt", 0o755, false},
		{"not a program", "sbin/mariadbd", "share/mysql/mysql_system_tables.sql", 0o644, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			server := write(t, filepath.Join(base, tt.server), tt.mode)
			share := filepath.Dir(write(t, filepath.Join(base, tt.sql), 0o644))
			inst, ok := installed(server)
			if ok != tt.want || ok && (inst.Share != share || inst.base() != base) {
				t.Errorf("installed = %+v, %v; want share %s, base %s, %v", inst, ok, share, base, tt.want)
			}
		})
	}
	t.Run("linked from elsewhere", func(t *testing.T) {
		t.Parallel()
		base := t.TempDir()
		server := write(t, filepath.Join(base, "cellar/bin/mariadbd"), 0o755)
		write(t, filepath.Join(base, "cellar/share/mysql/mysql_system_tables.sql"), 0o644)
		link := filepath.Join(base, "bin", "mariadbd")
		if err := errors.Join(os.Mkdir(filepath.Dir(link), 0o755), os.Symlink(server, link)); err != nil {
			t.Fatal(err)
		}
		if inst, ok := installed(link); !ok || inst.Server != server {
			t.Errorf("installed = %+v, %v; want %s", inst, ok, server)
		}
	})
}
