package overload

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fairlead/e2e/program"
)

// A sample is a look at the instance and at its database.
type sample struct {
	at         time.Duration // since the start
	memory     float64       // MiB that the instance has in memory
	goroutines int
	waiting    int     // calls in line
	processor  float64 // seconds that the instance has used
	sessions   int     // connections to the database, whose ever
}

// A watch takes samples until it is stopped.
type watch struct {
	samples []sample
	stop    context.CancelFunc
	done    chan struct{}
}

const sampleEvery = 250 * time.Millisecond

func startWatch(t *testing.T, i *program.Instance, admin *sqlx.DB) *watch {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{stop: cancel, done: make(chan struct{})}
	began := time.Now()
	go func() {
		defer close(w.done)
		for tick := time.NewTicker(sampleEvery); ; {
			if s, err := look(ctx, i, admin); err == nil {
				s.at = time.Since(began)
				w.samples = append(w.samples, s)
			} else if ctx.Err() == nil {
				t.Errorf("look at the instance: %v", err) // operators must always get in
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return w
}

// end stops the watch and returns what it saw.
func (w *watch) end() []sample {
	w.stop()
	<-w.done
	return w.samples
}

func look(ctx context.Context, i *program.Instance, admin *sqlx.DB) (s sample, err error) {
	metrics, err := scrape(ctx, i)
	if err != nil {
		return s, err
	}
	s.memory, s.processor = metrics["process_resident_memory_bytes"]/(1<<20), metrics["process_cpu_seconds_total"]
	s.goroutines, s.waiting = int(metrics["go_goroutines"]), int(metrics["fairlead_calls_waiting"])
	s.sessions, err = status(ctx, admin, "Threads_connected")
	return s, err
}

// scrape returns the instance's metrics that have no labels.
func scrape(ctx context.Context, i *program.Instance) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.Admin+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	r, err := i.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	metrics := map[string]float64{}
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			metrics[name] = v
		}
	}
	return metrics, lines.Err()
}

// status returns one of the server's counters.
func status(ctx context.Context, admin *sqlx.DB, name string) (value int, err error) {
	err = admin.QueryRowxContext(ctx, fmt.Sprintf(`SHOW GLOBAL STATUS LIKE '%s'`, name)).Scan(&name, &value)
	return value, err
}

// most is the largest of each figure in the samples between from and to.
func most(samples []sample, from, to time.Duration) (m sample) {
	for _, s := range samples {
		if s.at < from || s.at >= to {
			continue
		}
		m.memory = max(m.memory, s.memory)
		m.goroutines = max(m.goroutines, s.goroutines)
		m.waiting = max(m.waiting, s.waiting)
		m.processor = max(m.processor, s.processor)
		m.sessions = max(m.sessions, s.sessions)
	}
	return m
}
