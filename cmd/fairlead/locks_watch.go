package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// watch looks until ctx is done, which is no error. The first look must
// succeed: an account that is wrong does not become right. Later a server may
// be away for a while.
func (c *locksListCmd) watch(ctx context.Context, look func(context.Context) (seenLocks, error)) error {
	w := &locksWatch{out: os.Stdout, every: c.Every, json: c.JSON}
	w.live = !c.JSON && term.IsTerminal(int(os.Stdout.Fd()))
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for first := true; ; first = false {
		seen, err := look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if first && err != nil {
			return err
		}
		w.width, w.height = sizeOf(os.Stdout)
		if err := w.show(time.Now(), seen, err); err != nil {
			return err // whoever read us is gone
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// widthOf is how many columns a terminal has, 0 for what is none.
func widthOf(f *os.File) int {
	width, _ := sizeOf(f)
	return width
}

func sizeOf(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// A locksWatch shows one look after the other.
type locksWatch struct {
	out           io.Writer
	every         time.Duration
	json          bool
	live          bool // in place
	width, height int  // of the terminal; 0 if there is none

	last    seenLocks // of the last look that succeeded
	lastAt  time.Time
	cleared bool
}

func (w *locksWatch) show(now time.Time, seen seenLocks, err error) error {
	if err == nil {
		w.last, w.lastAt = seen, now
	}
	if w.json {
		return w.showJSON(now, err)
	}
	var b bytes.Buffer
	w.head(&b, now, err)
	fmt.Fprintln(&b)
	if err := (locksPage{width: w.width}).write(&b, w.last); err != nil {
		return err
	}
	if w.live {
		return w.inPlace(b.String())
	}
	fmt.Fprintln(&b)
	_, err = w.out.Write(b.Bytes())
	return err
}

// showJSON writes a look that failed to the error output: a line of the output
// is always a list.
func (w *locksWatch) showJSON(now time.Time, err error) error {
	if err == nil {
		return writeJSON(w.out, w.last.LockList, false)
	}
	fmt.Fprintf(os.Stderr, "%s  %s\n", now.Format(time.RFC3339), w.failure(now, err))
	return nil
}

func (w *locksWatch) head(b *bytes.Buffer, now time.Time, err error) {
	waiters := 0
	for _, l := range w.last.Locks {
		waiters += len(l.Waiters)
	}
	line := fmt.Sprintf("%s  locks: %d  waiters: %d", now.Format("2006-01-02 15:04:05 MST"), len(w.last.Locks), waiters)
	if w.live {
		line += fmt.Sprintf("  every %v, Ctrl-C ends", w.every)
	}
	fmt.Fprintln(b, line)
	if err != nil {
		fold(b, "", w.failure(now, err), w.width)
	}
}

func (w *locksWatch) failure(now time.Time, err error) string {
	return fmt.Sprintf("NO ANSWER for %s, trying again; what follows is from %s (%v)",
		short(now.Sub(w.lastAt)), w.lastAt.Format("15:04:05"), err)
}

// Sequences that every terminal since the VT100 knows.
const (
	clearScreen = "\x1b[2J"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K" // from the cursor to the end
	clearBelow  = "\x1b[J"
)

// inPlace writes text over what was there, as much of it as fits the terminal.
// What was shown last stays when the program ends.
func (w *locksWatch) inPlace(text string) error {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if room := w.height - 1; w.height > 1 && len(lines) > room { // the cursor takes the last line
		more := len(lines) - room + 1
		lines = append(lines[:room-1], fmt.Sprintf("(%d more lines; make the terminal higher, or leave out --watch)", more))
	}
	var b strings.Builder
	if !w.cleared {
		b.WriteString(clearScreen)
		w.cleared = true
	}
	b.WriteString(toTop)
	for _, line := range lines {
		b.WriteString(line + clearLine + "\r\n")
	}
	b.WriteString(clearBelow)
	_, err := io.WriteString(w.out, b.String())
	return err
}
