package lock

import (
	"strconv"
	"strings"
)

// A Dialect is the SQL of one make of server.
type Dialect string

// The dialects that there are [Statements] in.
const (
	MySQL   Dialect = "mysql"
	MariaDB Dialect = "mariadb"
	TiDB    Dialect = "tidb"
)

// DialectOf returns the dialect of a server by what it says to SELECT VERSION().
func DialectOf(version string) Dialect {
	for _, d := range []Dialect{TiDB, MariaDB} {
		if strings.Contains(strings.ToLower(version), string(d)) {
			return d
		}
	}
	return MySQL
}

// A Statement is SQL about named locks for a person to paste into a client.
// What it shows of other sessions' statements has no literals in it.
type Statement struct {
	Title   string // the question that it answers, or what it does
	Why     string // when to use it and how to read it: sentences
	Account string // the smallest of the documented accounts that may run it: app, monitor, admin
	Text    string // without a semicolon; about [ExampleLock] and [ExampleHolder]
}

// The lock and the connection that the texts of statements are about.
const (
	ExampleLock   Name  = "fairlead:fairlead:demo"
	ExampleHolder int64 = 4711
)

// Statements returns what a DBA may want to paste, in the order in which it is
// wanted: see, understand, end. There are none in an unknown dialect.
func Statements(d Dialect) []Statement {
	switch d {
	case MySQL:
		return mysqlStatements
	case MariaDB:
		return mariadbStatements
	case TiDB:
		return tidbStatements
	}
	return nil
}

// For returns the text about another lock and another connection.
func (s Statement) For(name Name, holder int64) string {
	// Doubled quotes mean a quote, and doubled backslashes a backslash, unless
	// the session's sql_mode has NO_BACKSLASH_ESCAPES.
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(string(name))
	return strings.NewReplacer(
		string(ExampleLock), quoted,
		strconv.FormatInt(ExampleHolder, 10), strconv.FormatInt(holder, 10),
	).Replace(s.Text)
}

// KillStatement ends the session that holds a lock, where it may be pasted: the
// server compares the holder while it runs the statement, as for [Kill].
var KillStatement = Statement{
	Title: "End the holder, if it still is this connection",
	Why: `The server looks who holds the lock in the statement that kills. Error 1094 (unknown thread id: 0) means that the holder has changed, and nobody was ended; ` +
		`1095, that this account may not end that session.`,
	Account: "admin",
	Text:    `KILL CONNECTION IF(IS_USED_LOCK('fairlead:fairlead:demo') = 4711, 4711, 0)`,
}

// usedStatement needs no privilege at all.
var usedStatement = Statement{
	Title:   "Who holds this one lock?",
	Why:     `Every account may ask this. The answer is a connection id, or NULL if the lock is free.`,
	Account: "app",
	Text:    `SELECT IS_USED_LOCK('fairlead:fairlead:demo') AS connection_id`,
}

const (
	transactionTitle = "What does the holder's transaction do?"
	transactionWhy   = `No row: it has none open, and a kill frees the lock at once. A state of LOCK WAIT: it waits for somebody's row, see the next statement. ` +
		`A kill rolls rows_changed back first, which takes about as long as the changes took.`
	blockersTitle = "Who blocks the holder?"
	blockersWhy   = `Each row is a session in the holder's way. End that one rather than the holder, who is innocent: whoever gets the lock next would wait for the same row.`
)
