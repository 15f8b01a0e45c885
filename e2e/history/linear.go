package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	// maxOperations is how long a history [Linearizable] takes on.
	maxOperations = 2000

	searchTime = 30 * time.Second
)

// Linearizable looks for an order of a pool's calls that explains every answer
// and that time allows. It is a cross-check of [Judge] by a search that holds
// every order against answers and times, and believes none: it begins with the
// order of seq, and looks for any other if that one does not do.
//
// An operation is the call that made the assignment of a key, which gave the
// planner that callers were told; a refusal because nobody was active; a
// change of planners that is in the log; and a success of a call to switch a
// planner, who must have been so at some time during the call. Calls that were
// only repeated are left out, and so are those with an unknown outcome whose
// key is not in the table. If it is, the operation may end after all others.
//
// An error says that there is no such order, that none was found in 30 s, or
// that the history cannot be tried: it is too long, or a turn was given back or
// on in it, which the search knows nothing of.
func Linearizable(calls []Call, pool Pool) error {
	mine := slices.DeleteFunc(slices.Clone(calls), func(c Call) bool { return c.Kind != Release && c.Pool != pool.Row.Pool })
	s := scenesOf(mine, []Pool{pool})[0]
	start, operations, err := operationsOf(s)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	n := len(operations)
	if n > maxOperations {
		return fmt.Errorf("%s: %d operations are too many to search, %d is the most", s.name, n, maxOperations)
	}
	if search(start, operations, inOrder) == porcupine.Ok {
		return nil
	}
	switch search(start, operations, inAnyOrder) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("%s: no order explains its %d operations", s.name, n)
	}
	return fmt.Errorf("%s: no order was found for %d operations in %v", s.name, n, searchTime)
}

// An operation is something that happened at some time in when.
type operation struct {
	when span
	move move
	nth  int // in the order to begin with, from 1
}

// A situation is a pool on the way.
type situation struct {
	table
	past int // how many operations led here, if they are taken in order
}

// A step is an operation that comes next. ok is false if it cannot.
type step func(now situation, o operation) (next situation, ok bool)

func inAnyOrder(now situation, o operation) (situation, bool) {
	next, ok := o.move(now.table)
	return situation{table: next}, ok
}

func inOrder(now situation, o operation) (situation, bool) {
	next, ok := o.move(now.table)
	return situation{next, o.nth}, ok && o.nth == now.past+1
}

func search(start table, operations []operation, take step) porcupine.CheckResult {
	history := make([]porcupine.Operation, len(operations))
	for i, o := range operations {
		history[i] = porcupine.Operation{Input: o, Call: int64(o.when.from), Return: int64(o.when.to)}
	}
	return porcupine.CheckOperationsTimeout(porcupine.Model{
		Init: func() any { return situation{table: start} },
		Step: func(now, o, _ any) (bool, any) {
			next, ok := take(now.(situation), o.(operation))
			return ok, next
		},
	}, history, searchTime)
}
