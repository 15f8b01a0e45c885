package history

import (
	"fmt"
	"maps"
	"slices"

	"fairlead/api/client"
)

// A move is what an operation does to the table. ok is false if it cannot be
// what happens next.
type move func(table) (next table, ok bool)

// operationsOf is a pool's history as operations, and the table before them.
func operationsOf(s *scene) (start table, operations []operation, err error) {
	c := newCollector(s)
	if err := c.changes(); err != nil {
		return "", nil, err
	}
	if err := c.assignments(); err != nil {
		return "", nil, err
	}
	c.looks()
	return c.start, inSuggestedOrder(c.start, c.done, c.looked), nil
}

type collector struct {
	*scene
	places map[string]int // of planners, in the order of their ids
	start  table
	done   []placed    // operations that changed something
	looked []operation // those that did not
}

// A placed operation has a place in the log.
type placed struct {
	seq int64
	operation
}

func newCollector(s *scene) *collector {
	c := &collector{scene: s, places: map[string]int{}}
	for i := range s.log {
		if changed, ok := s.log[i].data.(*plannersChanged); ok {
			for _, p := range changed.Planners {
				c.places[p.ID] = 0
			}
		}
	}
	for i, id := range slices.Sorted(maps.Keys(c.places)) {
		c.places[id] = i
	}
	c.start = lay(make([]seat, len(c.places)))
	return c
}

func (c *collector) add(seq int64, when span, m move) {
	c.done = append(c.done, placed{seq, operation{when: when, move: m}})
}

// changes takes the changes of planners from the log, each in the time that
// its place there leaves. Those ahead of the first assignment that no caller
// asked for made the pool.
func (c *collector) changes() error {
	fresh := true
	for i, w := range windows(c.spans) {
		e := &c.log[i]
		if e.turnsBack() != nil {
			return fmt.Errorf("seq %d gives back turns, which cannot be searched", e.seq)
		}
		fresh = fresh && e.given == nil
		changed, ok := e.data.(*plannersChanged)
		switch when := (span{max(w.from, c.spans[i].from), min(w.to, c.spans[i].to)}); {
		case !ok:
		case fresh && c.spans[i] == anyTime:
			c.start, _ = c.change(changed)(c.start)
		case when.from > when.to:
			return fmt.Errorf("no time is left for seq %d", e.seq)
		default:
			c.add(e.seq, when, c.change(changed))
		}
	}
	return nil
}

func (c *collector) assignments() error {
	for _, k := range c.keys {
		a := c.kept[k.key]
		if told := k.answered(); told != nil && told.Answer != nil {
			a = told.Answer
		}
		if err := c.assignment(k, a); err != nil {
			return err
		}
	}
	for i := range c.Assignments {
		if a := &c.Assignments[i]; c.asked[a.Key] == nil {
			if err := c.assignment(&asked{}, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// assignment adds the assignment of a key, if there is one.
func (c *collector) assignment(k *asked, a *client.Assignment) error {
	if a == nil {
		return nil
	}
	i, ok := c.places[a.Planner.ID]
	if !ok {
		return fmt.Errorf("seq %d goes to %s, whom the pool does not have", a.Seq, a.Planner.ID)
	}
	c.add(a.Seq, k.span(a.ID), give(i))
	return nil
}

// looks adds what changed nothing, and tells how things were.
func (c *collector) looks() {
	look := func(call *Call, m move) {
		c.looked = append(c.looked, operation{when: span{call.Sent, call.Got}, move: m})
	}
	for _, call := range c.switched {
		if i, ok := c.places[call.Planner]; ok && call.Outcome() == Done {
			look(call, is(i, call.Active))
		}
	}
	for _, k := range c.keys {
		for _, call := range k.calls {
			if call.Code == client.ProblemCodeNoPlanner {
				look(call, nobody)
			}
		}
	}
}

// give is an assignment to a planner.
func give(planner int) move {
	return func(t table) (table, bool) {
		seats := t.seats()
		if due, any := next(seats); !any || due != planner {
			return t, false
		}
		seats[planner].load++
		seats[planner].turn = lastTurn(seats, planner)
		return lay(seats), true
	}
}

// nobody is a refusal because no planner is active.
func nobody(t table) (table, bool) {
	_, any := next(t.seats())
	return t, !any
}

// is sees a planner active, or not.
func is(planner int, active bool) move {
	return func(t table) (table, bool) { return t, t.seats()[planner].active == active }
}

// change switches planners, one after the other. Whoever joins is level with
// the least loaded of the others, unless already above.
func (c *collector) change(changed *plannersChanged) move {
	return func(t table) (table, bool) {
		seats := t.seats()
		for _, p := range changed.Planners {
			me := &seats[c.places[p.ID]]
			if due, any := next(seats); p.Active && !me.active && any {
				me.load = max(me.load, seats[due].load)
			}
			me.active = p.Active
		}
		return lay(seats), true
	}
}
