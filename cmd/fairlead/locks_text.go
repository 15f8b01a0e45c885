package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"

	"fairlead/assign"
)

// printable is text from the server as it may go to a terminal. Other people
// choose the names of locks and programs: one could hold an escape sequence.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// orUnknown is text from the server, a question mark if it is not known.
func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return printable(s)
}

// account is who a session belongs to, as user@host.
func account(s assign.SessionView) string {
	if s.User == "" && s.Host == "" {
		return "?"
	}
	return orUnknown(s.User) + "@" + orUnknown(s.Host)
}

// program is what a session belongs to, with the instance if there is one.
func program(s assign.SessionView) string {
	if s.Instance == "" {
		return orUnknown(s.Program)
	}
	return orUnknown(s.Program) + "/" + printable(s.Instance)
}

// connection is a session's id, unless the server does not tell it.
func connection(s assign.SessionView) string {
	if s.ConnectionID == 0 {
		return "?"
	}
	return fmt.Sprint(s.ConnectionID)
}

// age is how long a session has held a lock or waited for it: "~" marks what is
// only the best that is known.
func age(s assign.SessionView) string {
	switch {
	case s.For < 0:
		return "?"
	case !s.Exact:
		return "~" + short(s.For)
	}
	return short(s.For)
}

// short is a duration in at most six characters.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// cut makes s fit width cells of a terminal, in which an east Asian character
// takes two. Both ends are kept: names differ at the one, hosts at the other.
// The mark is plain ASCII, since terminals disagree about how wide "…" is.
func cut(s string, width int) string {
	const mark = ".."
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var clusters []string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		clusters = append(clusters, g.Str())
	}
	room := width - len(mark)
	head := fitting(clusters, (room+1)/2)
	slices.Reverse(clusters)
	tail := slices.Clone(clusters[:fitting(clusters, room/2)])
	slices.Reverse(clusters)
	slices.Reverse(tail)
	return strings.Join(clusters[:head], "") + mark + strings.Join(tail, "")
}

// fitting is how many of these, from the first, fit width cells.
func fitting(clusters []string, width int) int {
	for i, c := range clusters {
		if width -= uniseg.StringWidth(c); width < 0 {
			return i
		}
	}
	return len(clusters)
}

// pad fills s up to width cells.
func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-uniseg.StringWidth(s)))
	if right {
		return fill + s
	}
	return s + fill
}

// fold writes text in lines of at most width cells, the first behind head and
// the others under it. Words are not cut: they may be part of a statement.
func fold(w io.Writer, head, text string, width int) {
	line, used := head, uniseg.StringWidth(head)
	indent, fresh := used, true
	for _, word := range strings.Fields(printable(strings.ReplaceAll(text, "\n", " "))) {
		n := uniseg.StringWidth(word)
		if !fresh && width > 0 && used+1+n > width {
			fmt.Fprintln(w, line)
			line, used, fresh = strings.Repeat(" ", indent), indent, true
		}
		if !fresh {
			line, used = line+" ", used+1
		}
		line, used, fresh = line+word, used+n, false
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}
