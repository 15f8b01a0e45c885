// Package wire is the network between an instance and its database server,
// with faults in it: delay, silence, resets, a server that moves, and traps
// that spring at a chosen statement of a unit (see [Wire.Arm]).
//
// toxiproxy's links carry the bytes. What befalls them is up to one toxic of
// our own in each direction of each connection. The library's own would not
// do: changing them writes to what running links read, a silent link
// ("timeout") passes on that one side has hung up and goes on behind the hole
// when it is over, and "reset_peer" waits for traffic and makes every end of a
// connection a reset.
package wire

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// dialTime bounds a connection to a server that does not answer.
const dialTime = 30 * time.Second

// A Wire leads from its own address to a server's. Its methods may be called
// at any time, also from several goroutines.
type Wire struct {
	tb       testing.TB
	listener *net.TCPListener
	links    *toxiproxy.ApiServer
	proxy    *toxiproxy.Proxy // what links belong to; it does not listen
	running  sync.WaitGroup

	now   atomic.Pointer[conditions]
	traps traps

	mu          sync.Mutex
	upstream    string
	connections map[*connection]struct{} // nil when the wire is closed
}

// New returns a wire to the server at upstream, a host and a port. It ends
// with the test.
func New(tb testing.TB, upstream string) *Wire {
	tb.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatalf("wire: %v", err)
	}
	links := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &Wire{
		tb:          tb,
		listener:    listener,
		links:       links,
		proxy:       toxiproxy.NewProxy(links, "wire", listener.Addr().String(), upstream),
		upstream:    upstream,
		connections: map[*connection]struct{}{},
	}
	w.now.Store(&conditions{over: make(chan struct{})})
	ctx, stop := context.WithCancel(context.Background())
	w.running.Go(func() { w.serve(ctx) })
	tb.Cleanup(func() {
		stop()
		w.close()
	})
	return w
}

func (w *Wire) close() {
	w.listener.Close()
	w.mu.Lock()
	all := slices.Collect(maps.Keys(w.connections))
	w.connections = nil
	w.mu.Unlock()
	for _, c := range all {
		c.reset()
	}
	w.running.Wait()
}

// Addr is where clients connect to.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Point leads to another server: connections to the one before are reset, and
// new ones go to upstream.
func (w *Wire) Point(upstream string) {
	w.mu.Lock()
	w.upstream = upstream
	w.mu.Unlock()
	w.Reset()
}

// Reset ends all connections the hard way, to both sides, and returns how many
// there were.
func (w *Wire) Reset() int {
	all := w.open()
	for _, c := range all {
		c.reset()
	}
	return len(all)
}

func (w *Wire) open() []*connection {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.connections))
}

func (w *Wire) serve(ctx context.Context) {
	for {
		client, err := w.listener.AcceptTCP()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				w.tb.Errorf("wire: accept: %v", err)
			}
			return
		}
		w.running.Go(func() { w.connect(ctx, client) })
	}
}

// connect takes a client through to the server. In silence it goes no further
// than to the wire: the server learns of it when that is over.
func (w *Wire) connect(ctx context.Context, client *net.TCPConn) {
	if !w.heard(ctx.Done()) {
		abort(client)
		return
	}
	w.mu.Lock()
	upstream := w.upstream
	w.mu.Unlock()
	dialer := net.Dialer{Timeout: dialTime}
	server, err := dialer.DialContext(ctx, "tcp", upstream)
	if err != nil {
		abort(client)
		return
	}
	c := &connection{wire: w, client: client, server: server.(*net.TCPConn), gone: make(chan struct{})}
	if !w.add(c, upstream) {
		c.reset()
		return
	}
	if err := c.start(); err != nil {
		w.tb.Errorf("wire: %v", err)
		c.reset()
	}
}

// add reports whether the wire still leads to upstream.
func (w *Wire) add(c *connection, upstream string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.connections == nil || w.upstream != upstream {
		return false
	}
	w.connections[c] = struct{}{}
	return true
}

func (w *Wire) forget(c *connection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.connections, c)
}
