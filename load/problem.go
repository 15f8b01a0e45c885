package load

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// An outcome is how a call ended.
type outcome uint8

const (
	ok outcome = iota
	poolBusy
	unavailable
	noNumber
	noPlanner
	unreachable  // no connection, so the call was never sent
	unknown      // the service says that it does not know
	internal     // the service says that it is at fault
	timeout      // no answer in time
	broken       // the connection broke before the answer
	undocumented // an answer that the specification does not give
	outcomes
)

var outcomeNames = [outcomes]string{"ok", "pool_busy", "unavailable", "no_number", "no_planner", "unreachable", "outcome_unknown",
	"internal", "timeout", "broken", "undocumented"}

// doubtful reports whether the call may have happened, and may not.
func (o outcome) doubtful() bool { return o >= unknown }

// failed reports whether there was no answer that says what became of the call.
func (o outcome) failed() bool { return o >= unreachable }

// refused reports whether the call was refused as documented.
func (o outcome) refused() bool { return o != ok && !o.failed() }

// unchanged reports whether the call surely changed nothing.
func (o outcome) unchanged() bool { return o != ok && !o.doubtful() }

// undecided reports whether the decision itself was refused. Keys are looked up
// before that, so the key has no assignment.
func (o outcome) undecided() bool { return o == noNumber || o == noPlanner }

// cut reports whether the connection could not be had, or broke.
func (o outcome) cut() bool { return o == unreachable || o == broken }

// A problem is a refusal's document.
type problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Code      string  `json:"code"`
	Detail    string  `json:"detail"`
	Key       *string `json:"key"`
	RequestID string  `json:"request_id"`
}

// refusals are those that correct calls can get: the status and outcome by
// code.
var refusals = map[string]struct {
	status  int
	outcome outcome
	retry   bool // with Retry-After
}{
	"pool_busy":       {503, poolBusy, true},
	"unavailable":     {503, unavailable, true},
	"outcome_unknown": {503, unknown, true},
	"no_number":       {409, noNumber, false},
	"no_planner":      {409, noPlanner, false},
	"internal":        {500, internal, false},
}

// readRefusal checks an answer that is not a success. The error says in what it
// is not as documented.
func readRefusal(r *reply) (outcome, problem, error) {
	var p problem
	if string(r.contentType) != "application/problem+json" {
		return undocumented, p, fmt.Errorf("status %d comes as %q and not as a problem document: %s", r.status, r.contentType, excerpt(r.body))
	}
	if err := json.Unmarshal(r.body, &p); err != nil {
		return undocumented, p, fmt.Errorf("status %d: the problem document cannot be read: %v: %s", r.status, err, excerpt(r.body))
	}
	known, ok := refusals[p.Code]
	switch {
	case !ok:
		return undocumented, p, fmt.Errorf("status %d with code %q refuses a correct call: %s", r.status, p.Code, p.Detail)
	case r.status != known.status || p.Status != r.status || p.Type != "urn:fairlead:problem:"+p.Code || p.Title == "" || p.RequestID == "":
		return known.outcome, p, fmt.Errorf("status %d comes with a document that does not fit it: %s", r.status, excerpt(r.body))
	}
	if wait, err := strconv.Atoi(string(r.retryAfter)); known.retry && (err != nil || wait < 1) {
		return known.outcome, p, fmt.Errorf("%s comes with Retry-After %q, which should be seconds", p.Code, r.retryAfter)
	}
	return known.outcome, p, nil
}

// excerpt is enough of a body to recognise it.
func excerpt(body []byte) string {
	const enough = 200
	if len(body) > enough {
		return fmt.Sprintf("%q…", body[:enough])
	}
	return fmt.Sprintf("%q", body)
}
