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

	rich int // of 1,000 calls: to void, reassign, release many, touch and care; with any, pools have settings for numbers
}

var ordinary = worldConfig{calls: 2000, clients: 16, pools: 3, planners: 7, numbers: 20, unknown: 100, other: 30}

// wealthy is ordinary with all that may happen to numbers and assignments.
var wealthy = worldConfig{calls: 2000, clients: 16, pools: 4, planners: 7, numbers: 8, unknown: 100, other: 30, rich: 250}

// live makes a world and lets it live to its end.
func (c worldConfig) live() *world {
	w := c.create()
	w.live()
	return w
}

func (c worldConfig) create() *world {
	w := &world{worldConfig: c, rnd: rand.New(rand.NewPCG(c.seed, 7)), left: c.calls}
	for n := range c.pools {
		w.pools = append(w.pools, newFakePool(w, fmt.Sprintf("pool-%d", n), w.settings(n)))
	}
	return w
}

// settings are those of a pool. With the cool-down alone they differ too.
func (w *world) settings(pool int) settings {
	s := settings{Cooldown: int64(pool)}.full()
	if w.rich == 0 {
		return s
	}
	s.Cooldown = int64(pool % 3)
	s.TTL = []int64{0, 3, 2, 4}[pool%4]
	s.TTLFrom = []string{"assigned", "assigned", "last_use", "last_use"}[pool%4]
	s.Sticky = []client.Sticky{"avoid", "prefer"}[pool%2]
	s.OnExhausted = []client.OnExhausted{"assign_without", "fail", "fail", "assign_without"}[pool%4]
	return s
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
	again  []Call // to reassign, of which it does not know what came
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
	if call.Kind == Reassign && call.Outcome() == Unknown && c.chance(500) {
		c.again = append(c.again, call)
	}
	c.later(c.some()/10, c.act)
}

func (c *fakeClient) choose() Call {
	pool := c.pools[c.rnd.IntN(len(c.pools))].name
	if c.chance(c.rich) {
		if call, ok := c.chooseRich(); ok {
			return call
		}
	}
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
	if c.rich > 0 { // some come back, and some are nobody
		call.Customer = []string{"", "regular", "regular 2", "regular 3", call.Customer}[c.rnd.IntN(5)]
	}
	call.Wish = c.wish()
	if c.chance(20) {
		call.Key = ""
		return call
	}
	c.sent = append(c.sent, call)
	return call
}

// chooseRich is a call of those that not all worlds know. ok is false if the
// client has nothing to make it about.
func (c *fakeClient) chooseRich() (call Call, ok bool) {
	pool := c.pools[c.rnd.IntN(len(c.pools))]
	number := pool.numbers[c.rnd.IntN(len(pool.numbers))].number
	note := "note " + c.id()
	switch r := c.rnd.IntN(100); {
	case r < 10:
		return Call{Kind: Care, Pool: pool.name, Number: number, To: []To{Suspend, Drain, Resume, Resume}[c.rnd.IntN(4)], Note: note}, true
	case r < 30:
		return Call{Kind: Touch, Pool: pool.name, Number: number}, true
	case r < 40:
		return Call{Kind: Route, Pool: pool.name, Number: number}, true
	case r < 50:
		f := &Filter{State: []string{"", "active", "expired", "draining", "suspended"}[c.rnd.IntN(5)], Limit: c.rnd.IntN(4)}
		if c.chance(500) {
			f.Planner = plannerName(c.rnd.IntN(c.planners))
		}
		if c.chance(500) {
			f.Age = time.Duration(1+c.rnd.IntN(5)) * time.Second
		}
		return Call{Kind: ReleaseMany, Pool: pool.name, Which: f, Note: note}, true
	case r < 55 && len(c.again) > 0:
		return c.again[c.rnd.IntN(len(c.again))].repeated(), true
	case len(c.held) == 0:
		return call, false
	}
	a := c.held[c.rnd.IntN(len(c.held))]
	if c.chance(500) {
		return Call{Kind: Void, Pool: a.Pool, ID: a.ID, Reason: []string{"mistake", "no_show"}[c.rnd.IntN(2)], Note: note}, true
	}
	return Call{Kind: Reassign, Pool: a.Pool, ID: a.ID, Key: note, Note: note, OrCurrent: c.chance(300),
		Reason: []string{"mistake", "customer", "unavailable", "declined"}[c.rnd.IntN(4)]}, true
}

