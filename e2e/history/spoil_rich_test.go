package history

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/api/client"
)

// slipping lets all pools leave out a step.
func slipping(s slip) func(*world) {
	return func(w *world) {
		for _, p := range w.pools {
			p.slip = s
		}
	}
}

// A wealthy world has everything that the judges of it know.
func TestWealthyWorldsHaveAll(t *testing.T) {
	t.Parallel()
	seen, done, refused := map[string]int{}, map[Kind]int{}, map[client.ProblemCode]int{}
	w := wealthy.live()
	for _, p := range w.tables() {
		for _, e := range p.Events {
			seen[e.Kind]++
		}
	}
	for _, c := range w.calls {
		done[c.Kind] += count(c.Outcome() == Done)
		refused[c.Code] += count(c.Status == http.StatusConflict || c.Status == http.StatusNotFound)
	}
	for kind := range kinds {
		if seen[kind] < 3 && kind != "numbers_set_aside" {
			t.Errorf("%d events are %s", seen[kind], kind)
		}
	}
	for _, kind := range []Kind{Assign, Release, Void, Reassign, ReleaseMany, Care, Touch, Route, Switch} {
		if done[kind] < 10 {
			t.Errorf("%d calls to %s were done", done[kind], kind)
		}
	}
	for _, code := range []client.ProblemCode{"no_number", "assignment_over", "number_not_live"} {
		if refused[code] < 3 {
			t.Errorf("%d calls were refused with %s", refused[code], code)
		}
	}
}

// theOnly is a call of a kind that was done, in whose note and assignment
// nothing else was asked for.
func (r *run) theOnly(kind Kind, ok func(*Call) bool) *Call {
	r.Helper()
	return r.call(func(c *Call) bool {
		if c.Kind != kind || c.Outcome() != Done || !ok(c) {
			return false
		}
		n := 0
		for i := range r.calls {
			n += count(r.calls[i].Note == c.Note)
		}
		return n == 1
	})
}

// of finds the last event of a kind in a pool.
func (r *run) of(pool, kind string) func(data func(map[string]any) bool) *client.Event {
	return func(ok func(map[string]any) bool) *client.Event {
		return r.eventIn(slices.IndexFunc(r.pools, func(p Pool) bool { return p.Row.Pool == pool }), kind, ok)
	}
}

// anyEvent is one of a kind, in whichever pool.
func (r *run) anyEvent(kind string, ok func(map[string]any) bool) *client.Event {
	r.Helper()
	for _, p := range r.pools {
		for i := range p.Events {
			if e := &p.Events[i]; e.Kind == kind && ok(open(r, e)) {
				return e
			}
		}
	}
	r.Fatal("no such event")
	return nil
}

// inLog reports whether an event of a kind has the call's note, in a field.
func (r *run) inLog(c *Call, kind, field string) bool {
	for _, p := range r.pools {
		for i := range p.Events {
			if p.Events[i].Kind == kind && open(r, &p.Events[i])[field] == c.Note {
				return true
			}
		}
	}
	return false
}

// passed is a reassignment that is in the log.
func (r *run) passed() *Call {
	r.Helper()
	return r.theOnly(Reassign, func(c *Call) bool { return r.inLog(c, "assignment_reassigned", "note") })
}

// voided is a void that is in the log, and all that was asked of its
// assignment.
func (r *run) voided() *Call {
	r.Helper()
	return r.theOnly(Void, func(c *Call) bool {
		n := 0
		for i := range r.calls {
			n += count(r.calls[i].ID == c.ID)
		}
		return n == 1 && r.inLog(c, "assignment_voided", "note")
	})
}

// bulk is a release of n or more, none of which had ended by itself.
func (r *run) bulk(n int) *Call {
	r.Helper()
	return r.theOnly(ReleaseMany, func(c *Call) bool {
		if len(c.Many.Assignments) < n || !r.inLog(c, "assignments_released", "reason") {
			return false
		}
		return len(open(r, r.of(c.Pool, "assignments_released")(noted(c.Note)))["assignments"].([]any)) == len(c.Many.Assignments)
	})
}

func noted(note string) func(map[string]any) bool {
	return func(data map[string]any) bool { return data["note"] == note || data["reason"] == note }
}

