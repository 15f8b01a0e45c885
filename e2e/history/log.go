package history

// judgeLog is the first half of promise 3: positions are 1, 2, 3 … without a
// gap or a duplicate, and time does not run backwards along them.
func judgeLog(s *scene, v *verdict) {
	last := int64(0)
	for i, e := range s.log {
		switch {
		case e.seq == last+1:
		case e.seq <= last:
			v.add(3, s.name, "seq %d is taken twice", e.seq)
		default:
			v.add(3, s.name, "seq %d to %d are missing", last+1, e.seq-1)
		}
		last = max(last, e.seq)
		if i > 0 && e.at.Before(s.log[i-1].at) {
			v.add(3, s.name, "seq %d is of %v, and what comes before of %v", e.seq, e.at, s.log[i-1].at)
		}
		if e.event != nil && e.data == nil {
			v.add(3, s.name, "seq %d is an event that cannot be read: %s %s", e.seq, e.event.Kind, e.event.Data)
		}
	}
	if s.Row.Seq != last {
		v.add(3, s.name, "the pool is at seq %d, its log at %d", s.Row.Seq, last)
	}
}
