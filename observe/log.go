package observe

import (
	"fmt"
	"io"
	"log/slog"
)

// NewLog returns a log that writes to w. The format is "json" or "text"; the
// level is "debug", "info", "warn" or "error".
func NewLog(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level: %q is none of debug, info, warn, error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf(`log format: %q is neither "json" nor "text"`, format)
}
