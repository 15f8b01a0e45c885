//go:build !race

package overload

const (
	// factor is what is asked for, in capacities.
	factor = 10

	// line is how many calls the instance lets wait for one pool: its default.
	line = 4096

	// manyCallers is more than can wait for one pool at once: a full line, a
	// unit, and those whose refusal is on its way.
	manyCallers = 5500
)
