package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// packetOf is a packet with any sequence and body.
func packetOf(sequence byte, body []byte) []byte {
	n := len(body)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, body...)
}

func queryOf(text string) []byte { return packetOf(0, append([]byte{comQuery}, text...)) }

// greeting is the beginning of what a client answers to the server's, with
// what it wants.
func greeting(caps uint32) []byte {
	return packetOf(1, append(binary.LittleEndian.AppendUint32(nil, caps), make([]byte, 28)...))
}

// A cutting is what frames made of a stream.
type cutting struct {
	all     []byte
	packets [][]byte
}

// cutUp hands chunks to frames; wanted says from which on queries are.
func cutUp(chunks [][]byte, wanted int) cutting {
	var (
		f frames
		c cutting
	)
	for i, data := range chunks {
		for len(data) > 0 {
			unread, packet, rest := f.cut(data, i >= wanted)
			c.all = append(append(c.all, unread...), packet...)
			if packet != nil {
				c.packets = append(c.packets, packet)
			}
			data = rest
		}
	}
	c.all = append(c.all, f.held...)
	return c
}

// pieces cuts a stream at random.
func pieces(rnd *rand.Rand, data []byte) (chunks [][]byte) {
	for len(data) > 0 {
		n := 1 + rnd.IntN(min(len(data), 1+rnd.IntN(20)))
		chunks = append(chunks, data[:n:n])
		data = data[n:]
	}
	return chunks
}

func TestFramesFindQueries(t *testing.T) {
	t.Parallel()
	stream := bytes.Join([][]byte{
		greeting(0x0f_a68d),
		packetOf(3, []byte{comQuery, 'p', 'w'}), // of the handshake, whatever it looks like
		queryOf("SELECT 1"),
		packetOf(0, []byte{1}), // another command
		packetOf(0, nil),
		queryOf(""),
		queryOf("SELECT 2"),
	}, nil)
	for seed := range uint64(200) {
		got := cutUp(pieces(rand.New(rand.NewPCG(seed, 0)), stream), 0)
		if !bytes.Equal(got.all, stream) {
			t.Fatalf("seed %d: the stream has changed: %q", seed, got.all)
		}
		if n := len(got.packets); n != 3 || !bytes.Equal(got.packets[0], queryOf("SELECT 1")) || !bytes.Equal(got.packets[2], queryOf("SELECT 2")) {
			t.Fatalf("seed %d: found %q", seed, got.packets)
		}
	}
}

// Queries are wanted from the middle of one on: the next is whole.
func TestFramesStartInTheMiddle(t *testing.T) {
	t.Parallel()
	stream := bytes.Join([][]byte{greeting(0), queryOf("SELECT 1"), queryOf("SELECT 2")}, nil)
	half := len(greeting(0)) + 7
	got := cutUp([][]byte{stream[:half:half], stream[half:]}, 1)
	if !bytes.Equal(got.all, stream) || len(got.packets) != 1 || !bytes.Equal(got.packets[0], queryOf("SELECT 2")) {
		t.Errorf("found %q in %q", got.packets, got.all)
	}
}

// What is encrypted or compressed is no packets of ours.
func TestFramesLeaveTheUnreadableAlone(t *testing.T) {
	t.Parallel()
	for _, caps := range []uint32{capTLS, capCompress, capZstd} {
		stream := bytes.Join([][]byte{greeting(caps), queryOf("SELECT 1")}, nil)
		got := cutUp([][]byte{stream}, 0)
		if !bytes.Equal(got.all, stream) || len(got.packets) != 0 {
			t.Errorf("caps %x: found %q in %q", caps, got.packets, got.all)
		}
	}
}

// A query of 16 MiB or more has several packets, of which the later look like
// anything.
func TestFramesLeaveLongQueriesAlone(t *testing.T) {
	t.Parallel()
	long := make([]byte, maxBody)
	long[0] = comQuery
	stream := bytes.Join([][]byte{greeting(0), packetOf(0, long), packetOf(1, []byte{comQuery, 'x'}), queryOf("SELECT 1")}, nil)
	var chunks [][]byte
	for at := 0; at < len(stream); at += 32 << 10 {
		chunks = append(chunks, stream[at:min(len(stream), at+32<<10)])
	}
	got := cutUp(chunks, 0)
	if !bytes.Equal(got.all, stream) || len(got.packets) != 1 || !bytes.Equal(got.packets[0], queryOf("SELECT 1")) {
		t.Errorf("found %d packets, and %d bytes of %d", len(got.packets), len(got.all), len(stream))
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(bytes.Join([][]byte{greeting(0), queryOf("SELECT 1"), packetOf(0, nil), queryOf("SELECT 2")}, nil), uint64(1), 0)
	f.Add(bytes.Join([][]byte{greeting(capTLS), queryOf("SELECT 1")}, nil), uint64(2), 3)
	f.Add([]byte{0, 0, 0}, uint64(3), 0)
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64, wanted int) {
		got := cutUp(pieces(rand.New(rand.NewPCG(seed, 0)), stream), wanted)
		if !bytes.Equal(got.all, stream) {
			t.Errorf("%q became %q", stream, got.all)
		}
		for _, p := range got.packets {
			if !bytes.Equal(p, packetOf(0, p[headerSize:])) || p[headerSize] != comQuery {
				t.Errorf("%q is no query", p)
			}
		}
		if whole := cutUp([][]byte{stream}, wanted); wanted <= 0 && len(stream) > 0 && len(whole.packets) != len(got.packets) {
			t.Errorf("found %q in pieces and %q in one", got.packets, whole.packets)
		}
	})
}

// The wire stands in the path of everything: while no trap is armed, looking at
// what passes costs next to nothing.
func TestFramesReadNoMoreThanTheyMust(t *testing.T) {
	var f frames
	f.cut(greeting(0), false)
	data := bytes.Join([][]byte{queryOf("SELECT 1"), queryOf(string(make([]byte, 10000)))}, nil)
	allocs := testing.AllocsPerRun(100, func() {
		if unread, packet, rest := f.cut(data, false); len(unread) != len(data) || packet != nil || rest != nil {
			t.Errorf("%d bytes of %d, a packet of %d", len(unread), len(data), len(packet))
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
