package speed

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/assign"
	"fairlead/e2e/wire"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// fill returns a database with a pool of so many planners, "hot".
func fill(b *testing.B, planners int) *storetest.House {
	b.Helper()
	h := storetest.New(b, store.Options{})
	h.Fill(b, "hot", planners, 0)
	return h
}

func each(b *testing.B, numbers []int, run func(b *testing.B, clients int)) {
	for _, clients := range numbers {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { run(b, clients) })
	}
}

// kinds are the callers that a service is measured with.
var kinds = []struct {
	name string
	dial func(*server) func() (caller, error)
}{
	{"light", func(s *server) func() (caller, error) { return s.light }},
	{"plain", func(s *server) func() (caller, error) { return s.plain }},
}

// BenchmarkHTTPBesideOthers is one instance and one hot pool of 50 planners as
// shipped, with keys, validation, log and metrics, beside the textbook lock
// behind the same HTTP service, and beside a handler of echo that does nothing.
// With light callers the machine is the servers'; with plain ones, Go's own
// client, as much of it is the callers'.
func BenchmarkHTTPBesideOthers(b *testing.B) {
	for _, kind := range kinds {
		b.Run("callers="+kind.name, func(b *testing.B) {
			each(b, []int{1, 64, 512}, func(b *testing.B, clients int) {
				our := ours(b, fill(b, 50).Database.DSN)
				book := other(b, "textbook", fill(b, 50).Database.DSN)
				empty := other(b, "empty", "")
				for b.Loop() {
					r := turnAbout(b, clients,
						way{name: "ours", dial: kind.dial(our)},
						way{name: "textbook", dial: kind.dial(book)},
						way{name: "empty", dial: kind.dial(empty)})
					b.ReportMetric(r["ours"].rate()/r["textbook"].rate(), "x-textbook")
					b.ReportMetric(r["ours"].rate()/r["empty"].rate(), "x-empty")
				}
			})
		})
	}
}

// BenchmarkHTTPInstances is three instances on one pool beside one.
func BenchmarkHTTPInstances(b *testing.B) {
	each(b, []int{64, 512}, func(b *testing.B, clients int) {
		alone := ours(b, fill(b, 50).Database.DSN)
		dsn := fill(b, 50).Database.DSN
		three := []*server{ours(b, dsn), ours(b, dsn), ours(b, dsn)}
		var next atomic.Int64
		for b.Loop() {
			r := turnAbout(b, clients,
				way{name: "one", dial: alone.light},
				way{name: "three", dial: func() (caller, error) { return three[next.Add(1)%3].light() }})
			b.ReportMetric(r["three"].rate()/r["one"].rate(), "three:one")
		}
	})
}

// BenchmarkHTTPPools is calls to a thousand pools, each to any of them, beside
// calls to one.
func BenchmarkHTTPPools(b *testing.B) {
	const pools = 1000
	each(b, []int{64, 512}, func(b *testing.B, clients int) {
		hot := ours(b, fill(b, 50).Database.DSN)
		h := storetest.New(b, store.Options{})
		for i := range pools {
			h.Fill(b, assign.PoolID(poolName(i)), 50, 0)
		}
		many := ours(b, h.Database.DSN)
		for b.Loop() {
			r := turnAbout(b, clients,
				way{name: "hot", dial: hot.light},
				way{name: "many", dial: many.light, pool: func() string { return poolName(rand.IntN(pools)) }})
			b.ReportMetric(r["many"].rate()/r["hot"].rate(), "many:hot")
			b.ReportMetric(many.connections(b), "connections")
		}
	})
}

func poolName(i int) string { return fmt.Sprintf("pool-%d", i) }

// BenchmarkHTTPFarDatabase adds 2 ms to each round trip to the database. The
// textbook's rate does not depend on how many wait, and 64 of its callers wait
// as long as a call may.
func BenchmarkHTTPFarDatabase(b *testing.B) {
	far := func() string {
		s := dbtest.Place{Host: "127.0.0.1"}.NewServer(b)
		db := s.New()
		h := storetest.On(b, db, store.Options{})
		if _, err := h.Store.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		h.Fill(b, "hot", 50, 0)
		w := wire.New(b, s.Address())
		w.Delay(time.Millisecond, 0) // each way
		return s.NetworkDSN(w.Addr(), db.Schema)
	}
	our, book := ours(b, far()), other(b, "textbook", far())
	for b.Loop() {
		var rates [2][]float64
		for range *rounds {
			for i, w := range []struct {
				way
				clients int
			}{{way{name: "ours", dial: our.light}, 512}, {way{name: "textbook", dial: book.light}, 64}} {
				rate, _ := w.measure(b, w.clients)
				rates[i] = append(rates[i], rate)
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(rates[0]), "ours/s")
		b.ReportMetric(median(rates[1]), "textbook/s")
		b.ReportMetric(median(rates[0])/median(rates[1]), "x-textbook")
	}
}
