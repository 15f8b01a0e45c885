package history

import (
	"cmp"
	"slices"
	"time"

	"fairlead/api/client"
)

// A scene is everything that is known of one pool: what callers asked and were
// told, and what its tables say.
type scene struct {
	Pool
	name string
	log  []entry                       // in the order of seq
	keys []*asked                      // in the order in which they were first sent
	kept map[string]*client.Assignment // by key; the first if there are several
	byID map[string]*client.Assignment

	asked    map[string]*asked        // by key
	released map[string][]*Call       // by assignment
	voids    map[string][]*Call       // by assignment
	noted    map[string][]*Call       // calls to reassign, release many and care for, by note
	touches  map[string]*switching    // by number
	over     map[string]time.Duration // by when a caller knew that an assignment had ended
	moved    map[string]time.Duration // by when a caller knew that an assignment was somebody else's
	byItself map[string]bool          // assignments that the log says ended by themselves
	switches map[flip]*switching

	changing []*Call    // all calls to release, void and reassign
	many     []*Call    // all calls to release many
	cared    []*Call    // all calls to care for a number, to touch one, or to ask where it leads
	switched []*Call    // all calls to switch a planner
	others   *switching // calls that may have switched anybody

	spans []span // when each position of the log came about
}

// asked is all calls to assign with one key.
type asked struct {
	key   string
	calls []*Call
}

// A flip switches a planner on or off.
type flip struct {
	planner string
	active  bool
}

// scenesOf sorts calls and tables by pools.
func scenesOf(calls []Call, pools []Pool) []*scene {
	var (
		all    []*scene
		byName = map[string]*scene{}
		byID   = map[string]*scene{} // by assignment
	)
	add := func(name string, p Pool) *scene {
		s := newScene(name, p)
		all, byName[name] = append(all, s), s
		for id := range s.byID {
			byID[id] = s
		}
		return s
	}
	for _, p := range pools {
		add(p.Row.Pool, p)
	}
	for i := range calls {
		c := &calls[i]
		s := byName[c.Pool]
		if of := byID[c.ID]; of != nil {
			s = of
		}
		if s == nil && (c.Kind == Assign || c.changesAssignment()) {
			s = add(c.Pool, Pool{}) // nothing of it was read: what was promised there is missing
		}
		if s != nil {
			s.hear(c)
		}
	}
	for _, s := range all {
		s.others.sort()
		for _, w := range s.switches {
			w.sort()
		}
		for _, w := range s.touches {
			w.sort()
		}
		s.spans = spansOf(s)
	}
	return all
}

func newScene(name string, p Pool) *scene {
	s := &scene{
		Pool: p, name: name,
		log:  logOf(p),
		kept: make(map[string]*client.Assignment, len(p.Assignments)),
		byID: make(map[string]*client.Assignment, len(p.Assignments)),

		asked:    make(map[string]*asked, len(p.Assignments)),
		released: map[string][]*Call{},
		voids:    map[string][]*Call{},
		noted:    map[string][]*Call{},
		touches:  map[string]*switching{},
		over:     map[string]time.Duration{},
		moved:    map[string]time.Duration{},
		byItself: map[string]bool{},
		switches: map[flip]*switching{},
		others:   &switching{},
	}
	for i := range p.Assignments {
		a := &p.Assignments[i]
		if s.kept[a.Key] == nil {
			s.kept[a.Key] = a
		}
		if s.byID[a.ID] == nil {
			s.byID[a.ID] = a
		}
	}
	for i := range s.log {
		if c, ok := s.log[i].data.(*expired); ok {
			for _, a := range c.Assignments {
				s.byItself[a.ID] = true
			}
		}
	}
	return s
}

func (s *scene) hear(c *Call) {
	switch c.Kind {
	case Assign:
		key := c.key()
		if key == "" {
			return // nobody can tell which row is its
		}
		k := s.asked[key]
		if k == nil {
			k = &asked{key: key}
			s.asked[key] = k
			s.keys = append(s.keys, k)
		}
		k.calls = append(k.calls, c)
	case Release:
		s.released[c.ID] = append(s.released[c.ID], c)
		s.changing = append(s.changing, c)
		s.known(c)
	case Void:
		s.voids[c.ID] = append(s.voids[c.ID], c)
		s.changing = append(s.changing, c)
		s.known(c)
	case Reassign:
		s.noted[c.Note] = append(s.noted[c.Note], c)
		s.changing = append(s.changing, c)
		s.known(c)
	case ReleaseMany:
		s.noted[c.Note] = append(s.noted[c.Note], c)
		s.many = append(s.many, c)
		s.known(c)
	case Care:
		s.noted[c.Note] = append(s.noted[c.Note], c)
		s.cared = append(s.cared, c)
	case Touch:
		if s.touches[c.Number] == nil {
			s.touches[c.Number] = &switching{}
		}
		s.touches[c.Number].add(c)
		s.cared = append(s.cared, c)
	case Route:
		s.cared = append(s.cared, c)
	case Switch:
		f := flip{c.Planner, c.Active}
		if s.switches[f] == nil {
			s.switches[f] = &switching{}
		}
		s.switches[f].add(c)
		s.switched = append(s.switched, c)
	case Other:
		s.others.add(c)
	}
}

