package lock

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A statement's text is what a server shows of it: any bytes, perhaps cut off,
// written by anybody. Reading it follows the servers' lexical rules
// (https://dev.mysql.com/doc/refman/en/language-structure.html), as far as they
// can be followed without knowing the session's sql_mode and character set.

// A token is a piece of a statement's text. Comments are none.
type token struct {
	kind   tokenKind
	text   string // the value of a text literal, else as written
	spaced bool   // something that is no token stood in front of it
}

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // keyword, name, variable
	tokenName             // name in backticks, which are left out
	tokenText             // literal in quotes of either kind
	tokenNumber           // literal of any kind that begins with a digit
	tokenSymbol           // one byte
	tokenUnsure           // how the text goes on depends on what is not known here
)

// A lexer cuts a statement's text into tokens.
type lexer struct {
	rest   []byte
	doubts bool // the literal before may have ended earlier, in another sql_mode or character set
}

func (l *lexer) next() token {
	spaced, sure := l.skip()
	t := token{kind: tokenEnd, spaced: spaced}
	switch {
	case !sure || l.doubts:
		t.kind = tokenUnsure
	case len(l.rest) == 0:
	default:
		t.kind, t.text = l.take()
	}
	return t
}

func (l *lexer) take() (tokenKind, string) {
	switch b := l.rest[0]; {
	case b == '\'' || b == '"':
		return tokenText, l.literal()
	case b == '`':
		return tokenName, l.name()
	case digit(b) || b == '.' && len(l.rest) > 1 && digit(l.rest[1]):
		return tokenNumber, l.while(func(b byte) bool { return inWord(b) || b == '.' })
	case b == '$': // MySQL 9 takes $tag$…$tag$ for a literal
		return tokenUnsure, ""
	case inWord(b):
		return l.word()
	default:
		l.rest = l.rest[1:]
		return tokenSymbol, string(rune(b))
	}
}

// word reads a word, or the literal that it introduces: _binary'…', N'…', x'…'.
func (l *lexer) word() (tokenKind, string) {
	w := l.while(inWord)
	introduces := len(l.rest) > 0 && (l.rest[0] == '\'' || l.rest[0] == '"') &&
		(w[0] == '_' || strings.ContainsAny(w, "bBnNxX") && len(w) == 1)
	if introduces {
		return tokenText, l.literal()
	}
	return tokenWord, w
}

func (l *lexer) while(in func(byte) bool) string {
	i := 0
	for i < len(l.rest) && in(l.rest[i]) {
		i++
	}
	taken := string(l.rest[:i])
	l.rest = l.rest[i:]
	return taken
}

// escapes are those that do not stand for the character itself.
var escapes = map[byte]byte{'0': 0, 'b': '\b', 'n': '\n', 'r': '\r', 't': '\t', 'Z': 26}

// literal reads a text in quotes, to the end if it is cut off. With
// NO_BACKSLASH_ESCAPES, or as the second byte of a character of GBK, a backslash
// is no escape: where it stands before a quote, that may have been the end.
func (l *lexer) literal() string {
	quote, value := l.rest[0], []byte(nil)
	i := 1
	for ; i < len(l.rest); i++ {
		b := l.rest[i]
		if b == quote && doubtful(l.rest[1:i]) {
			l.doubts = true
		}
		switch {
		case b == '\\' && i+1 < len(l.rest):
			i++
			b = l.rest[i]
			l.doubts = l.doubts || b == quote
			if e, ok := escapes[b]; ok {
				b = e
			}
		case b == quote && i+1 < len(l.rest) && l.rest[i+1] == quote:
			i++
		case b == quote:
			l.rest = l.rest[i+1:]
			return string(value)
		}
		value = append(value, b)
	}
	l.rest = nil
	return string(value)
}

