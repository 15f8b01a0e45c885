package numbering

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"fairlead/assign"
)

// DefaultRegion is the country whose numbers are written without a plus.
const DefaultRegion = "KR"

// A Form is the way in which numbers are kept.
type Form string

const (
	// National keeps numbers of the region as they are dialled there
	// (050712345678), and all others as [E164].
	National Form = "national"

	// E164 keeps all numbers with plus and country code (+8250712345678), as
	// ITU-T Recommendation E.164 has them.
	E164 Form = "e164"
)

// Rules say how numbers are read. The zero value is for a Korean list of relay
// numbers, kept as they are dialled.
type Rules struct {
	Region string // ISO 3166-1 alpha-2, as [ParseRegion] returns it; empty: [DefaultRegion]
	Form   Form   // empty: National

	// AnyKind also takes numbers of kinds that no relay number should be:
	// mobile phones, and numbers for which the caller is charged extra.
	AnyKind bool
}

// ParseRegion accepts the ISO 3166-1 alpha-2 code of a country, in either case.
func ParseRegion(s string) (string, error) {
	region := strings.ToUpper(s)
	if phonenumbers.GetCountryCodeForRegion(region) == 0 {
		return "", fmt.Errorf("%q is not a country: give its code of two letters, such as KR", s)
	}
	return region, nil
}

func (r Rules) region() string {
	if r.Region == "" {
		return DefaultRegion
	}
	return r.Region
}

// Normalise returns a number in the form that is to be kept, however it was
// written: the same number comes out the same, and two numbers never do. What
// comes out is a number for [assign.ParseNumber], and itself when it goes in
// again. The error is a *[Refusal].
func (r Rules) Normalise(written string) (assign.Number, error) {
	kept, _, err := r.Both(written)
	return kept, err
}

// Both returns what Normalise does, and the number in the form that these rules
// do not keep, which may be the same.
func (r Rules) Both(written string) (kept, other assign.Number, err error) {
	n, err := r.read(written)
	if err != nil {
		return "", "", err
	}
	international := phonenumbers.Format(n, phonenumbers.E164)
	kept, other = assign.Number(r.national(n, international)), assign.Number(international)
	if r.Form == E164 {
		kept, other = other, kept
	}
	return kept, other, nil
}

// read returns the one number that the text can be meant for.
func (r Rules) read(written string) (*phonenumbers.PhoneNumber, error) {
	if refused := damagedBySpreadsheet(written); refused != nil {
		return nil, refused
	}
	text, refused := clean(written)
	if refused != nil {
		return nil, refused
	}
	if text, refused = r.international(text); refused != nil {
		return nil, refused
	}
	number, err := phonenumbers.Parse(text, r.region())
	if err != nil {
		return nil, unreadable(err)
	}
	if refused := r.judge(text, number); refused != nil {
		return nil, refused
	}
	return number, nil
}

func unreadable(err error) *Refusal {
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return refuse("there is no country with the code behind its plus")
	case errors.Is(err, phonenumbers.ErrNumTooLong):
		return refuse("has too many digits")
	}
	return refuse("has too few digits")
}

// international writes 00 before the region's own country code as a plus.
// Before another's it could mean different countries: 001 is one of Korea's
// prefixes for calls abroad, and 1 is also a country.
func (r Rules) international(text string) (string, *Refusal) {
	rest, is := strings.CutPrefix(text, "00")
	if !is {
		return text, nil
	}
	if !strings.HasPrefix(rest, strconv.Itoa(phonenumbers.GetCountryCodeForRegion(r.region()))) {
		return "", refuse("begins with 00, which different networks read differently: write a plus and the country code")
	}
	return "+" + rest, nil
}

// national returns what is dialled for a number in the region. One that would
// not be read as itself then, such as one of another country, stays
// international.
func (r Rules) national(n *phonenumbers.PhoneNumber, international string) string {
	digits := nationalDigits(n)
	again, err := phonenumbers.Parse(digits, r.region())
	if err != nil || phonenumbers.Format(again, phonenumbers.E164) != international {
		return international
	}
	return digits
}

// nationalDigits are what is dialled inside the country.
func nationalDigits(n *phonenumbers.PhoneNumber) string {
	return phonenumbers.NormalizeDigitsOnly(phonenumbers.Format(n, phonenumbers.NATIONAL))
}
