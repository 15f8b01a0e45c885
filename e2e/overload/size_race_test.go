//go:build race

package overload

// The race detector makes caller and instance several times slower and larger.
// What is left of the overload is enough for what must hold at any speed.
const (
	factor      = 4
	line        = 500
	manyCallers = 1500
)