var spoiledLives = []spoiling{
	{name: "ends by itself, and nobody looks", rich: true, promises: []int{3, 2}, says: "has come back by itself", wrong: slipping(ignoresEnds)},
	{name: "released as if it had not ended by itself", rich: true, promises: []int{3, 2}, says: "as live, which ended by itself", wrong: slipping(ignoresEnds)},
	{name: "ends by itself too early", rich: true, promises: []int{3}, says: "ended by itself, which does so at", wrong: slipping(endsEarly)},
	{name: "rests from when that was seen", rich: true, promises: []int{3}, says: "which did so at", wrong: slipping(restsNot)},
	{name: "ends by itself, which it does not", rich: true, promises: []int{3}, says: "ended by itself, which does not", spoil: func(r *run) {
		e := r.eventIn(1, "assignments_expired")
		r.edit(e, func(data map[string]any) {
			p := r.pools[1]
			i := slices.IndexFunc(p.Assignments, func(a client.Assignment) bool { return a.State == "active" && a.Number == nil && a.Seq < e.Seq })
			a := p.Assignments[i]
			data["assignments"] = append(data["assignments"].([]any), map[string]any{"id": a.ID, "assignment_seq": a.Seq, "number": nil, "free_at": nil, "ended_at": e.At})
		})
	}},
	{name: "number given again to another planner's customer", rich: true, promises: []int{6, 3}, says: "which rests until", wrong: slipping(anybodysNumber)},
	{name: "number not given again", rich: true, promises: []int{3}, says: "is due", wrong: slipping(sticksNever)},
	{name: "call that changes nothing", rich: true, promises: []int{3}, says: "lets the time of number", wrong: slipping(touchesNothing)},
	{name: "nobody refused for want of a number", rich: true, promises: []int{3}, says: "(wish: [], fail)", wrong: slipping(doesWithoutAll)},
	{name: "kept settings", rich: true, promises: []int{3}, says: "settings are kept as", spoil: func(r *run) { r.pools[1].Row.Sticky = client.StickyAvoid }},
	{name: "kept end", rich: true, promises: []int{3}, says: "is kept as", spoil: func(r *run) {
		n := r.pools[3].Numbers
		n[slices.IndexFunc(n, func(n client.Number) bool { return n.ExpiresAt != nil })].ExpiresAt = nil
	}},
	{name: "kept use", rich: true, promises: []int{3}, says: "is kept as", spoil: func(r *run) {
		n := r.pools[0].Numbers
		n[slices.IndexFunc(n, func(n client.Number) bool { return n.UsedAt != nil })].UsedAt = nil
	}},
	{name: "kept release", rich: true, promises: []int{3}, says: "is kept as", spoil: func(r *run) {
		n := r.pools[0].Numbers
		n[slices.IndexFunc(n, func(n client.Number) bool { return n.ReleasedAt != nil })].ReleasedAt = nil
	}},
}

