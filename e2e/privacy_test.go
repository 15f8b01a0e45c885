package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// digits finds telephone numbers in anything, by their last ten digits and
// however they are spelled: with a country's code or a leading zero or neither,
// with spaces, dots, hyphens and brackets between them, and in UTF-16, which has
// a zero byte between them.
type digits map[uint64]string // what each of them is

// ten is how many digits say which number it is.
const ten = 10_000_000_000

// add puts a number that has at least ten digits among those to be found.
func (d digits) add(number, what string) string {
	var value uint64
	for _, c := range number {
		if c >= '0' && c <= '9' {
			value = (value*10 + uint64(c-'0')) % ten
		}
	}
	d[value] = what + " " + number
	return number
}

// in is what of them is in r.
func (d digits) in(r io.Reader) (map[string]bool, error) {
	found := map[string]bool{}
	var value uint64
	run := 0 // how many digits in a row
	buffer := make([]byte, 1<<20)
	for {
		n, err := r.Read(buffer)
		for _, c := range buffer[:n] {
			switch {
			case c >= '0' && c <= '9':
				value = (value*10 + uint64(c-'0')) % ten
				if run++; run >= 10 {
					if what, ok := d[value]; ok {
						found[what] = true
					}
				}
			case c == 0 || c == '-' || c == ' ' || c == '.' || c == '(' || c == ')':
			default:
				run = 0
			}
		}
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
	}
}

