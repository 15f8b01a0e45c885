package lock

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWithoutLiterals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ statement, want string }{
		{"", ""},
		{"SELECT 1", "SELECT ?"},
		{"  SELECT\n\t1  ", "SELECT ?"},
		{"SELECT 'Kim', \"Lee\"", "SELECT ?, ?"},
		{"SELECT 'it''s', \"a\"\"b\", ''", "SELECT ?, ?, ?"},
		{`SELECT 'C:\\', 'Kim'`, "SELECT ?, ?"},
		{`SELECT 'it\'s', 'Kim'`, "SELECT ?…"}, // where backslashes do not escape, Kim is outside
		{`SELECT "a\"", 'Kim'`, "SELECT ?…"},
		{"SELECT '\xbf\\\\', 'Kim'", "SELECT ?…"}, // in GBK, the first backslash belongs to the byte before
		{"VALUES (_binary'\xff\xfe\x00', 0x4D, x'4D', b'1', N'k', -1.5e+3, .5, 0b1)", "VALUES (?, ?, ?, ?, ?, -?+?, ?, ?)"},
		{"INSERT INTO t (a, `b``c`) VALUES (1)", "INSERT INTO t (a, `b``c`) VALUES (?)"},
		{"SELECT _utf8mb4 'k', a.b, t1, @v, @'quoted', @@x", "SELECT _utf8mb4 ?, a.b, t1, @v, @?, @@x"},
		{"SELECT 1 -- Kim\n, 2 # Lee\n, 3 /* Park */ + 4", "SELECT ? , ? , ? + ?"},
		{"SELECT 5--3, a", "SELECT ?--?, a"},
		{"SELECT /*+ NO_ICP(t) */ 1 /*!50000 + 2 */", "SELECT ?"},
		{"SELECT /*!99999 ' */ 'Kim'", "SELECT…"}, // a comment, or the beginning of a text
		{"SELECT /*M!100000 'a*/b' */", "SELECT…"},
		{"SELECT 'cut of", "SELECT ?"},
		{"SELECT 'cut off\\", "SELECT ?"},
		{"SELECT 1 /* cut off 'Kim", "SELECT ?"},
		{"SELECT `cut off", "SELECT `cut off`"},
		{"SELECT 이름 FROM `손님`", "SELECT 이름 FROM `손님`"},
		{"SELECT \xff\xfe, a\u202eb, `c\x00d`", "SELECT ?, ?, ?"},
		{"SELECT $$Kim$$", "SELECT…"}, // a text, to MySQL 9
		{strings.Repeat("SELECT a;", 100), strings.Repeat("SELECT a;", 22) + "…"},
	} {
		if got := withoutLiterals([]byte(tt.statement)); got != tt.want {
			t.Errorf("%q\n is %q\nwant %q", tt.statement, got, tt.want)
		}
	}
}

// secret are bytes that no statement in the fuzz test has outside of literals.
const secret = "ZQX9\x80\xff"

// However a literal is written, and wherever the text is cut off, nothing of it
// is shown.
func FuzzWithoutLiterals(f *testing.F) {
	f.Add([]byte("it's \\ \"Kim\"\x00\n*/ -- "), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 70)
	f.Add([]byte("\\'\xbf\\'`"), []byte{3, 3, 3, 8, 0, 7}, 1000)
	f.Fuzz(func(t *testing.T, value, shape []byte, cut int) {
		shape = shape[:min(len(shape), 20)]
		statement := []byte("select a")
		for i, b := range shape {
			statement = append(append(statement, glue[int(b/16)%len(glue)]...), literal(value, b%16, i%2 == 0)...)
		}
		if cut >= 0 && cut < len(statement) {
			statement = statement[:cut]
		}
		checkShown(t, withoutLiterals(statement))
		if got := withoutLiterals(statement); strings.ContainsAny(got, "ZQX9") {
			t.Errorf("%q\nis shown as %q", statement, got)
		}
		// Any bytes at all must be borne.
		checkShown(t, withoutLiterals(value))
		plainGet(value)
		asksFor(value)
	})
}

