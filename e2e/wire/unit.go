package wire

import (
	"bytes"
	"slices"
)

// A Step is a boundary between two statements of a unit, where something can
// go wrong.
type Step int

// The steps of a unit. The first five are in the packet that reads, the others
// in the packet that writes.
const (
	BeforeLock        Step = iota // nothing has been asked for
	BeforeBegin                   // the lock is held, if there is one; no transaction yet
	BeforeFence                   // in the transaction; the pool's row is not locked
	BehindFence                   // the pool's row is locked, nothing else has been read
	EndOfRead                     // all has been read; the server is still in the packet
	BeforeWrite                   // decided; nothing has been written
	BeforeAssignments             // the pool's row has been written, the assignments have not
	BeforeCommit                  // all has been written
	BehindCommit                  // committed; the lock is held, if there is one
)

// Steps are all steps, in the order of the unit.
var Steps = []Step{BeforeLock, BeforeBegin, BeforeFence, BehindFence, EndOfRead, BeforeWrite, BeforeAssignments, BeforeCommit, BehindCommit}

var stepNames = [...]string{"before-lock", "before-begin", "before-fence", "behind-fence", "end-of-read",
	"before-write", "before-assignments", "before-commit", "behind-commit"}

func (s Step) String() string { return stepNames[s] }

// WithoutLock reports whether units have the step with the named lock off too.
func (s Step) WithoutLock() bool { return s != BeforeLock }

// A unit is one of the two packets of a unit of work.
type unit struct {
	statements [][]byte
	at         map[Step]int // the statement that a step is before
	pool       string
}

// readUnit recognises a unit's packet by its text.
func readUnit(sql []byte) (unit, bool) {
	u := unit{statements: split(sql)}
	return u, u.reads() || u.writes()
}

// reads recognises the packet that takes lock and fence.
func (u *unit) reads() bool {
	begin := u.index("SET TRANSACTION ", "START TRANSACTION")
	fence := slices.IndexFunc(u.statements, isFence)
	if begin < 0 || fence < begin {
		return false
	}
	u.at = map[Step]int{BeforeBegin: begin, BeforeFence: fence, BehindFence: fence + 1, EndOfRead: u.end()}
	if u.index("SELECT GET_LOCK(") == 0 {
		u.at[BeforeLock] = 0
	}
	u.pool = poolOf(u.statements[fence])
	return true
}

// writes recognises the packet that writes the pool's row first and ends in a
// commit. One that rolls back is none.
func (u *unit) writes() bool {
	commit := u.index("COMMIT")
	if commit < 0 || u.index("UPDATE pools ", "INSERT INTO pools ") != 0 {
		return false
	}
	u.at = map[Step]int{BeforeWrite: 0, BeforeCommit: commit, BehindCommit: commit + 1}
	if n := u.index("INSERT INTO assignments "); n > 0 {
		u.at[BeforeAssignments] = n
	}
	u.pool = poolOf(u.statements[0])
	return true
}

// index returns which statement is the first to begin like one of these, or -1.
func (u *unit) index(begins ...string) int {
	return slices.IndexFunc(u.statements, func(statement []byte) bool {
		return slices.ContainsFunc(begins, func(b string) bool { return bytes.HasPrefix(bytes.TrimSpace(statement), []byte(b)) })
	})
}

// end is behind the last statement, but before nothing at all.
func (u *unit) end() int {
	n := len(u.statements)
	if len(bytes.TrimSpace(u.statements[n-1])) == 0 {
		n--
	}
	return n
}

func isFence(statement []byte) bool {
	s := bytes.TrimSpace(statement)
	return bytes.HasPrefix(s, []byte("SELECT ")) && bytes.Contains(s, []byte("FROM pools ")) && bytes.HasSuffix(s, []byte("FOR UPDATE"))
}

// poolOf finds the pool where the row of an old one is named, or where that of
// a new one begins.
func poolOf(statement []byte) string {
	for _, before := range []string{"WHERE pool = '", "VALUES ('"} {
		if _, behind, found := bytes.Cut(statement, []byte(before)); found {
			pool, _, _ := bytes.Cut(behind, []byte{'\''})
			return string(pool)
		}
	}
	return ""
}

// with returns the text with one more statement in it.
func (u *unit) with(step Step, statement string) []byte {
	return bytes.Join(slices.Insert(slices.Clone(u.statements), u.at[step], []byte(statement)), []byte{';'})
}
