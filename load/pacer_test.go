package load

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A slow answers assignments after a time that answerAfter says, given how many
// calls came before. It is right, and needs no network.
type slow struct {
	pool        *subject
	calls       chan int64 // the count so far; holds one
	answerAfter func(n int64) time.Duration
}

func (s *slow) sender() send {
	return func(q *request, p *reply) {
		n := <-s.calls
		s.calls <- n + 1
		time.Sleep(s.answerAfter(n))
		seq := s.pool.start + n + 1
		id := fmt.Sprintf("%026d", seq)
		body, _ := json.Marshal(map[string]any{"id": id, "pool": q.pool.id, "seq": seq, "planner": map[string]string{"id": "a", "name": ""},
			"number": nil, "customer": q.key, "key": q.key, "state": "active", "assigned_at": time.Now(), "released_at": nil})
		*p = reply{status: 201, body: body, contentType: []byte("application/json"), location: []byte("/v1/assignments/" + id)}
	}
}

// measured runs the measuring part against a slow service in a bubble of its
// own time.
func measured(t *testing.T, o Options, answerAfter func(n int64) time.Duration) (report *Report, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pool := &subject{id: "pool", own: true, start: 2, byID: map[string]uint32{}}
		pool.add("a", "")
		s := &slow{pool: pool, calls: make(chan int64, 1), answerAfter: answerAfter}
		s.calls <- 0
		o.Retries, o.Releases = 0, 0
		r := newRun(&o, s.sender)
		r.subjects = []*subject{pool}
		began := time.Now()
		p, doubts := r.measure(context.Background())
		took = time.Since(began)
		if len(doubts) > 0 {
			t.Errorf("%d calls in doubt", len(doubts))
		}
		report = r.newReport()
		report.Summary.NeverBegun = p.neverBegun()
		r.conclude(report, Replayed{}, nil)
	})
	if !report.Verdict.Pass {
		t.Errorf("verdict: %s, first %v", report.Verdict.Why, report.Verdict.First)
	}
	return report, took
}

func TestOpenLoopKeepsPace(t *testing.T) {
	t.Parallel()
	o := Default()
	o.Rate, o.Clients, o.WarmUp, o.For = 100, 4, Seconds(time.Second), Seconds(5*time.Second)
	r, took := measured(t, o, func(int64) time.Duration { return 3 * time.Millisecond })
	if s := r.Summary; s.Assigned != 500 || s.Late != 0 || s.NeverBegun != 0 || s.Judged != 600 {
		t.Errorf("summary %+v", s)
	}
	if took < 5900*time.Millisecond || took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	if l := r.Calls[0].Latency; l.P50 < 2.99 || l.Max > 3.01 {
		t.Errorf("latency %+v", l)
	}
	for i, s := range r.Seconds[:4] {
		if s.Second != i || s.Rate < 99 || s.Rate > 101 || s.P50Ms < 2.9 || s.P50Ms > 3.1 {
			t.Errorf("second %+v", s)
		}
	}
}

// A stall of a second is felt by all calls that were due in it, not only by
// those that were under way.
func TestOpenLoopDoesNotHideStalls(t *testing.T) {
	t.Parallel()
	stall := func(n int64) time.Duration {
		if n == 100 {
			return time.Second
		}
		return time.Millisecond
	}
	o := Default()
	o.Rate, o.Clients, o.WarmUp, o.For = 100, 1, 0, Seconds(5*time.Second)
	open, _ := measured(t, o, stall)
	if s := open.Summary; s.Late < 90 || s.MostLateMs < 980 || s.NeverBegun != 0 {
		t.Errorf("summary %+v", s)
	}
	if l := open.Calls[0].Latency; l.P90 < 400 {
		t.Errorf("open loop: a stall of a fifth of the time is hidden: %+v", l)
	}
	o.Rate, o.Count = 0, 400
	closed, _ := measured(t, o, stall)
	if l := closed.Calls[0].Latency; l.P99 > 2 {
		t.Errorf("closed loop: %+v", l)
	}
}

// What could not be begun in time is counted, and not made up for after the
// time is over.
func TestOpenLoopSaysWhatNeverBegan(t *testing.T) {
	t.Parallel()
	o := Default()
	o.Rate, o.Clients, o.WarmUp, o.For = 100, 2, 0, Seconds(2*time.Second)
	r, took := measured(t, o, func(int64) time.Duration { return 100 * time.Millisecond })
	if s := r.Summary; s.Calls != 40 || s.NeverBegun != 160 {
		t.Errorf("of 200 calls, two at a time, 100 ms each, for 2 s: %d calls, %d never begun", s.Calls, s.NeverBegun)
	}
	if took > 2100*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for _, rate := range []Rate{0, 50} {
		o := Default()
		o.Rate, o.Clients, o.Count, o.WarmUp = rate, 3, 77, Seconds(time.Second)
		r, _ := measured(t, o, func(int64) time.Duration { return time.Duration(1+rand.IntN(10)) * time.Millisecond })
		if n := r.Summary.Calls; n != 77 {
			t.Errorf("rate %v: %d calls, want 77", rate, n)
		}
	}
}

func TestDueTimesDoNotDrift(t *testing.T) {
	t.Parallel()
	for _, rate := range []Rate{0.5, 3, 7, 999, 12345.6, MaxRate} {
		p := pacer{rate: rate}
		for _, n := range []int64{0, 1, 1000, 1e6} {
			due := rate.due(n)
			want := time.Duration(float64(n) / float64(rate) * 1e9)
			if d := due - want; d < -time.Microsecond || d > time.Microsecond {
				t.Errorf("rate %v: call %d is due at %v, want %v", rate, n, due, want)
			}
			if got := p.scheduled(int64(due)); got < n-1 || got > n+1 {
				t.Errorf("rate %v: %d calls are due before call %d", rate, got, n)
			}
		}
	}
}

func TestTimelineAndDistribution(t *testing.T) {
	t.Parallel()
	m := newMeter(1e9)
	for i := range int64(3000) { // a call each ms, each of i µs, the first thousand of the warm-up
		at := i * 1e6
		m.add(&record{due: at, begun: at, answered: at + 1000*i, kind: assign, made: true})
	}
	m.add(&record{due: 2e9, begun: 2e9, answered: 2e9 + 5e6, kind: release, outcome: poolBusy})
	m.close(15e8) // nothing is over
	var r Report
	m.report(&r)
	if s := r.Summary; s.Calls != 2001 || s.Assigned != 2000 || s.Refused != 1 {
		t.Errorf("summary %+v", s)
	}
	if n := len(r.Seconds); n != 2 || r.Seconds[0].Rate < 990 || r.Seconds[1].Refused != 1 || r.Seconds[1].P99Ms < 2.9 {
		t.Errorf("seconds %+v", r.Seconds)
	}
	points := r.Calls[0].Distribution
	if !slices.IsSortedFunc(points, func(a, b Point) int {
		if a.Quantile < b.Quantile && a.Ms <= b.Ms {
			return -1
		}
		return 1
	}) {
		t.Errorf("points do not rise: %v", points)
	}
	if last := points[len(points)-1]; last.Quantile != 1 || last.Ms < 2.99 || last.Ms > 3.01 {
		t.Errorf("last point %v", last)
	}
	if l := r.Calls[0].Latency; l.P50 < 1.99 || l.P50 > 2.01 {
		t.Errorf("latency %+v", l)
	}
}
