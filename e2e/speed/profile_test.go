package speed

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

var profile = flag.String("profile", "", "file for the CPU profile that BenchmarkProfile records")

// BenchmarkProfile records where an instance spends its time, at 64 and at 512
// clients, through the profiles that every instance offers to operators.
func BenchmarkProfile(b *testing.B) {
	if *profile == "" {
		b.Skip("no -profile=FILE was given")
	}
	s := ours(b, fill(b, 50).Database.DSN)
	w := way{name: "ours", dial: s.light}
	for b.Loop() {
		done := make(chan error)
		go func() { done <- s.record(*profile, 10**stretch) }()
		for range 5 {
			w.measure(b, 64)
			w.measure(b, 512)
		}
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// record writes the server's CPU profile of the next while to a file.
func (s *server) record(file string, seconds time.Duration) error {
	resp, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.admin, int(seconds.Seconds())))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, resp.Body); err != nil {
		return err
	}
	return f.Close()
}
