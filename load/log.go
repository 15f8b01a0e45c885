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

// fill gets a page of a list of which nothing is at hand, unless it is known to
// have ended.
func (l *logReader) fill(ctx context.Context, to int64) error {
	if as := &l.assignments; len(as.items) == 0 && as.after < to {
		var p struct {
			Assignments []json.RawMessage `json:"assignments"`
		}
		if err := l.service.ask(ctx, "GET", listPath(l.pool, "assignments", afterSeq(as.after)), nil, &p); err != nil {
			return err
		}
		start := as.after
		as.after = to // unless there is more
		for _, text := range p.Assignments {
			a, err := readAnswer(text)
			if err != nil {
				return err
			}
			as.items = append(as.items, a)
			as.after = a.seq
		}
		if as.after <= start {
			return stuck(l.pool, "assignments", start)
		}
	}
	if es := &l.events; len(es.items) == 0 && es.after < to {
		var p struct {
			Events []event `json:"events"`
		}
		if err := l.service.ask(ctx, "GET", listPath(l.pool, "events", afterSeq(es.after)), nil, &p); err != nil {
			return err
		}
		start := es.after
		es.after = to
		for _, e := range p.Events {
			es.items = append(es.items, e)
			es.after = e.Seq
		}
		if es.after <= start {
			return stuck(l.pool, "events", start)
		}
	}
	return nil
}

// stuck is a list that would be read for ever.
func stuck(pool, what string, after any) error {
	return fmt.Errorf("the list of %s of pool %s does not go on behind %v", what, pool, after)
}
