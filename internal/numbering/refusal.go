package numbering

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// A Refusal is why a number was not taken.
type Refusal struct {
	Reason string // for people; has none of the number's digits

	// Kind means that it is a number, and that [Rules.AnyKind] would take it.
	Kind bool
}

func (r *Refusal) Error() string { return "number " + r.Reason }

func refuse(format string, args ...any) *Refusal {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// relay recognises what was meant for a Korean relay number, by its digits.
var relay = regexp.MustCompile(`^(00)?(82)?0?50`)

const (
	maxShown   = 40 // characters
	leastPhone = 7  // digits; what has fewer is nobody's phone
)

// Shown is a refused number as it may be shown: what could be somebody's own
// phone with its last two digits only, and nothing that moves a cursor.
func Shown(written string) string {
	var b strings.Builder
	digits := digitsOf(written)
	hide := 0
	if len(digits) >= leastPhone && !relay.MatchString(digits) {
		hide = len(digits) - 2
	}
	for i, c := range []rune(written) {
		if i == maxShown {
			b.WriteString("..")
			break
		}
		switch {
		case isDigit(c) && hide > 0:
			c = '*'
			hide--
		case !unicode.IsPrint(c):
			c = unicode.ReplacementChar
		}
		b.WriteRune(c)
	}
	return b.String()
}

// digitsOf are the digits in a text, as 0 to 9.
func digitsOf(s string) string {
	return strings.Map(func(c rune) rune {
		if !isDigit(c) {
			return -1
		}
		return narrow(c)
	}, s)
}

func isDigit(c rune) bool { return unicode.IsDigit(narrow(c)) }
