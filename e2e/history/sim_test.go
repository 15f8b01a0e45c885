package history

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"fairlead/api/client"
)

// A world makes correct histories: clients who call pools that decide by the
// rule, one call at a time, at some moment between sending and answering, on a
// clock that is only counted. Some answers are lost, some calls are refused,
// some happen although nobody is told, or long after everybody has gone.
type world struct {
	worldConfig
	rnd    *rand.Rand
	now    time.Duration
	agenda agenda
	left   int // calls still to be sent
	ids    int
	calls  []Call
	pools  []*fakePool
}

type worldConfig struct {
	seed                              uint64
	calls, clients, pools             int
	planners, numbers, unknown, other int // unknown and other: of 1,000 calls
}

var ordinary = worldConfig{calls: 2000, clients: 16, pools: 3, planners: 7, numbers: 20, unknown: 100, other: 30}

// live makes a world and lets it live to its end.
func (c worldConfig) live() *world {
	w := c.create()
	w.live()
	return w
}

func (c worldConfig) create() *world {
	w := &world{worldConfig: c, rnd: rand.New(rand.NewPCG(c.seed, 7)), left: c.calls}
	for n := range c.pools {
		w.pools = append(w.pools, newFakePool(w, fmt.Sprintf("pool-%d", n), int64(n)))
	}
	return w
}

func (w *world) live() {
	for n := range w.clients {
		w.later(0, (&fakeClient{world: w, number: n}).act)
	}
	for len(w.agenda) > 0 {
		next := heap.Pop(&w.agenda).(happening)
		w.now = next.at
		next.do()
	}
}

// tables are what the pools' tables say now.
func (w *world) tables() []Pool {
	var all []Pool
	for _, p := range w.pools {
		all = append(all, p.table())
	}
	return all
}

func (w *world) later(d time.Duration, do func()) {
	w.ids++
	heap.Push(&w.agenda, happening{w.now + d, w.ids, do})
}

// some is a time such as it takes to get somewhere.
func (w *world) some() time.Duration { return time.Duration(w.rnd.IntN(300_000_000)) }

func (w *world) chance(of1000 int) bool { return w.rnd.IntN(1000) < of1000 }

func (w *world) id() string {
	w.ids++
	return fmt.Sprintf("%026d", w.ids)
}

type happening struct {
	at  time.Duration
	nth int
	do  func()
}

type agenda []happening

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].nth < a[j].nth
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(happening)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// A fakeClient sends one call after the other, and knows what it has sent and
// been told.
type fakeClient struct {
	*world
	number int
	sent   []Call // to assign
	held   []*client.Assignment
}

func (c *fakeClient) act() {
	if c.world.left == 0 {
		return
	}
	c.world.left--
	call := c.choose()
	call.Client, call.Sent = c.number, c.now
	if c.chance(100) {
		call.Timeout = 2 * time.Second
	}
	pool := c.pools[slices.IndexFunc(c.pools, func(p *fakePool) bool { return p.name == call.Pool })]
	on := call
	there, back := c.some(), c.some()
	switch {
	case c.chance(c.unknown):
		if c.chance(500) {
			c.later(2*there+c.some(), func() { copy := on; pool.hear(&copy) })
		}
		on.Status, on.Code = c.failure()
		on.Left = on.Status == 0 && c.chance(500)
	case c.chance(50):
		on.Status = http.StatusServiceUnavailable
		on.Code = []client.ProblemCode{client.ProblemCodePoolBusy, client.ProblemCodeUnavailable}[c.rnd.IntN(2)]
	default:
		c.later(there, func() { pool.hear(&on) })
	}
	c.later(there+back, func() { c.hear(on) })
}

// failure is an answer that says nothing.
func (c *fakeClient) failure() (int, client.ProblemCode) {
	switch c.rnd.IntN(4) {
	case 0:
		return http.StatusServiceUnavailable, client.ProblemCodeOutcomeUnknown
	case 1:
		return http.StatusBadGateway, "" // of something in between
	case 2:
		return http.StatusGatewayTimeout, ""
	}
	return 0, ""
}

