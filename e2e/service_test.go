package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// Without a DSN the service runs a private database, answers the request that
// it prints, keeps what it answered, and leaves nothing behind.
func TestPrivateDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := binary.Start(t, "--data-dir="+dir, "--demo")
	curl := i.Await(t, regexp.MustCompile(`curl -s -X POST (\S+) -H 'Idempotency-Key: (\S+)'`))
	post := func() (*http.Response, string) {
		t.Helper()
		req, _ := http.NewRequest(http.MethodPost, curl[1], nil)
		req.Header.Set("Idempotency-Key", curl[2])
		r, err := i.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return r, string(body)
	}
	r, first := post()
	if r.StatusCode != http.StatusCreated || !strings.Contains(first, `"planner-1"`) || !strings.Contains(first, `"05075550001"`) {
		t.Fatalf("first request: %d %s", r.StatusCode, first)
	}
	// Another subcommand joins the running database.
	if out, code := binary.Run(t, "verify", "--data-dir="+dir); code != 0 || !strings.Contains(out, "1 assignments") {
		t.Errorf("verify beside the service: %d %s", code, out)
	}
	i.Stop(t)

	i = binary.Start(t, "--data-dir="+dir, "--demo")
	curl[1] = i.URL + curl[1][strings.Index(curl[1], "/v1/"):]
	if r, again := post(); again != first || r.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("after a restart: %s, want %s", again, first)
	}
	i.Stop(t)
	// And without the service it starts the database itself.
	if out, code := binary.Run(t, "verify", "--data-dir="+dir); code != 0 || !strings.Contains(out, "1 assignments") {
		t.Errorf("verify alone: %d %s", code, out)
	}
}

// On SIGTERM each request that came in gets its answer; nobody sees a broken
// connection, and what was answered is there.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	i := binary.Start(t, "--dsn="+db.DSN, "--log-level=warn")
	fill(t, i, "pool-0", 5, 0)
	var answered atomic.Int64
	var wg sync.WaitGroup
	for c := range 32 {
		wg.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("key-%d-%d", c, n)
				r, err := i.CreateAssignmentWithResponse(context.Background(), "pool-0",
					&client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{})
				switch {
				case err != nil && strings.Contains(err.Error(), "connection refused"):
					return // nobody new is let in
				case err != nil:
					t.Errorf("broken connection: %v", err)
					return
				case r.StatusCode() == http.StatusCreated:
					if answered.Add(1) == 500 {
						_ = i.Signal(syscall.SIGTERM)
					}
				case r.StatusCode() != http.StatusServiceUnavailable:
					t.Errorf("answer %d: %s", r.StatusCode(), r.Body)
				}
			}
		})
	}
	wg.Wait()
	i.Stop(t)
	var stored int64
	if err := db.Open(t).Get(&stored, `SELECT COUNT(*) FROM assignments`); err != nil || stored != answered.Load() {
		t.Errorf("%d assignments are there, %d were answered (%v)", stored, answered.Load(), err)
	}
	binary.Verify(t, db.DSN)
}

// A database that is down is waited for, and readiness says so.
func TestDatabaseComesLate(t *testing.T) {
	t.Parallel()
	server := dbtest.NewServer(t)
	db := server.New()
	server.Stop()
	i := binary.Launch(t, "--dsn="+db.DSN)
	i.Await(t, regexp.MustCompile(`database not ready, trying again`))
	server.Start()
	i.AwaitServing(t)
	fill(t, i, "pool-0", 1, 0)

	server.Kill()
	key := "while-down"
	params := &client.CreateAssignmentParams{IdempotencyKey: &key}
	r, err := i.CreateAssignmentWithResponse(context.Background(), "pool-0", params, client.AssignmentRequest{})
	if err != nil || r.StatusCode() != http.StatusServiceUnavailable || r.HTTPResponse.Header.Get("Retry-After") == "" {
		t.Errorf("with the database down: %v %+v", err, r)
	}
	if ready, err := i.GetReadinessWithResponse(context.Background()); err != nil || ready.StatusCode() != http.StatusServiceUnavailable {
		t.Errorf("ready with the database down: %v", err)
	}
	server.Start()
	if r, err = i.CreateAssignmentWithResponse(context.Background(), "pool-0", params, client.AssignmentRequest{}); err != nil || r.StatusCode() != http.StatusCreated {
		t.Errorf("with the database back: %v %+v", err, r)
	}
	binary.Verify(t, db.DSN)
}

