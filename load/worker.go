package load

import (
	"math"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
)

// A worker is one client: it makes one call after the other.
type worker struct {
	*run
	rng        *rand.Rand
	prefix     string // of its keys
	made       int64  // keys
	send, twin send   // the twin is for calls that are repeated while they are under way

	cut bool // whether the last call had no connection, or lost it

	again  *repetition
	live   []kept // to be released
	hold   int    // how many of these are kept, so that releases do not follow at once
	doubts []request

	batch  *batch
	opened int64 // when its first record began

	// oldest is a time before which this worker began no call of which it has
	// not handed over the record: so the judge knows what it knows all about.
	oldest atomic.Int64
}

// idle is the oldest call of a worker that has none.
const idle = math.MaxInt64

// A repetition is a call to be made again, and what it was answered.
type repetition struct {
	request
	first *answer
	sum   uint64
}

// A kept is an assignment that is to be released.
type kept struct {
	pool   *subject
	id     string
	seq    int64
	sum    uint64
	number uint32
}

func newWorker(r *run, id int) *worker {
	w := &worker{
		run: r, rng: rand.New(rand.NewPCG(rand.Uint64(), uint64(id))), prefix: "load-" + r.name + "-" + strconv.Itoa(id) + "-",
		send: r.sender(), twin: r.sender(), batch: &batch{},
	}
	w.oldest.Store(idle)
	return w
}

// work calls until the pacer has no more.
func (w *worker) work(p *pacer) {
	for {
		due, more := p.next(w.flush)
		if !more {
			break
		}
		w.cut = false
		w.step(due)
		if w.cut && due < 0 {
			w.flush()
			p.pause()
		}
		if len(w.batch.records) >= batchSize || w.now()-w.opened > batchAge {
			w.flush()
		}
	}
	w.flush()
}

// flush hands over what there is.
func (w *worker) flush() {
	if len(w.batch.records) == 0 {
		return
	}
	w.mail <- w.batch
	w.oldest.Store(idle)
	w.batch = w.empty.Get().(*batch)
}

// mark is to be called before a call begins. The order matters: the judge must
// not see idle when begun is already read.
func (w *worker) mark() {
	if len(w.batch.records) == 0 {
		w.opened = w.now()
		w.oldest.Store(w.opened)
	}
}

func (w *worker) keep(rec record) {
	w.batch.records = append(w.batch.records, rec)
	w.cut = w.cut || rec.outcome.cut()
}

// step makes one call.
func (w *worker) step(due int64) {
	w.mark()
	switch {
	case w.again != nil:
		w.repeat(due)
	case len(w.live) > w.hold:
		w.release(due)
	default:
		w.assign(due)
	}
}

// call makes a call and looks at the answer by itself.
func (w *worker) call(send send, q *request, due int64) (rec record, a answer, good bool) {
	rec = record{kind: q.kind, pool: uint32(q.pool.index), begun: w.now(), planner: nobody}
	if rec.due = due; due < 0 {
		rec.due = rec.begun
	}
	var p reply
	send(q, &p)
	rec.answered = w.now()
	a, good = w.read(q, &p, &rec)
	return rec, a, good
}

func (w *worker) chance(share float64) bool { return share > 0 && w.rng.Float64() < share }

// together is the share of repeated keys that are repeated while the first
// call is under way.
const together = 0.25

func (w *worker) assign(due int64) {
	q := w.newRequest()
	if w.chance(w.options.Retries * together) {
		w.assignTwice(&q, due)
		return
	}
	rec, a, good := w.call(w.send, &q, due)
	if rec.made = good; good && rec.replayed {
		w.findings.add(ofKey, q.pool.id, "%s: never sent before, and answered as a repetition of seq %d", &q, a.seq)
	}
	w.keep(rec)
	w.after(&q, &rec, &a)
}

