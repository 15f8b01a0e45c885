package load

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func at(seq int64) time.Time { return time.Unix(1e9+seq, 0).UTC() }

func eventAt(seq int64, kind, data string) logEntry {
	return logEntry{event: &event{seq, kind, at(seq), json.RawMessage(data)}}
}

// given is an assignment in the log. The key says the wish.
func given(seq int64, planner, number string, w wish) logEntry {
	key := fmt.Sprintf("load-run-%d-%c", seq, w)
	a := &answer{id: fmt.Appendf(nil, "%026d", seq), pool: []byte("pool"), seq: seq, planner: []byte(planner), customer: []byte(key), key: []byte(key),
		state: []byte("active"), assignedAt: at(seq)}
	if number != "" {
		a.number = []byte(number)
	}
	return logEntry{answer: a}
}

// ended is the same, released at a later position.
func ended(e logEntry, by int64) logEntry {
	e.answer.state, e.answer.releasedAt = []byte("released"), at(by)
	return e
}

func releasedAt(seq, assignment int64, number string) logEntry {
	data := fmt.Sprintf(`{"id":"%026d","assignment_seq":%d,"number":null}`, assignment, assignment)
	if number != "" {
		data = strings.Replace(data, "null", `"`+number+`"`, 1)
	}
	return eventAt(seq, "assignment_released", data)
}

// beginning is the log of [threePlanners] up to its start, which is 3 here.
func beginning() []logEntry {
	return []logEntry{
		eventAt(1, "pool_changed", `{"cooldown_seconds":0,"was":null}`),
		eventAt(2, "planners_changed", `{"planners":[{"id":"c","active":true,"was":null},{"id":"a","active":true,"was":null},{"id":"b","active":true,"was":null}]}`),
		eventAt(3, "numbers_added", `{"numbers":["1000","1001"]}`),
	}
}

func replayOf(entries ...logEntry) (*replay, Verdict) {
	s := threePlanners()
	s.start = 3
	var f findings
	r := newReplay(newPoolJudge(s, &f), "load-run-", false)
	for _, e := range append(beginning(), entries...) {
		r.add(&e)
	}
	r.finish()
	return r, f.verdict()
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		kind    string
		text    string
		entries []logEntry
	}{
		{"nothing", "", "", nil},
		{"in turn", "", "", []logEntry{given(4, "a", "1000", preferred), given(5, "b", "1001", required), given(6, "c", "", none), given(7, "a", "", preferred)}},
		{"number again", "", "", []logEntry{ended(given(4, "a", "1000", required), 5), releasedAt(5, 4, "1000"), given(6, "b", "1001", required), given(7, "c", "1000", required)}},
		{"gap", ofLog, "positions 4 to 4 are missing", []logEntry{given(5, "a", "1000", preferred)}},
		{"position twice", ofLog, "comes behind", []logEntry{given(4, "a", "1000", preferred), given(4, "b", "1001", preferred)}},
		{"wrong turn", ofSpread, "turn of a", []logEntry{given(4, "b", "1000", preferred)}},
		{"unknown planner", ofSpread, "no event has added", []logEntry{given(4, "z", "1000", preferred)}},
		{"number not due", ofNumber, "free for longest", []logEntry{given(4, "a", "1001", preferred)}},
		{"number left out", ofNumber, "free for longest", []logEntry{given(4, "a", "", preferred)}},
		{"number unasked", ofNumber, "none was wanted", []logEntry{given(4, "a", "1000", none)}},
		{"number twice", ofNumber, "which position 4 has as well", []logEntry{given(4, "a", "1000", required), given(5, "b", "1000", required)}},
		{"unknown number", ofNumber, "no event has added", []logEntry{given(4, "a", "9999", required)}},
		{"released twice", ofLog, "released before", []logEntry{ended(given(4, "a", "", none), 5), releasedAt(5, 4, ""), releasedAt(6, 4, "")}},
		{"released nothing", ofLog, "there is no assignment", []logEntry{releasedAt(4, 3, "")}},
		{"released, says the row", ofLog, "the log does not", []logEntry{ended(given(4, "a", "", none), 5)}},
		{"released, says the log", ofLog, "and that says", []logEntry{given(4, "a", "", none), releasedAt(5, 4, "")}},
		{"number given back by another", ofNumber, "does not hold", []logEntry{ended(given(4, "a", "1000", required), 5), releasedAt(5, 4, "1001")}},
		{"a stranger's event", ofLog, "did not ask for", []logEntry{eventAt(4, "planners_changed", `{"planners":[]}`)}},
		{"a kind of event that is new", ofLog, "of kind", []logEntry{eventAt(4, "what", `{}`)}},
		{"data that is none", ofLog, "cannot be read", []logEntry{eventAt(4, "assignment_released", `7`)}},
		{"time that runs back", ofLog, "the one before", []logEntry{given(4, "a", "", none), {event: &event{5, "assignment_released", at(1), json.RawMessage(`{}`)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, v := replayOf(c.entries...)
			found := false
			for _, x := range v.Examples {
				found = found || x.Kind == c.kind && strings.Contains(x.Text, c.text)
			}
			if c.kind == "" && v.Violations > 0 || c.kind != "" && !found {
				t.Errorf("found %q, want %s with %q", v.Examples, c.kind, c.text)
			}
		})
	}
}

// A key or an id with two assignments is found however far apart they are.
func TestReplayFindsDoubles(t *testing.T) {
	t.Parallel()
	first, second := given(4, "a", "", none), given(5, "b", "", none)
	second.answer.key = first.answer.key
	if _, v := replayOf(first, second); v.First == nil || v.First.Kind != ofKey {
		t.Errorf("key: found %q", v.Examples)
	}
	second = given(5, "b", "", none)
	second.answer.id = first.answer.id
	if _, v := replayOf(first, second); v.First == nil || !strings.Contains(v.First.Text, "ids") {
		t.Errorf("id: found %q", v.Examples)
	}
}

// What a caller was told and the log does not have is found.
func TestReplayMissesWhatWasTold(t *testing.T) {
	t.Parallel()
	var f findings
	p := newPoolJudge(threePlanners(), &f)
	for _, seq := range []int64{3, 4, 9} {
		p.claim(seq, uint64(seq))
	}
	r := newReplay(p, "load-run-", true)
	entries := beginning()[:2]
	entries = append(entries, releasedAt(3, 1, ""), given(4, "a", "", none))
	for _, e := range entries {
		r.add(&e)
	}
	r.finish()
	for _, want := range []string{"position 4 is not what the caller was told", "position 9 was answered, and the log ends at 4", "of 2 assignments that were answered 1"} {
		if text := fmt.Sprint(f.verdict().Examples); !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}
