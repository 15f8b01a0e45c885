package load

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/maphash"
	"slices"
	"time"
)

// A replay goes through a pool's log, holds what callers were told against it,
// and decides a pool of the run's own once more, from its first position.
// Where the log is wrong it goes on from what the log says.
type replay struct {
	*poolJudge
	prefix string // of the run's keys
	whole  bool   // nothing stayed in doubt
	done   Replayed

	seq      int64
	at       time.Time
	matched  int64 // assignments of which a caller was told
	ids      []uint64
	keys     []uint64
	open     int64
	planners map[string]*planner
	turns    queue[*turn]
	numbers  map[string]*number
	free     queue[*number]

	owners pages[uint32]       // by position: 0, or twice the planner's slot and 1 if released
	slots  []*planner          // slot 0 is nobody's
	ended  map[int64]time.Time // rows that say they are released, until the log tells
}

// A planner is one as the log has it.
type planner struct {
	turn
	name   string
	slot   uint32
	open   int64
	lastAt time.Time
}

// A number is one as the log has it.
type number struct {
	number string
	freeAt time.Time
	holder int64 // position of the live assignment; 0 if there is none
	id     string
	index  int
}

// sooner is the rule: longest free, then the number.
func (n *number) sooner(o *number) bool {
	if !n.freeAt.Equal(o.freeAt) {
		return n.freeAt.Before(o.freeAt)
	}
	return n.number < o.number
}

func newReplay(p *poolJudge, prefix string, whole bool) *replay {
	r := &replay{
		poolJudge: p, prefix: prefix, whole: whole, done: Replayed{Pools: 1},
		planners: map[string]*planner{}, turns: turnQueue(), numbers: map[string]*number{},
		free:   queue[*number]{before: (*number).sooner, moved: func(n *number, i int) { n.index = i }},
		owners: pages[uint32]{}, slots: []*planner{nil}, ended: map[int64]time.Time{},
	}
	if !p.own {
		r.seq = p.start
	}
	return r
}

// read replays the log over the API and compares where it leads to. progress is
// told how many positions it went through.
func (r *replay) read(ctx context.Context, s *service, progress func(int64)) error {
	from := newLogReader(s, r.id, r.seq)
	for again := 0; ; again++ {
		var row poolRow
		if err := s.ask(ctx, "GET", "/v1/pools/"+r.id, nil, &row); err != nil {
			return err
		}
		if row.Seq > r.seq {
			if err := r.readTo(ctx, from, row.Seq, progress); err != nil {
				return err
			}
			if r.own && again < 10 {
				continue // calls that were given up may still have gone on
			}
		}
		r.finish()
		if !r.own {
			return nil
		}
		return r.compare(ctx, s, row)
	}
}

func (r *replay) readTo(ctx context.Context, from *logReader, to int64, progress func(int64)) error {
	told := r.seq
	for {
		e, err := from.next(ctx, to)
		if err != nil {
			return err
		}
		if e == nil {
			break
		}
		r.add(e)
		if r.seq-told >= 1000 {
			progress(r.seq - told)
			told = r.seq
		}
	}
	progress(max(0, to-told))
	if r.seq < to {
		r.wrong(ofLog, "the pool's latest position is %d, and its log ends at %d", to, r.seq)
		r.seq = to
	}
	return nil
}

func (r *replay) add(e *logEntry) {
	seq, at := e.seq(), time.Time{}
	if e.answer != nil {
		at = e.answer.assignedAt
	} else {
		at = e.event.At
	}
	switch {
	case seq <= r.seq:
		r.wrong(ofLog, "position %d comes behind position %d", seq, r.seq)
		return
	case seq != r.seq+1:
		r.wrong(ofLog, "positions %d to %d are missing", r.seq+1, seq-1)
	case at.Before(r.at):
		r.wrong(ofLog, "position %d is of %v, and the one before of %v", seq, at, r.at)
	}
	r.seq, r.at = seq, at
	if e.event != nil {
		r.done.Events++
		r.event(e.event)
		return
	}
	r.done.Assignments++
	r.told(e.answer)
	if r.own {
		r.assignment(e.answer)
	}
}

// told holds an assignment against what callers were told of it.
func (r *replay) told(a *answer) {
	r.ids = append(r.ids, maphash.Bytes(seed, a.id))
	r.keys = append(r.keys, maphash.Bytes(seed, a.key))
	ours := bytes.HasPrefix(a.key, []byte(r.prefix))
	switch sum := r.sums.get(a.seq); {
	case sum != 0 && sum == a.sum():
		r.matched++
	case sum != 0:
		r.matched++
		r.wrong(ofLog, "position %d is not what the caller was told: in the log it is %s for key %s, to %s with number %q", a.seq, a.id, a.key, a.planner, a.number)
	case r.own && !ours:
		r.wrong(ofLog, "position %d is for key %s, which is none of the run's", a.seq, a.key)
	case ours && r.whole:
		r.wrong(ofLog, "position %d is for key %s, and no caller was told so", a.seq, a.key)
	}
}

// assignment decides once more.
func (r *replay) assignment(a *answer) {
	p := r.planners[string(a.planner)]
	switch due := r.due(); {
	case p == nil:
		r.wrong(ofSpread, "position %d went to %s, whom no event has added", a.seq, a.planner)
		return
	case due != &p.turn:
		r.wrong(ofSpread, "position %d went to %s (load %d, last at %d), and it was the turn of %s (load %d, last at %d)",
			a.seq, a.planner, p.load, p.last, due.planner, due.load, due.last)
	}
	if p.name != string(a.name) {
		r.wrong(ofLog, "position %d calls planner %s %q, and the name was %q", a.seq, a.planner, a.name, p.name)
	}
	p.load++
	p.last, p.lastAt = a.seq, a.assignedAt
	p.open++
	r.open++
	r.turns.fix(p.index)
	*r.owners.at(a.seq) = p.slot << 1
	if a.over() {
		r.ended[a.seq] = a.releasedAt
	}
	r.give(a)
}

