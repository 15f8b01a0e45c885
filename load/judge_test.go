package load

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// threePlanners is a pool whose log begins at 2, with two numbers.
func threePlanners() *subject {
	s := &subject{id: "pool", own: true, start: 2, byID: map[string]uint32{}, numbers: map[string]uint32{"1000": 1, "1001": 2}}
	for _, id := range []string{"a", "b", "c"} {
		s.add(id, "")
	}
	return s
}

// made is an assignment that was told of, begun and answered at these times.
func made(seq, begun, answered int64, planner uint32) record {
	return record{kind: assign, seq: seq, begun: begun, answered: answered, planner: planner, sum: uint64(1000 + seq), made: true}
}

func withNumber(r record, number uint32) record {
	r.number = number
	return r
}

func releaseOf(seq, begun, answered int64, number uint32) record {
	return record{kind: release, seq: seq, begun: begun, answered: answered, number: number}
}

// judgeAll judges records as workers would hand them over.
func judgeAll(s *subject, records ...record) Verdict {
	var f findings
	j := newJudge([]*subject{s}, &f)
	for i := range records {
		j.add(&records[i])
	}
	j.end()
	return f.verdict()
}

func TestJudge(t *testing.T) {
	t.Parallel()
	sameSum := made(4, 10, 20, 1)
	sameSum.sum = 1003
	refused := releaseOf(3, 3, 4, 1)
	refused.outcome = poolBusy
	for _, c := range []struct {
		name    string
		kind    string // empty: all is well
		text    string
		records []record
	}{
		{"in turn", "", "", []record{made(3, 1, 2, 0), made(4, 3, 4, 1), made(5, 5, 6, 2), made(6, 7, 8, 0)}},
		{"handed over in another order", "", "", []record{made(5, 1, 9, 2), made(3, 1, 9, 0), made(4, 1, 9, 1)}},
		{"a release in between", "", "", []record{made(3, 1, 2, 0), releaseOf(3, 3, 4, 0), made(5, 5, 6, 1)}},
		{"position twice", ofSeq, "given twice", []record{made(3, 1, 2, 0), {seq: 3, sum: 7, made: true, planner: 1, begun: 3, answered: 4}}},
		{"told twice", ofSeq, "to two calls as new", []record{made(3, 1, 2, 0), made(3, 1, 2, 0)}},
		{"position of before", ofSeq, "taken before the run", []record{made(2, 1, 2, 0)}},
		{"position that cannot be", ofSeq, "and there were calls for 3", []record{made(4, 1, 2, 0)}},
		{"later call, earlier position", ofOrder, "answered before a call began", []record{made(4, 1, 2, 1), made(3, 3, 4, 0)}},
		{"together in any order", "", "", []record{made(4, 1, 3, 1), made(3, 3, 4, 0)}},
		{"wrong planner", ofSpread, "went to b", []record{made(3, 1, 2, 1)}},
		{"same planner again", ofSpread, "turn of b", []record{made(3, 1, 2, 0), made(4, 3, 4, 0)}},
		{"number twice", ofNumber, "as well", []record{withNumber(made(3, 1, 2, 0), 1), withNumber(made(4, 3, 4, 1), 1)}},
		{"number after release", "", "", []record{withNumber(made(3, 1, 2, 0), 1), releaseOf(3, 3, 4, 1), withNumber(made(5, 5, 6, 1), 1)}},
		{"number while release is under way", "", "", []record{withNumber(made(3, 1, 2, 0), 1), withNumber(made(5, 4, 6, 1), 1), releaseOf(3, 5, 9, 1)}},
		{"number before release began", ofNumber, "as well", []record{withNumber(made(3, 1, 2, 0), 1), withNumber(made(4, 3, 4, 1), 1), releaseOf(3, 5, 6, 1)}},
		{"number after refused release", ofNumber, "as well", []record{withNumber(made(3, 1, 2, 0), 1), refused, withNumber(made(4, 5, 6, 1), 1)}},
		{"two numbers", "", "", []record{withNumber(made(3, 1, 2, 0), 1), withNumber(made(4, 3, 4, 1), 2)}},
		{"turns behind a doubt", "", "", []record{made(3, 1, 2, 0), {doubt: true, begun: 3, answered: 4}, made(5, 5, 6, 2)}},
		{"order behind a doubt", ofOrder, "began", []record{{doubt: true, begun: 1, answered: 4}, made(4, 1, 2, 2), made(3, 5, 6, 2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := judgeAll(threePlanners(), c.records...)
			switch {
			case c.kind == "" && v.Violations != 0:
				t.Errorf("found %q", v.Examples)
			case c.kind != "" && (v.First == nil || v.First.Kind != c.kind || !strings.Contains(v.First.Text, c.text)):
				t.Errorf("found %q, want %s with %q", v.Examples, c.kind, c.text)
			}
		})
	}
}

// In a pool that others use only order and positions are judged.
func TestJudgeOfGivenPool(t *testing.T) {
	t.Parallel()
	s := threePlanners()
	s.own = false
	if v := judgeAll(s, made(30, 1, 2, 2), made(50, 3, 4, 2), made(60, 5, 6, nobody)); v.Violations != 0 {
		t.Errorf("found %q", v.Examples)
	}
	if v := judgeAll(s, made(60, 1, 2, 2), made(50, 3, 4, 2)); v.First == nil || v.First.Kind != ofOrder {
		t.Errorf("found %q", v.Examples)
	}
}

// What is judged while calls go on is what is judged at the end, and a call
// that comes too late with too early a position is found in either case.
func TestLateRecord(t *testing.T) {
	t.Parallel()
	var f findings
	j := newJudge([]*subject{threePlanners()}, &f)
	other, first, late := releaseOf(2, 1, 2, 0), made(4, 1, 2, 0), made(3, 5, 6, 1)
	j.add(&other)
	j.add(&first)
	j.known(5)
	j.add(&late)
	j.end()
	if v := f.verdict(); v.First == nil || v.First.Kind != ofOrder {
		t.Errorf("found %q", v.Examples)
	}
}

// history draws what right calls of several callers look like: each position is
// taken between the beginning and the end of its call.
func history(t *rapid.T) []record {
	s := threePlanners()
	planners := turnQueue()
	slots := map[*turn]uint32{}
	for i, id := range s.planners {
		one := &turn{planner: id}
		planners.push(one)
		slots[one] = uint32(i)
	}
	held := map[uint32]int64{} // by number, the position that has it
	var records []record
	for seq := int64(3); seq < 3+int64(rapid.IntRange(1, 40).Draw(t, "calls")); seq++ {
		begun := 100*seq - int64(rapid.IntRange(0, 500).Draw(t, "before"))
		answered := 100*seq + int64(rapid.IntRange(0, 500).Draw(t, "after"))
		if n := uint32(rapid.IntRange(1, 2).Draw(t, "number")); held[n] != 0 && rapid.Bool().Draw(t, "release") {
			records = append(records, releaseOf(held[n], begun, answered, n))
			delete(held, n)
			continue
		}
		due := planners.first()
		r := made(seq, begun, answered, slots[due])
		due.load, due.last = due.load+1, seq
		planners.fix(0)
		if n := uint32(rapid.IntRange(0, 2).Draw(t, "wish")); n != 0 && held[n] == 0 {
			r.number, held[n] = n, seq
		}
		records = append(records, r)
	}
	return records
}

func TestRightHistoriesPass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := history(t)
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		if v := judgeAll(threePlanners(), records...); v.Violations != 0 {
			t.Fatalf("found %q", v.Examples)
		}
	})
}

