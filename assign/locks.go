package assign

import (
	"encoding/json"
	"time"
)

// A LockView is a named lock as the database sees it.
type LockView struct {
	Name    string
	Pool    PoolID // that it guards; empty if it is none of ours
	Ours    bool   // whether it is one of the schema that was asked through
	Holder  *SessionView
	Waiters []SessionView // in the order in which they will be served, where the source can tell
}

// Free reports whether nobody holds the lock or waits for it. A lock with
// waiters is free for a moment only, unless its holder cannot be seen.
func (v LockView) Free() bool { return v.Holder == nil && len(v.Waiters) == 0 }

// A SessionView is a database session that holds a lock or waits for it.
// Fields that the source cannot see are zero.
type SessionView struct {
	ConnectionID int64
	User         string
	Host         string
	Program      string
	Instance     string // of Fairlead's own programs
	Statement    string // what it runs now, without its literals

	// For is how long it has held the lock or waited for it; negative if the
	// source cannot tell. Unless Exact, it is the best that is known, mostly less
	// than the truth: how long the session has been in its present state.
	For   time.Duration
	Exact bool
}

// A LockList is the answer to "who holds what".
type LockList struct {
	Locks  []LockView
	Source string // where it was read, so that "no waiters" is not "cannot see"

	// CannotSee is what may be missing, and Remedy what to do about it: sentences
	// for people, empty if nothing is missing.
	CannotSee string
	Remedy    string
}

// A LockKill asks for the end of the session that holds a lock.
type LockKill struct {
	Name         string // of the lock, or a pool's id
	ConnectionID int64  // that holds it, as the asker saw
	Reason       string // required, for the audit
	Actor        string // who asks: the name of the token; may be empty

	// AnyLock allows to end the holders of locks that are not this schema's.
	AnyLock bool
}

// A LockKilled says what came of a [LockKill].
type LockKilled struct {
	AuditID string        // of the entry that was written before the kill; empty if there is no audit here
	Freed   bool          // whether the session was seen to have lost the lock
	After   time.Duration // from the kill to that, or for how long it was not seen
	Lock    LockView      // as it was seen last
}

// An AuditEntry is something that an operator did, or tried to do, that is not
// in any pool's log.
type AuditEntry struct {
	ID    string    // ULID; entries sort by it
	At    time.Time // the database's clock, UTC
	Kind  AuditKind
	Actor string
	Data  json.RawMessage // by Kind
}

// An AuditKind is what an [AuditEntry] is about.
type AuditKind string

const (
	// AuditLockKill is written before a holder is killed: who held the lock,
	// who asks, and why.
	AuditLockKill AuditKind = "lock_kill"

	// These say what came of it; their data name the entry from before. Unclear
	// means that the connection was lost in the statement that kills.
	AuditLockKilled      AuditKind = "lock_killed"
	AuditLockKillFailed  AuditKind = "lock_kill_failed"
	AuditLockKillUnclear AuditKind = "lock_kill_unclear"
)
