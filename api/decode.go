package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A decoder reads a JSON document that its caller knows the shape of, more
// strictly than [json.Unmarshal]: field names are case-sensitive, and unknown
// and repeated ones are errors, as are strings that are not Unicode. Every
// error is an [assign.InvalidError] that names the field.
//
// The document is known to be valid before it is read, so reading it is no more
// than cutting it up.
type decoder struct {
	rest []byte
}

// newDecoder checks that body is one JSON document and nothing else. No body
// is an empty object.
func newDecoder(body []byte) (*decoder, error) {
	switch {
	case len(body) == 0:
		return &decoder{[]byte("{}")}, nil
	case !utf8.Valid(body):
		return nil, invalid("body", "must be valid UTF-8")
	case !json.Valid(body):
		return nil, invalid("body", "is not JSON"+placeOf(body))
	case halfPair(body):
		return nil, invalid("body", "has an escape that is half of a surrogate pair")
	}
	return &decoder{body}, nil
}

// placeOf says what makes body invalid, and where, as people count.
func placeOf(body []byte) string {
	var whole json.RawMessage
	var e *json.SyntaxError
	if err := json.Unmarshal(body, &whole); !errors.As(err, &e) {
		return ""
	}
	before := body[:min(int(e.Offset), len(body))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf(": %v, at line %d, column %d", e, line, column)
}

// halfPair reports whether a valid document has a \u escape of one half of a
// surrogate pair, which encoding/json silently replaces. Backslashes are only
// in strings.
func halfPair(doc []byte) bool {
	for i := bytes.IndexByte(doc, '\\'); i >= 0 && i < len(doc); i++ {
		if doc[i] != '\\' {
			continue
		}
		i++
		first, ok := escaped(doc[i:])
		if !ok {
			continue
		}
		i += 4
		if !utf16.IsSurrogate(first) {
			continue
		}
		second, ok := escaped(bytes.TrimPrefix(doc[i+1:], []byte(`\`)))
		if !ok || doc[i+1] != '\\' || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escaped is the code of a \u escape whose backslash was just passed.
func escaped(b []byte) (rune, bool) {
	if len(b) < 5 || b[0] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(b[1:5]), 16, 16)
	return rune(code), err == nil
}

// peek is the first byte of what comes next, which tells what it is.
func (d *decoder) peek() byte {
	for i, c := range d.rest {
		switch c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			d.rest = d.rest[i:]
			return c
		}
	}
	panic("read past the end of a document")
}

// begins reports whether an object or array comes next, as open says, and
// enters it.
func (d *decoder) begins(open byte) bool {
	if d.peek() != open {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

// ends reports whether the object or array that d is in ends next, and leaves
// it.
func (d *decoder) ends() bool {
	if c := d.peek(); c != '}' && c != ']' {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

// null reports whether null comes next, and passes it.
func (d *decoder) null() bool {
	if d.peek() != 'n' {
		return false
	}
	d.rest = d.rest[len("null"):]
	return true
}

// str passes a string. There is one if the next byte is a quote.
func (d *decoder) str() string {
	end := 1
	for d.rest[end] != '"' {
		if d.rest[end] == '\\' {
			end++
		}
		end++
	}
	quoted := d.rest[:end+1]
	d.rest = d.rest[end+1:]
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:end])
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		panic(fmt.Sprintf("read a string of a valid document: %v", err))
	}
	return s
}

// object reads an object and calls member at each value with its name. At the
// top, field is empty.
func (d *decoder) object(field string, member func(name, field string) error) error {
	if !d.begins('{') {
		if field == "" {
			field = "body"
		}
		return invalid(field, "must be an object")
	}
	var few [4]string
	seen := few[:0]
	for !d.ends() {
		name := d.str()
		path := name
		if field != "" {
			path = field + "." + name
		}
		if slices.Contains(seen, name) {
			return invalid(path, "is given twice")
		}
		seen = append(seen, name)
		if err := member(name, path); err != nil {
			return err
		}
	}
	return nil
}

// unknown is for members that an object does not have.
func unknown(field string) error {
	return invalid(shortened(field), "is not a field of this request")
}

// shortened is a name that the caller made up, as much of it as is good to
// show: it can be as long as the request.
func shortened(name string) string {
	const most = 64
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

// array reads an array of at most limit items and calls item at each.
func (d *decoder) array(field string, limit int, item func(field string) error) error {
	if !d.begins('[') {
		return invalid(field, "must be an array")
	}
	for i := 0; !d.ends(); i++ {
		if i == limit {
			return invalid(field, fmt.Sprintf("must have at most %d items", limit))
		}
		if err := item(field + "[" + strconv.Itoa(i) + "]"); err != nil {
			return err
		}
	}
	return nil
}

// text reads a string; null is no string.
func (d *decoder) text(field string) (string, error) {
	switch {
	case d.null():
		return "", nil
	case d.peek() != '"':
		return "", invalid(field, "must be a string")
	}
	return d.str(), nil
}

// word reads a string that is not empty; null is no string.
func (d *decoder) word(field string) (string, error) {
	if d.null() {
		return "", nil
	}
	if d.peek() == '"' {
		if s := d.str(); s != "" {
			return s, nil
		}
	}
	return "", invalid(field, "must be a string that is not empty")
}

// boolean reads true or false; null is missing.
func (d *decoder) boolean(field string, missing bool) (bool, error) {
	if d.null() {
		return missing, nil
	}
	switch d.peek() {
	case 't':
		d.rest = d.rest[len("true"):]
		return true, nil
	case 'f':
		d.rest = d.rest[len("false"):]
		return false, nil
	}
	return false, invalid(field, "must be true or false")
}

// integer reads a number without a fraction; null is missing.
func (d *decoder) integer(field string, missing int64) (int64, error) {
	if d.null() {
		return missing, nil
	}
	end := len(d.rest) - len(bytes.TrimLeft(d.rest, "+-.0123456789eE"))
	n, err := strconv.ParseInt(string(d.rest[:end]), 10, 64)
	if err != nil {
		return 0, invalid(field, "must be a whole number")
	}
	d.rest = d.rest[end:]
	return n, nil
}

// parsed reads a value and lets the domain judge it.
func parsed[T any](read func(field string) (string, error), field string, parse func(field, s string) (T, error)) (T, error) {
	s, err := read(field)
	if err != nil {
		var none T
		return none, err
	}
	return parse(field, s)
}
