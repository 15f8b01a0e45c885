package numbering_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead/assign"
	"fairlead/internal/numbering"
)

// What people's lists contain, and what it is.
func TestNormalise(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"050712345678":          "050712345678",
		"05071234567":           "05071234567",
		"0507-1234-5678":        "050712345678",
		"0507.1234.5678":        "050712345678",
		"050 7123 4567":         "05071234567",
		"(0507) 1234-5678":      "050712345678",
		"+82 507 1234 5678":     "050712345678",
		"+82-(0)507-1234-5678":  "050712345678",
		"(+82) 0507 1234 5678":  "050712345678",
		"0082-507-1234-5678":    "050712345678",
		"0082 (0)507 1234 5678": "050712345678",
		"82 507 1234 5678":      "050712345678", // a spreadsheet drops the plus
		"０５０７－１２３４－５６７８":        "050712345678",
		"＋８２ （０）５０７ １２３４ ５６７８":          "050712345678",
		"0507\u00a01234\u00a05678":      "050712345678",
		"0507\u20131234\u20145678":      "050712345678",
		"0507\u20111234\u22125678":      "050712345678",
		"0507ー1234ー5678":                "050712345678",
		"\u202a0507-1234-5678\u202c":    "050712345678",
		"'0507-1234-5678":               "050712345678",
		"’050712345678":                 "050712345678",
		"tel:+82-507-1234-5678":         "050712345678",
		"TEL:050712345678":              "050712345678",
		"\ufeff\t050712345678 \u3000":   "050712345678",
		"0500-123-4567":                 "05001234567",
		"0509-1234-5678":                "050912345678",
		"070-1234-5678":                 "07012345678",
		"02-123-4567":                   "021234567",
		"1588-1234":                     "15881234",
		"+1 415 555 0123":               "+14155550123",
		"+44 20 7183 8750":              "+442071838750",
		"+39 06 6982":                   "+39066982", // Italy keeps the zero
		"tel:+1-415-555-0123":           "+14155550123",
		"\u2068+82 507 1234 567\u2069 ": "05071234567",
	} {
		got, err := numbering.Rules{}.Normalise(written)
		if err != nil || string(got) != want {
			t.Errorf("%q is %q, %v; want %q", written, got, err, want)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rules         numbering.Rules
		written, want string
	}{
		{numbering.Rules{Form: numbering.E164}, "0507-1234-5678", "+8250712345678"},
		{numbering.Rules{Form: numbering.E164}, "+1 415 555 0123", "+14155550123"},
		{numbering.Rules{Form: numbering.National}, "+8250712345678", "050712345678"},
		{numbering.Rules{Region: "US"}, "+1 (415) 555-0123", "4155550123"},
		{numbering.Rules{Region: "US"}, "1-415-555-0123", "4155550123"},
		{numbering.Rules{Region: "US"}, "0507-1234-5678", ""},
		{numbering.Rules{Region: "US"}, "+82 507 1234 5678", "+8250712345678"},
		{numbering.Rules{Region: "DE", Form: numbering.E164}, "0049 30 123456", "+4930123456"},
		{numbering.Rules{AnyKind: true}, "010-1234-5678", "01012345678"},
		{numbering.Rules{AnyKind: true}, "060-700-1234", "0607001234"},
	} {
		got, err := tt.rules.Normalise(tt.written)
		if string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %q is %q, %v; want %q", tt.rules, tt.written, got, err, tt.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"":                                     "is empty",
		" - ":                                  "is empty",
		"+":                                    "too few digits",
		"114":                                  "too few digits",
		"1234":                                 "too few digits",
		"0507-1234-56":                         "is no Korean relay number: that has 7 or 8 digits behind 050X, this 6",
		"+82 507 1234 56789":                   "7 or 8 digits behind 050X, this 9",
		"0507":                                 "7 or 8 digits behind 050X, this 0",
		"0510-1234-567":                        "is not a number of KR",
		"05071234567890123":                    "7 or 8 digits behind 050X, this 13",
		"011112345678901234567890":             "has too many digits",
		"0507-ABCD-5678":                       "has letters",
		"홍길동":                                  "has letters",
		"0507-1234-567８x":                      "has letters",
		"0507/1234/5678":                       `has a '/'`,
		"0507-1234-5678;ext=9":                 `has a ';'`,
		"0507-123-4567~9":                      `has a '~'`,
		"tel:0507-1234-5678;phone-context=+82": "has parameters",
		"٠٥٠٧١٢٣٤٥٦٧٨":                         "has digits that are not 0 to 9",
		"050+712345678":                        "plus that is not at its start",
		"++82507":                              "plus that is not at its start",
		"\xff050712345678":                     "is not UTF-8",
		strings.Repeat("0", 201):               "is too long",
		"+999 1234 5678":                       "no country with the code",
		"5071234567":                           "lacks its leading zero",
		"507123456789":                         "lacks its leading zero",
		"50712345678":                          "lacks its leading zero",
		"5071234":                              "lacks its leading zero",
		"7012345678":                           "lacks its leading zero",
		"5.07123E+11":                          "spreadsheet, which has thrown digits away",
		"5,07123E+11":                          "spreadsheet, which has thrown digits away",
		"5e10":                                 "spreadsheet, which has thrown digits away",
		"5071234567.0":                         "with decimals",
		"050712345678,00":                      "with decimals",
		"0044 20 7183 8750":                    "begins with 00",
		"001-82-507-1234-5678":                 "begins with 00",
		"082-507-1234-567":                     "not written in a usual way", // 082 is a carrier
		"010-1234-5678":                        "is a mobile number",
		"+82 10 1234 5678":                     "is a mobile number",
		"011-234-5678":                         "is a mobile number",
		"1012345678":                           "is a mobile number",
		"+44 7911 123456":                      "is a mobile number",
		"060-700-1234":                         "charged extra",
		"020 7183 8750":                        "those of other countries need a plus",
		"+82 2 12":                             "too few digits",
		"+1 415 555 01234":                     "too many digits for a number of country code 1",
		"+1 415 155 0123":                      "is not a number of country code 1",
	} {
		got, err := numbering.Rules{}.Normalise(written)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %q, %v; want an error with %q", written, got, err, want)
		}
	}
}

