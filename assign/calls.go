package assign

import "context"

// What the pools can be asked for. Each of these is one call in the pool's
// line; see [Combiner] for how long it waits.

// Assign gives r to the planner whose turn it is. Errors: [ErrPoolNotFound],
// [ErrNoPlanner], [ErrNoNumber], [ErrKeyReused], [ErrNoPhoneKey],
// [ErrPhoneUnreadable], [ErrBusy], [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) Assign(ctx context.Context, r Request) (Assigned, error) {
	call := newAssigning(r, c.service.NewID())
	if err := c.do(ctx, r.Pool, call); err != nil {
		return Assigned{}, err
	}
	return call.answer, call.err
}

// Release ends an assignment; if it has ended already, the answer is the
// same. Errors: [ErrAssignmentNotFound], [ErrBusy], [ErrUnavailable],
// [ErrOutcomeUnknown].
func (c *Combiner) Release(ctx context.Context, r Release) (Assignment, error) {
	call := &releasing{Release: r, eventID: c.service.NewID()}
	if err := c.onAssignment(ctx, r.ID, call); err != nil {
		return Assignment{}, err
	}
	return call.answer, call.err
}

// Void makes an assignment as if it had not been; if it is void already, the
// answer is the same. Errors: [ErrAssignmentNotFound], [ErrBusy],
// [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) Void(ctx context.Context, v Void) (Assignment, error) {
	call := &voiding{Void: v, eventID: c.service.NewID()}
	if err := c.onAssignment(ctx, v.ID, call); err != nil {
		return Assignment{}, err
	}
	return call.answer, call.err
}

// Reassign gives an assignment to somebody else; with the key of an earlier
// reassignment of it, for the same, the answer is how it is now. Errors:
// [ErrAssignmentNotFound], [ErrAssignmentOver], [ErrNoPlanner], [ErrKeyReused],
// [ErrBusy], [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) Reassign(ctx context.Context, r Reassignment) (Assigned, error) {
	call := newReassigning(r, c.service.NewID())
	if err := c.onAssignment(ctx, r.ID, call); err != nil {
		return Assigned{}, err
	}
	return call.answer, call.err
}

// ReleaseMany ends assignments of a pool. Errors: [ErrPoolNotFound],
// [ErrPlannerNotFound], [ErrBusy], [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) ReleaseMany(ctx context.Context, r BulkRelease) (BulkReleased, error) {
	call := &releasingMany{BulkRelease: r, eventID: c.service.NewID()}
	if err := c.do(ctx, r.Pool, call); err != nil {
		return BulkReleased{}, err
	}
	return call.answer, call.err
}

// Care takes a number out of use or brings it back. Errors:
// [ErrNumberNotFound], [ErrNumberAside], [ErrBusy], [ErrUnavailable],
// [ErrOutcomeUnknown].
func (c *Combiner) Care(ctx context.Context, n Care) (NumberView, error) {
	call := &caring{Care: n, eventID: c.service.NewID()}
	if err := c.onNumber(ctx, n.Number, call); err != nil {
		return NumberView{}, err
	}
	return call.answer, call.err
}

// Touch notes that a call came in on a number. Errors: [ErrNumberNotFound],
// [ErrNumberNotLive], [ErrBusy], [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) Touch(ctx context.Context, t Touch) (NumberView, error) {
	call := &touching{Touch: t, eventID: c.service.NewID()}
	if err := c.onNumber(ctx, t.Number, call); err != nil {
		return NumberView{}, err
	}
	return call.answer, call.err
}

// ChangePool creates a pool or changes its settings, and reports whether it
// created it. Errors: [ErrBusy], [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) ChangePool(ctx context.Context, p PoolChange) (created bool, err error) {
	call := &settling{PoolChange: p, eventID: c.service.NewID()}
	if err := c.do(ctx, p.Pool, call); err != nil {
		return false, err
	}
	return call.created, call.err
}

// Staff creates and changes planners. Errors: [ErrPoolNotFound],
// [ErrPlannerNotFound], [ErrBusy], [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) Staff(ctx context.Context, s Staffing) (Staffed, error) {
	call := &staffing{Staffing: s, eventID: c.service.NewID()}
	if err := c.do(ctx, s.Pool, call); err != nil {
		return Staffed{}, err
	}
	return call.answer, call.err
}

// Stock gives numbers to a pool. Errors: [ErrPoolNotFound], [ErrNumberTaken],
// [ErrBusy], [ErrUnavailable], [ErrOutcomeUnknown].
func (c *Combiner) Stock(ctx context.Context, s Stocking) (Stocked, error) {
	call := &stocking{Stocking: s, eventID: c.service.NewID()}
	if err := c.do(ctx, s.Pool, call); err != nil {
		return Stocked{}, err
	}
	return call.answer, call.err
}

// onAssignment is do in the pool of an assignment.
func (c *Combiner) onAssignment(ctx context.Context, id string, call call) error {
	ctx, cancel := context.WithTimeout(ctx, MaxWait)
	defer cancel()
	pool, err := c.service.Ledger.PoolOf(ctx, id)
	if err != nil {
		return err
	}
	return c.do(ctx, pool, call)
}

// onNumber is do in the pool of a number.
func (c *Combiner) onNumber(ctx context.Context, n Number, call call) error {
	ctx, cancel := context.WithTimeout(ctx, MaxWait)
	defer cancel()
	pool, err := c.service.Ledger.PoolOfNumber(ctx, n)
	if err != nil {
		return err
	}
	return c.do(ctx, pool, call)
}
