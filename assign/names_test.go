package assign

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// parsing is what a Parse function makes of good input; bad input must be an
// [InvalidError] for the field and leave nothing.
type parsing[T ~string] struct {
	parse func(field, s string) (T, error)
	good  map[string]T
	bad   []string
}

func (p parsing[T]) test(t *testing.T) {
	for s, want := range p.good {
		if got, err := p.parse("f", s); err != nil || got != want {
			t.Errorf("parse %q: %q, %v; want %q", s, got, err, want)
		}
	}
	for _, s := range p.bad {
		got, err := p.parse("planners[3].id", s)
		checkInvalid(t, "planners[3].id", err)
		if err == nil || got != "" {
			t.Errorf("parse %q: %q, %v; want an error", s, got, err)
		}
	}
}

func checkInvalid(t *testing.T, field string, err error) {
	t.Helper()
	var invalid *InvalidError
	if err == nil {
		return
	}
	if !errors.Is(err, ErrInvalid) || !errors.As(err, &invalid) || invalid.Field != field || !strings.HasPrefix(err.Error(), field+" must ") {
		t.Errorf("error %v (%T), want an InvalidError for %s", err, err, field)
	}
}

func same[T ~string](all ...string) map[string]T {
	m := map[string]T{}
	for _, s := range all {
		m[s] = T(s)
	}
	return m
}

func TestParsePoolID(t *testing.T) {
	parsing[PoolID]{
		ParsePoolID,
		same[PoolID]("a", "0", "a.b_c-d", "0--", strings.Repeat("x", 48)),
		[]string{"", "A", "-a", ".a", "_a", "a b", "a/b", "a:b", "a\x00", "a\n", "ä", "a\xff", "ａ", strings.Repeat("x", 49)},
	}.test(t)
}

func TestParsePlannerID(t *testing.T) {
	parsing[PlannerID]{
		ParsePlannerID,
		same[PlannerID]("a", "A", "0", "...", ".a", "-", "kim@example.com", "~a:b+c_d-e", strings.Repeat("x", 64)),
		[]string{"", ".", "..", "a b", "a/b", "a%", "a\x00", "김", "a\xff", strings.Repeat("x", 65)},
	}.test(t)
}

func TestParseNumber(t *testing.T) {
	parsing[Number]{
		ParseNumber,
		map[string]Number{
			"0507 1234-5678":                 "050712345678",
			"+82.507.1234.5678":              "+8250712345678",
			" + 8 2 5 0 ":                    "+8250",
			"1234":                           "1234",
			strings.Repeat("9", 20):          Number(strings.Repeat("9", 20)),
			"+" + strings.Repeat("9", 20):    Number("+" + strings.Repeat("9", 20)),
			strings.Repeat(" ", 60) + "1234": "1234",
		},
		[]string{
			"", "+", "123", "+123", "12+34", "++1234", "1234+", "1234a", "(02)1234", "1234\n", "1234\t", "１２３４", "12 34\xff",
			strings.Repeat("9", 21), strings.Repeat(" ", 61) + "1234", "- - . ",
		},
	}.test(t)
}

func TestParseKey(t *testing.T) {
	parsing[string]{
		ParseKey,
		same[string]("k", " ", "~", "a b", `"quoted"`, strings.Repeat("x", 255)),
		[]string{"", "\x1f", "\x7f", "a\nb", "ä", "a\xff", strings.Repeat("x", 256)},
	}.test(t)
}

func TestParseText(t *testing.T) {
	parsing[string]{
		ParseText,
		same[string]("", "Kim", "김 플래너", "😀", strings.Repeat("김", 256)),
		[]string{"a\nb", "\x00", "\x7f", "\u0085", "a\xff", strings.Repeat("김", 257)},
	}.test(t)
}

