package faults

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A relay passes on what clients and a server say, until a client has said so
// many bytes at a stretch: it falls silent then, without a word to anybody.
type relay struct {
	net.Listener
	server string
	limit  int64

	fall   sync.Once
	silent chan struct{} // closed when it is
	closed chan struct{} // closed at the end
	users  sync.WaitGroup
}

func newRelay(t *testing.T, server string, limit int64) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, server: server, limit: limit, silent: make(chan struct{}), closed: make(chan struct{})}
	r.users.Go(r.accept)
	t.Cleanup(func() {
		r.Close()
		close(r.closed)
		r.users.Wait()
	})
	return r
}

func (r *relay) accept() {
	for {
		client, err := r.Accept()
		if err != nil {
			return
		}
		r.users.Go(func() { r.connect(client) })
	}
}

// connect keeps both connections open until both sides have closed theirs.
func (r *relay) connect(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer server.Close()
	var stretch atomic.Int64
	var both sync.WaitGroup
	both.Go(func() {
		r.pump(client, server, func(n int64) bool { return stretch.Add(n) < r.limit })
		_ = server.(*net.TCPConn).CloseWrite()
	})
	both.Go(func() {
		r.pump(server, client, func(int64) bool { stretch.Store(0); return true })
		_ = client.(*net.TCPConn).CloseWrite()
	})
	both.Wait()
}

// pump passes on what comes from one side, for as long as goOn says so of the
// number of bytes.
func (r *relay) pump(from io.Reader, to io.Writer, goOn func(int64) bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err == nil && !goOn(int64(n)) {
			r.fall.Do(func() { close(r.silent) })
		}
		select {
		case <-r.silent:
			<-r.closed
			return
		default:
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
