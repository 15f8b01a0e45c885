package phone

import (
	"errors"
	"fmt"

	"fairlead/assign"
)

// textSize is how many bytes are sealed, whatever the number: its length in one
// byte, the number, and zeros.
const textSize = 32

// maxNumber is more than [assign.ParsePhone] lets through.
const maxNumber = textSize - 1

var errNumberSize = fmt.Errorf("a phone to seal must have 1 to %d characters", maxNumber)

// Seal seals a number, in the form that [assign.ParsePhone] gives it, with the
// current key, for whom about says. The errors, none of which shows the
// number, are [assign.ErrNoPhoneKey] and one for numbers that are too long or
// empty.
func (r Keyring) Seal(number, about string) (assign.GivenPhone, error) {
	if r.Empty() {
		return assign.GivenPhone{}, assign.ErrNoPhoneKey
	}
	if len(number) < 1 || len(number) > maxNumber {
		return assign.GivenPhone{}, errNumberSize
	}
	marks := make(map[string]string, len(r.keys))
	for _, m := range r.Marks(number) {
		marks[m.Key] = m.Mark
	}
	k := r.keys[0]
	box := k.seal(pad(number), []byte(about))
	return assign.GivenPhone{
		Phone: assign.Phone{Key: k.id, Box: string(box), Mark: marks[k.id]},
		Marks: marks,
	}, nil
}

// Open returns the number that p has, in the form in which it was sealed. The
// error is an [assign.ErrPhoneUnreadable] whose text is for people: which key
// is missing and which are there; or that p is damaged, or was sealed for
// somebody else than about says. The mark of p is not looked at.
func (r Keyring) Open(p assign.Phone, about string) (string, error) {
	if p.IsZero() {
		return "", unreadable("there is none")
	}
	k := r.key(p.Key)
	switch {
	case k == nil && !isID(p.Key):
		return "", unreadable("its record names no key")
	case k == nil:
		return "", unreadable("its key %s is missing; the keys here are: %s", p.Key, r.list())
	}
	text, err := k.open([]byte(p.Box), []byte(about))
	if err != nil {
		return "", unreadable("with key %s: its record is damaged, or somebody else's", k.id)
	}
	number, err := unpad(text)
	if err != nil {
		return "", unreadable("with key %s: %w", k.id, err)
	}
	return number, nil
}

func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", assign.ErrPhoneUnreadable, fmt.Errorf(format, args...))
}

// Marks are a number's under all keys, to look it up whichever key it was
// sealed with; the current key's first.
func (r Keyring) Marks(number string) []assign.PhoneMark {
	marks := make([]assign.PhoneMark, len(r.keys))
	for i, k := range r.keys {
		marks[i] = assign.PhoneMark{Key: k.id, Mark: k.mark(number)}
	}
	return marks
}

// pad makes every number as long as any other.
func pad(number string) []byte {
	text := make([]byte, textSize)
	text[0] = byte(len(number))
	copy(text[1:], number)
	return text
}

var errNotOurs = errors.New("it opens, and has no number in it")

func unpad(text []byte) (string, error) {
	if len(text) != textSize || text[0] < 1 || text[0] > maxNumber {
		return "", errNotOurs
	}
	return string(text[1 : 1+text[0]]), nil
}
