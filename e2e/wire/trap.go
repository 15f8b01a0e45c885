package wire

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// An Action is what a [Trap] does to a packet.
type Action int

const (
	// Hold makes the session sleep at the step: the packet gets one statement
	// more, which has no result that a client would notice. See
	// [Sprung.Session].
	Hold Action = iota

	// DropAndCut closes the connection; the server never gets the packet.
	DropAndCut

	// DeliverAndCut resets the client's connection as soon as the packet is on
	// its way. The server runs all of it, and answers nobody.
	DeliverAndCut

	// Truncate lets the server have the first half of the packet's bytes, and
	// closes the connection.
	Truncate

	// Fail makes the server give up the packet at the step, with an error. What
	// was run before has been run; an open transaction is still open, and the
	// connection is as it was.
	Fail
)

var actionNames = [...]string{"hold", "drop and cut", "deliver and cut", "truncate", "fail"}

func (a Action) String() string { return actionNames[a] }

// A Trap waits for a unit's packet.
type Trap struct {
	Pool string // whose unit; empty is any
	Step Step   // the packet must have this step; only Hold and Fail are about the place itself
	Do   Action
	For  time.Duration // how long to hold
	With uint16        // the server's error to fail with
}

// Armed is a trap that has been set.
type Armed struct {
	Trap
	wire   *Wire
	sprung chan Sprung
}

// Sprung says where a trap has sprung.
type Sprung struct {
	Step Step
	Pool string
	mark string
}

// traps are those that are armed.
type traps struct {
	armed atomic.Int32 // how many, so that nobody has to ask for the list when there are none
	mu    sync.Mutex
	list  []*Armed
}

// Arm sets a trap: the first packet that fits springs it, once. Of several
// that fit, the one that was armed first springs. A packet that would get too
// long by a statement more, more than 16 MiB, does not fit.
func (w *Wire) Arm(t Trap) *Armed {
	w.tb.Helper()
	if (t.Do == Hold) != (t.For > 0) {
		w.tb.Errorf("wire: a trap to %v for %v: only a hold takes time, and it must", t.Do, t.For)
	}
	a := &Armed{Trap: t, wire: w, sprung: make(chan Sprung, 1)}
	w.traps.mu.Lock()
	defer w.traps.mu.Unlock()
	w.traps.list = append(w.traps.list, a)
	w.traps.armed.Add(1)
	return a
}

// Sprung is told once, when the trap springs.
func (a *Armed) Sprung() <-chan Sprung { return a.sprung }

// Disarm takes the trap away. It reports false if the trap has sprung.
func (a *Armed) Disarm() bool {
	a.wire.traps.mu.Lock()
	defer a.wire.traps.mu.Unlock()
	return a.wire.traps.remove(a)
}

// remove reports whether a was armed.
func (t *traps) remove(a *Armed) bool {
	n := slices.Index(t.list, a)
	if n < 0 {
		return false
	}
	t.list = slices.Delete(t.list, n, n+1)
	t.armed.Add(-1)
	return true
}

// spring returns the trap that a query springs, or nil. Changed is what becomes
// of the packet if it gets a statement more.
func (t *traps) spring(packet []byte) (a *Armed, changed []byte) {
	u, ok := readUnit(queryText(packet))
	if !ok {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.list {
		if _, has := u.at[a.Step]; !has || a.Pool != "" && a.Pool != u.pool {
			continue
		}
		s := Sprung{Step: a.Step, Pool: u.pool, mark: fmt.Sprintf("held:%v:%s:%s", a.Step, u.pool, rand.Text()[:10])}
		if more := a.statement(s); more != "" {
			if changed, ok = query(u.with(a.Step, more)); !ok {
				continue
			}
		}
		t.remove(a)
		a.sprung <- s
		return a, changed
	}
	return nil, nil
}

// statement is what the packet gets more, if anything. Neither has a result
// set: the driver passes over the one, and takes the other for what the
// statement behind it did.
func (t *Trap) statement(s Sprung) string {
	switch t.Do {
	case Hold:
		return fmt.Sprintf("DO SLEEP(%.3f) /* %s */", t.For.Seconds(), s.mark)
	case Fail:
		return fmt.Sprintf("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'made by a trap'", t.With)
	}
	return ""
}
