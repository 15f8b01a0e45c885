package load

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Rate is so many calls a second.
type Rate float64

// MaxRate is the largest rate that can be asked for.
const MaxRate = 1_000_000

// ParseRate reads a rate as people write it: "5000" or "5000/s".
func ParseRate(s string) (Rate, error) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64)
	if err != nil || !(n >= 0.001 && n <= MaxRate) {
		return 0, fmt.Errorf("%q: give the calls a second, such as 5000 or 5000/s, at most %d", s, MaxRate)
	}
	return Rate(n), nil
}

// due is when call n should begin, counted from the first, which is call 0. It
// is computed anew for each, so that no rounding adds up.
func (r Rate) due(n int64) time.Duration {
	return time.Duration(float64(n) * float64(time.Second) / float64(r))
}
