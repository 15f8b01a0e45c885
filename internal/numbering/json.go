package numbering

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// readJSON reads values to the end of the text: one, or one a line.
func (l *lister) readJSON(text []byte) error {
	j := jsonList{lister: l, text: text, dec: json.NewDecoder(bytes.NewReader(text)), line: 1}
	j.dec.UseNumber()
	for {
		token, err := j.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := j.value(token, true); err != nil {
			return err
		}
	}
}

// A jsonList reads JSON token by token, to know on which line each stands.
type jsonList struct {
	*lister
	text []byte
	dec  *json.Decoder

	line int   // of the latest token
	read int64 // bytes up to its end
}

// next returns the next token. Its error names the line, except for the end of
// the text between two values.
func (j *jsonList) next() (json.Token, error) {
	token, err := j.dec.Token()
	at := j.dec.InputOffset()
	j.line += bytes.Count(j.text[j.read:at], []byte("\n"))
	j.read = at
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return token, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, j.wrong("is not JSON: it ends too early")
	}
	return nil, j.wrong("is not JSON: %w", err)
}

// inside is next where the text must not end.
func (j *jsonList) inside() (json.Token, error) {
	token, err := j.next()
	if errors.Is(err, io.EOF) {
		return nil, j.wrong("is not JSON: it ends too early")
	}
	return token, err
}

func (j *jsonList) wrong(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{j.line}, args...)...)
}

// value takes a value that begins with token. Only one on top may be a list.
func (j *jsonList) value(token json.Token, top bool) error {
	switch t := token.(type) {
	case string:
		j.add(j.line, t)
		return nil
	case json.Number:
		if top {
			return j.wrong("is not JSON: numbers must be strings, in quotes")
		}
		j.reject(j.line, t.String(), refuse("is not in quotes, so that its leading zero or plus may be lost: write it as a string"))
		return nil
	case json.Delim:
		switch {
		case t == '[' && top:
			return j.array()
		case t == '{':
			return j.object(top)
		}
		return j.wrong("has a list in a list")
	}
	return j.wrong("has %v where a number should be", token)
}

// array takes values up to the end of an array.
func (j *jsonList) array() error {
	for {
		token, err := j.inside()
		if err != nil {
			return err
		}
		if token == json.Delim(']') {
			return nil
		}
		if err := j.value(token, false); err != nil {
			return err
		}
	}
}

// object takes {"number": …} and, on top, {"numbers": […]}.
func (j *jsonList) object(top bool) error {
	for fields := 0; ; fields++ {
		name, err := j.inside()
		if err != nil {
			return err
		}
		if name == json.Delim('}') {
			if fields != 1 {
				return j.wrong("has an object with %d fields; it must have one, %s", fields, column)
			}
			return nil
		}
		value, err := j.inside()
		if err != nil {
			return err
		}
		switch {
		case name == column:
			if _, nested := value.(json.Delim); nested {
				return j.wrong("the field %s must be a string", column)
			}
			err = j.value(value, false)
		case name == "numbers" && top:
			if value != json.Delim('[') {
				return j.wrong("the field numbers must be an array")
			}
			err = j.array()
		default:
			text, _ := name.(string)
			return j.wrong("field %q is not known: a number is a string, or an object with the field %s", Shown(text), column)
		}
		if err != nil {
			return err
		}
	}
}
