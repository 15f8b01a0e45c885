package phone

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Keyring is the keys that a service has: the first, which is the current
// one, seals; all of them open and mark. Its zero value has no keys. Any number
// of goroutines may use it.
//
// A Keyring prints as the ids of its keys, in whatever way it is printed.
type Keyring struct {
	keys []*key
}

// ParseKeys reads keys, of which the first becomes the current one. Each is 32
// bytes in standard base64, as [NewKey] writes it; commas or white space stand
// between them, and # begins a comment that ends with its line. No text is no
// keys. Errors name a key by its position among all, and never show it.
func ParseKeys(s string) (Keyring, error) {
	var r Keyring
	for i, word := range words(s) {
		secret, err := base64.StdEncoding.Strict().DecodeString(word)
		if err != nil || len(secret) != keySize {
			return Keyring{}, fmt.Errorf("key %d must be %d bytes in standard base64, %d characters with the = at the end",
				i+1, keySize, base64.StdEncoding.EncodedLen(keySize))
		}
		if err := r.add(newKey(secret)); err != nil {
			return Keyring{}, fmt.Errorf("key %d %w", i+1, err)
		}
	}
	return r, nil
}

// words are what stands between separators, outside comments.
func words(s string) (all []string) {
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		all = append(all, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })...)
	}
	return all
}

// add refuses a second key with the same id. Unless they are the same, that is
// one chance in four billion, and a number could not be told whose it is.
func (r *Keyring) add(k *key) error {
	at := slices.IndexFunc(r.keys, func(other *key) bool { return other.id == k.id })
	switch {
	case at < 0:
		r.keys = append(r.keys, k)
		return nil
	case r.keys[at].mark("") == k.mark(""):
		return fmt.Errorf("is the same as key %d", at+1)
	}
	return fmt.Errorf("has the same id as key %d, %s, by chance; make another in its place", at+1, k.id)
}

// Empty reports whether there are no keys.
func (r Keyring) Empty() bool { return len(r.keys) == 0 }

// Current is the id of the key that seals, empty if there is none.
func (r Keyring) Current() string {
	if r.Empty() {
		return ""
	}
	return r.keys[0].id
}

// IDs are those of all keys, the current one first.
func (r Keyring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id
	}
	return ids
}

// Has reports whether there is a key with this id.
func (r Keyring) Has(id string) bool { return r.key(id) != nil }

// key returns nil if there is none with this id.
func (r Keyring) key(id string) *key {
	for _, k := range r.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}