func (c *fakeClient) hear(call Call) {
	call.Got = c.now
	c.calls = append(c.calls, call)
	if call.Answer != nil && call.Kind == Assign {
		c.held = append(c.held, call.Answer)
	}
	c.later(c.some()/10, c.act)
}

func (c *fakeClient) choose() Call {
	pool := c.pools[c.rnd.IntN(len(c.pools))].name
	switch r := c.rnd.IntN(100); {
	case r < 10 && len(c.sent) > 0:
		return c.sent[c.rnd.IntN(len(c.sent))]
	case r < 12 && len(c.sent) > 0:
		call := c.sent[c.rnd.IntN(len(c.sent))]
		if c.chance(500) {
			call.Customer = "somebody else"
		} else {
			call.Wish = c.wish()
		}
		return call
	case r < 30 && len(c.held) > 0:
		a := c.held[c.rnd.IntN(len(c.held))]
		return Call{Kind: Release, Pool: a.Pool, ID: a.ID}
	case r < 34:
		return Call{Kind: Switch, Pool: pool, Planner: plannerName(1 + c.rnd.IntN(c.planners-1)), Active: c.rnd.IntN(3) > 0}
	case c.chance(c.other):
		return Call{Kind: Other, Pool: pool}
	}
	call := Call{Kind: Assign, Pool: pool, Key: "key-" + c.id(), Customer: "customer " + c.id()}
	call.Wish = c.wish()
	if c.chance(20) {
		call.Key = ""
		return call
	}
	c.sent = append(c.sent, call)
	return call
}

func (c *fakeClient) wish() Wish {
	return []Wish{"", "none", "preferred", "required"}[c.rnd.IntN(4)]
}

func plannerName(n int) string { return fmt.Sprintf("p%03d", n) }

// A fakePool decides as the documents say, with plain loops.
type fakePool struct {
	*world
	name     string
	cooldown int64
	seq      int64
	last     time.Time
	changed  time.Time
	planners []*fakePlanner
	numbers  []*fakeNumber
	given    []*client.Assignment
	bodies   map[string]body // by key
	byKey    map[string]*client.Assignment
	byID     map[string]*client.Assignment
	events   []client.Event

	// What a test may do wrong: who gets the next assignment and with which
	// number, if not whom and what the rule says.
	pick   func(p *fakePool) string
	number func(p *fakePool) *fakeNumber
	level  int64                              // how much too high who joins starts
	forget func(p *fakePool, key string) bool // whether a key is taken for new
}

type fakePlanner struct {
	id, name       string
	active         bool
	base           int64
	assigned, open int64
	lastSeq        int64
	lastAt         *time.Time
}

type fakeNumber struct {
	number string
	holder string
	freeAt time.Time
}

func newFakePool(w *world, name string, cooldown int64) *fakePool {
	p := &fakePool{world: w, name: name, cooldown: cooldown, bodies: map[string]body{},
		byKey: map[string]*client.Assignment{}, byID: map[string]*client.Assignment{}}
	p.event(p.time(), "pool_changed", map[string]any{"cooldown_seconds": cooldown, "was": nil})
	var made []any
	for n := range w.planners {
		made = append(made, p.put(plannerName(n), "", true))
	}
	p.event(p.time(), "planners_changed", map[string]any{"planners": made})
	p.stock(w.numbers * int(1+5*cooldown)) // too few, and many
	return p
}

// time is the pool's clock, which is not the clients' and jumps about.
func (p *fakePool) time() time.Time {
	t := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).Add(p.now + p.some()/50).Truncate(time.Microsecond)
	if t.After(p.last) {
		p.last = t
	}
	return p.last
}

func (p *fakePool) event(at time.Time, kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	p.step(at)
	p.events = append(p.events, client.Event{Pool: p.name, Seq: p.seq, ID: p.id(), Kind: kind, At: at, Data: text})
}

func (p *fakePool) step(at time.Time) { p.seq, p.changed = p.seq+1, at }

// stock adds numbers, in no order.
func (p *fakePool) stock(n int) {
	at := p.time()
	var added []string
	for range n {
		number := fmt.Sprintf("050%s%05d", p.name[len(p.name)-1:], len(p.numbers)*7919%100_000)
		p.numbers = append(p.numbers, &fakeNumber{number: number, freeAt: at})
		added = append(added, number)
	}
	p.event(at, "numbers_added", map[string]any{"numbers": added})
}

