package assign

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// MaxWait is the longest that a call waits for its answer, however patient the
// caller's context is.
const MaxWait = 10 * time.Second

// A CombinerConfig says how much may go on at once. The zero value of a field
// is its default.
type CombinerConfig struct {
	// Units is how many units may run at once, each on a connection of its
	// own; default 16. Pools whose lock cannot be had get a quarter of them,
	// at least one, so that they cannot stall the others.
	Units int

	// Line is how many calls may wait for one pool; default 4096. One more is
	// refused.
	Line int

	// LockWait is how long a unit waits for the pool's lock: whole seconds
	// from 1 to 30, default 5.
	LockWait time.Duration
}

func (c CombinerConfig) withDefaults() (CombinerConfig, error) {
	if c.Units == 0 {
		c.Units = 16
	}
	if c.Line == 0 {
		c.Line = 4096
	}
	if c.LockWait == 0 {
		c.LockWait = 5 * time.Second
	}
	switch {
	case c.Units < 2:
		return c, fmt.Errorf("units: %d is too few, 2 is the least", c.Units)
	case c.Line < 1:
		return c, fmt.Errorf("line: %d is too short, 1 is the least", c.Line)
	case c.LockWait < time.Second || c.LockWait > 30*time.Second || c.LockWait%time.Second != 0:
		return c, fmt.Errorf("lock wait: %v is not a whole number of seconds from 1 to 30", c.LockWait)
	}
	return c, nil
}

// firstWait is how long a unit waits for a lock that was not known to be
// stuck: the shortest wait that all servers understand.
const firstWait = time.Second

// maxMemories is how many lines are kept while nobody waits in them, because
// they are stuck or were crowded: whoever comes next must not find out once
// more at the expense of others.
const maxMemories = 1000

// A Combiner lets calls that wait for the same pool share a unit. One unit of
// a pool is in flight at a time; calls that arrive meanwhile form the next. No
// timer holds anything back: a call that finds its pool idle starts a unit at
// once.
//
// Everything that writes to a pool goes through its methods. They may be
// called from any number of goroutines. A call waits until ctx is done, at
// most [MaxWait]. If that is before a unit has taken the call, it gives up its
// place and nothing happens ([ErrBusy]); if after, [ErrOutcomeUnknown].
type Combiner struct {
	service *Service
	config  CombinerConfig

	mu       sync.Mutex
	lines    map[PoolID]*line // that are not empty, have a unit running, or are worth remembering
	ready    []*line          // queued for a unit, longest waiting first
	stuck    []*line          // the same, of pools that are stuck
	running  int
	runStuck int // of those, on stuck pools
	waiting  int // calls in all lines
	closed   bool
	idle     chan struct{} // closed when closed and nothing runs
}

// NewCombiner returns a Combiner in front of s, or an error that says which
// setting is out of range.
func NewCombiner(s *Service, config CombinerConfig) (*Combiner, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Combiner{service: s, config: config, lines: map[PoolID]*line{}, idle: make(chan struct{})}, nil
}

// do puts a call in its pool's line and waits for its answer. An error means
// that there is none; the call's own error is part of its answer.
func (c *Combiner) do(ctx context.Context, pool PoolID, call call) error {
	now := time.Now()
	e := &entry{call: call, deadline: deadlineOf(ctx, now, MaxWait), done: make(chan struct{})}
	if d, ok := ctx.Deadline(); !ok || d.After(e.deadline) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, e.deadline)
		defer cancel()
	}
	if err := c.enter(pool, e); err != nil {
		return err
	}
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return c.leave(pool, e)
	}
}

func (c *Combiner) enter(pool PoolID, e *entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &BusyError{RetryAfter: time.Second, Reason: "the service is shutting down"}
	}
	l := c.lines[pool]
	if l == nil {
		l = &line{pool: pool}
		c.lines[pool] = l
	}
	if l.entries.Len() >= c.config.Line {
		return &BusyError{RetryAfter: c.drainTime(l), Reason: "the line is full"}
	}
	l.add(e)
	c.waiting++
	c.queue(l)
	c.start()
	return nil
}

// drainTime is about how long l takes to become empty, in whole seconds.
func (c *Combiner) drainTime(l *line) time.Duration {
	units := l.entries.Len()/maxUnitCalls + 1
	return (time.Duration(units) * l.typical).Truncate(time.Second) + time.Second
}

// leave is what becomes of a call whose caller goes.
func (c *Combiner) leave(pool PoolID, e *entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-e.done:
		return nil // the answer was as fast
	default:
	}
	was := e.phase
	e.phase = gone
	if e.place != nil {
		c.lines[pool].remove(e)
		c.waiting--
	}
	if was == taken {
		return e.unknown()
	}
	return &BusyError{RetryAfter: time.Second, Reason: "the pool could not be had before the deadline"}
}

