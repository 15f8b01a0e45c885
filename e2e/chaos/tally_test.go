package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead/e2e/history"
	"fairlead/e2e/wire"
)

// A tally is what all rounds of a run came to.
type tally struct {
	began      time.Time
	time       time.Duration // with faults
	rounds     int
	seeds      []uint64
	faults     map[string]int
	events     map[string]int  // in the pools' logs, by kind
	calls      history.Summary // sums, and the worst times
	violations int
}

func newTally() *tally {
	return &tally{began: time.Now(), faults: map[string]int{}, events: map[string]int{}}
}

func (s *tally) add(v verdict) {
	s.rounds++
	s.time += v.plan.time
	s.seeds = append(s.seeds, v.plan.seed)
	s.violations += len(v.violations)
	for name, n := range v.faults {
		s.faults[name] += n
	}
	for _, p := range v.pools {
		for i := range p.Events {
			s.events[p.Events[i].Kind]++
		}
	}
	c := history.Summarize(v.calls)
	s.calls.Calls += c.Calls
	s.calls.Done += c.Done
	s.calls.Replayed += c.Replayed
	s.calls.Refused += c.Refused
	s.calls.Unknown += c.Unknown
	s.calls.Left += c.Left
	s.calls.P50, s.calls.P99, s.calls.Max = max(s.calls.P50, c.P50), max(s.calls.P99, c.P99), max(s.calls.Max, c.Max)
}

// lineOf says what came of one round.
func lineOf(v verdict) string {
	faults := 0
	for _, n := range v.faults {
		faults += n
	}
	return fmt.Sprintf("%d faults, %d violations; %v", faults, len(v.violations), history.Summarize(v.calls))
}

// sums are what several kinds of faults have in common.
var sums = []struct{ name, prefix string }{
	{"instances killed", "instance killed"},
	{"holders killed", holderKill},
	{"statements killed", "statement of a"},
	{"errors of the server", serverError},
	{"connections cut or reset", "connection"},
	{"callers who left at a step", callersLeft},
}

// enough is how long a run must be for each fault to have hit something.
const enough = time.Minute

// missing are faults that hit nothing in a run that was long enough: something
// is wrong with the nemesis, or with the network that it works on.
func (s *tally) missing() (names []string) {
	if s.time < enough {
		return nil
	}
	want := []string{serverKill, serverStop, instanceKill, answerKill, instanceStop, holderKill + "anywhere", queryKill, reset, slow, silent,
		rowLock, plannersLock, lockStolen, tableChange, exhaustion}
	for _, step := range wire.Steps {
		want = append(want, holderKill+"at "+step.String(), callersLeft+"at "+step.String())
	}
	for _, name := range want {
		if s.faults[name] == 0 {
			names = append(names, name)
		}
	}
	return append(names, s.missingEvents()...)
}

// missingEvents are kinds of events that never came about although clients asked
// for what brings them about.
func (s *tally) missingEvents() (names []string) {
	for _, kind := range []string{"number_changed", "number_touched", "assignment_released", "assignments_released", "assignments_expired",
		"assignment_voided", "assignment_reassigned"} {
		if s.events[kind] == 0 {
			names = append(names, kind)
		}
	}
	return names
}

func (s *tally) String() string {
	if s.rounds == 0 {
		return "no round came to its end"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d rounds, seeds %d to %d, %v of faults in %v\n\n", s.rounds, s.seeds[0], s.seeds[len(s.seeds)-1],
		s.time.Round(time.Second), time.Since(s.began).Round(time.Second))
	row := func(name string, n int) { fmt.Fprintf(&b, "  %-55s %9d\n", name, n) }
	row("calls", s.calls.Calls)
	row("  acknowledged", s.calls.Done)
	row("    of these, given before", s.calls.Replayed)
	row("  refused, nothing happened", s.calls.Refused)
	row("  unknown, or without an answer", s.calls.Unknown)
	row("    of these, the caller left", s.calls.Left)
	fmt.Fprintln(&b)
	for _, name := range slices.Sorted(maps.Keys(s.faults)) {
		row(name, s.faults[name])
	}
	fmt.Fprintln(&b)
	for _, sum := range sums {
		n := 0
		for name, hits := range s.faults {
			if strings.HasPrefix(name, sum.prefix) && name != exhaustion {
				n += hits
			}
		}
		row(sum.name+", together", n)
	}
	fmt.Fprintln(&b)
	for _, kind := range slices.Sorted(maps.Keys(s.events)) {
		row("in the log: "+kind, s.events[kind])
	}
	fmt.Fprintln(&b)
	row("violations", s.violations)
	return b.String()
}
