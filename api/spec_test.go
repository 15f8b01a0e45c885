package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// specification is openapi.yaml, with every object closed: an answer must not
// have fields that are not documented.
var specification = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(spec)
	if err != nil {
		return nil, err
	}
	closed := false
	for _, s := range doc.Components.Schemas {
		if len(s.Value.Properties) > 0 {
			s.Value.AdditionalProperties.Has = &closed
		}
	}
	return doc, nil
})

func mustSpecification(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := specification()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSpecificationIsValid(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

// A listener is whom a handler is for.
type listener struct {
	routes func() []route
	has    func(path string, op *openapi3.Operation) bool
}

var (
	callers   = listener{publicRoutes, func(_ string, op *openapi3.Operation) bool { return op.Servers == nil }}
	operators = listener{adminRoutes, func(path string, op *openapi3.Operation) bool {
		return op.Servers != nil || strings.HasPrefix(path, "/v1/locks") || path == "/healthz" || path == "/readyz"
	}}
)

// Each operation is routed where the specification says it is: those with a
// server of their own for operators only.
func TestEveryOperationIsRouted(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]listener{"callers": callers, "operators": operators} {
		var routed, described []string
		for _, r := range l.routes() {
			if r.path != "/openapi.yaml" {
				routed = append(routed, r.method+" "+r.path)
			}
		}
		for path, item := range mustSpecification(t).Paths.Map() {
			for method, op := range item.Operations() {
				if l.has(path, op) {
					described = append(described, method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path))
				}
			}
		}
		slices.Sort(routed)
		slices.Sort(described)
		if diff := cmp.Diff(described, routed); diff != "" {
			t.Errorf("described (-) and routed (+) for %s differ:\n%s", name, diff)
		}
	}
}

// Query parameters are known to a route exactly if the specification has them.
func TestQueryParametersAreDescribed(t *testing.T) {
	t.Parallel()
	for _, r := range slices.Concat(publicRoutes(), adminRoutes()) {
		if r.path == "/openapi.yaml" {
			continue
		}
		var described []string
		for _, p := range operation(t, r.method, r.path).Parameters {
			if p.Value.In == openapi3.ParameterInQuery {
				described = append(described, p.Value.Name)
			}
		}
		slices.Sort(described)
		known := slices.Sorted(slices.Values(r.query))
		if !slices.Equal(described, known) {
			t.Errorf("%s %s knows %q, described are %q", r.method, r.path, known, described)
		}
	}
}

// Every code that can be sent is described, and the other way round.
func TestCodesAreDescribed(t *testing.T) {
	t.Parallel()
	sent := map[string]bool{string(internal.code): true}
	for _, r := range problems {
		sent[string(r.code)] = true
	}
	described := map[string]bool{}
	for _, v := range mustSpecification(t).Components.Schemas["ProblemCode"].Value.Enum {
		described[v.(string)] = true
	}
	if diff := cmp.Diff(described, sent); diff != "" {
		t.Errorf("described (-) and sent (+) differ:\n%s", diff)
	}
}

