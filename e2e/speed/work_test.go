package speed

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// BenchmarkHTTPWork is how long a processor works for one request, in the
// service, in the database and in the callers, beside a handler that does
// nothing. What these add up to bounds the rate on this machine, however well
// the work is spread: bound/s is the rate at which no processor is ever idle.
func BenchmarkHTTPWork(b *testing.B) {
	for _, kind := range kinds {
		b.Run("callers="+kind.name, func(b *testing.B) {
			each(b, []int{64, 512}, func(b *testing.B, clients int) {
				database := dbtest.NewServer(b)
				db := database.New()
				h := storetest.On(b, db, store.Options{})
				if _, err := h.Store.Migrate(b.Context()); err != nil {
					b.Fatal(err)
				}
				h.Fill(b, "hot", 50, 0)
				our, empty := ours(b, db.DSN), other(b, "empty", "")
				parts := []part{{"ours-service", our.pid}, {"ours-database", database.Pid()}, {"ours-callers", os.Getpid()}}
				for b.Loop() {
					turns := map[string]*work{"ours": {}, "empty": {}}
					for range *rounds {
						turns["ours"].add(b, way{name: "ours", dial: kind.dial(our)}, clients, parts)
						turns["empty"].add(b, way{name: "empty", dial: kind.dial(empty)}, clients,
							[]part{{"empty-service", empty.pid}, {"empty-callers", os.Getpid()}})
					}
					b.ReportMetric(0, "ns/op")
					for name, w := range turns {
						w.report(b, name)
					}
				}
			})
		})
	}
}

// A part is a process that works for a request.
type part struct {
	name string
	pid  int
}

// work is what a way's turns took, by part.
type work struct {
	took  map[string]time.Duration // of a processor
	calls float64
	rates []float64
}

func (w *work) add(b *testing.B, way way, clients int, parts []part) {
	b.Helper()
	if w.took == nil {
		w.took = map[string]time.Duration{}
	}
	for _, p := range parts {
		w.took[p.name] -= worked(b, p.pid)
	}
	rate, _ := way.measure(b, clients)
	for _, p := range parts {
		w.took[p.name] += worked(b, p.pid)
	}
	w.rates = append(w.rates, rate)
	w.calls += rate * stretch.Seconds()
}

func (w *work) report(b *testing.B, name string) {
	all := 0.0
	for part, took := range w.took {
		each := took.Seconds() / w.calls
		all += each
		b.ReportMetric(each*1e6, part+"-µs")
	}
	b.ReportMetric(median(w.rates), name+"/s")
	b.ReportMetric(float64(runtime.NumCPU())/all, name+"-bound/s")
}

// worked is how long a process has kept processors busy so far, its children
// not included.
func worked(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skipf("work cannot be seen here: %v", err)
	}
	// The name, in parentheses, may hold anything; utime and stime are the 12th
	// and 13th field behind it, in hundredths of a second: proc(5).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