func (r *replay) due() *turn {
	if r.turns.len() == 0 {
		return &turn{planner: "nobody"}
	}
	return r.turns.first()
}

// give holds an assignment's number against the one that was due.
func (r *replay) give(a *answer) {
	due := ""
	if r.free.len() > 0 && !r.free.first().freeAt.After(a.assignedAt) {
		due = r.free.first().number
	}
	got := string(a.number)
	switch w := wishOf(a.key); {
	case w == none && got != "":
		r.wrong(ofNumber, "position %d has number %s, and none was wanted", a.seq, got)
	case w != none && got != due:
		r.wrong(ofNumber, "position %d has number %q (%s), and %q had been free for longest", a.seq, got, w, due)
	}
	if got == "" {
		return
	}
	n := r.numbers[got]
	if n == nil {
		r.wrong(ofNumber, "position %d has number %s, which no event has added", a.seq, got)
		return
	}
	if n.holder != 0 {
		r.wrong(ofNumber, "position %d has number %s, which position %d has as well", a.seq, got, n.holder)
	} else {
		r.free.remove(n.index)
	}
	n.holder, n.id = a.seq, string(a.id)
}

// event applies an event. In a pool that others may change it says nothing that
// can be judged.
func (r *replay) event(e *event) {
	if !r.own {
		return
	}
	if e.Seq > r.start && e.Kind != "assignment_released" {
		r.wrong(ofLog, "position %d is %s, which this run did not ask for", e.Seq, e.Kind)
	}
	switch e.Kind {
	case "pool_changed":
		decode(r, e, func(d poolChanged) {
			if (e.Seq == 1) != (d.Was == nil) || d.Cooldown != 0 {
				r.wrong(ofLog, "position %d does not make the pool as it was asked for: %s", e.Seq, e.Data)
			}
		})
	case "planners_changed":
		decode(r, e, r.joined)
	case "numbers_added":
		decode(r, e, func(d numbersAdded) { r.stocked(e, d) })
	case "assignment_released":
		decode(r, e, func(d released) { r.gaveBack(e, d) })
	default:
		r.wrong(ofLog, "position %d is of kind %q", e.Seq, e.Kind)
	}
}

func decode[T any](r *replay, e *event, apply func(T)) {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		r.wrong(ofLog, "position %d is %s, and its data cannot be read: %v", e.Seq, e.Kind, err)
		return
	}
	apply(data)
}

func (r *replay) joined(d plannersChanged) {
	for _, c := range d.Planners {
		if r.planners[c.ID] != nil || c.Was != nil || !c.Active || c.Base != 0 {
			r.wrong(ofLog, "position %d does not add planner %s as it was asked for: %+v", r.seq, c.ID, c)
			continue
		}
		p := &planner{turn: turn{planner: c.ID}, name: c.Name, slot: uint32(len(r.slots))}
		r.planners[c.ID] = p
		r.slots = append(r.slots, p)
		r.turns.push(&p.turn)
	}
}

func (r *replay) stocked(e *event, d numbersAdded) {
	for _, text := range d.Numbers {
		if r.numbers[text] != nil {
			r.wrong(ofLog, "position %d adds number %s, which is there", e.Seq, text)
			continue
		}
		n := &number{number: text, freeAt: e.At}
		r.numbers[text] = n
		r.free.push(n)
	}
}

func (r *replay) gaveBack(e *event, d released) {
	if r.owners.get(d.Seq) == 0 {
		r.wrong(ofLog, "position %d releases position %d, where there is no assignment", e.Seq, d.Seq)
		return
	}
	owner := r.owners.at(d.Seq)
	if *owner&1 == 1 {
		r.wrong(ofLog, "position %d releases position %d, which was released before", e.Seq, d.Seq)
		return
	}
	r.slots[*owner>>1].open--
	r.open--
	*owner |= 1
	if at, said := r.ended[d.Seq]; !said || !at.Equal(e.At) {
		r.wrong(ofLog, "position %d releases position %d at %v, and that says %v", e.Seq, d.Seq, e.At, at)
	}
	delete(r.ended, d.Seq)
	if d.Number == nil {
		return
	}
	n := r.numbers[*d.Number]
	if n == nil || n.holder != d.Seq {
		r.wrong(ofNumber, "position %d gives back number %s, which position %d does not hold", e.Seq, *d.Number, d.Seq)
		return
	}
	n.holder, n.id, n.freeAt = 0, "", e.At
	r.free.push(n)
}

// finish judges what only the whole log shows.
func (r *replay) finish() {
	told := int64(0)
	r.sums.each(func(seq int64, _ uint64) {
		if told++; seq > r.seq {
			r.wrong(ofLog, "position %d was answered, and the log ends at %d", seq, r.seq)
			told--
		}
	})
	if told > r.matched {
		r.wrong(ofLog, "of %d assignments that were answered %d are in the log as something else, or not at all", told, told-r.matched)
	}
	if n := twice(r.keys); n > 0 {
		r.wrong(ofKey, "%d keys have more than one assignment", n)
	}
	if n := twice(r.ids); n > 0 {
		r.wrong(ofLog, "%d ids have more than one assignment", n)
	}
	for seq := range r.ended {
		r.wrong(ofLog, "position %d says that it was released, and the log does not", seq)
	}
}

// twice counts values that are there more than once. It sorts them.
func twice(all []uint64) (n int) {
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			n++
		}
	}
	return n
}
