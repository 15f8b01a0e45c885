package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"fairlead/assign"
)

// Bad input is refused before anybody is asked: the fakes fail the test.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const (
		assignments = "/v1/pools/demo/assignments"
		planners    = "/v1/pools/demo/planners"
		kim         = "/v1/pools/demo/planners/kim"
		numbers     = "/v1/pools/demo/numbers"
		release     = "/v1/assignments/" + someID + "/release"
		void        = "/v1/assignments/" + someID + "/void"
		reassign    = "/v1/assignments/" + someID + "/reassign"
		releases    = "/v1/pools/demo/release"
		touch       = "/v1/numbers/05070000001/touch"
		suspend     = "/v1/numbers/05070000001/suspend"
	)
	long := strings.Repeat("x", 257)
	for _, tt := range []struct {
		name         string
		method, path string
		body         string
		headers      []string
		status       int
		code, field  string
	}{
		{"pool upper case", "PUT", "/v1/pools/Demo", "", nil, 400, "invalid_request", "pool"},
		{"pool too long", "GET", "/v1/pools/" + strings.Repeat("a", 49), "", nil, 400, "invalid_request", "pool"},
		{"pool dot first", "GET", "/v1/pools/.a", "", nil, 400, "invalid_request", "pool"},
		{"pool escaped slash", "GET", "/v1/pools/a%2Fb", "", nil, 400, "invalid_request", "pool"},
		{"pool escaped percent", "GET", "/v1/pools/a%2561", "", nil, 400, "invalid_request", "pool"},
		{"pool NUL", "GET", "/v1/pools/a%00", "", nil, 400, "invalid_request", "pool"},
		{"pool not UTF-8", "GET", "/v1/pools/a%ff", "", nil, 400, "invalid_request", "pool"},
		{"pool of planners", "GET", "/v1/pools/A/planners", "", nil, 400, "invalid_request", "pool"},
		{"pool of new planners", "POST", "/v1/pools/A/planners", `{"planners":[]}`, nil, 400, "invalid_request", "pool"},
		{"pool of planner", "PATCH", "/v1/pools/A/planners/kim", "", nil, 400, "invalid_request", "pool"},
		{"pool of numbers", "GET", "/v1/pools/A/numbers", "", nil, 400, "invalid_request", "pool"},
		{"pool of new numbers", "POST", "/v1/pools/A/numbers", `{"numbers":[]}`, nil, 400, "invalid_request", "pool"},
		{"pool of assignments", "GET", "/v1/pools/A/assignments", "", nil, 400, "invalid_request", "pool"},
		{"pool to assign", "POST", "/v1/pools/A/assignments", "", nil, 400, "invalid_request", "pool"},
		{"pool of events", "GET", "/v1/pools/A/events", "", nil, 400, "invalid_request", "pool"},
		{"pool after", "GET", "/v1/pools?after=A", "", nil, 400, "invalid_request", "after"},

		{"planner too long", "PUT", planners + "/" + strings.Repeat("k", 65), "", nil, 400, "invalid_request", "planner"},
		{"planner dot", "PUT", planners + "/%2e", "", nil, 400, "invalid_request", "planner"},
		{"planner dots", "PATCH", planners + "/..", "", nil, 400, "invalid_request", "planner"},
		{"planner space", "PUT", planners + "/a%20b", "", nil, 400, "invalid_request", "planner"},
		{"planner letter", "PUT", planners + "/%ea%b9%80", "", nil, 400, "invalid_request", "planner"},
		{"planner after", "GET", planners + "?after=a%20b", "", nil, 400, "invalid_request", "after"},
		{"planner filter", "GET", assignments + "?planner=a%20b", "", nil, 400, "invalid_request", "planner"},

		{"assignment not an id", "GET", "/v1/assignments/nope", "", nil, 404, "assignment_not_found", ""},
		{"assignment lower case", "GET", "/v1/assignments/" + strings.ToLower(someID), "", nil, 404, "assignment_not_found", ""},
		{"assignment too large", "POST", "/v1/assignments/8" + someID[1:] + "/release", "", nil, 404, "assignment_not_found", ""},

		{"assignment to void", "POST", "/v1/assignments/nope/void", "", nil, 404, "assignment_not_found", ""},
		{"assignment to reassign", "POST", "/v1/assignments/nope/reassign", `{"reason":"declined"}`, nil, 404, "assignment_not_found", ""},
		{"pool to release", "POST", "/v1/pools/A/release", `{"state":"active"}`, nil, 400, "invalid_request", "pool"},
		{"pool to search", "POST", "/v1/pools/A/assignments/search", `{"customer_phone":"1234"}`, nil, 400, "invalid_request", "pool"},
		{"pool to search for planners", "POST", "/v1/pools/A/planners/search", `{"phone":"1234"}`, nil, 400, "invalid_request", "pool"},

		{"number short", "GET", "/v1/numbers/123/route", "", nil, 400, "invalid_request", "number"},
		{"number letters", "POST", "/v1/numbers/1-800-FLOWERS/touch", "", nil, 400, "invalid_request", "number"},
		{"number slash", "POST", "/v1/numbers/1234%2F5/suspend", "", nil, 400, "invalid_request", "number"},
		{"number plus behind", "POST", "/v1/numbers/8210%2B/drain", "", nil, 400, "invalid_request", "number"},
		{"number dots", "POST", "/v1/numbers/../resume", "", nil, 400, "invalid_request", "number"},
		{"number not UTF-8", "GET", "/v1/numbers/%ff1234/route", "", nil, 400, "invalid_request", "number"},

		{"lock slash", "GET", "/v1/locks/a%2Fb", "", nil, 400, "invalid_request", "name"},
		{"lock pool", "GET", "/v1/locks/A", "", nil, 400, "invalid_request", "name"},
		{"lock quote", "GET", "/v1/locks/a:'", "", nil, 400, "invalid_request", "name"},
		{"lock too long", "GET", "/v1/locks/:" + strings.Repeat("a", 64), "", nil, 400, "invalid_request", "name"},

		{"limit zero", "GET", "/v1/pools?limit=0", "", nil, 400, "invalid_request", "limit"},
		{"limit large", "GET", planners + "?limit=1001", "", nil, 400, "invalid_request", "limit"},
		{"limit negative", "GET", numbers + "?limit=-1", "", nil, 400, "invalid_request", "limit"},
		{"limit word", "GET", assignments + "?limit=ten", "", nil, 400, "invalid_request", "limit"},
		{"limit wide", "GET", "/v1/pools/demo/events?limit=65537", "", nil, 400, "invalid_request", "limit"},
		{"limit empty", "GET", "/v1/pools?limit=", "", nil, 400, "invalid_request", "limit"},
		{"limit twice", "GET", "/v1/pools?limit=1&limit=2", "", nil, 400, "invalid_request", "limit"},
		{"after negative", "GET", assignments + "?after=-1", "", nil, 400, "invalid_request", "after"},
		{"after too large", "GET", "/v1/pools/demo/events?after=9223372036854775808", "", nil, 400, "invalid_request", "after"},
		{"after fraction", "GET", assignments + "?after=1.5", "", nil, 400, "invalid_request", "after"},
		{"after plus lost", "GET", numbers + "?after=+8210", "", nil, 400, "invalid_request", "after"},
		{"after not a number", "GET", numbers + "?after=12", "", nil, 400, "invalid_request", "after"},
		{"state", "GET", numbers + "?state=busy", "", nil, 400, "invalid_request", "state"},
		{"key filter", "GET", assignments + "?key=%ff", "", nil, 400, "invalid_request", "key"},
		{"query unknown", "GET", "/v1/pools?page=2", "", nil, 400, "invalid_request", "page"},
		{"query unknown in a write", "POST", assignments + "?dry=1", "", nil, 400, "invalid_request", "dry"},
		{"query unknown in locks", "GET", "/v1/locks?x=1", "", nil, 400, "invalid_request", "x"},
		{"query unknown in health", "GET", "/healthz?x=1", "", nil, 400, "invalid_request", "x"},
		{"query broken", "GET", "/v1/pools?a=%zz", "", nil, 400, "invalid_request", "query"},
		{"query semicolon", "GET", "/v1/pools?limit=1;after=a", "", nil, 400, "invalid_request", "query"},

		{"key empty", "POST", assignments, "", []string{"Idempotency-Key: "}, 400, "invalid_request", "Idempotency-Key"},
		{"key twice", "POST", assignments, "", []string{"Idempotency-Key: a", "Idempotency-Key: a"}, 400, "invalid_request", "Idempotency-Key"},
		{"key too long", "POST", assignments, "", []string{"Idempotency-Key: " + strings.Repeat("k", 256)}, 400, "invalid_request", "Idempotency-Key"},
		{"key tab", "POST", assignments, "", []string{"Idempotency-Key: a\tb"}, 400, "invalid_request", "Idempotency-Key"},
		{"key letter", "POST", assignments, "", []string{"Idempotency-Key: é"}, 400, "invalid_request", "Idempotency-Key"},

		{"timeout zero", "POST", assignments, "", []string{"Request-Timeout: 0"}, 400, "invalid_request", "Request-Timeout"},
		{"timeout negative", "GET", "/v1/pools", "", []string{"Request-Timeout: -1"}, 400, "invalid_request", "Request-Timeout"},
		{"timeout unit", "PUT", "/v1/pools/demo", "", []string{"Request-Timeout: 1s"}, 400, "invalid_request", "Request-Timeout"},
		{"timeout exponent", "POST", release, "", []string{"Request-Timeout: 1e1"}, 400, "invalid_request", "Request-Timeout"},
		{"timeout not a number", "PUT", kim, "", []string{"Request-Timeout: NaN"}, 400, "invalid_request", "Request-Timeout"},
		{"timeout dots", "PATCH", kim, "", []string{"Request-Timeout: 1.2.3"}, 400, "invalid_request", "Request-Timeout"},
		{"timeout dot", "POST", numbers, "", []string{"Request-Timeout: ."}, 400, "invalid_request", "Request-Timeout"},
		{"timeout empty", "POST", planners, "", []string{"Request-Timeout: "}, 400, "invalid_request", "Request-Timeout"},
		{"timeout twice", "GET", "/v1/locks", "", []string{"Request-Timeout: 1", "Request-Timeout: 1"}, 400, "invalid_request", "Request-Timeout"},

		{"type none", "POST", assignments, "{}", []string{"Content-Type: "}, 415, "unsupported_media_type", ""},
		{"type form", "POST", assignments, "{}", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "unsupported_media_type", ""},
		{"type text", "PUT", "/v1/pools/demo", "{}", []string{"Content-Type: text/json"}, 415, "unsupported_media_type", ""},
		{"type charset", "PUT", kim, "{}", []string{"Content-Type: application/json; charset=latin1"}, 415, "unsupported_media_type", ""},
		{"type twice", "PATCH", kim, "{}", []string{"Content-Type: application/json", "Content-Type: application/json"}, 415, "unsupported_media_type", ""},
		{"type broken", "POST", planners, "{}", []string{"Content-Type: application/json;;"}, 415, "unsupported_media_type", ""},
		{"type patch", "POST", numbers, "{}", []string{"Content-Type: application/merge-patch+json"}, 415, "unsupported_media_type", ""},
		{"compressed", "POST", release, "{}", []string{"Content-Encoding: gzip"}, 415, "unsupported_media_type", ""},

		{"body large", "POST", assignments, pad(maxBody + 1), nil, 413, "body_too_large", ""},
		{"body large of pool", "PUT", "/v1/pools/demo", pad(maxBody + 1), nil, 413, "body_too_large", ""},
		{"body large of planner", "PUT", kim, pad(maxBody + 1), nil, 413, "body_too_large", ""},
		{"body large of patch", "PATCH", kim, pad(maxBody + 1), nil, 413, "body_too_large", ""},
		{"body large of release", "POST", release, pad(maxBody + 1), nil, 413, "body_too_large", ""},
		{"body large of planners", "POST", planners, pad(maxBulkBody + 1), nil, 413, "body_too_large", ""},
		{"body large of numbers", "POST", numbers, pad(maxBulkBody + 1), nil, 413, "body_too_large", ""},

		{"body cut off", "POST", assignments, `{"customer":"x"`, nil, 400, "invalid_request", "body"},
		{"body blank", "POST", assignments, ` `, nil, 400, "invalid_request", "body"},
		{"body trailing", "POST", assignments, `{} {}`, nil, 400, "invalid_request", "body"},
		{"body trailing comma", "POST", assignments, `{"customer":"x",}`, nil, 400, "invalid_request", "body"},
		{"body comment", "POST", release, `{} // done`, nil, 400, "invalid_request", "body"},
		{"body array", "POST", assignments, `[]`, nil, 400, "invalid_request", "body"},
		{"body null", "PUT", "/v1/pools/demo", `null`, nil, 400, "invalid_request", "body"},
		{"body text", "PATCH", kim, `"x"`, nil, 400, "invalid_request", "body"},
		{"body not UTF-8", "POST", assignments, "{\"customer\":\"\xff\"}", nil, 400, "invalid_request", "body"},
		{"body byte order mark", "POST", assignments, "\ufeff{}", nil, 400, "invalid_request", "body"},
		{"body half pair", "POST", assignments, `{"customer":"\ud83d"}`, nil, 400, "invalid_request", "body"},
		{"body other half", "POST", assignments, `{"customer":"\ude00\ud83d"}`, nil, 400, "invalid_request", "body"},
		{"body half pair and more", "POST", assignments, `{"customer":"\ud83d\u0041"}`, nil, 400, "invalid_request", "body"},
		{"body deep", "POST", planners, `{"planners":` + strings.Repeat("[", 20000), nil, 400, "invalid_request", "body"},

		{"field unknown", "POST", assignments, `{"customr":"x"}`, nil, 400, "invalid_request", "customr"},
		{"field case", "POST", assignments, `{"Customer":"x"}`, nil, 400, "invalid_request", "Customer"},
		{"field empty", "POST", assignments, `{"":"x"}`, nil, 400, "invalid_request", ""},
		{"field twice", "POST", assignments, `{"customer":"x","customer":"x"}`, nil, 400, "invalid_request", "customer"},
		{"field twice escaped", "POST", assignments, `{"customer":"x","c\u0075stomer":"x"}`, nil, 400, "invalid_request", "customer"},
		{"field long", "POST", assignments, `{"` + long + `":1}`, nil, 400, "invalid_request", strings.Repeat("x", 64) + "…"},
		{"key in body", "POST", assignments, `{"key":"x"}`, nil, 400, "invalid_request", "key"},
		{"customer number", "POST", assignments, `{"customer":7}`, nil, 400, "invalid_request", "customer"},
		{"customer object", "POST", assignments, `{"customer":{}}`, nil, 400, "invalid_request", "customer"},
		{"customer long", "POST", assignments, `{"customer":"` + long + `"}`, nil, 400, "invalid_request", "customer"},
		{"customer control", "POST", assignments, `{"customer":"a\u0000b"}`, nil, 400, "invalid_request", "customer"},
		{"customer newline", "POST", assignments, `{"customer":"a\nb"}`, nil, 400, "invalid_request", "customer"},
		{"number other", "POST", assignments, `{"number":"maybe"}`, nil, 400, "invalid_request", "number"},
		{"number empty", "POST", assignments, `{"number":""}`, nil, 400, "invalid_request", "number"},
		{"number bool", "POST", assignments, `{"number":true}`, nil, 400, "invalid_request", "number"},

		{"reason long", "POST", release, `{"reason":"` + long + `"}`, nil, 400, "invalid_request", "reason"},
		{"void reason", "POST", void, `{"reason":"gone"}`, nil, 400, "invalid_request", "reason"},
		{"void reason empty", "POST", void, `{"reason":""}`, nil, 400, "invalid_request", "reason"},
		{"void note", "POST", void, `{"note":"` + long + `"}`, nil, 400, "invalid_request", "note"},
		{"void unknown", "POST", void, `{"exclude_current":true}`, nil, 400, "invalid_request", "exclude_current"},

		{"reassign no body", "POST", reassign, "", nil, 400, "invalid_request", "reason"},
		{"reassign no reason", "POST", reassign, `{"note":"x"}`, nil, 400, "invalid_request", "reason"},
		{"reassign null reason", "POST", reassign, `{"reason":null}`, nil, 400, "invalid_request", "reason"},
		{"reassign reason", "POST", reassign, `{"reason":"no_show"}`, nil, 400, "invalid_request", "reason"},
		{"reassign exclude", "POST", reassign, `{"reason":"declined","exclude_current":"yes"}`, nil, 400, "invalid_request", "exclude_current"},
		{"reassign note", "POST", reassign, `{"reason":"declined","note":"a\nb"}`, nil, 400, "invalid_request", "note"},
		{"reassign unknown", "POST", reassign, `{"reason":"declined","to":"kim"}`, nil, 400, "invalid_request", "to"},
		{"reassign key empty", "POST", reassign, `{"reason":"declined"}`, []string{"Idempotency-Key: "}, 400, "invalid_request", "Idempotency-Key"},
		{"reassign key twice", "POST", reassign, `{"reason":"declined"}`, []string{"Idempotency-Key: a", "Idempotency-Key: b"}, 400, "invalid_request", "Idempotency-Key"},

		{"releases no body", "POST", releases, "", nil, 400, "invalid_request", "body"},
		{"releases nothing named", "POST", releases, `{"limit":1,"reason":"x"}`, nil, 400, "invalid_request", "body"},
		{"releases nulls", "POST", releases, `{"planner":null,"older_than_seconds":null,"state":null}`, nil, 400, "invalid_request", "body"},
		{"releases planner", "POST", releases, `{"planner":"a b"}`, nil, 400, "invalid_request", "planner"},
		{"releases planner empty", "POST", releases, `{"planner":""}`, nil, 400, "invalid_request", "planner"},
		{"releases age zero", "POST", releases, `{"older_than_seconds":0}`, nil, 400, "invalid_request", "older_than_seconds"},
		{"releases age negative", "POST", releases, `{"older_than_seconds":-1}`, nil, 400, "invalid_request", "older_than_seconds"},
		{"releases age long", "POST", releases, `{"older_than_seconds":315360001}`, nil, 400, "invalid_request", "older_than_seconds"},
		{"releases age text", "POST", releases, `{"older_than_seconds":"1"}`, nil, 400, "invalid_request", "older_than_seconds"},
		{"releases state", "POST", releases, `{"state":"released"}`, nil, 400, "invalid_request", "state"},
		{"releases state empty", "POST", releases, `{"state":""}`, nil, 400, "invalid_request", "state"},
		{"releases limit zero", "POST", releases, `{"state":"active","limit":0}`, nil, 400, "invalid_request", "limit"},
		{"releases limit large", "POST", releases, `{"state":"active","limit":1001}`, nil, 400, "invalid_request", "limit"},
		{"releases reason", "POST", releases, `{"state":"active","reason":"` + long + `"}`, nil, 400, "invalid_request", "reason"},
		{"releases unknown", "POST", releases, `{"state":"active","pool":"x"}`, nil, 400, "invalid_request", "pool"},

		{"touch unknown", "POST", touch, `{"reason":"x"}`, nil, 400, "invalid_request", "reason"},
		{"touch list", "POST", touch, `[]`, nil, 400, "invalid_request", "body"},
		{"care reason", "POST", suspend, `{"reason":"` + long + `"}`, nil, 400, "invalid_request", "reason"},
		{"care unknown", "POST", suspend, `{"state":"x"}`, nil, 400, "invalid_request", "state"},

		{"search no phone", "POST", assignments + "/search", "", nil, 400, "invalid_request", "customer_phone"},
		{"search null phone", "POST", assignments + "/search", `{"customer_phone":null}`, nil, 400, "invalid_request", "customer_phone"},
		{"search after", "POST", assignments + "/search", `{"customer_phone":"1234","after":-1}`, nil, 400, "invalid_request", "after"},
		{"search limit", "POST", assignments + "/search", `{"customer_phone":"1234","limit":1001}`, nil, 400, "invalid_request", "limit"},
		{"search unknown", "POST", assignments + "/search", `{"phone":"1234"}`, nil, 400, "invalid_request", "phone"},
		{"search planners no phone", "POST", planners + "/search", `{"after":"kim"}`, nil, 400, "invalid_request", "phone"},
		{"search planners after", "POST", planners + "/search", `{"phone":"1234","after":"a b"}`, nil, 400, "invalid_request", "after"},
		{"search planners after empty", "POST", planners + "/search", `{"phone":"1234","after":""}`, nil, 400, "invalid_request", "after"},
		{"search planners limit", "POST", planners + "/search", `{"phone":"1234","limit":0}`, nil, 400, "invalid_request", "limit"},

		{"reason list", "POST", release, `{"reason":[]}`, nil, 400, "invalid_request", "reason"},
		{"release unknown", "POST", release, `{"why":"x"}`, nil, 400, "invalid_request", "why"},

		{"cooldown negative", "PUT", "/v1/pools/demo", `{"cooldown_seconds":-1}`, nil, 400, "invalid_request", "cooldown_seconds"},
		{"cooldown long", "PUT", "/v1/pools/demo", `{"cooldown_seconds":315360001}`, nil, 400, "invalid_request", "cooldown_seconds"},
		{"cooldown wide", "PUT", "/v1/pools/demo", `{"cooldown_seconds":9223372036854775808}`, nil, 400, "invalid_request", "cooldown_seconds"},
		{"cooldown fraction", "PUT", "/v1/pools/demo", `{"cooldown_seconds":1.5}`, nil, 400, "invalid_request", "cooldown_seconds"},
		{"cooldown text", "PUT", "/v1/pools/demo", `{"cooldown_seconds":"1"}`, nil, 400, "invalid_request", "cooldown_seconds"},
		{"ttl long", "PUT", "/v1/pools/demo", `{"number_ttl_seconds":315360001}`, nil, 400, "invalid_request", "number_ttl_seconds"},
		{"ttl negative", "PUT", "/v1/pools/demo", `{"number_ttl_seconds":-1}`, nil, 400, "invalid_request", "number_ttl_seconds"},
		{"ttl from", "PUT", "/v1/pools/demo", `{"number_ttl_from":"first_use"}`, nil, 400, "invalid_request", "number_ttl_from"},
		{"ttl from empty", "PUT", "/v1/pools/demo", `{"number_ttl_from":""}`, nil, 400, "invalid_request", "number_ttl_from"},
		{"sticky", "PUT", "/v1/pools/demo", `{"sticky":true}`, nil, 400, "invalid_request", "sticky"},
		{"sticky word", "PUT", "/v1/pools/demo", `{"sticky":"yes"}`, nil, 400, "invalid_request", "sticky"},
		{"exhausted", "PUT", "/v1/pools/demo", `{"on_exhausted":"wait"}`, nil, 400, "invalid_request", "on_exhausted"},
		{"settings unknown", "PUT", "/v1/pools/demo", `{"seq":1}`, nil, 400, "invalid_request", "seq"},

		{"planner counter", "PUT", kim, `{"assigned":1}`, nil, 400, "invalid_request", "assigned"},
		{"planner id in body", "PUT", kim, `{"id":"kim"}`, nil, 400, "invalid_request", "id"},
		{"planner name", "PUT", kim, `{"name":1}`, nil, 400, "invalid_request", "name"},
		{"planner name long", "PATCH", kim, `{"name":"` + long + `"}`, nil, 400, "invalid_request", "name"},
		{"planner active", "PUT", kim, `{"active":"yes"}`, nil, 400, "invalid_request", "active"},
		{"planner active number", "PATCH", kim, `{"active":1}`, nil, 400, "invalid_request", "active"},
		{"planner start", "PUT", kim, `{"start":"late"}`, nil, 400, "invalid_request", "start"},
		{"planner start empty", "PATCH", kim, `{"start":""}`, nil, 400, "invalid_request", "start"},

		{"planners missing", "POST", planners, "", nil, 400, "invalid_request", "planners"},
		{"planners null", "POST", planners, `{"planners":null}`, nil, 400, "invalid_request", "planners"},
		{"planners object", "POST", planners, `{"planners":{}}`, nil, 400, "invalid_request", "planners"},
		{"planners twice", "POST", planners, `{"planners":[],"planners":[]}`, nil, 400, "invalid_request", "planners"},
		{"planners text", "POST", planners, `{"planners":["kim"]}`, nil, 400, "invalid_request", "planners[0]"},
		{"planners no id", "POST", planners, `{"planners":[{"id":"a"},{}]}`, nil, 400, "invalid_request", "planners[1].id"},
		{"planners null id", "POST", planners, `{"planners":[{"id":null}]}`, nil, 400, "invalid_request", "planners[0].id"},
		{"planners bad id", "POST", planners, `{"planners":[{"id":"a/b"}]}`, nil, 400, "invalid_request", "planners[0].id"},
		{"planners unknown", "POST", planners, `{"planners":[{"id":"a","load":1}]}`, nil, 400, "invalid_request", "planners[0].load"},
		{"planners field twice", "POST", planners, `{"planners":[{"id":"a","id":"b"}]}`, nil, 400, "invalid_request", "planners[0].id"},
		{"planners too many", "POST", planners, `{"planners":[` + repeat(`{"id":"a"}`, assign.MaxBulk+1) + `]}`, nil, 400, "invalid_request", "planners"},

		{"numbers missing", "POST", numbers, "{}", nil, 400, "invalid_request", "numbers"},
		{"numbers number", "POST", numbers, `{"numbers":[5070000001]}`, nil, 400, "invalid_request", "numbers[0]"},
		{"numbers null", "POST", numbers, `{"numbers":[null]}`, nil, 400, "invalid_request", "numbers[0]"},
		{"numbers short", "POST", numbers, `{"numbers":["1234","123"]}`, nil, 400, "invalid_request", "numbers[1]"},
		{"numbers long", "POST", numbers, `{"numbers":["` + strings.Repeat("1", 21) + `"]}`, nil, 400, "invalid_request", "numbers[0]"},
		{"numbers letters", "POST", numbers, `{"numbers":["1-800-FLOWERS"]}`, nil, 400, "invalid_request", "numbers[0]"},
		{"numbers wide digits", "POST", numbers, `{"numbers":["１２３４５"]}`, nil, 400, "invalid_request", "numbers[0]"},
		{"numbers too many", "POST", numbers, `{"numbers":[` + repeat(`"1234"`, assign.MaxBulk+1) + `]}`, nil, 400, "invalid_request", "numbers"},
		{"numbers and more", "POST", numbers, `{"numbers":[],"pool":"x"}`, nil, 400, "invalid_request", "pool"},

		{"no route", "GET", "/v2/pools", "", nil, 404, "not_found", ""},
		{"root", "GET", "/", "", nil, 404, "not_found", ""},
		{"trailing slash", "GET", "/v1/pools/demo/", "", nil, 404, "not_found", ""},
		{"double slash", "GET", "//v1/pools", "", nil, 404, "not_found", ""},
		{"metrics", "GET", "/metrics", "", nil, 404, "not_found", ""},
		{"method", "DELETE", "/v1/pools/demo", "", nil, 405, "method_not_allowed", ""},
		{"method of assignments", "PUT", assignments, "", nil, 405, "method_not_allowed", ""},
		{"method of locks", "DELETE", "/v1/locks/demo", "", nil, 405, "method_not_allowed", ""},
		{"method of health", "POST", "/healthz", "", nil, 405, "method_not_allowed", ""},
		{"method of the specification", "POST", "/openapi.yaml", "", nil, 405, "method_not_allowed", ""},
		{"method made up", "FROB", "/v1/pools", "", nil, 405, "method_not_allowed", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			rec := b.send(newRequest(tt.method, tt.path, tt.body, tt.headers...))
			p := problemIn(t, rec)
			field := ""
			if p.Field != nil {
				field = *p.Field
			}
			if rec.Code != tt.status || p.Status != tt.status || string(p.Code) != tt.code || field != tt.field {
				t.Errorf("status %d, problem %s\nwant %d %s, field %q", rec.Code, rec.Body, tt.status, tt.code, tt.field)
			}
			if p.Type != "urn:fairlead:problem:"+tt.code || p.Title == "" || p.Detail == "" || p.RequestID != rec.Header().Get("X-Request-Id") {
				t.Errorf("problem %s is not filled in", rec.Body)
			}
		})
	}
}

