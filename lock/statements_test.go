package lock_test

import (
	"regexp"
	"strings"
	"testing"

	"fairlead/lock"
)

func TestDialectOf(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]lock.Dialect{
		"9.7.4-2": lock.MySQL, "8.0.36": lock.MySQL, "10.11.19-MariaDB-0+deb12u1": lock.MariaDB, "5.5.5-10.6.1-mariadb-log": lock.MariaDB,
		"8.0.11-TiDB-v8.5.0": lock.TiDB,
	} {
		if got := lock.DialectOf(version); got != want {
			t.Errorf("%s speaks %s, want %s", version, got, want)
		}
	}
	if got := lock.Statements("oracle"); got != nil {
		t.Errorf("statements in an unknown dialect: %v", got)
	}
}

func TestStatementFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   lock.Name
		holder int64
		want   string
	}{
		{"a:b", 7, `KILL CONNECTION IF(IS_USED_LOCK('a:b') = 7, 7, 0)`},
		{lock.ExampleLock, lock.ExampleHolder, lock.KillStatement.Text},
		{`it's \`, 7, `KILL CONNECTION IF(IS_USED_LOCK('it''s \\') = 7, 7, 0)`},
		{"room-4711", 8, `KILL CONNECTION IF(IS_USED_LOCK('room-4711') = 8, 8, 0)`}, // a number in a name is no connection
	} {
		if got := lock.KillStatement.For(tt.name, tt.holder); got != tt.want {
			t.Errorf("about %q, %d: %s, want %s", tt.name, tt.holder, got, tt.want)
		}
	}
}

// literals are what shows other people's literals if it is selected as it is.
var literals = regexp.MustCompile(`(?i)\b(\w+\.)?(INFO|INFO_BINARY|PROCESSLIST_INFO|SQL_TEXT|trx_query)\b`)

// harmless shows no more of them than a verb, or the name of a lock.
var harmless = regexp.MustCompile(`REGEXP_SUBSTR\(p\.INFO, '(\^\[A-Za-z\]\+'|\(\?i\)GET_LOCK\\\\s.*\]\+')\)|p\.INFO LIKE '%GET_LOCK%'`)

// Statements are for pasting: one each, with nobody's literals, in words that
// say who may run them.
func TestStatementsArePlain(t *testing.T) {
	t.Parallel()
	for _, d := range []lock.Dialect{lock.MySQL, lock.MariaDB, lock.TiDB} {
		for _, s := range lock.Statements(d) {
			if s.Title == "" || s.Why == "" || !strings.Contains(" app monitor admin ", " "+s.Account+" ") || strings.Contains(s.Text, ";") || strings.TrimSpace(s.Text) != s.Text {
				t.Errorf("%s: %+v", d, s)
			}
			if shown := literals.FindString(harmless.ReplaceAllString(s.Text, "")); shown != "" {
				t.Errorf("%s, %s: shows %s", d, s.Title, shown)
			}
			if d == lock.MySQL && regexp.MustCompile(`(?i)information_schema\.(PROCESSLIST|INNODB_TRX)`).MatchString(s.Text) {
				t.Errorf("%s, %s: reads a table that MySQL refuses to show at times", d, s.Title)
			}
		}
	}
}
