package compare

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// log makes records of planners' turns: "a1" is a's first.
func log(turns ...string) (records []record) {
	for i, t := range turns {
		records = append(records, record{answer{planner: t[:1], seq: int64(i + 1), turn: int64(t[1] - '0')}, keyText(uint64(i))})
	}
	return records
}

// toldOf are the answers that fit records.
func toldOf(records []record) (told []given) {
	for i, r := range records {
		told = append(told, given{answer: r.answer, key: uint64(i)})
	}
	return told
}

func ptr[T any](v T) *T { return &v }

func TestJudge(t *testing.T) {
	t.Parallel()
	planners := []string{"a", "b", "c"}
	even := log("a1", "b1", "c1", "b2", "a2")
	for _, tt := range []struct {
		name   string
		told   []given
		ledger ledger
		want   Verdict
	}{
		{
			name:   "nothing",
			ledger: ledger{ordered: true, counts: map[string]int64{"a": 0, "b": 0, "c": 0}},
			want:   Verdict{OutOfTurn: ptr(int64(0))},
		},
		{
			name:   "right",
			told:   toldOf(even),
			ledger: ledger{records: even, ordered: true, counts: map[string]int64{"a": 2, "b": 2, "c": 1}},
			want:   Verdict{Assignments: 5, OutOfTurn: ptr(int64(0)), Least: 1, Most: 2, Spread: 1},
		},
		{
			name:   "a turn twice",
			ledger: ledger{records: log("a1", "a1", "b1", "b1", "b1"), counts: map[string]int64{"a": 2, "b": 3, "c": 0}},
			want:   Verdict{Assignments: 5, Wrong: 3, Repeated: 3, Most: 3, Spread: 3},
		},
		{
			name: "a position twice, and no turns to go by",
			ledger: ledger{
				records: []record{{answer{planner: "a", seq: 1}, "x"}, {answer{planner: "b", seq: 1}, "y"}, {answer{planner: "c", seq: 2}, "z"}},
				ordered: true, counts: map[string]int64{"a": 1, "b": 1, "c": 1},
			},
			want: Verdict{Assignments: 3, Wrong: 1, Repeated: 1, OutOfTurn: ptr(int64(0)), Least: 1, Most: 1},
		},
		{
			name: "a request twice",
			told: []given{{answer: answer{"a", 1, 1}}},
			ledger: ledger{
				records: []record{{answer{"a", 1, 1}, keyText(0)}, {answer{"b", 2, 1}, keyText(0)}},
				ordered: true, counts: map[string]int64{"a": 1, "b": 1, "c": 0},
			},
			want: Verdict{Assignments: 2, Wrong: 1, Repeated: 1, OutOfTurn: ptr(int64(0)), Most: 1, Spread: 1},
		},
		{
			name:   "not the least",
			ledger: ledger{records: log("a1", "a2", "b1", "c1", "a3"), ordered: true, counts: map[string]int64{"a": 3, "b": 1, "c": 1}},
			want:   Verdict{Assignments: 5, Wrong: 2, OutOfTurn: ptr(int64(2)), Least: 1, Most: 3, Spread: 2},
		},
		{
			name:   "wrong in two ways is one wrong assignment",
			ledger: ledger{records: log("a1", "a1", "b1", "c1"), ordered: true, counts: map[string]int64{"a": 2, "b": 1, "c": 1}},
			want:   Verdict{Assignments: 4, Wrong: 1, Repeated: 1, OutOfTurn: ptr(int64(1)), Least: 1, Most: 2, Spread: 1},
		},
		{
			name:   "lost counts",
			ledger: ledger{records: even, ordered: true, counts: map[string]int64{"a": 1, "b": 4}},
			want:   Verdict{Assignments: 5, OutOfTurn: ptr(int64(0)), LostCounts: 4, Least: 1, Most: 2, Spread: 1},
		},
		{
			name: "told otherwise, and told what is not there",
			told: []given{
				{answer: answer{"a", 1, 1}, key: 0},
				{answer: answer{"c", 2, 1}, key: 1}, // b has it
				{answer: answer{"a", 6, 3}, key: 99},
			},
			ledger: ledger{records: even, ordered: true, counts: map[string]int64{"a": 2, "b": 2, "c": 1}},
			want:   Verdict{Assignments: 5, Wrong: 2, Contradicted: 2, OutOfTurn: ptr(int64(0)), Least: 1, Most: 2, Spread: 1},
		},
		{
			name:   "what verify says",
			ledger: ledger{records: even, ordered: true, counts: map[string]int64{"a": 2, "b": 2, "c": 1}, findings: []string{"gap"}},
			want:   Verdict{Assignments: 5, OutOfTurn: ptr(int64(0)), Least: 1, Most: 2, Spread: 1, Findings: []string{"gap"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, judge(planners, tt.told, tt.ledger), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerdictIsClean(t *testing.T) {
	t.Parallel()
	if !(Verdict{Assignments: 9, Spread: 1}).Clean() {
		t.Error("what is right is not clean")
	}
	for _, v := range []Verdict{{Wrong: 1}, {LostCounts: 1}, {Spread: 2}, {Findings: []string{"x"}}} {
		if v.Clean() {
			t.Errorf("%+v is clean", v)
		}
		r := Report{Levels: []Level{{Results: []Result{{Design: Ours, Verdict: v}}}}}
		if r.OursClean() {
			t.Errorf("a report with %+v against us is clean", v)
		}
		r.Levels[0].Results[0].Design = NoLock
		if !r.OursClean() {
			t.Errorf("another design's %+v counts against us", v)
		}
	}
}
