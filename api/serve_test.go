package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fairlead/assign"
)

// A running server, with its steps of the shutdown in the test's hands.
type running struct {
	*bundle
	public, admin string
	stop          context.CancelFunc
	pauses        chan time.Duration // each pause it wants to make
	goOn          chan time.Time     // ends one
	ended         chan error
}

// run starts b. Every answer it gives until the test ends is read by the test.
func run(t *testing.T, b *bundle) *running {
	t.Helper()
	public, admin := listen(t), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{
		bundle: b,
		public: "http://" + public.Addr().String(),
		admin:  "http://" + admin.Addr().String(),
		stop:   cancel,
		pauses: make(chan time.Duration),
		goOn:   make(chan time.Time),
		ended:  make(chan error, 1),
	}
	b.after = func(d time.Duration) <-chan time.Time {
		r.pauses <- d
		return r.goOn
	}
	go func() { r.ended <- b.Run(ctx, public, admin) }()
	return r
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func status(t *testing.T, c *http.Client, url string) (code int, closes bool) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Close
}

func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.DrainPause = time.Minute
	entered, finish := make(chan struct{}), make(chan struct{})
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
		close(entered)
		<-finish
		return assign.Assigned{Assignment: someAssignment()}, nil
	}
	r := run(t, b)

	slow := make(chan error, 1)
	go func() { slow <- post(r.public + "/v1/pools/demo/assignments") }()
	<-entered
	kept := newClient(t)
	if code, closes := status(t, kept, r.public+"/readyz"); code != http.StatusOK || closes {
		t.Fatalf("readyz while running: status %d, closes %t", code, closes)
	}

	// Not ready first, and all else as before.
	r.stop()
	if got := <-r.pauses; got != b.DrainPause {
		t.Errorf("first pause %v, want %v", got, b.DrainPause)
	}
	if code, closes := status(t, newClient(t), r.public+"/readyz"); code != http.StatusServiceUnavailable || closes {
		t.Errorf("readyz while pausing: status %d, closes %t", code, closes)
	}
	if code, closes := status(t, kept, r.public+"/healthz"); code != http.StatusOK || closes {
		t.Errorf("healthz while pausing: status %d, closes %t", code, closes)
	}
	r.goOn <- time.Time{}

	// Then nobody new, and a last answer for those who are there.
	<-r.pauses
	if _, err := newClient(t).Get(r.public + "/healthz"); err == nil {
		t.Error("a new connection was let in")
	}
	if code, closes := status(t, kept, r.public+"/healthz"); code != http.StatusOK || !closes {
		t.Errorf("healthz while draining: status %d, closes %t", code, closes)
	}
	if code, _ := status(t, newClient(t), r.admin+"/healthz"); code != http.StatusOK {
		t.Errorf("admin while draining: status %d", code)
	}
	r.goOn <- time.Time{}

	// What was in flight gets its answer.
	select {
	case err := <-r.ended:
		t.Fatalf("ended with a request in flight: %v", err)
	default:
	}
	close(finish)
	if err := <-slow; err != nil {
		t.Errorf("the slow request: %v", err)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// post makes an assignment and says what is wrong with the answer.
func post(url string) error {
	resp, err := http.Post(url, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated || !strings.Contains(string(body), someID) {
		return fmt.Errorf("status %d, body %q, %v", resp.StatusCode, body, err)
	}
	return nil
}

// A request that does not finish does not keep the process.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.DrainLimit = time.Nanosecond
	entered, finish := make(chan struct{}), make(chan struct{})
	b.writes.assign = func(context.Context, assign.Request) (assign.Assigned, error) {
		close(entered)
		<-finish
		return assign.Assigned{Assignment: someAssignment()}, nil
	}
	r := run(t, b)
	slow := make(chan error, 1)
	go func() { slow <- post(r.public + "/v1/pools/demo/assignments") }()
	<-entered
	r.stop()
	<-r.pauses // without a DrainPause the only one
	r.goOn <- time.Time{}
	if err := <-r.ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run: %v, want that time was up", err)
	}
	close(finish)
	if err := <-slow; err == nil {
		t.Error("the request was answered after all")
	}
}

