package history

import "encoding/binary"

// A table is the planners' seats, in the order of their ids, packed into a
// string: the search compares and keeps very many of them.
type table string

// A seat is what the rule knows of a planner. The turns of those who have had
// work are 1, 2, 3 … in the order in which they last had it, so that two ways
// to the same state look the same; 0 is never.
type seat struct {
	load   uint32
	turn   uint16
	active bool
}

const seatSize = 4 + 2 + 1

func lay(seats []seat) table {
	b := make([]byte, 0, len(seats)*seatSize)
	for _, s := range seats {
		b = binary.BigEndian.AppendUint32(b, s.load)
		b = binary.BigEndian.AppendUint16(b, s.turn)
		if s.active {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return table(b)
}

func (t table) seats() []seat {
	seats := make([]seat, len(t)/seatSize)
	for i := range seats {
		b := []byte(t[i*seatSize : (i+1)*seatSize])
		seats[i] = seat{binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:]), b[6] == 1}
	}
	return seats
}

// next is whose turn it is: smallest load, then longest without work, then the
// id, which is the order of the seats. any is false if nobody is active.
func next(seats []seat) (due int, any bool) {
	due = -1
	for i, s := range seats {
		if s.active && (due < 0 || s.load < seats[due].load || s.load == seats[due].load && s.turn < seats[due].turn) {
			due = i
		}
	}
	return due, due >= 0
}

// lastTurn makes planner the last who had work, and returns that turn.
func lastTurn(seats []seat, planner int) uint16 {
	old, last := seats[planner].turn, uint16(1)
	for i := range seats {
		if i == planner {
			continue
		}
		if old > 0 && seats[i].turn > old {
			seats[i].turn--
		}
		last = max(last, seats[i].turn+1)
	}
	return last
}
