package store

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"fairlead/internal/dbtest"
)

// healthy are the facts of a server that has nothing wrong with it.
func healthy() facts {
	session := maps.Clone(sessionVariables)
	session["time_zone"] = "+00:00"
	session["sql_mode"] = "NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE"
	session["transaction_isolation"] = "REPEATABLE-READ"
	for _, name := range []string{"character_set_client", "character_set_connection", "character_set_results"} {
		session[name] = "utf8mb4"
	}
	return facts{
		engine: Engine{"MySQL", "8.4.3"},
		global: map[string]string{"max_allowed_packet": "67108864", "log_bin": "ON", "binlog_format": "ROW",
			"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1", "innodb_doublewrite": "ON", "innodb_flush_method": "O_DIRECT"},
		session: session,
	}
}

// What cannot be had on a test's server: other engines, and what stands between
// us and a server.
func TestJudgements(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		check  check
		change func(*facts)
		level  Level
		says   string
	}{
		"old MySQL":            {checkEngine, func(f *facts) { f.engine.Version = "5.7.44" }, LevelFailure, "MySQL 5.7.44 is too old"},
		"old MariaDB":          {checkEngine, func(f *facts) { f.engine = engineOf("5.5.5-10.5.9-MariaDB") }, LevelFailure, "is too old"},
		"MariaDB in disguise":  {checkEngine, func(f *facts) { f.engine = engineOf("5.5.5-10.11.6-MariaDB") }, LevelOK, "10.11.6"},
		"TiDB":                 {checkEngine, func(f *facts) { f.engine = engineOf("8.0.11-TiDB-v8.5.1") }, LevelWarning, "can expire under a living holder"},
		"TiDB's disks":         {checkDurability, func(f *facts) { f.engine = engineOf("8.0.11-TiDB-v8.5.1"); clear(f.global) }, LevelOK, "cannot be seen from here"},
		"TiDB read-only":       {checkWriter, func(f *facts) { f.global["tidb_super_read_only"] = "ON" }, LevelFailure, "read-only (tidb_super_read_only)"},
		"both read-only":       {checkWriter, func(f *facts) { f.global["read_only"], f.global["super_read_only"] = "ON", "ON" }, LevelFailure, "(read_only, super_read_only)"},
		"read-only but locks":  {checkWriter, func(f *facts) { f.global["read_only"] = "NO_LOCK" }, LevelFailure, "read-only"},
		"Galera":               {checkWriter, func(f *facts) { f.global["wsrep_on"] = "ON" }, LevelFailure, "Galera is on (wsrep_on)"},
		"several primaries":    {checkWriter, func(f *facts) { f.global["group_replication_single_primary_mode"] = "OFF" }, LevelFailure, "several primaries"},
		"single primary":       {checkWriter, func(f *facts) { f.global["group_replication_single_primary_mode"] = "ON" }, LevelOK, ""},
		"mixed binlog":         {checkBinlog, func(f *facts) { f.global["binlog_format"] = "MIXED" }, LevelOK, "MIXED"},
		"statements, but off":  {checkBinlog, func(f *facts) { f.global["binlog_format"], f.global["log_bin"] = "STATEMENT", "OFF" }, LevelOK, "no binary log"},
		"binlog off, no sync":  {checkDurability, func(f *facts) { f.global["log_bin"], f.global["sync_binlog"] = "OFF", "0" }, LevelOK, ""},
		"pages only looked at": {checkDurability, func(f *facts) { f.global["innodb_doublewrite"] = "DETECT_ONLY" }, LevelWarning, "DETECT_ONLY"},
		"nothing forced":       {checkDurability, func(f *facts) { f.global["innodb_flush_method"] = "nosync" }, LevelWarning, "nosync"},
		"no strict mode":       {checkSession, func(f *facts) { f.session["sql_mode"] = "NO_ENGINE_SUBSTITUTION" }, LevelFailure, "sql_mode=NO_ENGINE_SUBSTITUTION in the place of"},
		"local time":           {checkSession, func(f *facts) { f.session["time_zone"] = "SYSTEM" }, LevelFailure, "time_zone=SYSTEM"},
		"no autocommit":        {checkSession, func(f *facts) { f.session["autocommit"] = "OFF" }, LevelFailure, "autocommit=OFF"},
		"limit on rows":        {checkSession, func(f *facts) { f.session["sql_select_limit"] = "2" }, LevelFailure, "sql_select_limit=2"},
		"another alphabet":     {checkSession, func(f *facts) { f.session["character_set_results"] = "latin1" }, LevelFailure, "character_set_results=latin1"},
		"long idle time":       {checkTimeouts, func(f *facts) { f.session["wait_timeout"] = "28800" }, LevelWarning, "wait_timeout=28800 in the place of 20"},
		"long wait for a row":  {checkTimeouts, func(f *facts) { f.session["innodb_lock_wait_timeout"] = "50" }, LevelWarning, "innodb_lock_wait_timeout=50"},
		"short statements":     {checkTimeouts, func(f *facts) { f.session["max_statement_time"] = "1.500000" }, LevelWarning, "max_statement_time=1.5"},
		"any statements":       {checkTimeouts, func(f *facts) { f.session["max_statement_time"] = "0.000000" }, LevelOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := healthy()
			if v := look(t, tt.check, f); len(v.problems) > 0 {
				t.Fatalf("on a healthy server: %+v", v)
			}
			tt.change(&f)
			v := look(t, tt.check, f)
			if d := v.diagnosis(tt.check.name); d.Level != tt.level || !strings.Contains(d.Says, tt.says) {
				t.Errorf("got %+v, want %s that says %q", d, tt.level, tt.says)
			}
			if err := v.refusal(); (err != nil) != (tt.level == LevelFailure) {
				t.Errorf("the service says %v", err)
			}
		})
	}
}