// inFiles is what of them is in the files of a folder, by file. Files that go
// away meanwhile are passed over.
func (d digits) inFiles(t *testing.T, folder string) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		name, _ := filepath.Rel(folder, path)
		all[name], err = d.in(f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The search must find what it looks for, in each way in which it could be
// written, and nothing else.
func TestDigitsAreFound(t *testing.T) {
	t.Parallel()
	wanted := digits{}
	wanted.add("010-7391-6042", "phone")
	for text, want := range map[string]int{
		"01073916042":               1,
		`{"phone":"010-7391-6042"}`: 1,
		"x1073916042y":              1,
		"+82 10 7391 6042":          1,
		"tel:+82.10.7391.6042":      1,
		"(010) 7391-6042":           1,
		"99010739160421":            1,
		"0\x001\x000\x007\x003\x009\x001\x006\x000\x004\x002\x00": 1,
		"01073916043":    0,
		"0107391604":     0,
		"0107391,6042":   0,
		"24061937010":    0,
		"*********42":    0,
		"010:7391:60:42": 0,
	} {
		found, err := wanted.in(strings.NewReader(text))
		if err != nil || len(found) != want {
			t.Errorf("%q: found %v, %v", text, found, err)
		}
	}
}

// heard keeps all answers but those of routes, as they came.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) RoundTrip(req *http.Request) (*http.Response, error) {
	r, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || strings.HasSuffix(req.URL.Path, "/route") && r.StatusCode == http.StatusOK {
		return r, err
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(&h.text, "%v\n%s\n", r.Header, body)
	return r, err
}

// A secretive is a service with phones, on a database whose files can be looked
// at, and everything that it has said.
type secretive struct {
	*life
	database []string // flags that say which
	folder   string   // its files
	phones   digits
	relays   digits // what must be found, or the search is none

	said heard
	logs strings.Builder // of all instances and commands
}

// serve starts the service with these keys.
func (s *secretive) serve(keys ...string) {
	s.Helper()
	s.i = withKeys(keys...).Start(s.T, append([]string{"--log-level=debug"}, s.database...)...)
	s.i.HTTP.Transport = &s.said
}

func withKeys(keys ...string) *program.Program {
	return binary.In("env", "FAIRLEAD_PHONE_KEYS="+strings.Join(keys, "\n"))
}

// stop ends the service and keeps its log.
func (s *secretive) stop() {
	s.Helper()
	s.i.Stop(s.T)
	s.logs.WriteString(s.i.Tail(1 << 20))
}

// run runs a command beside the service.
func (s *secretive) run(code int, keys []string, args ...string) string {
	s.Helper()
	out, got := withKeys(keys...).Run(s.T, append(append(args, "--log-level=debug"), s.database...)...)
	if got != code {
		s.Errorf("%v exits with %d, want %d:\n%s", args, got, code, out)
	}
	s.logs.WriteString(out)
	return out
}

// phone makes up the n-th phone.
func (s *secretive) phone(n int, what string) string {
	return s.phones.add(fmt.Sprintf("010-7391-%04d", 6000+n), what)
}

// relay makes up the n-th relay number.
func (s *secretive) relay(n int) string {
	return s.relays.add(fmt.Sprintf("0507-246-%04d", 8000+n), "relay number")
}

// silent wants no phone in what there is to see of the service, and finds the
// relay numbers there, which are no secret.
func (s *secretive) silent() {
	s.Helper()
	all := digits{}
	for _, of := range []digits{s.phones, s.relays} {
		for value, what := range of {
			all[value] = what
		}
	}
	seen := all.inFiles(s.T, s.folder)
	for name, text := range map[string]string{"the log": s.logs.String(), "the answers": s.said.text.String()} {
		var err error
		if seen[name], err = all.in(strings.NewReader(text)); err != nil {
			s.Fatal(err)
		}
	}
	var told []string // which have relay numbers
	for name, found := range seen {
		relays := 0
		for what := range found {
			switch {
			case strings.HasPrefix(what, "relay number"):
				relays++
			case strings.HasPrefix(what, takenForNumber) && name == statementLog:
				// The database was asked whether it has such a number.
			default:
				s.Errorf("%s is in %s", what, name)
			}
		}
		if relays > 0 {
			told = append(told, name)
		}
	}
	slices.Sort(told)
	inTables := slices.ContainsFunc(told, func(name string) bool { return strings.Contains(filepath.Base(name), "ib") })
	if !slices.Contains(told, "the log") || !slices.Contains(told, "the answers") || !inTables {
		s.Errorf("no relay number is in the log, the answers, or the database's files, so this shows nothing: %v", told)
	}
	s.Logf("looked for %d phones in %d files, %d bytes of log and %d bytes of answers; relay numbers are in %v",
		len(s.phones), len(seen)-2, s.logs.Len(), s.said.text.Len(), told)
}

// takenForNumber is a phone for which somebody asks as if it were a relay
// number.
const takenForNumber = "phone taken for a relay number"

// statementLog is where a server was told to write every statement down.
var statementLog = filepath.Join("server", "db", "general.log")

// All that can be done with phones is done, and then nobody finds a digit of
// them, wherever they look: in the database's files, in the service's log, in
// its answers, in its metrics. With a key that is wrong or lost the service says
// so and goes on, and nothing is lost.
func TestPhonesAreSecret(t *testing.T) {
	t.Parallel()
	t.Run("in its own database", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		keepsSecrets(t, dir, "--data-dir="+dir, func() {})
	})
	t.Run("in a server that logs every statement", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		server := dbtest.Place{Dir: dir}.NewServer(t, "--general-log=1", "--general-log-file=general.log")
		keepsSecrets(t, dir, "--dsn="+server.New().DSN, server.Stop)
	})
}

