package phone

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fairlead/assign"
)

const number = "01012345678"

var kim = AboutPlanner("demo", "kim")

// sealed is number as Python's cryptography sealed it for kim with the first
// test key, by the manuals; the marks are Python's hmac.
const (
	sealed = "000102030405060708090a0bb0ba2271c0357389c35c7166f2162ffe3bce917bb8599e04dcac1cf8001960597d6ed9af7c86e6bfdc11f6f557d09804"

	firstID, firstMark   = "e381eed9", "b9fae2ba422112ad8bbd5e4637ec8ff8b509233c95d93e654cfe8b7c6aff24fd"
	secondID, secondMark = "1eaa8723", "3fd3a25b40f069cb3ca5e6091b102e6f3f93b20c2c30960f5d015bb0344f628c"
)

// What is in a database today must open for ever, and be found.
func TestFormatStays(t *testing.T) {
	t.Parallel()
	r := ring(t, testKeys[:]...)
	var got []assign.PhoneMark
	for _, m := range r.Marks(number) {
		got = append(got, assign.PhoneMark{Key: m.Key, Mark: hex.EncodeToString([]byte(m.Mark))})
	}
	want := []assign.PhoneMark{{Key: firstID, Mark: firstMark}, {Key: secondID, Mark: secondMark}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
	if got, err := r.Open(goldenPhone(), kim); got != number || err != nil {
		t.Errorf("a sealed number of another program opens as %q, %v", got, err)
	}
}

// What a box is about is not kept beside it: said otherwise, no box opens.
func TestAboutStays(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{kim: "planner\x00demo\x00kim", AboutCustomer("demo"): "customer\x00demo"} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func goldenPhone() assign.Phone {
	box, _ := hex.DecodeString(sealed)
	mark, _ := hex.DecodeString(firstMark)
	return assign.Phone{Key: firstID, Box: string(box), Mark: string(mark)}
}

// What is sealed opens, for the same owner and with any ring that has the key;
// its marks are those that it is looked up by.
func TestSealOpens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var (
			number = rapid.StringMatching(`\+?[0-9]{4,20}`).Draw(t, "number")
			about  = rapid.SampledFrom([]string{kim, AboutCustomer("demo"), ""}).Draw(t, "about")
			keys   = rapid.Permutation(testKeys[:]).Draw(t, "keys")
		)
		r, err := ParseKeys(strings.Join(keys, " "))
		if err != nil {
			t.Fatal(err)
		}
		given, err := r.Seal(number, about)
		if err != nil {
			t.Fatal(err)
		}
		marks := map[string]string{}
		for _, m := range r.Marks(number) {
			marks[m.Key] = m.Mark
		}
		if diff := cmp.Diff(marks, given.Marks); diff != "" || len(marks) != 2 {
			t.Fatal(diff)
		}
		if given.Key != r.Current() || given.Mark != marks[r.Current()] {
			t.Fatalf("sealed with %s and marked otherwise than the current key, %s", given.Key, r.Current())
		}
		if len(given.Box) != 12+textSize+16 {
			t.Fatalf("%d characters make %d bytes", len(number), len(given.Box))
		}
		turned, err := ParseKeys(keys[1] + " " + keys[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []Keyring{r, turned} {
			if got, err := r.Open(given.Phone, about); got != number || err != nil {
				t.Fatalf("sealed %q, opened %q, %v", number, got, err)
			}
		}
	})
}

func TestSealedTwiceLooksLikeTwo(t *testing.T) {
	t.Parallel()
	r := ring(t, testKeys[0])
	a, _ := r.Seal(number, kim)
	b, err := r.Seal(number, kim)
	if err != nil || a.Box == b.Box || a.Box[:12] == b.Box[:12] {
		t.Errorf("the same box, or nonce, twice: %x, %x, %v", a.Box, b.Box, err)
	}
	if a.Mark != b.Mark {
		t.Error("the same number has two marks")
	}
	if other, _ := r.Seal("01012345679", kim); other.Mark == a.Mark {
		t.Error("two numbers have one mark")
	}
}

// unreadablePhone fails the test unless p cannot be opened, for a reason that
// has these words in it and no number.
func unreadablePhone(t *testing.T, r Keyring, p assign.Phone, about string, words ...string) {
	t.Helper()
	got, err := r.Open(p, about)
	if !errors.Is(err, assign.ErrPhoneUnreadable) || got != "" {
		t.Errorf("opened as %q, %v", got, err)
		return
	}
	for _, want := range words {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), number[5:]) {
		t.Errorf("a number is in %q", err)
	}
}

