package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/api/client"
	"fairlead/e2e/history"
	"fairlead/e2e/program"
	"fairlead/e2e/wire"
	"fairlead/internal/dbtest"
)

// instances is how many there are, all on one database.
const instances = 3

// maxConnections is the server's, for all: more than the instances may open
// together, and few enough for a stranger to take what is left.
const maxConnections = 120

// adminConns is how many idle connections the nemesis keeps, one for each hand:
// who has a connection needs none when all are taken.
const adminConns = 10

// A cluster is instances on one database, each behind a network of its own.
type cluster struct {
	t      testing.TB
	binary *program.Program
	plan   plan
	server *dbtest.Private
	db     *dbtest.Database
	admin  *sqlx.DB // over the server's socket, as root
	seats  []*seat
	record *history.Recorder
	stalls []pausing // readable when the watch is over
}

// A seat is where an instance runs. When that is killed, another takes the
// seat.
type seat struct {
	flags []string
	wire  *wire.Wire

	mu     sync.RWMutex
	holder *program.Instance
	name   string // of the holder: seat and generation
	born   int
	stops  []pausing // of all who sat there
}

// A pausing is a time in which an instance was stopped, or all of this program
// stood still.
type pausing struct {
	name     string        // of the instance; empty for all
	from, to time.Duration // on the record's clock
}

func newCluster(t testing.TB, binary *program.Program, p plan) *cluster {
	t.Helper()
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t, fmt.Sprint("--max-connections=", maxConnections))
	db := server.New()
	c := &cluster{t: t, binary: binary, plan: p, server: server, db: db, admin: db.Open(t)}
	c.admin.SetMaxIdleConns(adminConns)
	for n := range instances {
		w := wire.New(t, server.Address())
		c.seats = append(c.seats, &seat{wire: w, flags: []string{
			"--dsn=" + server.NetworkDSN(w.Addr(), db.Schema), "--lock=" + p.lock(), "--log-level=error"}})
		c.fill(n)
	}
	c.record = history.NewRecorder()
	return c
}

// fill puts a new instance on a seat.
func (c *cluster) fill(n int) {
	s := c.seats[n]
	fresh := c.binary.Start(c.t, s.flags...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.born++
	s.holder, s.name = fresh, fmt.Sprintf("instance-%d.%d", n, s.born)
}

// kill kills the instance on a seat and puts another there.
func (c *cluster) kill(n int) {
	i, _ := c.seats[n].now()
	i.Kill(c.t)
	i.HTTP.CloseIdleConnections()
	c.fill(n)
}

func (s *seat) now() (*program.Instance, string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.holder, s.name
}

func (s *seat) stopped(p pausing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, p)
}

// any is some instance, and its name.
func (c *cluster) any(rnd *rand.Rand) (*program.Instance, string) {
	return c.seats[rnd.IntN(len(c.seats))].now()
}

// standstill is how long, between from and to, the named instance was stopped
// or this program stood still.
func (c *cluster) standstill(name string, from, to time.Duration) (sum time.Duration) {
	add := func(p pausing) {
		if p.name == "" || p.name == name {
			sum += max(0, min(p.to, to)-max(p.from, from))
		}
	}
	for _, s := range c.seats {
		for _, p := range s.stops {
			add(p)
		}
	}
	for _, p := range c.stalls {
		add(p)
	}
	return sum
}

// lockName is the name of a pool's lock on the server.
func (c *cluster) lockName(pool string) string {
	return fmt.Sprintf("fairlead:%s:%s", c.db.Schema, pool)
}

// furnish makes the pools of the plan.
func (c *cluster) furnish() {
	c.t.Helper()
	ctx, i := context.Background(), c.seats[0].holder
	for p := range c.plan.pools {
		pool := poolName(p)
		if r, err := i.PutPoolWithResponse(ctx, pool, nil, c.plan.settings(p)); err != nil || r.StatusCode() != http.StatusCreated {
			c.t.Fatalf("make %s: %v %v", pool, err, r)
		}
		if r, err := i.PostPlannersWithResponse(ctx, pool, nil, c.plan.everybody()); err != nil || r.StatusCode() != http.StatusOK {
			c.t.Fatalf("staff %s: %v %v", pool, err, r)
		}
		var stock client.PostNumbersJSONRequestBody
		for n := range c.plan.numbers {
			stock.Numbers = append(stock.Numbers, numberName(p, n))
		}
		if len(stock.Numbers) == 0 {
			continue
		}
		if r, err := i.PostNumbersWithResponse(ctx, pool, nil, stock); err != nil || r.StatusCode() != http.StatusOK {
			c.t.Fatalf("stock %s: %v %v", pool, err, r)
		}
	}
}

// everybody is a pool's planners, all active.
func (p plan) everybody() (body client.PostPlannersJSONRequestBody) {
	on := true
	for n := range p.planners {
		body.Planners = append(body.Planners, client.PlannersItem{ID: plannerName(n), Active: &on})
	}
	return body
}