var spoiledTurns = []spoiling{
	{name: "turn not given back", rich: true, promises: []int{3, 5}, says: "were to be given back", wrong: slipping(keepsTurns)},
	{name: "last turn not restored", rich: true, promises: []int{3}, says: "were to be given back", wrong: slipping(keepsLast)},
	{name: "reassigned to who has it", rich: true, promises: []int{3}, says: "goes on to", wrong: slipping(keepsHolder)},
	{name: "reassigned again with its key", rich: true, promises: []int{1}, says: "is the same call's as", spoil: func(r *run) {
		c := r.passed()
		e := r.of(c.Pool, "assignment_reassigned")(func(data map[string]any) bool { return data["note"] != c.Note })
		note := open(r, e)["note"]
		r.edit(e, func(data map[string]any) { data["note"] = c.Note })
		for i := range r.calls {
			if o := &r.calls[i]; o.Note == note || o.Note == c.Note {
				o.Status, o.Answer, o.Note = 0, nil, c.Note
			}
		}
	}},
	{name: "reassignment for no reason", rich: true, promises: []int{3}, says: "which is no reason", spoil: func(r *run) {
		r.edit(r.event("assignment_reassigned", func(data map[string]any) bool { return data["turns_back"] == nil }), func(data map[string]any) { data["reason"] = "weather" })
	}},
	{name: "reassignment from somebody else", rich: true, promises: []int{3}, says: "and is with", spoil: func(r *run) {
		r.edit(r.event("assignment_reassigned"), func(data map[string]any) { data["from"] = "somebody" })
	}},
	{name: "reassignment under another name", rich: true, promises: []int{3, 2}, says: "and the name was", spoil: func(r *run) {
		c := r.passed()
		r.edit(r.of(c.Pool, "assignment_reassigned")(noted(c.Note)), func(data map[string]any) { data["to_name"] = "Kim" })
	}},
	{name: "reassignment that might not have been", rich: true, promises: []int{3}, says: "was to keep it", wrong: func(w *world) {
		for _, p := range w.pools { // whoever may keep it is left out
			p.slip = leavesOutHolder
		}
	}},
	{name: "void for no reason", rich: true, promises: []int{3}, says: "which is no reason", spoil: func(r *run) {
		r.edit(r.event("assignment_voided"), func(data map[string]any) { data["reason"] = "weather" })
	}},
	{name: "void of a void one", rich: true, promises: []int{3}, says: "which is void", spoil: func(r *run) {
		p := &r.pools[1]
		again := *r.event("assignment_voided")
		p.Row.Seq++
		again.Seq, again.At = p.Row.Seq, p.Row.UpdatedAt
		r.edit(&again, func(data map[string]any) { data["number"], data["free_at"], data["turns_back"] = nil, nil, nil })
		p.Events = append(p.Events, again)
		id := open(r, &again)["id"].(string)
		r.row(id).VoidedAt = &again.At
		for i := range r.calls {
			if c := &r.calls[i]; c.Kind == Void && c.ID == id {
				c.Status, c.Answer = 0, nil
			}
			if a := r.calls[i].Answer; a != nil && a.ID == id && a.VoidedAt != nil {
				a.VoidedAt = &again.At
			}
		}
	}},
	{name: "void answered as released", rich: true, promises: []int{2}, says: "was answered with", spoil: func(r *run) {
		a := r.voided().Answer
		a.State, a.VoidedAt = client.AssignmentStateReleased, nil
	}},
	{name: "void that was not kept", rich: true, promises: []int{2, 3}, says: "void since", spoil: func(r *run) {
		a := r.row(r.voided().ID)
		a.State, a.VoidedAt = client.AssignmentStateReleased, nil
	}},
	{name: "void refused, and there", rich: true, promises: []int{7}, says: "the void of", spoil: func(r *run) { refuse(r.voided()) }},
	{name: "void not asked for, and there", rich: true, promises: []int{7}, says: "was not asked for", spoil: func(r *run) {
		note := r.voided().Note
		r.calls = slices.DeleteFunc(r.calls, func(c Call) bool { return c.Note == note })
	}},
	{name: "reassignment refused, and there", rich: true, promises: []int{7}, says: "the reassignment of", spoil: func(r *run) { refuse(r.passed()) }},
	{name: "reassignment that is lost", rich: true, promises: []int{2, 7}, says: "was answered and is lost", spoil: func(r *run) {
		r.theOnly(Reassign, func(c *Call) bool { return !c.OrCurrent && r.inLog(c, "assignment_reassigned", "note") }).Note = "another"
	}},
	{name: "reassignment answered with somebody else", rich: true, promises: []int{2}, says: "went to", spoil: func(r *run) {
		r.passed().Answer.ReassignedTo = &client.AssignedPlanner{ID: "somebody"}
	}},
	{name: "reassignment answered as over", rich: true, promises: []int{2}, says: "was told to be over", spoil: func(r *run) {
		r.add(Call{Kind: Reassign, ID: r.lone().Answer.ID, Note: "new", Status: 409, Code: client.ProblemCodeAssignmentOver})
	}},
	{name: "kept holder", rich: true, promises: []int{3}, says: "is kept as with", spoil: func(r *run) {
		r.row(r.passed().ID).ReassignedTo = nil
	}},
	{name: "reassigned, and then answered as before", rich: true, promises: []int{4}, says: "that it is somebody else's", spoil: func(r *run) {
		c := r.passed()
		made := *r.call(func(m *Call) bool { return m.Kind == Assign && m.Answer != nil && m.Answer.ID == c.ID })
		a := *made.Answer
		a.State, a.ReassignedTo, a.ReleasedAt, a.VoidedAt = client.AssignmentStateActive, nil, nil, nil
		lost, again := made, made
		again.Sent, again.Got, again.Answer, again.Replayed = c.Got+1, c.Got+2, &a, true
		lost.Sent, lost.Got, lost.Status, lost.Answer, lost.Replayed = c.Got+1, c.Got+2, 0, nil, false
		for i := range r.calls { // nobody knows whether it has ended
			if o := &r.calls[i]; o.ID == c.ID && o.Kind != Reassign && o.Outcome() == Done {
				o.Status, o.Answer = 0, nil
			}
			if m := r.calls[i].Many; m != nil {
				m.Assignments = slices.DeleteFunc(m.Assignments, func(a client.Assignment) bool { return a.ID == c.ID })
			}
		}
		r.add(lost)
		r.add(again)
	}},
}

