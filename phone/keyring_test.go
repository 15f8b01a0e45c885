package phone

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// testKeys are two keys that tests know the secrets of.
var testKeys = [2]string{testKey(0), testKey(100)}

// sameID are two keys whose ids are the same by chance.
var sameID = [2]string{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACdPE=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACdlE="}

// testKey is a key of the bytes from, from+1, …
func testKey(from byte) string {
	secret := make([]byte, keySize)
	for i := range secret {
		secret[i] = from + byte(i)
	}
	return base64.StdEncoding.EncodeToString(secret)
}

func ring(t testing.TB, keys ...string) Keyring {
	t.Helper()
	r, err := ParseKeys(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	first, second := ring(t, testKeys[0]).Current(), ring(t, testKeys[1]).Current()
	for text, want := range map[string][]string{
		"":                                    {},
		" \n# no key in here, " + testKeys[0]: {},
		testKeys[0]:                           {first},
		testKeys[0] + "," + testKeys[1]:       {first, second},
		testKeys[1] + "," + testKeys[0]:       {second, first},
		testKeys[0] + " \t" + testKeys[1]:     {first, second},
		",," + testKeys[0] + ", ," + "\r\n":   {first},
		testKeys[0] + "#2026\n" + testKeys[1]: {first, second},
		"# new\n" + testKeys[1] + "\n# old\r\n\r\n" + testKeys[0] + " # until June": {second, first},
	} {
		r, err := ParseKeys(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, r.IDs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if r.Empty() != (len(want) == 0) || !r.Empty() && r.Current() != want[0] {
			t.Errorf("%q: empty %v, current %q", text, r.Empty(), r.Current())
		}
	}
	if r := ring(t, testKeys[1]); r.Has(first) || !r.Has(second) || r.Has("") {
		t.Error("the ring does not know what it has")
	}
	if got := (Keyring{}).Current(); got != "" {
		t.Errorf("a ring without keys has a current one: %q", got)
	}
}

// An operator has to find the key that is wrong, in a text that must not be
// shown.
func TestParseKeysRefuses(t *testing.T) {
	t.Parallel()
	good, bad := testKeys[0], testKeys[1]
	for name, tt := range map[string]struct{ text, want string }{
		"no base64":         {good + ", correct-horse-battery-staple", "key 2 must be 32 bytes"},
		"url-safe base64":   {strings.Repeat("-_", 21) + "-=", "key 1 must be 32 bytes"},
		"no padding":        {strings.TrimRight(bad, "="), "key 1 must be 32 bytes"},
		"31 bytes":          {base64.StdEncoding.EncodeToString(make([]byte, 31)), "key 1 must be 32 bytes"},
		"33 bytes":          {good + "\n" + base64.StdEncoding.EncodeToString(make([]byte, 33)), "key 2 must be 32 bytes"},
		"hexadecimal":       {strings.Repeat("0f", 32), "key 1 must be 32 bytes"},
		"bits behind":       {strings.Repeat("A", 42) + "B=", "key 1 must be 32 bytes"},
		"twice":             {good + "," + bad + "\n# again\n" + good, "key 3 is the same as key 1"},
		"two with one name": {sameID[0] + "," + good + "," + sameID[1], "key 3 has the same id as key 1"},
	} {
		r, err := ParseKeys(tt.text)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !r.Empty() {
			t.Errorf("%s: %v, %v", name, r, err)
			continue
		}
		for _, word := range words(tt.text) {
			if len(word) > 6 && strings.Contains(err.Error(), word[:6]) {
				t.Errorf("%s: a key is in the error: %v", name, err)
			}
		}
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	a, b := NewKey(), NewKey()
	r, err := ParseKeys(a + "\n" + b)
	if err != nil || len(r.IDs()) != 2 {
		t.Errorf("two new keys are %v, %v", r, err)
	}
}

// Whatever prints a ring, or what a ring is in, prints ids.
func TestKeyringIsNotPrinted(t *testing.T) {
	t.Parallel()
	r := ring(t, testKeys[:]...)
	open, hidden := struct{ Ring Keyring }{r}, struct{ ring Keyring }{r}
	var texts []string
	for _, v := range []any{r, &r, []Keyring{r}, map[string]Keyring{"": r}, open, &open, hidden, &hidden} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%c", "%T", "%p", "% x", "%08b"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(asJSON))
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("start", "keys", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "keys", v)
		texts = append(texts, log.String())
	}
	for _, text := range texts {
		for _, secret := range secretsOf() {
			if strings.Contains(text, secret) {
				t.Fatalf("a secret is in %q", text)
			}
		}
	}
	want := "phone keys " + r.IDs()[0] + " (current), " + r.IDs()[1]
	for _, got := range []string{r.String(), r.GoString(), r.LogValue().String(), fmt.Sprintf("%#v", r), fmt.Sprintf("%x", r)} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := fmt.Sprint(Keyring{}); got != "no phone keys" {
		t.Error(got)
	}
}

// secretsOf are the ways in which the start of a secret could be written.
func secretsOf() (all []string) {
	secrets := [][]byte{}
	for _, text := range testKeys {
		secret, _ := base64.StdEncoding.DecodeString(text)
		secrets = append(secrets, secret, derive(secret, labelMark, 32), derive(secret, labelSeal, 32))
	}
	for _, s := range secrets {
		s = s[:6]
		all = append(all, string(s), base64.StdEncoding.EncodeToString(s), fmt.Sprintf("%x", s), fmt.Sprintf("%X", s),
			strings.Trim(fmt.Sprint(s), "[]"), strings.Trim(fmt.Sprintf("%#v", s), "[]byte{}"), strings.Trim(fmt.Sprintf("%o", s), "[]"),
			strings.Trim(fmt.Sprintf("%08b", s), "[]"), strings.Trim(fmt.Sprintf("% x", s), "[]"), strings.Trim(fmt.Sprintf("%q", s), "\""))
	}
	return all
}

// The test above must find what it looks for: secrets that lie in a field, or
// behind a pointer there.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	secret, err := base64.StdEncoding.DecodeString(testKeys[0])
	if err != nil {
		t.Fatal(err)
	}
	type bare struct{ mark []byte }
	in, behind := struct{ k bare }{bare{secret}}, struct{ k *bare }{&bare{secret}}
	texts := []string{fmt.Sprintf("%#v", in)}
	for _, verb := range []string{"%v", "%+v", "%x", "%X", "%d", "%o", "%08b", "%s", "%q"} {
		texts = append(texts, fmt.Sprintf(verb, in))
	}
	for _, verb := range []string{"%s", "%q"} {
		texts = append(texts, fmt.Sprintf(verb, behind))
	}
	for _, text := range texts {
		if !slices.ContainsFunc(secretsOf(), func(s string) bool { return strings.Contains(text, s) }) {
			t.Errorf("no secret is found in %s", text)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	for _, s := range []string{"", testKeys[0], testKeys[0] + "," + testKeys[1], "#" + testKeys[0], testKeys[0] + " # x\n" + testKeys[0], "AAAA", "\xff,\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseKeys(s)
		if err != nil {
			if !r.Empty() || !strings.HasPrefix(err.Error(), "key ") || strings.IndexFunc(err.Error(), notPlain) >= 0 {
				t.Fatalf("%v, %v", r, err)
			}
			return
		}
		if len(r.IDs()) != len(words(s)) {
			t.Fatalf("%d words became %v", len(words(s)), r)
		}
		// The same keys in another order are the same keys.
		turned := words(s)
		slices.Reverse(turned)
		back, err := ParseKeys(strings.Join(turned, "\n"))
		ids := back.IDs()
		slices.Reverse(ids)
		if err != nil || !slices.Equal(ids, r.IDs()) {
			t.Fatalf("%v turned is %v, %v", r, back, err)
		}
	})
}

func notPlain(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }

// Keys come back from any way of writing a list of them.
func TestParseKeysOfAnyShape(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secrets := rapid.SliceOfNDistinct(rapid.SliceOfN(rapid.Byte(), keySize, keySize), 0, 5,
			func(b []byte) string { return string(b) }).Draw(t, "secrets")
		gap := rapid.SampledFrom([]string{",", " ", "\n", "\r\n", " , ", ",,", " # old, gone\n", "\t#\n#\n"})
		var (
			text = rapid.SampledFrom([]string{"", "\n", "# keys\n", " "}).Draw(t, "head")
			want = []string{}
		)
		for _, s := range secrets {
			text += base64.StdEncoding.EncodeToString(s) + gap.Draw(t, "gap")
			want = append(want, newKey(s).id)
		}
		r, err := ParseKeys(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.IDs()); diff != "" {
			t.Fatal(diff)
		}
	})
}
