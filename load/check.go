package load

import (
	"bytes"
	"strings"
)

// read checks an answer by itself and notes in rec what it says. It reports
// whether the answer is an assignment that can be used.
func (r *run) read(q *request, p *reply, rec *record) (a answer, good bool) {
	wanted := 201
	if q.kind == release {
		wanted = 200
	}
	switch {
	case p.err != ok:
		rec.outcome = p.err
	case p.status != wanted:
		r.readRefusal(q, p, rec)
	default:
		a, good = r.readSuccess(q, p, rec)
	}
	rec.doubt = rec.outcome.doubtful() && q.kind != repeat
	return a, good
}

func (r *run) readRefusal(q *request, p *reply, rec *record) {
	var (
		doc problem
		err error
	)
	rec.outcome, doc, err = readRefusal(p)
	wrong := func(format string, args ...any) { r.findings.add(ofRefusal, q.pool.id, format, args...) }
	switch {
	case err != nil:
		wrong("%s: %v", q, err)
	case rec.outcome == internal:
		wrong("%s: status 500, the service is at fault (request_id %s)", q, doc.RequestID)
	case rec.outcome == noPlanner && (q.pool.own || q.kind == release):
		wrong("%s: refused because nobody is active, and all are", q)
	case rec.outcome == noNumber && !q.mayLackNumber():
		wrong("%s: refused for want of a number that it does not require", q)
	case rec.outcome == unknown && q.kind != release && (doc.Key == nil || *doc.Key != q.key):
		wrong("%s: the outcome is unknown, and the document does not name the key", q)
	}
}

func (r *run) readSuccess(q *request, p *reply, rec *record) (answer, bool) {
	rec.outcome = undocumented // until it is known to be good
	wrong := func(format string, args ...any) {
		r.findings.add(ofAnswer, q.pool.id, "%s: "+format, append([]any{q}, args...)...)
	}
	a, err := readAnswer(p.body)
	switch {
	case err != nil:
		wrong("%v: %s", err, excerpt(p.body))
		return a, false
	case !strings.HasPrefix(string(p.contentType), "application/json"):
		wrong("the answer comes as %q", p.contentType)
	}
	switch {
	case string(a.pool) != q.pool.id:
		wrong("answered with an assignment of pool %q", a.pool)
		return a, false
	case q.kind == release && string(a.id) != q.id:
		wrong("answered with assignment %s", a.id)
		return a, false
	case q.kind != release && string(a.key) != q.key:
		wrong("answered with key %q", a.key)
		return a, false
	}
	rec.outcome, rec.seq, rec.sum, rec.replayed = ok, a.seq, a.sum(), p.replayed
	if q.kind == release {
		if !a.over() {
			wrong("answered with state %s", a.state)
		}
	} else {
		r.readDecision(q, p, &a, wrong)
	}
	rec.planner, rec.number = q.pool.read(&a, wrong)
	return a, true
}

// readDecision checks what an assignment must have of its request.
func (r *run) readDecision(q *request, p *reply, a *answer, wrong func(string, ...any)) {
	switch {
	case !bytes.Equal(a.customer, a.key): // every request of ours has its key as customer
		wrong("answered with customer %q", a.customer)
	case q.wish == required && a.number == nil:
		wrong("answered without the number that was required")
	case q.wish == none && a.number != nil:
		wrong("answered with number %s, and none was wanted", a.number)
	case !p.replayed && string(a.state) != "active":
		wrong("a new assignment has state %s", a.state)
	case !bytes.HasSuffix(p.location, append([]byte("/v1/assignments/"), a.id...)):
		wrong("Location is %q, and the id %s", p.location, a.id)
	}
}

// read finds planner and number of an assignment. Only of a pool of the run's
// own all are known.
func (s *subject) read(a *answer, wrong func(string, ...any)) (planner, number uint32) {
	planner, known := s.byID[string(a.planner)]
	if !known {
		planner = nobody
	}
	if !s.own {
		return planner, 0
	}
	switch {
	case !known:
		wrong("planner %q is not one of the pool's", a.planner)
	case s.names[planner] != string(a.name):
		wrong("planner %s is called %q, and the name is %q", a.planner, a.name, s.names[planner])
	}
	if a.number != nil {
		if number = s.numbers[string(a.number)]; number == 0 {
			wrong("number %q is not one of the pool's", a.number)
		}
	}
	return planner, number
}

// mayLackNumber reports whether the request may be refused for want of a number.
// What becomes of those that say nothing of one, the owner of a pool decides;
// the run's own assign without.
func (q *request) mayLackNumber() bool {
	return q.kind != release && (q.wish == required || q.wish == preferred && !q.pool.own)
}

// String names the call in violations.
func (q *request) String() string {
	if q.kind == release {
		return "release of " + q.id
	}
	return "key " + q.key
}