// repeated is the call with its answer forgotten.
func (c Call) repeated() Call {
	c.Status, c.Code, c.Answer, c.Left = 0, "", nil, false
	return c
}

func (c *fakeClient) wish() Wish {
	return []Wish{"", "none", "preferred", "required"}[c.rnd.IntN(4)]
}

func plannerName(n int) string { return fmt.Sprintf("p%03d", n) }

// A fakePool decides as the documents say, with plain loops.
type fakePool struct {
	*world
	settings
	name     string
	seq      int64
	last     time.Time
	changed  time.Time
	planners []*fakePlanner
	numbers  []*fakeNumber
	given    []*client.Assignment
	turns    []*fakeTurn
	bodies   map[string]Call // by key
	byKey    map[string]*client.Assignment
	byID     map[string]*client.Assignment
	passed   map[string]bool // keys of reassignments
	events   []client.Event

	// What a test may do wrong: who gets the next assignment and with which
	// number, if not whom and what the rule says.
	pick   func(p *fakePool) string
	number func(p *fakePool) *fakeNumber
	level  int64                              // how much too high who joins starts
	forget func(p *fakePool, key string) bool // whether a key is taken for new
	slip   slip
}

// A slip is a step that a pool leaves out.
type slip string

const (
	keepsTurns      slip = "turns are not given back"
	keepsLast       slip = "last turn is not restored"
	ignoresEnds     slip = "ends by themselves are not written down"
	endsEarly       slip = "ends by themselves come early"
	restsNot        slip = "what ended by itself rests from now on"
	givesDraining   slip = "draining numbers are given"
	freesDraining   slip = "the end of an assignment brings its draining number back"
	anybodysNumber  slip = "numbers are given again to anybody's customer"
	sticksNever     slip = "nobody gets an earlier number again"
	keepsHolder     slip = "who has it may get it again"
	touchesNothing  slip = "a call on a number does not make it last"
	leavesOutHolder slip = "who may keep it does not"
	doesWithoutAll  slip = "nobody is refused for want of a number"
)

type fakePlanner struct {
	id, name       string
	active         bool
	base           int64
	assigned, open int64
	lastSeq        int64
	lastAt         *time.Time
}

// A fakeTurn is a turn of a planner, who may have given it back.
type fakeTurn struct {
	of      string // the assignment
	planner string
	seq     int64
	at      time.Time
	back    bool
}

type fakeNumber struct {
	number   string
	state    client.NumberState // "" in use, draining or suspended
	holder   string
	freeAt   time.Time
	expires  *time.Time
	used     *time.Time
	released *time.Time
	customer string // who had it last, and with whom
	planner  string
}

func newFakePool(w *world, name string, s settings) *fakePool {
	p := &fakePool{world: w, settings: s, name: name, bodies: map[string]Call{},
		byKey: map[string]*client.Assignment{}, byID: map[string]*client.Assignment{}, passed: map[string]bool{}}
	p.event(p.time(), "pool_changed", poolChanged{settings: s})
	var made []any
	for n := range w.planners {
		made = append(made, p.put(plannerName(n), "", true))
	}
	p.event(p.time(), "planners_changed", map[string]any{"planners": made})
	if w.rich > 0 {
		p.stock(w.numbers)
	} else {
		p.stock(w.numbers * int(1+5*s.Cooldown)) // too few, and many
	}
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
		if n.holder != "" || n.freeAt.After(at) || n.state != "" && (p.slip != givesDraining || n.state != "draining") {
			continue
		}
		if free == nil || n.freeAt.Before(free.freeAt) || n.freeAt.Equal(free.freeAt) && n.number < free.number {
			free = n
		}
	}
	return free
}

