package main

import (
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
)

// gcPercent lets garbage grow to twice what lives before it is collected, where
// Go's default is as much. What lives is little, some 20 MB under 512 callers,
// and collecting half as often is worth a few per cent of all requests.
const gcPercent = 200

// tuneMemory sets what the service runs best with, unless the operator has said
// something else.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// profiles answers /debug/pprof/ for operators. It comes with Go, and
// "go tool pprof" reads it.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