// doubtful reports whether a quote behind these bytes may be escaped or not,
// depending on whether the last byte but the backslashes takes the first of
// these for its second half.
func doubtful(before []byte) bool {
	rest := bytes.TrimRight(before, `\`)
	return len(rest) < len(before) && len(rest) > 0 && rest[len(rest)-1] >= utf8.RuneSelf
}

func (l *lexer) name() string {
	inner, rest, _ := bytes.Cut(l.rest[1:], []byte{'`'})
	l.rest = rest
	return string(inner)
}

// skip leaves out space and comments, and reports whether there were any. It is
// not sure of a comment with quotes that the server may execute: where that
// ends depends on the server's version.
func (l *lexer) skip() (skipped, sure bool) {
	for {
		switch {
		case len(l.rest) == 0:
			return skipped, true
		case l.rest[0] <= ' ' || l.rest[0] == 0x7f:
			l.rest = l.rest[1:]
		case l.rest[0] == '#', bytes.HasPrefix(l.rest, []byte("--")) && (len(l.rest) == 2 || l.rest[2] <= ' '):
			_, l.rest, _ = bytes.Cut(l.rest, []byte{'\n'})
		case bytes.HasPrefix(l.rest, []byte("/*")):
			comment, rest, _ := bytes.Cut(l.rest[2:], []byte("*/"))
			if executed(comment) && bytes.ContainsAny(comment, "'\"`") {
				return skipped, false
			}
			l.rest = rest
		default:
			return skipped, true
		}
		skipped = true
	}
}

// executed reports whether a server may take a comment for code or for a hint.
func executed(comment []byte) bool {
	return len(comment) > 0 && (comment[0] == '!' || comment[0] == '+') || bytes.HasPrefix(comment, []byte("M!"))
}

func digit(b byte) bool { return '0' <= b && b <= '9' }

func inWord(b byte) bool {
	return digit(b) || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '_' || b == '$' || b >= utf8.RuneSelf
}

// maxShown is how much of a statement is shown, in characters.
const maxShown = 200

// withoutLiterals returns a statement's text as it may leave the server: short,
// in one line, without comments, and with a ? in the place of every literal.
// It ends in … where something was left out at the end.
func withoutLiterals(statement []byte) string {
	var out strings.Builder
	for l := (lexer{rest: statement}); ; {
		t := l.next()
		if t.kind == tokenEnd {
			return out.String()
		}
		piece := shown(t)
		if t.kind == tokenUnsure || utf8.RuneCountInString(out.String())+len(piece) >= maxShown {
			return out.String() + "…"
		}
		if t.spaced && out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(piece)
	}
}

func shown(t token) string {
	switch {
	case t.kind == tokenText || t.kind == tokenNumber:
		return "?"
	case t.kind != tokenWord && t.kind != tokenName:
		return t.text
	case !utf8.ValidString(t.text) || strings.ContainsFunc(t.text, unprintable):
		return "?"
	case t.kind == tokenName:
		return "`" + t.text + "`"
	}
	return t.text
}

// unprintable reports what a name is not shown with: what makes it no name for
// people, or looks like the beginning of a literal.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("'\"\\", r) }

// plainGet reports whether a statement does nothing but take one lock, so that
// it takes as long as the lock makes it wait. What follows it in the same packet
// does not count: servers show that, or not.
func plainGet(statement []byte) bool {
	l := lexer{rest: statement}
	verb, function, open := l.next(), l.next(), l.next()
	if !verb.is("SELECT") && !verb.is("DO") || !function.is("GET_LOCK") || open.text != "(" {
		return false
	}
	for _, separator := range []string{",", ")"} {
		if !l.argument() || l.next().text != separator {
			return false
		}
	}
	t := l.next()
	if t.is("AS") {
		t = l.next()
	}
	if t.kind == tokenWord || t.kind == tokenName || t.kind == tokenText {
		t = l.next()
	}
	return t.kind == tokenEnd || t.kind == tokenSymbol && t.text == ";"
}

// argument reads a literal, a variable or a placeholder.
func (l *lexer) argument() bool {
	t := l.next()
	for t.kind == tokenSymbol && (t.text == "@" || t.text == "-") {
		t = l.next()
	}
	return t.kind == tokenText || t.kind == tokenNumber || t.kind == tokenWord || t.kind == tokenSymbol && t.text == "?"
}

func (t token) is(keyword string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.text, keyword)
}

// asksFor returns the names of the locks that a statement takes, in the order
// in which they stand there. It finds those that are written out.
func asksFor(statement []byte) (names []string) {
	var before [2]token
	for l := (lexer{rest: statement}); ; {
		l.doubts = false // a wrong name is found out by comparing, and does no harm
		t := l.next()
		if t.kind == tokenEnd || t.kind == tokenUnsure {
			return names
		}
		if t.kind == tokenText && before[1].text == "(" && before[0].is("GET_LOCK") {
			names = append(names, t.text)
		}
		before = [2]token{before[1], t}
	}
}
