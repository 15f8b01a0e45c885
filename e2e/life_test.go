package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// A life is a pool in which numbers are given and come back, and all that is
// known of it from outside.
type life struct {
	*testing.T
	db *dbtest.Database
	i  *program.Instance
}

// lifePool is the pool of every life.
const lifePool = "life"

// neverExpire keeps an instance from writing down by itself what has ended.
const neverExpire = "--expire-every=1h"

// newLife has a pool with these settings, planners p0, p1, … with phones, and
// numbers 05070000000, 05070000001, …
func newLife(t *testing.T, settings string, planners, numbers int, flags ...string) *life {
	t.Helper()
	key, _ := newKey(t)
	l := &life{T: t, db: dbtest.New(t)}
	l.i = binary.In("env", "FAIRLEAD_PHONE_KEYS="+key).Start(t, append([]string{"--dsn=" + l.db.DSN, "--log-level=warn"}, flags...)...)
	l.makePool(settings, planners, numbers)
	return l
}

// makePool makes the pool with settings, and gives it planners with phones, and
// numbers.
func (l *life) makePool(settings string, planners, numbers int) {
	l.Helper()
	ask[client.Pool](l, 201, "PUT", "/v1/pools/"+lifePool, settings)
	for p := range planners {
		ask[client.Planner](l, 201, "PUT", fmt.Sprintf("/v1/pools/%s/planners/p%d", lifePool, p),
			fmt.Sprintf(`{"name": "Planner %d", "phone": %q}`, p, lifePhone(p)))
	}
	l.stock(numbers)
}

// staff gives the pool planners without phones, in one call.
func (l *life) staff(planners int) {
	l.Helper()
	var body client.PostPlannersJSONRequestBody
	for p := range planners {
		body.Planners = append(body.Planners, client.PlannersItem{ID: fmt.Sprint("p", p)})
	}
	ask[client.PlannersResult](l, 200, "POST", "/v1/pools/"+lifePool+"/planners", jsonOf(body))
}

func (l *life) stock(numbers int) {
	l.Helper()
	body := client.PostNumbersJSONRequestBody{Numbers: []string{}}
	for n := range numbers {
		body.Numbers = append(body.Numbers, lifeNumber(n))
	}
	ask[client.NumbersResult](l, 200, "POST", "/v1/pools/"+lifePool+"/numbers", jsonOf(body))
}

func lifeNumber(n int) string { return fmt.Sprintf("0507%07d", n) }

// lifePhone is the real phone of planner p.
func lifePhone(p int) string { return fmt.Sprintf("0108765%04d", p) }

