// Package observe tells operators what the service is doing: metrics, a log,
// and decorators that feed them.
//
// A metric's labels have values from short, fixed lists. Pools, planners and
// keys are never among them: there are too many, and some are somebody's.
package observe

import (
	"database/sql"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"fairlead/assign"
)

// Metrics are the service's metrics. Their names begin with fairlead_, their
// unit of time is the second.
type Metrics struct {
	register prometheus.Registerer

	requests *prometheus.HistogramVec // by route, method, status

	assignments    *prometheus.CounterVec // by result
	assignmentTime prometheus.Histogram
	changes        *prometheus.CounterVec // by call, result

	units           *prometheus.CounterVec // by outcome
	unitCalls       prometheus.Histogram
	steps           *prometheus.HistogramVec // by step
	lockWait        prometheus.Histogram
	lockHold        prometheus.Histogram
	releaseFailures prometheus.Counter
	retries         prometheus.Counter
}

// latencies go from what an answer from memory takes to beyond the longest
// wait.
var latencies = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}

// NewMetrics registers metrics at r. It panics if r has some already.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		register: r,
		requests: histograms("fairlead_http_request_duration_seconds",
			"Time from a request's arrival to its answer.", "route", "method", "status"),
		assignments: counters("fairlead_assignments_total",
			"Requests to assign, by what became of them: assigned, replayed, or the code of the refusal.", "result"),
		assignmentTime: histogram("fairlead_assignment_duration_seconds",
			"Time that a request to assign took, waiting in line included.", latencies),
		changes: counters("fairlead_changes_total",
			"Other writes, by what became of them: ok, or the code of the refusal.", "call", "result"),
		units: counters("fairlead_units_total",
			"Units run, by outcome.", "outcome"),
		unitCalls: histogram("fairlead_unit_calls",
			"Calls that were decided in one unit.", prometheus.ExponentialBuckets(1, 2, 10)),
		steps: histograms("fairlead_unit_step_duration_seconds",
			"Time that a unit spent in a step other than waiting for the lock.", "step"),
		lockWait: histogram("fairlead_lock_wait_seconds",
			"Time that a unit waited for its pool's lock.", latencies),
		lockHold: histogram("fairlead_lock_hold_seconds",
			"Time that a unit kept others from its pool.", latencies),
		releaseFailures: prometheus.NewCounter(prometheus.CounterOpts{Name: "fairlead_lock_release_failures_total",
			Help: "Units whose lock's release could not be confirmed; their connections were thrown away."}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{Name: "fairlead_unit_settlements_total",
			Help: "Units that were run again to find out whether an earlier one was committed."}),
	}
	r.MustRegister(m.requests, m.assignments, m.assignmentTime, m.changes, m.units, m.unitCalls, m.steps,
		m.lockWait, m.lockHold, m.releaseFailures, m.retries)
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latencies}, labels)
}

// WatchPool adds the state of a pool of database connections, as go_sql_*. Role
// says what the connections are for: "units", "reads".
func (m *Metrics) WatchPool(db *sql.DB, role string) {
	m.register.MustRegister(collectors.NewDBStatsCollector(db, role))
}

// WatchCombiner adds how much is waiting and running. Stats is asked at each
// scrape; it is (*assign.Combiner).Stats.
func (m *Metrics) WatchCombiner(stats func() assign.CombinerStats) {
	m.register.MustRegister(combinerCollector{stats})
}

// HTTP counts an answer. It is what api.Server calls Observe. The route is one
// of the service's patterns; the method is the client's, and anything uncommon
// is counted as "other".
func (m *Metrics) HTTP(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, knownMethod(method), statusClass(status)).Observe(took.Seconds())
}

func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "other"
}

func statusClass(status int) string {
	switch status / 100 {
	case 1:
		return "1xx"
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	}
	return "5xx"
}

// outcomes are what can become of a unit, by error. An unknown outcome comes
// before the failure that made it unknown.
var outcomes = []struct {
	err  error
	name string
}{
	{assign.ErrOutcomeUnknown, "unknown"},
	{assign.ErrBusy, "busy"},
	{assign.ErrUnavailable, "unavailable"},
}

func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.name
		}
	}
	return "error"
}
