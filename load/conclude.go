package load

import (
	"fmt"
	"time"
)

func (r *run) newReport() *Report {
	o := *r.options
	o.Use = append([]string{}, o.Use...) // a list in JSON, never null
	return &Report{
		Run: r.name, Service: o.Target, Started: time.Now().Add(time.Duration(o.WarmUp)).UTC().Truncate(time.Millisecond), Options: o,
		Calls: []Calls{}, Outcomes: []Outcome{}, Seconds: []Second{}, Pools: []Pool{},
		Summary: Summary{OfferedRate: float64(o.Rate)},
	}
}

// conclude fills in what is known at the end.
func (r *run) conclude(report *Report, replayed Replayed, failed error) {
	r.meter.report(report)
	report.Summary.Judged = r.judge.judged
	for _, p := range r.judge.pools {
		report.Pools = append(report.Pools, p.report())
	}
	v := r.findings.verdict()
	v.Judged = []string{
		"every answer by itself: status, fields, pool, key, customer, number wanted, problem document",
		"positions: none twice, and later calls get later ones",
		"repeated keys: the first answer, marked as a repetition",
	}
	if len(r.options.Use) == 0 {
		v.Judged = append(v.Judged, "planners: always the one whose turn it is", "numbers: never in two live assignments")
	} else {
		v.NotJudged = append(v.NotJudged,
			"whose turn it was, numbers, and counters: the pools are not the run's own, and others may change them")
	}
	if failed == nil {
		v.Replayed = &replayed
		v.Judged = append(v.Judged, "the log: no gap, nothing twice, and all that was answered is in it as it was answered")
		if len(r.options.Use) == 0 {
			v.Judged = append(v.Judged, "the log decided once more, and the counters that it leads to")
		}
	} else {
		v.NotJudged = append(v.NotJudged, fmt.Sprintf("the log, which could not be read: %v", failed))
	}
	if n := report.Summary.Unsettled; n > 0 {
		v.NotJudged = append(v.NotJudged, fmt.Sprintf("%d calls of which it could not be found out whether they happened", n))
	}
	report.Verdict = v
	report.decide(failed)
}

func (p *poolJudge) report() Pool {
	out := Pool{ID: p.id, Own: p.own, Assigned: p.others, Planners: []PlannerCounts{}}
	for i, n := range p.given {
		out.Assigned += n
		if out.Most = max(out.Most, n); i == 0 {
			out.Least = n
		}
		out.Least = min(out.Least, n)
		out.Planners = append(out.Planners, PlannerCounts{p.planners[i], n})
	}
	return out
}

// decide says PASS or FAIL.
func (r *Report) decide(failed error) {
	v := &r.Verdict
	switch {
	case v.Violations > 0:
		v.Why = fmt.Sprintf("%d violations", v.Violations)
	case r.Summary.Judged == 0:
		v.Why = "nothing was assigned, so nothing could be judged"
	case failed != nil:
		v.Why = fmt.Sprintf("the log could not be read: %v", failed)
	case r.Summary.Unsettled > 0:
		v.Why = fmt.Sprintf("of %d calls it could not be found out whether they happened", r.Summary.Unsettled)
	}
	v.Pass = v.Why == ""
}

// AddDatabase adds what a replay of the same pools from the tables found, or why
// there could be none.
func (r *Report) AddDatabase(done Replayed, found []Violation, err error) {
	v := &r.Verdict
	if err != nil {
		v.NotJudged = append(v.NotJudged, fmt.Sprintf("the tables, which could not be read: %v", err))
		if v.Pass {
			v.Pass, v.Why = false, fmt.Sprintf("the tables could not be read: %v", err)
		}
		return
	}
	v.Judged = append(v.Judged, "the tables: every decision replayed, and every counter")
	v.Database = &done
	if len(found) == 0 {
		return
	}
	v.Violations += int64(len(found))
	v.Kinds = append(v.Kinds, Violated{ofDatabase, int64(len(found))})
	for i := range found[:min(examples, len(found))] {
		found[i].Kind = ofDatabase
		v.Examples = append(v.Examples, found[i])
	}
	v.First = &v.Examples[0]
	v.Pass, v.Why = false, fmt.Sprintf("%d violations", v.Violations)
}