// formerNumber is the number that a customer had last with a planner.
func (p *fakePool) formerNumber(customer, planner string) *fakeNumber {
	var former *fakeNumber
	for _, n := range p.numbers {
		if p.Sticky != "prefer" || customer == "" || n.customer != customer || n.holder != "" || n.state != "" || p.slip == sticksNever ||
			n.planner != planner && p.slip != anybodysNumber {
			continue
		}
		if former == nil || n.released.After(*former.released) || n.released.Equal(*former.released) && n.number < former.number {
			former = n
		}
	}
	return former
}

// hear carries a call out.
func (p *fakePool) hear(c *Call) {
	switch c.Kind {
	case Assign:
		p.assign(c)
	case Release:
		p.release(c)
	case Void:
		p.void(c)
	case Reassign:
		p.reassign(c)
	case ReleaseMany:
		p.releaseMany(c)
	case Care:
		p.care(c)
	case Touch:
		p.touch(c)
	case Route:
		p.route(c)
	case Switch:
		f := p.planner(c.Planner)
		if row := p.put(f.id, f.name, c.Active); row != nil {
			p.event(p.time(), "planners_changed", map[string]any{"planners": []any{row}})
		}
		c.Status = http.StatusOK
	case Other:
		p.change()
		c.Status = http.StatusOK
	}
}

func (p *fakePool) planner(id string) *fakePlanner {
	return p.planners[slices.IndexFunc(p.planners, func(f *fakePlanner) bool { return f.id == id })]
}

func (p *fakePool) held(number string) *fakeNumber {
	return p.numbers[slices.IndexFunc(p.numbers, func(n *fakeNumber) bool { return n.number == number })]
}

// change is anything else that may happen to a pool.
func (p *fakePool) change() {
	switch p.rnd.IntN(5) {
	case 0:
		p.stock(3)
	case 1:
		was := p.settings
		p.Cooldown = (was.Cooldown + 1) % 3
		if p.rich > 0 {
			p.TTL = (was.TTL + 1) % 4
			p.Sticky = []client.Sticky{"avoid", "prefer"}[p.rnd.IntN(2)]
			p.OnExhausted = []client.OnExhausted{"assign_without", "fail"}[p.rnd.IntN(2)]
		}
		p.event(p.time(), "pool_changed", poolChanged{p.settings, &was})
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
		if made := p.bodies[c.Key]; made.body() != c.body() {
			c.Status, c.Code = http.StatusUnprocessableEntity, client.ProblemCodeKeyReused
			return
		}
		c.Status, c.Answer, c.Replayed = http.StatusCreated, p.seen(earlier, p.time()), true
		return
	}
	at := p.time()
	if c.Wish != client.AssignmentRequestNumberNone {
		p.expire(at, p.given)
	}
	f := p.due()
	if f == nil {
		c.Status, c.Code = http.StatusConflict, client.ProblemCodeNoPlanner
		return
	}
	if p.pick != nil {
		f = p.planner(p.pick(p))
	}
	a := client.Assignment{ID: p.id(), Pool: p.name, Customer: c.Customer, Key: c.Key, State: client.AssignmentStateActive, AssignedAt: at}
	if a.Key == "" {
		a.Key = a.ID
	}
	if c.Wish != client.AssignmentRequestNumberNone {
		n := p.formerNumber(c.Customer, f.id)
		if n == nil {
			n = p.freeNumber(at)
		}
		if p.number != nil {
			n = p.number(p)
		}
		if n == nil && (c.Wish == client.AssignmentRequestNumberRequired || c.Wish == "" && p.OnExhausted == client.OnExhaustedFail && p.slip != doesWithoutAll) {
			c.Status, c.Code = http.StatusConflict, client.ProblemCodeNoNumber
			return
		}
		if n != nil {
			n.holder, n.expires, a.Number = a.ID, p.expiry(at), &n.number
		}
	}
	p.step(at)
	a.Seq, a.Planner = p.seq, client.AssignedPlanner{ID: f.id, Name: f.name}
	p.turn(&a, f, at)
	row := a
	p.given, p.byKey[a.Key], p.byID[a.ID], p.bodies[a.Key] = append(p.given, &row), &row, &row, *c
	c.Status, c.Answer = http.StatusCreated, &a
}

