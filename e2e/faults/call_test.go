package faults

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
	"fairlead/e2e/program"
)

func (s *site) newKey() string { return fmt.Sprint("key-", s.keys.Add(1)) }

// assigned is what became of a call that got an assignment.
const assigned = "assigned"

// noAnswer is what became of a call whose connection broke, or that took too
// long.
const noAnswer = "no answer"

// call asks once for an assignment. It returns assigned, the code of the
// refusal, or noAnswer.
func (s *site) call(t *testing.T, i *program.Instance, pool, key string) string {
	t.Helper()
	began := time.Now()
	r, err := i.CreateAssignmentWithResponse(context.Background(), pool,
		&client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{Customer: &s.customer}, once)
	outcome := outcomeOf(r, err)
	if outcome == assigned {
		s.keep(t, *r.JSON201, r.HTTPResponse.Header.Get("Idempotency-Replayed") == "true")
	} else if err == nil && r.StatusCode() != http.StatusServiceUnavailable {
		t.Errorf("assign with %s: %s %s", key, r.Status(), r.Body)
	}
	s.note(key, outcome, time.Since(began))
	return outcome
}

// once keeps Go's client from sending a request again by itself if the
// connection breaks, which it does where there is a key.
func once(_ context.Context, r *http.Request) error {
	r.GetBody = nil
	return nil
}

func outcomeOf(r *client.CreateAssignmentResponse, err error) string {
	switch {
	case err != nil:
		return noAnswer
	case r.JSON201 != nil:
		return assigned
	}
	if p := client.ProblemIn(r.HTTPResponse, r.Body); p != nil {
		return string(p.Code)
	}
	return r.Status()
}

func (s *site) note(key, outcome string, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if outcome != noAnswer {
		s.slowest = max(s.slowest, took)
	}
	if outcome != assigned {
		s.refused[outcome]++
	}
	if outcome == noAnswer || outcome == string(client.ProblemCodeOutcomeUnknown) {
		s.doubtful[key] = true
	}
}

// refusals counts calls that were not answered with an assignment, by what they
// were told.
func (s *site) refusals() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.refused)
}

// keep remembers an answer. It must be the same as an earlier one, and must not
// be that of a call of which it was said that it changed nothing.
func (s *site) keep(t *testing.T, a client.Assignment, replayed bool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	earlier, known := s.answered[a.Key]
	if known && !cmp.Equal(earlier, a) {
		t.Errorf("%s has two answers:\n%s", a.Key, cmp.Diff(earlier, a))
	}
	if replayed && !known && !s.doubtful[a.Key] {
		t.Errorf("%s was refused, and assigned all the same: %+v", a.Key, a)
	}
	if replayed && !known {
		s.belated++
	}
	s.answered[a.Key] = a
}

// late counts those who learned of their assignment when they asked again.
func (s *site) late() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.belated
}

// ask asks with a key, one instance after the other, until it is answered with
// an assignment.
func (s *site) ask(t *testing.T, pool, key string, instances ...*program.Instance) {
	t.Helper()
	const patience, pause = 90 * time.Second, 20 * time.Millisecond
	outcome := ""
	for n, began := 0, time.Now(); time.Since(began) < patience && !t.Failed(); n++ {
		if outcome = s.call(t, instances[n%len(instances)], pool, key); outcome == assigned {
			return
		}
		time.Sleep(pause)
	}
	if !t.Failed() {
		t.Errorf("%s has no answer after %v; the last was %s", key, patience, outcome)
	}
}
