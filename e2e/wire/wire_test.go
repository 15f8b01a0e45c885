package wire

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestWire is the tests that can share a server.
func TestWire(t *testing.T) {
	t.Parallel()
	fresh := scenes(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *scene)
	}{
		{"plain traffic", plainTraffic},
		{"reset ends all", resetEndsAll},
		{"nobody there", nobodyThere},
		{"delay is seen", delayIsSeen},
		{"delay keeps the pace", delayKeepsThePace},
		{"silence", silence},
		{"silence hides the end", silenceHidesTheEnd},
		{"held unit is found and killed", heldUnitIsFoundAndKilled},
		{"failed packet stops there", failedPacketStopsThere},
		{"hold changes nothing", holdChangesNothing},
		{"cuts", cuts},
		{"delivered packet is finished", deliveredPacketIsFinished},
		{"traps meet long packets", trapsMeetLongPackets},
		{"session is given up", sessionIsGivenUp},
		{"storm", storm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, fresh(t))
		})
	}
}

// randomText has quotes, semicolons and backslashes.
func randomText(n int) string {
	text := make([]byte, n)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range text {
		text[i] = byte(' ' + rnd.IntN(95))
	}
	return string(text)
}

func plainTraffic(t *testing.T, s *scene) {
	for i, armed := range []bool{false, true} {
		if armed { // then packets are put together, and nothing else changes
			s.Arm(Trap{Pool: "nobody's", Step: BeforeLock, Do: DropAndCut})
		}
		for size := range 3 {
			want := randomText([]int{0, 100, 5 << 20}[size])
			s.client.MustExec(`INSERT INTO assignments VALUES ('texts', ?, ?)`, 10*i+size, want)
			var got string
			if err := s.client.GetContext(t.Context(), &got, `SELECT customer FROM assignments WHERE pool = 'texts' AND seq = ?`, 10*i+size); err != nil || got != want {
				t.Errorf("armed %v: %d bytes came back as %d, %v", armed, len(want), len(got), err)
			}
		}
		s.mustWork(t, "demo", true)
		stmt, err := s.client.PreparexContext(t.Context(), `SELECT ? + 1`)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := stmt.GetContext(t.Context(), &n, 41); err != nil || n != 42 {
			t.Errorf("armed %v: prepared statement: %d, %v", armed, n, err)
		}
		stmt.Close()
	}
}

// An ordinary end of a connection is one on the other side too.
func TestClosePassesOn(t *testing.T) {
	t.Parallel()
	s := scenes(t)(t)
	s.client.MustExec(`DO 1`)
	s.client.Close()
	await(t, "the session ends", func() bool { return s.sessions(t) == 0 })
	await(t, "the connection is forgotten", func() bool { return len(s.Wire.open()) == 0 })

	db := s.open(t)
	conn, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.server.Kill()
	if err := conn.PingContext(t.Context()); err == nil {
		t.Error("a dead server answers")
	}
	await(t, "the connection is forgotten", func() bool { return len(s.Wire.open()) == 0 })
}

func resetEndsAll(t *testing.T, s *scene) {
	if n := s.Reset(); n != 0 {
		t.Errorf("%d connections before there are any", n)
	}
	asking := make(chan error)
	go func() {
		_, err := s.client.ExecContext(t.Context(), `DO SLEEP(60) /* reset me */`)
		asking <- err
	}()
	idle, err := s.client.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	await(t, "the client sleeps", func() bool {
		return get[int](t, s, `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep' AND INFO LIKE '%reset me%'`) == 1
	})
	if n := s.Reset(); n != 2 {
		t.Errorf("reset %d connections, want 2", n)
	}
	if err := <-asking; err == nil {
		t.Error("the client that waited has noticed nothing")
	}
	if err := idle.PingContext(t.Context()); err == nil {
		t.Error("the connection that was idle is alive")
	}
	s.mustWork(t, "demo", true)
}

