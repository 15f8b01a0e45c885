package history

import (
	"fmt"
	"slices"
	"time"
)

// A Summary is a run in figures.
type Summary struct {
	Calls, Done, Refused, Unknown int
	Replayed                      int // of those done
	Left                          int // of those unknown

	P50, P99, Max time.Duration // how long it took until done
}

// Summarize counts calls.
func Summarize(calls []Call) Summary {
	s := Summary{Calls: len(calls)}
	var took []time.Duration
	for i := range calls {
		c := &calls[i]
		switch c.Outcome() {
		case Done:
			s.Done++
			s.Replayed += count(c.Replayed)
			took = append(took, c.Got-c.Sent)
		case Refused:
			s.Refused++
		case Unknown:
			s.Unknown++
			s.Left += count(c.Left)
		}
	}
	if n := len(took); n > 0 {
		slices.Sort(took)
		s.P50, s.P99, s.Max = took[n/2], took[n*99/100], took[n-1]
	}
	return s
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// String is the summary on one line.
func (s Summary) String() string {
	return fmt.Sprintf("%d calls: %d done (%d replayed), %d refused, %d unknown (%d left); done in %v at the median, %v at the 99th percentile, %v at most",
		s.Calls, s.Done, s.Replayed, s.Refused, s.Unknown, s.Left, s.P50.Round(time.Microsecond), s.P99.Round(time.Microsecond), s.Max.Round(time.Microsecond))
}
