package lock

import (
	"bytes"
	"time"
)

// slack is how far an exact time may be from the truth.
const slack = 100 * time.Millisecond

// maxRead is how much of a statement is read, in bytes. One of ours may have
// hundreds of thousands, and a lock is taken at the head.
const maxRead = 4096

// A session is what is seen of one that holds a lock or waits for one.
type session struct {
	id             int64
	user, host     string
	program        string
	instance       string
	statement      []byte        // what it runs now; at most [maxRead], any bytes
	idle           bool          // it runs nothing
	since          time.Duration // idle, or in its present statement; negative: not known
	precise        bool          // since is, and begins anew when a statement ends
	transaction    time.Duration // how long one has been open; negative: not known, or there is none
	events         events
	waitsForLock   bool // for a user-level lock of whatever name
	holdsForAtMost time.Duration
}

func unseen(id int64) session {
	return session{id: id, since: -1, transaction: -1, holdsForAtMost: -1}
}

func (s session) owner(d time.Duration, exact bool) Owner {
	return Owner{
		ConnectionID: s.id, User: s.user, Host: s.host, Program: s.program, Instance: s.instance,
		Statement: withoutLiterals(s.statement), For: d, Exact: exact,
	}
}

// waiter is s as one that waits for a lock.
func (s session) waiter() Owner {
	if d, exact, ok := s.events.waiting(); ok {
		return s.owner(d, exact)
	}
	exact := s.precise && s.since >= 0 && (plainGet(s.statement) || s.since <= slack)
	return s.owner(s.since, exact)
}

// holder is s as the one that holds a lock, which it took before its event with
// the number event; zero if events say nothing of it.
func (s session) holder(name Name, event uint64) Owner {
	if d, exact, ok := s.events.holding(name, event); ok {
		return s.owner(d, exact)
	}
	if s.holdsForAtMost >= 0 {
		return s.owner(s.between())
	}
	return s.owner(max(s.since, s.transaction), false)
}

// between is how long s has held a lock that it asked for holdsForAtMost ago:
// what it has done since without asking for locks is the least.
func (s session) between() (d time.Duration, exact bool) {
	least := time.Duration(-1)
	if s.precise && (s.idle || !bytes.Contains(bytes.ToUpper(s.statement), []byte("GET_LOCK"))) {
		least = s.since
	}
	// InnoDB's age is up to two seconds too small: only an older claim proves
	// that the transaction began after the lock was asked for.
	if s.transaction >= 0 && s.transaction+2*time.Second <= s.holdsForAtMost {
		least = max(least, s.transaction)
	}
	if least < 0 || s.holdsForAtMost-least <= slack {
		return s.holdsForAtMost, least >= 0
	}
	return least, false
}
