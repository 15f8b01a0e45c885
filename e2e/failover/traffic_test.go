package failover

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/program"
)

// A call is one that was made, and what it came to.
type call struct {
	key        string
	instance   int
	sent, got  time.Duration      // since the start
	code       string             // of a refusal; noAnswer if the connection broke
	assignment *client.Assignment // nil if there is none
	replayed   bool
}

func (c call) assigned() bool { return c.assignment != nil }

// refused reports whether the answer says that nothing was changed.
func (c call) refused() bool { return c.code == "pool_busy" || c.code == "unavailable" }

const (
	pool     = "pool"
	noAnswer = "no answer"
)

// A traffic is calls to instances, and what they came to.
type traffic struct {
	instances []*program.Instance
	began     time.Time
	next      atomic.Int64
	stop      context.CancelFunc
	clients   sync.WaitGroup

	mu    sync.Mutex
	calls []call
}

func newTraffic(instances []*program.Instance) *traffic {
	return &traffic{instances: instances, began: time.Now()}
}

// start lets clients call, each one call after the other with a new key, until
// end.
func (tr *traffic) start(t *testing.T, clients int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tr.stop = cancel
	for n := range clients {
		tr.clients.Go(func() {
			for ctx.Err() == nil {
				c := tr.call(n%len(tr.instances), fmt.Sprint("key-", tr.next.Add(1)))
				if !c.assigned() {
					time.Sleep(10 * time.Millisecond) // the pace of those who are refused
				}
			}
		})
	}
}

// end stops the clients and returns what they saw.
func (tr *traffic) end() []call {
	tr.stop()
	tr.clients.Wait()
	return tr.calls
}

// since is the traffic's clock.
func (tr *traffic) since() time.Duration { return time.Since(tr.began) }

// call makes a call and notes what it came to.
func (tr *traffic) call(instance int, key string) call {
	return tr.callWithin(instance, key, 10)
}

// callWithin is call for those who wait so many seconds for the answer.
func (tr *traffic) callWithin(instance int, key string, seconds client.RequestTimeout) call {
	c := call{key: key, instance: instance, sent: tr.since()}
	r, err := tr.instances[instance].CreateAssignmentWithResponse(context.Background(), pool,
		&client.CreateAssignmentParams{IdempotencyKey: &key, RequestTimeout: &seconds}, client.AssignmentRequest{})
	c.got = tr.since()
	switch {
	case err != nil:
		c.code = noAnswer
	case r.JSON201 != nil:
		c.assignment = r.JSON201
		c.replayed = r.HTTPResponse.Header.Get("Idempotency-Replayed") == "true"
	default:
		c.code = codeOf(r.Body)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.calls = append(tr.calls, c)
	return c
}

func codeOf(body []byte) string {
	var p client.Problem
	if err := json.Unmarshal(body, &p); err != nil {
		return string(body)
	}
	return string(p.Code)
}

// awaitEach waits until each instance has given so many answers of a kind to
// calls that are made from now on.
func (tr *traffic) awaitEach(t *testing.T, n int, kind func(call) bool) {
	t.Helper()
	tr.await(t, n, kind, slices.Min[[]int])
}

// awaitAny waits until any has: one that does not know what became of its
// latest unit lets its callers wait.
func (tr *traffic) awaitAny(t *testing.T, n int, kind func(call) bool) {
	t.Helper()
	tr.await(t, n, kind, slices.Max[[]int])
}

func (tr *traffic) await(t *testing.T, n int, kind func(call) bool, which func([]int) int) {
	t.Helper()
	from := tr.since()
	eventually(t, "answers", func(context.Context) error {
		got := make([]int, len(tr.instances))
		tr.mu.Lock()
		defer tr.mu.Unlock()
		for _, c := range slices.Backward(tr.calls) {
			if c.got < from {
				break
			}
			if c.sent >= from && kind(c) {
				got[c.instance]++
			}
		}
		if which(got) < n {
			return fmt.Errorf("%v by instance, want %d", got, n)
		}
		return nil
	})
}
