package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
)

// stands wants how a planner stands: turns that count, and the latest of them;
// nil is none.
func (l *life) stands(planner string, assigned int64, last *client.Assignment) {
	l.Helper()
	p := l.planner(planner)
	var at *time.Time
	if last != nil {
		at = &last.AssignedAt
	}
	if diff := cmp.Diff(at, p.LastAssignedAt); diff != "" || p.Assigned != assigned || p.Load != assigned {
		l.Errorf("%s has %d turns and a load of %d, want %d; the latest (-want +got):\n%s", planner, p.Assigned, p.Load, assigned, diff)
	}
}

// A void turn has not been: the planner's count, load and latest turn are those
// of before, and the next request is theirs again.
func TestLifeVoid(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"cooldown_seconds": 3600}`, 3, 8)
	first := l.assignTo("p0", "")
	l.assignTo("p1", "")
	l.assignTo("p2", "")
	wrong := l.assignTo("p0", "")
	l.stands("p0", 2, &wrong)

	void := l.end(wrong, "void", `{"note": "asked twice"}`)
	if void.State != "void" || void.VoidedAt == nil || void.ReleasedAt == nil || !void.VoidedAt.Equal(*void.ReleasedAt) || *void.Number != *wrong.Number {
		t.Errorf("voided: %s", jsonOf(void))
	}
	l.same(void, l.get(wrong.ID))
	l.stands("p0", 1, &first)
	l.turns([]int64{1, 1, 1}, []int64{1, 1, 1})
	if p := l.pool(); p.Assigned != 3 || p.Open != 3 {
		t.Errorf("the pool has %d turns, %d open", p.Assigned, p.Open)
	}
	l.nowhere(*wrong.Number, void.VoidedAt)
	if n := l.number(*wrong.Number); n.State != "cooling" {
		t.Errorf("somebody may have been told the number, and it does not rest: %s", jsonOf(n))
	}
	last := l.events()
	if data := string(last[len(last)-1].Data); !containsAll(data, `"reason":"mistake"`, `"note":"asked twice"`, `"turns_back":[{"planner":"p0"`) {
		t.Errorf("the event says %s", data)
	}

	// Again, and whatever else is asked of what is void, it stays so.
	l.unchanged(func() {
		l.same(void, l.end(wrong, "void", ""))
		l.same(void, l.end(wrong, "void", `{"reason": "no_show"}`))
		l.same(void, l.release(wrong))
		l.refuse(409, "assignment_over", "POST", "/v1/assignments/"+wrong.ID+"/reassign", `{"reason": "mistake"}`)
		l.same(void, l.assign("", "Idempotency-Key", wrong.Key))
	})
	l.assignTo("p0", "")
	l.well()
}

// What has been released can be void, too: it ended when it ended, and its turn
// is given back all the same.
func TestLifeVoidAfterRelease(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{"cooldown_seconds": 3600}`, 2, 4)
	a := l.assignTo("p0", "")
	released := l.release(a)
	number := l.number(*a.Number)
	void := l.end(a, "void", `{"reason": "no_show"}`)
	if void.State != "void" || !void.ReleasedAt.Equal(*released.ReleasedAt) || !void.VoidedAt.After(*released.ReleasedAt) {
		t.Errorf("voided: %s", jsonOf(void))
	}
	if diff := cmp.Diff(number, l.number(*a.Number)); diff != "" {
		t.Errorf("it did something to the number (-want +got):\n%s", diff)
	}
	l.stands("p0", 0, nil)
	if n := l.kinds("assignment_voided"); n != 1 || l.kinds("assignment_released") != 1 {
		t.Errorf("%d events say so", n)
	}
	l.assignTo("p0", "")
	l.refuse(404, "assignment_not_found", "POST", "/v1/assignments/"+strings.Repeat("0", 26)+"/void", "")
	if p := l.refuse(400, "invalid_request", "POST", "/v1/assignments/"+a.ID+"/void", `{"reason": "whim"}`); *p.Field != "reason" {
		t.Errorf("%s", jsonOf(p))
	}
	l.well()
}

// Turns are given back in any order: what is the latest one that counts is seen
// each time, to the last, after which there is none.
func TestLifeVoidInAnyOrder(t *testing.T) {
	t.Parallel()
	l := newLife(t, `{}`, 1, 4)
	a, b, c, d := l.assign(""), l.assign(""), l.assign(""), l.assign("")
	for _, step := range []struct{ void, last *client.Assignment }{{&c, &d}, {&d, &b}, {&a, &b}, {&b, nil}} {
		assigned := l.planner("p0").Assigned
		l.end(*step.void, "void", "")
		l.stands("p0", assigned-1, step.last)
	}
	l.turns([]int64{0}, []int64{0})
	l.counts(0, client.PoolNumbers{Free: 4})
	l.well()
}