// A reset is one, on both sides; an ordinary end is not.
func TestResetIsNoOrdinaryEnd(t *testing.T) {
	t.Parallel()
	for _, reset := range []bool{true, false} {
		client, server, w := raw(t)
		if reset {
			w.Reset()
		} else {
			server.Close()
		}
		_, err := client.Read(make([]byte, 1))
		if ordinary := err == io.EOF; ordinary == reset {
			t.Errorf("reset %v: the client got %v", reset, err)
		}
		if _, err := server.Read(make([]byte, 1)); reset && err == io.EOF {
			t.Errorf("the server got %v", err)
		}
	}
}

// raw is a connection through a wire, whose ends are in the test's hands.
func raw(t *testing.T) (client, server net.Conn, w *Wire) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w = New(t, listener.Addr().String())
	if client, err = net.Dial("tcp", w.Addr()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	await(t, "the wire has put both together", func() bool { return len(w.open()) == 1 })
	for _, c := range []net.Conn{client, server} {
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return client, server, w
}

// What a client began to say and never finished arrives all the same.
func TestHalfASentenceArrives(t *testing.T) {
	t.Parallel()
	client, server, w := raw(t)
	w.Arm(Trap{Step: BeforeLock, Do: DropAndCut})
	said := append(greeting(0), queryOf(readSQL)[:20]...)
	if _, err := client.Write(said); err != nil {
		t.Fatal(err)
	}
	client.Close()
	got, err := io.ReadAll(server)
	if err != nil || !bytes.Equal(got, said) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPoint(t *testing.T) {
	t.Parallel()
	from, to := scenes(t)(t), scenes(t)(t)
	to.admin.MustExec(`INSERT INTO assignments VALUES ('demo', 1, 'here')`)
	conn, err := from.client.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	from.Point(to.server.Address())
	if err := conn.PingContext(t.Context()); err == nil {
		t.Error("a connection to the server before is alive")
	}
	// The account of the other server, by the address of this wire.
	to.Wire = from.Wire
	db := to.open(t)
	var n int
	if err := db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM assignments`); err != nil || n != 1 {
		t.Errorf("%d assignments, %v", n, err)
	}
}

// A server that is not there is no answer, and does not end the wire.
func nobodyThere(t *testing.T, s *scene) {
	address := s.server.Address()
	s.Point("127.0.0.1:1")
	if err := s.client.PingContext(t.Context()); err == nil {
		t.Error("nobody answers")
	}
	s.Point(address)
	s.mustWork(t, "demo", true)
}

// Everything at once, for the race detector, and a wire that works behind it.
func storm(t *testing.T, s *scene) {
	detour := New(t, s.server.Address())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var (
		wg   sync.WaitGroup
		well atomic.Int32
	)
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				if _, err := s.work(ctx, "demo", true); err == nil {
					well.Add(1)
				}
				cancel()
			}
		})
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	for n := range 100 {
		before := well.Load()
		s.harm(rnd, []string{s.server.Address(), detour.Addr()}[n%2])
		s.Heal()
		if n%10 == 0 { // from time to time all is well
			s.Delay(0, 0)
			await(t, "units go well again", func() bool { return well.Load() > before })
		}
	}
	stop()
	wg.Wait()
	var seq, n int // at one time: the server may still be at what it was given
	err := s.admin.QueryRowx(`SELECT seq, (SELECT COUNT(*) FROM assignments a WHERE a.pool = p.pool) FROM pools p WHERE pool = 'demo'`).Scan(&seq, &n)
	if err != nil || seq != n || n < int(well.Load()) {
		t.Errorf("seq %d, %d assignments, %d units that went well; %v", seq, n, well.Load(), err)
	}
	t.Logf("%d units went well", well.Load())
}

// harm does one bad thing.
func (s *scene) harm(rnd *rand.Rand, upstream string) {
	switch rnd.IntN(5) {
	case 0:
		s.Reset()
	case 1:
		s.Delay(time.Duration(rnd.IntN(3))*time.Millisecond, time.Millisecond)
	case 2:
		s.Silence()
		time.Sleep(time.Duration(rnd.IntN(10)) * time.Millisecond) // so long
	case 3:
		s.Point(upstream)
	case 4:
		trap := Trap{Step: Steps[rnd.IntN(len(Steps))], Do: Action(rnd.IntN(4))}
		if trap.Do == Hold {
			trap.For = time.Millisecond
		}
		s.Arm(trap)
	}
}
