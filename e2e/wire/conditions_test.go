package wire

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
)

// ask is a round trip.
func ask(ctx context.Context, db *sqlx.DB) (took time.Duration, err error) {
	began := time.Now()
	_, err = db.ExecContext(ctx, `DO 1`)
	return time.Since(began), err
}

func delayIsSeen(t *testing.T, s *scene) {
	s.client.MustExec(`DO 1`)
	const latency = 60 * time.Millisecond
	s.Delay(latency, 0)
	if took, err := ask(t.Context(), s.client); err != nil || took < 2*latency {
		t.Errorf("took %v, %v", took, err)
	}
	if took, err := ask(t.Context(), s.open(t)); err != nil || took < 4*latency {
		t.Errorf("a new connection took %v, %v", took, err) // greeting, login, answer, question, answer
	}
	s.Delay(latency, 10*time.Millisecond)
	if took, err := ask(t.Context(), s.client); err != nil || took < 2*(latency-10*time.Millisecond) {
		t.Errorf("with jitter: took %v, %v", took, err)
	}

	// An end takes effect on what is under way too.
	s.Delay(time.Hour, 0)
	asked := make(chan error)
	go func() {
		_, err := ask(t.Context(), s.client)
		asked <- err
	}()
	await(t, "the question is under way", func() bool { return s.client.Stats().InUse == 1 })
	s.Delay(0, 0)
	if err := <-asked; err != nil {
		t.Errorf("after the delay: %v", err)
	}
}

// Latency is no bandwidth: what follows closely arrives closely.
func delayKeepsThePace(t *testing.T, s *scene) {
	long := randomText(4 << 20) // more than a hundred chunks
	s.client.MustExec(`INSERT INTO assignments VALUES ('demo', 1, ?)`, long)
	s.Delay(200*time.Millisecond, 20*time.Millisecond)
	began := time.Now()
	var got string
	if err := s.client.GetContext(t.Context(), &got, `SELECT customer FROM assignments`); err != nil || got != long {
		t.Errorf("%d bytes came back as %d, %v", len(long), len(got), err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

func silence(t *testing.T, s *scene) {
	for _, db := range []*sqlx.DB{s.client, s.open(t)} { // an open connection, and a new one
		if db == s.client {
			s.client.MustExec(`DO 1`)
		}
		s.Silence()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		took, err := ask(ctx, db)
		cancel()
		if err == nil || took < 90*time.Millisecond {
			t.Errorf("in silence: %v after %v", err, took)
		}
		s.Heal()
		ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
		for { // a connection whose end is only noticed in use may come first
			if _, err = ask(ctx, db); err == nil || ctx.Err() != nil {
				break
			}
		}
		cancel()
		if err != nil {
			t.Errorf("after silence: %v", err)
		}
	}
}

// The server does not learn in silence that a client hangs up: its session
// goes on, with all that it holds.
func silenceHidesTheEnd(t *testing.T, s *scene) {
	conn, err := s.client.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.read(t.Context(), conn, "demo", true); err != nil {
		t.Fatal(err)
	}
	quiet := s.open(t)
	quiet.MustExec(`DO 1`)
	s.Silence()
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	conn.Close()
	s.client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ask(ctx, s.open(t)); err == nil {
		t.Error("a new connection in silence works")
	}
	if got := s.look(t, "demo"); !got.Locked || !got.Row {
		t.Errorf("the server knows: %+v", got)
	}
	s.Heal()
	await(t, "the session is over", func() bool { got := s.look(t, "demo"); return !got.Locked && !got.Row })
	if _, err := ask(t.Context(), quiet); err != nil {
		t.Errorf("a connection that lost nothing: %v", err)
	}
	if n := quiet.Stats().OpenConnections; n != 1 {
		t.Errorf("%d connections", n)
	}
}

// lose makes the wire swallow something that the server says.
func lose(t *testing.T, server net.Conn, w *Wire) {
	t.Helper()
	w.Silence()
	if _, err := server.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	await(t, "something is lost", func() bool { return w.open()[0].lost.Load() })
}

// Who lost something in silence learns it when that is over.
func TestHealResetsWhoLostSomething(t *testing.T) {
	t.Parallel()
	client, server, w := raw(t)
	lose(t, server, w)
	w.Heal()
	_, err := client.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the client got %v", err)
	}
}

// Nothing follows behind a hole, not even in the moment before the reset.
func TestNothingFollowsBehindAHole(t *testing.T) {
	t.Parallel()
	client, server, w := raw(t)
	lose(t, server, w)
	w.change(func(c *conditions) { c.silent = false })
	_, _ = server.Write([]byte("what follows"))
	got, err := io.ReadAll(client)
	if len(got) > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the client got %q, %v", got, err)
	}
}

// A server does not hear of new connections before silence is over.
func TestSilenceHidesTheBeginning(t *testing.T) {
	t.Parallel()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w := New(t, listener.Addr().String())
	w.Silence()
	client, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, tt := range []struct {
		wait time.Duration
		want bool
	}{{50 * time.Millisecond, false}, {20 * time.Second, true}} {
		if err := listener.SetDeadline(time.Now().Add(tt.wait)); err != nil {
			t.Fatal(err)
		}
		conn, err := listener.Accept()
		if (err == nil) != tt.want {
			t.Errorf("heard %v, want %v: %v", err == nil, tt.want, err)
		}
		if err == nil {
			conn.Close()
		}
		w.Heal()
	}
}
