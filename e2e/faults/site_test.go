package faults

import (
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// Limits that the program gives its sessions, which bound how long one that was
// cut off is in the way of others.
const (
	waitTimeout    = 20 * time.Second // of a session that says nothing
	rowLockTimeout = 3 * time.Second  // of a session that waits for a row
)

// maxWait is the longest that a call may take.
const maxWait = 10 * time.Second

// pool is the pool that most tests use.
const pool = "pool-0"

// A site is a database server and what was learned from the instances in front
// of it, which come in over the network with an ordinary account.
type site struct {
	server *dbtest.Private
	schema string
	dsn    string   // of the instances
	admin  *sqlx.DB // an administrator's, past the network

	customer string // of every request

	keys atomic.Int64

	mu       sync.Mutex
	answered map[string]client.Assignment // by key
	doubtful map[string]bool              // keys with which a call may have happened unnoticed
	refused  map[string]int               // by code
	belated  int                          // first answers that repeat one that did not arrive
	slowest  time.Duration                // answer
}

func newSite(t *testing.T, at dbtest.Place, args ...string) *site {
	t.Helper()
	if at.Host == "" {
		at.Host = "127.0.0.1"
	}
	server := at.NewServer(t, args...)
	db := server.New()
	return &site{
		server:   server,
		schema:   db.Schema,
		dsn:      server.NetworkDSN(server.Address(), db.Schema),
		admin:    db.Open(t),
		answered: map[string]client.Assignment{},
		doubtful: map[string]bool{},
		refused:  map[string]int{},
	}
}

// start starts an instance.
func (s *site) start(t *testing.T, flags ...string) *program.Instance {
	t.Helper()
	return binary.Start(t, s.flags(flags...)...)
}

func (s *site) flags(more ...string) []string {
	return append([]string{"--dsn=" + s.dsn, "--log-level=warn"}, more...)
}

// fill makes pools with planners and a few numbers.
func (s *site) fill(t *testing.T, i *program.Instance, pools ...string) {
	t.Helper()
	for _, p := range pools {
		made, err := i.PutPoolWithResponse(t.Context(), p, nil, client.PoolSettings{})
		if err != nil || made.StatusCode() != http.StatusCreated {
			t.Fatalf("make %s: %v %+v", p, err, made)
		}
		staffed, err := i.PostPlannersWithResponse(t.Context(), p, nil, planners(7, "Planner"))
		if err != nil || staffed.StatusCode() != http.StatusOK {
			t.Fatalf("staff %s: %v %+v", p, err, staffed)
		}
		stocked, err := i.PostNumbersWithResponse(t.Context(), p, nil, numbers(20, p))
		if err != nil || stocked.StatusCode() != http.StatusOK {
			t.Fatalf("stock %s: %v %+v", p, err, stocked)
		}
	}
}

func planners(n int, name string) (body client.PostPlannersJSONRequestBody) {
	for p := range n {
		body.Planners = append(body.Planners, client.PlannersItem{ID: fmt.Sprintf("p%06d", p), Name: &name})
	}
	return body
}

// numbers are different for pools with different last digits.
func numbers(n int, pool string) (body client.PostNumbersJSONRequestBody) {
	for x := range n {
		body.Numbers = append(body.Numbers, fmt.Sprintf("050%s%05d", pool[len(pool)-1:], x))
	}
	return body
}

// number is the single number that a query gives, 0 if there is none.
func (s *site) number(t *testing.T, query string, args ...any) int64 {
	t.Helper()
	var n []int64
	if err := s.admin.SelectContext(t.Context(), &n, `SELECT COALESCE((`+query+`), 0)`, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n[0]
}

var serverError = regexp.MustCompile(`Error (\d+)`)

// serverErrors counts the server's errors in what instances have logged, by
// number.
func serverErrors(instances ...*program.Instance) map[string]int {
	n := map[string]int{}
	for _, i := range instances {
		for _, m := range serverError.FindAllStringSubmatch(i.Tail(100_000), -1) {
			n[m[1]]++
		}
	}
	return n
}
