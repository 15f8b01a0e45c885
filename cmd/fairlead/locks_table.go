package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"fairlead/assign"
)

// shownWaiters is how many of a lock's waiters a table has; one more line says
// how many more there are.
const shownWaiters = 20

// A locksPage is how a list of locks looks to people.
type locksPage struct {
	width int // of the terminal in cells; 0: nothing is cut
}

func (p locksPage) write(w io.Writer, seen seenLocks) error {
	var b bytes.Buffer
	switch {
	case len(seen.Locks) == 0 && seen.CannotSee != "":
		fmt.Fprintln(&b, "No lock is seen, which does not mean that none is held: see below.")
	case len(seen.Locks) == 0:
		fmt.Fprintln(&b, "No lock is held or waited for.")
	default:
		locksTable(seen.Locks).write(&b, p.width)
	}
	if seen.others > 0 {
		fold(&b, "", fmt.Sprintf("Not shown: %d of other applications; --all shows them, too.", seen.others), p.width)
	}
	fmt.Fprintln(&b)
	writeSource(&b, seen.LockList, p.width)
	_, err := w.Write(b.Bytes())
	return err
}

// writeSource says where the list is from, and how far to trust it.
func writeSource(w io.Writer, list assign.LockList, width int) {
	fold(w, "Source:      ", list.Source, width)
	if list.CannotSee != "" {
		fold(w, "Cannot see:  ", list.CannotSee, width)
	}
	if list.Remedy != "" {
		fold(w, "Remedy:      ", list.Remedy, width)
	}
}

// locksTable has a row for each lock, those that somebody waits for first, and
// below it one for each waiter in the order of the line.
func locksTable(locks []assign.LockView) table {
	t := table{columns: []column{
		{head: "LOCK", least: 14}, {head: "POOL", least: 7}, {head: "CONN", right: true},
		{head: "USER@HOST", least: 12}, {head: "PROGRAM", least: 8}, {head: "HELD", right: true}, {head: "WAITERS", right: true},
	}}
	locks = slices.Clone(locks)
	slices.SortStableFunc(locks, func(a, b assign.LockView) int {
		return cmp.Compare(min(1, len(b.Waiters)), min(1, len(a.Waiters)))
	})
	for _, l := range locks {
		t.rows = append(t.rows, holderRow(l))
		for i, waiter := range l.Waiters[:min(shownWaiters, len(l.Waiters))] {
			t.rows = append(t.rows, []string{fmt.Sprintf("  waits %d", i+1), "", connection(waiter), account(waiter), program(waiter), age(waiter), ""})
		}
		if more := len(l.Waiters) - shownWaiters; more > 0 {
			t.rows = append(t.rows, []string{fmt.Sprintf("  and %d more", more), "", "", "", "", "", ""})
		}
	}
	return t
}

func holderRow(l assign.LockView) []string {
	row := []string{printable(l.Name), printable(string(l.Pool)), "-", "-", "-", "-", fmt.Sprint(len(l.Waiters))}
	if h := l.Holder; h != nil {
		row[2], row[3], row[4], row[5] = connection(*h), account(*h), program(*h), age(*h)
	}
	return row
}

// A column of a table is never cut if least is 0, and to no less than that
// otherwise.
type column struct {
	head  string
	right bool
	least int
}

type table struct {
	columns []column
	rows    [][]string
}

const gap = "  "

func (t table) write(w io.Writer, width int) {
	widths := t.fit(width)
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.head
	}
	for _, row := range append([][]string{heads}, t.rows...) {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = pad(cut(text, widths[i]), widths[i], t.columns[i].right)
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, gap), " "))
	}
}

// fit returns how wide each column is, so that the table fits width where that
// can be: the widest gives way first.
func (t table) fit(width int) []int {
	widths := make([]int, len(t.columns))
	total := len(gap) * (len(widths) - 1)
	for i, c := range t.columns {
		widths[i] = uniseg.StringWidth(c.head)
		for _, row := range t.rows {
			widths[i] = max(widths[i], uniseg.StringWidth(row[i]))
		}
		total += widths[i]
	}
	for ; width > 0 && total > width; total-- {
		widest := -1
		for i, c := range t.columns {
			if c.least > 0 && widths[i] > c.least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}
