package api

import (
	"fairlead/assign"
	"fairlead/phone"
)

// unreadable is shown in the place of a phone that cannot be opened.
const unreadable = "***"

// masked is how people see p, which is about somebody; nil if there is none.
func (s *Server) masked(p assign.Phone, about string) *string {
	if p.IsZero() {
		return nil
	}
	shown := unreadable
	if number, err := s.Phones.Open(p, about); err == nil {
		shown = phone.Mask(number)
	}
	return &shown
}

// marks are what a phone is looked up by. Without a key nothing can have been
// kept that they would find, or it cannot be found.
func (s *Server) marks(number string) ([]assign.PhoneMark, error) {
	if s.Phones.Empty() {
		return nil, assign.ErrNoPhoneKey
	}
	return s.Phones.Marks(number), nil
}

// phone reads somebody's real phone, in plain digits; null is none.
func (d *decoder) phone(field string) (string, error) {
	if d.null() {
		return "", nil
	}
	return parsed(d.text, field, assign.ParsePhone)
}
