package assign

import (
	"crypto/sha256"
	"encoding/json"
)

// A Fingerprint tells whether two requests with the same key ask for the same.
type Fingerprint [sha256.Size]byte

// fingerprint covers the fields that are present and not default, by name, so
// that a field that a later version adds does not make old keys look reused.
func fingerprint(customer string, wish Wish) Fingerprint {
	fields := map[string]string{}
	if customer != "" {
		fields["customer"] = customer
	}
	if wish != NumberPreferred {
		fields["number"] = string(wish)
	}
	b, _ := json.Marshal(fields) // sorted by name; strings cannot fail
	return sha256.Sum256(b)
}
