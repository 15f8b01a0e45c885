package assign

import "fmt"

// A Phone is somebody's real phone, sealed: here it can be kept and compared,
// and not read. Its zero value is none.
type Phone struct {
	Key  string // id of the key that it is sealed with
	Box  string // the sealed number, as bytes
	Mark string // 32 bytes that are the same for the same number under the same key
}

// IsZero reports whether there is no phone.
func (p Phone) IsZero() bool { return p.Box == "" }

// A GivenPhone is a phone as a caller gave it. Its zero value is none.
type GivenPhone struct {
	Phone

	// Marks has the phone's mark under each key that is known, by the key's
	// id, so that it can be compared with those that older keys have sealed.
	Marks map[string]string

	// NoKey means that a phone was given and could not be sealed: it is refused
	// where it would have to be kept.
	NoKey bool
}

// Is reports whether g is the phone that was kept as p. The error, an
// [ErrPhoneUnreadable], is that p's key is not known any more.
func (g GivenPhone) Is(p Phone) (bool, error) {
	given := !g.IsZero() || g.NoKey
	if !given || p.IsZero() {
		return !given && p.IsZero(), nil
	}
	mark, known := g.Marks[p.Key]
	if !known {
		return false, fmt.Errorf("%w: it is sealed with key %s", ErrPhoneUnreadable, p.Key)
	}
	return mark == p.Mark, nil
}

// kept is what to keep where old was kept: that, if it is the same phone. One
// that can no longer be compared is replaced.
func (g GivenPhone) kept(old Phone) Phone {
	if same, err := g.Is(old); err == nil && same {
		return old
	}
	return g.Phone
}

// A PhoneMark is how a phone is looked up that a key has sealed.
type PhoneMark struct{ Key, Mark string }