// keepsSecrets is TestPhonesAreSecret on a database with its files in a folder.
func keepsSecrets(t *testing.T, folder, database string, stop func()) {
	t.Helper()
	s := &secretive{life: &life{T: t}, folder: folder, database: []string{database}, phones: digits{}, relays: digits{}}
	lost, lostID := newKey(t)
	key, keyID := newKey(t)

	s.serve()
	s.refusesWithoutKey()
	s.stop()

	s.serve(lost)
	a := s.useEverywhere()
	if out := s.run(0, []string{lost}, "keys", "status"); !strings.Contains(out, lostID) {
		t.Errorf("keys status:\n%s", out)
	}
	s.run(0, nil, "verify")
	s.stop()
	s.silent()

	s.serve(key)
	s.goesOnWithout(a, lostID)
	for _, keys := range [][]string{{key}, nil} {
		if out := s.run(1, keys, "keys", "status"); !containsAll(out, lostID, "missing") {
			t.Errorf("keys status:\n%s", out)
		}
	}
	if out := s.run(1, []string{key}, "keys", "rotate"); !containsAll(out, "left as before, of key "+lostID) {
		t.Errorf("keys rotate:\n%s", out)
	}
	s.stop()

	s.serve(key, lost)
	s.readsAgain(a)
	if out := s.run(0, []string{key, lost}, "keys", "rotate"); !containsAll(out, "sealed anew with key "+keyID, "key "+lostID+" may be taken away") {
		t.Errorf("keys rotate:\n%s", out)
	}
	s.readsAgain(a)
	s.stop()

	s.serve(key)
	s.readsAgain(a)
	s.run(0, nil, "verify")
	s.stop()

	// Half a key is none, and not shown.
	if out := s.run(2, []string{key, lost[:30]}, "serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"); !strings.Contains(out, "key 2 must be 32 bytes") || strings.Contains(out, lost[:8]) {
		t.Errorf("half a key: %s", out)
	}
	stop()
	s.silent()
}

const secretPool = "/v1/pools/" + lifePool

// refusesWithoutKey gives phones to a service that has nothing to seal them
// with.
func (s *secretive) refusesWithoutKey() {
	s.Helper()
	ask[client.Pool](s.life, 201, "PUT", secretPool, "")
	ask[client.Planner](s.life, 201, "PUT", secretPool+"/planners/kim", `{"name": "Kim"}`)
	phone := s.phone(1, "phone given without a key")
	s.unchanged(func() {
		for path, body := range map[string]string{
			"PUT /planners/lee":        `{"name": "Lee", "phone": %q}`,
			"PATCH /planners/kim":      `{"name": "Kim the second", "phone": %q}`,
			"POST /planners":           `{"planners": [{"id": "lee"}, {"id": "park", "phone": %q}]}`,
			"POST /assignments":        `{"customer_phone": %q}`,
			"POST /planners/search":    `{"phone": %q}`,
			"POST /assignments/search": `{"customer_phone": %q}`,
		} {
			method, path, _ := strings.Cut(path, " ")
			if p := s.refuse(409, "no_phone_key", method, secretPool+path, fmt.Sprintf(body, phone)); !strings.Contains(p.Detail, "FAIRLEAD_PHONE_KEYS") {
				s.Errorf("%s does not say what to do: %s", path, p.Detail)
			}
		}
	})
	if planners := s.planners(); len(planners) != 1 || planners[0].Name != "Kim" {
		s.Errorf("planners: %s", jsonOf(planners))
	}
}