func look(t *testing.T, c check, f facts) verdict {
	t.Helper()
	v, err := c.look(context.Background(), nil, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBudget(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		budget budget
		level  Level
		says   string
		do     string
	}{
		"fits":             {budget{each: 28, instances: 3, limit: 151, inUse: 40, others: 12}, LevelOK, "3 instances use up to 28 connections each, 84 in all; max_connections=151, 40 in use now", ""},
		"just fits":        {budget{each: 80, instances: 1, limit: 100}, LevelOK, "", ""},
		"just not":         {budget{each: 81, instances: 1, limit: 100}, LevelWarning, "more than 80 % of max_connections=100", "SET GLOBAL max_connections = 102"},
		"others use it":    {budget{each: 28, instances: 2, limit: 100, others: 45}, LevelWarning, "other accounts use 45", "SET GLOBAL max_connections = 101"},
		"account's limit":  {budget{each: 28, instances: 2, limit: 1000, perAccount: 50}, LevelWarning, "this account may have 50", "MAX_USER_CONNECTIONS 56"},
		"no limit at all":  {budget{each: 28, instances: 99, inUse: 7}, LevelOK, "the server has no limit, 7 in use now", ""},
		"account has room": {budget{each: 28, instances: 2, limit: 1000, perAccount: 56}, LevelOK, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := tt.budget.judge().diagnosis("connections")
			if d.Level != tt.level || !strings.Contains(d.Says, tt.says) || !strings.Contains(d.Do, tt.do) {
				t.Errorf("got %+v, want %s, %q, %q", d, tt.level, tt.says, tt.do)
			}
		})
	}
}

// A slow network is no wrong clock.
func TestSkew(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		skew  skew
		level Level
		says  string
	}{
		"together":          {skew{3 * time.Millisecond, 200 * time.Microsecond}, LevelOK, "3ms ahead of this machine's, give or take 200µs"},
		"behind a little":   {skew{-900 * time.Millisecond, 0}, LevelOK, "900ms behind"},
		"ahead":             {skew{2 * time.Second, time.Millisecond}, LevelWarning, "2s ahead"},
		"behind":            {skew{-time.Hour, time.Millisecond}, LevelWarning, "1h0m0s behind"},
		"who knows":         {skew{1500 * time.Millisecond, 700 * time.Millisecond}, LevelOK, "give or take 700ms"},
		"behind for sure":   {skew{-1500 * time.Millisecond, 400 * time.Millisecond}, LevelWarning, "1.5s behind"},
		"no difference":     {skew{}, LevelOK, "0s ahead"},
		"far and uncertain": {skew{-10 * time.Second, 5 * time.Second}, LevelWarning, "10s behind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := tt.skew.judge().diagnosis("clock"); d.Level != tt.level || !strings.Contains(d.Says, tt.says) {
				t.Errorf("got %+v, want %s that says %q", d, tt.level, tt.says)
			}
		})
	}
}

// Of several problems each is said, and what mends them all once.
func TestVerdictSaysAll(t *testing.T) {
	t.Parallel()
	v := verdict{"fine", []problem{warn("a", "do this"), fail("b", "do that"), fail("c", "do that")}}
	want := Diagnosis{"x", LevelFailure, "a; b; c", "do this; do that"}
	if got := v.diagnosis("x"); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := v.refusal().Error(); got != ErrUnsuitable.Error()+": b; c; do that" {
		t.Errorf("the service says %q", got)
	}
	if got := (verdict{fine: "fine"}).diagnosis("x"); got != (Diagnosis{"x", LevelOK, "fine", ""}) {
		t.Errorf("got %+v", got)
	}
}

// Units refuse what the server would, before it is sent.
func TestCheckKnowsPacket(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	s, err := Open(db.DSN, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want int64
	if err := db.Open(t).Get(&want, `SELECT @@global.max_allowed_packet`); err != nil || s.maxPacket.Load() != want {
		t.Errorf("the server takes %d bytes, and the store knows of %d (%v)", want, s.maxPacket.Load(), err)
	}
}
