package load

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fake is a service in memory that keeps every promise, unless a test makes it
// break one: at each of these places fault is asked whether to.
type fake struct {
	fault func(place string) bool

	mu    sync.Mutex
	pools map[string]*fakePool
	byID  map[string]*fakeAssignment
	lost  map[string]bool // keys of which an answer was lost
}

type fakePool struct {
	id       string
	seq      int64
	planners []*fakePlanner
	numbers  []*fakeNumber
	log      []any
	byKey    map[string]*fakeAssignment
	skipped  int64 // a position that was passed over
}

type fakePlanner struct {
	plannerRow
	last int64
}

type fakeNumber struct {
	numberRow
	free time.Time
}

type fakeAssignment struct {
	ID      string `json:"id"`
	Pool    string `json:"pool"`
	Seq     int64  `json:"seq"`
	Planner struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"planner"`
	ReassignedTo  *string    `json:"reassigned_to"`
	Number        *string    `json:"number"`
	Customer      string     `json:"customer"`
	CustomerPhone *string    `json:"customer_phone"`
	Key           string     `json:"key"`
	State         string     `json:"state"`
	AssignedAt    time.Time  `json:"assigned_at"`
	ReleasedAt    *time.Time `json:"released_at"`
	VoidedAt      *time.Time `json:"voided_at"`
	planner       *fakePlanner
	number        *fakeNumber
}

// newFake serves a fake until the test ends.
func newFake(t testing.TB, fault func(string) bool) *httptest.Server {
	f := &fake{fault: fault, pools: map[string]*fakePool{}, byID: map[string]*fakeAssignment{}, lost: map[string]bool{}}
	if fault == nil {
		f.fault = func(string) bool { return false }
	}
	mux := http.NewServeMux()
	for route, handle := range map[string]func(http.ResponseWriter, *http.Request){
		"GET /v1/pools":                     f.listPools,
		"PUT /v1/pools/{pool}":              f.putPool,
		"GET /v1/pools/{pool}":              f.getPool,
		"POST /v1/pools/{pool}/planners":    f.postPlanners,
		"GET /v1/pools/{pool}/planners":     f.getPlanners,
		"POST /v1/pools/{pool}/numbers":     f.postNumbers,
		"GET /v1/pools/{pool}/numbers":      f.getNumbers,
		"POST /v1/pools/{pool}/assignments": f.postAssignment,
		"GET /v1/pools/{pool}/assignments":  f.getAssignments,
		"GET /v1/pools/{pool}/events":       f.getEvents,
		"POST /v1/assignments/{id}/release": f.postRelease,
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			handle(w, r)
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func give(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, key string) {
	w.Header().Set("Content-Type", "application/problem+json")
	if status == 503 {
		w.Header().Set("Retry-After", "1")
	}
	doc := map[string]any{"type": "urn:fairlead:problem:" + code, "title": code, "status": status, "code": code, "detail": "", "request_id": "r"}
	if key != "" {
		doc["key"] = key
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}

func (f *fake) pool(w http.ResponseWriter, r *http.Request) *fakePool {
	p := f.pools[r.PathValue("pool")]
	if p == nil {
		refuse(w, 404, "pool_not_found", "")
	}
	return p
}

func (f *fake) listPools(w http.ResponseWriter, _ *http.Request) {
	give(w, 200, map[string]any{"pools": []any{}, "next": nil})
}

func (f *fake) putPool(w http.ResponseWriter, r *http.Request) {
	p := &fakePool{id: r.PathValue("pool"), byKey: map[string]*fakeAssignment{}}
	f.pools[p.id] = p
	p.event("pool_changed", map[string]any{"cooldown_seconds": 0, "was": nil})
	give(w, 201, struct{}{})
}

func (p *fakePool) now() time.Time { return time.UnixMicro(1e15 + p.seq).UTC() }

func (p *fakePool) event(kind string, data any) {
	p.seq++
	text, _ := json.Marshal(data)
	p.log = append(p.log, &event{p.seq, kind, p.now(), text})
}

func (f *fake) getPool(w http.ResponseWriter, r *http.Request) {
	p := f.pool(w, r)
	if p == nil {
		return
	}
	row := poolRow{Planners: int64(len(p.planners)), Active: int64(len(p.planners)), Seq: p.seq}
	least, most := int64(1<<60), int64(0)
	for _, one := range p.planners {
		row.Assigned += one.Assigned
		row.Open += one.Open
		least, most = min(least, one.Load), max(most, one.Load)
	}
	row.Spread = most - least
	for _, n := range p.numbers {
		row.Numbers.Total++
		if n.State == "active" {
			row.Numbers.Active++
		} else {
			row.Numbers.Free++
		}
	}
	if f.fault("pool's count") {
		row.Assigned++
	}
	give(w, 200, row)
}

func (f *fake) postPlanners(w http.ResponseWriter, r *http.Request) {
	p := f.pool(w, r)
	var body struct{ Planners []struct{ ID, Name string } }
	_ = json.NewDecoder(r.Body).Decode(&body)
	var changes []any
	for _, one := range body.Planners {
		p.planners = append(p.planners, &fakePlanner{plannerRow: plannerRow{ID: one.ID, Name: one.Name, Active: true}})
		changes = append(changes, map[string]any{"id": one.ID, "name": one.Name, "active": true, "base": 0, "was": nil})
	}
	p.event("planners_changed", map[string]any{"planners": changes})
	give(w, 200, struct{}{})
}

func (f *fake) getPlanners(w http.ResponseWriter, r *http.Request) {
	p := f.pool(w, r)
	if p == nil {
		return
	}
	rows := []plannerRow{}
	for _, one := range p.planners {
		rows = append(rows, one.plannerRow)
	}
	if f.fault("planner's count") {
		rows[0].Open++
	}
	give(w, 200, map[string]any{"planners": rows, "next": nil})
}

func (f *fake) postNumbers(w http.ResponseWriter, r *http.Request) {
	p := f.pool(w, r)
	var body struct{ Numbers []string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	p.event("numbers_added", numbersBody(body.Numbers))
	for _, n := range body.Numbers {
		p.numbers = append(p.numbers, &fakeNumber{numberRow{Number: n, State: "free"}, p.now()})
	}
	give(w, 200, struct{}{})
}

func numbersBody(numbers []string) any { return map[string]any{"numbers": numbers} }

func (f *fake) getNumbers(w http.ResponseWriter, r *http.Request) {
	rows := []numberRow{}
	for _, n := range f.pool(w, r).numbers {
		rows = append(rows, n.numberRow)
	}
	if len(rows) > 0 && f.fault("number's state") {
		rows[0].State = "set_aside"
	}
	give(w, 200, map[string]any{"numbers": rows, "next": nil})
}

func (f *fake) postAssignment(w http.ResponseWriter, r *http.Request) {
	p := f.pool(w, r)
	if p == nil {
		return
	}
	var body struct{ Customer, Number string }
	text, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(text, &body)
	key := r.Header.Get("Idempotency-Key")
	if f.refuses(w, key) {
		return
	}
	a, again := p.byKey[key], true
	if a == nil || f.fault("forget key") {
		a, again = f.decide(p, key, body.Customer, body.Number), false
		if a == nil {
			refuse(w, 409, "no_number", "")
			return
		}
	}
	if !f.lost[key] && f.fault("lose answer") {
		f.lost[key] = true
		refuse(w, 503, "outcome_unknown", key)
		return
	}
	if !f.lost[key] && f.fault("cut connection") {
		f.lost[key] = true
		panic(http.ErrAbortHandler)
	}
	f.answer(w, 201, *a, again)
}

// refuses breaks the rules of refusals, or keeps them.
func (f *fake) refuses(w http.ResponseWriter, key string) bool {
	switch {
	case f.fault("busy"):
		refuse(w, 503, "pool_busy", "")
	case f.fault("refusal is text"):
		http.Error(w, "busy", http.StatusServiceUnavailable)
	case f.fault("refusal without Retry-After"):
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(503)
		fmt.Fprint(w, `{"type":"urn:fairlead:problem:pool_busy","title":"t","status":503,"code":"pool_busy","detail":"","request_id":"r"}`)
	case f.fault("nobody active"):
		refuse(w, 409, "no_planner", "")
	case f.fault("number refused"):
		refuse(w, 409, "no_number", "")
	case f.fault("key refused"):
		refuse(w, 422, "key_reused", "")
	case f.fault("internal"):
		refuse(w, 500, "internal", "")
	case f.fault("unknown without key"):
		refuse(w, 503, "outcome_unknown", "")
	default:
		return false
	}
	return true
}

func (f *fake) decide(p *fakePool, key, customer, wish string) *fakeAssignment {
	n := p.freeNumber(f.fault("number twice"))
	if wish == "none" {
		n = nil
	}
	if n == nil && wish == "required" {
		return nil
	}
	a := &fakeAssignment{Pool: p.id, Customer: customer, Key: key, State: "active", number: n}
	a.Seq = p.position(f.fault)
	a.ID = fmt.Sprintf("%s%018d", fmt.Sprintf("%08d", len(f.pools))[:8], len(f.byID))
	a.AssignedAt = p.now()
	a.planner = p.next()
	if f.fault("wrong planner") {
		a.planner = p.planners[len(p.planners)-1]
	}
	a.Planner.ID, a.Planner.Name = a.planner.ID, a.planner.Name
	a.planner.Assigned++
	a.planner.Open++
	a.planner.Load++
	a.planner.last, a.planner.LastAt = a.Seq, &a.AssignedAt
	if n != nil {
		n.State, n.Assignment = "active", &a.ID
		a.Number = &n.Number
	}
	p.byKey[key], f.byID[a.ID] = a, a
	p.log = append(p.log, a)
	return a
}

// position gives the next one, unless it is to give one twice, or two in the
// wrong order.
func (p *fakePool) position(fault func(string) bool) int64 {
	if p.skipped != 0 {
		seq := p.skipped
		p.skipped = 0
		return seq
	}
	if fault("position twice") {
		return p.seq
	}
	if p.seq++; fault("wrong order") {
		p.skipped = p.seq
		p.seq++
	}
	return p.seq
}

func (p *fakePool) next() *fakePlanner {
	return slices.MinFunc(p.planners, func(a, b *fakePlanner) int {
		return cmp.Or(cmp.Compare(a.Load, b.Load), cmp.Compare(a.last, b.last), cmp.Compare(a.ID, b.ID))
	})
}

func (p *fakePool) freeNumber(held bool) (n *fakeNumber) {
	for _, one := range p.numbers {
		if (one.State == "active") == held && (n == nil || cmp.Or(one.free.Compare(n.free), cmp.Compare(one.Number, n.Number)) < 0) {
			n = one
		}
	}
	return n
}

// answer answers with an assignment, and may spoil the answer.
func (f *fake) answer(w http.ResponseWriter, status int, a fakeAssignment, again bool) {
	if status == 201 {
		w.Header().Set("Location", "/v1/assignments/"+a.ID)
	}
	if again && status == 201 && !f.fault("repetition not marked") {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	if !again && f.fault("new one marked as repetition") {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	switch {
	case again && f.fault("repetition differs"):
		a.AssignedAt = a.AssignedAt.Add(time.Microsecond)
	case f.fault("other pool"):
		a.Pool = "other"
	case f.fault("other key"):
		a.Key = "other"
	case f.fault("other customer"):
		a.Customer = "other"
	case f.fault("unknown planner"):
		a.Planner.ID = "other"
	case f.fault("planner's name"):
		a.Planner.Name = "other"
	case f.fault("unknown number"):
		a.Number = new("999999")
	case f.fault("no number"):
		a.Number = nil
	case f.fault("other number"):
		a.Number = new("99999999999999999999")
	case f.fault("bad state"):
		a.State = "gone"
	case f.fault("no ulid"):
		a.ID = "7"
	case f.fault("Location"):
		w.Header().Set("Location", "/")
	case f.fault("broken JSON"):
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, `{"id":`)
		return
	case f.fault("missing field"):
		give(w, status, map[string]any{"id": a.ID, "pool": a.Pool, "seq": a.Seq})
		return
	case f.fault("far position"):
		a.Seq += 1 << 40
	}
	give(w, status, a)
}

func (f *fake) postRelease(w http.ResponseWriter, r *http.Request) {
	a := f.byID[r.PathValue("id")]
	if a == nil {
		refuse(w, 404, "assignment_not_found", "")
		return
	}
	if f.fault("forget release") {
		f.answer(w, 200, *a, false)
		return
	}
	if a.State == "active" {
		p := f.pools[a.Pool]
		p.event("assignment_released", map[string]any{"id": a.ID, "assignment_seq": a.Seq, "number": a.Number, "free_at": p.now(), "reason": ""})
		a.State, a.ReleasedAt = "released", new(p.now())
		a.planner.Open--
		if a.number != nil {
			a.number.State, a.number.Assignment, a.number.free = "free", nil, p.now()
		}
	}
	if f.fault("lose release") {
		refuse(w, 503, "outcome_unknown", "")
		return
	}
	f.answer(w, 200, *a, true)
}

func (f *fake) getAssignments(w http.ResponseWriter, r *http.Request) {
	var out []fakeAssignment
	f.entries(w, r, func(entry any) (int64, func()) {
		a, ok := entry.(*fakeAssignment)
		if !ok {
			return 0, nil
		}
		return a.Seq, func() {
			if f.fault("log loses assignment") {
				return
			}
			c := *a
			if f.fault("log differs") {
				c.Planner.Name = "other"
			}
			out = append(out, c)
		}
	})
	slices.SortFunc(out, func(a, b fakeAssignment) int { return cmp.Compare(a.Seq, b.Seq) })
	give(w, 200, map[string]any{"assignments": out, "next": nil})
}

func (f *fake) getEvents(w http.ResponseWriter, r *http.Request) {
	var out []event
	f.entries(w, r, func(entry any) (int64, func()) {
		e, ok := entry.(*event)
		if !ok {
			return 0, nil
		}
		return e.Seq, func() {
			if !f.fault("log loses event") {
				out = append(out, *e)
			}
		}
	})
	give(w, 200, map[string]any{"events": out, "next": nil})
}

// entries goes through one page of a log.
func (f *fake) entries(w http.ResponseWriter, r *http.Request, each func(any) (int64, func())) {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	if f.fault("unrelated entry") {
		p := f.pool(w, r)
		f.decide(p, "load-unheard-of-n", strings.Repeat("x", 3), "none")
	}
	for _, entry := range f.pool(w, r).log {
		if seq, use := each(entry); use != nil && seq > after && limit > 0 {
			use()
			limit--
		}
	}
}
