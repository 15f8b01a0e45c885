package assign

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// Fingerprints are stored for as long as their assignments, so they must come
// out the same in every version: these are SHA-256 of the text beside them.
func TestFingerprintIsStable(t *testing.T) {
	for _, test := range []struct {
		customer string
		wish     Wish
		text     string
		want     string
	}{
		{"", NumberPreferred, `{}`, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
		{"c-1", NumberRequired, `{"customer":"c-1","number":"required"}`, ""},
		{"", NumberNone, `{"number":"none"}`, ""},
		{"김 <a&b>", NumberPreferred, `{"customer":"김 \u003ca\u0026b\u003e"}`, ""},
	} {
		got := fingerprint(test.customer, test.wish)
		if got != sha256.Sum256([]byte(test.text)) {
			t.Errorf("fingerprint(%q, %q) is not that of %s", test.customer, test.wish, test.text)
		}
		if test.want != "" && hex.EncodeToString(got[:]) != test.want {
			t.Errorf("fingerprint(%q, %q) = %x, want %s", test.customer, test.wish, got, test.want)
		}
	}
}

// Whatever a customer is called, its spelling is encoding/json's.
func TestFingerprintIsOfJSON(t *testing.T) {
	spellings := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`), rapid.SampledFrom([]string{"<", ">", "&", "\"", "\\", "\x1f", "\x7f", "\u2028", "\xff", "김"}))
	rapid.Check(t, func(t *rapid.T) {
		customer := spellings.Draw(t, "customer")
		wish := rapid.SampledFrom([]Wish{NumberPreferred, NumberRequired, NumberNone}).Draw(t, "wish")
		fields := map[string]string{"customer": customer, "number": string(wish)}
		if customer == "" {
			delete(fields, "customer")
		}
		if wish == NumberPreferred {
			delete(fields, "number")
		}
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if fingerprint(customer, wish) != sha256.Sum256(text) {
			t.Errorf("fingerprint(%q, %q) is not that of %s", customer, wish, text)
		}
	})
}

// The default may be said or left out, and a key made up or not: the request
// is the same.
func TestDefaultsDoNotChangeTheFingerprint(t *testing.T) {
	want := newAssigning(Request{Customer: "c"}, "id").fingerprint
	for _, r := range []Request{
		{Customer: "c", Wish: NumberPreferred},
		{Customer: "c", Key: "k"},
		{Customer: "c", Pool: "p"},
	} {
		if got := newAssigning(r, "other").fingerprint; got != want {
			t.Errorf("%+v has another fingerprint", r)
		}
	}
}

func TestFingerprintsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wishes := rapid.SampledFrom([]Wish{NumberPreferred, NumberRequired, NumberNone})
		customers := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "required", `","number":"none`}))
		c1, w1 := customers.Draw(t, "customer"), wishes.Draw(t, "wish")
		c2, w2 := customers.Draw(t, "other customer"), wishes.Draw(t, "other wish")
		if equal := fingerprint(c1, w1) == fingerprint(c2, w2); equal != (c1 == c2 && w1 == w2) {
			t.Errorf("%q %s and %q %s: same fingerprint is %t", c1, w1, c2, w2, equal)
		}
	})
}
