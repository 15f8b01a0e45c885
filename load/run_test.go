package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// small is a run that is over soon.
func small(target string) Options {
	o := Default()
	o.Target, o.Clients, o.Count, o.WarmUp, o.Pools, o.Planners = target, 8, 600, Seconds(10*time.Millisecond), 2, 7
	o.Numbers, o.WithNumber, o.Retries, o.Releases = 20, 0.6, 0.3, 0.8
	return o
}

func mustRun(t testing.TB, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRightServicePasses(t *testing.T) {
	t.Parallel()
	phases := map[Phase]bool{}
	o := small(newFake(t, nil).URL)
	o.Progress = func(p Progress) { phases[p.Phase] = true }
	r := mustRun(t, o)
	if !r.Verdict.Pass || r.Verdict.Violations != 0 {
		t.Fatalf("verdict %+v, first %v", r.Verdict, r.Verdict.First)
	}
	s := r.Summary
	if s.Assigned == 0 || s.Replayed == 0 || s.Released == 0 || s.Judged < s.Assigned || s.Calls < o.Count {
		t.Errorf("summary %+v", s)
	}
	if d := r.Verdict.Replayed; d == nil || d.Assignments != s.Judged || d.Pools != 2 {
		t.Errorf("replayed %+v, of %d judged", d, s.Judged)
	}
	var given int64
	for _, p := range r.Pools {
		for _, one := range p.Planners {
			given += one.Assigned
		}
		if p.Most-p.Least > 1 {
			t.Errorf("pool %s: %d to %d", p.ID, p.Least, p.Most)
		}
	}
	if given != s.Judged {
		t.Errorf("planners were given %d, and %d were judged", given, s.Judged)
	}
	if !phases[Preparing] || !phases[Replaying] {
		t.Errorf("phases told: %v", phases)
	}
}

// What a service may do under load is no violation.
func TestTroubleIsNoViolation(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"busy", "lose answer", "cut connection", "lose release"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			o := small(newFake(t, sometimes(place, 0.05)).URL)
			if place == "lose release" {
				o.Timeout = Seconds(time.Second)
			}
			r := mustRun(t, o)
			if !r.Verdict.Pass {
				t.Errorf("verdict %+v, first %v", r.Verdict, r.Verdict.First)
			}
			if s := r.Summary; s.Refused+s.Failed == 0 || place != "busy" && s.Settled == 0 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

// Every way to break a promise is found, and named.
func TestBrokenServiceFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		place string
		kind  string
		text  string
	}{
		{"position twice", ofSeq, "given twice"},
		{"wrong order", ofOrder, "began"},
		{"far position", ofSeq, "and there were calls for"},
		{"wrong planner", ofSpread, "it was the turn of"},
		{"forget key", ofKey, "answered with"},
		{"repetition not marked", ofKey, "Idempotency-Replayed"},
		{"repetition differs", ofKey, "assigned_at"},
		{"new one marked as repetition", ofKey, "repetition"},
		{"number twice", ofNumber, "as well"},
		{"other pool", ofAnswer, "pool"},
		{"other key", ofAnswer, "key"},
		{"other customer", ofAnswer, "customer"},
		{"unknown planner", ofAnswer, "is not one of the pool's"},
		{"planner's name", ofAnswer, "is called"},
		{"unknown number", ofAnswer, "is not one of the pool's"},
		{"other number", ofAnswer, "none was wanted"},
		{"no number", ofAnswer, "without the number"},
		{"bad state", ofAnswer, "state"},
		{"no ulid", ofAnswer, "ULID"},
		{"Location", ofAnswer, "Location"},
		{"broken JSON", ofAnswer, "not an assignment"},
		{"missing field", ofAnswer, "missing"},
		{"forget release", ofAnswer, "state"},
		{"refusal is text", ofRefusal, "not as a problem document"},
		{"refusal without Retry-After", ofRefusal, "Retry-After"},
		{"nobody active", ofRefusal, "nobody is active"},
		{"number refused", ofRefusal, "does not require"},
		{"key refused", ofRefusal, "key_reused"},
		{"internal", ofRefusal, "at fault"},
		{"unknown without key", ofRefusal, "does not name the key"},
		{"log loses assignment", ofLog, "missing"},
		{"log loses event", ofLog, "missing"},
		{"log differs", ofLog, "not what the caller was told"},
		{"unrelated entry", ofLog, "none of the run's"},
		{"pool's count", ofCount, "assigned"},
		{"planner's count", ofCount, "planner"},
		{"number's state", ofCount, "set_aside"},
	} {
		t.Run(c.place, func(t *testing.T) {
			t.Parallel()
			o := small(newFake(t, sometimes(c.place, 0.1)).URL)
			o.Count = 300
			if strings.Contains(c.place, "order") {
				o.Clients = 2 // so that calls come one after the other
			}
			switch c.place { // so that the first answers that are wrong are wrong in this way
			case "no number":
				o.Retries, o.Releases, o.WithNumber, o.Numbers = 0, 0, 1, 1000
			case "other number":
				o.Retries, o.Releases, o.WithNumber = 0, 0, 0.01
			}
			v := mustRun(t, o).Verdict
			if v.Pass || v.First == nil || v.Why == "" {
				t.Fatalf("verdict %+v", v)
			}
			if !slices.ContainsFunc(v.Examples, func(x Violation) bool { return x.Kind == c.kind && strings.Contains(x.Text, c.text) }) {
				t.Errorf("no violation of kind %s with %q among %q", c.kind, c.text, v.Examples)
			}
		})
	}
}

