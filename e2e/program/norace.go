//go:build !race

package program

const raceEnabled = false

// Race is 1 if this is a race-enabled build, which is several times as slow, and
// 0 if it is not.
const Race = 0
