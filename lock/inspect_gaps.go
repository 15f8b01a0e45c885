package lock

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// gaps are what a source, with the rights of this account, cannot see, and what
// to do about that.
type gaps struct{ cannotSee, remedies []string }

func (g *gaps) add(cannotSee, remedy string) {
	g.cannotSee = append(g.cannotSee, cannotSee)
	if remedy != "" {
		g.remedies = append(g.remedies, remedy)
	}
}

func (g gaps) said() (cannotSee, remedy string) {
	return strings.Join(g.cannotSee, " "), strings.Join(g.remedies, " ")
}

// The tables of the performance schema that this package reads.
var (
	lockTables  = []string{"metadata_locks", "threads", "session_connect_attrs"}
	eventTables = []string{"events_statements_current", "events_statements_history", "events_transactions_current"}
)

func (s *server) grantSelect(tables ...string) string {
	var all []string
	for _, t := range tables {
		all = append(all, fmt.Sprintf("GRANT SELECT ON performance_schema.%s TO %s;", t, s.account))
	}
	return strings.Join(all, " ")
}

// section is where the server reads its options from in my.cnf.
func (s *server) section() string {
	if s.engine == MariaDB {
		return "[mariadbd]"
	}
	return "[mysqld]"
}

func (g *gaps) attributesDenied(srv *server) {
	g.add("Programs and instances are not shown: this account may not read performance_schema.session_connect_attrs.",
		srv.grantSelect("session_connect_attrs"))
}

func (g *gaps) eventsDenied(srv *server) {
	g.add("How long locks are held and waited for is not exact: this account may not read the performance schema's tables of statements.",
		srv.grantSelect(eventTables...))
}

func (g *gaps) eventsOff(srv *server) {
	var options []string
	for _, t := range eventTables {
		options = append(options, "performance-schema-consumer-"+strings.ReplaceAll(t, "_", "-")+"=ON")
	}
	instrument, waits := "", ""
	if srv.engine == MariaDB { // on by default on MySQL
		waits = ", and waits inside stored procedures are counted from their call"
		instrument = "UPDATE performance_schema.setup_instruments SET ENABLED = 'YES', TIMED = 'YES' WHERE NAME = 'transaction'; "
		options = append(options, "performance-schema-instrument='transaction=ON'")
	}
	g.add("How long locks are held is not exact"+waits+": the server does not remember statements.",
		instrument+"UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME IN ('"+strings.Join(eventTables, "', '")+"'); "+
			"and for the next start in my.cnf under "+srv.section()+": "+strings.Join(options, ", ")+".")
}

func (g *gaps) namesCut() {
	g.add("Names longer than 64 characters are cut, and locks that differ only behind that are not shown.", "")
}

func (g *gaps) locksLost(n int64) {
	g.add(fmt.Sprintf("There was no room for %d locks since the server started.", n),
		"In my.cnf, performance_schema_max_metadata_locks=-1 makes room as it is needed.")
}

// processGaps are those of sources that go by the process list. All says that
// it shows all sessions; nameless of them wait for a lock whose name their
// statement does not show.
func processGaps(srv *server, source Source, all bool, nameless int) (g gaps) {
	if srv.engine == TiDB {
		g.add("TiDB says that a lock is held, and not by whom or since when. It shows only locks whose names are known, "+
			"and those sessions waiting that are connected to the same TiDB server and whose account may be seen.", "")
		return g
	}
	if !all {
		process := "GRANT PROCESS ON *.* TO " + srv.account + ";"
		if srv.schema && !srv.refused(errInstrumentOff) && source == FromFunctions {
			process = "" // the better source is a matter of rights, too
		}
		g.add("Other accounts' sessions are not shown as waiters, and what they run is not shown.", process)
	}
	if source == FromFunctions {
		g.add("Only locks whose names are known, and those that a session in sight waits for, are shown.", "")
	}
	g.add("How long a lock is held is not exact where its holder did something since it took it, and a wait inside a stored procedure is counted from its call; programs and instances are not shown.",
		srv.betterSource())
	if nameless > 0 {
		g.add(fmt.Sprintf("Sessions that wait for a lock and do not say for which: %d.", nameless), "")
	}
	return g
}

// betterSource says how to have the locks in the performance schema.
func (s *server) betterSource() string {
	const (
		instrument = "performance-schema-instrument='wait/lock/metadata/sql/mdl=ON'"
		update     = "UPDATE performance_schema.setup_instruments SET ENABLED = 'YES', TIMED = 'YES' WHERE NAME = 'wait/lock/metadata/sql/mdl';"
	)
	install := ""
	if s.engine == MariaDB && !s.hasPlugin() {
		install = " Holders alone can be had at once: INSTALL SONAME 'metadata_lock_info'; (in Debian's package mariadb-server)."
	}
	switch {
	case !s.schema:
		return "Restart the server with these lines in my.cnf under " + s.section() + ": performance_schema=ON, " + instrument + "." + install
	case s.refused(errInstrumentOff):
		return update + " shows locks that are taken from then on; for the next start, in my.cnf under " + s.section() + ": " + instrument + "." + install
	case s.engine == MariaDB: // where the instrument is off by default, and this account may not see whether it is
		return s.grantSelect(slices.Concat(lockTables, eventTables)...) + " and, where the instrument is off, " + update + install
	}
	return s.grantSelect(slices.Concat(lockTables, eventTables)...)
}

func (s *server) refused(why error) bool {
	return errors.Is(errors.Join(s.refusals...), why)
}

// hasPlugin reports whether MariaDB's plugin answered, since it is asked last.
func (s *server) hasPlugin() bool { return len(s.refusals) < 2 }
