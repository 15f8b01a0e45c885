package failover

import (
	"context"
	"errors"
	"testing"
)

// A commit reached the replica and its answer nobody. An instance that meets
// the replica before that has applied it must not take its word for it that
// nothing happened.
func TestDoubtOutlastsALaggingReplica(t *testing.T) {
	s := newSite(t)
	w := newWorks(t, s)
	tr := newTraffic(w.instances)
	if c := tr.call(0, "first"); !c.assigned() {
		t.Fatalf("with all in order: %+v", c)
	}
	s.replica.must(t, s.stopApplying)
	s.link.holdUp(t) // the replica's acknowledgements: the primary goes on waiting for them
	before := s.arrived(t)
	answers := make(chan call)
	go func() { answers <- tr.callWithin(0, "in doubt", 4) }()
	eventually(t, "the commit reaches the replica", func(context.Context) error {
		if s.arrived(t) == before {
			return errors.New("nothing new")
		}
		return nil
	})
	s.primary.Kill()
	w.relays[0].point(t, s.replica.Address())
	if answer := <-answers; answer.code != "outcome_unknown" {
		t.Errorf("while the replica lags behind, the answer is %s %+v; want that the outcome is unknown", answer.code, answer.assignment)
	}
	s.replica.must(t, s.goOnApplying)
	s.takeOver(t)
	eventually(t, "the instance is back", func(context.Context) error {
		if c := tr.call(0, "afterwards"); !c.assigned() {
			return errors.New(c.code)
		}
		return nil
	})
	checkCalls(t, s, tr, tr.calls)
}
