package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkSession compares what our sessions really have with what they asked
// for: something on the way may drop or share settings. Without them the fence
// may not hold, rows be hidden, or texts be changed.
var checkSession = check{"session", judge(func(f facts) verdict {
	const do = "connect to the server itself, and see that neither init_connect nor skip_character_set_client_handshake change it"
	v := verdict{fine: "our sessions have strict sql_mode, UTC, utf8mb4, autocommit and no limit on rows"}
	differs := func(name, want string) {
		v.problems = append(v.problems, fail(fmt.Sprintf("our sessions have %s=%s in the place of %s", name, f.session[name], want), do))
	}
	if !sameSet(f.session["sql_mode"], strictMode) {
		differs("sql_mode", strictMode)
	}
	if f.session["time_zone"] != "+00:00" {
		differs("time_zone", "+00:00")
	}
	if !on(f.session["autocommit"]) {
		differs("autocommit", "ON")
	}
	if want := sessionVariables["sql_select_limit"]; f.session["sql_select_limit"] != want {
		differs("sql_select_limit", want)
	}
	for _, name := range []string{"character_set_client", "character_set_connection", "character_set_results"} {
		if f.session[name] != "utf8mb4" {
			differs(name, "utf8mb4")
		}
	}
	if name, value := first(f.session, "transaction_read_only", "tx_read_only"); on(value) {
		v.problems = append(v.problems, fail("transactions of our sessions are read-only ("+name+")", "SET GLOBAL TRANSACTION READ WRITE"))
	}
	return v
})}

// sameSet compares lists whose order says nothing.
func sameSet(a, b string) bool {
	split := func(s string) []string {
		parts := strings.Split(s, ",")
		slices.Sort(parts)
		return parts
	}
	return slices.Equal(split(a), split(b))
}

// checkIsolation looks at what reads get. Units set READ COMMITTED for each of
// their transactions, whatever the default is.
var checkIsolation = check{"isolation", judge(func(f facts) verdict {
	name, level := first(f.session, "transaction_isolation", "tx_isolation")
	if level == "READ-UNCOMMITTED" {
		return note(warn(name+"="+level+": reads for people show what may be rolled back; units set READ COMMITTED for themselves",
			"SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
	}
	return verdict{fine: "units run at READ COMMITTED, which they set themselves; other reads at " + level}
})}

// limits are the waits of our sessions, and what a longer one would cost.
var limits = []struct {
	name    string
	seconds int
	cost    string
}{
	{"wait_timeout", waitTimeout, "a session that was cut off without a word keeps its locks for so long"},
	{"net_write_timeout", waitTimeout, "a session whose client does not read keeps its locks for so long"},
	{"innodb_lock_wait_timeout", rowLockTimeout, "a holder that waits for a row keeps its lock for so long after its client died"},
	{"lock_wait_timeout", schemaLockTimeout, "units wait for DDL for so long"},
}

var checkTimeouts = check{"timeouts", judge(func(f facts) verdict {
	var v verdict
	var have []string
	for _, l := range limits {
		have = append(have, l.name+"="+f.session[l.name])
		if f.session[l.name] != strconv.Itoa(l.seconds) {
			v.problems = append(v.problems, warn(fmt.Sprintf("our sessions have %s=%s in the place of %d: %s", l.name, f.session[l.name], l.seconds, l.cost),
				"connect to the server itself"))
		}
	}
	// 0 is without; MySQL's is in milliseconds and MariaDB's in seconds. A wait
	// for a lock is a statement too.
	name, limit := first(f.session, "max_statement_time", "max_execution_time")
	if n, _ := strconv.ParseFloat(limit, 64); n > 0 {
		v.problems = append(v.problems, warn(name+"="+limit+": the server ends waits for a lock, and long reads, before their time",
			"SET GLOBAL "+name+" = 0"))
	}
	// Both values will do: a unit that meets the timeout ends its session.
	have = append(have, "innodb_rollback_on_timeout="+f.global["innodb_rollback_on_timeout"])
	if idle, ok := f.global["tcp_keepalive_time"]; ok {
		have = append(have, "tcp_keepalive_time="+idle)
	}
	v.fine = strings.Join(have, ", ")
	return v
})}
