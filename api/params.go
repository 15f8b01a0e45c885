package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"fairlead/assign"
)

// How many items a list has.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// part is a part of the path, decoded. echo leaves it as it was sent if any
// part of the path is spelled in an unusual way.
func (x *exchange) part(name string) (string, error) {
	v := x.Param(name)
	if x.Request().URL.RawPath == "" {
		return v, nil
	}
	v, err := url.PathUnescape(v)
	if err != nil {
		return "", invalid(name, "is not spelled as a URL allows")
	}
	return v, nil
}

func (x *exchange) pool() (assign.PoolID, error) {
	v, err := x.part("pool")
	if err != nil {
		return "", err
	}
	return assign.ParsePoolID("pool", v)
}

func (x *exchange) planner() (assign.PlannerID, error) {
	v, err := x.part("planner")
	if err != nil {
		return "", err
	}
	return assign.ParsePlannerID("planner", v)
}

// assignment is an assignment's id. One that cannot be an id is one that does
// not exist.
func (x *exchange) assignment() (string, error) {
	v, err := x.part("id")
	if err != nil {
		return "", err
	}
	if !isULID(v) {
		return "", assign.ErrAssignmentNotFound
	}
	return v, nil
}

func (x *exchange) number() (assign.Number, error) {
	v, err := x.part("number")
	if err != nil {
		return "", err
	}
	return assign.ParseNumber("number", v)
}

// isULID reports whether s is spelled as we spell ids.
func isULID(s string) bool {
	return len(s) == 26 && s[0] >= '0' && s[0] <= '7' && strings.Trim(s, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// ownLock is the name of a lock as the service itself gives them, or the pool
// id that stands for one.
func (x *exchange) ownLock() (string, error) {
	v, err := x.part("name")
	if err != nil {
		return "", err
	}
	if !strings.Contains(v, ":") {
		_, err := assign.ParsePoolID("name", v)
		return v, err
	}
	if len(v) > 64 || strings.Trim(v, "abcdefghijklmnopqrstuvwxyz0123456789:._#-") != "" {
		return "", invalid("name", "must be a pool id, or 1 to 64 characters of a-z, 0-9 and :._#-")
	}
	return v, nil
}

// maxLockName is the longest name that a server takes, in bytes: MariaDB's
// limit, and MySQL's 64 characters of three.
const maxLockName = 192

// anyLock is the name of a lock that any application may have given, or a pool
// id. Servers cut a name at a NUL, so one with it is another lock's.
func (x *exchange) anyLock() (string, error) {
	v, err := x.part("name")
	if err != nil {
		return "", err
	}
	if v == "" || len(v) > maxLockName || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
		return "", invalid("name", "must be a pool id, or 1 to 192 bytes of UTF-8 without NUL")
	}
	return v, nil
}

// connectionID is the session that is meant, which must be given: a lock has
// another holder in a moment.
func (x *exchange) connectionID() (int64, error) {
	const name = "connection_id"
	v, ok := x.query[name]
	if !ok {
		return 0, invalid(name, "is required: the connection that holds the lock, as GET shows it")
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil || n == 0 {
		return 0, invalid(name, "must be a whole number above 0")
	}
	return int64(n), nil
}

// reason is why, which must be given, for those who ask later.
func (x *exchange) reason() (string, error) {
	const name = "reason"
	v, ok := x.query[name]
	switch {
	case !ok:
		return "", invalid(name, "is required: say why, for the audit")
	case strings.TrimSpace(v) == "":
		return "", invalid(name, "must not be blank")
	}
	return assign.ParseText(name, v)
}

// parseQuery keeps the query's parameters, each of which must be among known
// and may be there once, but not empty.
func (x *exchange) parseQuery(known []string) error {
	raw := x.Request().URL.RawQuery
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return invalid("query", "is not spelled as a URL allows")
	}
	x.query = make(map[string]string, len(values))
	for name, v := range values {
		switch {
		case !slices.Contains(known, name):
			return invalid(shortened(name), "is not a query parameter of this call")
		case len(v) > 1:
			return invalid(name, "is given twice")
		case v[0] == "":
			return invalid(name, "must not be empty")
		}
		x.query[name] = v[0]
	}
	return nil
}

func (x *exchange) limit() (int, error) {
	v, ok := x.query["limit"]
	if !ok {
		return defaultLimit, nil
	}
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n < 1 || n > maxLimit {
		return 0, outside("limit", 1, maxLimit)
	}
	return int(n), nil
}

// afterSeq is a position in a pool's log, 0 if there is none.
func (x *exchange) afterSeq() (int64, error) {
	v, ok := x.query["after"]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		return 0, invalid("after", "must be a seq")
	}
	return int64(n), nil
}

// queried parses a parameter with one of the domain's functions. It is the zero
// value if there is none.
func queried[T any](x *exchange, name string, parse func(field, s string) (T, error)) (T, error) {
	v, ok := x.query[name]
	if !ok {
		var none T
		return none, nil
	}
	return parse(name, v)
}

func parseULID(field, s string) (string, error) {
	if !isULID(s) {
		return "", invalid(field, "must be an id as the list spells it")
	}
	return s, nil
}

// parseListedNumber accepts a number as lists spell it only. In a query a plus
// means a space, and a number without its plus is another one.
func parseListedNumber(field, s string) (assign.Number, error) {
	n, err := assign.ParseNumber(field, s)
	if err == nil && string(n) != s {
		return "", invalid(field, "must be a number as the list spells it, with '+' written %2B")
	}
	return n, err
}

func parseNumberState(field, s string) (assign.NumberFilterState, error) {
	switch v := assign.NumberFilterState(s); v {
	case assign.ListFree, assign.ListActive, assign.ListCooling, assign.ListDraining, assign.ListSuspended, assign.ListAside:
		return v, nil
	}
	return "", invalid(field, `must be "free", "active", "cooling", "draining", "suspended" or "set_aside"`)
}

// key is the idempotency key, empty if there is none. One that is there but
// empty was meant to be something, and two cannot both be meant.
func key(h http.Header) (string, error) {
	const name = "Idempotency-Key"
	switch v := h[name]; len(v) {
	case 0:
		return "", nil
	case 1:
		return assign.ParseKey(name, v[0])
	}
	return "", invalid(name, "is given twice")
}

// timeout is how long the caller waits for the answer.
func timeout(h http.Header) (time.Duration, error) {
	const name = "Request-Timeout"
	v := h[name]
	if len(v) == 0 {
		return assign.MaxWait, nil
	}
	seconds, ok := parseSeconds(v[0])
	if len(v) > 1 || !ok {
		return 0, invalid(name, "must be a number of seconds above 0, once")
	}
	if seconds >= assign.MaxWait.Seconds() {
		return assign.MaxWait, nil
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// parseSeconds accepts digits with at most one dot among or ahead of them, and
// not the other spellings that Go has for numbers.
func parseSeconds(s string) (float64, bool) {
	if len(s) > 32 || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(s, 64)
	return seconds, err == nil && seconds > 0
}
