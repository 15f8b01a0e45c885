package wire

import (
	"slices"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// A lane is one direction of a connection. It is a toxic whose settings live
// elsewhere, so that nobody ever has to interrupt it.
type lane struct {
	connection *connection
	frames     *frames // nil in the direction of answers
}

// GetBufferSize makes room for what is under way while something before it is
// delayed.
func (l *lane) GetBufferSize() int { return 1024 }

// Pipe implements [toxics.Toxic].
func (l *lane) Pipe(stub *toxics.ToxicStub) {
	defer l.connection.wire.running.Done()
	l.run(stub)
	stub.Close()
	for range stub.Input { // who still sends must not be left standing
	}
}

func (l *lane) run(stub *toxics.ToxicStub) {
	for {
		select {
		case <-l.connection.gone:
			return
		case chunk, open := <-stub.Input:
			switch {
			case !open:
				l.hungUp(stub.Output)
				return
			case !l.connection.arrives(chunk.Timestamp):
			case l.frames == nil:
				if !l.connection.cut.Load() && !l.send(stub.Output, chunk.Data) {
					return
				}
			case !l.forward(stub.Output, chunk.Data):
				return
			}
		}
	}
}

// hungUp waits until the other side may learn that this one is gone.
func (l *lane) hungUp(out chan<- *stream.StreamChunk) {
	if !l.connection.wire.heard(l.connection.gone) || l.connection.lost.Load() || l.frames == nil {
		return
	}
	if rest := l.frames.held; len(rest) > 0 {
		l.send(out, rest)
	}
}

// chunkSize is what io.Copy reads at once. A link loses the end of a chunk that
// is longer if the next one is there already.
const chunkSize = 32 << 10

// send reports false if the connection is gone.
func (l *lane) send(out chan<- *stream.StreamChunk, data []byte) bool {
	for chunk := range slices.Chunk(data, chunkSize) {
		select {
		case out <- &stream.StreamChunk{Data: chunk}:
		case <-l.connection.gone:
			return false
		}
	}
	return true
}

// forward sends on what came from the client. It reports false when nothing
// may follow.
func (l *lane) forward(out chan<- *stream.StreamChunk, data []byte) bool {
	armed := l.connection.wire.traps.armed.Load() > 0
	for len(data) > 0 {
		unread, packet, rest := l.frames.cut(data, armed)
		if len(unread) > 0 && !l.send(out, unread) {
			return false
		}
		if packet != nil && !l.meet(out, packet) {
			return false
		}
		data = rest
	}
	return true
}

// meet sends on a packet that a trap may be waiting for, or does what the trap
// says. It reports false when nothing may follow.
func (l *lane) meet(out chan<- *stream.StreamChunk, packet []byte) bool {
	t, changed := l.connection.wire.traps.spring(packet)
	if t == nil {
		return l.send(out, packet)
	}
	switch t.Do {
	case Hold, Fail:
		return l.send(out, changed)
	case Truncate:
		l.send(out, packet[:len(packet)/2])
	case DeliverAndCut:
		l.deliverAndCut(out, packet)
	}
	return false
}

// goodbye is COM_QUIT. Behind a packet it makes the server run the whole of it
// and then hang up. A server that finds its client gone in the middle may stop
// there or not, as it happens.
var goodbye = []byte{1, 0, 0, 0, 1}

func (l *lane) deliverAndCut(out chan<- *stream.StreamChunk, packet []byte) {
	c := l.connection
	c.cut.Store(true)
	if l.send(out, packet) && l.send(out, goodbye) {
		abort(c.client)
		<-c.gone // the server's side lasts until the server hangs up
	}
}
