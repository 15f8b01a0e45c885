package history

import (
	"fmt"
	"time"

	"fairlead/api/client"
)

// judgeRule is the second half of promise 3: the whole log is decided again,
// by the rule, and must come to the same, as must the counts that are kept.
// Where the log is wrong the replay goes on from what it says, so that one
// mistake is told once.
func judgeRule(s *scene, v *verdict) {
	r := newReplay(s, v)
	for i := range s.log {
		r.replay(&s.log[i])
	}
	r.compare()
}

// A replay is a pool's state at a position of its log.
type replay struct {
	*scene
	v *verdict

	cooldown time.Duration
	planners map[string]*planner
	turns    *queue[turn] // of the active planners
	numbers  map[string]*number
	free     *queue[rest]
	live     map[string]*client.Assignment // by id
	ended    map[string]time.Time          // when assignments were released, by id
}

// A planner is one as the log has it.
type planner struct {
	plannerState
	id             string
	assigned, open int64
	lastSeq        int64
	lastAt         time.Time
}

func (p *planner) load() int64 { return p.assigned + p.Base }

// A turn is a planner's place in the order in which work is given.
type turn struct {
	load, lastSeq int64
	planner       string
}

func (p *planner) turn() turn { return turn{p.load(), p.lastSeq, p.id} }

// sooner is the rule: smallest load, then longest without work, then the id.
func (t turn) sooner(o turn) bool {
	if t.load != o.load {
		return t.load < o.load
	}
	if t.lastSeq != o.lastSeq {
		return t.lastSeq < o.lastSeq
	}
	return t.planner < o.planner
}

func newReplay(s *scene, v *verdict) *replay {
	return &replay{
		scene: s, v: v,
		planners: map[string]*planner{},
		turns:    newQueue(turn.sooner),
		numbers:  map[string]*number{},
		free:     newQueue(rest.sooner),
		live:     map[string]*client.Assignment{},
		ended:    map[string]time.Time{},
	}
}

func (r *replay) replay(e *entry) {
	switch data := e.data.(type) {
	case *poolChanged:
		r.settings(e, data)
	case *plannersChanged:
		for _, p := range data.Planners {
			r.planner(e, p)
		}
	case *numbersAdded:
		r.stock(e, data)
	case *numbersSetAside:
		r.setAside(e, data)
	case *released:
		r.release(e, data)
	case nil:
		if e.given != nil {
			r.assign(e.given)
		}
	}
}

func (r *replay) wrong(format string, args ...any) { r.v.add(3, r.name, format, args...) }

func (r *replay) settings(e *entry, c *poolChanged) {
	was := int64(r.cooldown / time.Second)
	switch first := e.seq == 1; {
	case first != (c.Was == nil):
		r.wrong("seq %d changes settings from %+v", e.seq, c.Was)
	case !first && c.Was.Cooldown != was:
		r.wrong("seq %d changes a cool-down of %d s, which was %d s", e.seq, c.Was.Cooldown, was)
	case !first && c.Cooldown == was:
		r.wrong("seq %d changes nothing", e.seq)
	}
	r.cooldown = time.Duration(c.Cooldown) * time.Second
}

// planner applies what an event says of one planner. Whoever joins is level
// with the least loaded of the others who are active, unless already above.
func (r *replay) planner(e *entry, c plannerChanged) {
	p, known := r.planners[c.ID]
	if !known {
		p = &planner{id: c.ID}
		r.planners[c.ID] = p
	}
	switch {
	case known != (c.Was != nil):
		r.wrong("seq %d changes planner %s from %+v, who was known: %v", e.seq, c.ID, c.Was, known)
	case known && *c.Was != p.plannerState:
		r.wrong("seq %d changes planner %s from %+v, who was %+v", e.seq, c.ID, *c.Was, p.plannerState)
	case known && c.plannerState == p.plannerState:
		r.wrong("seq %d changes nothing of planner %s", e.seq, c.ID)
	}
	base := p.Base
	if _, least, any := r.turns.first(); any && c.joins() {
		base += max(0, least.load-p.load())
	}
	if c.Base != base {
		r.wrong("seq %d gives planner %s a base of %d, and %d is level", e.seq, c.ID, c.Base, base)
	}
	p.plannerState = c.plannerState
	r.seat(p)
}

// seat puts a planner where the order wants it now.
func (r *replay) seat(p *planner) {
	if p.Active {
		r.turns.put(p.id, p.turn())
	} else {
		r.turns.drop(p.id)
	}
}

func (r *replay) assign(a *client.Assignment) {
	switch due, _, any := r.turns.first(); {
	case !any:
		r.wrong("seq %d goes to %s, and nobody is active", a.Seq, a.Planner.ID)
	case a.Planner.ID != due:
		r.wrong("seq %d goes to %s, and it is the turn of %s", a.Seq, r.told(a.Planner.ID), r.told(due))
	}
	if p := r.planners[a.Planner.ID]; p == nil {
		r.wrong("seq %d goes to %s, whom the pool does not have", a.Seq, a.Planner.ID)
	} else {
		if a.Planner.Name != p.Name {
			r.wrong("seq %d calls planner %s %q, and the name was %q", a.Seq, p.id, a.Planner.Name, p.Name)
		}
		p.assigned++
		p.open++
		p.lastSeq, p.lastAt = a.Seq, a.AssignedAt
		r.seat(p)
	}
	r.give(a)
	r.live[a.ID] = a
}

// told is a planner's place in the order, for people.
func (r *replay) told(id string) string {
	p := r.planners[id]
	if p == nil {
		return id
	}
	state := "off"
	if p.Active {
		state = "active"
	}
	return fmt.Sprintf("%s (%s, load %d, last at seq %d)", id, state, p.load(), p.lastSeq)
}

func (r *replay) release(e *entry, c *released) {
	a := r.live[c.ID]
	if a == nil {
		r.wrong("seq %d releases %s, which is not live", e.seq, c.ID)
		return
	}
	delete(r.live, c.ID)
	r.ended[c.ID] = e.at
	if c.Seq != a.Seq {
		r.wrong("seq %d releases %s as seq %d, which is seq %d", e.seq, c.ID, c.Seq, a.Seq)
	}
	if p := r.planners[a.Planner.ID]; p != nil {
		p.open--
	}
	r.takeBack(e, a, c)
}
