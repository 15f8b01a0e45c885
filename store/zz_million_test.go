package store_test

import (
	"testing"
	"time"
	"fmt"
	"sync"
	"os"
	"runtime"
	"runtime/pprof"

	"fairlead/assign"
	"fairlead/internal/storetest"
	"fairlead/store"
)

func TestZZMillion(t *testing.T) {
	if os.Getenv("ZZ") == "" { t.Skip() }
	h := storetest.New(t, store.Options{})
	h.Fill(t, "demo", 50, 10000)
	var wg sync.WaitGroup
	st := time.Now()
	for range 1000 {
		wg.Go(func() {
			for i := range 1000 {
				a, err := h.Assign(t.Context(), assign.Request{Pool: "demo", Customer: "c"})
				if err != nil { t.Error(err); return }
				if i % 2 == 0 { if _, err := h.Release(t.Context(), assign.Release{ID: a.ID}); err != nil { t.Error(err); return } }
			}
		})
	}
	wg.Wait()
	fmt.Println("made", time.Since(st))
	for range 2 {
	runtime.GC()
	var m, m2 runtime.MemStats
	runtime.ReadMemStats(&m)
	f, _ := os.Create("/tmp/verify.prof")
	pprof.StartCPUProfile(f)
	st = time.Now()
	peak := uint64(0)
	n := 0
	sum, err := h.Store.Verify(t.Context(), nil, func(d, tot int64) { n++; if n % 100 == 0 { runtime.ReadMemStats(&m2); peak = max(peak, m2.HeapAlloc) } }, func(f assign.Finding) { t.Error(f) })
	fmt.Println(sum, err, time.Since(st))
	pprof.StopCPUProfile()
	f.Close()
	runtime.ReadMemStats(&m2)
	fmt.Println("peak heap", peak>>20, "allocated", (m2.TotalAlloc-m.TotalAlloc)>>20, "mallocs", (m2.Mallocs-m.Mallocs)/1000, "k sys", m2.Sys>>20)
	}
}