// Handing records over as they are answered, and judging in between, comes to
// the same.
func TestRightHistoriesPassMeanwhile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := history(t)
		var f findings
		j := newJudge([]*subject{threePlanners()}, &f)
		for now := int64(0); now < 6000; now += 50 {
			until := int64(1 << 60)
			for i := range records {
				if r := &records[i]; r.answered >= now && r.answered < now+50 {
					j.add(r)
				} else if r.answered >= now {
					until = min(until, r.begun)
				}
			}
			j.known(until)
		}
		j.end()
		if v := f.verdict(); v.Violations != 0 {
			t.Fatalf("found %q", v.Examples)
		}
	})
}

// One wrong planner in a right history is found.
func TestSpoiltHistoriesFail(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := history(t)
		i := rapid.IntRange(0, len(records)-1).Draw(t, "which")
		if records[i].kind == release {
			t.Skip("a release has no planner")
		}
		records[i].planner = (records[i].planner + 1) % 3
		if v := judgeAll(threePlanners(), records...); v.First == nil || v.First.Kind != ofSpread {
			t.Fatalf("found %q", v.Examples)
		}
	})
}

func TestExamplesAreFew(t *testing.T) {
	t.Parallel()
	var f findings
	for i := range 100 {
		f.add(ofSeq, "p", "number %d", i)
		f.add(ofKey, "p", "number %d", i)
	}
	v := f.verdict()
	if v.Violations != 200 || len(v.Examples) != 2*examples || v.Kinds[0].Count != 100 || v.First.Text != "number 0" {
		t.Errorf("verdict %+v", v)
	}
	if got, want := v.First.String(), fmt.Sprintf("%s: pool p: number 0", ofSeq); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
