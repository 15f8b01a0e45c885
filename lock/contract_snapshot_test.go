package lock_test

import (
	"slices"
	"strings"
	"testing"
)

// The statements of a reader: {table} and {lock} are the scene's.
const (
	begin       = `START TRANSACTION`
	snapshot    = `START TRANSACTION WITH CONSISTENT SNAPSHOT`
	plainRead   = `SELECT v FROM {table} WHERE id = 1`
	lockingRead = `SELECT v FROM {table} WHERE id = 1 FOR UPDATE`
	getLock     = `SELECT GET_LOCK('{lock}', 50)`
	lockInRead  = `SELECT GET_LOCK('{lock}', 50) FROM {table} WHERE id = 1`
	lockAndRead = `SELECT CONCAT(GET_LOCK('{lock}', 50), ' ', v) FROM {table} WHERE id = 1`
)

// TestContractSnapshot asks what a reader sees that waited for the lock while
// its holder changed a row from 0 to 1 and committed. 0 is the past: whoever
// decides by it gives the same turn out again.
func TestContractSnapshot(t *testing.T) {
	t.Parallel()
	// MariaDB 11.6.2 turned innodb_snapshot_isolation on: what is newer than the
	// snapshot is then refused to who would lock it.
	snapshotRefused := "1"
	if onMariaDB(t, 11, 7) {
		snapshotRefused = "error 1020"
	}
	var cells []cell
	for _, c := range []struct {
		before                    []string // until it asks for the lock
		ask                       string
		after                     []string
		repeatable, readCommitted answers
	}{
		{nil, getLock, []string{begin, plainRead}, everywhere("1"), both("1")},
		{[]string{begin}, getLock, []string{plainRead}, answers{"1", "1", "0"}, both("1")},
		{[]string{begin, plainRead}, getLock, []string{plainRead}, everywhere("0"), both("1")},
		{[]string{snapshot}, getLock, []string{plainRead}, everywhere("0"), both("1")},
		{[]string{begin}, lockInRead, []string{plainRead}, both("0"), both("1")},
		{[]string{begin, plainRead}, getLock, []string{lockingRead}, answers{snapshotRefused, "1", ""}, both("1")},
		{nil, lockAndRead, nil, both("1 0"), both("1 0")},
	} {
		name := strings.Join(slices.Concat(c.before, []string{c.ask}, c.after), "; ")
		for level, want := range map[string]answers{"REPEATABLE READ": c.repeatable, "READ COMMITTED": c.readCommitted} {
			cells = append(cells, cell{level + ": " + name, want, func(s *scene) string {
				return s.readAfterChange(level, c.before, c.ask, c.after)
			}, "why a unit has its lock before it begins, runs under READ COMMITTED, and decides by locking reads only"})
		}
	}
	checkCells(t, cells)
}

// readAfterChange returns the last thing that the reader sees.
func (s *scene) readAfterChange(level string, before []string, ask string, after []string) string {
	fill := strings.NewReplacer("{table}", s.table(), "{lock}", s.lock)
	holder, reader := s.session(), s.session()
	holder.take()
	holder.must(`START TRANSACTION`, fill.Replace(`UPDATE {table} SET v = 1 WHERE id = 1`))
	reader.must(`SET SESSION TRANSACTION ISOLATION LEVEL ` + level)
	for _, q := range before {
		reader.do(fill.Replace(q))
	}
	p := reader.wait(forLock, fill.Replace(ask))
	holder.must(`COMMIT`)
	holder.release()
	got := p.result()
	for _, q := range after {
		got = reader.ask(fill.Replace(q))
	}
	return got
}