// put makes a planner so, and is what the event says of it; nil if it was so.
func (p *fakePool) put(id, name string, active bool) any {
	i := slices.IndexFunc(p.planners, func(f *fakePlanner) bool { return f.id == id })
	var was any
	if i < 0 {
		i = len(p.planners)
		p.planners = append(p.planners, &fakePlanner{id: id})
	} else {
		f := p.planners[i]
		if f.name == name && f.active == active {
			return nil
		}
		was = map[string]any{"name": f.name, "active": f.active, "base": f.base}
	}
	f := p.planners[i]
	if active && !f.active {
		if due := p.due(); due != nil {
			f.base += max(0, due.assigned+due.base-f.assigned-f.base)
		}
		f.base += p.level
	}
	f.name, f.active = name, active
	return map[string]any{"id": id, "name": name, "active": active, "base": f.base, "was": was}
}

func (p *fakePool) due() *fakePlanner {
	var due *fakePlanner
	for _, f := range p.planners {
		if f.active && (due == nil || before(f, due)) {
			due = f
		}
	}
	return due
}

func before(a, b *fakePlanner) bool {
	if la, lb := a.assigned+a.base, b.assigned+b.base; la != lb {
		return la < lb
	}
	if a.lastSeq != b.lastSeq {
		return a.lastSeq < b.lastSeq
	}
	return a.id < b.id
}

func (p *fakePool) freeNumber(at time.Time) *fakeNumber {
	var free *fakeNumber
	for _, n := range p.numbers {
		if n.holder != "" || n.freeAt.After(at) {
			continue
		}
		if free == nil || n.freeAt.Before(free.freeAt) || n.freeAt.Equal(free.freeAt) && n.number < free.number {
			free = n
		}
	}
	return free
}

// hear carries a call out.
func (p *fakePool) hear(c *Call) {
	switch c.Kind {
	case Assign:
		p.assign(c)
	case Release:
		p.release(c)
	case Switch:
		f := p.planners[slices.IndexFunc(p.planners, func(f *fakePlanner) bool { return f.id == c.Planner })]
		if row := p.put(f.id, f.name, c.Active); row != nil {
			p.event(p.time(), "planners_changed", map[string]any{"planners": []any{row}})
		}
		c.Status = http.StatusOK
	case Other:
		p.change()
		c.Status = http.StatusOK
	}
}

// change is anything else that may happen to a pool.
func (p *fakePool) change() {
	switch p.rnd.IntN(5) {
	case 0:
		p.stock(3)
	case 1:
		was := p.cooldown
		p.cooldown = (was + 1) % 3
		p.event(p.time(), "pool_changed", map[string]any{"cooldown_seconds": p.cooldown, "was": map[string]any{"cooldown_seconds": was}})
	case 2:
		f := p.planners[p.rnd.IntN(len(p.planners))]
		p.event(p.time(), "planners_changed", map[string]any{"planners": []any{p.put(f.id, "called "+p.id(), f.active)}})
	case 3:
		var rows []any
		for _, f := range p.planners {
			if row := p.put(f.id, f.name, true); row != nil {
				rows = append(rows, row)
			}
		}
		rows = append(rows, p.put("q"+p.id(), "", true))
		p.event(p.time(), "planners_changed", map[string]any{"planners": rows})
	case 4:
		f := p.planners[1+p.rnd.IntN(p.world.planners-1)]
		p.event(p.time(), "planners_changed", map[string]any{"planners": []any{p.put(f.id, f.name, !f.active)}})
	}
}

