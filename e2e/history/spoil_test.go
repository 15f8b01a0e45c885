package history

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"fairlead/api/client"
)

// A run is a history that a test spoils.
type run struct {
	*testing.T
	calls []Call
	pools []Pool
}

func (r *run) add(c Call) { r.calls = append(r.calls, c) }

// call is the first call that ok takes, from the middle of the run on.
func (r *run) call(ok func(*Call) bool) *Call {
	r.Helper()
	for i := range r.calls {
		if c := &r.calls[(i+len(r.calls)/2)%len(r.calls)]; ok(c) {
			return c
		}
	}
	r.Fatal("no such call")
	return nil
}

// with counts the calls that ask about the same.
func (r *run) with(c *Call) (n int) {
	for i := range r.calls {
		o := &r.calls[i]
		n += count(o.Kind == c.Kind && o.Pool == c.Pool && o.Key == c.Key && o.ID == c.ID && o.Planner == c.Planner)
	}
	return n
}

// lone is a call that made an assignment, which nobody asked about again.
func (r *run) lone() *Call { return r.loneThat(func(*Call) bool { return true }) }

func (r *run) loneThat(ok func(*Call) bool) *Call {
	r.Helper()
	return r.call(func(c *Call) bool {
		return c.Kind == Assign && c.Outcome() == Done && r.with(c) == 1 && r.row(c.Answer.ID).State == "active" && ok(c)
	})
}

// repeated is a call that was answered with what an earlier one had made.
func (r *run) repeated() *Call {
	r.Helper()
	return r.call(func(c *Call) bool {
		return c.Replayed && slices.ContainsFunc(r.calls, func(o Call) bool { return o.Key == c.Key && o.Outcome() == Done && !o.Replayed })
	})
}

// release is one that was done, and the only one of its assignment.
func (r *run) release() *Call {
	r.Helper()
	return r.call(func(c *Call) bool { return c.Kind == Release && c.Outcome() == Done && r.with(c) == 1 })
}

func (r *run) pool(name string) *Pool {
	return &r.pools[slices.IndexFunc(r.pools, func(p Pool) bool { return p.Row.Pool == name })]
}

// row is what is kept of an assignment.
func (r *run) row(id string) *client.Assignment {
	r.Helper()
	for _, p := range r.pools {
		for i := range p.Assignments {
			if p.Assignments[i].ID == id {
				return &p.Assignments[i]
			}
		}
	}
	r.Fatal("no such assignment")
	return nil
}

// event is the last of a kind in pool-1, or of those that ok takes.
func (r *run) event(kind string, ok ...func(map[string]any) bool) *client.Event {
	r.Helper()
	return r.eventIn(1, kind, ok...)
}

func (r *run) eventIn(pool int, kind string, ok ...func(map[string]any) bool) *client.Event {
	r.Helper()
	events := r.pools[pool].Events
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Kind == kind && (len(ok) == 0 || ok[0](open(r, &events[i]))) {
			return &events[i]
		}
	}
	r.Fatal("no such event")
	return nil
}

