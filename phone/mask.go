package phone

import "strings"

// shown is how many digits a mask leaves.
const shown = 2

// Mask is number as it may be shown to people: a star for each character but
// the last two. Of a number that has no more than those, nothing is left.
func Mask(number string) string {
	if len(number) <= shown {
		return strings.Repeat("*", len(number))
	}
	hidden := len(number) - shown
	return strings.Repeat("*", hidden) + number[hidden:]
}
