package wire

import (
	"encoding/binary"
	"math"
)

const (
	headerSize = 4         // of a packet: three bytes of length, one of sequence
	maxBody    = 1<<24 - 1 // a packet of this length goes on in the next one
	comQuery   = 3
)

// What a client says at the start that it will make of the connection, and
// that ends in something that is no packets, or not ours to read.
const (
	capCompress = 1 << 5
	capTLS      = 1 << 11
	capZstd     = 1 << 26
)

// frames follows the packets in what a client sends, and reads no more of them
// than it must.
type frames struct {
	held []byte // the beginning of a packet that cannot be judged yet
	pass int    // so many bytes more go on unread

	greeted bool
}

// cut takes what follows in the stream. Unread goes on as it is; then comes
// packet, a whole query, if it is not nil; rest is to be cut next. Queries are
// looked for only if wanted, and not among those that have more than one
// packet.
func (f *frames) cut(data []byte, wanted bool) (unread, packet, rest []byte) {
	if len(f.held) > 0 {
		data = append(f.held, data...)
		f.held = nil
	}
	n := 0 // so much goes on
	for {
		if f.pass >= len(data)-n {
			f.pass -= len(data) - n
			return data, nil, nil
		}
		n += f.pass
		f.pass = 0
		size, query, enough := f.judge(data[n:], wanted)
		switch {
		case !enough || query && size > len(data)-n:
			f.held = data[n:]
			return data[:n], nil, nil
		case query:
			return data[:n], data[n : n+size], data[n+size:]
		}
		f.pass = size
	}
}

// judge reads the head of a packet: how many bytes it has, and whether it is a
// wanted query. It may not be enough to tell.
func (f *frames) judge(head []byte, wanted bool) (size int, query, enough bool) {
	if len(head) < headerSize {
		return 0, false, false
	}
	body := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	size = headerSize + body
	if !f.greeted {
		if body >= 4 && len(head) < headerSize+4 {
			return 0, false, false
		}
		f.greeted = true
		if body >= 4 && binary.LittleEndian.Uint32(head[headerSize:])&(capCompress|capTLS|capZstd) != 0 {
			return math.MaxInt, false, true
		}
		return size, false, true
	}
	first := head[3] == 0 // commands start a sequence
	if !wanted || !first || body == 0 || body == maxBody {
		return size, false, true
	}
	if len(head) <= headerSize {
		return 0, false, false
	}
	return size, head[headerSize] == comQuery, true
}

// query makes a packet of a statement's text. It reports false if that is too
// long for one.
func query(text []byte) ([]byte, bool) {
	body := 1 + len(text)
	if body >= maxBody {
		return nil, false
	}
	packet := make([]byte, 0, headerSize+body)
	packet = append(packet, byte(body), byte(body>>8), byte(body>>16), 0, comQuery)
	return append(packet, text...), true
}

// queryText is the text in a packet that is a query.
func queryText(packet []byte) []byte { return packet[headerSize+1:] }
