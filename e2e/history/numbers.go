package history

import (
	"time"

	"fairlead/api/client"
)

// judgeNumbers is promise 6: a number is in at most one live assignment, at
// every position of the log, rests for the cool-down between two unless the
// pool lets the same customer and planner have it again, and is not given while
// it is out of use. It does not matter here which number the rule would give.
func judgeNumbers(s *scene, v *verdict) {
	w := watch{scene: s, v: v, settings: settings{}.full(), numbers: map[string]*watched{}, holders: map[string]string{}}
	for i := range s.log {
		w.see(&s.log[i])
	}
}

// A watch is what promise 6 is about, at a position of the log.
type watch struct {
	*scene
	v        *verdict
	settings settings
	numbers  map[string]*watched
	holders  map[string]string // planners who got assignments by a reassignment, by assignment
}

// A watched number is one that was given, or taken out of use.
type watched struct {
	holder   *client.Assignment // the live one; nil if there is none
	rests    time.Time          // until when
	last     pair               // who had it
	outOfUse client.NumberState // if it is
}

func (w *watch) number(n string) *watched {
	if w.numbers[n] == nil {
		w.numbers[n] = &watched{}
	}
	return w.numbers[n]
}

func (w *watch) see(e *entry) {
	ends, at := e.endings()
	for i, c := range ends {
		w.ended(c, at[i])
	}
	switch c := e.data.(type) {
	case *poolChanged:
		w.settings = c.settings
	case *reassigned:
		w.holders[c.ID] = c.To
	case *numbersSetAside:
		for _, n := range c.Numbers {
			w.number(n.Number).outOfUse = client.NumberStateSetAside
		}
	case *numberChanged:
		w.number(c.Number).outOfUse = ""
		if c.State != client.NumberStateFree && c.State != client.NumberStateActive {
			w.number(c.Number).outOfUse = c.State
		}
	case nil:
		if e.given != nil && e.given.Number != nil {
			w.given(e, w.number(*e.given.Number))
		}
	}
}

// ended lets the number of an assignment rest, if the assignment still had it:
// a void one may have ended long before.
func (w *watch) ended(c ended, at time.Time) {
	a := w.byID[c.ID]
	if a == nil || a.Number == nil {
		return
	}
	n := w.number(*a.Number)
	if n.holder != a {
		return
	}
	n.holder, n.rests, n.last = nil, at.Add(w.settings.rest()), pair{}
	if w.settings.Sticky == client.StickyPrefer {
		n.last = pair{a.Customer, w.holderOf(a)}
	}
}

func (w *watch) holderOf(a *client.Assignment) string {
	if planner, ok := w.holders[a.ID]; ok {
		return planner
	}
	return a.Planner.ID
}

func (w *watch) given(e *entry, n *watched) {
	a := e.given
	if n.holder != nil {
		w.v.add(6, w.name, "seq %d has number %s, which seq %d has as well", e.seq, *a.Number, n.holder.Seq)
	}
	again := w.settings.Sticky == client.StickyPrefer && a.Customer != "" && n.last == pair{a.Customer, a.Planner.ID}
	if n.rests.After(e.at) && !again {
		w.v.add(6, w.name, "seq %d of %v has number %s, which rests until %v", e.seq, e.at, *a.Number, n.rests)
	}
	if n.outOfUse != "" {
		w.v.add(6, w.name, "seq %d has number %s, which is %s", e.seq, *a.Number, n.outOfUse)
	}
	n.holder = a
}

// judgeOwners is the same among pools: a number belongs to one.
func judgeOwners(scenes []*scene, v *verdict) {
	owner := map[string]string{}
	for _, s := range scenes {
		for i := range s.log {
			added, ok := s.log[i].data.(*numbersAdded)
			if !ok {
				continue
			}
			for _, n := range added.Numbers {
				if other, taken := owner[n]; taken {
					v.add(6, s.name, "seq %d adds number %s, which was added in %s", s.log[i].seq, n, other)
				}
				owner[n] = s.name
			}
		}
	}
}
