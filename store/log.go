package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/assign"
)

// Reading a pool's log from end to end. It is read in pages of a table's
// primary key, each of them a short statement: a long snapshot would keep old
// row versions from being purged, and make every unit slower. That is no loss,
// for what stands in the log does not change.

const (
	loggedColumns = `a.seq, a.id, a.planner, a.planner_name, a.number, a.live_number, a.wish, a.customer,
		a.idem_key, a.fingerprint, a.assigned_at, a.released_at, a.voided_at, a.turn, a.now_planner, a.now_name`

	logAssignments = `SELECT ` + loggedColumns + `
		FROM assignments a WHERE a.pool = ? AND a.seq >= ? AND a.seq <= ? ORDER BY a.seq LIMIT ?`

	logEvents = `SELECT ` + eventColumns + ` FROM events e WHERE e.pool = ? AND e.seq >= ? AND e.seq <= ? ORDER BY e.seq LIMIT ?`

	// logEnd does not ask the pool's row, which may be wrong. All that is at
	// or below the position it returns is committed.
	logEnd = `SELECT GREATEST(
		COALESCE((SELECT MAX(a.seq) FROM assignments a WHERE a.pool = ?), 0),
		COALESCE((SELECT MAX(e.seq) FROM events e WHERE e.pool = ?), 0))`
)

const (
	logPage  = 5_000     // rows of one statement
	logBatch = 500       // rows that are handed over together
	logBytes = 256 << 10 // or so many bytes of event data
)

// A logged is an assignment's row: what was decided, and the number that the
// row keeps from others.
type logged struct {
	assign.Assignment
	holds assign.Number
}

// A logRow scans rows of one table of the log.
type logRow[T any] interface {
	dest() []any
	put(row *T) (seq int64, bytes int)
}

// loggedRow is the row of a [logged]. It is scanned as bytes, of which only
// what is new becomes a string: a pool has few planners and many assignments.
type loggedRow struct {
	pool assign.PoolID
	seq  int64

	id, planner, name, number, live, wish, customer, key, fingerprint, now, nowName sql.RawBytes

	assignedAt           time.Time
	releasedAt, voidedAt sql.NullTime
	turn                 bool

	known map[string]string
}

func newLoggedRow(pool assign.PoolID) *loggedRow {
	return &loggedRow{pool: pool, known: map[string]string{}}
}

func (r *loggedRow) dest() []any {
	return []any{&r.seq, &r.id, &r.planner, &r.name, &r.number, &r.live, &r.wish, &r.customer,
		&r.key, &r.fingerprint, &r.assignedAt, &r.releasedAt, &r.voidedAt, &r.turn, &r.now, &r.nowName}
}

func (r *loggedRow) put(row *logged) (int64, int) {
	text := r.text()
	cut := func(field sql.RawBytes) (s string) {
		s, text = text[:len(field)], text[len(field):]
		return s
	}
	*row = logged{
		Assignment: assign.Assignment{
			ID:          cut(r.id),
			Pool:        r.pool,
			Seq:         r.seq,
			Planner:     assign.PlannerID(r.string(r.planner)),
			PlannerName: r.string(r.name),
			Number:      assign.Number(cut(r.number)),
			Wish:        assign.Wish(r.string(r.wish)),
			Customer:    cut(r.customer),
			Key:         cut(r.key),
			State:       stateOf(r.releasedAt, r.voidedAt),
			AssignedAt:  r.assignedAt,
			ReleasedAt:  r.releasedAt.Time,
			VoidedAt:    r.voidedAt.Time,
			TurnBack:    !r.turn,

			ReassignedTo:     assign.PlannerID(r.string(r.now)),
			ReassignedToName: r.string(r.nowName),
		},
		holds: assign.Number(cut(r.live)),
	}
	copy(row.Fingerprint[:], r.fingerprint)
	return r.seq, 0
}

// text is the fields that are another in every row, in one string.
func (r *loggedRow) text() string {
	var b strings.Builder
	b.Grow(len(r.id) + len(r.number) + len(r.customer) + len(r.key) + len(r.live))
	for _, field := range []sql.RawBytes{r.id, r.number, r.customer, r.key, r.live} {
		b.Write(field)
	}
	return b.String()
}

