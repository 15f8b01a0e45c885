package numbering_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
	"fairlead/internal/numbering"
)

type line struct {
	N      int
	Number assign.Number
	Reason string
}

// flat has a list's numbers, then its rejects.
func flat(l numbering.List) (lines []line) {
	for _, e := range l.Entries {
		lines = append(lines, line{N: e.Line, Number: e.Number})
	}
	for _, r := range l.Rejects {
		lines = append(lines, line{N: r.Line, Reason: r.Written + " " + r.Reason})
	}
	return lines
}

func TestRead(t *testing.T) {
	t.Parallel()
	two := func(a, b int) []line { return []line{{N: a, Number: "05071234567"}, {N: b, Number: "05071234568"}} }
	for name, tt := range map[string]struct {
		file string
		want []line
	}{
		"plain":           {"0507-123-4567\n0507-123-4568", two(1, 2)},
		"header":          {"Number\n0507-123-4567\n0507-123-4568\n", two(2, 3)},
		"BOM, CRLF":       {"\ufeffnumber\r\n0507-123-4567\r\n\r\n0507-123-4568\r\n", two(2, 4)},
		"comments":        {"# from KT\n0507-123-4567\n# two\n\n0507-123-4568\n", two(2, 5)},
		"comment, header": {"# from KT\nnumber\n0507-123-4567\n0507-123-4568\n", two(3, 4)},
		"empty columns":   {"number,,\n0507-123-4567,,\n0507-123-4568, ,\n", two(2, 3)},
		"quotes":          {"\"number\"\n\"0507-123-4567\"\n\"'0507-123-4568\"\n", two(2, 3)},
		"array":           {`["0507-123-4567", "0507-123-4568"]`, two(1, 1)},
		"array in lines":  {"\ufeff[\n  \"0507-123-4567\",\n\n  \"0507-123-4568\"\n]\n", two(2, 4)},
		"objects":         {"[\n{\"number\": \"0507-123-4567\"},\n{\n\"number\":\n\"0507-123-4568\"}]", two(2, 5)},
		"numbers":         {"{\"numbers\": [\n\"0507-123-4567\",\n{\"number\": \"0507-123-4568\"}]}", two(2, 3)},
		"JSON lines":      {"{\"number\":\"0507-123-4567\"}\n{\"number\":\"0507-123-4568\"}\n", two(1, 2)},
		"escaped":         {`["\u0030507-123-4567", "0507-123-4568"]`, two(1, 1)},
		"strings a line":  {"\"0507-123-4567\"\n\"0507-123-4568\"\n", two(1, 2)},
		"empty":           {"", nil},
		"empty array":     {"[]", nil},
		"header alone":    {"number\n", nil},
		"rejects": {"number\n0507-123-4567\n010-1234-5678\n0507-12\n+82507 123 4567\n0507-123-4568,KT\n5.07E+11\n", []line{
			{N: 2, Number: "05071234567"},
			{N: 3, Reason: "***-****-**78 is a mobile number: somebody's own phone, and no relay number"},
			{N: 4, Reason: "0507-12 is no Korean relay number: that has 7 or 8 digits behind 050X, this 2"},
			{N: 5, Reason: "+82507 123 4567 is on line 2 already"},
			{N: 6, Reason: "0507-123-4568 is one of 2 columns; a list has one, number"},
			{N: 7, Reason: "5.07E+11 was made an amount by a spreadsheet, which has thrown digits away: give the column the format Text, and enter the numbers again"},
		}},
		"JSON rejects": {"[\n\"0507-123-4567\",\n05071234567e0]", nil},
		"JSON amounts": {"[\n\"0507-123-4567\",\n5071234568,\n{\"number\": \"x\"}]", []line{
			{N: 2, Number: "05071234567"},
			{N: 3, Reason: "5071234568 is not in quotes, so that its leading zero or plus may be lost: write it as a string"},
			{N: 4, Reason: "x has letters"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := numbering.Rules{}.Read(strings.NewReader(tt.file), "", "")
			if name == "JSON rejects" { // not JSON at all
				if err == nil || !strings.HasPrefix(err.Error(), "line 3: is not JSON") {
					t.Error(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, flat(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What is no list is refused as a whole: nobody knows what else was meant.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"number,carrier\n0507-123-4567,KT\n":                  `line 1: column "carrier" is not known`,
		"# KT\n안심번호\n0507-123-4567\n":                         `line 2: column "안심번호" is not known`,
		"number,number\n":                                     "there twice",
		"0507-123-4567\n\"0507":                               "line 2: is not CSV",
		"0507\"123\n":                                         "line 1: is not CSV",
		"PK\x03\x04...":                                       "is a spreadsheet",
		"\xff\xfe0\x005\x00":                                  "is UTF-16",
		"[\"0507-123-4567\",\n":                               "line 1: is not JSON: it ends too early",
		"[\"0507-123-4567\"\n\"0507-123-4568\"]":              "is not JSON",
		"[[\"0507-123-4567\"]]":                               "has a list in a list",
		"{\"numbers\": {}}":                                   "must be an array",
		"{\"number\": [\"0507-123-4567\"]}":                   "must be a string",
		"{\"numbers\": [], \"pool\": \"a\"}":                  `field "pool" is not known`,
		"[{\"numbers\": []}]":                                 `field "numbers" is not known`,
		"[\n{\"number\":\"0507-123-4567\",\n\"carrier\":{}}]": `line 3: field "carrier" is not known`,
		"[{}]":                          "an object with 0 fields",
		"[null]":                        "has <nil> where a number should be",
		"[true]":                        "has true where a number should be",
		"[\"0507-123-4567\"] x":         "line 1: is not JSON",
		"{\"number\":\"0507-123-4567\"": "ends too early",
	} {
		got, err := numbering.Rules{}.Read(strings.NewReader(file), "", "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want an error with %q", file, got, err, want)
		}
	}
}

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		want       numbering.Format
	}{
		{"a.csv", "[", numbering.CSV}, {"A.TXT", "{", numbering.CSV}, {"a.json", "0507", numbering.JSON}, {"a.JSONL", "", numbering.JSON},
		{"-", " \n[", numbering.JSON}, {"numbers", "{", numbering.JSON}, {"numbers", "0507", numbering.CSV}, {"", "", numbering.CSV}, {"a.dat", "\"0507\"", numbering.CSV},
	} {
		if got := numbering.FormatOf(tt.name, []byte(tt.file)); got != tt.want {
			t.Errorf("%q %q is %s", tt.name, tt.file, got)
		}
	}
}

func TestReadFormatIsSaid(t *testing.T) {
	t.Parallel()
	if _, err := (numbering.Rules{}).Read(strings.NewReader("0507-123-4567\n"), "a.csv", numbering.JSON); err == nil {
		t.Error("CSV was read as JSON")
	}
	if l, err := (numbering.Rules{}).Read(strings.NewReader(`"0507-123-4567"`), "a.json", numbering.CSV); err != nil || len(l.Entries) != 1 {
		t.Error(l, err)
	}
}

func TestReadPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk is broken")
	if _, err := (numbering.Rules{}).Read(io.MultiReader(strings.NewReader("0507-123-4567\n"), iotest.ErrReader(broken)), "", ""); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// Whatever a file holds, no number comes out twice, lines rise, and what could
// be a phone is hidden.
func FuzzRead(f *testing.F) {
	f.Add("number\n0507-123-4567\n+82 507 123 4567\n")
	f.Add("[\"0507-123-4567\", {\"number\": \"010-1234-5678\"}, 5]")
	f.Add("{\"numbers\": [\"\\n\"]}\n\"a\"")
	f.Add("\"a\nb\",\n#\n,,,")
	f.Fuzz(func(t *testing.T, file string) {
		l, _ := numbering.Rules{}.Read(strings.NewReader(file), "", "")
		last := 0
		seen := map[assign.Number]bool{}
		for _, e := range l.Entries {
			if seen[e.Number] || e.Line < last || e.Line > 1+strings.Count(file, "\n")+strings.Count(file, "\r") {
				t.Fatalf("%+v", l)
			}
			seen[e.Number], last = true, e.Line
		}
		for _, r := range l.Rejects {
			if r.Line < 1 || r.Reason == "" || strings.ContainsAny(r.Written, "\x1b\n") {
				t.Fatalf("%+v", r)
			}
		}
	})
}
