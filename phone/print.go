package phone

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// String is for people: which keys there are.
func (r Keyring) String() string {
	if r.Empty() {
		return "no phone keys"
	}
	return "phone keys " + r.list()
}

// list is the ids, for sentences.
func (r Keyring) list() string {
	if r.Empty() {
		return "none"
	}
	ids := r.IDs()
	ids[0] += " (current)"
	return strings.Join(ids, ", ")
}

// Format implements [fmt.Formatter], so that no verb and no flag shows more
// than String does.
func (r Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// GoString implements [fmt.GoStringer].
func (r Keyring) GoString() string { return r.String() }

// LogValue implements [slog.LogValuer].
func (r Keyring) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText implements [encoding.TextMarshaler], for what writes JSON.
func (r Keyring) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