func touched(r *run) *Call {
	r.Helper()
	return r.call(func(c *Call) bool { return c.Kind == Touch && c.Outcome() == Done })
}

func cared(r *run) *Call {
	r.Helper()
	return r.theOnly(Care, func(c *Call) bool { return r.inLog(c, "number_changed", "reason") })
}

var spoiledCare = []spoiling{
	{name: "draining number given", rich: true, promises: []int{6, 3}, says: "which is draining", wrong: slipping(givesDraining)},
	{name: "draining number brought back by an end", rich: true, promises: []int{6, 2, 3}, says: "which is ", wrong: slipping(freesDraining)},
	{name: "change from what it was not", rich: true, promises: []int{3}, says: "changes number", spoil: func(r *run) {
		r.edit(r.event("number_changed"), func(data map[string]any) { data["was"] = "set_aside" })
	}},
	{name: "change to nothing", rich: true, promises: []int{3}, says: "makes number", spoil: func(r *run) {
		r.edit(r.anyEvent("number_changed", func(data map[string]any) bool { return data["state"] == "free" }), func(data map[string]any) { data["state"] = "active" })
	}},
	{name: "back without its rest", rich: true, promises: []int{3}, says: "is free from", spoil: func(r *run) {
		r.edit(r.anyEvent("number_changed", func(data map[string]any) bool { return data["state"] == "free" }), func(data map[string]any) { data["free_at"] = time.Now() })
	}},
	{name: "change that is lost", rich: true, promises: []int{2}, says: "and is not in the log", spoil: func(r *run) {
		c := r.lone()
		n := r.pool(c.Pool).Numbers[0].Number
		line := numbersOf(newScene("", *r.pool(c.Pool))).states
		state := line[n][0].value
		for _, s := range []To{Suspend, Drain} {
			if !slices.ContainsFunc(line[n], func(c change[client.NumberState]) bool { return c.value == madeBy[s] }) || state != madeBy[s] {
				r.add(Call{Kind: Care, Pool: c.Pool, Number: n, To: s, Note: "new", Sent: 1, Got: 2, Status: 200, Seen: &client.Number{Number: n, State: madeBy[s]}})
			}
		}
	}},
	{name: "change answered as another", rich: true, promises: []int{2}, says: "was answered with", spoil: func(r *run) { cared(r).Seen.State = client.NumberStateSetAside }},
	{name: "change refused, and there", rich: true, promises: []int{7}, says: "a change of number", spoil: func(r *run) {
		c := cared(r)
		refuse(c)
		c.Seen = nil
	}},
	{name: "change by one call twice", rich: true, promises: []int{1}, says: "is the same call's as", spoil: func(r *run) {
		c := cared(r)
		c.Status, c.Seen, c.Sent, c.Got = 0, nil, 0, 1
		other := r.of(c.Pool, "number_changed")(func(data map[string]any) bool { return data["reason"] != c.Note })
		r.edit(other, func(data map[string]any) { data["reason"] = c.Note })
	}},
	{name: "change that was refused as set aside", rich: true, promises: []int{7}, says: "number_set_aside", spoil: func(r *run) {
		r.add(Call{Kind: Care, Pool: "pool-0", Number: r.pools[0].Numbers[0].Number, To: Drain, Note: "new", Status: 409, Code: client.ProblemCodeNumberSetAside})
	}},
	{name: "call on a number that is lost", rich: true, promises: []int{2}, says: "was answered and is lost", spoil: func(r *run) {
		c := touched(r)
		at := c.Seen.UsedAt.Add(time.Microsecond)
		c.Seen.UsedAt = &at
	}},
	{name: "success without a number", rich: true, promises: []int{2}, says: "a success without number", spoil: func(r *run) { touched(r).Seen = nil }},
	{name: "call on a number that is said to lead nowhere", rich: true, promises: []int{2}, says: "was said to lead nowhere", spoil: func(r *run) {
		n := numbersOf(newScene("", r.pools[0]))
		i := slices.IndexFunc(r.pools[0].Numbers, func(l client.Number) bool {
			line := n.leads[l.Number]
			return len(line) > 0 && line[len(line)-1].value
		})
		r.add(Call{Kind: Touch, Pool: "pool-0", Number: r.pools[0].Numbers[i].Number, Sent: time.Hour, Got: time.Hour, Status: 404, Code: client.ProblemCodeNumberNotLive})
	}},
	{name: "call on a number that nobody made", rich: true, promises: []int{7}, says: "which nobody asked for", spoil: func(r *run) {
		n := touched(r).Number
		r.calls = slices.DeleteFunc(r.calls, func(c Call) bool { return c.Kind == Touch && c.Number == n })
	}},
	{name: "calls on a number that were all refused", rich: true, promises: []int{7}, says: "and all calls to do so were told", spoil: func(r *run) {
		n := touched(r).Number
		for i := range r.calls {
			if c := &r.calls[i]; c.Kind == Touch && c.Number == n {
				refuse(c)
				c.Seen = nil
			}
		}
	}},
	{name: "calls on a number at another time", rich: true, promises: []int{4}, says: "and no call to do so was under way", spoil: func(r *run) {
		n := touched(r).Number
		for i := range r.calls {
			if c := &r.calls[i]; c.Kind == Touch && c.Number == n {
				c.Sent, c.Got, c.Status, c.Code, c.Seen = c.Sent+time.Hour, c.Got+time.Hour, 0, "", nil
			}
		}
	}},
	{name: "call on a number of another assignment", rich: true, promises: []int{3}, says: "is a call on number", spoil: func(r *run) {
		r.edit(r.event("number_touched"), func(data map[string]any) { data["assignment"] = "nobody's" })
	}},
}

