package load

import (
	"fmt"
	"strings"
	"testing"
)

// told is a reply with an assignment at this position, or a refusal if that is
// 0.
func told(q *request, seq int64, replayed bool) reply {
	if seq == 0 {
		return reply{status: 503, contentType: []byte("application/problem+json"), retryAfter: []byte("1"),
			body: []byte(`{"type":"urn:fairlead:problem:pool_busy","title":"t","status":503,"code":"pool_busy","detail":"","request_id":"r"}`)}
	}
	id := fmt.Sprintf("%026d", seq)
	return reply{status: 201, replayed: replayed, contentType: []byte("application/json"), location: []byte("/v1/assignments/" + id),
		body: fmt.Appendf(nil, `{"id":%q,"pool":"pool","seq":%d,"planner":{"id":"a","name":""},"number":null,"customer":%q,"key":%[3]q,`+
			`"state":"active","assigned_at":"2026-03-01T09:30:00Z","released_at":null}`, id, seq, q.key)}
}

// An outcome of one of two calls with the same key.
type half struct {
	seq      int64 // 0: refused
	replayed bool
	lost     bool
}

func (h half) reply(q *request) reply {
	if h.lost {
		return reply{err: timeout}
	}
	return told(q, h.seq, h.replayed)
}

// workerOf returns a worker whose calls and twins get these replies.
func workerOf(first, second half) (*worker, *run) {
	o := Default()
	o.Retries, o.Releases = 0, 0
	r := newRun(&o, func() send { return nil })
	r.subjects = []*subject{threePlanners()}
	w := newWorker(r, 0)
	w.send = func(q *request, p *reply) { *p = first.reply(q) }
	w.twin = func(q *request, p *reply) { *p = second.reply(q) }
	return w, r
}

func TestPairs(t *testing.T) {
	t.Parallel()
	made, again, refused, lost := half{seq: 3}, half{seq: 3, replayed: true}, half{}, half{lost: true}
	for _, c := range []struct {
		name          string
		first, second half
		wrong         string
		made          int
		doubt         bool
	}{
		{"first makes it", made, again, "", 1, false},
		{"second makes it", again, made, "", 1, false},
		{"both refused", refused, refused, "", 0, false},
		{"one refused", made, refused, "", 1, false},
		{"first lost", lost, again, "", 1, false},
		{"second lost", made, lost, "", 1, false},
		{"both lost", lost, lost, "", 0, true},
		{"one lost, one refused", refused, lost, "", 0, true},
		{"both make it", made, half{seq: 4}, "and answered with id", 2, false},
		{"both say that they made it", made, made, "Idempotency-Replayed false to both", 2, false},
		{"neither made it", again, again, "Idempotency-Replayed true to both", 1, false},
		{"repetition of another", made, half{seq: 4, replayed: true}, "id", 1, false},
		{"repetition of nothing", refused, again, "while the other was refused", 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, r := workerOf(c.first, c.second)
			q := w.newRequest()
			w.assignTwice(&q, -1)
			checkWrong(t, r, ofKey, c.wrong)
			count, doubt := 0, false
			for _, rec := range w.batch.records {
				if rec.made {
					count++
				}
				doubt = doubt || rec.doubt
			}
			if count != c.made || doubt != c.doubt || c.doubt != (len(w.doubts) == 1) || len(w.batch.records) != 2 {
				t.Errorf("%d made, doubt %t, %d to settle: %+v", count, doubt, len(w.doubts), w.batch.records)
			}
			if count > 0 && !w.batch.records[0].made {
				t.Error("the maker is not the first record")
			}
		})
	}
}

func TestRepetitions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		second half
		wrong  string
	}{
		{"same", half{seq: 3, replayed: true}, ""},
		{"refused", half{}, ""},
		{"lost", half{lost: true}, ""},
		{"not marked", half{seq: 3}, "without Idempotency-Replayed"},
		{"another", half{seq: 4, replayed: true}, "repeated, and answered with another"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, r := workerOf(half{seq: 3}, half{})
			w.options.Retries = 1 / (1 - together) // the next call is made again
			q := w.newRequest()
			rec, a, good := w.call(w.send, &q, -1)
			rec.made = good
			if w.after(&q, &rec, &a); w.again == nil {
				t.Fatal("nothing to repeat")
			}
			w.send = func(q *request, p *reply) { *p = c.second.reply(q) }
			w.repeat(-1)
			checkWrong(t, r, ofKey, c.wrong)
			if last := w.batch.records[len(w.batch.records)-1]; last.made || last.doubt || len(w.doubts) > 0 {
				t.Errorf("a repetition is %+v", last)
			}
		})
	}
}

func checkWrong(t *testing.T, r *run, kind, text string) {
	t.Helper()
	v := r.findings.verdict()
	switch {
	case text == "" && v.Violations > 0:
		t.Errorf("found %q", v.Examples)
	case text != "" && (v.First == nil || v.First.Kind != kind || !strings.Contains(v.First.Text, text)):
		t.Errorf("found %q, want %s with %q", v.Examples, kind, text)
	}
}
