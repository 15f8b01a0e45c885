package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"fairlead/lock"
)

// versionTable is where the migrations that were applied are written down.
const versionTable = "goose_db_version"

// needs are what the service does to each table. Locking reads need UPDATE on
// MySQL.
var needs = []struct {
	table, column string
	verbs         []string
	vital         bool
}{
	{"pools", "pool", []string{"SELECT", "INSERT", "UPDATE"}, true},
	{"planners", "pool", []string{"SELECT", "INSERT", "UPDATE"}, true},
	{"assignments", "pool", []string{"SELECT", "INSERT", "UPDATE"}, true},
	{"numbers", "pool", []string{"SELECT", "INSERT", "UPDATE"}, true},
	{"reassignments", "pool", []string{"SELECT", "INSERT", "UPDATE"}, true},
	{"phones", "pool", []string{"SELECT", "INSERT", "UPDATE"}, true},
	{"events", "pool", []string{"SELECT", "INSERT"}, true},
	{versionTable, "version_id", []string{"SELECT"}, true},
	{"audit", "id", []string{"SELECT", "INSERT"}, false},
}

var checkPrivileges = check{"privileges", lookAtRights}

// lookAtRights asks the server to explain statements that it does not run: for
// that an account needs what running them would need. The server looks at
// rights before it looks for the table, so one that is not there is no answer
// of no.
func lookAtRights(ctx context.Context, s *Store, f facts) (verdict, error) {
	if f.refusesWrites() {
		return note(warn("cannot tell while nothing can be written here", "ask again on the server that takes writes")), nil
	}
	who, err := account(ctx, s.reads)
	if err != nil {
		return verdict{}, err
	}
	var lacks, unseen []lack
	for _, n := range needs {
		missing, err := missingOn(ctx, s.reads, n.table, n.column, n.verbs)
		if err != nil {
			return verdict{}, err
		}
		if l := (lack{n.table, missing}); len(missing) > 0 && n.vital {
			lacks = append(lacks, l)
		} else if len(missing) > 0 {
			unseen = append(unseen, l)
		}
	}
	v := verdict{fine: who + " may do what the service does; it needs no right to end other accounts' sessions"}
	if len(lacks) > 0 {
		v.problems = append(v.problems, fail(who+" lacks "+listed(lacks), s.grants(lacks, who)))
	}
	if len(unseen) > 0 {
		v.problems = append(v.problems, warn(who+" lacks "+listed(unseen)+", and cannot end the holder of a lock, which is written down first", s.grants(unseen, who)))
	}
	return v, nil
}

// A lack is what an account may not do to a table.
type lack struct {
	table string
	verbs []string
}

func listed(lacks []lack) string {
	var all []string
	for _, l := range lacks {
		all = append(all, strings.Join(l.verbs, ", ")+" on "+l.table)
	}
	return strings.Join(all, "; ")
}

// grants are the statements that would mend it, by table: a schema's name is a
// pattern in GRANT, a table's is not.
func (s *Store) grants(lacks []lack, who string) string {
	var all []string
	for _, l := range lacks {
		all = append(all, fmt.Sprintf("GRANT %s ON %s.%s TO %s", strings.Join(l.verbs, ", "), backticked(s.schema), backticked(l.table), who))
	}
	return strings.Join(all, "; ")
}

func backticked(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// account is the one that the server took us for, as GRANT wants it written.
func account(ctx context.Context, db sqlx.QueryerContext) (string, error) {
	var who string
	if err := sqlx.GetContext(ctx, db, &who, `SELECT CURRENT_USER()`); err != nil {
		return "", fmt.Errorf("ask for the account: %w", err)
	}
	return lock.QuoteAccount(who), nil
}

func missingOn(ctx context.Context, db sqlx.QueryerContext, table, column string, verbs []string) (missing []string, err error) {
	for _, verb := range verbs {
		may, err := allowed(ctx, db, probe(verb, table, column))
		if err != nil {
			return nil, err
		}
		if !may {
			missing = append(missing, verb)
		}
	}
	return missing, nil
}

// probe is a statement that needs one right, and does nothing.
func probe(verb, table, column string) string {
	switch verb {
	case "SELECT":
		return `EXPLAIN SELECT ` + column + ` FROM ` + table + ` WHERE FALSE`
	case "INSERT":
		return `EXPLAIN INSERT INTO ` + table + ` (` + column + `) VALUES ('')`
	case "UPDATE":
		return `EXPLAIN UPDATE ` + table + ` SET ` + column + ` = '' WHERE FALSE`
	// The rest is DDL, which cannot be explained: it is wrong on purpose, and
	// what is wrong comes after the right to do it.
	case "CREATE":
		return `CREATE TABLE ` + table + ` (twice INT, twice INT)`
	case "ALTER":
		return `ALTER TABLE ` + table + ` ADD COLUMN x INT`
	case "INDEX":
		return `CREATE INDEX x ON ` + table + ` (x)`
	case "DROP":
		return `DROP TABLE ` + table
	}
	panic("no probe for " + verb)
}

// beyond are the errors that an account meets only if it has the right.
var beyond = []uint16{
	1051, // ER_BAD_TABLE_ERROR: nothing to drop
	1060, // ER_DUP_FIELDNAME
	1146, // ER_NO_SUCH_TABLE
	1364, // ER_NO_DEFAULT_FOR_FIELD
	1366, // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
}

func allowed(ctx context.Context, db sqlx.QueryerContext, probe string) (bool, error) {
	rows, err := db.QueryxContext(ctx, probe)
	if err == nil {
		return true, rows.Close()
	}
	switch n, _ := number(err); {
	case denied[n]:
		return false, nil
	case slices.Contains(beyond, n):
		return true, nil
	}
	return false, fmt.Errorf("ask for a right: %w", err)
}