func routed(r *run) *Call {
	r.Helper()
	return r.call(func(c *Call) bool { return c.Kind == Route && c.Outcome() == Done })
}

var spoiledRoutes = []spoiling{
	{name: "route to another than has it", rich: true, promises: []int{6}, says: "which p", spoil: func(r *run) { routed(r).Goes.Planner.ID = "somebody" }},
	{name: "route to who had it before", rich: true, promises: []int{6}, says: "and did not from seq", spoil: func(r *run) {
		c := r.theOnly(Reassign, func(c *Call) bool { return c.Answer.Number != nil && r.inLog(c, "assignment_reassigned", "note") })
		a := *c.Answer
		a.ReassignedTo = nil
		r.add(Call{Kind: Route, Pool: c.Pool, Number: *a.Number, Sent: c.Got + 1, Got: c.Got + 2, Status: http.StatusOK,
			Goes: &client.Route{Number: *a.Number, Assignment: a, Planner: client.RoutedPlanner{ID: a.Planner.ID}}})
	}},
	{name: "route of an assignment that is over", rich: true, promises: []int{6}, says: "and did not from seq", spoil: func(r *run) {
		c := r.call(func(c *Call) bool {
			return c.Kind == Route && c.Outcome() == Done && r.row(c.Goes.Assignment.ID).State == client.AssignmentStateVoid
		})
		c.Sent, c.Got = time.Hour, time.Hour
	}},
	{name: "route without a number", rich: true, promises: []int{2}, says: "a success without number", spoil: func(r *run) { routed(r).Goes = nil }},
}

