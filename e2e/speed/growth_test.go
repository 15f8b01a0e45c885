package speed

import (
	"flag"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

var (
	history   = flag.Int("history", 5_000_000, "assignments that a long history has")
	memoryFor = flag.Duration("memory-for", 30*time.Second, "how long BenchmarkHTTPMemory watches; 10m to see growth")
)

// BenchmarkHTTPPoolSize is a pool of 100,000 planners beside one of 50.
func BenchmarkHTTPPoolSize(b *testing.B) {
	each(b, []int{64, 512}, func(b *testing.B, clients int) {
		small, large := ours(b, fill(b, 50).Database.DSN), ours(b, fill(b, 100_000).Database.DSN)
		for b.Loop() {
			r := turnAbout(b, clients, way{name: "50", dial: small.light}, way{name: "100000", dial: large.light})
			b.ReportMetric(r["50"].rate()/r["100000"].rate(), "cost")
		}
	})
}

// BenchmarkHTTPHistory is a pool with a long history beside a new one. The
// server's memory holds both.
func BenchmarkHTTPHistory(b *testing.B) {
	server := dbtest.NewServer(b, "--innodb-buffer-pool-size=6G", "--innodb-log-file-size=1G")
	stage := func() *dbtest.Database {
		db := server.New()
		h := storetest.On(b, db, store.Options{})
		if _, err := h.Store.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		h.Fill(b, "hot", 50, 0)
		return db
	}
	db := stage()
	age(b, db.Open(b), *history)
	old := ours(b, db.DSN)
	each(b, []int{64, 512}, func(b *testing.B, clients int) {
		fresh := ours(b, stage().DSN)
		for b.Loop() {
			r := turnAbout(b, clients, way{name: "new", dial: fresh.light}, way{name: "old", dial: old.light})
			b.ReportMetric(r["new"].rate()/r["old"].rate(), "cost")
		}
	})
}

// age gives the pool "hot" a past: released assignments with keys in no order,
// and counters that fit. The rows double until there are enough.
func age(b *testing.B, db *sqlx.DB, rows int) {
	b.Helper()
	run := func(q string, args ...any) {
		b.Helper()
		if _, err := db.ExecContext(b.Context(), q, args...); err != nil {
			b.Fatal(err)
		}
	}
	const columns = `pool, seq, id, planner, planner_name, wish, customer, idem_key, fingerprint, assigned_at, released_at`
	made := 1
	run(`INSERT INTO assignments (` + columns + `) SELECT 'hot', 1000, 'FIRST', planner, name, 'preferred',
		'customer-4711', 'first', '', NOW(6), NOW(6) FROM planners WHERE pool = 'hot' ORDER BY planner LIMIT 1`)
	for made < rows {
		n := min(made, rows-made, 100_000)
		run(`INSERT INTO assignments (`+columns+`) SELECT pool, seq + ?, CONCAT('00', UPPER(LEFT(MD5(seq + ?), 24))),
			(SELECT p.planner FROM planners p WHERE p.pool = 'hot' ORDER BY p.planner LIMIT 1), planner_name, wish,
			customer, SHA1(seq + ?), '', assigned_at, released_at FROM assignments a WHERE pool = 'hot' AND seq < 1000 + ?`, made, made, made, n)
		made += n
	}
	run(`UPDATE pools SET seq = ?, assigned = ? WHERE pool = 'hot'`, 1000+rows, rows)
}

// BenchmarkHTTPOpenSnapshot is a pool whose database somebody keeps a snapshot
// open in, as a dump does, beside one without: no old row version can be purged.
func BenchmarkHTTPOpenSnapshot(b *testing.B) {
	// A server each: what cannot be purged is one for all of a server's schemas.
	stage := func() *storetest.House {
		h := storetest.On(b, dbtest.NewServer(b).New(), store.Options{})
		if _, err := h.Store.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		h.Fill(b, "hot", 50, 0)
		return h
	}
	kept, free := stage(), stage()
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
	with, without := ours(b, kept.Database.DSN), ours(b, free.Database.DSN)
	for b.Loop() {
		r := turnAbout(b, 64, way{name: "kept", dial: with.light}, way{name: "free", dial: without.light})
		b.ReportMetric(r["free"].rate()/r["kept"].rate(), "cost")
	}
}

// BenchmarkHTTPMemory is how much memory an instance takes under 512 clients,
// in the first minute at most and in the last, and ever.
func BenchmarkHTTPMemory(b *testing.B) {
	s := ours(b, fill(b, 50).Database.DSN)
	w := way{name: "ours", dial: s.light}
	for b.Loop() {
		var rss []float64
		for began := time.Now(); time.Since(began) < *memoryFor; {
			w.measure(b, 512)
			rss = append(rss, s.memory(b, "VmRSS"))
		}
		b.ReportMetric(0, "ns/op")
		tenth := max(1, len(rss)/10)
		b.ReportMetric(median(rss[:tenth]), "first-MiB")
		b.ReportMetric(median(rss[len(rss)-tenth:]), "last-MiB")
		b.ReportMetric(s.memory(b, "VmHWM"), "most-MiB")
		b.Logf("%.0f MiB after each stretch", rss)
	}
}