// glue is what stands between literals; none has a byte that literals have.
var glue = []string{", ", " + ", " and b = ", " /* c */ in (", ") -- d\n, ", ",", " # e\n or f like ", "\t;\nselect `g h` ,", " /*+ i */ ,", " /*!50000 j */ ,"}

// literal writes value as a literal in one of the ways there are, as a client
// would: its bytes are mixed with secret ones.
func literal(value []byte, way byte, double bool) []byte {
	value = slices.Concat([]byte("ZQ"), value, []byte(secret))
	quote := byte('\'')
	if double {
		quote = '"'
	}
	out := []byte{quote}
	if way >= 8 {
		out = append([]byte([]string{"_binary", "N", "n", "_utf8mb4 ", "@"}[int(way)%5]), quote)
	}
	for _, b := range value {
		switch {
		case b == quote && way%2 == 0:
			out = append(out, b, b)
		case b == '\\' && way == 4: // with NO_BACKSLASH_ESCAPES
			out = append(out, b)
		case b == quote || b == '\\':
			out = append(out, '\\', b)
		case b == 0 && way%4 == 1:
			out = append(out, '\\', '0')
		default:
			out = append(out, b)
		}
	}
	switch way {
	case 5:
		return []byte("0x9999")
	case 6:
		return []byte("99.9")
	case 7:
		return []byte("x'9999'")
	}
	return append(out, quote)
}

func checkShown(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxShown+1 || strings.ContainsAny(s, "'\"\n\x00") {
		t.Errorf("unfit to be shown: %q", s)
	}
}

func TestPlainGet(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]bool{
		"SELECT GET_LOCK('a', 1)":                       true,
		"do/**/get_lock ( 'a' ,0.5 ) ; SELECT SLEEP(9)": true,
		"SELECT GET_LOCK(?, ?) AS got":                  true,
		"SELECT GET_LOCK(@a, -1) `got`;":                true,
		"SELECT GET_LOCK('a', 1), SLEEP(1)":             false,
		"SELECT SLEEP(1), GET_LOCK('a', 1)":             false,
		"SELECT GET_LOCK('a', SLEEP(1))":                false,
		"SELECT GET_LOCK(CONCAT('a', SLEEP(1)), 1)":     false,
		"SELECT GET_LOCK('a', 1) FROM t":                false,
		"SELECT GET_LOCK('a', 1) + 1":                   false,
		"SELECT 'GET_LOCK(''a'', 1)'":                   false,
		"SELECT IS_USED_LOCK('a')":                      false,
		"SET @a = GET_LOCK('a', 1)":                     false,
		"CALL GET_LOCK('a', 1)":                         false,
		"SELECT GET_LOCK('a', ":                         false,
		"":                                              false,
	} {
		if got := plainGet([]byte(statement)); got != want {
			t.Errorf("%q is %v", statement, got)
		}
	}
}

func TestAsksFor(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string][]string{
		"SELECT GET_LOCK('a', 1)":                                      {"a"},
		`do get_lock ( "it''s" ,1), get_lock(/* c */ 'it\'s' , 1)`:     {"it''s", "it's"},
		`SELECT GET_LOCK(_utf8mb4'k\\\n', 1)`:                          {"k\\\n"},
		"SELECT 'GET_LOCK(''a'')' -- GET_LOCK('b', 1)":                 nil,
		"SELECT RELEASE_LOCK('a'), IS_USED_LOCK('b'), `GET_LOCK`('c')": nil,
		"SELECT GET_LOCK(?, 1), GET_LOCK(@a, 1)":                       nil,
		"SELECT GET_LOCK(CONCAT('a', 'b'), 1)":                         nil,
	} {
		if got := asksFor([]byte(statement)); !slices.Equal(got, want) {
			t.Errorf("%q asks for %q, want %q", statement, got, want)
		}
	}
	big := append([]byte("SELECT GET_LOCK('a', 1), '"), bytes.Repeat([]byte("\\'"), 1<<20)...)
	if got := asksFor(big); !slices.Equal(got, []string{"a"}) {
		t.Errorf("in a large statement: %q", got)
	}
}
