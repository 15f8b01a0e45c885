package observe_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"fairlead/assign"
	"fairlead/observe"
)

const (
	somePool    = "pool-of-hong"
	somePlanner = "planner-hong"
	someKey     = "key-of-hong"
	someNumber  = "05070000001"
)

// fakeLedger answers each unit with the next of its traces and errors, after
// the time that the trace says.
type fakeLedger struct {
	traces []assign.Trace
	errs   []error
}

func (f *fakeLedger) Unit(_ context.Context, _ assign.Claim, ask func() assign.Need, _ func(assign.State) assign.Changes) (assign.Trace, error) {
	if ask != nil {
		ask()
	}
	trace, err := f.traces[0], f.errs[0]
	f.traces, f.errs = f.traces[1:], f.errs[1:]
	time.Sleep(trace.Connect + trace.Lock + trace.Held()) // in a bubble
	return trace, err
}

func (f *fakeLedger) PoolOf(context.Context, string) (assign.PoolID, error) { return somePool, nil }

func (f *fakeLedger) PoolOfNumber(context.Context, assign.Number) (assign.PoolID, error) {
	return somePool, nil
}

type fakeWrites struct{ err error }

func (f fakeWrites) Assign(_ context.Context, r assign.Request) (assign.Assigned, error) {
	return assign.Assigned{Replayed: r.Key == "again"}, f.err
}
func (f fakeWrites) Release(context.Context, assign.Release) (assign.Assignment, error) {
	return assign.Assignment{}, f.err
}
func (f fakeWrites) Void(context.Context, assign.Void) (assign.Assignment, error) {
	return assign.Assignment{ID: "void"}, f.err
}
func (f fakeWrites) Reassign(context.Context, assign.Reassignment) (assign.Assigned, error) {
	return assign.Assigned{Assignment: assign.Assignment{ID: "reassigned"}}, f.err
}
func (f fakeWrites) ReleaseMany(context.Context, assign.BulkRelease) (assign.BulkReleased, error) {
	return assign.BulkReleased{More: true}, f.err
}
func (f fakeWrites) Care(context.Context, assign.Care) (assign.NumberView, error) {
	return assign.NumberView{Cooling: true}, f.err
}
func (f fakeWrites) Touch(context.Context, assign.Touch) (assign.NumberView, error) {
	return assign.NumberView{Cooling: true}, f.err
}
func (f fakeWrites) ChangePool(context.Context, assign.PoolChange) (bool, error) { return true, f.err }
func (f fakeWrites) Staff(context.Context, assign.Staffing) (assign.Staffed, error) {
	return assign.Staffed{Created: 1}, f.err
}
func (f fakeWrites) Stock(context.Context, assign.Stocking) (assign.Stocked, error) {
	return assign.Stocked{Added: 1}, f.err
}

type noDriver struct{}

func (noDriver) Connect(context.Context) (driver.Conn, error) { return nil, errors.New("no database") }
func (noDriver) Driver() driver.Driver                        { return nil }

func code(err error) string {
	if errors.Is(err, assign.ErrNoPlanner) {
		return "no_planner"
	}
	return "internal"
}

