package load

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// A logEntry is one position of a pool's log: an assignment or an event.
type logEntry struct {
	answer *answer
	event  *event
}

func (e *logEntry) seq() int64 {
	if e.answer != nil {
		return e.answer.seq
	}
	return e.event.Seq
}

// An event is any change but an assignment.
type event struct {
	Seq  int64           `json:"seq"`
	Kind string          `json:"kind"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

// What the data of events says, as the API documents it.
type (
	poolChanged struct {
		Cooldown int64            `json:"cooldown_seconds"`
		Was      *json.RawMessage `json:"was"`
	}
	plannersChanged struct {
		Planners []struct {
			ID     string           `json:"id"`
			Name   string           `json:"name"`
			Active bool             `json:"active"`
			Base   int64            `json:"base"`
			Was    *json.RawMessage `json:"was"`
		} `json:"planners"`
	}
	numbersAdded struct {
		Numbers []string `json:"numbers"`
	}
	released struct {
		ID     string  `json:"id"`
		Seq    int64   `json:"assignment_seq"`
		Number *string `json:"number"`
	}
)

// A logReader reads a pool's log in the order of positions.
type logReader struct {
	service     *service
	pool        string
	assignments list[answer]
	events      list[event]
}

func newLogReader(s *service, pool string, after int64) *logReader {
	return &logReader{s, pool, list[answer]{after: after}, list[event]{after: after}}
}

// A list is one of the two lists that make a log, page by page.
type list[T any] struct {
	items []T
	after int64 // position of the last item of the page
}

// next is the entry behind the one before, nil if there is none up to the
// position to. All up to that must be there.
func (l *logReader) next(ctx context.Context, to int64) (*logEntry, error) {
	if err := l.fill(ctx, to); err != nil {
		return nil, err
	}
	as, es := &l.assignments, &l.events
	switch {
	case len(as.items) > 0 && (len(es.items) == 0 || as.items[0].seq < es.items[0].Seq):
		a := &as.items[0]
		if a.seq > to {
			return nil, nil
		}
		as.items = as.items[1:]
		return &logEntry{answer: a}, nil
	case len(es.items) > 0:
		e := &es.items[0]
		if e.Seq > to {
			return nil, nil
		}
		es.items = es.items[1:]
		return &logEntry{event: e}, nil
	}
	return nil, nil
}

// fill gets a page of each list of which nothing is at hand, unless it is known
// to have ended.
func (l *logReader) fill(ctx context.Context, to int64) error {
	err := fill(ctx, l, "assignments", &l.assignments, to, func(text json.RawMessage) (answer, int64, error) {
		a, err := readAnswer(text)
		return a, a.seq, err
	})
	if err != nil {
		return err
	}
	return fill(ctx, l, "events", &l.events, to, func(e event) (event, int64, error) { return e, e.Seq, nil })
}

// fill is that for one list. It has rows of one type and items of another, and
// read makes one of the other and tells its position.
func fill[Row, T any](ctx context.Context, l *logReader, what string, of *list[T], to int64, read func(Row) (T, int64, error)) error {
	if len(of.items) > 0 || of.after >= to {
		return nil
	}
	rows, _, err := pageOf[Row](ctx, l.service, l.pool, what, afterSeq(of.after))
	if err != nil {
		return err
	}
	start := of.after
	of.after = to // unless there is more
	for _, row := range rows {
		item, seq, err := read(row)
		if err != nil {
			return err
		}
		of.items = append(of.items, item)
		of.after = seq
	}
	if of.after <= start {
		return stuck(l.pool, what, start)
	}
	return nil
}

// stuck is a list that would be read for ever.
func stuck(pool, what string, after any) error {
	return fmt.Errorf("the list of %s of pool %s does not go on behind %v", what, pool, after)
}
