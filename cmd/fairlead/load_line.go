package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"fairlead/load"
)

// A loadLine shows how far a run has come: in place on a terminal, else a line
// every few seconds.
type loadLine struct {
	live bool
	last time.Time
	was  load.Phase
}

func newLoadLine() *loadLine { return &loadLine{live: term.IsTerminal(int(os.Stderr.Fd()))} }

// linePause is how often a line is written that cannot be replaced.
const linePause = 5 * time.Second

func (l *loadLine) show(p load.Progress) {
	if l.live {
		fmt.Fprintf(os.Stderr, "\r%s\x1b[K", loadText(p))
		return
	}
	if now := time.Now(); p.Phase != l.was || now.Sub(l.last) >= linePause {
		l.was, l.last = p.Phase, now
		fmt.Fprintln(os.Stderr, loadText(p))
	}
}

func (l *loadLine) clear() {
	if l.live {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

// loadText is what there is to say, short enough for a line.
func loadText(p load.Progress) string {
	switch p.Phase {
	case load.WarmingUp, load.Measuring:
		far := fmt.Sprintf("%.1f/%v", p.Elapsed.Seconds(), p.Total)
		if p.Total == 0 {
			far = fmt.Sprintf("%d/%d calls", p.Done, p.Of)
		}
		bad := ""
		if p.Failed > 0 {
			bad += fmt.Sprintf("  failed %d", p.Failed)
		}
		if p.Violations > 0 {
			bad += fmt.Sprintf("  VIOLATIONS %d", p.Violations)
		}
		return fmt.Sprintf("%s %3d%%  %s  %.0f/s  p50 %.1f ms  p99 %.1f ms  refused %d%s",
			p.Phase, 100*p.Done/max(1, p.Of), far, p.Rate, p.P50Ms, p.P99Ms, p.Refused, bad)
	}
	return fmt.Sprintf("%s %3d%%  %d/%d", p.Phase, 100*p.Done/max(1, p.Of), p.Done, p.Of)
}
