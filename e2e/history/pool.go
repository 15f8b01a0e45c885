package history

import (
	"context"
	"fmt"
	"time"

	"fairlead/api/client"
)

// A Pool is what a pool's tables say when a run is over.
type Pool struct {
	Row         client.Pool         // the pool's own counts
	Assignments []client.Assignment // in the order of seq
	Events      []client.Event      // in the order of seq
	Planners    []client.Planner    // in the order of their ids
	Numbers     []client.Number     // in their order
}

// Read reads a pool to its end. Nothing may write to it meanwhile: what is
// read is many pages, not one snapshot.
func Read(ctx context.Context, c *client.ClientWithResponses, pool string) (p Pool, err error) {
	limit := 1000 // the most that a list gives at once
	row, err := insist(func() (*client.GetPoolResponse, error) { return c.GetPoolWithResponse(ctx, pool, nil) })
	if err != nil {
		return p, fmt.Errorf("read pool %s: %w", pool, err)
	}
	p.Row = *row
	if p.Planners, err = pages(func(after *string) (*client.ListPlannersResponse, error) {
		return c.ListPlannersWithResponse(ctx, pool, &client.ListPlannersParams{After: after, Limit: &limit})
	}, func(l *client.PlannerList) ([]client.Planner, *string) { return l.Planners, l.Next }); err != nil {
		return p, fmt.Errorf("read planners of %s: %w", pool, err)
	}
	if p.Numbers, err = pages(func(after *string) (*client.ListNumbersResponse, error) {
		return c.ListNumbersWithResponse(ctx, pool, &client.ListNumbersParams{After: after, Limit: &limit})
	}, func(l *client.NumberList) ([]client.Number, *string) { return l.Numbers, l.Next }); err != nil {
		return p, fmt.Errorf("read numbers of %s: %w", pool, err)
	}
	if p.Assignments, err = pages(func(after *int64) (*client.ListAssignmentsResponse, error) {
		return c.ListAssignmentsWithResponse(ctx, pool, &client.ListAssignmentsParams{After: after, Limit: &limit})
	}, func(l *client.AssignmentList) ([]client.Assignment, *int64) { return l.Assignments, l.Next }); err != nil {
		return p, fmt.Errorf("read assignments of %s: %w", pool, err)
	}
	if p.Events, err = pages(func(after *int64) (*client.ListEventsResponse, error) {
		return c.ListEventsWithResponse(ctx, pool, &client.ListEventsParams{After: after, Limit: &limit})
	}, func(l *client.EventList) ([]client.Event, *int64) { return l.Events, l.Next }); err != nil {
		return p, fmt.Errorf("read events of %s: %w", pool, err)
	}
	return p, nil
}

// pages gets all pages of a list and puts them together.
func pages[L, T, C any, R response[L]](get func(after *C) (R, error), open func(*L) ([]T, *C)) (all []T, err error) {
	for after := (*C)(nil); ; {
		page, err := insist(func() (R, error) { return get(after) })
		if err != nil {
			return nil, err
		}
		items, next := open(page)
		all = append(all, items...)
		if next == nil {
			return all, nil
		}
		after = next
	}
}

// A response is what the client makes of an answer.
type response[T any] interface {
	GetJSON200() *T
	Status() string
	GetBody() []byte
}

// insist asks until it gets an answer: a service that was hurt a moment ago may
// refuse until it has found out which of its connections are broken.
func insist[T any, R response[T]](get func() (R, error)) (*T, error) {
	for try := 1; ; try++ {
		r, err := get()
		if err == nil && r.GetJSON200() != nil {
			return r.GetJSON200(), nil
		}
		if err == nil {
			err = fmt.Errorf("%s: %s", r.Status(), r.GetBody())
		}
		if try == 10 {
			return nil, err
		}
		time.Sleep(100 * time.Millisecond) // between tries, not a wait for anything
	}
}
