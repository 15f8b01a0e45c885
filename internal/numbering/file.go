package numbering

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"fairlead/assign"
)

// A Format is how a list is written.
type Format string

const (
	// CSV has a number a line. The first line may be the header "number"; a line
	// that begins with # is a comment.
	CSV Format = "csv"

	// JSON has numbers as strings, or as objects {"number": "…"}: in an array, in
	// {"numbers": […]}, or one after the other (JSON lines).
	JSON Format = "json"
)

// maxList is the largest list that is read, in bytes: four million numbers.
const maxList = 64 << 20

// A List is what a file has.
type List struct {
	Entries []Entry // in the order of the file; no number is there twice
	Rejects []Reject
}

// An Entry is a number of a list.
type Entry struct {
	Number assign.Number
	Other  assign.Number // the same in the form that is not kept, see [Rules.Both]
	Line   int           // from 1
}

// A Reject is a line that is no number to be taken.
type Reject struct {
	Line    int
	Written string // as it may be shown, see [Shown]
	Reason  string // for people: "has too few digits"
	Kind    bool   // see [Refusal]
}

// FormatOf tells the format of a list by the end of its file's name, or else by
// how the list begins.
func FormatOf(name string, list []byte) Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv", ".txt":
		return CSV
	case ".json", ".jsonl", ".ndjson":
		return JSON
	}
	if text := bytes.TrimSpace(list); len(text) > 0 && (text[0] == '[' || text[0] == '{') {
		return JSON
	}
	return CSV
}

// Read reads a list to its end. name is the file's, for the format; format is
// "" if that is to be found out. An error means that the file is no such list
// at all, and says where; wrong lines are Rejects.
func (r Rules) Read(from io.Reader, name string, format Format) (List, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxList+1))
	if err != nil {
		return List{}, err
	}
	if text, err = plain(text); err != nil {
		return List{}, err
	}
	if format == "" {
		format = FormatOf(name, text)
	}
	l := lister{rules: r, seen: map[assign.Number]int{}}
	if format == JSON {
		err = l.readJSON(text)
	} else {
		err = l.readCSV(text)
	}
	return l.List, err
}

// plain returns the text without its byte order mark, and refuses what only
// looks like a list until it is opened.
func plain(file []byte) ([]byte, error) {
	switch {
	case len(file) > maxList:
		return nil, fmt.Errorf("is larger than %d MiB: split it", maxList>>20)
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return nil, errors.New("is a spreadsheet or an archive: export it as CSV UTF-8")
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		return nil, errors.New("is UTF-16: save it as CSV UTF-8")
	}
	return bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")), nil
}

// A lister gathers a list.
type lister struct {
	List
	rules Rules
	seen  map[assign.Number]int // by line
}

// add takes what is written on a line, or rejects it.
func (l *lister) add(line int, written string) {
	number, other, err := l.rules.Both(written)
	if err != nil {
		l.reject(line, written, err)
		return
	}
	if first, again := l.seen[number]; again {
		l.Rejects = append(l.Rejects, Reject{Line: line, Written: Shown(written), Reason: fmt.Sprintf("is on line %d already", first)})
		return
	}
	l.seen[number] = line
	l.Entries = append(l.Entries, Entry{Number: number, Other: other, Line: line})
}

func (l *lister) reject(line int, written string, err error) {
	reject := Reject{Line: line, Written: Shown(written), Reason: err.Error()}
	if refused := (*Refusal)(nil); errors.As(err, &refused) {
		reject.Reason, reject.Kind = refused.Reason, refused.Kind
	}
	l.Rejects = append(l.Rejects, reject)
}
