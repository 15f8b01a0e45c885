package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/page/pagetest"
)

func TestHTML(t *testing.T) {
	for name, r := range map[string]*Report{
		"compare-full":  realisticReport(64, 512),
		"compare-many":  manyPlanners(realisticReport(64)),
		"compare-fail":  failedReport(),
		"compare-empty": {},
		"compare-bare":  {Levels: []Level{{Clients: 1}, {Clients: 2, Results: []Result{{}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			text := pagetest.Render(t, name, r)
			for _, l := range r.Levels {
				for _, res := range l.Results {
					if !strings.Contains(text, res.Title) {
						t.Errorf("the page does not mention %s", res.Title)
					}
				}
			}
		})
	}
}

func TestHTMLVerdict(t *testing.T) {
	without := realisticReport(64)
	without.Levels[0].Results = slices.DeleteFunc(without.Levels[0].Results, func(r Result) bool { return r.Design == Ours })
	for name, c := range map[string]struct {
		report      *Report
		has, hasNot string
	}{
		"clean":    {realisticReport(64), "PASS", "FAIL"},
		"faulty":   {failedReport(), "FAIL", "PASS"},
		"not ours": {without, "Designs side by side", "PASS"},
	} {
		t.Run(name, func(t *testing.T) {
			text := pagetest.Render(t, "compare-verdict", c.report)
			if !strings.Contains(text, c.has) || strings.Contains(text, c.hasNot) {
				t.Errorf("the page should say %q and not %q", c.has, c.hasNot)
			}
		})
	}
}

func TestHTMLEscapes(t *testing.T) {
	const h = pagetest.Hostile
	r := realisticReport(64)
	r.Warnings = []string{h}
	r.Database = Database{Engine: h, Version: h, Settings: []Setting{{h, h}}}
	r.Redis = &RedisServer{Version: h, Settings: []Setting{{h, h}}}
	for i := range r.Levels[0].Results {
		res := &r.Levels[0].Results[i]
		res.Design, res.Title, res.FirstError, res.Verdict.Findings = h, h, h, []string{h}
	}
	r.Levels[0].Results[3].Design = Ours
	pagetest.Render(t, "compare-hostile", r)
}

func TestHTMLBearsAnyNumber(t *testing.T) {
	for _, v := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		r := realisticReport(64)
		r.Took, r.StretchSeconds, r.Database.RoundTrip = v, v, v
		for i := range r.Levels[0].Results {
			res := &r.Levels[0].Results[i]
			res.Rate, res.Ratio, res.P50, res.P99, res.Max = Rate{v, v, v}, &v, v, v, v
		}
		pagetest.Render(t, "compare-numbers", r)
	}
}

func realisticReport(clients ...int) *Report {
	r := &Report{
		At: time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC), Took: 412.7, Planners: 50, Rounds: 5, StretchSeconds: 6,
		Database: Database{Engine: "MariaDB", Version: "10.11.11-MariaDB-0+deb12u1", Durable: true, RoundTrip: 0.042,
			Settings: []Setting{{"innodb_flush_log_at_trx_commit", "1"}, {"sync_binlog", "0"}, {"log_bin", "OFF"}, {"binlog_format", ""}}},
		Redis: &RedisServer{Version: "7.0.15", Settings: []Setting{{"appendonly", "yes"}, {"appendfsync", "everysec"}}},
	}
	for i, n := range clients {
		r.Levels = append(r.Levels, realisticLevel(n, float64(i+1)))
	}
	return r
}

func realisticLevel(clients int, f float64) Level {
	l := Level{Clients: clients, Results: []Result{
		result(NoLock, "no lock", 6120*f, 8.1*f, 31, 64),
		result(Textbook, "textbook lock", 551, 114*f, 187*f, 64),
		result(RowLock, "row lock FOR UPDATE", 1460, 41*f, 96*f, 64),
		result(Ours, "Fairlead", 11700*f*f, 4.9, 12.4*f, 3),
		result("redis-always", "Redis, appendfsync always", 23500*f, 2.4*f, 6.2*f, 64),
		result("redis-everysec", "Redis, appendfsync everysec", 41200*f, 1.3*f, 3.1*f, 64),
	}}
	none := &l.Results[0]
	none.PerPlanner, none.Errors, none.FirstError = uneven(50, 3600), 14, "Error 1213 (40001): Deadlock found when trying to get lock; try restarting transaction"
	none.Verdict = Verdict{Assignments: none.Answers, Wrong: 90_412, Repeated: 88_017, Contradicted: 0, LostCounts: 71_300,
		Least: none.PerPlanner[49], Most: none.PerPlanner[0], Spread: none.PerPlanner[0] - none.PerPlanner[49]}
	l.setRatios()
	return l
}

func result(design, title string, rate, p50, p99 float64, connections int) Result {
	n := int64(rate * 30)
	r := Result{Design: design, Title: title, Rate: Rate{rate, rate * 0.93, rate * 1.04}, P50: p50, P99: p99, Max: p99 * 7, Connections: connections, Answers: n}
	for i := range int64(50) {
		r.PerPlanner = append(r.PerPlanner, (n+49-i)/50)
	}
	zero := int64(0)
	r.Verdict = Verdict{Assignments: n, OutOfTurn: &zero, Least: n / 50, Most: (n + 49) / 50, Spread: (n+49)/50 - n/50}
	return r
}

func uneven(n int, mean float64) []int64 {
	random := rand.New(rand.NewPCG(1, 2))
	var counts []int64
	for range n {
		counts = append(counts, int64(mean*(1+0.12*random.NormFloat64())))
	}
	slices.Sort(counts)
	slices.Reverse(counts)
	return counts
}

func manyPlanners(r *Report) *Report {
	r.Planners = 1000
	for i := range r.Levels[0].Results {
		r.Levels[0].Results[i].PerPlanner = uneven(1000, 400)
	}
	return r
}

func failedReport() *Report {
	r := realisticReport(64)
	r.Warnings = []string{"the database does not make commits durable (see its settings): what costs the designs of SQL most is missing, and the comparison says little"}
	r.Database.Durable = false
	ours := r.Levels[0].result(Ours)
	ours.Verdict.Wrong, ours.Verdict.Repeated, ours.Verdict.Findings = 2, 2, []string{"pool hot-64: seq 4711 was given to planner-07, but it was the turn of planner-11"}
	return r
}