func open(t testing.TB, e *client.Event) map[string]any {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

// edit changes what an event says.
func (r *run) edit(e *client.Event, change func(map[string]any)) {
	r.Helper()
	data := open(r, e)
	change(data)
	text, err := json.Marshal(data)
	if err != nil {
		r.Fatal(err)
	}
	e.Data = text
}

// switchesOfOne are all calls that switch one of the planners of pool-1, who
// was switched.
func (r *run) switchesOfOne() (calls []*Call) {
	r.Helper()
	id := first(open(r, r.event("planners_changed", flipped)))["id"]
	for i := range r.calls {
		if c := &r.calls[i]; c.Planner == id && c.Pool == "pool-1" {
			calls = append(calls, c)
		}
	}
	return calls
}

// first is the first planner that an event lists.
func first(data map[string]any) map[string]any {
	return data["planners"].([]any)[0].(map[string]any)
}

func flipped(data map[string]any) bool { return first(data)["was"] != nil }

// both changes an assignment where it was answered and where it is kept.
func (r *run) both(c *Call, change func(*client.Assignment)) {
	r.Helper()
	change(r.row(c.Answer.ID))
	change(c.Answer)
}

// refuse makes a call one that was told that nothing happened.
func refuse(c *Call) {
	c.Status, c.Code, c.Answer, c.Replayed = http.StatusServiceUnavailable, client.ProblemCodePoolBusy, nil, false
}

var spoiledKeys = []spoiling{
	{name: "second row for a key", promises: []int{1}, says: "has two assignments", wrong: func(w *world) {
		for _, p := range w.pools {
			p.forget = func(p *fakePool, key string) bool { return p.seq > 40 && p.seq < 60 }
		}
	}},
	{name: "second row for an id", promises: []int{1, 2, 3}, says: "has two assignments", spoil: func(r *run) {
		r.pools[0].Assignments[1].ID = r.pools[0].Assignments[0].ID
	}},
	{name: "two answers for a key", promises: []int{1, 2}, says: "was answered twice, with planner", spoil: func(r *run) {
		r.repeated().Answer.Planner.ID = "somebody"
	}},
	{name: "two bodies for a key", promises: []int{1}, says: "was accepted for", spoil: func(r *run) {
		c := r.repeated()
		if c.Wish == "none" {
			c.Wish = "required"
		} else {
			c.Wish = "none"
		}
	}},
	{name: "made twice", promises: []int{1}, says: "told twice that it made", spoil: func(r *run) { r.repeated().Replayed = false }},
	{name: "answer for another key", promises: []int{1, 2}, says: "was answered with key", spoil: func(r *run) { r.lone().Answer.Key = "another" }},
	{name: "refused key that is new", promises: []int{1}, says: "has no assignment", spoil: func(r *run) {
		r.add(Call{Kind: Assign, Pool: "pool-0", Key: "new", Status: 422, Code: client.ProblemCodeKeyReused})
	}},
	{name: "refused key with its own body", promises: []int{1}, says: "refused for the body that it was accepted for", spoil: func(r *run) {
		c := *r.lone()
		refuse(&c)
		c.Status, c.Code = 422, client.ProblemCodeKeyReused
		r.add(c)
	}},
}

var spoiledAnswers = []spoiling{
	{name: "fault of the program", promises: []int{7}, says: "was answered 500", spoil: func(r *run) {
		r.add(Call{Kind: Release, Pool: "pool-0", ID: "none", Status: 500, Code: client.ProblemCodeInternal})
	}},
	{name: "refusal of something else", promises: []int{7}, says: "was answered 404 pool_not_found", spoil: func(r *run) {
		r.add(Call{Kind: Assign, Pool: "pool-0", Key: "new", Status: 404, Code: client.ProblemCodePoolNotFound})
	}},
	{name: "refused for want of what it does not need", promises: []int{7}, says: "which it does not require", spoil: func(r *run) {
		r.add(Call{Kind: Assign, Pool: "pool-0", Key: "new", Status: 409, Code: client.ProblemCodeNoNumber})
	}},
	{name: "answered key that is refused", promises: []int{1}, says: "was answered, and later refused with no_number", spoil: func(r *run) {
		c := *r.loneThat(func(c *Call) bool { return c.Wish == "required" })
		r.add(Call{Kind: Assign, Pool: c.Pool, Key: c.Key, Customer: c.Customer, Wish: c.Wish, Sent: c.Got + 1, Got: c.Got + 2,
			Status: 409, Code: client.ProblemCodeNoNumber})
	}},
}

var spoiledKept = []spoiling{
	{name: "lost row", promises: []int{2, 3, 5}, says: "was answered and is lost", spoil: func(r *run) {
		c := r.lone()
		p := r.pool(c.Pool)
		p.Assignments = slices.DeleteFunc(p.Assignments, func(a client.Assignment) bool { return a.Key == c.Key })
	}},
	{name: "pool that was not read", promises: []int{2, 1}, says: "was answered and is lost", spoil: func(r *run) { r.pools = r.pools[1:] }},
	{name: "answer that is not the row", promises: []int{2}, says: "answered and kept with seq", spoil: func(r *run) { r.lone().Answer.Seq++ }},
	{name: "success without an assignment", promises: []int{2}, says: "without an assignment", spoil: func(r *run) { r.lone().Answer = nil }},
	{name: "release that was not kept", promises: []int{2, 3}, says: "released at", spoil: func(r *run) {
		a := r.row(r.release().ID)
		a.State, a.ReleasedAt = client.AssignmentStateActive, nil
	}},
	{name: "release that was answered as active", promises: []int{2}, says: "was answered with", spoil: func(r *run) {
		a := r.release().Answer
		a.State, a.ReleasedAt = client.AssignmentStateActive, nil
	}},
	{name: "release of what is said not to be there", promises: []int{2}, says: "was told that there is no", spoil: func(r *run) {
		r.add(Call{Kind: Release, ID: r.lone().Answer.ID, Status: 404, Code: client.ProblemCodeAssignmentNotFound})
	}},
	{name: "switch that was not kept", promises: []int{2}, says: "and is not in the log", spoil: func(r *run) {
		middle := r.lone()
		r.add(Call{Kind: Switch, Pool: "pool-1", Planner: "p000", Sent: middle.Sent, Got: middle.Got, Status: 200})
	}},
}

var spoiledLog = []spoiling{
	{name: "position taken twice", promises: []int{3}, says: "is taken twice", spoil: func(r *run) {
		r.both(r.lone(), func(a *client.Assignment) { a.Seq-- })
	}},
	{name: "positions out of order", promises: []int{3}, says: "are missing", spoil: func(r *run) {
		r.pools[0].Events[0].Seq = -1
	}},
	{name: "gap at the end", promises: []int{3}, says: "the pool is at seq", spoil: func(r *run) { r.pools[0].Row.Seq++ }},
	{name: "time runs backwards", promises: []int{3}, says: "and what comes before of", spoil: func(r *run) {
		r.both(r.loneThat(func(c *Call) bool { return c.Wish == "none" }), func(a *client.Assignment) { a.AssignedAt = a.AssignedAt.Add(-time.Minute) })
	}},
	{name: "event that nobody knows", promises: []int{3}, says: "cannot be read", spoil: func(r *run) { r.event("pool_changed").Kind = "pool_drained" }},
	{name: "event that says something else", promises: []int{3}, says: "cannot be read", spoil: func(r *run) { r.event("numbers_added").Data = []byte(`{"numbers":7}`) }},
}

// mispick lets the pools give the assignments from seq 40 to 49 to whom choose
// says, who is asked about the active planners in the order of the rule.
func mispick(choose func(active []*fakePlanner) *fakePlanner) func(*world) {
	return func(w *world) {
		for _, p := range w.pools {
			p.pick = func(p *fakePool) string {
				active := slices.DeleteFunc(slices.Clone(p.planners), func(f *fakePlanner) bool { return !f.active })
				slices.SortFunc(active, func(a, b *fakePlanner) int { return 1 - 2*count(before(a, b)) })
				if p.seq < 40 || p.seq > 49 {
					return active[0].id
				}
				return choose(active).id
			}
		}
	}
}

var spoiledRule = []spoiling{
	{name: "more loaded planner", promises: []int{3, 5}, says: "and it is the turn of", wrong: mispick(func(active []*fakePlanner) *fakePlanner {
		for _, f := range active {
			if f.assigned+f.base == active[0].assigned+active[0].base+1 {
				return f
			}
		}
		return active[0]
	})},
	{name: "tie broken for who had work last", promises: []int{3}, says: "and it is the turn of", wrong: mispick(func(active []*fakePlanner) *fakePlanner {
		for _, f := range active {
			if f.assigned+f.base == active[0].assigned+active[0].base && f.lastSeq > active[0].lastSeq {
				return f
			}
		}
		return active[0]
	})},
	{name: "tie broken for the larger id", promises: []int{3}, says: "and it is the turn of", wrong: func(w *world) {
		for _, p := range w.pools {
			p.pick = func(p *fakePool) string {
				if len(p.given) == 0 && p.planners[1].active {
					return p.planners[1].id
				}
				return p.due().id
			}
		}
	}},
	{name: "inactive planner", promises: []int{3}, says: "(off, load", wrong: func(w *world) {
		for _, p := range w.pools {
			p.pick = func(p *fakePool) string {
				for _, f := range p.planners {
					if !f.active && p.seq > 40 && p.seq < 50 {
						return f.id
					}
				}
				return p.due().id
			}
		}
	}},
	{name: "unknown planner", promises: []int{3, 5}, says: "whom the pool does not have", spoil: func(r *run) {
		r.both(r.lone(), func(a *client.Assignment) { a.Planner.ID = "somebody" })
	}},
	{name: "nobody active", promises: []int{3, 2}, says: "and nobody is active", spoil: func(r *run) {
		r.edit(&r.pools[1].Events[1], func(data map[string]any) {
			for _, p := range data["planners"].([]any) {
				p.(map[string]any)["active"] = false
			}
		})
	}},
	{name: "planner under another name", promises: []int{3}, says: "and the name was", spoil: func(r *run) {
		r.both(r.lone(), func(a *client.Assignment) { a.Planner.Name = "Kim" })
	}},
	{name: "joins above level", promises: []int{3}, says: "is level", wrong: func(w *world) {
		for _, p := range w.pools {
			p.level = 1
		}
	}},
	{name: "joins below level", promises: []int{3}, says: "is level", wrong: func(w *world) {
		for _, p := range w.pools {
			p.level = -1
		}
	}},
	{name: "planner was not so", promises: []int{3}, says: "who was {Name", spoil: func(r *run) {
		r.edit(r.event("planners_changed", flipped), func(data map[string]any) { first(data)["was"].(map[string]any)["base"] = 4711 })
	}},
	{name: "known planner is new", promises: []int{3}, says: "who was known: true", spoil: func(r *run) {
		r.edit(r.event("planners_changed", flipped), func(data map[string]any) { first(data)["was"] = nil })
	}},
	{name: "event changes nothing", promises: []int{3}, says: "changes nothing of planner", spoil: func(r *run) {
		e := r.event("planners_changed", flipped)
		again := *e
		again.Seq = r.pools[1].Row.Seq + 1
		again.At = r.pools[1].Row.UpdatedAt
		r.edit(&again, func(data map[string]any) {
			p := first(data)
			p["was"] = map[string]any{"name": p["name"], "active": p["active"], "base": p["base"]}
		})
		r.pools[1].Events = append(r.pools[1].Events, again)
		r.pools[1].Row.Seq++
	}},
	{name: "settings were not so", promises: []int{3}, says: "changes settings from", spoil: func(r *run) {
		p := &r.pools[1]
		p.Row.Seq++
		p.Row.CooldownSeconds = 5
		p.Events = append(p.Events, client.Event{Seq: p.Row.Seq, Kind: "pool_changed", At: p.Row.UpdatedAt, Data: []byte(`{"cooldown_seconds":5,"was":{"cooldown_seconds":4}}`)})
	}},
	{name: "release of what is not live", promises: []int{3, 7}, says: "which is not live", spoil: func(r *run) {
		r.edit(r.event("assignment_released"), func(data map[string]any) { data["id"] = "nobody's" })
	}},
	{name: "release of another position", promises: []int{3}, says: "as seq 1, which is", spoil: func(r *run) {
		r.edit(r.event("assignment_released"), func(data map[string]any) { data["assignment_seq"] = 1 })
	}},
}

func hasNumber(data map[string]any) bool { return data["number"] != nil }

// misnumber lets the pools give the number that choose says at one assignment
// behind seq 40, if it says one.
func misnumber(choose func(p *fakePool) *fakeNumber) func(*world) {
	return func(w *world) {
		for _, p := range w.pools {
			done := false
			p.number = func(p *fakePool) *fakeNumber {
				if n := choose(p); n != nil && !done && p.seq > 40 {
					done = true
					return n
				}
				return p.freeNumber(p.last)
			}
		}
	}
}

var spoiledNumbers = []spoiling{
	{name: "number that is not free for longest", promises: []int{3}, says: "is due", wrong: misnumber(func(p *fakePool) *fakeNumber {
		due := p.freeNumber(p.last)
		for _, n := range p.numbers {
			if due != nil && n.holder == "" && n != due && !n.freeAt.After(p.last) {
				return n
			}
		}
		return nil
	})},
	{name: "number that nobody wished", promises: []int{3, 6}, says: "(wish: [none], ", spoil: func(r *run) {
		c := r.loneThat(func(c *Call) bool { return c.Wish == "none" })
		r.both(c, func(a *client.Assignment) { a.Number = &r.pool(c.Pool).Numbers[0].Number })
	}},
	{name: "no number where one was required", promises: []int{3}, says: "(wish: [required], ", spoil: func(r *run) {
		r.both(r.loneThat(func(c *Call) bool { return c.Wish == "required" }), func(a *client.Assignment) { a.Number = nil })
	}},
	{name: "no number where one was preferred", promises: []int{3}, says: "(wish: [], ", spoil: func(r *run) {
		r.both(r.loneThat(func(c *Call) bool { return c.Wish == "" && c.Answer.Number != nil }), func(a *client.Assignment) { a.Number = nil })
	}},
	{name: "number that is not the pool's", promises: []int{3}, says: "which the pool has not", spoil: func(r *run) {
		number := "0100000"
		r.both(r.loneThat(func(c *Call) bool { return c.Answer.Number != nil }), func(a *client.Assignment) { a.Number = &number })
	}},
	{name: "number given back too early", promises: []int{3}, says: "which rests until", spoil: func(r *run) {
		e := r.event("assignment_released", hasNumber)
		r.edit(e, func(data map[string]any) { data["free_at"] = e.At })
	}},
	{name: "another number given back", promises: []int{3}, says: "gives back number", spoil: func(r *run) {
		r.edit(r.event("assignment_released", hasNumber), func(data map[string]any) { data["number"] = "0100000" })
	}},
	{name: "number added twice", promises: []int{3, 6}, says: "which the pool had", spoil: func(r *run) {
		r.edit(r.event("numbers_added"), func(data map[string]any) {
			data["numbers"] = append(data["numbers"].([]any), data["numbers"].([]any)[0])
		})
	}},
	{name: "number taken out of use", promises: []int{3}, says: "out of use", spoil: func(r *run) {
		p := r.pool("pool-2")
		p.Row.Seq++
		n := &p.Numbers[slices.IndexFunc(p.Numbers, func(n client.Number) bool { return n.FreeAt != nil })]
		p.Events = append(p.Events, client.Event{Seq: p.Row.Seq, Kind: "numbers_set_aside", At: p.Row.UpdatedAt,
			Data: []byte(`{"numbers":[{"number":"` + n.Number + `","was":"free","held_by":"x"}]}`)})
		n.State, n.FreeAt = client.NumberStateSetAside, nil
		p.Row.Numbers.SetAside, p.Row.Numbers.Free = 1, p.Row.Numbers.Free-1
	}},
	{name: "number in two assignments", promises: []int{6, 3}, says: "has as well", wrong: misnumber(func(p *fakePool) *fakeNumber {
		for _, n := range p.numbers {
			if n.holder != "" {
				return n
			}
		}
		return nil
	})},
	{name: "number inside its cool-down", promises: []int{6, 3}, says: "which rests until", wrong: misnumber(func(p *fakePool) *fakeNumber {
		for _, n := range p.numbers {
			if n.holder == "" && n.freeAt.After(p.last) {
				return n
			}
		}
		return nil
	})},
	{name: "number of two pools", promises: []int{6, 3}, says: "which was added in pool-0", spoil: func(r *run) {
		r.edit(r.event("numbers_added"), func(data map[string]any) {
			data["numbers"] = append(data["numbers"].([]any), r.pools[0].Numbers[0].Number)
		})
	}},
}

var spoiledRows = []spoiling{
	{name: "planner's assigned", promises: []int{3}, says: "is kept as", spoil: func(r *run) { r.pools[0].Planners[0].Assigned++ }},
	{name: "planner's open", promises: []int{3}, says: "is kept as", spoil: func(r *run) { r.pools[0].Planners[0].Open-- }},
	{name: "planner's load", promises: []int{3}, says: "is kept as", spoil: func(r *run) { r.pools[0].Planners[0].Load++ }},
	{name: "planner's state", promises: []int{3}, says: "is kept as", spoil: func(r *run) { r.pools[0].Planners[0].Active = false }},
	{name: "planner's name", promises: []int{3}, says: "is kept as", spoil: func(r *run) { r.pools[0].Planners[0].Name = "Kim" }},
	{name: "planner's last assignment", promises: []int{3}, says: "is kept as", spoil: func(r *run) { r.pools[0].Planners[0].LastAssignedAt = nil }},
	{name: "planner not listed", promises: []int{3}, says: "and not listed", spoil: func(r *run) { r.pools[0].Planners = r.pools[0].Planners[1:] }},
	{name: "planner not in the log", promises: []int{3}, says: "and not in the log", spoil: func(r *run) {
		r.pools[0].Planners = append(r.pools[0].Planners, client.Planner{ID: "somebody"})
	}},
	{name: "number's state", promises: []int{3}, says: "is kept as", spoil: func(r *run) {
		n := r.pools[0].Numbers
		n[slices.IndexFunc(n, func(n client.Number) bool { return n.State == "active" })].State = "free"
	}},
	{name: "number's rest", promises: []int{3}, says: "is kept as", spoil: func(r *run) {
		n := r.pools[2].Numbers
		at := r.pools[2].Row.UpdatedAt.Add(time.Hour)
		n[slices.IndexFunc(n, func(n client.Number) bool { return n.FreeAt != nil })].FreeAt = &at
	}},
	{name: "number's holder", promises: []int{3}, says: "is kept as", spoil: func(r *run) {
		n := r.pools[0].Numbers
		holder := "nobody"
		n[slices.IndexFunc(n, func(n client.Number) bool { return n.Assignment != nil })].Assignment = &holder
	}},
	{name: "number not listed", promises: []int{3}, says: "and not listed", spoil: func(r *run) { r.pools[0].Numbers = r.pools[0].Numbers[1:] }},
	{name: "number not in the log", promises: []int{3}, says: "and not in the log", spoil: func(r *run) {
		r.pools[0].Numbers = append(r.pools[0].Numbers, client.Number{Number: "0100000"})
	}},
	{name: "assignment's state", promises: []int{3}, says: "the log says active", spoil: func(r *run) {
		at := time.Now()
		a := r.row(r.lone().Answer.ID)
		a.State, a.ReleasedAt = client.AssignmentStateReleased, &at
	}},
	{name: "pool's counts", promises: []int{3}, says: "the pool's row says", spoil: func(r *run) { r.pools[0].Row.Numbers.Free++ }},
	{name: "pool's spread", promises: []int{3}, says: "the pool's row says", spoil: func(r *run) { r.pools[0].Row.Spread++ }},
	{name: "pool's time", promises: []int{3}, says: "the pool's row is of", spoil: func(r *run) { r.pools[0].Row.UpdatedAt = time.Now() }},
}

var spoiledOrder = []spoiling{
	{name: "sent after others with a larger seq were answered", promises: []int{4}, says: "was sent later", spoil: func(r *run) {
		c := r.lone()
		c.Sent, c.Got = c.Sent+10*time.Second, c.Got+10*time.Second
	}},
	{name: "answered before others with a smaller seq were sent", promises: []int{4}, says: "was sent later", spoil: func(r *run) {
		c := r.lone()
		c.Sent, c.Got = c.Sent-5*time.Second, c.Got-5*time.Second
	}},
	{name: "release answered before it could be", promises: []int{4}, says: "was sent later", spoil: func(r *run) {
		c := r.release()
		c.Sent, c.Got = 0, 1
	}},
	{name: "released, and then answered as active", promises: []int{4}, says: "was answered as active", spoil: func(r *run) {
		c := r.release()
		a := *c.Answer
		a.State, a.ReleasedAt = client.AssignmentStateActive, nil
		again := *r.call(func(m *Call) bool { return m.Kind == Assign && m.Answer != nil && m.Answer.ID == a.ID })
		again.Sent, again.Got, again.Answer, again.Replayed = c.Got+1, c.Got+2, &a, true
		lost := again
		lost.Status, lost.Answer, lost.Replayed = 0, nil, false
		r.add(lost)
		r.add(again)
	}},
	{name: "switched before anybody asked for it", promises: []int{4}, says: "and no call to do so was under way", spoil: func(r *run) {
		for _, c := range r.switchesOfOne() {
			c.Sent, c.Got, c.Status = c.Sent+time.Hour, c.Got+time.Hour, 0
		}
	}},
	{name: "switched after everybody had asked for it", promises: []int{4, 2}, says: "and no call to do so was under way", spoil: func(r *run) {
		for _, c := range r.switchesOfOne() {
			c.Sent, c.Got, c.Status = 0, 1, http.StatusOK
		}
	}},
	{name: "loads far apart", promises: []int{5, 3}, says: "apart, and may", wrong: mispick(func(active []*fakePlanner) *fakePlanner { return active[len(active)-1] })},
}

var spoiledDoubt = []spoiling{
	{name: "refused, and there", promises: []int{7}, says: "all 1 calls with key", spoil: func(r *run) { refuse(r.lone()) }},
	{name: "refused by a rule, and there", promises: []int{7}, says: "all 1 calls with key", spoil: func(r *run) {
		c := r.lone()
		refuse(c)
		c.Status, c.Code = http.StatusConflict, client.ProblemCodeNoNumber
	}},
	{name: "only repeated, and there", promises: []int{7}, says: "was told as made before", spoil: func(r *run) { r.lone().Replayed = true }},
	{name: "not asked for, and there", promises: []int{7}, says: "was not asked for", spoil: func(r *run) {
		key := r.lone().Key
		r.calls = slices.DeleteFunc(r.calls, func(c Call) bool { return c.Key == key })
	}},
	{name: "release refused, and there", promises: []int{7}, says: "calls were told that nothing happened", spoil: func(r *run) { refuse(r.release()) }},
	{name: "release not asked for, and there", promises: []int{7}, says: "was not asked for", spoil: func(r *run) {
		id := r.release().ID
		r.calls = slices.DeleteFunc(r.calls, func(c Call) bool { return c.ID == id })
	}},
	{name: "switch refused, and there", promises: []int{7}, says: "all calls to do so were told that nothing happened", spoil: func(r *run) {
		p := first(open(r, r.event("planners_changed", flipped)))
		for i := range r.calls {
			if c := &r.calls[i]; c.Planner == p["id"] && c.Active == p["active"] {
				refuse(c)
			}
		}
	}},
}