// What cannot work is refused at once, with the next step.
func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for name, c := range map[string]struct {
		flags []string
		says  string
	}{
		"open to the world":    {[]string{"--dsn=" + db.DSN, "--listen=0.0.0.0:0"}, "set FAIRLEAD_TOKENS, or add --insecure"},
		"blank tokens":         {[]string{"--dsn=" + db.DSN, "--listen=0.0.0.0:0", "--tokens= "}, "set FAIRLEAD_TOKENS, or add --insecure"},
		"schema is behind":     {[]string{"--dsn=" + db.DSN, "--migrate=off"}, "run: fairlead migrate up"},
		"DSN without a schema": {[]string{"--dsn=root@tcp(127.0.0.1:1)/"}, "no database after the slash"},
		"DSN that contradicts": {[]string{"--dsn=" + db.DSN + "?parseTime=false"}, "parseTime=false cannot be"},
		"lock wait":            {[]string{"--dsn=" + db.DSN, "--lock-wait=31"}, "must be 1 to 30"},
		"no units":             {[]string{"--dsn=" + db.DSN, "--units=0"}, "--units 0: must be 2 to 1000"},
		"one read":             {[]string{"--dsn=" + db.DSN, "--reads=1"}, "--reads 1: must be 2 to 1000"},
		"admin to the world":   {[]string{"--dsn=" + db.DSN, "--admin-listen=0.0.0.0:0"}, "--admin-listen 0.0.0.0:0 can be reached"},
		"unknown schema":       {[]string{"--dsn=" + db.DSN + "_not_there"}, "check the user, the password and the schema"},
		"tokens":               {[]string{"--dsn=" + db.DSN, "--tokens=secret"}, "must be name:secret"},
		"unknown flag":         {[]string{"--no-such-flag"}, "unknown flag --no-such-flag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := binary.Run(t, append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, c.flags...)...)
			if code != 2 || !strings.Contains(out, c.says) {
				t.Errorf("exit code %d, says %q; want it to say %q", code, out, c.says)
			}
		})
	}
}

// Damage is found, with its place, and the exit code says so.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	i := binary.Start(t, "--dsn="+db.DSN)
	fill(t, i, "pool-0", 3, 10)
	for range 9 {
		if r, err := i.CreateAssignmentWithResponse(context.Background(), "pool-0", nil, client.AssignmentRequest{}); err != nil || r.StatusCode() != 201 {
			t.Fatalf("assign: %v %+v", err, r)
		}
	}
	binary.Verify(t, db.DSN)
	db.Open(t).MustExec(`DELETE FROM assignments WHERE seq = 7`)
	out, code := binary.Run(t, "verify", "--dsn="+db.DSN)
	if code != 1 || !strings.Contains(out, "pool-0/7: gap") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if out, code := binary.Run(t, "verify", "--dsn="+db.DSN, "--pool=nowhere"); code != 2 {
		t.Errorf("a pool that is not there: exit code %d:\n%s", code, out)
	}
}

