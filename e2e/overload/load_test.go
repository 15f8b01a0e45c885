package overload

import (
	"iter"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A load is calls to one instance, from callers with a connection each.
type load struct {
	pools    []string // turn about
	prefix   string   // of keys: a number follows
	patience time.Duration
	callers  []*caller

	complaint sync.Once
}

// gather connects so many callers to addr. The instance hangs up on those who
// then do nothing for a minute.
func gather(t *testing.T, addr, prefix string, patience time.Duration, callers int, pools ...string) *load {
	t.Helper()
	l := &load{pools: pools, prefix: prefix, patience: patience, callers: make([]*caller, callers)}
	const atOnce = 32
	var wg sync.WaitGroup
	for from := range atOnce {
		wg.Go(func() {
			for i := from; i < callers; i += atOnce {
				l.callers[i] = &caller{addr: addr, patience: patience}
				if err := l.callers[i].greet(); err != nil {
					l.complain(t, err)
				}
			}
		})
	}
	wg.Wait()
	return l
}

func (l *load) key(n int) string    { return l.prefix + strconv.Itoa(n) }
func (l *load) poolOf(n int) string { return l.pools[n%len(l.pools)] }

// A step is a stretch of time with so many calls a second.
type step struct {
	rate   float64
	length time.Duration
}

// A ticket is a call to be made. Due is when it should be, since the start.
type ticket struct {
	n   int
	due time.Duration
}

// asSoonAsPossible is due when a caller has time for it.
const asSoonAsPossible = -1

// A call is one that was made.
type call struct {
	ticket
	done    time.Duration // since the start
	verdict verdict
}

// took counts from when the call should have been made.
func (c call) took() time.Duration { return c.done - c.due }

// A tally is what came of a load.
type tally struct {
	*load
	calls   []call
	dropped []time.Duration // due then, but every caller was busy
}

// closed keeps every caller busy, each with one call after the other.
func (l *load) closed(t *testing.T, length time.Duration) *tally {
	t.Helper()
	began := time.Now()
	return l.run(t, began, func(tickets chan<- ticket) (dropped []time.Duration) {
		for n := 0; time.Since(began) < length; n++ {
			tickets <- ticket{n, asSoonAsPossible}
		}
		return nil
	})
}

// open makes calls at the given rates, whatever becomes of those before. A
// call that finds no caller free is dropped, and counted.
func (l *load) open(t *testing.T, began time.Time, steps ...step) *tally {
	t.Helper()
	return l.run(t, began, func(tickets chan<- ticket) (dropped []time.Duration) {
		n := 0
		for due := range dues(steps) {
			if early := due - time.Since(began); early > 0 {
				time.Sleep(max(early, time.Millisecond)) // what is due meanwhile comes in one go
			}
			select {
			case tickets <- ticket{n, due}:
			default:
				dropped = append(dropped, due)
			}
			n++
		}
		return dropped
	})
}

// dues yields when calls are due at the given rates, since the start.
func dues(steps []step) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		from := time.Duration(0)
		for _, s := range steps {
			for i := range int(s.rate * s.length.Seconds()) {
				if !yield(from + time.Duration(float64(i)/s.rate*float64(time.Second))) {
					return
				}
			}
			from += s.length
		}
	}
}

// run lets callers take what issue issues, and returns when all have their
// answers.
func (l *load) run(t *testing.T, began time.Time, issue func(chan<- ticket) []time.Duration) *tally {
	t.Helper()
	var (
		all     = &tally{load: l}
		tickets = make(chan ticket)
		mu      sync.Mutex
		wg      sync.WaitGroup
	)
	for _, c := range l.callers {
		wg.Go(func() {
			defer c.hangUp()
			mine := l.serve(t, c, began, tickets)
			mu.Lock()
			defer mu.Unlock()
			all.calls = append(all.calls, mine...)
		})
	}
	all.dropped = issue(tickets)
	close(tickets)
	wg.Wait()
	return all
}

// complain fails the test for the sake of one answer. If one is strange there
// will be many.
func (l *load) complain(t *testing.T, err error) {
	t.Helper()
	l.complaint.Do(func() { t.Errorf("%sN: %v", l.prefix, err) })
}

// serve makes one caller's calls.
func (l *load) serve(t *testing.T, c *caller, began time.Time, tickets <-chan ticket) (mine []call) {
	for k := range tickets {
		if k.due == asSoonAsPossible {
			k.due = time.Since(began)
		}
		v, err := c.assign(l.poolOf(k.n), l.key(k.n))
		if err != nil {
			l.complain(t, err)
		}
		mine = append(mine, call{ticket: k, done: time.Since(began), verdict: v})
	}
	return mine
}

// rate is how many calls a second came to v between from and to.
func (a *tally) rate(v verdict, from, to time.Duration) float64 {
	n := 0
	for _, c := range a.calls {
		if c.verdict == v && c.done >= from && c.done < to {
			n++
		}
	}
	return float64(n) / (to - from).Seconds()
}

// pace is rate where answers come a unit at a time: it counts from the end of
// one to the end of another.
func (a *tally) pace(v verdict, from, to time.Duration) float64 {
	latest := func(before time.Duration) (end time.Duration) {
		for _, c := range a.calls {
			if c.done < before {
				end = max(end, c.done)
			}
		}
		return end + 1
	}
	return a.rate(v, latest(from), latest(to))
}

// sent is how many calls a second were made of those due between from and to,
// and dropped how many were not.
func (a *tally) sent(from, to time.Duration) (sent, dropped float64) {
	within := func(due time.Duration) bool { return due >= from && due < to }
	for _, c := range a.calls {
		if within(c.due) {
			sent++
		}
	}
	for _, due := range a.dropped {
		if within(due) {
			dropped++
		}
	}
	return sent / (to - from).Seconds(), dropped / (to - from).Seconds()
}

// times are how long the calls took that were due between from and to and came
// to v, shortest first.
func (a *tally) times(v verdict, from, to time.Duration) []time.Duration {
	var times []time.Duration
	for _, c := range a.calls {
		if c.verdict == v && c.due >= from && c.due < to {
			times = append(times, c.took())
		}
	}
	slices.Sort(times)
	return times
}

// quantile is 0 if there are no times. A millisecond is as fine as it gets.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[int(q*float64(len(times)-1))].Round(time.Millisecond)
}

// counts is how many calls came to each verdict.
func (a *tally) counts(from, to time.Duration) (n [verdicts]int) {
	for _, c := range a.calls {
		if c.due >= from && c.due < to {
			n[c.verdict]++
		}
	}
	return n
}