// pad is a valid body of n bytes.
func pad(n int) string { return "{" + strings.Repeat(" ", n-2) + "}" }

func repeat(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }

func TestBodyOfTheLimitIsRead(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
		return assign.Assigned{Assignment: someAssignment()}, nil
	}
	if rec := b.call("POST", "/v1/pools/demo/assignments", pad(maxBody)); rec.Code != http.StatusCreated {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
}

// A body without a length is measured while it is read.
func TestChunkedBadBodies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		body   io.Reader
		typ    string
		status int
	}{
		{"large", strings.NewReader(pad(maxBody + 1)), "application/json", 413},
		{"endless", repeater{}, "application/json", 413},
		{"other type", strings.NewReader("{}"), "text/plain", 415},
		{"cut off", iotest.ErrReader(errors.New("connection reset by 10.0.0.1")), "application/json", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			r := newRequest("POST", "/v1/pools/demo/assignments", "")
			r.Body, r.ContentLength = io.NopCloser(tt.body), -1
			r.Header.Set("Content-Type", tt.typ)
			rec := b.send(r)
			if rec.Code != tt.status || strings.Contains(rec.Body.String(), "10.0.0.1") {
				t.Errorf("status %d, want %d: %s", rec.Code, tt.status, rec.Body)
			}
		})
	}
}

