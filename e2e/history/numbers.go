package history

import "time"

// judgeNumbers is promise 6: a number is in at most one live assignment, at
// every position of the log, and rests for the cool-down between two. It does
// not matter here which number the rule would give.
func judgeNumbers(s *scene, v *verdict) {
	var (
		cooldown time.Duration
		holder   = map[string]int64{} // seq of the live assignment, by number
		rests    = map[string]time.Time{}
	)
	for i := range s.log {
		e := &s.log[i]
		switch data := e.data.(type) {
		case *poolChanged:
			cooldown = time.Duration(data.Cooldown) * time.Second
		case *released:
			a := s.byID[data.ID]
			if a == nil || holder[text(a.Number)] != a.Seq {
				continue
			}
			delete(holder, text(a.Number))
			rests[text(a.Number)] = e.at.Add(cooldown)
		case nil:
			if e.given == nil || e.given.Number == nil {
				continue
			}
			n := *e.given.Number
			if other := holder[n]; other != 0 {
				v.add(6, s.name, "seq %d has number %s, which seq %d has as well", e.seq, n, other)
			}
			if until := rests[n]; until.After(e.at) {
				v.add(6, s.name, "seq %d of %v has number %s, which rests until %v", e.seq, e.at, n, until)
			}
			holder[n] = e.seq
		}
	}
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
