package numbering

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Rate is so many requests in a unit of time, as somebody wrote it.
type Rate struct {
	Count float64
	Unit  string // "s", "min", "h" or "day"
}

var units = map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour, "day": 24 * time.Hour}

// spellings are other ways to write a unit. There is no m: it could be a month.
var spellings = map[string]string{"sec": "s", "second": "s", "minute": "min", "hour": "h", "hr": "h", "d": "day"}

// ParseRate reads a rate: "40/h", "3/min", "0.5/s", "1000/day".
func ParseRate(s string) (Rate, error) {
	count, unit, _ := strings.Cut(strings.ToLower(s), "/")
	unit = strings.TrimSpace(unit)
	if known, is := spellings[unit]; is {
		unit = known
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
	if err != nil || units[unit] == 0 || !(n > 0) || math.IsInf(n, 0) {
		return Rate{}, fmt.Errorf("%q: give requests in a second, minute, hour or day, such as 0.5/s, 3/min, 40/h or 1000/day", s)
	}
	return Rate{Count: n, Unit: unit}, nil
}

// PerSecond is the rate in requests a second.
func (r Rate) PerSecond() float64 { return r.Count / units[r.Unit].Seconds() }

// Per is a rate of so many requests a second in r's unit.
func (r Rate) Per(second float64) Rate {
	return Rate{Count: second * units[r.Unit].Seconds(), Unit: r.Unit}
}

// String has two decimals, or three digits if it is less than one.
func (r Rate) String() string {
	if r.Count < 1 {
		return strconv.FormatFloat(r.Count, 'g', 3, 64) + "/" + r.Unit
	}
	return strconv.FormatFloat(math.Round(r.Count*100)/100, 'f', -1, 64) + "/" + r.Unit
}
