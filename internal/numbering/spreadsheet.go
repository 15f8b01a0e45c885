package numbering

import (
	"regexp"
	"strings"
)

var (
	scientific = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+$`)
	decimal    = regexp.MustCompile(`^[0-9]{5,}[.,]0{1,2}$`)
)

// damagedBySpreadsheet recognises what a spreadsheet makes of a number that it
// takes for an amount. Such a text still looks like a number, of somebody else.
func damagedBySpreadsheet(written string) *Refusal {
	switch text := strings.TrimFunc(strings.Map(narrow, written), isSpace); {
	case scientific.MatchString(text):
		return refuse("was made an amount by a spreadsheet, which has thrown digits away: give the column the format Text, and enter the numbers again")
	case decimal.MatchString(text):
		return refuse("was made an amount by a spreadsheet, without the leading zero and with decimals: give the column the format Text")
	}
	return nil
}

func lostZero() *Refusal {
	return refuse("lacks its leading zero, as when a spreadsheet takes it for an amount: write it, and give the column the format Text")
}
