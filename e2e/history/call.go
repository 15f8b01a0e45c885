// Package history is the record of a run: what every client asked for and was
// told, and what the pools' tables say in the end. [Judge] holds the one
// against the other, and both against what users may rely on.
//
// It knows the rule as it is documented, and shares no code with the program
// that is judged but the client of its API.
package history

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"time"

	"fairlead/api/client"
)

// A Kind is what a call asks for.
type Kind string

const (
	Assign      Kind = "assign"
	Release     Kind = "release"
	Void        Kind = "void"
	Reassign    Kind = "reassign"
	ReleaseMany Kind = "release_many"
	Care        Kind = "care" // suspend, drain or resume a number
	Touch       Kind = "touch"
	Route       Kind = "route"  // where a call on a number goes
	Switch      Kind = "switch" // PATCH of a planner with active and nothing else
	Other       Kind = "other"  // anything else; with a Pool only if it may have changed that pool's planners
)

// A Wish says whether a request needs a number; empty is preferred.
type Wish = client.AssignmentRequestNumber

// A Call is one request that a client sent, and what came of it. A request
// that is sent again is another call. Clients must not do so unseen: see
// [SendOnce].
type Call struct {
	Client   int    `json:"client"`
	Instance string `json:"instance,omitzero"`
	Kind     Kind   `json:"kind"`
	Pool     string `json:"pool,omitzero"`

	// What was asked. Calls to assign that have no key are judged by their
	// answer only.
	Key      string `json:"key,omitzero"`
	Customer string `json:"customer,omitzero"`
	Wish     Wish   `json:"wish,omitzero"`
	ID       string `json:"id,omitzero"`      // of the assignment to release, void or reassign
	Planner  string `json:"planner,omitzero"` // whom to switch
	Active   bool   `json:"active,omitzero"`  // on or off

	// Note is the free text that comes with a void or a reassignment (note), a
	// release of many or the care of a number (reason). No two calls that ask
	// for different things have the same: it tells what in the log is whose.
	Note string `json:"note,omitzero"`

	Reason    string  `json:"reason,omitzero"`     // of a void or reassignment
	OrCurrent bool    `json:"or_current,omitzero"` // reassign: exclude_current is false
	Number    string  `json:"number,omitzero"`     // to touch, care for or ask the route of
	To        To      `json:"to,omitzero"`         // what is to become of the number
	Which     *Filter `json:"which,omitzero"`      // release_many

	Timeout time.Duration `json:"timeout,omitzero"` // the Request-Timeout sent; 0 if there was none

	// Sent and Got are on the clock of [Recorder.Now]: Sent before the first
	// byte left, Got when the answer was there or the call had failed.
	Sent time.Duration `json:"sent"`
	Got  time.Duration `json:"got"`

	Status   int                `json:"status,omitzero"` // 0 if no answer came
	Code     client.ProblemCode `json:"code,omitzero"`
	Answer   *client.Assignment `json:"answer,omitzero"`
	Replayed bool               `json:"replayed,omitzero"` // the answer said so
	Left     bool               `json:"left,omitzero"`     // the client itself gave up

	Many *client.BulkReleased `json:"many,omitzero"` // the answer of release_many
	Seen *client.Number       `json:"seen,omitzero"` // the answer of touch and care
	Goes *client.Route        `json:"goes,omitzero"` // the answer of route
}

// A To is what the care of a number makes of it.
type To string

const (
	Suspend To = "suspend"
	Drain   To = "drain"
	Resume  To = "resume"
)

// A Filter chooses assignments to release. What is zero does not restrict.
type Filter struct {
	Planner string        `json:"planner,omitzero"`
	Age     time.Duration `json:"age,omitzero"`
	State   string        `json:"state,omitzero"` // as in the API
	Limit   int           `json:"limit,omitzero"` // at most so many; 0 is the most that the API ends in one call
}

func (f *Filter) limit() int { return cmp.Or(f.Limit, 1000) }

// changesAssignment reports whether the call is one to end an assignment, or to
// give it to somebody else.
func (c *Call) changesAssignment() bool {
	return c.Kind == Release || c.Kind == Void || c.Kind == Reassign
}

// An Outcome is what a caller may conclude from an answer.
type Outcome string

const (
	Done    Outcome = "done"    // it happened
	Refused Outcome = "refused" // it did not happen, and will not
	Unknown Outcome = "unknown" // it may have happened, or may yet
)

// Outcome says what the caller was promised. Whatever is not documented to
// mean that nothing was changed leaves it open.
func (c *Call) Outcome() Outcome {
	switch {
	case c.Status >= 200 && c.Status < 300:
		return Done
	case c.Status >= 400 && c.Status < 500:
		return Refused
	case c.Status == http.StatusServiceUnavailable && harmless[c.Code]:
		return Refused
	}
	return Unknown
}

var harmless = map[client.ProblemCode]bool{
	client.ProblemCodePoolBusy:    true,
	client.ProblemCodeUnavailable: true,
	client.ProblemCodeNotReady:    true,
}

// body is what two calls with one key must have in common.
type body struct {
	customer string
	wish     Wish
}

func (c *Call) body() body { return body{c.Customer, c.Wish}.full() }

func (b body) full() body {
	b.wish = cmp.Or(b.wish, client.AssignmentRequestNumberPreferred)
	return b
}

// key is the call's own, or the one that was made up for it.
func (c *Call) key() string {
	if c.Key == "" && c.Answer != nil {
		return c.Answer.Key
	}
	return c.Key
}

// SendOnce is a [client.RequestEditorFn] that keeps Go's HTTP client from
// sending a request a second time on its own. It does that with requests that
// carry an idempotency key when a kept connection breaks: if the first was
// carried out and the second is refused, the refusal looks like a lie.
func SendOnce(_ context.Context, r *http.Request) error {
	r.GetBody = nil
	return nil
}

// A span is the time in which something must have taken effect: not before a
// call that can have caused it was sent, and not after somebody knew of it.
type span struct{ from, to time.Duration }

const forever = time.Duration(math.MaxInt64)

var anyTime = span{0, forever}