// known notes what a caller learned of assignments that the call changed.
func (s *scene) known(c *Call) {
	if c.Outcome() != Done {
		return
	}
	note := func(in map[string]time.Duration, id string) {
		if was, ok := in[id]; !ok || c.Got < was {
			in[id] = c.Got
		}
	}
	switch {
	case c.Kind == Release, c.Kind == Void:
		note(s.over, c.ID)
	case c.Kind == Reassign && c.Answer != nil && c.Answer.ReassignedTo != nil:
		note(s.moved, c.ID)
	case c.Many != nil:
		for i := range c.Many.Assignments {
			note(s.over, c.Many.Assignments[i].ID)
		}
	}
}

// maker is the call that was told that it made the assignment, nil if none was.
func (k *asked) maker() *Call {
	for _, c := range k.calls {
		if c.Outcome() == Done && !c.Replayed {
			return c
		}
	}
	return nil
}

// answered is the call whose answer speaks for the key: the maker or else any
// that was done, nil if there is none.
func (k *asked) answered() *Call {
	if c := k.maker(); c != nil {
		return c
	}
	for _, c := range k.calls {
		if c.Outcome() == Done {
			return c
		}
	}
	return nil
}

// span is when the assignment with this id was made: by the maker, or else by
// a call that does not know, and before anybody was told of it.
func (k *asked) span(id string) span {
	maker, unknown, told := forever, forever, forever
	for _, c := range k.calls {
		switch c.Outcome() {
		case Done:
			if c.Answer == nil || c.Answer.ID != id {
				continue
			}
			told = min(told, c.Got)
			if !c.Replayed {
				maker = min(maker, c.Sent)
			}
		case Unknown:
			unknown = min(unknown, c.Sent)
		}
	}
	switch {
	case maker < forever:
		return span{maker, told}
	case unknown < forever:
		return span{unknown, told}
	}
	return span{0, told}
}

// spanOf is when something happened that any of these calls can have brought
// about, and each that is done has seen.
func spanOf(calls []*Call) span {
	s := span{forever, forever}
	for _, c := range calls {
		switch c.Outcome() {
		case Done:
			s.from, s.to = min(s.from, c.Sent), min(s.to, c.Got)
		case Unknown:
			s.from = min(s.from, c.Sent)
		}
	}
	if s.from == forever {
		return anyTime
	}
	return s
}

// wishes are those that the assignment may have been made with, so far as the
// callers tell: what was answered says it, what was refused as another request
// excludes it. A wish that was not said counts as the same request as one for a
// number if there is one, and may have made the assignment all the same.
func (k *asked) wishes(a *client.Assignment) []Wish {
	if c := k.maker(); c != nil {
		return []Wish{c.Wish}
	}
	var wishes, not []Wish
	told := k.answered()
	for _, c := range k.calls {
		switch b := c.body(); {
		case told != nil:
			if b == told.body() {
				wishes = append(wishes, c.Wish)
			}
		case b.customer != a.Customer:
		case c.Outcome() == Unknown:
			wishes = append(wishes, c.Wish)
		case c.Code == client.ProblemCodeKeyReused:
			not = append(not, b.wish)
		}
	}
	return slices.DeleteFunc(wishes, func(w Wish) bool { return slices.Contains(not, body{a.Customer, w}.full().wish) })
}

// An entry is one position of a pool's log: an assignment or an event.
type entry struct {
	seq   int64
	at    time.Time
	given *client.Assignment // nil for an event
	event *client.Event      // nil for an assignment
	data  any                // what the event says; nil if it cannot be read
}

// logOf merges a pool's assignments and events.
func logOf(p Pool) []entry {
	log := make([]entry, 0, len(p.Assignments)+len(p.Events))
	for i := range p.Assignments {
		a := &p.Assignments[i]
		log = append(log, entry{seq: a.Seq, at: a.AssignedAt, given: a})
	}
	for i := range p.Events {
		e := &p.Events[i]
		log = append(log, entry{seq: e.Seq, at: e.At, event: e, data: decode(e)})
	}
	slices.SortStableFunc(log, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	return log
}
