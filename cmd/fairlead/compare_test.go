package main

import (
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// The connection to the machine breaks: what was begun is cleaned up.
func TestHangupEndsTheComparison(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the signal is ignored here")
	}
	ctx, stop := untilHangup(t.Context())
	defer stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
}