// A repeater never ends.
type repeater struct{}

func (repeater) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestSyntaxErrorSaysWhere(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	p := problemIn(t, b.call("POST", "/v1/pools/demo/assignments", "{\n  \"김\": x\n}"))
	if want := "line 2, column 8"; !strings.Contains(p.Detail, want) {
		t.Errorf("detail %q does not say %s", p.Detail, want)
	}
}

func TestMethodNotAllowedSaysWhich(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	allow := b.call("DELETE", "/v1/pools/demo", "").Header().Get("Allow")
	for _, method := range []string{"GET", "HEAD", "PUT"} {
		if !strings.Contains(allow, method) {
			t.Errorf("Allow is %q, which lacks %s", allow, method)
		}
	}
}

// What the domain refuses comes out as the contract says, wrapped or not, and
// never with the text of what is behind it.
func TestDomainErrors(t *testing.T) {
	t.Parallel()
	const secret = "root@10.0.0.1: Error 1062 Duplicate entry"
	for _, tt := range []struct {
		err    error
		status int
		code   string
		retry  bool
		key    string
		detail string // part of it
	}{
		{assign.ErrPoolNotFound, 404, "pool_not_found", false, "", ""},
		{assign.ErrNoPlanner, 409, "no_planner", false, "", ""},
		{assign.ErrNoNumber, 409, "no_number", false, "", ""},
		{&assign.NoNumberError{Active: 7}, 409, "no_number", false, "", "nothing was assigned"},
		{assign.ErrKeyReused, 422, "key_reused", false, "", ""},
		{assign.ErrNoPhoneKey, 409, "no_phone_key", false, "", "FAIRLEAD_PHONE_KEYS"},
		{assign.ErrPhoneUnreadable, 503, "phone_unreadable", true, "", "log"},
		{assign.ErrBusy, 503, "pool_busy", true, "", ""},
		{&assign.BusyError{RetryAfter: time.Second, Reason: "the line is full"}, 503, "pool_busy", true, "", "the line is full"},
		{assign.ErrUnavailable, 503, "unavailable", true, "", ""},
		{assign.ErrOutcomeUnknown, 503, "outcome_unknown", true, "", ""},
		{&assign.UnknownError{Key: "k"}, 503, "outcome_unknown", true, "k", ""},
		{errors.Join(assign.ErrUnavailable, assign.ErrOutcomeUnknown), 503, "outcome_unknown", true, "", ""},
		{&assign.InvalidError{Field: "customer", Problem: "is odd"}, 400, "invalid_request", false, "", "customer is odd"},
		{assign.ErrInvalid, 400, "invalid_request", false, "", ""},
		{context.DeadlineExceeded, 503, "unavailable", true, "", ""},
		{context.Canceled, 503, "unavailable", true, "", ""},
		{errors.New("surprise"), 500, "internal", false, "", ""},
	} {
		t.Run(fmt.Sprint(tt.err), func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
				return assign.Assigned{}, fmt.Errorf("%s: %w", secret, tt.err)
			}
			rec := b.call("POST", "/v1/pools/demo/assignments", "")
			p := problemIn(t, rec)
			key := ""
			if p.Key != nil {
				key = *p.Key
			}
			if rec.Code != tt.status || string(p.Code) != tt.code || key != tt.key || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("status %d, problem %s, want %d %s with key %q", rec.Code, rec.Body, tt.status, tt.code, tt.key)
			}
			if strings.Contains(rec.Body.String(), "root") {
				t.Errorf("the problem tells too much: %s", rec.Body)
			}
			if got := rec.Header().Get("Retry-After"); (got != "") != tt.retry {
				t.Errorf("Retry-After %q, want one: %t", got, tt.retry)
			}
			if tt.status >= 500 && !strings.Contains(b.log.String(), secret) {
				t.Errorf("the log does not have the cause: %s", b.log)
			}
		})
	}
}

