package numbering

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWritten is the longest that a number is written, in bytes. The library
// does not read more than 250.
const maxWritten = 200

// clean returns the digits of what somebody wrote, and the plus in front of
// them if there was one. It drops what people put between digits, and refuses
// everything that could mean something.
func clean(written string) (string, *Refusal) {
	if !utf8.ValidString(written) {
		return "", refuse("is not UTF-8: save the list as UTF-8")
	}
	if len(written) > maxWritten {
		return "", refuse("is too long for a number")
	}
	text := strings.TrimFunc(strings.Map(narrow, written), isSpace)
	// Spreadsheets take what stands behind an apostrophe for text.
	text = strings.TrimFunc(strings.TrimLeft(text, "'’"), isSpace)
	if rest, is := cutScheme(text); is {
		if text = rest; strings.Contains(text, ";") {
			return "", refuse("has parameters, as in tel:…;phone-context=…: write a plus, the country code and the number")
		}
	}
	return digits(text)
}

func digits(text string) (string, *Refusal) {
	var b strings.Builder
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9', c == '+' && b.Len() == 0:
			b.WriteRune(c)
		case isSpace(c), isSeparator(c):
		case c == '+':
			return "", refuse("has a plus that is not at its start")
		case unicode.IsLetter(c):
			return "", refuse("has letters")
		case isDigit(c):
			return "", refuse("has digits that are not 0 to 9")
		default:
			return "", refuse("has a %q", c)
		}
	}
	switch n := b.Len(); {
	case n == 0:
		return "", refuse("is empty")
	case n < 4:
		return "", refuse("has too few digits")
	}
	return b.String(), nil
}

// cutScheme takes off the scheme of a URI of RFC 3966.
func cutScheme(s string) (string, bool) {
	if len(s) >= 4 && strings.EqualFold(s[:4], "tel:") {
		return s[4:], true
	}
	return s, false
}

// narrow turns the wide forms of ASCII (U+FF01 to U+FF5E), which East Asian
// input methods write, into ASCII.
func narrow(c rune) rune {
	if '！' <= c && c <= '～' {
		return c - '！' + '!'
	}
	return c
}

// isSpace also knows what cannot be seen: zero-width spaces, a byte order mark,
// and the marks of direction that phones put around a copied number.
func isSpace(c rune) bool {
	return unicode.IsSpace(c) || unicode.Is(unicode.Cf, c)
}

// isSeparator knows dashes of all kinds, signs that are drawn like one, dots
// and brackets.
func isSeparator(c rune) bool {
	return unicode.Is(unicode.Pd, c) || strings.ContainsRune("−ーㅡ⁃.·・()[]", c)
}
