package assign

import (
	"crypto/sha256"
	"encoding/json"
)

// A Fingerprint tells whether two requests with the same key ask for the same.
type Fingerprint [sha256.Size]byte

// fingerprint covers the fields that are present and not default, by name, so
// that a field that a later version adds does not make old keys look reused. It
// is the SHA-256 of a JSON object with the fields sorted by name, spelled as
// encoding/json spells them. That a number is preferred counts as not said,
// which it once was the same as. A phone is compared by its mark: whoever knew
// all the rest could find it in a hash by trying all phones.
func fingerprint(customer string, wish Wish) Fingerprint {
	b := make([]byte, 0, 64+2*len(customer))
	b = append(b, '{')
	if customer != "" {
		b = append(b, `"customer":`...)
		b = appendJSON(b, customer)
	}
	if wish != NumberByPool && wish != NumberPreferred {
		if customer != "" {
			b = append(b, ',')
		}
		b = append(b, `"number":"`...)
		b = append(b, wish...)
		b = append(b, '"')
	}
	b = append(b, '}')
	return sha256.Sum256(b)
}

// appendJSON appends s as encoding/json spells it. Most of what callers send
// needs no spelling.
func appendJSON(b []byte, s string) []byte {
	if plain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	spelled, _ := json.Marshal(s) // a string cannot fail
	return append(b, spelled...)
}

// plain reports whether s is ASCII in which JSON escapes nothing. encoding/json
// escapes what HTML would read as its own, too.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}
