package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	html "fairlead/internal/page"
	"fairlead/internal/page/pagetest"
)

func TestHTML(t *testing.T) {
	for name, r := range map[string]*Report{
		"load-pass":   madeUpReport(300, 50),
		"load-many":   madeUpReport(30, 1000),
		"load-few":    madeUpReport(5, 5),
		"load-hours":  madeUpReport(6*3600, 50),
		"load-fail":   madeUpFailure(),
		"load-open":   madeUpOpenLoop(),
		"load-pools":  madeUpPools(40),
		"load-second": madeUpReport(1, 1),
		"load-empty":  {},
		"load-bare":   {Calls: []Calls{{Kind: "assign"}}, Outcomes: []Outcome{{}}, Seconds: []Second{{}}, Pools: []Pool{{}}, Verdict: Verdict{Replayed: &Replayed{}, Database: &Replayed{}}},
	} {
		t.Run(name, func(t *testing.T) {
			text := pagetest.Render(t, name, r)
			for _, want := range r.mentions() {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
		})
	}
}

// mentions are texts that a page must have.
func (r *Report) mentions() []string {
	ms := []string{map[bool]string{true: "PASS", false: "FAIL"}[r.Verdict.Pass]}
	for _, e := range r.Verdict.Examples {
		ms = append(ms, e.Text)
	}
	for _, p := range r.Pools {
		ms = append(ms, p.ID)
	}
	for _, o := range r.Outcomes {
		ms = append(ms, o.Name)
	}
	for _, j := range r.Verdict.Judged {
		ms = append(ms, html.Sentence(j))
	}
	return ms
}

func TestHTMLPageSize(t *testing.T) {
	const most = 1 << 20
	r := madeUpPools(5000)
	r.Seconds = madeUpReport(24*3600, 1).Seconds
	if n := len(pagetest.Render(t, "load-large", r)); n > most {
		t.Errorf("a day with 5,000 pools makes a page of %d bytes, more than %d", n, most)
	}
}

func TestHTMLEscapes(t *testing.T) {
	const h = pagetest.Hostile
	r := madeUpReport(10, 3)
	r.Run, r.Service = h, h
	r.Options.Use = []string{h}
	r.Calls[0].Kind = h
	r.Outcomes = []Outcome{{h, h, 1}}
	r.Pools = []Pool{{ID: h, Planners: []PlannerCounts{{h, 1}}}, {ID: h}}
	v := Violation{h, h, h}
	r.Verdict = Verdict{Why: h, Violations: 1, First: &v, Kinds: []Violated{{h, 1}}, Examples: []Violation{v}, Judged: []string{h}, NotJudged: []string{h}}
	pagetest.Render(t, "load-hostile", r)
}

func TestHTMLBearsAnyNumber(t *testing.T) {
	for _, v := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		r := madeUpReport(10, 3)
		r.Summary.Seconds, r.Summary.AssignedPerSecond, r.Summary.CallsPerSecond, r.Summary.OfferedRate = v, v, v, v
		r.Options.Rate, r.Options.Retries = Rate(v), v
		r.Calls[0].Latency = Latency{v, v, v, v, v, v}
		r.Calls[1].Distribution = []Point{{v, v}, {0.5, v}, {v, 3}}
		r.Seconds[4] = Second{Second: 4, Rate: v, P50Ms: v, P99Ms: v}
		pagetest.Render(t, "load-numbers", r)
	}
}