func TestParseRegion(t *testing.T) {
	t.Parallel()
	if got, err := numbering.ParseRegion("kr"); got != "KR" || err != nil {
		t.Errorf("kr is %q, %v", got, err)
	}
	for _, s := range []string{"", "K", "Korea", "XX", "82", "001"} {
		if got, err := numbering.ParseRegion(s); err == nil {
			t.Errorf("%q is %q", s, got)
		}
	}
}

func TestBoth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		form                 numbering.Form
		written, kept, other assign.Number
	}{
		{numbering.National, "0507-1234-5678", "050712345678", "+8250712345678"},
		{numbering.E164, "0507-1234-5678", "+8250712345678", "050712345678"},
		{numbering.National, "+1 415 555 0123", "+14155550123", "+14155550123"},
		{numbering.E164, "+1 415 555 0123", "+14155550123", "+14155550123"},
	} {
		kept, other, err := numbering.Rules{Form: tt.form}.Both(string(tt.written))
		if kept != tt.kept || other != tt.other || err != nil {
			t.Errorf("%s: %s is %s and %s, %v", tt.form, tt.written, kept, other, err)
		}
	}
}

// ways are how one relay number is written. 050X stands before the last four
// digits and some in the middle.
var ways = []func(x, middle, last string) string{
	func(x, m, l string) string { return "0" + x + m + l },
	func(x, m, l string) string { return "0" + x + "-" + m + "-" + l },
	func(x, m, l string) string { return "(0" + x + ") " + m + "-" + l },
	func(x, m, l string) string { return "+82 " + x + " " + m + " " + l },
	func(x, m, l string) string { return "+82-(0)" + x + "-" + m + "-" + l },
	func(x, m, l string) string { return "0082" + x + m + l },
	func(x, m, l string) string { return "82" + x + m + l },
	func(x, m, l string) string { return "tel:+82-" + x + "-" + m + "-" + l },
	func(x, m, l string) string { return "'0" + x + "\u00a0" + m + "\u2013" + l },
	func(x, m, l string) string { return "+82" + x + m + l },
}

