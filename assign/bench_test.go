package assign

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// stateFor is what a unit of n requests reads.
func stateFor(n int) State {
	s := State{Found: true, Pool: Pool{ID: "p", Seq: 1000}, Now: noon, Keyed: map[string]Assignment{}}
	for i := range n {
		s.Picks = append(s.Picks, Planner{ID: plannerID(i), Active: true, Assigned: 10, LastSeq: int64(i)})
		s.FreeNumbers = append(s.FreeNumbers, SeenNumber{NumberRecord: NumberRecord{Number: number(i), Pool: "p", State: NumberFree, FreeAt: noon}})
	}
	return s
}

// BenchmarkDecide is the work that a unit does while it holds the pool.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1, 64, maxUnitCalls} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			state := stateFor(n)
			calls := make([]call, n)
			for i := range calls {
				calls[i] = newAssigning(Request{Pool: "p"}, fmt.Sprint(i))
			}
			b.ReportAllocs()
			for b.Loop() {
				if c, _ := decide(state, "p", calls, ""); len(c.Assignments) != n {
					b.Fatal("not decided")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/call")
		})
	}
}

// A noLedger costs nothing and keeps nothing.
type noLedger struct{ state State }

func (l noLedger) Unit(_ context.Context, _ Claim, ask func() Need, decide func(State) Changes) (Trace, error) {
	ask()
	decide(l.state)
	return Trace{}, nil
}

func (l noLedger) PoolOf(context.Context, string) (PoolID, error)       { return "p", nil }
func (l noLedger) PoolOfNumber(context.Context, Number) (PoolID, error) { return "p", nil }

// BenchmarkCombiner is what it costs that callers share units, each with a
// deadline, when the ledger costs nothing.
func BenchmarkCombiner(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			var ids atomic.Int64
			newID := func() string { return fmt.Sprint(ids.Add(1)) }
			c, err := NewCombiner(&Service{Ledger: noLedger{stateFor(20)}, NewID: newID}, CombinerConfig{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := c.Assign(b.Context(), Request{Pool: "p", Wish: NumberNone}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