// A field that a request may have according to the specification is accepted
// there, at its default.
func TestRequestFieldsAreKnown(t *testing.T) {
	t.Parallel()
	for schema, accept := range map[string]func(member string) error{
		"AssignmentRequest": func(m string) error { _, _, err := decodeAssignment([]byte("{" + m + "}")); return err },
		"ReleaseRequest":    func(m string) error { _, err := decodeReason([]byte("{" + m + "}")); return err },
		"CareRequest":       func(m string) error { _, err := decodeReason([]byte("{" + m + "}")); return err },
		"VoidRequest":       func(m string) error { _, err := decodeVoid([]byte("{" + m + "}")); return err },
		"ReassignRequest": func(m string) error {
			if strings.HasPrefix(m, `"reason"`) {
				return nil // required, so the others' cases have it
			}
			_, err := decodeReassign([]byte(`{"reason":"declined",` + m + `}`))
			return err
		},
		"BulkReleaseRequest": func(m string) error {
			if strings.HasPrefix(m, `"state"`) {
				m = `"planner":"kim",` + m
			} else {
				m = `"state":"active",` + m
			}
			_, err := decodeReleases([]byte("{" + m + "}"))
			return err
		},
		"AssignmentSearch": func(m string) error {
			if strings.HasPrefix(m, `"customer_phone"`) {
				return nil
			}
			_, err := decodeAssignmentSearch([]byte(`{"customer_phone":"1234",` + m + `}`))
			return err
		},
		"PlannerSearch": func(m string) error {
			if strings.HasPrefix(m, `"phone"`) {
				return nil
			}
			_, err := decodePlannerSearch([]byte(`{"phone":"1234",` + m + `}`))
			return err
		},
		"PoolSettings":   func(m string) error { _, err := decodePool([]byte("{" + m + "}")); return err },
		"PlannerRequest": func(m string) error { _, err := decodePlanner([]byte("{"+m+"}"), patching()); return err },
		"PlannersItem": func(m string) error {
			if strings.HasPrefix(m, `"id"`) {
				return nil // required, so the others' cases have it
			}
			_, err := decodePlanners([]byte(`{"planners":[{"id":"kim",` + m + `}]}`))
			return err
		},
	} {
		properties := mustSpecification(t).Components.Schemas[schema].Value.Properties
		if len(properties) == 0 {
			t.Errorf("%s has no fields", schema)
		}
		for name := range properties {
			if err := accept(`"` + name + `":null`); err != nil {
				t.Errorf("%s.%s: %v", schema, name, err)
			}
		}
	}
}

// operation is the operation of a route's pattern, or of a path.
func operation(t testing.TB, method, path string) *openapi3.Operation {
	t.Helper()
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var (
		found *openapi3.Operation
		in    string
	)
	for pattern, item := range mustSpecification(t).Paths.Map() {
		op := item.GetOperation(method)
		if op == nil || !matches(pattern, path) {
			continue
		}
		// What is spelled out comes before what stands for anything.
		if found == nil || strings.Count(pattern, "{") < strings.Count(in, "{") {
			found, in = op, pattern
		}
	}
	return found
}

func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && g != ""
	})
}

// conforms holds an answer of a listener's handler against the specification.
func conforms(t testing.TB, l listener, r *http.Request, rec *httptest.ResponseRecorder) {
	t.Helper()
	h := rec.Header()
	if h.Get("X-Request-Id") == "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: headers %v lack X-Request-Id or Cache-Control: no-store", r.Method, r.URL, h)
	}
	if r.URL.Path == "/openapi.yaml" {
		return
	}
	path := (&url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}).EscapedPath()
	op := operation(t, r.Method, path)
	if op == nil || !l.has(path, op) {
		if rec.Code != http.StatusNotFound && rec.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: status %d of an operation that is not described", r.Method, r.URL, rec.Code)
		}
		return
	}
	answer := op.Responses.Status(rec.Code)
	if answer == nil {
		t.Errorf("%s %s: status %d is not described", r.Method, r.URL, rec.Code)
		return
	}
	headersConform(t, r, answer.Value, h)
	if r.Method != http.MethodHead {
		bodyConforms(t, r, answer.Value, rec)
	}
}

func headersConform(t testing.TB, r *http.Request, answer *openapi3.Response, h http.Header) {
	t.Helper()
	for _, name := range []string{"Location", "Retry-After", "WWW-Authenticate", "Idempotency-Replayed"} {
		_, described := answer.Headers[name]
		if h.Get(name) != "" && !described {
			t.Errorf("%s %s: header %s is not described", r.Method, r.URL, name)
		}
		if h.Get(name) == "" && described && name != "Idempotency-Replayed" {
			t.Errorf("%s %s: header %s is described but missing", r.Method, r.URL, name)
		}
	}
}

func bodyConforms(t testing.TB, r *http.Request, answer *openapi3.Response, rec *httptest.ResponseRecorder) {
	t.Helper()
	content := answer.Content[rec.Header().Get("Content-Type")]
	if content == nil {
		t.Errorf("%s %s: content type %q is not described", r.Method, r.URL, rec.Header().Get("Content-Type"))
		return
	}
	var v any
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Errorf("%s %s: answer %s: %v", r.Method, r.URL, rec.Body, err)
		return
	}
	if err := content.Schema.Value.VisitJSON(v, openapi3.VisitAsResponse()); err != nil {
		t.Errorf("%s %s: answer %s: %v", r.Method, r.URL, rec.Body, err)
	}
}
