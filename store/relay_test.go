package store_test

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// A relay stands between the store and its server, and can harm what passes.
type relay struct {
	dsn string // through the relay

	mu     sync.Mutex
	target func() (net.Conn, error)
	conns  []net.Conn
	harm   harm
}

// A harm looks at what a client is about to send. It returns what is sent in
// its place, whether the server still gets it, and whether the connection is
// cut afterwards.
type harm func(sent []byte) (send []byte, deliver, cut bool)

// newRelay returns a relay in front of the server of dsn.
func newRelay(t *testing.T, dsn string) *relay {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, address := cfg.Net, cfg.Addr
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Net, cfg.Addr = "tcp", l.Addr().String()
	r := &relay{dsn: cfg.FormatDSN(), target: func() (net.Conn, error) { return net.Dial(network, address) }}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { r.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			c.Close()
		}
		r.mu.Unlock()
		wg.Wait()
	})
	return r
}

// setTarget makes the relay connect elsewhere from now on.
func (r *relay) setTarget(target func() (net.Conn, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
}

// on makes the relay ask h about what passes from now on.
func (r *relay) on(h harm) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.harm = h
}

// once limits a harm to the first packet that contains text.
func once(text string, h harm) harm {
	var did sync.Once
	return func(sent []byte) (send []byte, deliver, cut bool) {
		send, deliver = sent, true
		if bytes.Contains(sent, []byte(text)) {
			did.Do(func() { send, deliver, cut = h(sent) })
		}
		return send, deliver, cut
	}
}

func (r *relay) serve(client net.Conn) {
	r.mu.Lock()
	target := r.target
	r.mu.Unlock()
	server, err := target()
	if err != nil {
		client.Close()
		return
	}
	r.mu.Lock()
	r.conns = append(r.conns, client, server)
	r.mu.Unlock()
	closeBoth := func() { client.Close(); server.Close() }
	go func() {
		defer closeBoth()
		pump(server, client, nil)
	}()
	defer closeBoth()
	pump(client, server, func(sent []byte) ([]byte, bool, bool) {
		r.mu.Lock()
		h := r.harm
		r.mu.Unlock()
		if h == nil {
			return sent, true, false
		}
		return h(sent)
	})
}

func pump(from, to net.Conn, h harm) {
	buf := make([]byte, 1<<20)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		send, deliver, cut := buf[:n], true, false
		if h != nil {
			send, deliver, cut = h(send)
		}
		if deliver {
			if _, err := to.Write(send); err != nil {
				return
			}
		}
		if cut {
			return
		}
	}
}

// replaced is a packet in which old stands as new, padded to the same length.
func replaced(sent []byte, old, with string) []byte {
	with += strings.Repeat(" ", len(old)-len(with))
	return bytes.Replace(sent, []byte(old), []byte(with), 1)
}