// sometimes is a fault at one place, in a share of cases, but surely.
func sometimes(place string, share float64) func(string) bool {
	var seen atomic.Int64
	return func(at string) bool {
		return at == place && (seen.Add(1)%20 == 0 || rand.Float64() < share || strings.Contains(place, "count") || strings.Contains(place, "entry") || strings.Contains(place, "state"))
	}
}

func TestOpenLoopAgainstService(t *testing.T) {
	t.Parallel()
	o := small(newFake(t, nil).URL)
	o.Rate, o.Count, o.For = 400, 0, Seconds(500*time.Millisecond)
	r := mustRun(t, o)
	if !r.Verdict.Pass || r.Summary.OfferedRate != 400 {
		t.Fatalf("verdict %+v", r.Verdict)
	}
	if n := r.Summary.Calls + r.Summary.NeverBegun; n < 200 || n > 250 {
		t.Errorf("%d calls in half a second of 400/s", n)
	}
}

// A pool that is there is judged as far as its history is known.
func TestGivenPool(t *testing.T) {
	t.Parallel()
	s := newFake(t, nil)
	o := small(s.URL)
	first := mustRun(t, o)
	o.Use, o.Numbers, o.WithNumber = []string{first.Pools[0].ID}, 0, 0
	r := mustRun(t, o)
	if !r.Verdict.Pass || len(r.Verdict.NotJudged) == 0 || r.Pools[0].Own {
		t.Errorf("verdict %+v", r.Verdict)
	}
	o.Use = []string{"nowhere"}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--pool nowhere") {
		t.Errorf("error %v", err)
	}
}

func TestInterruptedRunIsJudged(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := small(newFake(t, nil).URL)
	o.Count, o.For, o.WarmUp = 0, Seconds(time.Hour), 0
	o.Progress = func(p Progress) {
		if p.Phase == Measuring {
			cancel()
		}
	}
	r, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Verdict.Pass || !r.Summary.Interrupted || r.Summary.Assigned == 0 {
		t.Errorf("summary %+v, verdict %+v", r.Summary, r.Verdict)
	}
}

// Nothing assigned is no PASS.
func TestNothingAssignedIsNoPass(t *testing.T) {
	t.Parallel()
	o := small(newFake(t, func(place string) bool { return place == "busy" }).URL)
	o.Count = 50
	r := mustRun(t, o)
	if r.Verdict.Pass || !strings.Contains(r.Verdict.Why, "nothing was assigned") {
		t.Errorf("verdict %+v", r.Verdict)
	}
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil || !strings.Contains(b.String(), "FAIL: nothing was assigned") {
		t.Errorf("table %s, error %v", &b, err)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	r := mustRun(t, small(newFake(t, nil).URL))
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"assigned", "p99.9", r.Pools[1].ID, "log replayed", fmt.Sprintf("PASS: %d assignments judged", r.Summary.Judged)} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
