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

	settings settings
	planners map[string]*planner
	turns    *queue[turn] // of the active planners
	numbers  map[string]*number
	free     *queue[rest]
	expiring *queue[rest]       // numbers in use that are free by themselves at a time, but for their rest
	former   map[pair][]*number // who had a number last, as far as the pool was sticky
	passed   time.Time          // of the latest expiry in the log of numbers that do not come back
	lives    map[string]*life   // of assignments, by id
	live     map[string]*life   // those that have not ended
}

// A planner is one as the log has it.
type planner struct {
	plannerState
	id    string
	open  int64
	taken []taken // turns that count, in their order
}

// A taken turn is one that counts for the planner who had it.
type taken struct {
	seq int64
	at  time.Time
}

func (p *planner) load() int64 { return int64(len(p.taken)) + p.Base }

// last is the latest turn that counts, zero if there is none.
func (p *planner) last() taken {
	if len(p.taken) == 0 {
		return taken{}
	}
	return p.taken[len(p.taken)-1]
}

// A life is what has become of an assignment.
type life struct {
	*client.Assignment
	state   client.AssignmentState
	ended   *time.Time
	voided  *time.Time
	holder  client.AssignedPlanner // who has it now
	had     []had                  // every turn that somebody had for it
	expires *time.Time             // when it ends by itself, while it is live
}

// had is a turn that a planner had for an assignment.
type had struct {
	planner string
	turn    int64
	counts  bool
}

// A turn is a planner's place in the order in which work is given.
type turn struct {
	load, lastSeq int64
	planner       string
}

func (p *planner) turn() turn { return turn{p.load(), p.last().seq, p.id} }

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
		settings: settings{}.full(),
		planners: map[string]*planner{},
		turns:    newQueue(turn.sooner),
		numbers:  map[string]*number{},
		free:     newQueue(rest.sooner),
		expiring: newQueue(rest.sooner),
		former:   map[pair][]*number{},
		lives:    make(map[string]*life, len(s.Assignments)),
		live:     map[string]*life{},
	}
}

func (r *replay) replay(e *entry) {
	switch data := e.data.(type) {
	case *poolChanged:
		r.change(e, data)
	case *plannersChanged:
		for _, p := range data.Planners {
			r.planner(e, p)
		}
	case *numbersAdded:
		r.stock(e, data)
	case *numbersSetAside:
		r.setAside(e, data)
	case *numberChanged:
		r.care(e, data)
	case *numberTouched:
		r.touch(e, data)
	case *released:
		r.end(e, data.ended, e.at)
	case *releasedMany:
		r.releaseMany(e, data)
	case *expired:
		r.expire(e, data)
	case *voided:
		r.void(e, data)
	case *reassigned:
		r.reassign(e, data)
	case nil:
		if e.given != nil {
			r.assign(e.given)
		}
	}
}

func (r *replay) wrong(format string, args ...any) { r.v.add(3, r.name, format, args...) }

func (r *replay) change(e *entry, c *poolChanged) {
	switch first := e.seq == 1; {
	case first != (c.Was == nil):
		r.wrong("seq %d changes settings from %+v", e.seq, c.Was)
	case !first && *c.Was != r.settings:
		r.wrong("seq %d changes settings from %+v, which were %+v", e.seq, *c.Was, r.settings)
	case !first && c.settings == r.settings:
		r.wrong("seq %d changes nothing", e.seq)
	}
	r.settings = c.settings
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
	case known && c.plannerState == p.plannerState && !c.PhoneChanged:
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
		r.give(p, a.Seq, a.AssignedAt)
	}
	l := &life{Assignment: a, state: client.AssignmentStateActive, holder: a.Planner, had: []had{{a.Planner.ID, a.Seq, true}}}
	r.lives[a.ID], r.live[a.ID] = l, l
	r.number(l)
}

// give gives a planner a turn.
func (r *replay) give(p *planner, seq int64, at time.Time) {
	p.taken = append(p.taken, taken{seq, at})
	p.open++
	r.seat(p)
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
	return fmt.Sprintf("%s (%s, load %d, last at seq %d)", id, state, p.load(), p.last().seq)
}