// said makes a call and returns the status and the body of its answer.
func (l *life) said(method, path, body string, header ...string) (int, []byte) {
	l.Helper()
	req, err := http.NewRequestWithContext(l.Context(), method, l.i.URL+path, bytes.NewBufferString(body))
	if err != nil {
		l.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	r, err := l.i.HTTP.Do(req)
	if err != nil {
		l.Fatalf("%s %s: %v", method, path, err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		l.Fatalf("%s %s: %v", method, path, err)
	}
	return r.StatusCode, answer
}

// ask makes a call whose answer must have this status, and fields of A only.
func ask[A any](l *life, want int, method, path, body string, header ...string) (answer A) {
	l.Helper()
	status, text := l.said(method, path, body, header...)
	if status != want {
		l.Fatalf("%s %s %s: %d, want %d: %s", method, path, body, status, want, text)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&answer); err != nil {
		l.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return answer
}

// refuse makes a call that must be refused like this.
func (l *life) refuse(status int, code client.ProblemCode, method, path, body string, header ...string) client.Problem {
	l.Helper()
	p := ask[client.Problem](l, status, method, path, body, header...)
	if p.Code != code {
		l.Fatalf("%s %s %s: %s, want %s: %s", method, path, body, p.Code, code, p.Detail)
	}
	return p
}

func (l *life) assign(body string, header ...string) client.Assignment {
	l.Helper()
	return ask[client.Assignment](l, 201, "POST", "/v1/pools/"+lifePool+"/assignments", body, header...)
}

// assignTo makes an assignment that must be this planner's.
func (l *life) assignTo(planner, body string) client.Assignment {
	l.Helper()
	a := l.assign(body)
	if a.Planner.ID != planner {
		l.Fatalf("%s has the turn, want %s: %+v", a.Planner.ID, planner, a)
	}
	return a
}

func (l *life) get(id string) client.Assignment {
	l.Helper()
	return ask[client.Assignment](l, 200, "GET", "/v1/assignments/"+id, "")
}

// end releases, voids or reassigns an assignment.
func (l *life) end(a client.Assignment, how, body string, header ...string) client.Assignment {
	l.Helper()
	return ask[client.Assignment](l, 200, "POST", "/v1/assignments/"+a.ID+"/"+how, body, header...)
}

func (l *life) release(a client.Assignment) client.Assignment {
	l.Helper()
	return l.end(a, "release", "")
}

// care suspends, drains, resumes or touches a number.
func (l *life) care(number, how string) client.Number {
	l.Helper()
	return ask[client.Number](l, 200, "POST", "/v1/numbers/"+url.PathEscape(number)+"/"+how, "")
}

func routePath(number string) string { return "/v1/numbers/" + url.PathEscape(number) + "/route" }

func (l *life) route(number string) client.Route {
	l.Helper()
	return ask[client.Route](l, 200, "GET", routePath(number), "")
}

// leads wants a call on a's number to lead to this planner's phone.
func (l *life) leads(a client.Assignment, p int) client.Route {
	l.Helper()
	r := l.route(*a.Number)
	want := client.RoutedPlanner{ID: fmt.Sprint("p", p), Name: fmt.Sprint("Planner ", p), Phone: new(lifePhone(p))}
	if diff := cmp.Diff(want, r.Planner); diff != "" || r.Number != *a.Number || r.Pool != lifePool || r.Assignment.ID != a.ID {
		l.Errorf("a call on %s (-want +got):\n%s%+v", *a.Number, diff, r)
	}
	return r
}

// nowhere wants a call on a number to lead nowhere since a time; nil is ever.
func (l *life) nowhere(number string, since *time.Time) {
	l.Helper()
	status, text := l.said("GET", routePath(number), "")
	var got struct {
		Code           client.ProblemCode
		LastReleasedAt *json.RawMessage `json:"last_released_at"`
	}
	if err := json.Unmarshal(text, &got); err != nil || status != 404 || got.Code != "number_not_live" {
		l.Fatalf("a call on %s: %d %s", number, status, text)
	}
	if !bytes.Contains(text, []byte(`"last_released_at":`)) {
		l.Errorf("it is not said when %s was released: %s", number, text)
	}
	var at *time.Time
	if got.LastReleasedAt != nil {
		at = new(time.Time)
		if err := json.Unmarshal(*got.LastReleasedAt, at); err != nil {
			l.Fatal(err)
		}
	}
	if diff := cmp.Diff(since, at); diff != "" {
		l.Errorf("%s was released (-want +got):\n%s", number, diff)
	}
}

func (l *life) pool() client.Pool {
	l.Helper()
	return ask[client.Pool](l, 200, "GET", "/v1/pools/"+lifePool, "")
}

// counts wants the pool's numbers by state, and its open assignments.
func (l *life) counts(open int64, want client.PoolNumbers) {
	l.Helper()
	p := l.pool()
	want.Total = want.Free + want.Active + want.Cooling + want.Draining + want.Suspended + want.SetAside
	if diff := cmp.Diff(want, p.Numbers); diff != "" || p.Open != open {
		l.Errorf("%d open, want %d; numbers (-want +got):\n%s", p.Open, open, diff)
	}
}

// number is how a number of the pool is listed.
func (l *life) number(number string) client.Number {
	l.Helper()
	for _, n := range l.numbers("") {
		if n.Number == number {
			return n
		}
	}
	l.Fatalf("%s is not listed", number)
	return client.Number{}
}

func (l *life) numbers(query string) []client.Number {
	l.Helper()
	return ask[client.NumberList](l, 200, "GET", "/v1/pools/"+lifePool+"/numbers"+query, "").Numbers
}

// planner is how a planner of the pool is listed.
func (l *life) planner(id string) client.Planner {
	l.Helper()
	for _, p := range l.planners() {
		if p.ID == id {
			return p
		}
	}
	l.Fatalf("planner %s is not listed", id)
	return client.Planner{}
}

func (l *life) planners() []client.Planner {
	l.Helper()
	return ask[client.PlannerList](l, 200, "GET", "/v1/pools/"+lifePool+"/planners", "").Planners
}

// turns wants these planners' turns that count, and what they have open, by
// their order.
func (l *life) turns(assigned, open []int64) {
	l.Helper()
	var gotAssigned, gotOpen []int64
	for _, p := range l.planners() {
		gotAssigned, gotOpen = append(gotAssigned, p.Assigned), append(gotOpen, p.Open)
	}
	if diff := cmp.Diff([][]int64{assigned, open}, [][]int64{gotAssigned, gotOpen}); diff != "" {
		l.Errorf("turns and open of the planners (-want +got):\n%s", diff)
	}
}

func (l *life) events() []client.Event {
	l.Helper()
	return ask[client.EventList](l, 200, "GET", "/v1/pools/"+lifePool+"/events?limit=1000", "").Events
}

// kinds counts the events of a kind.
func (l *life) kinds(kind string) (n int) {
	l.Helper()
	for _, e := range l.events() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// unchanged wants what it does to add nothing to the pool's log.
func (l *life) unchanged(do func()) {
	l.Helper()
	before := l.pool()
	do()
	if diff := cmp.Diff(before, l.pool()); diff != "" {
		l.Errorf("it changed the pool (-want +got):\n%s", diff)
	}
}

// awaitEnd waits until a call on a number leads nowhere; nothing is written by
// looking.
func (l *life) awaitEnd(number string) {
	l.Helper()
	await(l.T, "the time of "+number+" is over", 30*time.Second, func() bool {
		status, _ := l.said("GET", routePath(number), "")
		return status == 404
	})
}

// well ends a life: its log must replay.
func (l *life) well() {
	l.Helper()
	binary.Verify(l.T, l.db.DSN)
}

// same wants two assignments to be alike in every field.
func (l *life) same(want, got client.Assignment) {
	l.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		l.Errorf("another answer (-want +got):\n%s", diff)
	}
}

func unmarshal[A any](t *testing.T, text []byte) (a A) {
	t.Helper()
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return a
}

func containsAll(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}
