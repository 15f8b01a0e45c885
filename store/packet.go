package store

import (
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// A packet is several statements that travel in one round trip. The server
// runs them in order and stops at the first that fails. A statement that
// changes no rows, or a lock that is not granted, is no failure to it.
type packet struct {
	text strings.Builder
	args []any
}

// add appends a statement.
func (p *packet) add(statement string, args ...any) {
	if p.text.Len() > 0 {
		p.text.WriteByte(';')
	}
	p.text.WriteString(statement)
	p.args = append(p.args, args...)
}

// addRows appends a statement with one group of placeholders for each row:
// head, "(?,?…),(?,?…)", tail. It adds nothing if there are no rows.
func (p *packet) addRows(head, tail string, width int, rows [][]any) {
	if len(rows) == 0 {
		return
	}
	group := "(" + marks(width) + ")"
	p.add(head)
	for i, row := range rows {
		if i > 0 {
			p.text.WriteByte(',')
		}
		p.text.WriteString(group)
		p.args = append(p.args, row...)
	}
	p.text.WriteString(tail)
}

// size is about how many bytes the packet has when its arguments are in place.
// What has to be escaped makes it larger.
func (p *packet) size() int64 {
	size := int64(p.text.Len())
	for _, a := range p.args {
		switch a := a.(type) {
		case string:
			size += int64(len(a)) + 2
		case []byte:
			size += int64(len(a)) + 10
		default:
			size += 20
		}
	}
	return size
}

// marks is n placeholders.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// list is statement with marks for values in the place of its %s, and the
// arguments before and behind them.
func list[T ~string](values []T) (string, []any) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	return marks(len(values)), args
}

// each calls scan for every row of the result set that rows stands in.
func each(rows *sqlx.Rows, scan func() error) error {
	for rows.Next() {
		if err := scan(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// next moves rows to the following result set. The driver reports an error of
// a later statement only here.
func next(rows *sqlx.Rows) error {
	if rows.NextResultSet() {
		return nil
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return fmt.Errorf("the server sent fewer results than it was asked for")
}
