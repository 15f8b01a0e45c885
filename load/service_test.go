package load

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/api"
	domain "fairlead/assign"
	"fairlead/internal/dbtest"
	"fairlead/internal/storetest"
	"fairlead/store"
)

// serve runs the service in this process.
func serve(t testing.TB, h *storetest.House, tokens string) (url string) {
	t.Helper()
	parsed, err := api.ParseTokens(tokens)
	if err != nil {
		t.Fatal(err)
	}
	public, admin := listen(t), listen(t)
	s := &api.Server{
		Writes: h.Combiner, Reads: h.Store, Locks: h.Store.Locks(), Log: slog.New(slog.DiscardHandler), Tokens: parsed, Metrics: http.NotFoundHandler(),
		Ready: func(context.Context) error { return nil },
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, public, admin) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + public.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRealServicePasses(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	o := small(serve(t, h, ""))
	o.Count, o.Clients = 2000, 16
	r := mustRun(t, o)
	if !r.Verdict.Pass {
		t.Fatalf("verdict %+v, first %v", r.Verdict, r.Verdict.First)
	}
	if r.Summary.Failed > 0 || r.Summary.Assigned == 0 || r.Summary.Replayed == 0 || r.Summary.Released == 0 {
		t.Errorf("summary %+v", r.Summary)
	}
	var pools []domain.PoolID
	for _, p := range r.Pools {
		pools = append(pools, domain.PoolID(p.ID))
	}
	sum, err := h.Store.Verify(t.Context(), pools, nil, func(f domain.Finding) { t.Error(f) })
	if d := r.Verdict.Replayed; err != nil || d == nil || sum.Assignments != d.Assignments || sum.Events != d.Events {
		t.Errorf("%v: the tables have %+v, the log over the API %+v", err, sum, d)
	}
}

// A connection for each call, a token, and a pool that is there.
func TestOtherWaysToCall(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	h.Fill(t, "house", 5, 10)
	o := small(serve(t, h, "load:secret-of-sixteen"))
	o.Count, o.KeepAlive, o.Use, o.Numbers, o.WithNumber = 100, false, []string{"house"}, 0, 0
	for token, want := range map[string]string{"": "wants a token", "wrong": "does not accept"} {
		o.Token = token
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("token %q: %v", token, err)
		}
	}
	o.Token = "secret-of-sixteen"
	if r := mustRun(t, o); !r.Verdict.Pass || r.Summary.Assigned == 0 {
		t.Errorf("verdict %+v, first %v", r.Verdict, r.Verdict.First)
	}
}

// A hand in the tables during the run is found: by what the API then shows.
func TestDamagedTablesFail(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	o := small(serve(t, h, ""))
	o.Pools, o.Count = 1, 300
	db, err := sql.Open("mysql", h.Database.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	damaged := false
	o.Progress = func(p Progress) {
		if p.Phase == Replaying || damaged {
			return
		}
		if _, err := db.ExecContext(t.Context(), "UPDATE planners SET assigned = assigned + 1 WHERE planner = 'p000003'"); err != nil {
			t.Error(err)
		}
		damaged = true
	}
	if r := mustRun(t, o); r.Verdict.Pass {
		t.Errorf("verdict %+v", r.Verdict)
	}
}

// The exit code is the verdict.
func TestCommand(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	instance := built.Start(t, "--dsn="+db.DSN)
	report := filepath.Join(t.TempDir(), "report.json")
	page := filepath.Join(t.TempDir(), "report.html")
	flags := []string{"load", "--count=300", "--warm-up=0s", "--clients=8"}
	out, code := built.Run(t, append(flags, "--target="+instance.URL, "--dsn="+db.DSN, "--json="+report, "--html="+page)...)
	if code != 0 || !strings.Contains(out, "PASS: ") || !strings.Contains(out, "tables replayed") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	var r Report
	if text, err := os.ReadFile(report); err != nil || json.Unmarshal(text, &r) != nil || !r.Verdict.Pass || r.Summary.Assigned == 0 {
		t.Errorf("%v: report %s", err, text)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "</html>") {
		t.Errorf("%v: page of %d bytes", err, len(text))
	}
	broken := newFake(t, sometimes("wrong planner", 0.1))
	if out, code := built.Run(t, append(flags, "--target="+broken.URL)...); code != 1 || !strings.Contains(out, "first: spread") {
		t.Errorf("against a broken service: exit code %d:\n%s", code, out)
	}
	for _, bad := range [][]string{{"--target=http://127.0.0.1:1"}, {"--rate=fast"}, {"--pool=demo"}, {"--target=" + instance.URL, "--pool=nowhere"}} {
		if out, code := built.Run(t, append(flags, bad...)...); code != 2 {
			t.Errorf("%v: exit code %d:\n%s", bad, code, out)
		}
	}
}

// Without a target there is a service for the run, and nothing is left of it.
func TestCommandStartsItsOwnService(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	for _, c := range []struct {
		name  string
		flags []string
	}{{"given database", []string{"--dsn=" + dbtest.New(t).DSN}}, {"private database", nil}} {
		out, code := built.In("env", "TMPDIR="+tmp).Run(t, append([]string{"load", "--count=200", "--warm-up=0s", "--clients=4"}, c.flags...)...)
		if code != 0 || !strings.Contains(out, "PASS: ") || !strings.Contains(out, "tables replayed") {
			t.Errorf("%s: exit code %d:\n%s", c.name, code, out)
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, left: %v", c.name, err, left)
		}
	}
}

// A service that cannot start is told of with its log, which is kept.
func TestCommandTellsOfItsServicesLog(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	out, code := built.In("env", "TMPDIR="+tmp).Run(t, "load", "--dsn=nonsense")
	logs, _ := filepath.Glob(filepath.Join(tmp, "*.log"))
	if code != 2 || len(logs) != 1 || !strings.Contains(out, logs[0]) {
		t.Errorf("exit code %d, logs %v:\n%s", code, logs, out)
	}
}

// A database that dies under load leaves calls in doubt. They are settled, and
// all is judged.
func TestKilledDatabaseIsSettled(t *testing.T) {
	t.Parallel()
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	instance := built.Start(t, "--dsn="+server.New().DSN)
	o := small(instance.URL)
	o.Pools, o.Clients, o.Count, o.For = 1, 32, 0, Seconds(4*time.Second)
	killed := false
	o.Progress = func(p Progress) { // by the goroutine that judges, which may wait
		if p.Phase == Measuring && !killed {
			killed = true
			server.Kill()
			server.Start()
		}
	}
	r := mustRun(t, o)
	s := r.Summary
	if !r.Verdict.Pass || r.Verdict.Replayed == nil {
		t.Errorf("verdict %+v, first %v", r.Verdict, r.Verdict.First)
	}
	if !killed || s.Refused+s.Failed == 0 {
		t.Errorf("nothing was refused: %+v", s)
	}
	t.Logf("%d assigned, %d refused, %d failed, %d settled", s.Assigned, s.Refused, s.Failed, s.Settled)
}
