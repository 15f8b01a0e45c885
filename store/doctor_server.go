package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first version of each engine that the promises were made for,
// as major*100 + minor.
var oldest = map[string]int{"MySQL": 800, mariadb: 1006, tidb: 0}

var checkEngine = check{"engine", judge(func(f facts) verdict {
	e := f.engine
	switch {
	case versionOf(e.Version) < oldest[e.Name]:
		return note(fail(fmt.Sprintf("%s %s is too old", e.Name, e.Version), "use MySQL 8.0, MariaDB 10.6 or later"))
	case e.Name == tidb:
		return note(warn(
			"TiDB "+e.Version+": a named lock can expire under a living holder (max-txn-ttl, or when its heartbeats stop), so it gives order and excludes nobody for certain; the pool's row does, and nothing is assigned twice",
			"nothing for correctness; for locks that hold, use MySQL or MariaDB"))
	}
	return verdict{fine: e.Name + " " + e.Version}
})}

// versionOf is major*100 + minor. MariaDB may put 5.5.5- in front for the sake
// of old clients.
func versionOf(text string) int {
	parts := strings.SplitN(strings.TrimPrefix(text, "5.5.5-"), ".", 3)
	major, _ := strconv.Atoi(parts[0])
	minor := 0
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	return major*100 + minor
}

// readOnly are the variables that make a server refuse our writes unless they
// are off; MariaDB has further values than on for some.
var readOnly = []string{"read_only", "super_read_only", "innodb_read_only", "tidb_super_read_only", "tidb_restricted_read_only"}

// checkWriter finds servers that are not the one writer: Galera commits on
// several nodes at once, none of which knows the others' named or row locks.
var checkWriter = check{"writer", judge(func(f facts) verdict {
	v := verdict{fine: "the server takes writes, and knows of no other that does"}
	if on(f.global["wsrep_on"]) {
		v.problems = append(v.problems, fail("Galera is on (wsrep_on), and locks of one node are unknown to the others", "use a single server"))
	}
	if f.global["group_replication_single_primary_mode"] == "OFF" {
		v.problems = append(v.problems, fail("group replication has several primaries (group_replication_single_primary_mode), and locks of one are unknown to the others", "use single-primary mode"))
	}
	if by := f.readOnly(); len(by) > 0 {
		v.problems = append(v.problems, fail("the server is read-only ("+strings.Join(by, ", ")+")", "use the one that takes writes"))
	}
	return v
})}

// readOnly are the variables that make this server read-only.
func (f facts) readOnly() (by []string) {
	for _, name := range readOnly {
		if on(f.global[name]) {
			by = append(by, name)
		}
	}
	return by
}

// refusesWrites reports whether statements that write, explained or not, end
// in an error that says nothing of rights.
func (f facts) refusesWrites() bool {
	_, session := first(f.session, "transaction_read_only", "tx_read_only")
	return len(f.readOnly()) > 0 || on(session)
}

func on(value string) bool {
	return !slices.Contains([]string{"", "0", "OFF", "NO", "FALSE"}, strings.ToUpper(value))
}

// checkBinlog finds a binary log of statements, with which the server takes no
// writes under READ COMMITTED.
var checkBinlog = check{"binlog", judge(func(f facts) verdict {
	format := f.global["binlog_format"]
	switch {
	case !on(f.global["log_bin"]):
		return verdict{fine: "there is no binary log (log_bin=OFF)"}
	case format == "STATEMENT":
		return note(fail("binlog_format is STATEMENT, which takes no writes under READ COMMITTED", "set it to ROW"))
	}
	return verdict{fine: "binlog_format=" + format}
})}

// minPacket is the max_allowed_packet that large bulk calls need, in bytes. It
// is MariaDB's default; MySQL's is four times that.
const minPacket = 16 << 20

var checkPacket = check{"packet", judge(func(f facts) verdict {
	value := f.global["max_allowed_packet"]
	if size, _ := strconv.ParseInt(value, 10, 64); size < minPacket {
		return note(fail("max_allowed_packet is "+value, fmt.Sprintf("set it to %d or more", minPacket)))
	}
	return verdict{fine: "max_allowed_packet=" + value}
})}

// checkDurability finds settings with which a commit that was acknowledged can
// be lost when the machine loses its power.
var checkDurability = check{"durability", judge(func(f facts) verdict {
	if f.engine.Name == tidb {
		return verdict{fine: "TiDB commits on several machines; how durably each keeps its part is TiKV's configuration, which cannot be seen from here"}
	}
	flush, sync := f.global["innodb_flush_log_at_trx_commit"], f.global["sync_binlog"]
	double, method := f.global["innodb_doublewrite"], f.global["innodb_flush_method"]
	v := verdict{fine: "innodb_flush_log_at_trx_commit=1, innodb_doublewrite=" + double}
	if flush != "1" && !(flush == "3" && f.engine.Name == mariadb) { // there it syncs at prepare and at commit
		v.problems = append(v.problems, lax("innodb_flush_log_at_trx_commit", flush, "1", "the last second of answered requests can be lost with the server's machine"))
	}
	if on(f.global["log_bin"]) {
		v.fine += ", sync_binlog=" + sync
		if sync != "1" {
			v.problems = append(v.problems, lax("sync_binlog", sync, "1", "the binary log can miss commits after a crash, and replicas with it"))
		}
	}
	if !on(double) || double == "DETECT_ONLY" {
		v.problems = append(v.problems, warn("innodb_doublewrite="+double+": a page that was half written when the power failed cannot be mended",
			"set innodb_doublewrite=ON in the server's configuration and restart it, unless the file system writes pages whole"))
	}
	if method == "nosync" || method == "littlesync" {
		v.problems = append(v.problems, warn("innodb_flush_method="+method+" is for tests: nothing is forced to the disk",
			"set innodb_flush_method=O_DIRECT in the server's configuration and restart it"))
	}
	return v
})}

func lax(variable, value, want, means string) problem {
	return warn(fmt.Sprintf("%s=%s: %s", variable, value, means),
		fmt.Sprintf("SET GLOBAL %s = %s, and the same in the server's configuration", variable, want))
}