func TestOtherDomainErrors(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.release = func(context.Context, assign.Release) (assign.Assignment, error) {
		return assign.Assignment{}, assign.ErrAssignmentNotFound
	}
	b.writes.staff = func(_ context.Context, s assign.Staffing) (assign.Staffed, error) {
		return assign.Staffed{}, assign.ErrPlannerNotFound
	}
	b.writes.stock = func(context.Context, assign.Stocking) (assign.Stocked, error) {
		return assign.Stocked{}, &assign.NumberTakenError{Number: "1234"}
	}
	b.writes.changePool = func(context.Context, assign.PoolChange) (bool, error) { return true, nil }
	b.reads.pool = func(context.Context, assign.PoolID) (assign.PoolView, error) {
		return assign.PoolView{}, assign.ErrUnavailable
	}
	b.writes.void = func(context.Context, assign.Void) (assign.Assignment, error) {
		return assign.Assignment{}, assign.ErrAssignmentNotFound
	}
	b.writes.reassign = func(_ context.Context, r assign.Reassignment) (assign.Assigned, error) {
		if r.Reason == assign.ReassignDeclined {
			return assign.Assigned{}, &assign.UnknownError{Key: r.Key}
		}
		return assign.Assigned{}, assign.ErrAssignmentOver
	}
	b.writes.releaseMany = func(context.Context, assign.BulkRelease) (assign.BulkReleased, error) {
		return assign.BulkReleased{}, assign.ErrPoolNotFound
	}
	b.writes.care = func(_ context.Context, c assign.Care) (assign.NumberView, error) {
		if c.To == assign.CareDrain {
			return assign.NumberView{}, assign.ErrNumberNotFound
		}
		return assign.NumberView{}, assign.ErrNumberAside
	}
	b.writes.touch = func(context.Context, assign.Touch) (assign.NumberView, error) {
		return assign.NumberView{}, assign.ErrNumberNotFound
	}
	for _, tt := range []struct {
		method, path, body string
		want               ProblemCode
		detail             string
	}{
		{"POST", "/v1/assignments/" + someID + "/void", "", ProblemCodeAssignmentNotFound, ""},
		{"POST", "/v1/assignments/" + someID + "/reassign", `{"reason":"mistake"}`, ProblemCodeAssignmentOver, ""},
		{"POST", "/v1/assignments/" + someID + "/reassign", `{"reason":"declined"}`, ProblemCodeOutcomeUnknown, "reassignment"},
		{"POST", "/v1/pools/demo/release", `{"state":"expired"}`, ProblemCodePoolNotFound, ""},
		{"POST", "/v1/numbers/05070000001/suspend", "", ProblemCodeNumberSetAside, "verify"},
		{"POST", "/v1/numbers/05070000001/resume", "", ProblemCodeNumberSetAside, ""},
		{"POST", "/v1/numbers/05070000001/drain", "", ProblemCodeNumberNotFound, ""},
		{"POST", "/v1/numbers/05070000001/touch", "", ProblemCodeNumberNotFound, ""},
		{"POST", "/v1/assignments/" + someID + "/release", "", ProblemCodeAssignmentNotFound, ""},
		{"PATCH", "/v1/pools/demo/planners/kim", "", ProblemCodePlannerNotFound, ""},
		{"POST", "/v1/pools/demo/numbers", `{"numbers":["1234"]}`, ProblemCodeNumberTaken, "1234"},
		{"PUT", "/v1/pools/demo", "", ProblemCodeOutcomeUnknown, ""}, // changed, and then not readable
	} {
		p := problemIn(t, b.call(tt.method, tt.path, tt.body))
		if p.Code != tt.want || !strings.Contains(p.Detail, tt.detail) {
			t.Errorf("%s %s: problem %+v, want %s", tt.method, tt.path, p, tt.want)
		}
	}
}

