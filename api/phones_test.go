package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
	"fairlead/phone"
)

// Keys of nobody's.
const (
	aKey       = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	anotherKey = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

// somePhone and whatever it is part of must not be seen.
const (
	somePhone  = "01012345678"
	somePhoned = "010-1234-5678" // as people write it
	someMask   = "*********78"
	someDigits = "12345"
)

func keysOf(t testing.TB, text string) phone.Keyring {
	t.Helper()
	ring, err := phone.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func someKeys(t testing.TB) phone.Keyring { return keysOf(t, aKey) }

// sealedBy is a phone as it is kept.
func sealedBy(t testing.TB, ring phone.Keyring, number, about string) assign.Phone {
	t.Helper()
	given, err := ring.Seal(number, about)
	if err != nil {
		t.Fatal(err)
	}
	return given.Phone
}

func TestCustomerPhoneIsSealed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.assign = func(_ context.Context, r assign.Request) (assign.Assigned, error) {
		number, err := b.Phones.Open(r.CustomerPhone.Phone, phone.AboutCustomer("demo"))
		if number != somePhone || err != nil {
			t.Errorf("sealed %q, %v", number, err)
		}
		if len(r.CustomerPhone.Marks) != 1 {
			t.Errorf("marks by %d keys", len(r.CustomerPhone.Marks))
		}
		a := someAssignment()
		a.CustomerPhone = r.CustomerPhone.Phone
		return assign.Assigned{Assignment: a}, nil
	}
	rec := b.call("POST", "/v1/pools/demo/assignments", `{"customer_phone":"`+somePhoned+`"}`)
	if rec.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	sameJSON(t, rec.Body, strings.Replace(someAssignmentJSON, `"customer_phone": null`, `"customer_phone": "`+someMask+`"`, 1))
}

// In a PUT and in many, a phone that is absent stays: lists of planners mostly
// come from systems that do not have it.
func TestPlannersPhone(t *testing.T) {
	t.Parallel()
	given, gone := `"phone":"`+somePhoned+`"`, `"phone":null`
	for _, tt := range []struct{ method, path, body, want string }{
		{"PUT", "/kim", `{}`, "kept"},
		{"PUT", "/kim", `{` + gone + `}`, "gone"},
		{"PUT", "/kim", `{` + given + `}`, somePhone},
		{"PATCH", "/kim", `{}`, "kept"},
		{"PATCH", "/kim", `{` + gone + `}`, "gone"},
		{"PATCH", "/kim", `{` + given + `}`, somePhone},
		{"POST", "", `{"planners":[{"id":"kim"}]}`, "kept"},
		{"POST", "", `{"planners":[{` + gone + `,"id":"kim"}]}`, "gone"},
		{"POST", "", `{"planners":[{` + given + `,"id":"kim"}]}`, somePhone},
	} {
		b := newBundle(t)
		b.writes.staff = func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
			if got := phoneIn(b.Phones, s.Changes[0]); got != tt.want {
				t.Errorf("%s %s: phone is %s, want %s", tt.method, tt.body, got, tt.want)
			}
			return assign.Staffed{Last: assign.PlannerView{Planner: assign.Planner{ID: "kim"}, Phone: sealedBy(t, b.Phones, somePhone, phone.AboutPlanner("demo", "kim"))}}, nil
		}
		rec := b.call(tt.method, "/v1/pools/demo/planners"+tt.path, tt.body)
		if rec.Code != http.StatusOK {
			t.Errorf("%s %s: status %d: %s", tt.method, tt.body, rec.Code, rec.Body)
		}
		if tt.method != "POST" && !strings.Contains(rec.Body.String(), `"phone":"`+someMask+`"`) {
			t.Errorf("%s: answer %s", tt.method, rec.Body)
		}
	}
}

func phoneIn(ring phone.Keyring, c assign.PlannerChange) string {
	switch {
	case c.Phone == nil:
		return "kept"
	case c.Phone.IsZero():
		return "gone"
	}
	number, err := ring.Open(c.Phone.Phone, phone.AboutPlanner("demo", c.ID))
	return number + strings.TrimPrefix(fmt.Sprint(err), "<nil>")
}

