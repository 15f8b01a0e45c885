package overload

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The figures that overload must not spoil.
const (
	leastGoodput = 0.8 // of the capacity
	recoverIn    = 5 * time.Second
	slack        = 250 * time.Millisecond // beyond a call's deadline, for its way
	mostUnknown  = 0.01                   // of those that are assigned: their unit took unusually long
	moreMemory   = 1.25                   // the second half of the overload beside the first
)

// One hot pool is asked for several times what it can do. It goes on doing what it
// can, refuses the rest without a trace, and is itself again soon afterwards.
func TestGoodput(t *testing.T) {
	for _, c := range []struct {
		name            string
		patience, after time.Duration
	}{
		// A full line is more than three seconds of work, which at half load
		// takes twice that to be gone.
		{"the line is the limit", 5 * time.Second, 8 * time.Second},
		{"the deadline is the limit", 2 * time.Second, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "hot")
			capacity, all := s.capacity(t, "hot")
			o := &ordeal{capacity: capacity, calm: 3 * time.Second, flood: *overloadTime, after: c.after}
			crowd := s.gather(t, "flood-", c.patience, manyCallers, "hot")
			w := startWatch(t, s.Instance, s.admin)
			o.tally = crowd.open(t, time.Now(),
				step{capacity / 2, o.calm}, step{factor * capacity, o.flood}, step{capacity / 2, o.after})
			o.samples = w.end()
			s.wire.Delay(0, 0)

			o.checkAnswers(t)
			o.checkGoodput(t)
			o.checkDeadline(t)
			o.checkRecovery(t)
			o.checkMemory(t)
			s.checkServer(t)
			s.check(t, []string{"hot"}, all, o.tally)
			binary.Verify(t, s.db.DSN)
		})
	}
}

// An ordeal is a calm stretch, an overload, and a calm stretch again.
type ordeal struct {
	*tally
	samples            []sample
	capacity           float64
	calm, flood, after time.Duration
}

// begin and end are the overload's.
func (o *ordeal) begin() time.Duration { return o.calm }
func (o *ordeal) end() time.Duration   { return o.calm + o.flood }

// checkAnswers wants nothing but assignments and refusals.
func (o *ordeal) checkAnswers(t *testing.T) {
	t.Helper()
	total := o.counts(0, o.end()+o.after)
	if total[strange] > 0 || total[broken] > 0 {
		t.Errorf("%d strange answers, %d broken connections", total[strange], total[broken])
	}
	sent, dropped := o.sent(o.begin(), o.end())
	t.Logf("overload: %.0f/s wanted, %.0f/s sent (%.1f capacities), %.0f/s dropped for want of a caller; %s",
		factor*o.capacity, sent, sent/o.capacity, dropped, spell(o.counts(o.begin(), o.end())))
	target(t, sent >= 0.9*factor*o.capacity, "the load was to be %d capacities", factor)
}

func spell(counts [verdicts]int) string {
	var parts []string
	for v, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%v %d", verdict(v), n))
		}
	}
	return strings.Join(parts, ", ")
}

func (o *ordeal) checkGoodput(t *testing.T) {
	t.Helper()
	goodput := o.rate(assigned, o.begin(), o.end())
	t.Logf("goodput: %.0f/s, %.2f of the capacity", goodput, goodput/o.capacity)
	target(t, goodput >= leastGoodput*o.capacity, "goodput %.2f of the capacity, want %.2f", goodput/o.capacity, leastGoodput)
}

func (o *ordeal) checkDeadline(t *testing.T) {
	t.Helper()
	for _, v := range []verdict{assigned, busy, unknown} {
		times := o.times(v, o.begin(), o.end())
		longest := quantile(times, 1)
		t.Logf("%v during overload: p50 %v, p99 %v, longest %v", v, quantile(times, .5), quantile(times, .99), longest)
		target(t, longest <= o.patience+slack, "%v after %v, the deadline was %v", v, longest, o.patience)
	}
	n := o.counts(o.begin(), o.end())
	target(t, float64(n[unknown]) <= mostUnknown*float64(n[assigned]), "%d calls were told that their outcome is unknown, with nothing broken", n[unknown])
}

// checkRecovery wants latencies to be back soon after the overload's end.
func (o *ordeal) checkRecovery(t *testing.T) {
	t.Helper()
	before := quantile(o.times(assigned, 0, o.calm), .99)
	took := o.recovery(2 * before)
	t.Logf("recovery: p99 before was %v; at most twice that, and no refusal, from %v after the overload on", before, took)
	target(t, took <= recoverIn, "recovery took %v, want %v", took, recoverIn)
}

// recovery is how long after the overload calls begin of which all are
// answered, 99 of 100 within limit, up to the end.
func (o *ordeal) recovery(limit time.Duration) time.Duration {
	const window = 500 * time.Millisecond
	from := o.end() + o.after
	for ; from > o.end(); from -= window {
		times := o.times(assigned, from-window, from)
		if n := o.counts(from-window, from); quantile(times, .99) > limit || n[assigned] == 0 || n[busy]+n[unknown]+n[unavailable] > 0 {
			break
		}
	}
	return from - o.end()
}

// checkMemory wants the overload to cost what it costs at its beginning,
// however long it lasts.
func (o *ordeal) checkMemory(t *testing.T) {
	t.Helper()
	half := o.begin() + o.flood/2
	before, first, second := most(o.samples, 0, o.begin()), most(o.samples, o.begin(), half), most(o.samples, half, o.end())
	t.Logf("memory: %.0f MiB at most before, %.0f MiB in the first half of the overload, %.0f MiB in the second, %.0f MiB afterwards",
		before.memory, first.memory, second.memory, most(o.samples, o.end()+o.after/2, o.end()+o.after).memory)
	t.Logf("during the overload: at most %d calls in line, %d goroutines, %d connections to the database, whose ever; %.2f processors used",
		max(first.waiting, second.waiting), max(first.goroutines, second.goroutines), max(first.sessions, second.sessions),
		(second.processor-before.processor)/o.flood.Seconds())
	target(t, second.memory <= moreMemory*first.memory, "memory grows from %.0f to %.0f MiB", first.memory, second.memory)
}