// turn gives a planner the turn at the present position.
func (p *fakePool) turn(a *client.Assignment, f *fakePlanner, at time.Time) {
	f.assigned++
	f.open++
	f.lastSeq, f.lastAt = p.seq, &at
	p.turns = append(p.turns, &fakeTurn{a.ID, f.id, p.seq, at, false})
}

// back gives a turn back.
func (p *fakePool) back(t *fakeTurn) turnBack {
	f := p.planner(t.planner)
	if p.slip != keepsTurns {
		t.back = true
		f.assigned--
		seq, at := f.lastSeq, f.lastAt
		f.lastSeq, f.lastAt = 0, nil
		for _, o := range p.turns {
			if o.planner == f.id && !o.back {
				f.lastSeq, f.lastAt = o.seq, &o.at
			}
		}
		if p.slip == keepsLast {
			f.lastSeq, f.lastAt = seq, at
		}
	}
	return turnBack{f.id, t.seq, f.lastSeq, f.lastAt}
}

// heldBy is who has an assignment now.
func (p *fakePool) heldBy(a *client.Assignment) *fakePlanner {
	if a.ReassignedTo != nil {
		return p.planner(a.ReassignedTo.ID)
	}
	return p.planner(a.Planner.ID)
}

// number of an assignment that is live, if it has one.
func (p *fakePool) numberOf(a *client.Assignment) *fakeNumber {
	if a.Number == nil || a.State != client.AssignmentStateActive {
		return nil
	}
	return p.held(*a.Number)
}

// over reports whether an assignment has ended by itself.
func (p *fakePool) over(a *client.Assignment, at time.Time) bool {
	n := p.numberOf(a)
	if n != nil && n.expires != nil && p.slip == endsEarly {
		at = at.Add(time.Second)
	}
	return n != nil && n.expires != nil && !n.expires.After(at)
}

// seen is an assignment as callers see it.
func (p *fakePool) seen(a *client.Assignment, at time.Time) *client.Assignment {
	answer := *a
	if p.over(a, at) {
		answer.State, answer.ReleasedAt = client.AssignmentStateReleased, p.numberOf(a).expires
	}
	return &answer
}

// expire writes down those that have ended by themselves.
func (p *fakePool) expire(at time.Time, of []*client.Assignment) {
	var all []expiredOne
	for _, a := range of {
		if p.over(a, at) && p.slip != ignoresEnds {
			ended := *p.numberOf(a).expires
			if p.slip == restsNot {
				ended = at
			}
			all = append(all, expiredOne{p.end(a, ended), ended})
		}
	}
	if all != nil {
		p.event(at, "assignments_expired", expired{all})
	}
}

// end ends a live assignment.
func (p *fakePool) end(a *client.Assignment, at time.Time) ended {
	e := ended{ID: a.ID, Seq: a.Seq}
	if n := p.numberOf(a); n != nil {
		n.holder, n.expires, n.released, n.customer, n.planner = "", nil, &at, "", ""
		if p.Sticky == "prefer" {
			n.customer, n.planner = a.Customer, p.heldBy(a).id
		}
		if p.slip == freesDraining {
			n.state = ""
		}
		n.freeAt = at.Add(time.Duration(p.Cooldown) * time.Second)
		freeAt := n.freeAt
		e.Number, e.FreeAt = &n.number, &freeAt
	}
	p.heldBy(a).open--
	a.State, a.ReleasedAt = client.AssignmentStateReleased, &at
	return e
}

func (p *fakePool) release(c *Call) {
	a, at := p.byID[c.ID], p.time()
	p.expire(at, []*client.Assignment{a})
	if a.State == client.AssignmentStateActive {
		p.event(at, "assignment_released", released{p.end(a, at), ""})
	}
	answer := *a
	c.Status, c.Answer = http.StatusOK, &answer
}