func (p *fakePool) assign(c *Call) {
	if earlier := p.byKey[c.Key]; earlier != nil && (p.forget == nil || !p.forget(p, c.Key)) {
		if p.bodies[c.Key] != c.body() {
			c.Status, c.Code = http.StatusUnprocessableEntity, client.ProblemCodeKeyReused
			return
		}
		answer := *earlier
		c.Status, c.Answer, c.Replayed = http.StatusCreated, &answer, true
		return
	}
	f, at := p.due(), p.time()
	if f == nil {
		c.Status, c.Code = http.StatusConflict, client.ProblemCodeNoPlanner
		return
	}
	if p.pick != nil {
		wanted := p.pick(p)
		f = p.planners[slices.IndexFunc(p.planners, func(f *fakePlanner) bool { return f.id == wanted })]
	}
	a := client.Assignment{ID: p.id(), Pool: p.name, Customer: c.Customer, Key: c.Key, State: client.AssignmentStateActive, AssignedAt: at}
	if a.Key == "" {
		a.Key = a.ID
	}
	if c.Wish != client.AssignmentRequestNumberNone {
		n := p.freeNumber(at)
		if p.number != nil {
			n = p.number(p)
		}
		if n == nil && c.Wish == client.AssignmentRequestNumberRequired {
			c.Status, c.Code = http.StatusConflict, client.ProblemCodeNoNumber
			return
		}
		if n != nil {
			n.holder, a.Number = a.ID, &n.number
		}
	}
	p.step(at)
	a.Seq, a.Planner = p.seq, client.AssignedPlanner{ID: f.id, Name: f.name}
	f.assigned++
	f.open++
	f.lastSeq, f.lastAt = a.Seq, &a.AssignedAt
	row := a
	p.given, p.byKey[a.Key], p.byID[a.ID], p.bodies[a.Key] = append(p.given, &row), &row, &row, c.body()
	c.Status, c.Answer = http.StatusCreated, &a
}

func (p *fakePool) release(c *Call) {
	a := p.byID[c.ID]
	if a.State == client.AssignmentStateActive {
		data := map[string]any{"id": a.ID, "assignment_seq": a.Seq, "number": a.Number, "free_at": nil, "reason": ""}
		at := p.time()
		if a.Number != nil {
			n := p.numbers[slices.IndexFunc(p.numbers, func(n *fakeNumber) bool { return n.number == *a.Number })]
			n.holder, n.freeAt = "", at.Add(time.Duration(p.cooldown)*time.Second)
			data["free_at"] = n.freeAt
		}
		p.event(at, "assignment_released", data)
		a.State, a.ReleasedAt = client.AssignmentStateReleased, &at
		p.planners[slices.IndexFunc(p.planners, func(f *fakePlanner) bool { return f.id == a.Planner.ID })].open--
	}
	answer := *a
	c.Status, c.Answer = http.StatusOK, &answer
}

func (p *fakePool) table() Pool {
	t := Pool{Events: slices.Clone(p.events)}
	row := client.Pool{Pool: p.name, CooldownSeconds: p.cooldown, Planners: int64(len(p.planners)), Assigned: int64(len(p.given)), Seq: p.seq, UpdatedAt: p.changed}
	for _, a := range p.given {
		t.Assignments = append(t.Assignments, *a)
		row.Open += int64(count(a.State == client.AssignmentStateActive))
	}
	var loads []int64
	for _, f := range p.planners {
		t.Planners = append(t.Planners, client.Planner{ID: f.id, Name: f.name, Active: f.active, Assigned: f.assigned,
			Open: f.open, Load: f.assigned + f.base, LastAssignedAt: f.lastAt})
		if f.active {
			loads = append(loads, f.assigned+f.base)
		}
	}
	if row.ActivePlanners = int64(len(loads)); len(loads) > 0 {
		row.Spread = slices.Max(loads) - slices.Min(loads)
	}
	row.Numbers.Total = int64(len(p.numbers))
	for _, n := range p.numbers {
		listed := client.Number{Number: n.number, State: client.NumberStateFree, FreeAt: &n.freeAt}
		switch {
		case n.holder != "":
			row.Numbers.Active++
			listed.State, listed.FreeAt, listed.Assignment = client.NumberStateActive, nil, &n.holder
		case n.freeAt.After(p.last):
			row.Numbers.Cooling++
			listed.State = client.NumberStateCooling
		default:
			row.Numbers.Free++
		}
		t.Numbers = append(t.Numbers, listed)
	}
	slices.SortFunc(t.Numbers, func(a, b client.Number) int { return strings.Compare(a.Number, b.Number) })
	slices.SortFunc(t.Planners, func(a, b client.Planner) int { return strings.Compare(a.ID, b.ID) })
	t.Row = row
	return t
}
