package wire

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// A connection is a client's to the wire and the wire's to the server.
type connection struct {
	wire           *Wire
	client, server *net.TCPConn

	ending sync.Once
	gone   chan struct{} // closed when both sides are

	lost atomic.Bool // silence has swallowed something
	cut  atomic.Bool // the client has been cut off; what the server says is for nobody
}

const laneType = "fairlead-lane"

// register makes our toxic known to the library, which makes its own copies.
var register = sync.OnceFunc(func() { toxics.Register(laneType, new(lane)) })

// start lets the bytes flow.
func (c *connection) start() error {
	register()
	chain := toxiproxy.NewToxicCollection(c.wire.proxy)
	for _, direction := range []stream.Direction{stream.Upstream, stream.Downstream} {
		toxic, err := chain.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"type": %q, "stream": %q}`, laneType, direction)))
		if err != nil {
			return err
		}
		l := toxic.Toxic.(*lane)
		l.connection = c
		if direction == stream.Upstream {
			l.frames = new(frames)
		}
	}
	c.wire.running.Add(2) // a lane says when it is done
	chain.StartLink(c.wire.links, "up", c.client, side{c.server, c}, stream.Upstream)
	chain.StartLink(c.wire.links, "down", c.server, side{c.client, c}, stream.Downstream)
	return nil
}

// A side is what a link writes to. A link closes it when it has written all,
// or cannot write any more, and then the other direction has no use either.
type side struct {
	net.Conn
	connection *connection
}

func (s side) Close() error {
	s.connection.end()
	return nil
}

func (c *connection) end() {
	c.ending.Do(func() {
		c.client.Close()
		c.server.Close()
		close(c.gone)
		c.wire.forget(c)
	})
}

func (c *connection) reset() {
	_ = c.client.SetLinger(0) // fails if it is closed
	_ = c.server.SetLinger(0)
	c.end()
}

// abort closes a connection with a reset.
func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // fails if it is closed
	conn.Close()
}

// arrives waits until what was sent at a time is due, and reports whether it
// gets there at all.
func (c *connection) arrives(sent time.Time) bool {
	now := c.due(sent)
	if !now.silent && !c.lost.Load() {
		return true
	}
	c.lost.Store(true) // nothing may follow behind a hole
	if !c.wire.now.Load().silent {
		c.reset() // healed just now, and did not see that we had lost something
	}
	return false
}

// due waits for as long as the conditions at the time ask for, and returns
// those that something arrives in.
func (c *connection) due(sent time.Time) *conditions {
	for {
		now := c.wire.now.Load()
		wait := now.delay()
		if wait <= 0 {
			return now
		}
		select {
		case <-time.After(time.Until(sent.Add(wait))):
			return c.wire.now.Load()
		case <-now.over:
		case <-c.gone:
			return now
		}
	}
}
