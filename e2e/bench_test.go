package e2e

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"fairlead/api"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/observe"
	"fairlead/store"
)

// The benchmarks compare two ways in one run, turn about, and report medians
// and the ratio of medians: the machine's own speed drops out. Client, service
// and database share the machine. Assignments want no number but where it says
// so, for a stock of numbers would end before the benchmark does.

// stretch is how long one way is measured before it is the other's turn.
const stretch = 2 * time.Second

// rounds is how often.
const rounds = 5

// BenchmarkBesideTextbook is one instance and one hot pool of 50 planners over
// HTTP, with keys, validation, logs and metrics, beside the textbook lock.
func BenchmarkBesideTextbook(b *testing.B) {
	for _, clients := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			ours, book := newStage(b, 50), newStage(b, 50)
			book.writes = &textbook{Writes: book.writes, db: book.connections(b, 64), lock: "textbook:" + book.Database.Schema}
			for b.Loop() {
				pair(b, "ours", "textbook", clients, ours.serve(b), book.serve(b))
			}
		})
	}
}

// BenchmarkPoolSize is a pool of 100,000 planners beside one of 50.
func BenchmarkPoolSize(b *testing.B) {
	for _, clients := range []int{64, 512} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			small, large := newStage(b, 50), newStage(b, 100_000)
			for b.Loop() {
				pair(b, "50", "100000", clients, small.serve(b), large.serve(b))
			}
		})
	}
}

// BenchmarkOpenSnapshot is a pool whose database somebody keeps a snapshot open
// in, as a dump does, beside one without: no old row version can be purged.
func BenchmarkOpenSnapshot(b *testing.B) {
	// A server each: what cannot be purged is one for all of a server's schemas.
	kept, free := newStageOn(b, dbtest.NewServer(b).New(), 50), newStageOn(b, dbtest.NewServer(b).New(), 50)
	conn, err := kept.Database.Open(b).Connx(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for _, q := range []string{`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `START TRANSACTION WITH CONSISTENT SNAPSHOT`, `SELECT COUNT(*) FROM planners`} {
		if _, err := conn.ExecContext(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		pair(b, "kept", "free", 64, kept.serve(b), free.serve(b))
	}
}

// A stage is an instance on a database of its own, in this process.
type stage struct {
	*storetest.House
	writes  api.Writes
	metrics *observe.Metrics
}

func newStage(b *testing.B, planners int) *stage {
	b.Helper()
	return newStageOn(b, dbtest.New(b), planners)
}

func newStageOn(b *testing.B, db *dbtest.Database, planners int) *stage {
	b.Helper()
	h := storetest.On(b, db, store.Options{})
	if _, err := h.Store.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	metrics := observe.NewMetrics(prometheus.NewRegistry())
	log, err := observe.NewLog(io.Discard, "json", "info")
	if err != nil {
		b.Fatal(err)
	}
	combiner := storetest.Combine(b, &observe.Ledger{Next: h.Store, Metrics: metrics, Log: log})
	s := &stage{House: h, metrics: metrics, writes: &observe.Writes{Next: combiner, Metrics: metrics, Code: api.Code}}
	h.Fill(b, "hot", planners, 0)
	return s
}

// connections returns as many connections as a service would give the textbook,
// each set up like ours.
func (s *stage) connections(b *testing.B, n int) *sqlx.DB {
	b.Helper()
	cfg, err := mysql.ParseDSN(s.Database.DSN)
	if err != nil {
		b.Fatal(err)
	}
	cfg.InterpolateParams, cfg.ParseTime = true, true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		b.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	b.Cleanup(func() { db.Close() })
	return db
}

// serve starts an HTTP server for the stage and returns its address.
func (s *stage) serve(b *testing.B) string {
	b.Helper()
	log, err := observe.NewLog(io.Discard, "json", "info")
	if err != nil {
		b.Fatal(err)
	}
	server := &api.Server{
		Writes:  s.writes,
		Reads:   s.Store,
		Log:     log,
		Observe: s.metrics.HTTP,
		Ready:   func(context.Context) error { return nil },
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	h := &http.Server{Handler: server.Public()}
	go h.Serve(l)
	b.Cleanup(func() { h.Close() })
	return l.Addr().String()
}

// pair measures two servers turn about and reports on them.
func pair(b *testing.B, nameA, nameB string, clients int, a, z string) {
	b.Helper()
	var as, zs []load
	for range rounds {
		as = append(as, measure(b, a, clients))
		zs = append(zs, measure(b, z, clients))
	}
	rate := func(l load) float64 { return l.rate }
	p50 := func(l load) float64 { return float64(l.p50.Microseconds()) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(as, rate), nameA+"/s")
	b.ReportMetric(median(zs, rate), nameB+"/s")
	b.ReportMetric(median(as, rate)/median(zs, rate), "ratio")
	b.ReportMetric(median(as, p50), nameA+"-p50-µs")
	b.ReportMetric(median(zs, p50), nameB+"-p50-µs")
}

func median(loads []load, of func(load) float64) float64 {
	values := make([]float64, len(loads))
	for i, l := range loads {
		values[i] = of(l)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// A load is what one stretch showed.
type load struct {
	rate float64 // assignments a second
	p50  time.Duration
}

// keys makes the keys of all benchmarks different.
var keys atomic.Int64

// measure keeps clients busy for a stretch, each with one request at a time on
// a connection of its own.
func measure(b *testing.B, addr string, clients int) load {
	b.Helper()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		times []time.Duration
	)
	began := time.Now()
	for range clients {
		wg.Go(func() {
			c, err := newCaller(addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.conn.Close()
			var mine []time.Duration
			for time.Since(began) < stretch {
				sent := time.Now()
				if err := c.assign("bench-" + strconv.FormatInt(keys.Add(1), 10)); err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, time.Since(sent))
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
		})
	}
	wg.Wait()
	took := time.Since(began)
	if len(times) == 0 {
		b.Fatal("no assignment was made")
	}
	slices.Sort(times)
	return load{rate: float64(len(times)) / took.Seconds(), p50: times[len(times)/2]}
}

// A caller speaks just enough HTTP to cost the machine little.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

func newCaller(addr string) (*caller, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &caller{conn: conn, in: bufio.NewReader(conn)}, nil
}

// assign asks for a planner and wants 201.
func (c *caller) assign(key string) error {
	const body = `{"number":"none"}`
	c.out.Reset()
	fmt.Fprintf(&c.out, "POST /v1/pools/hot/assignments HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nIdempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s", key, len(body), body)
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return err
	}
	status, err := c.in.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(string(v)))
		}
	}
	answer := make([]byte, length)
	if _, err := io.ReadFull(c.in, answer); err != nil {
		return err
	}
	if !strings.Contains(status, "201") {
		return fmt.Errorf("%s%s", status, answer)
	}
	return nil
}