var spoiledBulk = []spoiling{
	{name: "one that does not fit", rich: true, promises: []int{3}, says: "that fits", spoil: func(r *run) { r.bulk(1).Which = &Filter{Planner: "nobody"} }},
	{name: "not the oldest", rich: true, promises: []int{3}, says: "that fits", spoil: func(r *run) {
		c := r.bulk(2)
		r.edit(r.of(c.Pool, "assignments_released")(noted(c.Note)), func(data map[string]any) { slices.Reverse(data["assignments"].([]any)) })
	}},
	{name: "more than asked for", rich: true, promises: []int{3, 2}, says: "at most", spoil: func(r *run) { r.bulk(2).Which.Limit = 1 }},
	{name: "more that are not told of", rich: true, promises: []int{3}, says: "as if there were no more", spoil: func(r *run) {
		r.theOnly(ReleaseMany, func(c *Call) bool { return c.Many.More && r.inLog(c, "assignments_released", "reason") }).Many.More = false
	}},
	{name: "one that was not told of", rich: true, promises: []int{2}, says: "of which its caller was not told", spoil: func(r *run) {
		m := r.bulk(2).Many
		m.Assignments = m.Assignments[1:]
	}},
	{name: "one that was not ended by it", rich: true, promises: []int{2}, says: "which it has not ended", spoil: func(r *run) {
		c := r.call(func(c *Call) bool { return c.Kind == Release && c.Outcome() == Done && r.inRelease(c.ID) })
		m := r.theOnly(ReleaseMany, func(m *Call) bool { return m.Pool == r.row(c.ID).Pool && m.Got > c.Got }).Many
		m.Assignments = append(m.Assignments, *c.Answer)
	}},
	{name: "success without assignments", rich: true, promises: []int{2}, says: "without assignments", spoil: func(r *run) { r.bulk(1).Many = nil }},
	{name: "refused, and there", rich: true, promises: []int{7}, says: "the release of", spoil: func(r *run) {
		c := r.bulk(1)
		refuse(c)
		c.Many = nil
	}},
	{name: "ended at another time than answered", rich: true, promises: []int{2}, says: "released at", spoil: func(r *run) {
		a := &r.bulk(1).Many.Assignments[0]
		at := a.ReleasedAt.Add(time.Second)
		a.ReleasedAt = &at
	}},
}

// inRelease reports whether the log has a release of the assignment by itself.
func (r *run) inRelease(id string) bool {
	for _, p := range r.pools {
		for i := range p.Events {
			if p.Events[i].Kind == "assignment_released" && open(r, &p.Events[i])["id"] == id {
				return true
			}
		}
	}
	return false
}

// log adds an event to the end of pool-1's log, by a call of which nobody knows
// what came.
func (r *run) log(kind Kind, event string, data map[string]any) {
	r.Helper()
	p := &r.pools[1]
	p.Row.Seq++
	e := client.Event{Pool: "pool-1", Seq: p.Row.Seq, Kind: event, At: p.Row.UpdatedAt, Data: []byte(`{}`)}
	r.edit(&e, func(all map[string]any) {
		for k, v := range data {
			all[k] = v
		}
		all["note"], all["reason"] = "late", "late"
		if kind == Void || kind == Reassign {
			all["reason"] = "mistake"
		}
	})
	p.Events = append(p.Events, e)
	id, _ := data["id"].(string)
	number, _ := data["number"].(string)
	r.add(Call{Kind: kind, Pool: "pool-1", ID: id, Number: number, Note: "late", Which: &Filter{State: "active"}})
}

// ended is an assignment of pool-1 that is over, with a number if so wanted.
func (r *run) ended(number bool) *client.Assignment {
	r.Helper()
	p := r.pools[1]
	for i := range p.Assignments {
		if a := &p.Assignments[i]; a.State == client.AssignmentStateReleased && (a.Number != nil) == number {
			return a
		}
	}
	r.Fatal("no such assignment")
	return nil
}

// listed is a number of pool-1 in a state.
func (r *run) listed(state client.NumberState) *client.Number {
	r.Helper()
	n := r.pools[1].Numbers
	i := slices.IndexFunc(n, func(n client.Number) bool { return n.State == state })
	if i < 0 {
		r.Fatalf("no number is %s", state)
	}
	return &n[i]
}

