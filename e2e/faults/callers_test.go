package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/program"
	"fairlead/internal/dbtest"
)

// Callers who leave in the middle get a turn or get none, and learn which with
// the key. The service keeps nothing of them.
func TestCallersLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.Place{})
	a, b := s.start(t), s.start(t)
	s.fill(t, a, pool)
	before := s.idle(t, a, b)
	for name, call := range map[string]func(*testing.T, *program.Instance, string) string{
		"one direction is closed": s.callHalfClosed,
		"connection is reset":     s.callAndReset,
		"call is cancelled":       s.callAndCancel,
	} {
		t.Run(name, func(t *testing.T) { s.leavers(t, 400, call, a, b) })
	}
	s.returnsTo(t, before, a, b)
	s.check(t, a, pool)
}

// leavers makes n calls, 16 at a time, and asks after each what became of it.
func (s *site) leavers(t *testing.T, n int, call func(*testing.T, *program.Instance, string) string, instances ...*program.Instance) {
	t.Helper()
	var (
		mu       sync.Mutex
		outcomes = map[string]int{}
		callers  sync.WaitGroup
		before   = s.late()
	)
	for c := range 16 {
		callers.Go(func() {
			for range n / 16 {
				key := s.newKey()
				outcome := call(t, instances[c%len(instances)], key)
				s.ask(t, pool, key, instances...)
				mu.Lock()
				outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	t.Logf("callers saw %v; %d learned of their assignment when they asked again", outcomes, s.late()-before)
}

// callHalfClosed soon says that it will send no more, and reads the answer.
func (s *site) callHalfClosed(t *testing.T, i *program.Instance, key string) string {
	conn, err := s.send(i, key)
	if err != nil {
		t.Error(err)
		return noAnswer
	}
	defer conn.Close()
	soon()
	if err := conn.CloseWrite(); err != nil {
		t.Error(err)
	}
	outcome := s.receive(t, conn)
	s.note(key, outcome, 0)
	return outcome
}

// receive reads an answer.
func (s *site) receive(t *testing.T, conn net.Conn) string {
	_ = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return noAnswer
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return noAnswer
	}
	if r.StatusCode == http.StatusCreated {
		var a client.Assignment
		if err := json.Unmarshal(body, &a); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		s.keep(t, a, r.Header.Get("Idempotency-Replayed") == "true")
		return assigned
	}
	if p := client.ProblemIn(r, body); p != nil && r.StatusCode == http.StatusServiceUnavailable {
		return string(p.Code)
	}
	t.Errorf("answered with %s: %s", r.Status, body)
	return r.Status
}

// callAndReset breaks the connection off soon after it has sent the request.
func (s *site) callAndReset(t *testing.T, i *program.Instance, key string) string {
	s.note(key, noAnswer, 0)
	conn, err := s.send(i, key)
	if err == nil {
		err = conn.SetLinger(0) // what is closed like this is reset
		soon()
		conn.Close()
	}
	if err != nil {
		t.Error(err)
	}
	return noAnswer
}

// callAndCancel does what a Go client does whose context ends.
func (s *site) callAndCancel(t *testing.T, i *program.Instance, key string) string {
	ctx, cancel := context.WithCancel(t.Context())
	go func() { soon(); cancel() }()
	r, err := i.CreateAssignmentWithResponse(ctx, pool,
		&client.CreateAssignmentParams{IdempotencyKey: &key}, client.AssignmentRequest{Customer: &s.customer}, once)
	outcome := outcomeOf(r, err)
	if outcome == assigned {
		s.keep(t, *r.JSON201, false)
	}
	s.note(key, outcome, 0)
	return outcome
}

// soon is any time in the life of a call.
func soon() { time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond) }

// send connects and sends a request for an assignment.
func (s *site) send(i *program.Instance, key string) (*net.TCPConn, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(i.URL, "http://"))
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "POST /v1/pools/%s/assignments HTTP/1.1\r\nHost: fairlead\r\nIdempotency-Key: %s\r\nContent-Length: 0\r\n\r\n", pool, key)
	return conn.(*net.TCPConn), err
}

// After a burst in which callers leave and sessions are killed, an instance
// that has nothing to do uses as little as before, and one that has ended
// leaves nothing on the server.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.Place{})
	a, b := s.start(t), s.start(t)
	pools := []string{pool, "pool-1", "pool-2", "pool-3"}
	s.fill(t, a, pools...)
	before := s.idle(t, a, b)

	l := s.load(t, demand{callers: 8, pause: 5 * time.Millisecond, pools: pools}, a, b)
	killing := s.keepKilling(t)
	s.leavers(t, 800, s.callAndCancel, a, b)
	killing()
	l.end()
	s.returnsTo(t, before, a, b)
	s.check(t, a, pools...)

	s.ask(t, pool, s.newKey(), a)
	s.ask(t, pool, s.newKey(), b)
	a.Stop(t)
	b.Kill(t)
	await(t, "no session is left", 5*time.Second, func() bool { return s.sessions(t) == 0 })
}

// keepKilling kills the service's sessions, now and then, until the function
// that it returns is called.
func (s *site) keepKilling(t *testing.T) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
				s.killAll(t)
			}
		}
	})
	return func() { close(done); killer.Wait() }
}