// A listener that fails ends both.
func TestListenerFails(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.after = func(time.Duration) <-chan time.Time {
		c := make(chan time.Time, 1)
		c <- time.Time{}
		return c
	}
	broken := errors.New("out of descriptors")
	admin := listen(t)
	err := b.Run(t.Context(), brokenListener{listen(t), broken}, admin)
	if !errors.Is(err, broken) {
		t.Errorf("Run: %v, want %v", err, broken)
	}
	if _, err := net.Dial("tcp", admin.Addr().String()); err == nil {
		t.Error("the admin listener is still open")
	}
}

type brokenListener struct {
	net.Listener
	err error
}

func (l brokenListener) Accept() (net.Conn, error) { return nil, l.err }

func TestLimits(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	s := b.httpServer(nil)
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 15*time.Second || s.IdleTimeout != time.Minute || s.MaxHeaderBytes != 16<<10 {
		t.Errorf("limits %v, %v, %v, %d", s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout, s.MaxHeaderBytes)
	}
	if s.WriteTimeout <= assign.MaxWait {
		t.Errorf("write timeout %v does not leave time for an answer after %v", s.WriteTimeout, assign.MaxWait)
	}
}

// Over a real connection: large headers are refused, and so is a large body,
// with an answer that the client can read.
func TestLimitsOnTheWire(t *testing.T) {
	t.Parallel()
	r := run(t, newBundle(t))
	for _, tt := range []struct {
		name, request string
		want          int
	}{
		{"headers", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n\r\n", 431},
		{"body", "POST /v1/pools/demo/assignments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n" + strings.Repeat(" ", 1<<20), 413},
		{"chunked body", "POST /v1/pools/demo/assignments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n" + strings.Repeat(" ", 32<<10) + "\r\n0\r\n\r\n", 413},
		{"no host", "GET /healthz HTTP/1.1\r\n\r\n", 400},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.public, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(conn, tt.request) }() // cut off when the answer is there
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if resp.StatusCode != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, resp.StatusCode, tt.want)
		}
		_ = conn.Close()
	}
	r.stop()
	<-r.pauses
	r.goOn <- time.Time{}
	if err := <-r.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// A body that trickles in costs its sender no more than the time it asked for.
func TestBodyIsWaitedForAsLongAsAsked(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := httptest.NewServer(b.Public())
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	fmt.Fprintf(conn, "POST /v1/pools/demo/assignments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nRequest-Timeout: 0.2\r\nContent-Length: 10\r\n\r\n{")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if took := time.Since(began); answer.StatusCode != http.StatusBadRequest || took > 5*time.Second {
		t.Errorf("status %d after %v", answer.StatusCode, took)
	}
}

// A call that ran out of time leaves its connection as good as it was: those
// that come after it have time of their own.
func TestConnectionOutlivesADeadline(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.writes.assign = func(ctx context.Context, r assign.Request) (assign.Assigned, error) {
		if r.Key == "slow" {
			<-ctx.Done()
		}
		return assign.Assigned{Assignment: someAssignment()}, ctx.Err()
	}
	server := httptest.NewServer(b.Public())
	defer server.Close()
	for n := range 40 { // which of a connection's two timers is first is chance
		body := strings.Repeat("{}", n%2)
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for _, call := range []struct {
			headers string
			want    int
		}{
			{"Idempotency-Key: slow\r\nRequest-Timeout: 0.01\r\n", http.StatusServiceUnavailable},
			{"Idempotency-Key: quick\r\n", http.StatusCreated},
		} {
			fmt.Fprintf(conn, "POST /v1/pools/demo/assignments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", call.headers, len(body), body)
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != call.want {
				t.Errorf("%q: status %d, want %d (%v)", call.headers, answer.StatusCode, call.want, err)
			}
		}
	}
}
