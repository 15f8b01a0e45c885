package load

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What was never sent is not in doubt, and needs no settling.
func TestNoConnectionIsNoDoubt(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	o := Default()
	o.Target = gone.URL
	s, err := connect(&o)
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(&o, s.sender)
	r.subjects = []*subject{threePlanners()}
	w := newWorker(r, 0)
	q := w.newRequest()
	rec, _, good := w.call(w.send, &q, -1)
	if good || rec.outcome != unreachable || rec.doubt || !rec.outcome.unchanged() || rec.outcome.refused() {
		t.Errorf("good %t, outcome %s, record %+v", good, outcomeNames[rec.outcome], rec)
	}
}

// A closed loop does not storm a service that is dead.
func TestClosedLoopWaitsAfterCut(t *testing.T) {
	t.Parallel()
	for _, how := range []outcome{unreachable, broken} {
		w, r := workerOf(half{}, half{})
		w.send = func(_ *request, p *reply) { *p = reply{err: how} }
		r.began = time.Now()
		o := Options{For: Seconds(3 * cutPause)}
		w.work(newPacer(t.Context(), &o, r.now))
		if n := w.made; n < 1 || n > 3 {
			t.Errorf("%s: %d calls in three pauses", outcomeNames[how], n)
		}
	}
}

// Others may have switched all planners off: the key has no assignment then.
func TestNobodyActiveSettles(t *testing.T) {
	t.Parallel()
	r, pool := settling(t, `{"type":"urn:fairlead:problem:no_planner","title":"t","status":409,"code":"no_planner","detail":"","request_id":"r"}`)
	settled, unsettled := r.settle(t.Context(), []request{{kind: assign, pool: pool, key: "k-p", wish: preferred}})
	if settled != 1 || unsettled != 0 || r.findings.count() != 0 {
		t.Errorf("%d settled, %d not, %d violations", settled, unsettled, r.findings.count())
	}
}

// settling is a run at its end, all of whose calls are refused with this.
func settling(t *testing.T, problem string) (*run, *subject) {
	pool := threePlanners()
	pool.own = false
	o := Default()
	r := newRun(&o, func() send {
		return func(_ *request, p *reply) {
			*p = reply{status: 409, contentType: []byte("application/problem+json"), body: []byte(problem)}
		}
	})
	r.judge = newJudge([]*subject{pool}, &r.findings)
	return r, pool
}

// Both calls of a pair should have begun when the pair was due.
func TestPairIsMeasuredFromWhenDue(t *testing.T) {
	t.Parallel()
	w, _ := workerOf(half{seq: 3}, half{seq: 3, replayed: true})
	q := w.newRequest()
	w.assignTwice(&q, 5)
	for _, rec := range w.batch.records {
		if rec.due != 5 {
			t.Errorf("%s is measured from %d", rec.kind, rec.due)
		}
	}
}

// The rate is over the whole time, though the last answer came before its end.
func TestRateIsOverTheWholeTime(t *testing.T) {
	t.Parallel()
	o := small(newFake(t, nil).URL)
	o.Rate, o.Count, o.WarmUp, o.For = 2, 0, 0, Seconds(900*time.Millisecond)
	if s := mustRun(t, o).Summary; s.Seconds < 0.9 || s.CallsPerSecond > 5 {
		t.Errorf("summary %+v", s)
	}
}

// A list that gives the same page again and again does not keep the run for ever.
func TestListThatDoesNotGoOn(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := `{"assignments":[],"events":[{"seq":1,"kind":"pool_changed","at":"2026-03-01T09:30:00Z","data":{}}],"planners":[],"numbers":[],"next":"x"}`
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	o := Default()
	o.Target = server.URL
	s, err := connect(&o)
	if err != nil {
		t.Fatal(err)
	}
	log := newLogReader(s, "pool", 0)
	for page := 0; page < 3 && err == nil; page++ {
		_, err = log.next(t.Context(), 10)
	}
	planners := s.planners(t.Context(), "pool", func(plannerRow) {})
	numbers := s.numbers(t.Context(), "pool", func(numberRow) {})
	for _, err := range []error{err, planners, numbers} {
		if err == nil || !strings.Contains(err.Error(), "does not go on") {
			t.Errorf("error %v", err)
		}
	}
}

// Without a key nobody can say what was asked for: such an answer is refused
// before the replay looks at it.
func TestAnswerWithoutKey(t *testing.T) {
	t.Parallel()
	reply := told(&request{}, 3, false)
	if _, err := readAnswer(reply.body); err == nil || !strings.Contains(err.Error(), "key is empty") {
		t.Errorf("error %v", err)
	}
}