// useEverywhere gives phones to everything that takes one, rightly and wrongly,
// and returns an assignment to kim with a number and a customer's phone.
func (s *secretive) useEverywhere() client.Assignment {
	s.Helper()
	l := s.life
	ask[client.NumbersResult](l, 200, "POST", secretPool+"/numbers", fmt.Sprintf(`{"numbers": [%q, %q, %q]}`, s.relay(1), s.relay(2), s.relay(3)),
		"X-Request-Id", s.relay(4)) // which is in the log
	ask[client.Planner](l, 200, "PUT", secretPool+"/planners/kim", fmt.Sprintf(`{"name": "Kim", "phone": %q}`, s.phone(10, "phone that was replaced")))
	kim := ask[client.Planner](l, 200, "PATCH", secretPool+"/planners/kim", fmt.Sprintf(`{"phone": %q}`, kimsPhone(s)))
	if kim.Phone == nil || *kim.Phone != "*********11" {
		s.Errorf("a planner with a phone: %s", jsonOf(kim))
	}
	ask[client.PlannersResult](l, 200, "POST", secretPool+"/planners", fmt.Sprintf(`{"planners": [{"id": "lee", "phone": %q}, {"id": "park", "phone": %q}]}`,
		s.phone(12, "phone of many"), s.phone(13, "phone that was taken away")))
	ask[client.Planner](l, 200, "PATCH", secretPool+"/planners/park", `{"phone": null}`)

	a := s.assign(customersBody(s), "Idempotency-Key", "first")
	if a.Planner.ID != "kim" || a.CustomerPhone == nil || *a.CustomerPhone != "*********20" {
		s.Fatalf("an assignment with a customer's phone: %s", jsonOf(a))
	}
	s.same(a, s.assign(strings.ReplaceAll(customersBody(s), "-", "."), "Idempotency-Key", "first"))
	s.refuse(422, "key_reused", "POST", secretPool+"/assignments", fmt.Sprintf(`{"customer": "ann", "customer_phone": %q}`, s.phone(21, "phone of a reused key")), "Idempotency-Key", "first")
	b := s.assign(fmt.Sprintf(`{"customer": "bob", "customer_phone": %q}`, s.phone(22, "customer's phone")))
	s.end(b, "reassign", `{"reason": "declined"}`)
	s.end(b, "void", "")
	s.release(s.assign(fmt.Sprintf(`{"customer_phone": %q}`, s.phones.add("+82 10-7391-6123", "customer's phone from abroad"))))
	s.finds(a, 1)
	if got := s.searched(s.phone(23, "phone that nobody has")); len(got.Assignments) != 0 {
		s.Errorf("found for a phone that nobody has: %s", jsonOf(got))
	}
	s.misuse()

	// Everything that lists.
	s.get(a.ID)
	for _, path := range []string{secretPool, secretPool + "/planners", secretPool + "/numbers", secretPool + "/assignments", secretPool + "/events", "/v1/pools", "/v1/locks"} {
		if status, text := l.said(http.MethodGet, path, ""); status != 200 {
			s.Errorf("%s: %d %s", path, status, text)
		}
	}
	s.observed()
	s.routes(a)
	return a
}

func kimsPhone(s *secretive) string { return s.phone(11, "planner's phone") }

func customersBody(s *secretive) string {
	return fmt.Sprintf(`{"customer": "ann", "customer_phone": %q}`, customersPhone(s))
}

func customersPhone(s *secretive) string { return s.phone(20, "customer's phone") }

// misuse gives phones where they are refused.
func (s *secretive) misuse() {
	s.Helper()
	wrong := s.phone(30, "phone in a request that is refused")
	plain := strings.ReplaceAll(wrong, "-", "")
	for path, body := range map[string]string{
		"PUT /planners/lee":               `{"phone": "%s x"}`,
		"PATCH /planners/lee":             `{"phone": ["%s"]}`,
		"POST /planners":                  `{"planners": [{"id": "lee", "phone": "%s99999999999"}]}`,
		"POST /assignments":               `{"customer_phone": {"is": "%s"}}`,
		"POST /assignments/search":        `{"customer_phone": "call %s"}`,
		"POST /planners/search":           `{"phone": "%s"`,
		"GET /planners?phone=" + plain:    "",
		"GET /planners?after=%20" + plain: "",
		"GET /assignments?limit=" + plain: "",
		"GET /numbers?state=" + plain:     "",
		"POST /numbers":                   `{"numbers": ["%s!"]}`,
		"POST /release":                   `{"state": "%s"}`,
		"POST /assignments ":              `{"number": "%s"}`,
		"POST /assignments  ":             `{"customer_phone": 1` + strings.TrimPrefix(plain, "01") + `}`,
	} {
		method, path, _ := strings.Cut(strings.TrimSpace(path), " ")
		if strings.Contains(body, "%s") {
			body = fmt.Sprintf(body, wrong)
		}
		s.refuse(400, "invalid_request", method, secretPool+path, body)
	}
	number := s.phone(31, takenForNumber)
	s.refuse(404, "number_not_found", "GET", routePath(number), "")
	s.refuse(404, "number_not_found", "POST", "/v1/numbers/"+number+"/touch", "")
	s.refuse(404, "not_found", "GET", "/v1/phones/"+plain, "")
	s.refuse(415, "unsupported_media_type", "POST", secretPool+"/assignments", "customer_phone="+wrong, "Content-Type", "application/x-www-form-urlencoded")
}