// Who only looks makes no database where there is none.
func TestLookingMakesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mistyped")
	for _, args := range [][]string{{"verify"}, {"migrate", "status"}} {
		if out, code := binary.Run(t, append(args, "--data-dir="+dir)...); code != 2 || !strings.Contains(out, "no private database in "+dir) {
			t.Errorf("%v: exit code %d: %s", args, code, out)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
}

// The life of a schema, by hand.
func TestMigrate(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for _, step := range []struct {
		args []string
		says string
		code int
	}{
		{[]string{"status"}, "version 0, the newest is 3\npending 00001_pools.sql\npending 00002_audit.sql\npending 00003_numbers.sql", 0},
		{[]string{"up"}, "applied 00001_pools.sql", 0},
		{[]string{"up"}, "nothing to do", 0},
		{[]string{"down"}, "add --yes", 2},
		{[]string{"down", "--yes"}, "took back 00003_numbers.sql", 0},
		{[]string{"down", "--yes"}, "took back 00002_audit.sql", 0},
		{[]string{"down", "--yes"}, "took back 00001_pools.sql", 0},
		{[]string{"down", "--yes"}, "nothing", 0},
	} {
		args := append([]string{"migrate"}, step.args...)
		if out, code := binary.Run(t, append(args, "--dsn="+db.DSN)...); code != step.code || !strings.Contains(out, step.says) {
			t.Errorf("%v: exit code %d, says %q; want %q", step.args, code, out, step.says)
		}
	}
}

// Instances that start together on an empty database do not meet.
func TestInstancesStartTogether(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	var instances []*program.Instance
	for range 3 {
		instances = append(instances, binary.Launch(t, "--dsn="+db.DSN, "--demo"))
	}
	for _, i := range instances {
		i.AwaitServing(t)
	}
	binary.Verify(t, db.DSN)
}

// One caller cannot wait longer than it asked for, and nothing happens later.
func TestDeadline(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	i := binary.Start(t, "--dsn="+db.DSN)
	fill(t, i, "pool-0", 1, 0)
	conn, err := db.Open(t).Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), fmt.Sprintf(`DO GET_LOCK('fairlead:%s:pool-0', 1)`, db.Schema)); err != nil {
		t.Fatal(err)
	}
	wait, key := client.RequestTimeout(0.5), "in-vain"
	began := time.Now()
	r, err := i.CreateAssignmentWithResponse(t.Context(), "pool-0",
		&client.CreateAssignmentParams{RequestTimeout: &wait, IdempotencyKey: &key}, client.AssignmentRequest{})
	if took := time.Since(began); err != nil || r.StatusCode() != 503 || r.ApplicationProblemJSON503.Code != "pool_busy" || took < 400*time.Millisecond {
		t.Errorf("after %v: %v %s", took, err, bodyOf(r))
	}
	if _, err := conn.ExecContext(t.Context(), `DO RELEASE_ALL_LOCKS()`); err != nil {
		t.Fatal(err)
	}
	r, err = i.CreateAssignmentWithResponse(t.Context(), "pool-0", &client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{})
	if err != nil || r.StatusCode() != 201 || r.HTTPResponse.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the refused call had happened: %v %s", err, bodyOf(r))
	}
	binary.Verify(t, db.DSN)
}

// A service that is stopped while it waits for its database just stops: it was
// never ready, and does not say so.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	i := binary.Launch(t, "--dsn=root@tcp(127.0.0.1:1)/nowhere")
	i.Await(t, regexp.MustCompile(`database not ready, trying again`))
	i.Stop(t)
	if strings.Contains(i.Tail(100), "Fairlead serves") {
		t.Errorf("it claims to have served:\n%s", i.Tail(100))
	}
}

// A private database belongs to one service; a second one would lose it with
// the first.
func TestSecondServiceIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary.Start(t, "--data-dir="+dir)
	if out, code := binary.Run(t, "serve", "--data-dir="+dir, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"); code != 2 || !strings.Contains(out, "in use") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// Files fill a pool, all or none, and the bad lines are named.
func TestSeedFromFiles(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	planners := file("planners.csv", "id,name,active\nkim,Kim,true\n lee , Lee ,false\n")
	numbers := file("numbers.csv", "number\n050-7000-0001\n05070000001\n0507 000 0002\n")
	bad := file("bad.csv", "0507 000 0003\nfive\n")
	for _, step := range []struct {
		args []string
		says string
		code int
	}{
		{[]string{"--planners=" + planners}, "--pool is missing", 2},
		{[]string{"--pool=movers", "--planners=" + planners, "--numbers=" + bad}, "line 2: number must be", 2},
		{[]string{"--pool=movers", "--planners=" + planners, "--numbers=" + numbers}, "planners 2 created, 0 updated, 0 unchanged; numbers 2 added, 1 there before", 0},
		{[]string{"--pool=movers", "--planners=" + planners, "--numbers=" + numbers}, "planners 0 created, 0 updated, 2 unchanged; numbers 0 added, 3 there before", 0},
		{[]string{"--pool=other", "--numbers=" + numbers}, "belongs to another pool", 2},
		{nil, "pool demo is there", 0},
	} {
		args := append([]string{"seed", "--dsn=" + db.DSN}, step.args...)
		if out, code := binary.Run(t, args...); code != step.code || !strings.Contains(out, step.says) {
			t.Errorf("%v: exit code %d, says %q; want %q", step.args, code, out, step.says)
		}
	}
	binary.Verify(t, db.DSN)
}
