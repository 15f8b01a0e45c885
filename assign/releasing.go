package assign

import "time"

// A Release ends an assignment: the work is over.
type Release struct {
	ID     string
	Reason string // for people; empty means [ReasonDone]
	Actor  string // who asks for it
}

// ReasonDone is why an assignment is released unless somebody says otherwise.
const ReasonDone = "done"

// releasing is the call of one [Release].
type releasing struct {
	Release
	eventID string

	answer Assignment
	err    error
}

func (c *releasing) alone() bool    { return false }
func (c *releasing) fail(err error) { c.err = err }
func (c *releasing) unknown() error { return ErrOutcomeUnknown }
func (c *releasing) need(n *Need)   { n.Assignments = append(n.Assignments, c.ID) }

func (c *releasing) settled(s State) bool {
	return s.Assignments[c.ID].Assignment.State != AssignmentActive
}

// size covers the event, the assignment's row, its planner and its number.
func (c *releasing) size() int { return 500 + len(c.Reason) }

// decide answers a second release like the first.
func (c *releasing) decide(d *draft) {
	c.answer, c.err = Assignment{}, nil
	h, ok := d.held(c.ID)
	if !ok {
		c.err = ErrAssignmentNotFound
		return
	}
	d.expire([]Held{h}, c.eventID)
	if h, _ = d.held(c.ID); h.Assignment.State == AssignmentActive {
		d.event(EventReleased, c.eventID, c.Actor, Released{d.end(h, d.now), reasonOr(c.Reason)})
		h, _ = d.held(c.ID)
	}
	c.answer = h.Assignment
}

func reasonOr(reason string) string {
	if reason == "" {
		return ReasonDone
	}
	return reason
}

// A BulkRelease ends assignments of a pool, oldest first. At least one of
// Planner, Age and State must be given.
type BulkRelease struct {
	Pool    PoolID
	Planner PlannerID     // those that this planner has now
	Age     time.Duration // those that were made so long ago or longer
	State   ReleaseState
	Limit   int    // at most so many, from 1 to [MaxReleases]
	Reason  string // for people; empty means [ReasonDone]
	Actor   string
}

// MaxReleases is the most assignments that one call ends: about as much as a
// unit writes otherwise.
const MaxReleases = 1_000

// A ReleaseState chooses assignments that have not ended by how they stand.
type ReleaseState string

const (
	ReleaseActive    ReleaseState = "active"    // all of them
	ReleaseExpired   ReleaseState = "expired"   // they have ended by themselves, which is not written down yet
	ReleaseDraining  ReleaseState = "draining"  // their numbers are
	ReleaseSuspended ReleaseState = "suspended" // their numbers are
)

// ParseReleaseState accepts the four states. Anything else is an
// [InvalidError] for field.
func ParseReleaseState(field, s string) (ReleaseState, error) {
	switch v := ReleaseState(s); v {
	case ReleaseActive, ReleaseExpired, ReleaseDraining, ReleaseSuspended:
		return v, nil
	}
	return "", invalid(field, `must be "active", "expired", "draining" or "suspended"`)
}

// A BulkReleased is the answer to a [BulkRelease].
type BulkReleased struct {
	Assignments []Assignment // as they are now
	More        bool         // whether there are others to end
}

// releasingMany is the call of one [BulkRelease].
type releasingMany struct {
	BulkRelease
	eventID string

	answer BulkReleased
	err    error
}

func (c *releasingMany) alone() bool          { return true }
func (c *releasingMany) fail(err error)       { c.err = err }
func (c *releasingMany) unknown() error       { return ErrOutcomeUnknown }
func (c *releasingMany) settled(s State) bool { return s.EventID == c.eventID }
func (c *releasingMany) size() int            { return 0 }

// need asks for one more, to know whether there are others.
func (c *releasingMany) need(n *Need) {
	f := &LiveFilter{Planner: c.Planner, Age: c.Age, Expired: c.State == ReleaseExpired, Limit: c.Limit + 1}
	switch c.State {
	case ReleaseDraining:
		f.State = NumberDraining
	case ReleaseSuspended:
		f.State = NumberSuspended
	}
	n.Live = f
	if c.Planner != "" {
		n.Planners = append(n.Planners, c.Planner)
	}
}

// decide writes down first what has ended by itself.
func (c *releasingMany) decide(d *draft) {
	c.answer, c.err = BulkReleased{}, nil
	if !d.state.Found {
		c.err = ErrPoolNotFound
		return
	}
	if _, known := d.state.Planners[c.Planner]; c.Planner != "" && !known {
		c.err = ErrPlannerNotFound
		return
	}
	live := d.state.Live
	if c.answer.More = len(live) > c.Limit; c.answer.More {
		live = live[:c.Limit]
	}
	d.expire(live, c.eventID)
	var data ReleasedMany
	for _, h := range live {
		if _, over := d.released[h.Assignment.ID]; !over {
			data.Assignments = append(data.Assignments, d.end(h, d.now))
		}
		c.answer.Assignments = append(c.answer.Assignments, d.released[h.Assignment.ID])
	}
	if data.Assignments != nil {
		data.Reason = reasonOr(c.Reason)
		d.event(EventReleasedMany, c.eventID, c.Actor, data)
	}
}
