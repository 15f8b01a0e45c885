package history

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// A Recorder collects the calls of a run. Its methods may be called from any
// number of goroutines.
type Recorder struct {
	began  time.Time
	shards [64]shard
}

// A shard has the calls of some clients, so that clients seldom wait for each
// other.
type shard struct {
	mu    sync.Mutex
	calls []Call
}

// NewRecorder begins a run.
func NewRecorder() *Recorder { return &Recorder{began: time.Now()} }

// Now is the time since the run began, on a clock that never steps.
func (r *Recorder) Now() time.Duration { return time.Since(r.began) }

// Add adds a call that is over.
func (r *Recorder) Add(c Call) {
	s := &r.shards[uint(c.Client)%uint(len(r.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
}

// Calls returns a copy of all calls so far, in the order in which they were
// sent.
func (r *Recorder) Calls() []Call {
	var all []Call
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		all = append(all, s.calls...)
		s.mu.Unlock()
	}
	slices.SortStableFunc(all, func(a, b Call) int { return cmp.Compare(a.Sent, b.Sent) })
	return all
}
