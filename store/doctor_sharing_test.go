package store_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// newSharing returns how to reach the server of dsn by way of a proxy that
// does what multiplexing proxies do: it gives the statements of one connection
// to two sessions of the server in turn, and keeps their settings alike by
// repeating SET. The account must have no password: the proxy logs in a second
// time with what the client sent, and a password's proof is good for once.
func newSharing(t *testing.T, dsn string) string {
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
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	keep := func(c net.Conn) net.Conn {
		mu.Lock()
		defer mu.Unlock()
		open = append(open, c)
		return c
	}
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p := &sharing{client: newPeer(keep(client))}
			wg.Go(func() {
				defer client.Close()
				for i := range p.sessions {
					conn, err := net.Dial(network, address)
					if err != nil {
						return
					}
					defer conn.Close()
					p.sessions[i] = newPeer(keep(conn))
				}
				_ = p.serve()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	cfg.Net, cfg.Addr = "tcp", l.Addr().String()
	return cfg.FormatDSN()
}

// A peer speaks packets of the protocol: three bytes of length, a number, and
// what it says.
type peer struct {
	net.Conn
	r *bufio.Reader
}

func newPeer(c net.Conn) *peer { return &peer{c, bufio.NewReader(c)} }

func (p *peer) read() ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(p.r, head); err != nil {
		return nil, err
	}
	packet := append(head, make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)...)
	_, err := io.ReadFull(p.r, packet[4:])
	return packet, err
}

// A sharing is one client's connection, and the two sessions behind it.
type sharing struct {
	client   *peer
	sessions [2]*peer
	drop     [2]atomic.Int32 // packets of a session's answer that the client must not see
}

func (p *sharing) serve() error {
	if err := p.logIn(); err != nil {
		return err
	}
	for i, s := range p.sessions {
		go func() {
			defer p.client.Close()
			for {
				packet, err := s.read()
				if err != nil {
					return
				}
				if p.drop[i].Load() > 0 {
					p.drop[i].Add(-1)
					continue
				}
				if _, err := p.client.Write(packet); err != nil {
					return
				}
			}
		}()
	}
	// A client that follows the protocol sends nothing before it has the whole
	// answer, so answers of two sessions do not mix.
	for turn := 0; ; turn = 1 - turn {
		packet, err := p.client.read()
		if err != nil {
			return err
		}
		if set(packet) {
			other := 1 - turn
			p.drop[other].Add(1)
			if _, err := p.sessions[other].Write(packet); err != nil {
				return err
			}
		}
		if _, err := p.sessions[turn].Write(packet); err != nil {
			return err
		}
	}
}

// logIn lets the client log in to the first session, and repeats to the second
// what it said.
func (p *sharing) logIn() error {
	var said [][]byte
	for {
		packet, err := p.sessions[0].read()
		if err != nil {
			return err
		}
		if _, err := p.client.Write(packet); err != nil {
			return err
		}
		if len(said) > 0 && packet[4] == 0x00 {
			break
		}
		if packet, err = p.client.read(); err != nil {
			return err
		}
		said = append(said, packet)
		if _, err := p.sessions[0].Write(packet); err != nil {
			return err
		}
	}
	for i := 0; ; i++ {
		packet, err := p.sessions[1].read()
		if err != nil {
			return err
		}
		if i > 0 && packet[4] == 0x00 {
			return nil
		}
		if i == len(said) {
			return io.ErrUnexpectedEOF
		}
		if _, err := p.sessions[1].Write(said[i]); err != nil {
			return err
		}
	}
}

// set reports whether a packet is a query that changes settings of the session,
// and not of one transaction or statement.
func set(packet []byte) bool {
	const query = 0x03 // COM_QUERY
	if len(packet) < 5 || packet[4] != query {
		return false
	}
	says, ok := bytes.CutPrefix(packet[5:], []byte("SET "))
	return ok && !bytes.HasPrefix(says, []byte("TRANSACTION ")) && !bytes.HasPrefix(says, []byte("STATEMENT "))
}