func (p *fakePool) releaseMany(c *Call) {
	var all []*client.Assignment
	at := p.time()
	for _, a := range p.given {
		n := p.numberOf(a)
		switch {
		case a.State != client.AssignmentStateActive,
			c.Which.Planner != "" && p.heldBy(a).id != c.Which.Planner,
			at.Sub(a.AssignedAt) < c.Which.Age,
			c.Which.State == "expired" && !p.over(a, at),
			(c.Which.State == "draining" || c.Which.State == "suspended") && (n == nil || string(n.state) != c.Which.State):
		default:
			all = append(all, a)
		}
	}
	more := len(all) > c.Which.limit()
	if more {
		all = all[:c.Which.limit()]
	}
	p.expire(at, all)
	var ends []ended
	c.Many = &client.BulkReleased{More: more}
	for _, a := range all {
		if a.State == client.AssignmentStateActive {
			ends = append(ends, p.end(a, at))
		}
		c.Many.Assignments = append(c.Many.Assignments, *a)
	}
	if ends != nil {
		p.event(at, "assignments_released", releasedMany{ends, c.Note})
	}
	c.Status = http.StatusOK
}

func (p *fakePool) void(c *Call) {
	a, at := p.byID[c.ID], p.time()
	if a.State != client.AssignmentStateVoid {
		p.expire(at, []*client.Assignment{a})
		data := voided{ended: ended{ID: a.ID, Seq: a.Seq}, Reason: c.Reason, Note: c.Note}
		if a.State == client.AssignmentStateActive {
			data.ended = p.end(a, at)
		}
		for _, t := range p.turns {
			if t.of == a.ID && !t.back {
				data.TurnsBack = append(data.TurnsBack, p.back(t))
			}
		}
		a.State, a.VoidedAt = client.AssignmentStateVoid, &at
		p.event(at, "assignment_voided", data)
	}
	answer := *a
	c.Status, c.Answer = http.StatusOK, &answer
}

func (p *fakePool) reassign(c *Call) {
	a, at := p.byID[c.ID], p.time()
	if p.passed[c.Key] {
		c.Status, c.Answer = http.StatusOK, p.seen(a, at)
		return
	}
	p.expire(at, []*client.Assignment{a})
	if a.State != client.AssignmentStateActive {
		c.Status, c.Code = http.StatusConflict, client.ProblemCodeAssignmentOver
		return
	}
	from := p.heldBy(a)
	var last *fakeTurn
	for _, t := range p.turns {
		if t.of == a.ID && t.planner == from.id {
			last = t
		}
	}
	was, active := *from, from.active
	data := reassigned{ID: a.ID, Seq: a.Seq, From: from.id, Exclude: !c.OrCurrent, Reason: c.Reason, Note: c.Note}
	if c.Reason == "mistake" || c.Reason == "customer" {
		data.TurnsBack = append(data.TurnsBack, p.back(last))
	}
	from.active = active && (c.OrCurrent && p.slip != leavesOutHolder || p.slip == keepsHolder)
	to := p.due()
	from.active = active
	if to == nil || to == from && c.OrCurrent {
		last.back, *from = false, was
		if c.Status, c.Code = http.StatusConflict, client.ProblemCodeNoPlanner; to != nil {
			c.Status, c.Code, c.Answer = http.StatusOK, "", p.seen(a, at)
		}
		return
	}
	from.open--
	data.To, data.ToName = to.id, to.name
	p.event(at, "assignment_reassigned", data)
	p.turn(a, to, at)
	p.passed[c.Key] = true
	a.ReassignedTo = &client.AssignedPlanner{ID: to.id, Name: to.name}
	answer := *a
	c.Status, c.Answer = http.StatusOK, &answer
}

func (p *fakePool) care(c *Call) {
	n, at := p.held(c.Number), p.time()
	was := n.listed(at).State
	if was == client.NumberStateCooling {
		was = client.NumberStateFree
	}
	n.state = map[To]client.NumberState{Suspend: "suspended", Drain: "draining"}[c.To]
	is := n.listed(n.freeAt)
	if is.State != was {
		p.event(at, "number_changed", numberChanged{n.number, is.State, was, is.FreeAt, c.Note})
	}
	c.Status, c.Seen = http.StatusOK, n.listed(at)
}

