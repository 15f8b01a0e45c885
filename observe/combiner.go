package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"fairlead/assign"
)

// A combinerCollector turns one look at a Combiner into its gauges, so that
// they belong together.
type combinerCollector struct {
	stats func() assign.CombinerStats
}

var (
	callsWaiting = prometheus.NewDesc("fairlead_calls_waiting",
		"Calls that wait in line for a unit.", nil, nil)
	unitsRunning = prometheus.NewDesc("fairlead_units_running",
		"Units in flight.", nil, nil)
	poolsQueued = prometheus.NewDesc("fairlead_pools_queued",
		"Pools that have calls in line and wait for room to run a unit.", nil, nil)
	poolsStuck = prometheus.NewDesc("fairlead_pools_stuck",
		"Pools whose lock could not be had the last time, of those running or waiting.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c combinerCollector) Describe(out chan<- *prometheus.Desc) {
	out <- callsWaiting
	out <- unitsRunning
	out <- poolsQueued
	out <- poolsStuck
}

// Collect implements [prometheus.Collector].
func (c combinerCollector) Collect(out chan<- prometheus.Metric) {
	s := c.stats()
	gauge := func(d *prometheus.Desc, v int) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	gauge(callsWaiting, s.Waiting)
	gauge(unitsRunning, s.Running)
	gauge(poolsQueued, s.Queued)
	gauge(poolsStuck, s.Stuck)
}
