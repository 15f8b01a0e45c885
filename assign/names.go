package assign

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the longest name, customer reference or reason, in characters.
const MaxText = 256

// ParsePoolID accepts a slug of 1 to 48 characters of a-z, 0-9, dot,
// underscore and hyphen that starts with a letter or digit. Anything else is
// an [InvalidError] for field.
func ParsePoolID(field, s string) (PoolID, error) {
	if len(s) < 1 || len(s) > 48 || !isSlugStart(s[0]) || strings.IndexFunc(s, notSlug) >= 0 {
		return "", invalid(field, "must be 1 to 48 characters of a-z, 0-9, '.', '_' and '-', the first a letter or digit")
	}
	return PoolID(s), nil
}

func isSlugStart(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func notSlug(r rune) bool {
	return r >= utf8.RuneSelf || !isSlugStart(byte(r)) && r != '.' && r != '_' && r != '-'
}

// ParsePlannerID accepts 1 to 64 characters of A-Z, a-z, 0-9 and ._~:@+-, but
// not "." or "..", which a URL cannot carry. Anything else is an
// [InvalidError] for field.
func ParsePlannerID(field, s string) (PlannerID, error) {
	if len(s) < 1 || len(s) > 64 || s == "." || s == ".." || strings.IndexFunc(s, notPlanner) >= 0 {
		return "", invalid(field, "must be 1 to 64 characters of A-Z, a-z, 0-9 and ._~:@+- and not '.' or '..'")
	}
	return PlannerID(s), nil
}

func notPlanner(r rune) bool {
	return r >= utf8.RuneSelf || !isSlugStart(byte(r)) && (r < 'A' || r > 'Z') && !strings.ContainsRune("._~:@+-", r)
}

// ParseNumber drops spaces, dots and hyphens and accepts 4 to 20 digits with
// an optional leading plus. It does not guess at countries: +82… and 0… are
// different numbers. Anything else is an [InvalidError] for field.
func ParseNumber(field, s string) (Number, error) {
	if len(s) > 64 {
		return "", invalid(field, "must have 4 to 20 digits")
	}
	kept := strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' || r == '-' {
			return -1
		}
		return r
	}, s)
	digits := strings.TrimPrefix(kept, "+")
	if len(digits) < 4 || len(digits) > 20 || strings.Trim(digits, "0123456789") != "" {
		return "", invalid(field, "must be 4 to 20 digits with an optional leading '+'; spaces, dots and hyphens are dropped")
	}
	return Number(kept), nil
}

// ParsePhone accepts somebody's real phone, written like a number of
// [ParseNumber]. Anything else is an [InvalidError] for field, which does not
// say what was given.
func ParsePhone(field, s string) (string, error) {
	n, err := ParseNumber(field, s)
	return string(n), err
}

// ParseKey accepts an idempotency key: 1 to 255 printable ASCII characters.
// Anything else is an [InvalidError] for field.
func ParseKey(field, s string) (string, error) {
	if len(s) < 1 || len(s) > 255 || strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return "", invalid(field, "must be 1 to 255 printable ASCII characters")
	}
	return s, nil
}

// ParseText accepts free text for people: up to [MaxText] characters of valid
// UTF-8 without control characters. Anything else is an [InvalidError] for
// field.
func ParseText(field, s string) (string, error) {
	switch {
	case !utf8.ValidString(s):
		return "", invalid(field, "must be valid UTF-8")
	case utf8.RuneCountInString(s) > MaxText:
		return "", invalid(field, "must be at most %d characters", MaxText)
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return "", invalid(field, "must not contain control characters")
	}
	return s, nil
}

// ParseWish accepts "preferred", "required", "none", and "" for
// [NumberByPool]. Anything else is an [InvalidError] for field.
func ParseWish(field, s string) (Wish, error) {
	switch w := Wish(s); w {
	case "":
		return NumberByPool, nil
	case NumberPreferred, NumberRequired, NumberNone:
		return w, nil
	}
	return "", invalid(field, `must be "required", "preferred" or "none"`)
}