// A phone is never stored without a key, and everything else goes on.
func TestNoPhoneKey(t *testing.T) {
	t.Parallel()
	phoned := `"phone":"` + somePhoned + `"`
	for _, tt := range []struct{ method, path, body string }{
		{"PUT", "/v1/pools/demo/planners/kim", `{` + phoned + `}`},
		{"PATCH", "/v1/pools/demo/planners/kim", `{` + phoned + `}`},
		{"POST", "/v1/pools/demo/planners", `{"planners":[{"id":"lee"},{"id":"kim",` + phoned + `}]}`},
		{"POST", "/v1/pools/demo/assignments/search", `{"customer_phone":"` + somePhone + `"}`},
		{"POST", "/v1/pools/demo/planners/search", `{` + phoned + `}`},
	} {
		b := newBundle(t) // the fakes fail the test if they are asked
		b.Phones = phone.Keyring{}
		rec := b.call(tt.method, tt.path, tt.body)
		p := problemIn(t, rec)
		if rec.Code != http.StatusConflict || p.Code != ProblemCodeNoPhoneKey || !strings.Contains(p.Detail, "FAIRLEAD_PHONE_KEYS") || !strings.Contains(p.Detail, "fairlead keys new") {
			t.Errorf("%s %s: %s", tt.method, tt.path, rec.Body)
		}
	}
	b := newBundle(t)
	b.Phones = phone.Keyring{}
	// It may be a repeat, so the domain is asked; it refuses what would be new.
	b.writes.assign = func(_ context.Context, r assign.Request) (assign.Assigned, error) {
		if !r.CustomerPhone.NoKey || !r.CustomerPhone.IsZero() {
			t.Errorf("the request's phone is %+v", r.CustomerPhone)
		}
		return assign.Assigned{}, assign.ErrNoPhoneKey
	}
	if p := problemIn(t, b.call("POST", "/v1/pools/demo/assignments", `{"customer_phone":"`+somePhone+`"}`)); p.Code != ProblemCodeNoPhoneKey {
		t.Errorf("without a key: %+v", p)
	}
	b.writes.staff = func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
		if got := phoneIn(b.Phones, s.Changes[0]); got != "gone" {
			t.Errorf("phone is %s", got)
		}
		return assign.Staffed{Last: assign.PlannerView{Planner: assign.Planner{ID: "kim"}}}, nil
	}
	if rec := b.call("PATCH", "/v1/pools/demo/planners/kim", `{"phone":null}`); rec.Code != http.StatusOK {
		t.Errorf("a phone cannot be taken away without a key: %s", rec.Body)
	}
}

// Lists show masks, and what is there where a phone cannot be opened.
func TestPhonesAreMasked(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	other := keysOf(t, anotherKey)
	b.reads.planners = func(context.Context, assign.PoolID, assign.PlannerFilter) (assign.Page[assign.PlannerView], error) {
		return assign.Page[assign.PlannerView]{Items: []assign.PlannerView{
			{Planner: assign.Planner{ID: "kim"}, Phone: sealedBy(t, b.Phones, somePhone, phone.AboutPlanner("demo", "kim"))},
			{Planner: assign.Planner{ID: "lee"}, Phone: sealedBy(t, other, somePhone, phone.AboutPlanner("demo", "lee"))},
			{Planner: assign.Planner{ID: "moon"}, Phone: sealedBy(t, b.Phones, somePhone, phone.AboutPlanner("demo", "kim"))},
			{Planner: assign.Planner{ID: "noh"}},
		}}, nil
	}
	b.reads.assignments = func(context.Context, assign.PoolID, assign.AssignmentFilter) (assign.Page[assign.Assignment], error) {
		mine, theirs := someAssignment(), someAssignment()
		mine.CustomerPhone = sealedBy(t, b.Phones, somePhone, phone.AboutCustomer("demo"))
		theirs.CustomerPhone = sealedBy(t, other, somePhone, phone.AboutCustomer("demo"))
		return assign.Page[assign.Assignment]{Items: []assign.Assignment{mine, theirs, someAssignment()}}, nil
	}
	planners := func(id, shown string) string {
		return `{"id": "` + id + `", "name": "", "active": false, "phone": ` + shown + `, "assigned": 0, "open": 0, "load": 0, "last_assigned_at": null}`
	}
	assignment := func(shown string) string {
		return strings.Replace(someAssignmentJSON, `"customer_phone": null`, `"customer_phone": `+shown, 1)
	}
	for path, want := range map[string]string{
		"/v1/pools/demo/planners": `{"planners": [` + planners("kim", `"`+someMask+`"`) + `,` + planners("lee", `"***"`) + `,` +
			planners("moon", `"***"`) + `,` + planners("noh", "null") + `], "next": null}`,
		"/v1/pools/demo/assignments": `{"assignments": [` + assignment(`"`+someMask+`"`) + `,` + assignment(`"***"`) + `,` + assignment("null") + `], "next": null}`,
	} {
		sameJSON(t, b.call("GET", path, "").Body, want)
	}
}

func TestSearchByPhone(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.Phones = keysOf(t, aKey+","+anotherKey)
	marks := b.Phones.Marks(somePhone)
	if len(marks) != 2 {
		t.Fatalf("%d marks", len(marks))
	}
	b.reads.assignments = func(_ context.Context, pool assign.PoolID, f assign.AssignmentFilter) (assign.Page[assign.Assignment], error) {
		if diff := cmp.Diff(assign.AssignmentFilter{Phones: marks, After: 41, Limit: 1}, f); pool != "demo" || diff != "" {
			t.Errorf("assignments of %s (-want +got):\n%s", pool, diff)
		}
		return assign.Page[assign.Assignment]{Items: []assign.Assignment{someAssignment()}, More: true}, nil
	}
	b.reads.planners = func(_ context.Context, pool assign.PoolID, f assign.PlannerFilter) (assign.Page[assign.PlannerView], error) {
		if diff := cmp.Diff(assign.PlannerFilter{Phones: marks, After: "jung", Limit: 100}, f); pool != "demo" || diff != "" {
			t.Errorf("planners of %s (-want +got):\n%s", pool, diff)
		}
		return assign.Page[assign.PlannerView]{}, nil
	}
	rec := b.call("POST", "/v1/pools/demo/assignments/search", `{"customer_phone":"`+somePhoned+`","after":41,"limit":1}`)
	sameJSON(t, rec.Body, `{"assignments": [`+someAssignmentJSON+`], "next": 42}`)
	rec = b.call("POST", "/v1/pools/demo/planners/search", `{"phone":"`+somePhoned+`","after":"jung","limit":null}`)
	sameJSON(t, rec.Body, `{"planners": [], "next": null}`)
}

