package compare

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/internal/dbtest"
	"fairlead/internal/redistest"
)

// The server is measured in both modes, and is afterwards as it was.
func TestRedisInBothModes(t *testing.T) {
	server := redistest.New(t, "no")
	c := server.Client(t)
	if err := c.ConfigSet(t.Context(), "appendonly", "no").Err(); err != nil {
		t.Fatal(err)
	}
	before := c.ConfigGet(t.Context(), "append[of]*").Val()
	o := quick(dbtest.New(t).DSN, Ours, RedisScript)
	o.Redis, o.RedisSetFsync = server.Addr, true
	r := mustRun(t, o)

	var names []string
	for _, res := range r.Levels[0].Results {
		names = append(names, res.Design)
		if !res.Verdict.Clean() || res.Errors > 0 || res.Answers == 0 || res.Connections < 1 {
			t.Errorf("%s: %+v", res.Title, res)
		}
	}
	if diff := cmp.Diff([]string{Ours, "redis-always", "redis-everysec"}, names); diff != "" {
		t.Errorf("designs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, c.ConfigGet(t.Context(), "append[of]*").Val()); diff != "" {
		t.Errorf("settings (-before +after):\n%s", diff)
	}
	if n := c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left behind", n)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "append-only file") {
		t.Errorf("warnings %q, want one of the file that stays there", r.Warnings)
	}
	if r.Redis == nil || r.Redis.Version == "" {
		t.Errorf("server %+v", r.Redis)
	}
}

// Unless it is allowed, nothing is set.
func TestRedisAsItIs(t *testing.T) {
	server := redistest.New(t, "everysec")
	o := quick(dbtest.New(t).DSN, RedisScript)
	o.Redis = "redis://" + server.Addr
	r := mustRun(t, o)
	if got := r.Levels[0].Results[0]; got.Design != "redis-everysec" || got.Title != "Redis, appendfsync everysec" || got.Ratio != nil {
		t.Errorf("result %+v", got)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "--redis-set-fsync") {
		t.Errorf("warnings %q", r.Warnings)
	}
	if got := server.Client(t).Info(t.Context(), "commandstats").Val(); strings.Contains(got, "config|set") {
		t.Error("something was set")
	}
}

func TestRedisIsRestoredOnCancel(t *testing.T) {
	server := redistest.New(t, "no")
	c := server.Client(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := quick(dbtest.New(t).DSN, RedisScript)
	o.Redis, o.RedisSetFsync, o.For, o.Rounds = server.Addr, true, time.Hour, 1
	o.Progress = func(time.Duration, time.Duration) {
		if got := c.ConfigGet(t.Context(), "appendfsync").Val()["appendfsync"]; got != "always" {
			t.Errorf("appendfsync is %q", got)
		}
		cancel()
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that it was cancelled", err)
	}
	if got := c.ConfigGet(t.Context(), "appendfsync").Val()["appendfsync"]; got != "no" {
		t.Errorf("appendfsync is %q, want no as before", got)
	}
	if n := c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left behind", n)
	}
}

func TestRedisRemembersKeys(t *testing.T) {
	server := redistest.New(t, "always")
	r := &run{Options: Options{Redis: server.Addr}.withDefaults(), report: &Report{}}
	if err := r.openRedis(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer r.close()
	d := r.designs[0]
	if err := d.add(t.Context(), "p", plannerNames(3)); err != nil {
		t.Fatal(err)
	}
	checkKeys(t, d)
}

// Our keys must not push out those of others.
func TestRedisThatEvictsIsRefused(t *testing.T) {
	server := redistest.New(t, "no")
	c := server.Client(t)
	c.ConfigSet(t.Context(), "maxmemory", "100mb")
	c.ConfigSet(t.Context(), "maxmemory-policy", "volatile-lru")
	o := quick(dbtest.New(t).DSN, RedisScript)
	o.Redis = server.Addr
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "volatile-lru") {
		t.Errorf("error %v, want one that names the policy", err)
	}
	c.ConfigSet(t.Context(), "maxmemory-policy", "noeviction")
	mustRun(t, o)
}

func TestUnreachableRedisIsNamed(t *testing.T) {
	o := quick(dbtest.New(t).DSN, RedisScript)
	o.Redis = "127.0.0.1:1"
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--redis") {
		t.Errorf("error %v, want one that names --redis", err)
	}
}

func TestModeOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ appendonly, fsync, want string }{
		{"yes", "always", "always"},
		{"yes", "everysec", "everysec"},
		{"yes", "no", "no"},
		{"no", "always", "memory"},
		{"", "", "unknown"},
		{"yes", "", "unknown"},
	} {
		if got := modeOf([]Setting{{"appendonly", tt.appendonly}, {"appendfsync", tt.fsync}}); got != tt.want {
			t.Errorf("modeOf(%+v) = %q", tt, got)
		}
	}
}
