package chart

import "unicode"

// widthOf guesses how wide a text will be. Browsers choose the font, so it
// rather says too much than too little.
func widthOf(s string) float64 {
	w := 0.0
	for _, r := range s {
		w += widthOfRune(r)
	}
	return w * textSize
}

func widthOfRune(r rune) float64 {
	switch {
	case r > unicode.MaxLatin1:
		return 1
	case r == ' ' || r == '.' || r == ',' || r == ':' || r == 'i' || r == 'l':
		return 0.36
	case unicode.IsUpper(r) || r == 'm' || r == 'w' || r == '%' || r == '@':
		return 0.86
	default:
		return 0.62
	}
}

// fit cuts a text that is wider than room and ends it with an ellipsis.
func fit(s string, room float64) string {
	if widthOf(s) <= room {
		return s
	}
	room -= widthOf("…")
	for i, r := range s {
		if room -= widthOfRune(r) * textSize; room < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

func widest(texts []string) float64 {
	w := 0.0
	for _, s := range texts {
		w = max(w, widthOf(s))
	}
	return w
}
