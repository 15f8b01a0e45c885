package lock

import (
	"cmp"
	"context"
	"strings"
	"time"
)

// The performance schema counts the events of each thread: statements,
// transactions, and what is switched on besides. A statement has the numbers
// from EVENT_ID to END_EVENT_ID, with what happened within it in between. A
// lock's OWNER_EVENT_ID is the number that the thread's next event was to get
// when it asked for the lock, so that the statement that did so is one with the
// number before it. (pfs_events_statements.cc, and create_metadata_lock in
// pfs_instr.cc, of both servers.)

// An event is a statement or a transaction of a session. Times are the server's
// timer's, in picoseconds.
type event struct {
	Thread     uint64
	ID         uint64
	Last       uint64 // number of the last event within it; 0 while it goes on
	Start, End uint64 // End of one that goes on is now
	Nested     bool   // within another statement
	Text       []byte
}

// events are those of one session that the server remembers.
type events struct {
	now          uint64 // 0: no time can be told
	statements   []event
	transactions []event
}

const (
	// A thread's row stays here until its next statement begins.
	selectCurrent = `
		SELECT THREAD_ID AS thread, EVENT_ID AS id, COALESCE(END_EVENT_ID, 0) AS last,
			COALESCE(TIMER_START, 0) AS start, COALESCE(TIMER_END, 0) AS end,
			COALESCE(NESTING_EVENT_LEVEL, 0) > 0 AS nested, LEFT(CAST(SQL_TEXT AS BINARY), ?) AS text
		FROM performance_schema.events_statements_current
		WHERE THREAD_ID IN (?) OR THREAD_ID = (SELECT THREAD_ID FROM performance_schema.threads WHERE PROCESSLIST_ID = CONNECTION_ID())`

	selectHistory = `
		SELECT THREAD_ID AS thread, EVENT_ID AS id, COALESCE(END_EVENT_ID, 0) AS last,
			COALESCE(TIMER_START, 0) AS start, COALESCE(TIMER_END, 0) AS end,
			COALESCE(NESTING_EVENT_LEVEL, 0) > 0 AS nested, LEFT(CAST(SQL_TEXT AS BINARY), ?) AS text
		FROM performance_schema.events_statements_history WHERE THREAD_ID IN (?)`

	selectTransactions = `
		SELECT THREAD_ID AS thread, EVENT_ID AS id, COALESCE(END_EVENT_ID, 0) AS last,
			COALESCE(TIMER_START, 0) AS start, COALESCE(TIMER_END, 0) AS end
		FROM performance_schema.events_transactions_current WHERE THREAD_ID IN (?)`
)

// readEvents returns the events of threads, by thread, and whether the server
// keeps any. The error is one of [unreadable] if this account may not see
// statements; what it may see is there all the same.
func readEvents(ctx context.Context, srv *server, threads []uint64) (byThread map[uint64]events, kept bool, err error) {
	var transactions, history, current []event
	if err := srv.sel(ctx, &transactions, selectTransactions, threads); err != nil && !unreadable(err) {
		return nil, false, err
	}
	errHistory := srv.sel(ctx, &history, selectHistory, maxRead, threads)
	if errHistory != nil && !unreadable(errHistory) {
		return nil, false, errHistory
	}
	errCurrent := srv.sel(ctx, &current, selectCurrent, maxRead, threads)
	if errCurrent != nil && !unreadable(errCurrent) {
		return nil, false, errCurrent
	}
	now := uint64(0) // to which this account's own statement goes on, at least
	for _, e := range current {
		if e.Last == 0 {
			now = max(now, e.End)
		}
	}
	byThread = make(map[uint64]events, len(threads))
	for _, e := range append(current, history...) {
		it := byThread[e.Thread]
		it.now, it.statements = now, append(it.statements, e)
		byThread[e.Thread] = it
	}
	for _, e := range transactions {
		it := byThread[e.Thread]
		it.now, it.transactions = now, append(it.transactions, e)
		byThread[e.Thread] = it
	}
	return byThread, now > 0, cmp.Or(errCurrent, errHistory)
}

// waiting is how long the session has waited for a lock: as long as its
// innermost statement runs, if that does nothing else.
func (s events) waiting() (d time.Duration, exact, ok bool) {
	var e event
	for _, it := range s.statements {
		if it.Last == 0 && it.Start > 0 && it.ID >= e.ID {
			e = it
		}
	}
	if e.Start == 0 {
		return 0, false, false
	}
	d = duration(e.Start, e.End)
	return d, plainGet(e.Text) || d <= slack, true
}

// holding is how long the session has held the lock that its event of this
// number came after. It is exact from the end of the statement that took the
// lock, if that can only have taken it then. Else what has begun since is the
// least.
func (s events) holding(name Name, number uint64) (d time.Duration, exact, ok bool) {
	if s.now == 0 || number == 0 {
		return 0, false, false
	}
	since := s.now
	for _, e := range s.statements {
		if e.Start == 0 {
			continue
		}
		took := e.ID < number && number-1 <= e.Last // it has ended, therefore
		switch {
		case took && e.takesAtItsEnd(name):
			return duration(e.End, s.now), true, true
		case took && !e.Nested:
			since, ok = min(since, e.End), true
		case e.ID >= number:
			since, ok = min(since, e.Start), true
		}
	}
	for _, e := range s.transactions {
		if e.ID >= number && e.Start > 0 {
			since, ok = min(since, e.Start), true
		}
	}
	return duration(since, s.now), false, ok
}

// takesAtItsEnd reports whether a statement that may have taken the lock did so
// just before it ended. A statement within another may also be the one that
// ended before that other took the lock.
func (e event) takesAtItsEnd(name Name) bool {
	if e.Nested {
		names := asksFor(e.Text)
		return plainGet(e.Text) && len(names) == 1 && strings.EqualFold(names[0], string(name))
	}
	return plainGet(e.Text) || duration(e.Start, e.End) <= slack
}

func duration(from, to uint64) time.Duration {
	if to < from {
		return 0
	}
	return time.Duration((to - from) / 1000)
}