var spoiledEnds = []spoiling{
	{name: "release of none", rich: true, promises: []int{3}, says: "ends nothing", spoil: func(r *run) {
		r.log(ReleaseMany, "assignments_released", map[string]any{"assignments": []any{}})
	}},
	{name: "nothing ended by itself", rich: true, promises: []int{3}, says: "ends nothing", spoil: func(r *run) {
		r.log(ReleaseMany, "assignments_expired", map[string]any{"assignments": []any{}})
	}},
	{name: "no number added", rich: true, promises: []int{3}, says: "adds no number", spoil: func(r *run) {
		r.log(Other, "numbers_added", map[string]any{"numbers": []any{}})
	}},
	{name: "settings out of nothing", rich: true, promises: []int{3}, says: "changes settings from", spoil: func(r *run) {
		s := r.pools[1].Row
		r.log(Other, "pool_changed", map[string]any{"cooldown_seconds": s.CooldownSeconds, "number_ttl_seconds": s.NumberTTLSeconds,
			"number_ttl_from": s.NumberTTLFrom, "sticky": s.Sticky, "on_exhausted": s.OnExhausted})
	}},
	{name: "settings that change nothing", rich: true, promises: []int{3}, says: "changes nothing", spoil: func(r *run) {
		s := r.pools[1].Row
		same := map[string]any{"cooldown_seconds": s.CooldownSeconds, "number_ttl_seconds": s.NumberTTLSeconds,
			"number_ttl_from": s.NumberTTLFrom, "sticky": s.Sticky, "on_exhausted": s.OnExhausted}
		r.log(Other, "pool_changed", map[string]any{"cooldown_seconds": s.CooldownSeconds, "number_ttl_seconds": s.NumberTTLSeconds,
			"number_ttl_from": s.NumberTTLFrom, "sticky": s.Sticky, "on_exhausted": s.OnExhausted, "was": same})
	}},
	{name: "change of a number that is not there", rich: true, promises: []int{3}, says: "which the pool has not", spoil: func(r *run) {
		r.log(Care, "number_changed", map[string]any{"number": "0100000", "state": "draining", "was": "free"})
	}},
	{name: "change of nothing", rich: true, promises: []int{3}, says: "changes nothing of number", spoil: func(r *run) {
		n := r.listed(client.NumberStateSuspended)
		r.log(Care, "number_changed", map[string]any{"number": n.Number, "state": "suspended", "was": "suspended"})
	}},
	{name: "set aside by hand", rich: true, promises: []int{3}, says: "makes number", spoil: func(r *run) {
		n := r.listed(client.NumberStateSuspended)
		r.log(Care, "number_changed", map[string]any{"number": n.Number, "state": "set_aside", "was": "suspended"})
		n.State = client.NumberStateSetAside
		r.pools[1].Row.Numbers.Suspended--
		r.pools[1].Row.Numbers.SetAside++
	}},
	{name: "call on a number that leads nowhere", rich: true, promises: []int{3}, says: "and leads nowhere", spoil: func(r *run) {
		n := r.listed(client.NumberStateActive)
		n.State, n.UsedAt = client.NumberStateSuspended, &r.pools[1].Row.UpdatedAt
		r.log(Care, "number_changed", map[string]any{"number": n.Number, "state": "suspended", "was": "active"})
		r.log(Touch, "number_touched", map[string]any{"number": n.Number, "assignment": n.Assignment, "expires_at": n.ExpiresAt})
		r.pools[1].Row.Numbers.Active--
		r.pools[1].Row.Numbers.Suspended++
	}},
	{name: "void of what is not there", rich: true, promises: []int{3}, says: "which is not there", spoil: func(r *run) {
		r.log(Void, "assignment_voided", map[string]any{"id": "nobody's"})
	}},
	{name: "void that gives back a number twice", rich: true, promises: []int{3}, says: "which had ended", spoil: func(r *run) {
		a := r.ended(true)
		r.log(Void, "assignment_voided", map[string]any{"id": a.ID, "assignment_seq": a.Seq, "number": a.Number, "free_at": a.ReleasedAt})
	}},
	{name: "void of another position", rich: true, promises: []int{3}, says: "as seq 1, which is", spoil: func(r *run) {
		r.log(Void, "assignment_voided", map[string]any{"id": r.ended(false).ID, "assignment_seq": 1})
	}},
	{name: "reassignment of what is over", rich: true, promises: []int{3}, says: "which is not live", spoil: func(r *run) {
		a := r.ended(false)
		r.log(Reassign, "assignment_reassigned", map[string]any{"id": a.ID, "assignment_seq": a.Seq, "from": a.Planner.ID, "to": "p000"})
	}},
	{name: "reassignment with a void's note", rich: true, promises: []int{3, 7}, says: "which is not live", spoil: func(r *run) {
		a := r.ended(false)
		r.log(Care, "assignment_reassigned", map[string]any{"id": a.ID, "assignment_seq": a.Seq, "from": a.Planner.ID, "to": "p000", "reason": "mistake"})
	}},
	{name: "reassignment answered with what is over", rich: true, promises: []int{2}, says: "was answered with released", spoil: func(r *run) {
		c := r.theOnly(Reassign, func(c *Call) bool {
			return r.inLog(c, "assignment_reassigned", "note") && r.row(c.ID).State == client.AssignmentStateReleased
		})
		c.Answer.State, c.Answer.ReleasedAt = client.AssignmentStateReleased, r.row(c.ID).ReleasedAt
	}},
	{name: "more answered than asked for", rich: true, promises: []int{2}, says: "and at most 1 were to be", spoil: func(r *run) {
		c := r.theOnly(ReleaseMany, func(c *Call) bool {
			return len(c.Many.Assignments) == 1 && r.inLog(c, "assignments_released", "reason")
		})
		c.Which.Limit = 1
		c.Many.Assignments = append(c.Many.Assignments, c.Many.Assignments[0])
	}},
}

