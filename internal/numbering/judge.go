package numbering

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// judge refuses what the library made of a text, unless it is a number that
// exists, of the right kind, and the text is a usual way to write it.
func (r Rules) judge(text string, n *phonenumbers.PhoneNumber) *Refusal {
	if r.region() == "KR" && strings.HasPrefix(text, "50") {
		return lostZero() // whatever its length: no Korean number begins so
	}
	if !phonenumbers.IsValidNumber(n) {
		return r.wrong(text, n)
	}
	if !r.AnyKind {
		if refused := ofWrongKind(n); refused != nil {
			return refused
		}
	}
	return writtenAs(text, n)
}

// ofWrongKind refuses numbers that are somebody's own, or that cost the caller.
// Where mobile numbers look like any other, as in the USA, none is refused.
func ofWrongKind(n *phonenumbers.PhoneNumber) *Refusal {
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE, phonenumbers.PAGER:
		return &Refusal{Kind: true, Reason: "is a mobile number: somebody's own phone, and no relay number"}
	case phonenumbers.PREMIUM_RATE:
		return &Refusal{Kind: true, Reason: "is a number that the caller is charged extra for, and no relay number"}
	}
	return nil
}

// writtenAs refuses a text in which the library passed over digits: a lost
// zero, which it adds by itself, or the code of a carrier, which it takes off.
func writtenAs(text string, n *phonenumbers.PhoneNumber) *Refusal {
	code, national, significant := strconv.Itoa(int(n.GetCountryCode())), nationalDigits(n), phonenumbers.GetNationalSignificantNumber(n)
	if text == national {
		return nil
	}
	switch strings.TrimPrefix(text, "+") {
	case code + significant, code + national: // the second for +82 (0)507…
		return nil
	}
	if strings.HasSuffix(national, text) {
		return lostZero()
	}
	return refuse("is not written in a usual way: write a plus, the country code and the number")
}

// relayRest is what stands behind 050 and one more digit.
var relayRest = regexp.MustCompile(`^50[0-9]([0-9]*)$`)

// wrong says why a number does not exist.
func (r Rules) wrong(text string, n *phonenumbers.PhoneNumber) *Refusal {
	significant := fmt.Sprint(n.GetNationalNumber())
	if rest := relayRest.FindStringSubmatch(significant); n.GetCountryCode() == 82 && rest != nil {
		return refuse("is no Korean relay number: that has 7 or 8 digits behind 050X, this %d", len(rest[1]))
	}
	where := "of " + r.region()
	if strings.HasPrefix(text, "+") {
		where = fmt.Sprintf("of country code %d", n.GetCountryCode())
	}
	switch phonenumbers.IsPossibleNumberWithReason(n) {
	case phonenumbers.TOO_SHORT, phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return refuse("has too few digits for a number %s", where)
	case phonenumbers.TOO_LONG:
		return refuse("has too many digits for a number %s", where)
	}
	if !strings.HasPrefix(text, "+") {
		return refuse("is not a number %s: those of other countries need a plus and the country code", where)
	}
	return refuse("is not a number %s", where)
}