// string is for fields that few values are found in.
func (r *loggedRow) string(field sql.RawBytes) string {
	if s, ok := r.known[string(field)]; ok {
		return s
	}
	s := string(field)
	r.known[s] = s
	return s
}

func (r *eventRow) put(row *assign.Event) (int64, int) {
	*row = r.event()
	r.data = nil // it is the row's now
	return row.Seq, len(row.Data)
}

// readLog reads the rows of a table from one position to another, page by page,
// and hands them to take in batches until that is false.
func readLog[T any](ctx context.Context, q sqlx.QueryerContext, query string, pool assign.PoolID, from, to int64, row logRow[T], take func([]T) bool) error {
	for more := true; more; {
		rows, err := q.QueryxContext(ctx, query, string(pool), from, to, logPage)
		if err != nil {
			return unreadable(ctx, err)
		}
		page, dest := 0, row.dest()
		batch, bytes := make([]T, 0, logBatch), 0
		for more && rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				rows.Close()
				return err
			}
			batch = batch[:len(batch)+1]
			seq, size := row.put(&batch[len(batch)-1])
			page, bytes, from = page+1, bytes+size, seq+1
			if len(batch) == logBatch || bytes > logBytes {
				more = take(batch)
				batch, bytes = make([]T, 0, logBatch), 0
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return unreadable(ctx, err)
		}
		more = more && (len(batch) == 0 || take(batch)) && page == logPage
	}
	return nil
}

// A cursor stands in a table of the log.
type cursor[T any] struct {
	batches <-chan []T
	err     error // valid when batches is closed
	rest    []T
	cancel  context.CancelFunc
}

// readAhead starts to read in the background. The cursor must be stopped.
func readAhead[T any](ctx context.Context, db *sqlx.DB, query string, pool assign.PoolID, from, to int64, row logRow[T]) *cursor[T] {
	batches := make(chan []T, logPage/logBatch)
	ctx, cancel := context.WithCancel(ctx)
	c := &cursor[T]{batches: batches, cancel: cancel}
	go func() {
		defer close(batches)
		c.err = readLog(ctx, db, query, pool, from, to, row, func(batch []T) bool {
			select {
			case batches <- batch:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	return c
}

// stop ends the reading and waits for its end.
func (c *cursor[T]) stop() {
	c.cancel()
	for range c.batches {
	}
}

// head is the row that the cursor stands at, nil at the end or after an error.
func (c *cursor[T]) head() *T {
	if len(c.rest) == 0 {
		c.rest = <-c.batches
	}
	if len(c.rest) == 0 {
		return nil
	}
	return &c.rest[0]
}

func (c *cursor[T]) advance() { c.rest = c.rest[1:] }

// A logReader is told a pool's log in order.
type logReader interface {
	Assignment(a *assign.Assignment, holds assign.Number)
	Event(e *assign.Event)
}

// merge tells to what two tables hold, in the order of positions.
func merge(assignments *cursor[logged], events *cursor[assign.Event], to logReader, told func()) error {
	for {
		a, e := assignments.head(), events.head()
		switch {
		case a == nil && e == nil:
			if assignments.err != nil {
				return assignments.err
			}
			return events.err
		case a == nil && assignments.err != nil:
			return assignments.err
		case e == nil && events.err != nil:
			return events.err
		case e != nil && (a == nil || e.Seq <= a.Seq):
			to.Event(e)
			events.advance()
		default:
			to.Assignment(&a.Assignment, a.holds)
			assignments.advance()
		}
		told()
	}
}

// readAll is a cursor of what is read at once.
func readAll[T any](ctx context.Context, q sqlx.QueryerContext, query string, pool assign.PoolID, from, to int64, row logRow[T]) (*cursor[T], error) {
	batches := make(chan []T)
	close(batches)
	c := &cursor[T]{batches: batches}
	err := readLog(ctx, q, query, pool, from, to, row, func(batch []T) bool {
		c.rest = append(c.rest, batch...)
		return true
	})
	return c, err
}
