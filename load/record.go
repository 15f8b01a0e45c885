package load

// A record is what measuring and judging get to know of a call. Times are
// nanoseconds since the run began.
type record struct {
	due      int64 // latency counts from here: the time it should have begun, or begun
	begun    int64 // before the first byte was sent
	answered int64
	seq      int64  // of the assignment
	sum      uint64 // of the assignment, see [answer.sum]
	pool     uint32 // its index
	planner  uint32 // its index, or nobody
	number   uint32 // its index; 0 for none, and where numbers are not judged
	kind     kind
	outcome  outcome
	replayed bool // it was answered as a repetition
	made     bool // nothing was heard of this assignment before
	doubt    bool // it may have happened, and nothing is known of it
}

// nobody is a planner who was not there when the run began.
const nobody = ^uint32(0)

// A batch is records of one worker, in the order of their ends.
type batch struct{ records []record }

// A batch is handed over when it has this many records, or is this old.
const (
	batchSize = 64
	batchAge  = 50e6
)