// exercise makes every metric there is.
func exercise(t *testing.T, reg prometheus.Registerer) {
	t.Helper()
	m := observe.NewMetrics(reg)
	db := sql.OpenDB(noDriver{})
	t.Cleanup(func() { _ = db.Close() })
	m.WatchPool(db, "units")
	m.WatchCombiner(func() assign.CombinerStats {
		return assign.CombinerStats{Waiting: 5, Running: 4, Queued: 3, Stuck: 2}
	})
	m.HTTP("/v1/pools/:pool", "GET", 200, time.Millisecond)
	m.HTTP("other", "FROB", 404, time.Millisecond)

	ctx := t.Context()
	for _, err := range []error{nil, assign.ErrNoPlanner, errors.New("driver: " + someKey)} {
		w := &observe.Writes{Next: fakeWrites{err}, Metrics: m, Code: code}
		_, _ = w.Assign(ctx, assign.Request{Pool: somePool, Key: someKey})
		_, _ = w.Assign(ctx, assign.Request{Pool: somePool, Key: "again"})
		_, _ = w.Release(ctx, assign.Release{ID: someKey})
		_, _ = w.Void(ctx, assign.Void{ID: someKey})
		_, _ = w.Reassign(ctx, assign.Reassignment{ID: someKey, Key: someKey})
		_, _ = w.ReleaseMany(ctx, assign.BulkRelease{Pool: somePool, Planner: somePlanner})
		_, _ = w.Care(ctx, assign.Care{Number: someNumber})
		_, _ = w.Touch(ctx, assign.Touch{Number: someNumber})
		_, _ = w.ChangePool(ctx, assign.PoolChange{Pool: somePool})
		_, _ = w.Staff(ctx, assign.Staffing{Pool: somePool, Changes: []assign.PlannerChange{{ID: somePlanner}}})
		_, _ = w.Stock(ctx, assign.Stocking{Pool: somePool})
	}

	full := assign.Trace{Connect: 1e6, Lock: 2e6, Read: 3e6, Decide: 4e6, Write: 5e6, Seq: 7, Written: true}
	busy := assign.Trace{Connect: 1e6, Lock: 1e9}
	lost := full
	lost.Unreleased = true
	l := &observe.Ledger{
		Next: &fakeLedger{
			traces: []assign.Trace{full, busy, lost, {}, {}},
			errs:   []error{nil, assign.ErrBusy, fmt.Errorf("%w: %w", assign.ErrUnavailable, assign.ErrOutcomeUnknown), assign.ErrUnavailable, errors.New("x")},
		},
		Metrics: m,
		Log:     slog.New(slog.DiscardHandler),
	}
	for _, need := range []assign.Need{
		{Calls: 3, Keys: []string{someKey, "k2"}, Assignments: []string{"a"}}, {Calls: 1}, {Calls: 1, Event: 8}, {Calls: 1}, {Calls: 1},
	} {
		_, _ = l.Unit(ctx, assign.Claim{Pool: somePool}, func() assign.Need { return need }, nil)
	}
}

// What there is, with which labels, and how often it was counted.
func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		exercise(t, reg)
		want := map[string]float64{
			`fairlead_http_request_duration_seconds{method=GET,route=/v1/pools/:pool,status=2xx}`: 1,
			`fairlead_http_request_duration_seconds{method=other,route=other,status=4xx}`:         1,

			`fairlead_assignments_total{result=assigned}`:             1,
			`fairlead_assignments_total{result=replayed}`:             1,
			`fairlead_assignments_total{result=no_planner}`:           2,
			`fairlead_assignments_total{result=internal}`:             2,
			`fairlead_assignment_duration_seconds{}`:                  6,
			`fairlead_changes_total{call=release,result=ok}`:          1,
			`fairlead_changes_total{call=release,result=no_planner}`:  1,
			`fairlead_changes_total{call=release,result=internal}`:    1,
			`fairlead_changes_total{call=pool,result=ok}`:             1,
			`fairlead_changes_total{call=pool,result=no_planner}`:     1,
			`fairlead_changes_total{call=pool,result=internal}`:       1,
			`fairlead_changes_total{call=planners,result=ok}`:         1,
			`fairlead_changes_total{call=planners,result=no_planner}`: 1,
			`fairlead_changes_total{call=planners,result=internal}`:   1,
			`fairlead_changes_total{call=numbers,result=ok}`:          1,
			`fairlead_changes_total{call=numbers,result=no_planner}`:  1,
			`fairlead_changes_total{call=numbers,result=internal}`:    1,

			`fairlead_changes_total{call=void,result=ok}`:                 1,
			`fairlead_changes_total{call=void,result=no_planner}`:         1,
			`fairlead_changes_total{call=void,result=internal}`:           1,
			`fairlead_changes_total{call=reassign,result=ok}`:             1,
			`fairlead_changes_total{call=reassign,result=no_planner}`:     1,
			`fairlead_changes_total{call=reassign,result=internal}`:       1,
			`fairlead_changes_total{call=bulk_release,result=ok}`:         1,
			`fairlead_changes_total{call=bulk_release,result=no_planner}`: 1,
			`fairlead_changes_total{call=bulk_release,result=internal}`:   1,
			`fairlead_changes_total{call=number_care,result=ok}`:          1,
			`fairlead_changes_total{call=number_care,result=no_planner}`:  1,
			`fairlead_changes_total{call=number_care,result=internal}`:    1,
			`fairlead_changes_total{call=touch,result=ok}`:                1,
			`fairlead_changes_total{call=touch,result=no_planner}`:        1,
			`fairlead_changes_total{call=touch,result=internal}`:          1,

			`fairlead_units_total{outcome=ok}`:                     1,
			`fairlead_units_total{outcome=busy}`:                   1,
			`fairlead_units_total{outcome=unknown}`:                1,
			`fairlead_units_total{outcome=unavailable}`:            1,
			`fairlead_units_total{outcome=error}`:                  1,
			`fairlead_unit_calls{}`:                                5,
			`fairlead_unit_step_duration_seconds{step=connection}`: 3,
			`fairlead_unit_step_duration_seconds{step=read}`:       2,
			`fairlead_unit_step_duration_seconds{step=decide}`:     2,
			`fairlead_unit_step_duration_seconds{step=write}`:      2,
			`fairlead_lock_wait_seconds{}`:                         3,
			`fairlead_lock_hold_seconds{}`:                         2,
			`fairlead_lock_release_failures_total{}`:               1,
			`fairlead_unit_settlements_total{}`:                    1,
			`fairlead_calls_waiting{}`:                             5,
			`fairlead_units_running{}`:                             4,
			`fairlead_pools_queued{}`:                              3,
			`fairlead_pools_stuck{}`:                               2,
		}
		got := gather(t, reg)
		maps.DeleteFunc(got, func(name string, _ float64) bool { return strings.HasPrefix(name, "go_sql_") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
		if len(gather(t, reg)) == len(got) {
			t.Error("the database pool is not watched")
		}
	})
}

