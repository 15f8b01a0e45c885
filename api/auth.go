package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// Tokens are who may use the API, by secret. Secrets are kept as hashes. The
// zero value holds none, and then everybody may.
type Tokens struct {
	tokens []token
}

type token struct {
	name string
	hash [sha256.Size]byte
}

// ParseTokens reads "name:secret,name:secret,…". A name has 1 to 64 characters
// of A-Z, a-z, 0-9 and ._-; two tokens may share one, so that a secret can be
// replaced without a gap. A secret is printable ASCII without spaces and
// commas. Errors do not show secrets.
func ParseTokens(s string) (Tokens, error) {
	var t Tokens
	if strings.TrimSpace(s) == "" {
		return t, nil
	}
	seen := map[[sha256.Size]byte]bool{}
	for i, entry := range strings.Split(s, ",") {
		name, secret, ok := strings.Cut(strings.TrimSpace(entry), ":")
		switch {
		case !ok:
			return Tokens{}, fmt.Errorf("token %d: must be name:secret", i+1)
		case !isTokenName(name):
			return Tokens{}, fmt.Errorf("token %d: the name must be 1 to 64 characters of A-Z, a-z, 0-9 and ._-", i+1)
		case secret == "" || !visible(secret):
			return Tokens{}, fmt.Errorf("token %d: the secret must be printable ASCII without spaces, and not empty", i+1)
		}
		hash := sha256.Sum256([]byte(secret))
		if seen[hash] {
			return Tokens{}, fmt.Errorf("token %d: another token has the same secret", i+1)
		}
		seen[hash] = true
		t.tokens = append(t.tokens, token{name, hash})
	}
	return t, nil
}

func isTokenName(s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, letters) == ""
}

// Empty reports whether there are no tokens, so that everybody may.
func (t Tokens) Empty() bool { return len(t.tokens) == 0 }

// check returns the name of the token that a request carries; empty if none is
// needed.
func (t Tokens) check(h http.Header) (string, error) {
	if t.Empty() {
		return "", nil
	}
	secret, ok := bearer(h[echo.HeaderAuthorization])
	if !ok {
		return "", errUnauthorized
	}
	// All are compared, each in a time that does not depend on how much of it
	// is right.
	hash := sha256.Sum256([]byte(secret))
	var name string
	for _, token := range t.tokens {
		if subtle.ConstantTimeCompare(hash[:], token.hash[:]) == 1 {
			name = token.name
		}
	}
	if name == "" {
		return "", errUnauthorized
	}
	return name, nil
}

// bearer is the secret in an Authorization header.
func bearer(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	scheme, secret, ok := strings.Cut(values[0], " ")
	return strings.TrimLeft(secret, " "), ok && strings.EqualFold(scheme, "Bearer")
}
