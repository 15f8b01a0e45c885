package history

// judgeSpread is promise 5: while planners are not changed and no turn is given
// back or on, loads of active planners lie no further apart than at first, or
// than 1. It counts what was assigned, whatever the rule says.
func judgeSpread(s *scene, v *verdict) {
	l := newLoads()
	limit := int64(1)
	for i := range s.log {
		e := &s.log[i]
		switch data := e.data.(type) {
		case *plannersChanged:
			for _, p := range data.Planners {
				l.change(p)
			}
			limit = max(1, l.spread())
		case *voided, *reassigned:
			for _, b := range e.turnsBack() {
				l.add(b.Planner, -1)
			}
			if c, on := data.(*reassigned); on {
				l.add(c.To, +1)
			}
			limit = max(1, l.spread())
		case nil:
			if e.given == nil {
				continue
			}
			l.add(e.given.Planner.ID, +1)
			if d := l.spread(); d > limit {
				v.add(5, s.name, "after seq %d loads lie %d apart, and may %d", e.seq, d, limit)
			}
		}
	}
}

// loads are the planners' loads, with the least and the most of the active at
// hand.
type loads struct {
	assigned, base map[string]int64
	least, most    *queue[int64]
}

func newLoads() *loads {
	return &loads{
		assigned: map[string]int64{},
		base:     map[string]int64{},
		least:    newQueue(func(a, b int64) bool { return a < b }),
		most:     newQueue(func(a, b int64) bool { return a > b }),
	}
}

func (l *loads) change(p plannerChanged) {
	l.base[p.ID] = p.Base
	if !p.Active {
		l.least.drop(p.ID)
		l.most.drop(p.ID)
		return
	}
	l.least.put(p.ID, l.assigned[p.ID]+p.Base)
	l.most.put(p.ID, l.assigned[p.ID]+p.Base)
}

func (l *loads) add(planner string, by int64) {
	l.assigned[planner] += by
	if l.least.has(planner) {
		l.least.put(planner, l.assigned[planner]+l.base[planner])
		l.most.put(planner, l.assigned[planner]+l.base[planner])
	}
}

func (l *loads) spread() int64 {
	_, least, _ := l.least.first()
	_, most, _ := l.most.first()
	return most - least
}
