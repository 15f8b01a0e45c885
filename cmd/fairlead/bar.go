package main

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A bar shows how far long work has come, on a terminal only.
type bar struct{ *progressbar.ProgressBar }

// newBar returns a bar for total steps; 0 means that it is not known yet.
func newBar(what string, total int64) bar {
	return bar{progressbar.NewOptions64(max(total, 1),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionClearOnFinish(),
	)}
}

func (b bar) to(done int64) { _ = b.Set64(done) }

// progress also takes a total that changes.
func (b bar) progress(done, total int64) {
	if total > 0 && total != b.GetMax64() {
		b.ChangeMax64(total)
	}
	b.to(done)
}

func (b bar) clear() { _ = b.Clear() }
func (b bar) end()   { _ = b.Finish() }