func TestDamageIsSeen(t *testing.T) {
	t.Parallel()
	r, p := ring(t, testKeys[:]...), goldenPhone()
	for i := range p.Box {
		for bit := range 8 {
			box := []byte(p.Box)
			box[i] ^= 1 << bit
			unreadablePhone(t, r, assign.Phone{Key: p.Key, Box: string(box)}, kim, firstID, "damaged")
		}
	}
	for size := 1; size < len(p.Box); size++ {
		unreadablePhone(t, r, assign.Phone{Key: p.Key, Box: p.Box[:size]}, kim, "damaged")
	}
	unreadablePhone(t, r, assign.Phone{Key: p.Key, Box: p.Box + "\x00"}, kim, "damaged")
	unreadablePhone(t, r, assign.Phone{Key: secondID, Box: p.Box}, kim, secondID, "damaged")
	unreadablePhone(t, r, assign.Phone{Key: p.Key}, kim, "there is none")
}

// A box says who it belongs to, and nobody can lend it.
func TestBoxOfSomebodyElse(t *testing.T) {
	t.Parallel()
	r := ring(t, testKeys[:]...)
	abouts := []string{kim, AboutPlanner("demo", "lee"), AboutPlanner("demo2", "kim"), AboutPlanner("dem", "okim"),
		AboutCustomer("demo"), AboutCustomer("demo2"), AboutCustomer("kim"), ""}
	for _, of := range abouts {
		given, err := r.Seal(number, of)
		if err != nil {
			t.Fatal(err)
		}
		for _, as := range abouts {
			if as != of {
				unreadablePhone(t, r, given.Phone, as, "somebody else's")
			}
		}
	}
}

// Who has lost a key, or has a wrong one, learns which: that nothing is lost
// as long as it can be found.
func TestMissingKey(t *testing.T) {
	t.Parallel()
	given, err := ring(t, testKeys[0]).Seal(number, kim)
	if err != nil {
		t.Fatal(err)
	}
	unreadablePhone(t, ring(t, testKeys[1]), given.Phone, kim, "key "+firstID+" is missing", secondID+" (current)")
	unreadablePhone(t, Keyring{}, given.Phone, kim, "key "+firstID+" is missing", "none")
	for _, id := range []string{"", number, "E381EED9", "e381eed9 ", "e381eed"} {
		unreadablePhone(t, ring(t, testKeys[0]), assign.Phone{Key: id, Box: given.Box}, kim, "names no key")
	}
	if got, err := ring(t, testKeys[1], testKeys[0]).Open(given.Phone, kim); got != number || err != nil {
		t.Errorf("after the key was found, the number is %q, %v", got, err)
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	if given, err := (Keyring{}).Seal(number, kim); !errors.Is(err, assign.ErrNoPhoneKey) || !given.IsZero() {
		t.Errorf("without a key: %+v, %v", given, err)
	}
	r := ring(t, testKeys[0])
	for _, bad := range []string{"", strings.Repeat("7", maxNumber+1), strings.Repeat("7", 300)} {
		if given, err := r.Seal(bad, kim); err == nil || !given.IsZero() || strings.Contains(err.Error(), "777") {
			t.Errorf("%d characters: %+v, %v", len(bad), given, err)
		}
	}
	longest := strings.Repeat("7", maxNumber)
	given, err := r.Seal(longest, kim)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Open(given.Phone, kim); got != longest || err != nil {
		t.Errorf("the longest opens as %q, %v", got, err)
	}
}

// A box that was sealed with our key by another program, and is no number.
func TestBoxWithoutNumber(t *testing.T) {
	t.Parallel()
	r := ring(t, testKeys[0])
	for name, text := range map[string]string{
		"short": "\x0b" + number, "long": "\x0b" + number + strings.Repeat("\x00", 40), "nothing": "",
		"no length": strings.Repeat("\x00", textSize), "too long a length": "\x20" + strings.Repeat("7", textSize-1),
	} {
		box := r.keys[0].seal([]byte(text), []byte(kim))
		t.Run(name, func(t *testing.T) {
			unreadablePhone(t, r, assign.Phone{Key: r.Current(), Box: string(box)}, kim, "no number")
		})
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"01012345678": "*********78", "+821012345678": "***********78", "1234": "**34", "123": "*23", "12": "**", "1": "*", "": "",
	} {
		if got := Mask(number); got != want {
			t.Errorf("%s is masked as %s, want %s", number, got, want)
		}
	}
}

// Nothing opens but what was sealed, and nothing panics.
func FuzzOpen(f *testing.F) {
	good := goldenPhone()
	f.Add(good.Key, good.Box, kim)
	f.Add(good.Key, good.Box[:20], kim)
	f.Add(secondID, good.Box, "")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, key, box, about string) {
		r := ring(t, testKeys[:]...)
		p := assign.Phone{Key: key, Box: box}
		got, err := r.Open(p, about)
		if p == (assign.Phone{Key: good.Key, Box: good.Box}) && about == kim {
			if got != number || err != nil {
				t.Fatalf("%q, %v", got, err)
			}
		} else if !errors.Is(err, assign.ErrPhoneUnreadable) || got != "" {
			t.Fatalf("opened as %q, %v", got, err)
		}
	})
}
