package faults

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"fairlead/e2e/program"
)

// A level is what an instance has in use.
type level struct{ goroutines, files int }

// idle waits until the instances use no session any more, which they give up
// when they have not used them for a while, and returns their levels then.
func (s *site) idle(t *testing.T, instances ...*program.Instance) []level {
	t.Helper()
	await(t, "no session is left", 60*time.Second, func() bool { return s.sessions(t) == 0 })
	levels := make([]level, len(instances))
	for n, i := range instances {
		levels[n] = levelOf(t, i)
	}
	return levels
}

// sessions is how many sessions the account of the service has.
func (s *site) sessions(t *testing.T) int64 {
	t.Helper()
	return s.number(t, `SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_USER = 'fairlead'`)
}

// returnsTo waits until the instances are back at their levels.
func (s *site) returnsTo(t *testing.T, levels []level, instances ...*program.Instance) {
	t.Helper()
	await(t, "no session is left", 60*time.Second, func() bool { return s.sessions(t) == 0 })
	for n, i := range instances {
		var now level
		awaitEvery(t, 100*time.Millisecond, "the instance uses as little as before", 60*time.Second, func() bool {
			now = levelOf(t, i)
			return now.goroutines <= levels[n].goroutines && now.files <= levels[n].files
		})
		t.Logf("instance %d: %+v before, %+v in the end", n, levels[n], now)
	}
}

var (
	goroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)
	openFiles  = regexp.MustCompile(`(?m)^process_open_fds (\d+)`)
)

func levelOf(t *testing.T, i *program.Instance) level {
	t.Helper()
	i.HTTP.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.Admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // a connection that stays would count
	r, err := i.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return level{count(t, goroutines, body), count(t, openFiles, body)}
}

func count(t *testing.T, what *regexp.Regexp, in []byte) int {
	t.Helper()
	m := what.FindSubmatch(in)
	if m == nil {
		t.Fatalf("no %v in the metrics", what)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}
