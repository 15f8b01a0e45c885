package numbering

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// column is the one that a list has.
const column = "number"

func (l *lister) readCSV(text []byte) error {
	c := csv.NewReader(bytes.NewReader(text))
	c.FieldsPerRecord = -1
	c.Comment = '#'
	c.ReuseRecord = true
	for first := true; ; first = false {
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return notCSV(err)
		}
		line, _ := c.FieldPos(0)
		fields = filled(fields)
		if first && digitsOf(strings.Join(fields, "")) == "" {
			if err := checkHeader(line, fields); err != nil {
				return err
			}
			continue
		}
		l.addRecord(line, fields)
	}
}

// filled cuts off the empty columns that spreadsheets put behind the last.
func filled(fields []string) []string {
	n := len(fields)
	for n > 1 && strings.TrimFunc(fields[n-1], isSpace) == "" {
		n--
	}
	return fields[:n]
}

// checkHeader refuses columns that somebody may believe to be read.
func checkHeader(line int, names []string) error {
	for _, name := range names {
		if !strings.EqualFold(strings.TrimFunc(name, isSpace), column) {
			return fmt.Errorf("line %d: column %q is not known: a list has one column, %s", line, Shown(name), column)
		}
	}
	if len(names) > 1 {
		return fmt.Errorf("line %d: the column %s is there twice", line, column)
	}
	return nil
}

func (l *lister) addRecord(line int, fields []string) {
	if len(fields) > 1 {
		l.reject(line, fields[0], refuse("is one of %d columns; a list has one, %s", len(fields), column))
		return
	}
	l.add(line, fields[0])
}

// notCSV is an error of the csv package, where its words do for people.
func notCSV(err error) error {
	if at := (*csv.ParseError)(nil); errors.As(err, &at) {
		return fmt.Errorf("line %d: is not CSV: %w", at.StartLine, at.Err)
	}
	return err
}