// madeUpReport looks like one of a run of so many seconds on a pool with so
// many planners.
func madeUpReport(seconds, planners int) *Report {
	random := rand.New(rand.NewPCG(1, 2))
	o := Default()
	o.Target, o.For, o.Planners, o.Numbers, o.WithNumber = "http://127.0.0.1:8080", Seconds(time.Duration(seconds)*time.Second), planners, 500, 0.2
	r := &Report{Run: "01k7r3b8", Service: o.Target, Started: time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC), Options: o}
	for i := range seconds {
		f := 1 + 0.08*math.Sin(float64(i)/17) + 0.03*random.NormFloat64()
		p99 := 14.2 / f * (1 + 0.1*random.Float64())
		if i%97 == 41 {
			f, p99 = f*0.4, 340
		}
		r.Seconds = append(r.Seconds, Second{Second: i, Rate: 8400 * f, Calls: int64(11900 * f), P50Ms: 6.9 / f, P99Ms: p99})
		r.Summary.Assigned += int64(8400 * f)
	}
	s := &r.Summary
	s.Seconds, s.Calls = float64(seconds), s.Assigned*14/10
	s.Replayed, s.Released = s.Assigned/10, s.Assigned*3/10
	s.AssignedPerSecond, s.CallsPerSecond, s.Judged = float64(s.Assigned)/s.Seconds, float64(s.Calls)/s.Seconds, s.Assigned+16_411
	r.Calls = []Calls{madeUpCalls("assign", s.Assigned, 6.9), madeUpCalls("repeat", s.Replayed, 5.2), madeUpCalls("release", s.Released, 4.1)}
	r.Outcomes = []Outcome{{"assign", "ok", s.Assigned}, {"release", "ok", s.Released}, {"repeat", "ok", s.Replayed}}
	r.Pools = []Pool{madeUpPool("load-01k7r3b8-0", planners, s.Judged)}
	r.Verdict = Verdict{Pass: true, Judged: []string{"each answer: status, document, planner, number", "order: no later call got an earlier position",
		"spread: each planner had the least at the time", "keys: each repeated key got the first answer"}, NotJudged: []string{"the tables, since there is no access to the database"},
		Replayed: &Replayed{Pools: 1, Assignments: s.Judged, Events: s.Released}}
	return r
}

func madeUpCalls(kind string, n int64, p50 float64) Calls {
	at := func(q float64) float64 { return p50 * (0.3 + math.Pow(-math.Log10(1-q)/0.301, 1.1)*0.7) }
	c := Calls{Kind: kind, Count: n, Latency: Latency{Mean: p50 * 1.1, P50: at(.5), P90: at(.9), P99: at(.99), P999: at(.999), Max: at(1 - 1/float64(n+2))}}
	for half := 1.0; half > 1/float64(n+1); half /= 2 {
		for i := range 5 {
			q := 1 - half + half*float64(i)/10
			if q > 0 {
				c.Distribution = append(c.Distribution, Point{q, at(q)})
			}
		}
	}
	c.Distribution = append(c.Distribution, Point{1, c.Latency.Max})
	return c
}

func madeUpPool(id string, planners int, assigned int64) Pool {
	n := int64(planners)
	p := Pool{ID: id, Own: true, Assigned: assigned, Least: assigned / n, Most: (assigned + n - 1) / n}
	for i := range n {
		p.Planners = append(p.Planners, PlannerCounts{fmt.Sprintf("planner-%04d", i+1), (assigned + n - 1 - i) / n})
	}
	return p
}

func madeUpPools(n int) *Report {
	r := madeUpReport(60, 20)
	r.Options.Pools, r.Options.Planners, r.Pools = n, 20, nil
	for i := range n {
		r.Pools = append(r.Pools, madeUpPool(fmt.Sprintf("load-01k7r3b8-%d", i), 20, r.Summary.Judged/int64(n)+int64(i%3)))
	}
	return r
}

func madeUpFailure() *Report {
	r := madeUpReport(180, 50)
	for i := 60; i < 75; i++ {
		r.Seconds[i] = Second{Second: i, Refused: 640, Failed: int64(64 * (i % 3))}
	}
	s := &r.Summary
	s.Refused, s.Failed, s.Unsettled = 640*15, 64*15, 3
	r.Outcomes = append(r.Outcomes, Outcome{"assign", "unavailable", 9_600}, Outcome{"assign", "timeout", 957}, Outcome{"assign", "outcome_unknown", 3})
	p := &r.Pools[0]
	for i := range p.Planners {
		p.Planners[i].Assigned += int64(i*i) * 7
	}
	p.Most = p.Planners[49].Assigned
	v := &r.Verdict
	v.Pass, v.Why, v.Violations = false, "12 violations", 12
	v.Kinds = []Violated{{ofSeq, 9}, {ofSpread, 3}}
	for i := range 5 {
		v.Examples = append(v.Examples, Violation{ofSeq, p.ID, fmt.Sprintf("seq %d was answered to two calls, with the keys 01k7r3b8-c12-%d and 01k7r3b8-c40-%d", 4711+i, i, 7*i)})
	}
	v.Examples = append(v.Examples, Violation{ofSpread, p.ID, "seq 5200 went to planner-0049, who had 112, while planner-0003 had 98"})
	v.First = &v.Examples[0]
	return r
}

func madeUpOpenLoop() *Report {
	r := madeUpReport(120, 12)
	r.Options.Rate = 12_000
	s := &r.Summary
	s.OfferedRate, s.Late, s.MostLateMs, s.NeverBegun, s.Interrupted = 12_000, 40_211, 512, 9_120, true
	return r
}
