package numbering_test

import (
	"testing"

	"github.com/nyaruka/phonenumbers"

	"fairlead/internal/numbering"
)

// In every country, each kind of number is taken as it is written at home and
// abroad, and is one number.
func TestEveryCountry(t *testing.T) {
	t.Parallel()
	tried := 0
	for region := range phonenumbers.GetSupportedRegions() {
		rules := numbering.Rules{Region: region, AnyKind: true}
		for kind := phonenumbers.FIXED_LINE; kind < phonenumbers.UNKNOWN; kind++ {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil {
				continue
			}
			tried++
			abroad, err := rules.Normalise(phonenumbers.Format(example, phonenumbers.INTERNATIONAL))
			if err != nil {
				t.Errorf("%s: %s: %v", region, phonenumbers.Format(example, phonenumbers.INTERNATIONAL), err)
				continue
			}
			if region == "AR" && kind == phonenumbers.MOBILE {
				continue // the library does not read the 15 that these are dialled with; they are kept as +54…
			}
			home, err := rules.Normalise(phonenumbers.Format(example, phonenumbers.NATIONAL))
			if err != nil || home != abroad {
				t.Errorf("%s: %s is %s at home, %s from abroad (%v)", region, phonenumbers.Format(example, phonenumbers.NATIONAL), home, abroad, err)
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d numbers were tried", tried)
	}
}