func (p *fakePool) touch(c *Call) {
	n, at := p.held(c.Number), p.time()
	if n.holder == "" || n.state == client.NumberStateSuspended || n.expires != nil && !n.expires.After(at) {
		c.Status, c.Code = http.StatusNotFound, client.ProblemCodeNumberNotLive
		return
	}
	if n.used = &at; p.TTLFrom == "last_use" && p.slip != touchesNothing {
		n.expires = p.expiry(at)
	}
	p.event(at, "number_touched", numberTouched{n.number, n.holder, n.expires})
	c.Status, c.Seen = http.StatusOK, n.listed(at)
}

func (p *fakePool) route(c *Call) {
	n, at := p.held(c.Number), p.time()
	if n.holder == "" || n.state == client.NumberStateSuspended || n.expires != nil && !n.expires.After(at) {
		c.Status, c.Code = http.StatusNotFound, client.ProblemCodeNumberNotLive
		return
	}
	a := *p.byID[n.holder]
	f := p.heldBy(&a)
	c.Status, c.Goes = http.StatusOK, &client.Route{Number: n.number, Pool: p.name, Assignment: a, Planner: client.RoutedPlanner{ID: f.id, Name: f.name}, ExpiresAt: n.expires}
}

// listed is a number as it is listed at a time.
func (n *fakeNumber) listed(at time.Time) *client.Number {
	freeAt, holder := n.freeAt, n.holder
	l := &client.Number{Number: n.number, State: n.state, ExpiresAt: n.expires, UsedAt: n.used, ReleasedAt: n.released}
	if holder != "" {
		l.Assignment = &holder
	}
	switch {
	case n.state != "":
	case holder != "":
		l.State = client.NumberStateActive
	case freeAt.After(at):
		l.State, l.FreeAt = client.NumberStateCooling, &freeAt
	default:
		l.State, l.FreeAt = client.NumberStateFree, &freeAt
	}
	return l
}

func (p *fakePool) table() Pool {
	t := Pool{Events: slices.Clone(p.events)}
	row := client.Pool{Pool: p.name, CooldownSeconds: p.Cooldown, NumberTTLSeconds: p.TTL, NumberTTLFrom: client.NumberTTLFrom(p.TTLFrom),
		Sticky: p.Sticky, OnExhausted: p.OnExhausted, Planners: int64(len(p.planners)), Seq: p.seq, UpdatedAt: p.changed}
	for i, a := range p.given {
		seen := *a
		if i%2 == 0 { // a list may be read before and after something ends by itself
			seen = *p.seen(a, p.last)
		}
		t.Assignments = append(t.Assignments, seen)
		row.Open += int64(count(a.State == client.AssignmentStateActive))
	}
	var loads []int64
	for _, f := range p.planners {
		row.Assigned += f.assigned
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
	counts := map[client.NumberState]*int64{"active": &row.Numbers.Active, "cooling": &row.Numbers.Cooling, "free": &row.Numbers.Free,
		"draining": &row.Numbers.Draining, "suspended": &row.Numbers.Suspended}
	for i, n := range p.numbers {
		listed := n.listed(p.last)
		*counts[listed.State]++
		if i%2 == 0 && n.expires != nil && !n.expires.After(p.last) {
			gone := *n
			gone.holder, gone.expires, gone.released, gone.freeAt = "", nil, n.expires, n.expires.Add(time.Duration(p.Cooldown)*time.Second)
			listed = gone.listed(p.last)
		}
		t.Numbers = append(t.Numbers, *listed)
	}
	slices.SortFunc(t.Numbers, func(a, b client.Number) int { return strings.Compare(a.Number, b.Number) })
	slices.SortFunc(t.Planners, func(a, b client.Planner) int { return strings.Compare(a.ID, b.ID) })
	t.Row = row
	return t
}
