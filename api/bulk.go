package api

import "fairlead/assign"

// decodeBulk reads a body whose one field is an array, and calls item at each
// of its items.
func decodeBulk(body []byte, list string, item func(d *decoder, field string) error) error {
	d, err := newDecoder(body)
	if err != nil {
		return err
	}
	given := false
	err = d.object("", func(name, field string) error {
		if name != list {
			return unknown(field)
		}
		given = true
		return d.array(field, assign.MaxBulk, func(field string) error { return item(d, field) })
	})
	if err == nil && !given {
		err = invalid(list, "is required")
	}
	return err
}