// queue puts l in line for a unit, unless it is there or has nothing to do.
func (c *Combiner) queue(l *line) {
	switch {
	case l.queued || l.entries.Len() == 0:
		return
	case l.stuck:
		c.stuck = append(c.stuck, l)
	default:
		c.ready = append(c.ready, l)
	}
	l.queued = true
}

// start starts units while there is room for them.
func (c *Combiner) start() {
	for c.running < c.config.Units {
		var l *line
		switch {
		case len(c.stuck) > 0 && c.runStuck < max(1, c.config.Units/4):
			l, c.stuck = c.stuck[0], c.stuck[1:]
			c.runStuck++
		case len(c.ready) > 0:
			l, c.ready = c.ready[0], c.ready[1:]
		default:
			return
		}
		c.running++
		go c.run(l, l.stuck)
	}
}

// run runs one unit of l and makes room for the next.
func (c *Combiner) run(l *line, wasStuck bool) {
	p := &party{Combiner: c, line: l}
	began := time.Now()
	err := p.unit(wasStuck)
	if err != nil {
		p.calls() // who would have been in it is told
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(l, p.entries, wasStuck, time.Since(began), err)
	c.running--
	if wasStuck {
		c.runStuck--
	}
	l.queued = false
	c.queue(l)
	if memorable := l.stuck || l.crowded; !l.queued && (!memorable || len(c.lines) > maxMemories) {
		delete(c.lines, l.pool)
	}
	c.start()
	if c.closed && c.running == 0 {
		close(c.idle)
	}
}

// wait is how long a unit waits for the lock: a moment if the pool is not
// known to be stuck, and the rest in the part that is kept for such pools.
func (c *Combiner) wait(stuck bool) time.Duration {
	if stuck && c.config.LockWait > firstWait {
		return c.config.LockWait - firstWait
	}
	return firstWait
}

// wanted takes those calls for good whose callers are still there.
func (c *Combiner) wanted(calls []call) []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	here := make([]call, 0, len(calls))
	for _, call := range calls {
		if e := call.(*entry); e.phase != gone {
			e.phase = taken
			here = append(here, call)
		}
	}
	return here
}

// takeFrom takes the entries of a unit out of l, and refuses those that come
// too late for it.
func (c *Combiner) takeFrom(l *line) []*entry {
	unit, hopeless := l.take(time.Now())
	c.waiting -= len(unit) + len(hopeless)
	c.finish(hopeless, &BusyError{RetryAfter: c.drainTime(l), Reason: "the deadline is too near"})
	return unit
}

// settle gives a unit's calls their answers, or puts them back in line if the
// lock was not to be had in the first, short wait.
func (c *Combiner) settle(l *line, unit []*entry, wasStuck bool, took time.Duration, err error) {
	busy := errors.Is(err, ErrBusy)
	if len(unit) > 0 {
		l.stuck = busy
		l.crowded = len(unit) > 1
	}
	if busy && !wasStuck && c.config.LockWait > firstWait {
		c.putBack(l, unit)
		return
	}
	if err == nil && len(unit) > 0 {
		l.took(took)
	}
	if busy {
		err = &BusyError{RetryAfter: time.Second, Reason: "somebody keeps the pool's lock or its row"}
	}
	c.finish(unit, err)
}

// putBack makes a unit's calls the first in line again. None has been written.
func (c *Combiner) putBack(l *line, unit []*entry) {
	var back []*entry
	for _, e := range unit {
		if e.phase != gone {
			e.phase = waiting
			back = append(back, e)
		}
	}
	l.putBack(back)
	c.waiting += len(back)
}

// finish gives entries their answers: err, or what their calls hold.
func (c *Combiner) finish(entries []*entry, err error) {
	for _, e := range entries {
		if e.phase == gone {
			continue // its call is the caller's again
		}
		if err != nil {
			e.fail(err)
		}
		close(e.done)
	}
}

// Close refuses new calls and waits until those in line have their answers, or
// ctx is done.
func (c *Combiner) Close(ctx context.Context) error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		if c.running == 0 {
			close(c.idle)
		}
	}
	c.mu.Unlock()
	select {
	case <-c.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for units to end: %w", ctx.Err())
	}
}

// CombinerStats says what a [Combiner] is doing.
type CombinerStats struct {
	Waiting int // calls in line
	Running int // units in flight
	Queued  int // pools that wait for room to run a unit
	Stuck   int // of the pools running or waiting, those whose lock could not be had
}

// Stats returns what c is doing now.
func (c *Combiner) Stats() CombinerStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CombinerStats{
		Waiting: c.waiting,
		Running: c.running,
		Queued:  len(c.ready) + len(c.stuck),
		Stuck:   len(c.stuck) + c.runStuck,
	}
}
