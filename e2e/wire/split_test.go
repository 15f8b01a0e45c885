package wire

import (
	"bytes"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sql  string
		want []string
	}{
		{``, []string{``}},
		{`COMMIT`, []string{`COMMIT`}},
		{`a;b`, []string{`a`, `b`}},
		{`a;b;`, []string{`a`, `b`, ``}},
		{`a ';' b;c`, []string{`a ';' b`, `c`}},
		{`'it\'s; here';b`, []string{`'it\'s; here'`, `b`}},
		{`'\\';b`, []string{`'\\'`, `b`}},
		{`'it''s; here';b`, []string{`'it''s; here'`, `b`}},
		{`'"';'"'`, []string{`'"'`, `'"'`}},
		{`"';";b`, []string{`"';"`, `b`}},
		{"`;\\`;b", []string{"`;\\`", "b"}},
		{`_binary'\0;\';';b`, []string{`_binary'\0;\';'`, `b`}},
		{`a;'never; closed`, []string{`a`, `'never; closed`}},
		{`a;'ends in \`, []string{`a`, `'ends in \`}},
	} {
		got := []string{}
		for _, s := range split([]byte(tt.sql)) {
			got = append(got, string(s))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.sql, diff)
		}
	}
}

// token is a quoted text, closed or not, a semicolon, or any other byte.
var token = regexp.MustCompile("(?s)" + `'(?:\\.|[^'\\])*(?:'|\\?$)|"(?:\\.|[^"\\])*(?:"|\\?$)` + "|`[^`]*(?:`|$)|.")

func FuzzSplit(f *testing.F) {
	for _, sql := range []string{`a;b;`, `'it\'s; here';b`, `"';";b`, "`;\\`;b", `a;'ends in \`, `SELECT 'x;\\';DO 1`} {
		f.Add([]byte(sql))
	}
	f.Fuzz(func(t *testing.T, sql []byte) {
		got := split(sql)
		if joined := bytes.Join(got, []byte{';'}); !bytes.Equal(joined, sql) {
			t.Fatalf("%q became %q", sql, joined)
		}
		var want [][]byte
		from := 0
		for _, at := range token.FindAllIndex(sql, -1) {
			if string(sql[at[0]:at[1]]) == ";" {
				want = append(want, sql[from:at[0]])
				from = at[1]
			}
		}
		want = append(want, sql[from:])
		if !slices.EqualFunc(want, got, bytes.Equal) {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	})
}