// observed looks at what operators see.
func (s *secretive) observed() {
	s.Helper()
	for _, path := range []string{"/metrics", "/v1/audit", "/v1/locks", "/readyz"} {
		r, err := s.i.HTTP.Get(s.i.Admin + path)
		if err != nil {
			s.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != 200 || path == "/metrics" && !bytes.Contains(text, []byte(`result="key_reused"`)) {
			s.Errorf("%s: %d %v", path, r.StatusCode, err)
		}
	}
}

// routes wants a call on a's number to lead to kim's phone.
func (s *secretive) routes(a client.Assignment) {
	s.Helper()
	want := strings.ReplaceAll(kimsPhone(s), "-", "")
	if r := s.route(*a.Number); r.Planner.ID != "kim" || r.Planner.Phone == nil || *r.Planner.Phone != want {
		s.Errorf("a call goes to %s", jsonOf(r.Planner))
	}
}

func (s *secretive) searched(phone string) client.AssignmentList {
	s.Helper()
	return ask[client.AssignmentList](s.life, 200, "POST", secretPool+"/assignments/search", fmt.Sprintf(`{"customer_phone": %q}`, phone))
}

// finds wants so many planners with kim's phone, and assignments with the phone
// of a's customer.
func (s *secretive) finds(a client.Assignment, n int) {
	s.Helper()
	planners := ask[client.PlannerList](s.life, 200, "POST", secretPool+"/planners/search", fmt.Sprintf(`{"phone": %q}`, kimsPhone(s))).Planners
	if len(planners) != n || n > 0 && planners[0].ID != "kim" {
		s.Errorf("planners with the phone: %s", jsonOf(planners))
	}
	assignments := s.searched(customersPhone(s)).Assignments
	if len(assignments) != n || n > 0 && assignments[0].ID != a.ID {
		s.Errorf("assignments with the phone: %s", jsonOf(assignments))
	}
}

// goesOnWithout uses a service whose phones are sealed with a key that it does
// not have.
func (s *secretive) goesOnWithout(a client.Assignment, lost string) {
	s.Helper()
	s.i.Await(s.T, regexp.MustCompile(`phones cannot be read: .*key=`+lost+` phones=[1-9]`))
	p := s.refuse(503, "phone_unreadable", "GET", routePath(*a.Number), "")
	if strings.Contains(p.Detail, lost) {
		s.Errorf("callers are told which key it is: %s", p.Detail)
	}
	s.i.Await(s.T, regexp.MustCompile(`(?i)route=/v1/numbers/:number/route .*`+lost)) // operators are
	if kim := s.planner("kim"); kim.Phone == nil || *kim.Phone != "***" {
		s.Errorf("a planner whose phone cannot be read: %s", jsonOf(kim))
	}
	if got := s.get(a.ID); got.CustomerPhone == nil || *got.CustomerPhone != "***" {
		s.Errorf("an assignment whose phone cannot be read: %s", jsonOf(got))
	}
	s.finds(a, 0)
	s.unchanged(func() { // whether it is the same phone cannot be told
		s.refuse(503, "phone_unreadable", "POST", secretPool+"/assignments", customersBody(s), "Idempotency-Key", "first")
	})
	fresh := s.assign(fmt.Sprintf(`{"customer_phone": %q}`, s.phone(40, "phone under the other key")))
	if *fresh.CustomerPhone != "*********40" {
		s.Errorf("a fresh phone: %s", jsonOf(fresh))
	}
	s.release(fresh)
	s.end(s.assign(""), "void", "")
}

// readsAgain wants everything there.
func (s *secretive) readsAgain(a client.Assignment) {
	s.Helper()
	s.routes(a)
	s.finds(a, 1)
	s.same(a, s.get(a.ID))
	s.unchanged(func() { s.same(a, s.assign(customersBody(s), "Idempotency-Key", "first")) })
	if park := s.planner("park"); park.Phone != nil {
		s.Errorf("a phone that was taken away: %s", jsonOf(park))
	}
}
