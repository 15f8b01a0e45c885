package load

import (
	"cmp"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms count microseconds up to an hour, which is as good as for ever.
const longest = int64(time.Hour / time.Microsecond)

func newHistogram(digits int) *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, digits) }

// A meter measures. It is for one goroutine.
type meter struct {
	warm     int64 // what should have begun before is not measured
	kinds    [kinds]*hdrhistogram.Histogram
	outcomes [kinds][outcomes]int64
	last     int64 // answer
	assigned int64
	late     int64
	mostLate int64
	failed   int64
	refused  int64

	seconds []Second
	open    map[int]*hdrhistogram.Histogram // of seconds that are not over
	spare   []*hdrhistogram.Histogram

	recent         *hdrhistogram.Histogram // since the last look, for people who watch
	recentAssigned int64
}

func newMeter(warm int64) *meter {
	m := &meter{warm: warm, last: warm, open: map[int]*hdrhistogram.Histogram{}, recent: newHistogram(2)}
	for k := range m.kinds {
		m.kinds[k] = newHistogram(3)
	}
	return m
}

func (m *meter) add(r *record) {
	took := min(longest, max(1, (r.answered-r.due)/1000))
	if r.made {
		m.recentAssigned++
	}
	if r.outcome == ok && r.kind == assign {
		_ = m.recent.RecordValue(took)
	}
	if r.due < m.warm {
		return
	}
	m.outcomes[r.kind][r.outcome]++
	m.last = max(m.last, r.answered)
	if late := r.begun - r.due; late > int64(lateAfter) {
		m.late++
		m.mostLate = max(m.mostLate, late)
	}
	second := m.second(int((r.answered - m.warm) / 1e9))
	second.Calls++
	switch {
	case r.outcome.refused():
		second.Refused++
		m.refused++
	case r.outcome.failed():
		second.Failed++
		m.failed++
	default:
		_ = m.kinds[r.kind].RecordValue(took)
	}
	if r.made {
		second.assigned++
		m.assigned++
	}
	if r.outcome == ok && r.kind == assign {
		_ = m.histogram(second.Second).RecordValue(took)
	}
}

// second is the entry of a second. Those that nothing ended in are there too.
func (m *meter) second(n int) *Second {
	for len(m.seconds) <= n {
		m.seconds = append(m.seconds, Second{Second: len(m.seconds)})
	}
	return &m.seconds[n]
}

func (m *meter) histogram(second int) *hdrhistogram.Histogram {
	h := m.open[second]
	if h == nil {
		if n := len(m.spare); n > 0 {
			h, m.spare = m.spare[n-1], m.spare[:n-1]
		} else {
			h = newHistogram(2)
		}
		m.open[second] = h
	}
	return h
}

// close ends the seconds of which all is known, given that it is known of
// everything that was answered before now.
func (m *meter) close(now int64) {
	for n, h := range m.open {
		if m.warm+int64(n+1)*1e9 > now {
			continue
		}
		m.seconds[n].P50Ms, m.seconds[n].P99Ms = millis(h.ValueAtQuantile(50)), millis(h.ValueAtQuantile(99))
		h.Reset()
		m.spare = append(m.spare, h)
		delete(m.open, n)
	}
}

func millis(micros int64) float64 { return float64(micros) / 1000 }

// measured is the length of the measured time.
func (m *meter) measured() time.Duration { return time.Duration(m.last - m.warm) }

// report fills in what was measured.
func (m *meter) report(r *Report) {
	m.close(m.last + 2e9)
	s := &r.Summary
	s.Seconds = m.measured().Seconds()
	s.Assigned, s.Refused, s.Failed = m.assigned, m.refused, m.failed
	s.Replayed, s.Released = m.outcomes[repeat][ok], m.outcomes[release][ok]
	s.Late, s.MostLateMs = m.late, millis(m.mostLate/1000)
	for k := range kinds {
		for o, count := range m.outcomes[k] {
			if s.Calls += count; count > 0 {
				r.Outcomes = append(r.Outcomes, Outcome{k.String(), outcomeNames[o], count})
			}
		}
		if h := m.kinds[k]; h.TotalCount() > 0 {
			r.Calls = append(r.Calls, Calls{k.String(), h.TotalCount(), latencyOf(h), distribution(h)})
		}
	}
	slices.SortStableFunc(r.Outcomes, func(a, b Outcome) int { return cmp.Compare(b.Count, a.Count) })
	if s.Seconds > 0 {
		s.CallsPerSecond = float64(s.Calls) / s.Seconds
		s.AssignedPerSecond = float64(s.Assigned) / s.Seconds
	}
	r.Seconds = m.timeline()
}

// timeline is the measured time by seconds. What is left of the last is a
// second of its own if it is long enough to have a rate.
func (m *meter) timeline() []Second {
	for i := range m.seconds {
		length := min(1, m.measured().Seconds()-float64(i))
		m.seconds[i].Rate = float64(m.seconds[i].assigned) / max(0.1, length)
	}
	if n := len(m.seconds); n > 1 && m.measured().Seconds()-float64(n-1) < 0.1 {
		return m.seconds[:n-1]
	}
	return m.seconds
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	at := func(percent float64) float64 { return millis(h.ValueAtQuantile(percent)) }
	return Latency{Mean: h.Mean() / 1000, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: millis(h.Max())}
}

// distribution is points for a chart: each percent, and then ever finer up to
// the slowest, as far as there are calls to tell them apart.
func distribution(h *hdrhistogram.Histogram) []Point {
	var points []Point
	add := func(q float64) { points = append(points, Point{q, millis(h.ValueAtQuantile(100 * q))}) }
	for i := 1; i < 100; i++ {
		add(float64(i) / 100)
	}
	for step := 0.001; step*float64(h.TotalCount()) >= 1; step /= 10 {
		for i := 1; i < 10; i++ {
			add(1 - 10*step + float64(i)*step)
		}
	}
	return append(points, Point{1, millis(h.Max())})
}
