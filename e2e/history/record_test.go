package history

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
)

func TestRecorderKeepsCallsInOrder(t *testing.T) {
	t.Parallel()
	const clients, each = 100, 50
	r := NewRecorder()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for i := range each {
				sent := r.Now()
				r.Add(Call{Client: n, Key: fmt.Sprint(n, "-", i), Sent: sent, Got: r.Now()})
			}
		})
	}
	wg.Wait()
	calls := r.Calls()
	if len(calls) != clients*each {
		t.Errorf("%d calls were kept, want %d", len(calls), clients*each)
	}
	if !slices.IsSortedFunc(calls, func(a, b Call) int { return int(a.Sent - b.Sent) }) {
		t.Error("calls are not in the order in which they were sent")
	}
	for _, c := range calls {
		if c.Got < c.Sent {
			t.Fatalf("%s was answered at %v and sent at %v", c.Key, c.Got, c.Sent)
		}
	}
}

// What was kept in a file is judged the same.
func TestFilesKeepEverything(t *testing.T) {
	t.Parallel()
	w := ordinary.live()
	pools := w.tables()
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if err := WriteFile(path, w.calls, pools); err != nil {
		t.Fatal(err)
	}
	calls, read, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w.calls, calls); d != "" {
		t.Error("calls:", d)
	}
	if d := cmp.Diff(pools, read); d != "" {
		t.Error("pools:", d)
	}
	if _, _, err := ReadFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there was read")
	}
}

// A Call is written in full: a field without a name in JSON would be lost.
func TestCallsHaveNames(t *testing.T) {
	t.Parallel()
	c := Call{1, "i", Assign, "p", "k", "c", "none", "id", "pl", true, "note", "reason", true, "n", Drain, &Filter{"pl", 1, "active", 2}, 1, 2, 3, 503, "pool_busy",
		&client.Assignment{}, true, true, &client.BulkReleased{}, &client.Number{}, &client.Route{}}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Call
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, again); d != "" {
		t.Error(d)
	}
}

// Lists are read to their end, page by page, and a refusal is not the end.
func TestReadReadsAllPages(t *testing.T) {
	t.Parallel()
	c := ordinary
	c.calls, c.pools, c.numbers, c.planners = 8000, 1, 1500, 1200
	want := c.live().tables()[0]
	if len(want.Assignments) < 3000 || len(want.Events) < 1001 {
		t.Fatalf("%d assignments and %d events are too few to fill pages", len(want.Assignments), len(want.Events))
	}
	s := httptest.NewServer(&listing{pool: want})
	t.Cleanup(s.Close)
	api, err := client.NewClientWithResponses(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(t.Context(), api, "pool-0")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := Read(t.Context(), api, "pool-1"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a pool that is not there was read: %v", err)
	}
}

// A listing serves one pool, and refuses every third request.
type listing struct {
	pool  Pool
	asked atomic.Int64
}

func (l *listing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/pools/pool-0")
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		return
	case l.asked.Add(1)%3 == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	q := r.URL.Query()
	switch path {
	case "":
		answer(w, l.pool.Row)
	case "/planners":
		items, next := page(l.pool.Planners, q.Get("limit"), func(p client.Planner) bool { return p.ID > q.Get("after") }, func(p client.Planner) string { return p.ID })
		answer(w, client.PlannerList{Planners: items, Next: next})
	case "/numbers":
		items, next := page(l.pool.Numbers, q.Get("limit"), func(n client.Number) bool { return n.Number > q.Get("after") }, func(n client.Number) string { return n.Number })
		answer(w, client.NumberList{Numbers: items, Next: next})
	case "/assignments":
		after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
		items, next := page(l.pool.Assignments, q.Get("limit"), func(a client.Assignment) bool { return a.Seq > after }, func(a client.Assignment) int64 { return a.Seq })
		answer(w, client.AssignmentList{Assignments: items, Next: next})
	case "/events":
		after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
		items, next := page(l.pool.Events, q.Get("limit"), func(e client.Event) bool { return e.Seq > after }, func(e client.Event) int64 { return e.Seq })
		answer(w, client.EventList{Events: items, Next: next})
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// page is the first of items behind a cursor, and the next cursor.
func page[T, C any](items []T, limit string, behind func(T) bool, cursor func(T) C) ([]T, *C) {
	most, err := strconv.Atoi(limit)
	if err != nil {
		return nil, nil
	}
	items = slices.DeleteFunc(slices.Clone(items), func(item T) bool { return !behind(item) })
	if len(items) <= most {
		return items, nil
	}
	next := cursor(items[most-1])
	return items[:most], &next
}

// Without SendOnce this client sends the second call twice.
func TestSendOnce(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		t.Run(fmt.Sprint("once: ", once), func(t *testing.T) {
			t.Parallel()
			var got atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if got.Add(1) == 2 {
					panic(http.ErrAbortHandler) // cut off without an answer
				}
				w.WriteHeader(http.StatusCreated)
			}))
			t.Cleanup(s.Close)
			options := []client.ClientOption{client.WithHTTPClient(&http.Client{Transport: &http.Transport{}, Timeout: time.Minute})}
			if once {
				options = append(options, client.WithRequestEditorFn(SendOnce))
			}
			api, err := client.NewClientWithResponses(s.URL, options...)
			if err != nil {
				t.Fatal(err)
			}
			key := "key"
			call := func() error {
				_, err := api.CreateAssignmentWithResponse(context.Background(), "demo", &client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{})
				return err
			}
			if err := call(); err != nil {
				t.Fatal(err)
			}
			err = call()
			if n := got.Load(); once && (err == nil || n != 2) || !once && (err != nil || n != 3) {
				t.Errorf("%d requests for 2 calls, the second ended with %v", n, err)
			}
		})
	}
}

func TestSummarize(t *testing.T) {
	t.Parallel()
	var calls []Call
	for n := range 200 {
		calls = append(calls, Call{Status: 201, Replayed: n < 3, Got: time.Duration(n+1) * time.Millisecond})
	}
	calls = append(calls, Call{Status: 409}, Call{Left: true}, Call{Status: 500, Got: time.Hour})
	want := Summary{Calls: 203, Done: 200, Refused: 1, Unknown: 2, Replayed: 3, Left: 1, P50: 101e6, P99: 199e6, Max: 200e6}
	if d := cmp.Diff(want, Summarize(calls)); d != "" {
		t.Error(d)
	}
	if got := Summarize(nil); got != (Summary{}) {
		t.Errorf("nothing is summarized as %+v", got)
	}
}
