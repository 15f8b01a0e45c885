package load

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A subject is a pool under test. While calls are made it does not change.
type subject struct {
	index    int
	id       string
	own      bool  // made by this run: nobody else changes it, and all its history is known
	start    int64 // its latest position before the run
	planners []string
	names    []string
	byID     map[string]uint32 // index of a planner
	numbers  map[string]uint32 // index of a number from 1; 0 stands for none
}

// bulk is how many planners or numbers are sent at once.
const bulk = 10_000

// Subjects are the pools of a run: its own, or those that it may use.
func subjects(ctx context.Context, s *service, o *Options, run string, progress func(done, total int64)) ([]*subject, error) {
	total := cmp.Or(len(o.Use), o.Pools)
	all := make([]*subject, total)
	series := rand.Int64N(1e10) // numbers belong to one pool, also those of earlier runs
	var done atomic.Int64
	err := inParallel(8, total, func(i int) (err error) {
		if len(o.Use) > 0 {
			all[i], err = lookUp(ctx, s, o.Use[i])
		} else {
			all[i], err = fresh(ctx, s, o, fmt.Sprintf("load-%s-%d", run, i), fmt.Sprintf("%010d%04d", series, i))
		}
		if err != nil {
			return err
		}
		all[i].index = i
		progress(done.Add(1), int64(total))
		return ctx.Err()
	})
	return all, err
}

// fresh makes a pool.
func fresh(ctx context.Context, s *service, o *Options, id, series string) (*subject, error) {
	p := &subject{id: id, own: true, byID: map[string]uint32{}, numbers: map[string]uint32{}}
	path := "/v1/pools/" + id
	if err := s.ask(ctx, "PUT", path, nil, &struct{}{}); err != nil {
		return nil, err
	}
	type planner struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	var planners []planner
	for i := range o.Planners {
		one := planner{fmt.Sprintf("p%06d", i+1), fmt.Sprintf("Planner %d", i+1)}
		p.add(one.ID, one.Name)
		planners = append(planners, one)
	}
	for some := range slices.Chunk(planners, bulk) {
		if err := s.ask(ctx, "POST", path+"/planners", map[string]any{"planners": some}, &struct{}{}); err != nil {
			return nil, err
		}
	}
	var numbers []string
	for i := range o.Numbers {
		numbers = append(numbers, fmt.Sprintf("%s%06d", series, i))
		p.numbers[numbers[i]] = uint32(i + 1)
	}
	for some := range slices.Chunk(numbers, bulk) {
		if err := s.ask(ctx, "POST", path+"/numbers", map[string]any{"numbers": some}, &struct{}{}); err != nil {
			return nil, err
		}
	}
	return p, p.since(ctx, s)
}

// lookUp looks at a pool that is there. It is for others to change, too.
func lookUp(ctx context.Context, s *service, id string) (*subject, error) {
	p := &subject{id: id, byID: map[string]uint32{}}
	if err := p.since(ctx, s); err != nil {
		if refused := (*refusedError)(nil); errors.As(err, &refused) && refused.Code == "pool_not_found" {
			return nil, fmt.Errorf("--pool %s: there is no such pool; leave --pool out to have pools made for the run", id)
		}
		return nil, err
	}
	active := 0
	err := s.planners(ctx, id, func(row plannerRow) {
		p.add(row.ID, row.Name)
		if row.Active {
			active++
		}
	})
	if err == nil && active == 0 {
		return nil, fmt.Errorf("--pool %s: nobody in it is active, so nothing can be assigned; add planners first", id)
	}
	return p, err
}

// since remembers the position from which on the run counts.
func (p *subject) since(ctx context.Context, s *service) error {
	var row poolRow
	err := s.ask(ctx, "GET", "/v1/pools/"+p.id, nil, &row)
	p.start = row.Seq
	return err
}

func (p *subject) add(id, name string) {
	p.byID[id] = uint32(len(p.planners))
	p.planners = append(p.planners, id)
	p.names = append(p.names, name)
}

// inParallel calls do for 0 to n-1, a few at a time. After an error it begins
// no more, and returns that.
func inParallel(width, n int, do func(int) error) error {
	var (
		next   atomic.Int64
		failed atomic.Pointer[error]
		all    sync.WaitGroup
	)
	for range min(width, n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// What the API tells of pools, planners and numbers, as far as it is judged.
type (
	poolRow struct {
		Planners int64 `json:"planners"`
		Active   int64 `json:"active_planners"`
		Assigned int64 `json:"assigned"`
		Open     int64 `json:"open"`
		Numbers  struct {
			Total   int64 `json:"total"`
			Free    int64 `json:"free"`
			Active  int64 `json:"active"`
			Cooling int64 `json:"cooling"`
			Aside   int64 `json:"set_aside"`
		} `json:"numbers"`
		Seq    int64 `json:"seq"`
		Spread int64 `json:"spread"`
	}
	plannerRow struct {
		ID       string     `json:"id"`
		Name     string     `json:"name"`
		Active   bool       `json:"active"`
		Assigned int64      `json:"assigned"`
		Open     int64      `json:"open"`
		Load     int64      `json:"load"`
		LastAt   *time.Time `json:"last_assigned_at"`
	}
	numberRow struct {
		Number     string  `json:"number"`
		State      string  `json:"state"`
		Assignment *string `json:"assignment"`
	}
)

// page is the most that a list gives at once.
const page = "1000"

// planners lists a pool's.
func (s *service) planners(ctx context.Context, pool string, each func(plannerRow)) error {
	return listed(ctx, s, pool, "planners", each)
}

// numbers lists a pool's.
func (s *service) numbers(ctx context.Context, pool string, each func(numberRow)) error {
	return listed(ctx, s, pool, "numbers", each)
}

// listed reads one of a pool's lists that go on behind a name, page by page.
func listed[T any](ctx context.Context, s *service, pool, what string, each func(T)) error {
	for after := ""; ; {
		rows, next, err := pageOf[T](ctx, s, pool, what, after)
		if err != nil {
			return err
		}
		for _, row := range rows {
			each(row)
		}
		var behind *string
		if err := json.Unmarshal(next, &behind); err != nil {
			return fmt.Errorf("next of the list of %s of pool %s: %w", what, pool, err)
		}
		if behind == nil {
			return nil
		}
		if *behind == after {
			return stuck(pool, what, after)
		}
		after = *behind
	}
}

// pageOf reads a page of a list, and where the next one begins: null, a
// position, or a name.
func pageOf[T any](ctx context.Context, s *service, pool, what, after string) (rows []T, next json.RawMessage, err error) {
	list := map[string]json.RawMessage{what: json.RawMessage("null"), "next": json.RawMessage("null")}
	if err := s.ask(ctx, "GET", listPath(pool, what, after), nil, &list); err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(list[what], &rows); err != nil {
		return nil, nil, fmt.Errorf("list of %s of pool %s: %w: %s", what, pool, err, excerpt(list[what]))
	}
	return rows, list["next"], nil
}

func listPath(pool, what, after string) string {
	path := "/v1/pools/" + pool + "/" + what + "?limit=" + page
	if after != "" {
		path += "&after=" + url.QueryEscape(after)
	}
	return path
}

func afterSeq(seq int64) string { return strconv.FormatInt(seq, 10) }