// Reads fail like writes do.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	err := fmt.Errorf("dial 10.0.0.1: %w", assign.ErrUnavailable)
	b.reads.pools = func(context.Context, assign.PoolID, int) (p assign.Page[assign.PoolView], _ error) { return p, err }
	b.reads.pool = func(context.Context, assign.PoolID) (v assign.PoolView, _ error) { return v, err }
	b.reads.planners = func(context.Context, assign.PoolID, assign.PlannerFilter) (p assign.Page[assign.PlannerView], _ error) {
		return p, err
	}
	b.reads.route = func(context.Context, assign.Number) (r assign.Route, _ error) { return r, err }
	b.reads.numbers = func(context.Context, assign.PoolID, assign.NumberFilter) (p assign.Page[assign.NumberView], _ error) {
		return p, err
	}
	b.reads.assignments = func(context.Context, assign.PoolID, assign.AssignmentFilter) (p assign.Page[assign.Assignment], _ error) {
		return p, err
	}
	b.reads.events = func(context.Context, assign.PoolID, int64, int) (p assign.Page[assign.Event], _ error) { return p, err }
	b.reads.assignment = func(context.Context, string) (a assign.Assignment, _ error) { return a, err }
	b.locks.list = func(context.Context, bool) (l assign.LockList, _ error) { return l, err }
	b.locks.lock = func(context.Context, string) (l assign.LockList, _ error) { return l, err }
	for _, path := range []string{
		"/v1/pools", "/v1/pools/demo", "/v1/pools/demo/planners", "/v1/pools/demo/numbers", "/v1/pools/demo/assignments",
		"/v1/pools/demo/events", "/v1/assignments/" + someID, "/v1/numbers/05070000001/route", "/v1/locks", "/v1/locks/demo",
	} {
		rec := b.call("GET", path, "")
		if p := problemIn(t, rec); p.Code != ProblemCodeUnavailable || strings.Contains(rec.Body.String(), "10.0.0.1") {
			t.Errorf("%s: problem %s", path, rec.Body)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		wait   time.Duration
		random float64
		want   int
	}{
		{time.Millisecond, 0, 1},
		{time.Second, 0, 1},
		{time.Second, 1, 1},
		{10 * time.Second, 0, 8},
		{10 * time.Second, 0.5, 10},
		{10 * time.Second, 1, 12},
	} {
		if got := retryAfter(tt.wait, tt.random); got != tt.want {
			t.Errorf("retryAfter(%v, %v) = %d, want %d", tt.wait, tt.random, got, tt.want)
		}
	}
	b := newBundle(t)
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
		return assign.Assigned{}, &assign.BusyError{RetryAfter: 100 * time.Second, Reason: "the line is full"}
	}
	header := b.call("POST", "/v1/pools/demo/assignments", "").Header().Get("Retry-After")
	if got, err := strconv.Atoi(header); err != nil || got < 80 || got > 120 {
		t.Errorf("Retry-After %q, want 80 to 120", header)
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		assign.ErrNoPlanner:                        "no_planner",
		fmt.Errorf("x: %w", assign.ErrKeyReused):   "key_reused",
		errors.New("x"):                            "internal",
		&assign.BusyError{RetryAfter: time.Second}: "pool_busy",
	} {
		if got := Code(err); got != want {
			t.Errorf("Code(%v) = %q, want %q", err, got, want)
		}
	}
}