// Labels have few values, none of which anybody could have chosen.
func TestNothingOfCallersIsALabel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		exercise(t, reg)
		allowed := map[string][]string{
			"route":   {"/v1/pools/:pool", "other"},
			"method":  {"GET", "other"},
			"status":  {"2xx", "4xx"},
			"result":  {"assigned", "replayed", "ok", "no_planner", "internal"},
			"call":    {"release", "void", "reassign", "bulk_release", "number_care", "touch", "pool", "planners", "numbers"},
			"outcome": {"ok", "busy", "unknown", "unavailable", "error"},
			"step":    {"connection", "read", "decide", "write"},
			"db_name": {"units"},
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if !slices.Contains(allowed[l.GetName()], l.GetValue()) {
						t.Errorf("%s has label %s=%q", f.GetName(), l.GetName(), l.GetValue())
					}
				}
			}
		}
	})
}

// gather is every metric with its value, of a histogram the count.
func gather(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			v := m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if h := m.GetHistogram(); h != nil {
				v = float64(h.GetSampleCount())
			}
			all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return all
}

func TestUnitSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		exercise(t, reg) // one unit of three calls, four of one
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "fairlead_unit_calls" {
				if got := f.GetMetric()[0].GetHistogram().GetSampleSum(); got != 7 {
					t.Errorf("units had %v calls, want 7", got)
				}
				return
			}
		}
		t.Error("no unit sizes")
	})
}