// Turns that are given back are not searched for an order.
func TestLinearizableRefusesTurnsBack(t *testing.T) {
	t.Parallel()
	c := wealthy
	c.other = 0
	w := c.live()
	if err := Linearizable(w.calls, w.tables()[0]); err == nil || !strings.Contains(err.Error(), "cannot be searched") {
		t.Errorf("got %v", err)
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	line := timeline[string]{}
	for seq, value := range []string{1: "a", 4: "b", 5: "b", 7: "a"} {
		if value != "" {
			line.note("x", int64(seq), value)
		}
	}
	for _, test := range []struct {
		value       string
		first, last int64
		was, always bool
	}{
		{"a", 0, 0, false, false}, {"a", 0, 1, true, false}, {"a", 1, 1, true, true}, {"a", 1, 3, true, true}, {"a", 2, 4, true, false},
		{"a", 4, 6, false, false}, {"a", 4, 7, true, false}, {"a", 7, 9, true, true}, {"b", 1, 3, false, false}, {"b", 4, 6, true, true}, {"b", 6, 9, true, false},
	} {
		if was, always := line.was("x", test.value, test.first, test.last), line.always("x", test.value, test.first, test.last); was != test.was || always != test.always {
			t.Errorf("%s from %d to %d: was %v, always %v", test.value, test.first, test.last, was, always)
		}
	}
	if line.was("y", "a", 0, 9) || line.always("y", "", 0, 9) {
		t.Error("what was never noted was something")
	}
}

// Who may keep an assignment may have kept it at first.
func TestSpanOfReassigned(t *testing.T) {
	t.Parallel()
	call := func(orCurrent bool, sent, got time.Duration, status int) *Call {
		return &Call{Kind: Reassign, OrCurrent: orCurrent, Sent: sent, Got: got, Status: status}
	}
	for _, test := range []struct {
		name  string
		calls []*Call
		want  span
	}{
		{"one", []*Call{call(true, 1, 2, 200)}, span{1, 2}},
		{"the first did it", []*Call{call(false, 1, 2, 200), call(false, 3, 4, 200)}, span{1, 2}},
		{"either did it", []*Call{call(true, 3, 4, 200), call(true, 1, 2, 200)}, span{1, 4}},
		{"either, or one later", []*Call{call(true, 1, 2, 0), call(true, 3, 4, 200)}, span{1, forever}},
		{"the second did it", []*Call{call(true, 1, 2, 409), call(true, 3, 4, 200)}, span{3, 4}},
		{"nobody", []*Call{call(true, 1, 2, 409), call(true, 3, 4, 409)}, anyTime},
	} {
		if got := spanOfReassigned(test.calls); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
