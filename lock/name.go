package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName is the longest name that every server takes, in characters. MySQL
// refuses longer ones with error 4163; MariaDB allows 192 bytes.
const maxName = 64

// A Name is a lock's name on the server. Make one with [NameOf].
type Name string

// NameOf returns the name that guards key within scope. Lock names are
// server-wide, so the scope keeps applications apart.
//
// The name is scope, a colon and key where that is at most 64 characters of
// a-z, 0-9 and :._- , so that people can read it. MySQL compares names without
// regard to case and MariaDB with; any other name is therefore cut down to 47
// of those characters, a # and a hash of the whole.
func NameOf(scope, key string) Name {
	full := scope + ":" + key
	if len(full) <= maxName && strings.IndexFunc(full, unsafe) < 0 {
		return Name(full)
	}
	sum := sha256.Sum256([]byte(full))
	return Name(readable(full) + "#" + hex.EncodeToString(sum[:8]))
}

// CutIn reports whether n looks like a name that [NameOf] cut for some key of
// scope. Which key that is, or whether it is of another scope that reads alike,
// cannot be told from it.
func (n Name) CutIn(scope string) bool {
	head, hash, found := strings.Cut(string(n), "#")
	return found && strings.HasPrefix(head, readable(scope+":")) && len(hash) == 16 && strings.Trim(hash, "0123456789abcdef") == ""
}

// readable is what a name that is cut keeps of the whole.
func readable(full string) string {
	kept := strings.Map(func(r rune) rune {
		if unsafe(r) {
			return -1
		}
		return r
	}, full)
	return kept[:min(len(kept), maxName-17)]
}

func unsafe(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(":._-", r)
}
