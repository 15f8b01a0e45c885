package load

import "math"

// A judge holds what workers hand over against what the API promises of the
// answers together. It is for one goroutine, and keeps 8 bytes for each
// assignment besides those that it has heard of in the last moments.
type judge struct {
	pools    []*poolJudge
	findings *findings
	judged   int64
}

func newJudge(subjects []*subject, f *findings) *judge {
	j := &judge{findings: f}
	for _, s := range subjects {
		j.pools = append(j.pools, newPoolJudge(s, f))
	}
	return j
}

func (j *judge) add(r *record) {
	p := j.pools[r.pool]
	switch {
	case r.kind == release:
		p.release(r)
	case r.made:
		j.judged++
		p.made(r)
	case r.doubt:
		p.doubtful()
	}
}

// known judges all that can be judged, given that everything is known of calls
// that began before now.
func (j *judge) known(now int64) {
	for _, p := range j.pools {
		p.known(now)
	}
}

// end is for when everything is known.
func (j *judge) end() { j.known(math.MaxInt64) }

// A poolJudge judges one pool.
type poolJudge struct {
	*subject
	findings *findings
	sums     pages[uint64] // of assignments that callers were told of, by position
	taken    int64         // calls that may have got a position since the start
	given    []int64
	others   int64 // given to planners who were not there at the start

	// Assignments of which not all that came before is known yet, by position.
	waiting queue[entry]

	// Of those behind: the latest position, and the latest beginning.
	latest, begun int64

	// The planners in the order of their turns, until an assignment may have
	// happened of which nothing is known.
	turns  queue[*turn]
	bySlot []*turn
	blind  bool

	holders map[uint32]int64 // position of the latest assignment, by number
	ending  map[int64]int64  // when the release of an assignment with a number began, by position
}

// An entry is an assignment in the judge's line.
type entry struct {
	seq, begun, answered int64
	planner, number      uint32
}

// A turn is a planner's place in the order of turns.
type turn struct {
	load, last int64
	planner    string
	index      int
}

// sooner is the rule: smallest load, then longest without work, then the id.
func (t *turn) sooner(o *turn) bool {
	if t.load != o.load {
		return t.load < o.load
	}
	if t.last != o.last {
		return t.last < o.last
	}
	return t.planner < o.planner
}

func turnQueue() queue[*turn] {
	return queue[*turn]{before: (*turn).sooner, moved: func(t *turn, i int) { t.index = i }}
}

func newPoolJudge(s *subject, f *findings) *poolJudge {
	p := &poolJudge{
		subject: s, findings: f, sums: pages[uint64]{}, latest: s.start, given: make([]int64, len(s.planners)),
		waiting: queue[entry]{before: func(a, b entry) bool { return a.seq < b.seq }},
		turns:   turnQueue(), blind: !s.own,
		holders: map[uint32]int64{}, ending: map[int64]int64{},
	}
	if s.own {
		for _, id := range s.planners {
			t := &turn{planner: id}
			p.bySlot = append(p.bySlot, t)
			p.turns.push(t)
		}
	}
	return p
}

func (p *poolJudge) wrong(kind, format string, args ...any) {
	p.findings.add(kind, p.id, format, args...)
}

// release remembers that a number may be free from now on.
func (p *poolJudge) release(r *record) {
	if r.outcome.unchanged() {
		return
	}
	p.taken++
	if r.number != 0 {
		p.ending[r.seq] = r.begun
	}
}

// doubtful notes that there may be an assignment of which nothing is known: it
// is not known any more whose turn it is. The replay of the log knows.
func (p *poolJudge) doubtful() {
	p.taken++
	p.blind = true
}

func (p *poolJudge) made(r *record) {
	p.taken++
	p.count(r.planner)
	if !p.claim(r.seq, r.sum) {
		return
	}
	if r.seq <= p.latest {
		p.wrong(ofOrder, "position %d was given to a call that began after position %d or a later one was answered", r.seq, p.latest)
		return
	}
	p.waiting.push(entry{r.seq, r.begun, r.answered, r.planner, r.number})
}

func (p *poolJudge) count(planner uint32) {
	if planner == nobody {
		p.others++
	} else {
		p.given[planner]++
	}
}

// claim notes whose a position is, and reports whether it was free.
func (p *poolJudge) claim(seq int64, sum uint64) bool {
	if seq <= p.start {
		p.wrong(ofSeq, "position %d was given, which was taken before the run: that began at %d", seq, p.start)
		return false
	}
	switch was := p.sums.at(seq); {
	case *was == 0:
		*was = sum
		return true
	case *was == sum:
		p.wrong(ofSeq, "the assignment at position %d was given to two calls as new", seq)
	default:
		p.wrong(ofSeq, "position %d was given twice, to different assignments", seq)
	}
	return false
}

// known judges what waits and was answered before now. Calls that begin from
// now on get later positions, or it is an error.
func (p *poolJudge) known(now int64) {
	for p.waiting.len() > 0 && p.waiting.first().answered < now {
		p.judge(p.waiting.pop())
	}
}

func (p *poolJudge) judge(e entry) {
	if e.answered < p.begun {
		p.wrong(ofOrder, "position %d was answered before a call began that got an earlier one (%d or before)", e.seq, p.latest)
	}
	p.latest, p.begun = e.seq, max(p.begun, e.begun)
	if !p.own {
		return // others may assign and release there
	}
	if most := p.start + p.taken; e.seq > most {
		p.wrong(ofSeq, "position %d was given, and there were calls for %d", e.seq, most)
	}
	p.spread(e)
	p.number(e)
}

// spread wants the planner whose turn it was. After a mistake it goes on from
// what was answered.
func (p *poolJudge) spread(e entry) {
	if p.blind || e.planner == nobody {
		return
	}
	got := p.bySlot[e.planner]
	if due := p.turns.first(); due != got {
		p.wrong(ofSpread, "position %d went to %s (%d before, the last at %d), and it was the turn of %s (%d before, the last at %d)",
			e.seq, got.planner, got.load, got.last, due.planner, due.load, due.last)
	}
	got.load++
	got.last = e.seq
	p.turns.fix(got.index)
}

// number wants nobody else to hold the number: who held it last must at least
// have begun to give it back.
func (p *poolJudge) number(e entry) {
	if e.number == 0 {
		return
	}
	if last := p.holders[e.number]; last != 0 {
		if began, ended := p.ending[last]; !ended || began > e.answered {
			p.wrong(ofNumber, "position %d has a number that position %d has as well, and has not given back", e.seq, last)
		}
		delete(p.ending, last)
	}
	p.holders[e.number] = e.seq
}