// A slow unit gets a line that says which step was slow; others get none.
func TestSlowUnit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		slow  time.Duration
		trace assign.Trace
		err   error
		want  string // slowest step; empty if there is no line
	}{
		{"fast", 0, assign.Trace{Read: 499 * time.Millisecond}, nil, ""},
		{"connection", 0, assign.Trace{Connect: 500 * time.Millisecond}, nil, "connection"},
		{"lock", 0, assign.Trace{Connect: time.Millisecond, Lock: time.Second}, assign.ErrBusy, "lock"},
		{"read", 0, assign.Trace{Lock: time.Second, Read: 2 * time.Second}, nil, "read"},
		{"write", time.Millisecond, assign.Trace{Read: time.Millisecond, Write: 2 * time.Millisecond}, nil, "write"},
		{"decide", time.Second, assign.Trace{Decide: time.Second}, nil, "decide"},
		{"never", -1, assign.Trace{Decide: time.Hour}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				log, err := observe.NewLog(&out, "json", "info")
				if err != nil {
					t.Fatal(err)
				}
				l := &observe.Ledger{
					Next:    &fakeLedger{[]assign.Trace{tt.trace}, []error{tt.err}},
					Metrics: observe.NewMetrics(prometheus.NewPedanticRegistry()),
					Log:     log,
					Slow:    tt.slow,
				}
				trace, unitErr := l.Unit(t.Context(), assign.Claim{Pool: somePool}, func() assign.Need { return assign.Need{Calls: 2, Keys: []string{someKey, someKey}} }, nil)
				if trace != tt.trace || unitErr != tt.err {
					t.Errorf("answer %+v, %v", trace, unitErr)
				}
				if tt.want == "" {
					if out.Len() > 0 {
						t.Errorf("line %s", &out)
					}
					return
				}
				var line struct {
					Msg, Level, Pool, Slowest string
					Calls                     int
				}
				if err := json.Unmarshal(out.Bytes(), &line); err != nil {
					t.Fatalf("line %s: %v", &out, err)
				}
				if line.Msg != "slow unit" || line.Level != "WARN" || line.Pool != somePool || line.Slowest != tt.want || line.Calls != 2 {
					t.Errorf("line %s, want the slowest step %s", &out, tt.want)
				}
				if strings.Contains(out.String(), someKey) {
					t.Errorf("the line tells a key: %s", &out)
				}
			})
		})
	}
}

// Decorators change nothing on the way.
func TestDecoratorsPassOn(t *testing.T) {
	t.Parallel()
	m := observe.NewMetrics(prometheus.NewPedanticRegistry())
	l := &observe.Ledger{Next: &fakeLedger{}, Metrics: m}
	if pool, err := l.PoolOf(t.Context(), "a"); pool != somePool || err != nil {
		t.Errorf("PoolOf = %q, %v", pool, err)
	}
	w := &observe.Writes{Next: fakeWrites{assign.ErrNoPlanner}, Metrics: m, Code: code}
	a, err := w.Assign(t.Context(), assign.Request{Key: "again"})
	if !a.Replayed || err != assign.ErrNoPlanner {
		t.Errorf("Assign = %+v, %v", a, err)
	}
	if a, err := w.Void(t.Context(), assign.Void{}); a.ID != "void" || err != assign.ErrNoPlanner {
		t.Errorf("Void = %+v, %v", a, err)
	}
	if a, err := w.Reassign(t.Context(), assign.Reassignment{}); a.ID != "reassigned" || err != assign.ErrNoPlanner {
		t.Errorf("Reassign = %+v, %v", a, err)
	}
	if r, err := w.ReleaseMany(t.Context(), assign.BulkRelease{}); !r.More || err != assign.ErrNoPlanner {
		t.Errorf("ReleaseMany = %+v, %v", r, err)
	}
	if n, err := w.Care(t.Context(), assign.Care{}); !n.Cooling || err != assign.ErrNoPlanner {
		t.Errorf("Care = %+v, %v", n, err)
	}
	if n, err := w.Touch(t.Context(), assign.Touch{}); !n.Cooling || err != assign.ErrNoPlanner {
		t.Errorf("Touch = %+v, %v", n, err)
	}
	if created, err := w.ChangePool(t.Context(), assign.PoolChange{}); !created || err != assign.ErrNoPlanner {
		t.Errorf("ChangePool = %t, %v", created, err)
	}
	if s, err := w.Staff(t.Context(), assign.Staffing{}); s.Created != 1 || err != assign.ErrNoPlanner {
		t.Errorf("Staff = %+v, %v", s, err)
	}
	if s, err := w.Stock(t.Context(), assign.Stocking{}); s.Added != 1 || err != assign.ErrNoPlanner {
		t.Errorf("Stock = %+v, %v", s, err)
	}
}

func TestNewLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := observe.NewLog(&out, "text", "warn")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "msg=loud") {
		t.Errorf("log %q", got)
	}
	for _, bad := range [][2]string{{"xml", "info"}, {"", "info"}, {"json", "loud"}, {"json", ""}} {
		if _, err := observe.NewLog(&out, bad[0], bad[1]); err == nil {
			t.Errorf("format %q, level %q were accepted", bad[0], bad[1])
		}
	}
}