// However a relay number is written, it is that number, in both forms.
func TestEveryWayIsTheSameNumber(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := "50" + rapid.StringMatching(`[0-9]`).Draw(t, "x")
		middle := rapid.StringMatching(`[0-9]{3,4}`).Draw(t, "middle")
		last := rapid.StringMatching(`[0-9]{4}`).Draw(t, "last")
		written := rapid.SampledFrom(ways).Draw(t, "way")(x, middle, last)
		for form, want := range map[numbering.Form]string{numbering.National: "0" + x + middle + last, numbering.E164: "+82" + x + middle + last} {
			got, err := numbering.Rules{Form: form}.Normalise(written)
			if err != nil || string(got) != want {
				t.Fatalf("%s: %q is %q, %v; want %q", form, written, got, err, want)
			}
		}
	})
}

// Whatever is written, what comes out is a number for the domain, comes out
// again as itself, and has the digits that went in.
func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"0507-1234-5678", "+82 (0)507 1234 5678", "0082507123456", "5.07E+11", "tel:+1-415-555-0123", "'０５０７", "+39 06 6982", "+54 9 11 2345 6789", "+52 1 55 1234 5678"} {
		f.Add(s, "KR", false, true)
		f.Add(s, "AR", true, true)
		f.Add(s, "MX", false, false)
	}
	f.Fuzz(func(t *testing.T, written, region string, e164, anyKind bool) {
		rules := numbering.Rules{AnyKind: anyKind}
		if rules.Region, _ = numbering.ParseRegion(region); e164 {
			rules.Form = numbering.E164
		}
		n, other, err := rules.Both(written)
		if err != nil {
			return
		}
		if again, err := assign.ParseNumber("number", string(n)); err != nil || again != n {
			t.Fatalf("%q is %q, which is %q to the domain, %v", written, n, again, err)
		}
		if again, err := rules.Normalise(string(n)); err != nil || again != n {
			t.Fatalf("%q is %q, and that is %q, %v", written, n, again, err)
		}
		if again, err := rules.Normalise(string(other)); err != nil || again != n {
			t.Fatalf("%q is %q, its other form %q is %q, %v", written, n, other, again, err)
		}
	})
}

// What could be somebody's phone is not shown, and what a relay number was
// meant to be is.
func TestShown(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"010-1234-5678":         "***-****-**78",
		"+82 10 1234 5678":      "+** ** **** **78",
		"０１０１２３４５６７８":           "*********７８",
		"0101234567x":           "********67x",
		"0507-1234-56":          "0507-1234-56",
		"+82 507 1234 56":       "+82 507 1234 56",
		"5071234567":            "5071234567",
		"5.07123E+11":           "5.07123E+11",
		"12345":                 "12345",
		"\x1b[2Jname":           "\ufffd[2Jname",
		"+447911123456":         "+**********56",
		"no number\u202e010":    "no number\ufffd010",
		strings.Repeat("a", 50): strings.Repeat("a", 40) + "..",
	} {
		if got := numbering.Shown(written); got != want {
			t.Errorf("%q is shown as %q, want %q", written, got, want)
		}
	}
}

func ExampleRules_Normalise() {
	for _, written := range []string{"+82 (0)507-1234-5678", "5071234567", "010-1234-5678"} {
		n, err := numbering.Rules{}.Normalise(written)
		fmt.Println(n, err)
	}
	// Output:
	// 050712345678 <nil>
	//  number lacks its leading zero, as when a spreadsheet takes it for an amount: write it, and give the column the format Text
	//  number is a mobile number: somebody's own phone, and no relay number
}