func (w *worker) newRequest() request {
	q := request{kind: assign, pool: w.subjects[w.rng.IntN(len(w.subjects))], wish: preferred}
	if share := w.options.WithNumber; share > 0 {
		switch n := w.rng.Float64(); {
		case n < share/2:
			q.wish = required
		case n >= share:
			q.wish = none
		}
	}
	w.made++
	key := make([]byte, 0, 40)
	key = strconv.AppendInt(append(key, w.prefix...), w.made, 10)
	q.key = string(append(key, '-', byte(q.wish)))
	return q
}

// after plans what becomes of an assignment, or of its absence.
func (w *worker) after(q *request, rec *record, a *answer) {
	if rec.doubt {
		w.doubts = append(w.doubts, *q)
	}
	if !rec.made {
		return
	}
	if w.chance(w.options.Releases) {
		w.live = append(w.live, kept{q.pool, string(a.id), a.seq, rec.sum, rec.number})
		w.hold = w.rng.IntN(8)
	}
	if w.chance(w.options.Retries * (1 - together)) {
		w.again = &repetition{*q, a.clone(), rec.sum}
		w.again.kind = repeat
	}
}

// repeat asks again for what was answered before.
func (w *worker) repeat(due int64) {
	was := w.again
	w.again = nil
	rec, a, good := w.call(w.send, &was.request, due)
	switch wrong := w.findings.add; {
	case !good:
	case rec.sum != was.sum:
		wrong(ofKey, was.pool.id, "%s: repeated, and answered with another %s", &was.request, was.first.differ(&a))
	case !rec.replayed:
		wrong(ofKey, was.pool.id, "%s: repeated, and answered without Idempotency-Replayed: true", &was.request)
	}
	w.keep(rec)
}

// assignTwice sends the same call twice at once.
func (w *worker) assignTwice(q *request, due int64) {
	var (
		again   = *q
		b       answer
		second  record
		goodB   bool
		arrived = make(chan struct{})
	)
	again.kind = repeat
	go func() {
		second, b, goodB = w.call(w.twin, &again, due)
		close(arrived)
	}()
	first, a, goodA := w.call(w.send, q, due)
	<-arrived
	w.pair(q, &first, &second, goodA, goodB, &a, &b)
	if second.made && !first.made {
		first, second, a = second, first, b // the maker first
	}
	w.keep(first)
	w.keep(second)
	w.after(q, &first, &a)
}

// pair judges two calls with one key that were under way together, and finds
// out which of them made the assignment.
func (w *worker) pair(q *request, first, second *record, goodA, goodB bool, a, b *answer) {
	wrong := func(format string, args ...any) {
		w.findings.add(ofKey, q.pool.id, "%s: sent twice at once, "+format, append([]any{q}, args...)...)
	}
	first.made, second.made = goodA && !first.replayed, goodB && !second.replayed
	switch {
	case goodA && goodB:
		if first.sum != second.sum {
			wrong("and answered with %s", a.differ(b))
		}
		if first.made == second.made {
			wrong("and answered with Idempotency-Replayed %v to both", first.replayed)
			first.made = true
		}
	case goodA != goodB:
		known, other := first, second
		if goodB {
			known, other = second, first
		}
		if !known.made && !other.outcome.doubtful() {
			wrong("and answered as a repetition to one, while the other was refused (%s)", outcomeNames[other.outcome])
		}
		if !known.made {
			known.begun = min(known.begun, other.begun) // the other made it
		}
		known.made, first.doubt = true, false
	default:
		first.doubt = first.outcome.doubtful() || second.outcome.doubtful()
	}
}

// release ends the assignment that has been kept for longest.
func (w *worker) release(due int64) {
	k := w.live[0]
	w.live = w.live[:copy(w.live, w.live[1:])]
	q := request{kind: release, pool: k.pool, id: k.id}
	rec, _, good := w.call(w.send, &q, due)
	switch {
	case good && rec.sum != k.sum:
		w.findings.add(ofAnswer, k.pool.id, "%s: answered with seq %d, and what never changes is not as it was at seq %d", &q, rec.seq, k.seq)
	case rec.outcome.unchanged():
		w.live = append(w.live, k)
	case rec.doubt:
		w.doubts = append(w.doubts, q)
	}
	rec.seq, rec.sum, rec.number = k.seq, k.sum, k.number
	w.keep(rec)
}