// A planner may be called search.
func TestPlannerCalledSearch(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.staff = func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
		if s.Changes[0].ID != "search" {
			t.Errorf("planner %q", s.Changes[0].ID)
		}
		return assign.Staffed{Last: assign.PlannerView{Planner: assign.Planner{ID: "search"}}}, nil
	}
	for _, method := range []string{"PUT", "PATCH"} {
		if rec := b.call(method, "/v1/pools/demo/planners/search", ""); rec.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", method, rec.Code, rec.Body)
		}
	}
}

// Whatever is wrong with a phone, the answer and the log name the field and not
// a digit of it.
func TestBadPhonesAreNotRepeated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, path, body, field string }{
		{"POST", "/v1/pools/demo/assignments", `{"customer_phone":%s}`, "customer_phone"},
		{"POST", "/v1/pools/demo/assignments/search", `{"customer_phone":%s}`, "customer_phone"},
		{"POST", "/v1/pools/demo/planners/search", `{"phone":%s}`, "phone"},
		{"PUT", "/v1/pools/demo/planners/kim", `{"phone":%s}`, "phone"},
		{"PATCH", "/v1/pools/demo/planners/kim", `{"phone":%s}`, "phone"},
		{"POST", "/v1/pools/demo/planners", `{"planners":[{"id":"kim","phone":%s}]}`, "planners[0].phone"},
	} {
		for _, bad := range []string{
			`""`, `"012"`, `1012345678`, `["01012345678"]`, `{"x":"01012345678"}`, `true`, `"0101234567801012345678"`, `"010/1234/5678 12345"`,
			`"(010) 12345-678"`, `"０１０12345"`, `"tel:+82-10-12345-678"`, `"+82+1012345678"`, `"` + strings.Repeat("12345-", 20) + `"`,
		} {
			b := newBundle(t)
			rec := b.call(tt.method, tt.path, fmt.Sprintf(tt.body, bad))
			p := problemIn(t, rec)
			if p.Code != ProblemCodeInvalidRequest || p.Field == nil || *p.Field != tt.field {
				t.Errorf("%s %s: %s", tt.path, bad, rec.Body)
			}
			if seen := rec.Body.String() + b.log.String(); strings.Contains(seen, someDigits) || strings.Contains(seen, "1234/") {
				t.Errorf("%s %s: a phone is in %s", tt.path, bad, seen)
			}
		}
	}
}

// Nothing is logged of a phone that went through, or did not, whatever came
// back from behind.
func TestPhonesAreNotLogged(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, assign.ErrNoPlanner, assign.ErrPhoneUnreadable, assign.ErrUnavailable, assign.ErrOutcomeUnknown} {
		b := newBundle(t)
		b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
			return assign.Assigned{Assignment: someAssignment()}, err
		}
		b.writes.staff = func(context.Context, assign.Staffing) (assign.Staffed, error) { return assign.Staffed{}, err }
		b.reads.assignments = func(context.Context, assign.PoolID, assign.AssignmentFilter) (p assign.Page[assign.Assignment], _ error) {
			return p, err
		}
		for path, body := range map[string]string{
			"/v1/pools/demo/assignments":        `{"customer_phone":"` + somePhone + `"}`,
			"/v1/pools/demo/planners":           `{"planners":[{"id":"kim","phone":"` + somePhone + `"}]}`,
			"/v1/pools/demo/assignments/search": `{"customer_phone":"` + somePhone + `"}`,
		} {
			rec := b.call("POST", path, body)
			if seen := rec.Body.String() + b.log.String(); strings.Contains(seen, someDigits) {
				t.Errorf("%v, %s: a phone is in %s", err, path, seen)
			}
		}
		if b.log.Len() == 0 {
			t.Error("nothing was logged")
		}
	}
	// A panic is logged with its stack.
	b := newBundle(t)
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) { panic("surprise") }
	rec := b.call("POST", "/v1/pools/demo/assignments", `{"customer_phone":"`+somePhone+`"}`)
	if seen := rec.Body.String() + b.log.String(); !strings.Contains(seen, "surprise") || strings.Contains(seen, someDigits) {
		t.Errorf("status %d, %s", rec.Code, seen)
	}
}