func TestParseWish(t *testing.T) {
	parsing[Wish]{
		ParseWish,
		map[string]Wish{"": NumberByPool, "preferred": NumberPreferred, "required": NumberRequired, "none": NumberNone},
		[]string{"Required", "none ", "x", "by_pool"},
	}.test(t)
}

func TestParseStart(t *testing.T) {
	parsing[Start]{
		ParseStart,
		map[string]Start{"": StartLevel, "level": StartLevel, "zero": StartZero},
		[]string{"Level", "0"},
	}.test(t)
}

func TestCheckSeconds(t *testing.T) {
	most := int64(MaxCooldown / time.Second)
	for _, seconds := range []int64{0, 1, most} {
		if got, err := CheckSeconds("f", seconds); err != nil || got != time.Duration(seconds)*time.Second {
			t.Errorf("%d: %v, %v", seconds, got, err)
		}
	}
	for _, seconds := range []int64{-1, most + 1, 1 << 62, -1 << 62} {
		got, err := CheckSeconds("cooldown_seconds", seconds)
		checkInvalid(t, "cooldown_seconds", err)
		if err == nil || got != 0 {
			t.Errorf("%d: %v, %v; want an error", seconds, got, err)
		}
	}
}

// What a Parse function has accepted it accepts again, unchanged.
func again[T ~string](t *testing.T, parse func(field, s string) (T, error), s string, least, most int) (T, bool) {
	t.Helper()
	v, err := parse("f", s)
	checkInvalid(t, "f", err)
	if err != nil {
		return "", false
	}
	if twice, err := parse("f", string(v)); err != nil || twice != v {
		t.Errorf("%q becomes %q, which becomes %q, %v", s, v, twice, err)
	}
	if n := utf8.RuneCountInString(string(v)); n < least || n > most {
		t.Errorf("%q has %d characters", v, n)
	}
	return v, true
}

// hasOther reports whether s has a character that is not in set.
func hasOther(s, set string) bool { return strings.Trim(s, set) != "" }

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

func FuzzParsePoolID(f *testing.F) {
	f.Add("a.b")
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := again(t, ParsePoolID, s, 1, 48)
		if ok && (string(id) != s || strings.ContainsAny(s[:1], "._-") || hasOther(s, lower+digits+"._-")) {
			t.Errorf("%q was accepted as %q", s, id)
		}
	})
}

func FuzzParsePlannerID(f *testing.F) {
	f.Add("kim@example.com")
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := again(t, ParsePlannerID, s, 1, 64)
		if ok && (string(id) != s || s == "." || s == ".." || hasOther(s, lower+upper+digits+"._~:@+-")) {
			t.Errorf("%q was accepted as %q", s, id)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	f.Add("+82 507-1234.5678")
	f.Add("0507 1234-5678")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := again(t, ParseNumber, s, 4, 21)
		if !ok {
			return
		}
		if digitsOf := strings.TrimPrefix(string(n), "+"); len(digitsOf) > 20 || hasOther(digitsOf, digits) {
			t.Errorf("%q was accepted as %q", s, n)
		}
		spaced, err := ParseNumber("f", " "+strings.Join(strings.Split(string(n), ""), "-"))
		if err != nil || spaced != n {
			t.Errorf("%q with hyphens is %q, %v", n, spaced, err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add("order-1")
	f.Fuzz(func(t *testing.T, s string) {
		key, ok := again(t, ParseKey, s, 1, 255)
		if ok && key != s {
			t.Errorf("%q was accepted as %q", s, key)
		}
		for i := 0; ok && i < len(s); i++ {
			if s[i] < 0x20 || s[i] > 0x7e {
				t.Errorf("%q was accepted", s)
			}
		}
	})
}

func FuzzParseText(f *testing.F) {
	f.Add("김")
	f.Fuzz(func(t *testing.T, s string) {
		text, ok := again(t, ParseText, s, 0, MaxText)
		if ok && (text != s || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)) {
			t.Errorf("%q was accepted as %q", s, text)
		}
	})
}
