package compare

import (
	"strings"
	"testing"
	"time"
)

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		o    Options
		want string // in the error; empty if there is none
	}{
		{"defaults", Options{}, ""},
		{"redis by address", Options{Redis: "127.0.0.1:6379"}, ""},
		{"redis by socket", Options{Redis: "/run/redis.sock"}, ""},
		{"redis by URL", Options{Redis: "rediss://user:secret@host:6379/2", RedisSetFsync: true}, ""},
		{"a subset", Options{Designs: []string{Ours, Textbook}, Clients: []int{1}}, ""},
		{"no clients", Options{Clients: []int{64, 0}}, "--clients 0"},
		{"too many clients", Options{Clients: []int{5000}}, "--clients 5000"},
		{"clients twice", Options{Clients: []int{64, 64}}, "--clients: 64"},
		{"no such design", Options{Designs: []string{"magic"}}, `--designs: there is no "magic"; there are none, textbook, rowlock, fairlead, redis`},
		{"a design twice", Options{Designs: []string{Ours, Ours}}, "--designs: fairlead is there twice"},
		{"redis without address", Options{Designs: []string{RedisScript}}, "--redis"},
		{"an address without redis", Options{Designs: []string{Ours}, Redis: "h:1"}, "--designs"},
		{"fsync without address", Options{RedisSetFsync: true}, "--redis"},
		{"address without port", Options{Redis: "localhost"}, "--redis"},
		{"not a redis URL", Options{Redis: "http://localhost"}, "--redis"},
		{"too short", Options{For: 300 * time.Millisecond}, "--for 300ms"},
		{"negative time", Options{For: -time.Second}, "--for -1s"},
		{"negative rounds", Options{Rounds: -1}, "--rounds -1"},
		{"too many planners", Options{Planners: 1_000_000}, "--planners 1000000"},
		{"negative connections", Options{Connections: -1}, "--connections -1"},
		{"no name", Options{Schema: "a`b"}, "--schema"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.o.Check()
			if tt.want == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one that names %q", err, tt.want)
			}
		})
	}
}

func TestPasswordsAreNotTold(t *testing.T) {
	t.Parallel()
	if err := (Options{Redis: "redis://user:secret@host:port/0"}).Check(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v, want one without the password", err)
	}
}

// What cannot work is refused before anything is connected to.
func TestRunChecksFirst(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"--clients": {DSN: "root@tcp(127.0.0.1:1)/", Clients: []int{-1}},
		"--dsn: no": {},
		"--dsn: in": {DSN: "nonsense"},
	} {
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestDurable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		engine, flush, method, log, sync string
		want                             bool
	}{
		{"MySQL", "1", "O_DIRECT", "ON", "1", true},
		{"MySQL", "1", "fsync", "OFF", "0", true},
		{"MySQL", "1", "O_DIRECT", "ON", "0", false},
		{"MySQL", "1", "O_DIRECT", "ON", "100", false},
		{"MySQL", "2", "O_DIRECT", "OFF", "1", false},
		{"MySQL", "0", "O_DIRECT", "ON", "1", false},
		{"MySQL", "1", "nosync", "OFF", "1", false},
		{"MariaDB", "3", "O_DIRECT", "OFF", "0", true},
		{"MySQL", "3", "O_DIRECT", "OFF", "0", false},
		{"TiDB", "", "", "", "", true},
	} {
		got := durable(tt.engine, map[string]string{
			"innodb_flush_log_at_trx_commit": tt.flush, "innodb_flush_method": tt.method, "log_bin": tt.log, "sync_binlog": tt.sync})
		if got != tt.want {
			t.Errorf("%+v: durable is %t", tt, got)
		}
	}
}
