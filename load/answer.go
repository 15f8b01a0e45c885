package load

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"time"
)

// An answer is an assignment as a body gives it. Its texts may be parts of the
// body.
type answer struct {
	id, pool      []byte
	seq           int64
	planner, name []byte
	number        []byte // nil for null
	customer, key []byte
	state         []byte
	assignedAt    time.Time
	releasedAt    time.Time // zero for null
}

// over reports whether it has ended.
func (a *answer) over() bool { return string(a.state) != "active" }

// readAnswer reads and checks an assignment. Most are spelled as the service
// spells them, which is read quickly; any other JSON is read as such.
func readAnswer(body []byte) (answer, error) {
	a, ok := quickAnswer(body)
	if !ok {
		var err error
		if a, err = slowAnswer(body); err != nil {
			return a, err
		}
	}
	return a, a.check()
}

func (a *answer) check() error {
	switch state := string(a.state); {
	case len(a.id) != 26:
		return fmt.Errorf("id %q is no ULID", a.id)
	case a.seq < 1:
		return fmt.Errorf("seq is %d", a.seq)
	case len(a.key) == 0:
		return errors.New("key is empty")
	case len(a.planner) == 0:
		return errors.New("planner has no id")
	case a.number != nil && len(a.number) == 0:
		return errors.New(`number is "" and not null`)
	case state != "active" && state != "released" && state != "void":
		return fmt.Errorf("state is %q", a.state)
	case a.over() == a.releasedAt.IsZero():
		return fmt.Errorf("state is %s, and released_at %v", a.state, a.releasedAt)
	case a.assignedAt.IsZero():
		return errors.New("assigned_at is no time")
	}
	return nil
}

var seed = maphash.MakeSeed()

// sum is of what never changes of an assignment, within its pool. It is never
// 0. Two assignments with one sum are taken for the same.
func (a *answer) sum() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var n [16]byte
	binary.LittleEndian.PutUint64(n[:], uint64(a.seq))
	binary.LittleEndian.PutUint64(n[8:], uint64(a.assignedAt.UnixMicro()))
	h.Write(n[:])
	for _, text := range [...][]byte{a.id, a.planner, a.name, a.number, a.customer, a.key} {
		h.Write(text)
		h.WriteByte(0)
	}
	return max(1, h.Sum64())
}

// differ says what of two sights of one assignment is not the same although it
// never changes.
func (a *answer) differ(b *answer) string {
	for _, f := range []struct {
		name string
		a, b []byte
	}{{"id", a.id, b.id}, {"planner", a.planner, b.planner}, {"planner's name", a.name, b.name},
		{"number", a.number, b.number}, {"customer", a.customer, b.customer}, {"key", a.key, b.key}} {
		if !bytes.Equal(f.a, f.b) {
			return fmt.Sprintf("%s %q and %q", f.name, f.a, f.b)
		}
	}
	if a.seq != b.seq {
		return fmt.Sprintf("seq %d and %d", a.seq, b.seq)
	}
	return fmt.Sprintf("assigned_at %v and %v", a.assignedAt, b.assignedAt)
}

// clone is a copy that outlives the body.
func (a *answer) clone() *answer {
	c := *a
	for _, text := range []*[]byte{&c.id, &c.pool, &c.planner, &c.name, &c.number, &c.customer, &c.key, &c.state} {
		*text = bytes.Clone(*text)
	}
	return &c
}

// quickAnswer reads an assignment with the fields in the order of the
// specification, no white space but at the end, and no escapes, that nobody has
// reassigned or voided.
func quickAnswer(body []byte) (a answer, ok bool) {
	c := cursor{rest: body}
	c.text(`{"id":`, &a.id)
	c.text(`,"pool":`, &a.pool)
	c.integer(`,"seq":`, &a.seq)
	c.text(`,"planner":{"id":`, &a.planner)
	c.text(`,"name":`, &a.name)
	c.textOrNull(`},"reassigned_to":null,"number":`, &a.number)
	c.text(`,"customer":`, &a.customer)
	c.text(`,"customer_phone":null,"key":`, &a.key)
	c.text(`,"state":`, &a.state)
	c.time(`,"assigned_at":`, &a.assignedAt)
	c.time(`,"released_at":`, &a.releasedAt)
	c.skip(`,"voided_at":null}`)
	return a, !c.failed && len(bytes.TrimSpace(c.rest)) == 0
}

// A cursor goes through a body once. After it has failed it does nothing more.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) skip(expected string) bool {
	if c.failed || len(c.rest) < len(expected) || string(c.rest[:len(expected)]) != expected {
		c.failed = true
		return false
	}
	c.rest = c.rest[len(expected):]
	return true
}

// text reads a string of printable ASCII; what is beyond that may need more
// care than is taken here.
func (c *cursor) text(before string, into *[]byte) {
	if !c.skip(before) || !c.skip(`"`) {
		return
	}
	for i, b := range c.rest {
		if b == '"' {
			*into, c.rest = c.rest[:i:i], c.rest[i+1:]
			return
		}
		if b < ' ' || b > '~' || b == '\\' {
			break
		}
	}
	c.failed = true
}

func (c *cursor) textOrNull(before string, into *[]byte) {
	if c.skip(before) && !c.null() {
		c.text("", into)
	}
}

func (c *cursor) null() bool {
	after, null := bytes.CutPrefix(c.rest, []byte("null"))
	if null {
		c.rest = after
	}
	return null
}

func (c *cursor) integer(before string, into *int64) {
	if !c.skip(before) {
		return
	}
	end := 0
	for end < len(c.rest) && c.rest[end] >= '0' && c.rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(string(c.rest[:end]), 10, 64)
	c.failed = err != nil || end > 1 && c.rest[0] == '0'
	*into, c.rest = n, c.rest[end:]
}

// time reads a time or null.
func (c *cursor) time(before string, into *time.Time) {
	if !c.skip(before) || c.null() {
		return
	}
	var text []byte
	if c.text("", &text); !c.failed {
		c.failed = into.UnmarshalText(text) != nil
	}
}

// slowAnswer reads any JSON object with an assignment's fields.
func slowAnswer(body []byte) (a answer, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return a, fmt.Errorf("not an assignment: %w", err)
	}
	var planner map[string]json.RawMessage
	f := fieldReader{fields: fields}
	f.text("id", &a.id)
	f.text("pool", &a.pool)
	f.read("seq", &a.seq)
	f.read("planner", &planner)
	f.orNull("number", func() { f.text("number", &a.number) })
	f.text("customer", &a.customer)
	f.text("key", &a.key)
	f.text("state", &a.state)
	f.read("assigned_at", &a.assignedAt)
	f.orNull("released_at", func() { f.read("released_at", &a.releasedAt) })
	f.fields = planner
	f.text("id", &a.planner)
	f.text("name", &a.name)
	return a, f.err
}

// A fieldReader reads fields that must be there. It keeps the first error.
type fieldReader struct {
	fields map[string]json.RawMessage
	err    error
}

func (f *fieldReader) read(name string, into any) {
	value, ok := f.fields[name]
	switch {
	case f.err != nil:
	case !ok:
		f.err = fmt.Errorf("%s is missing", name)
	case string(value) == "null":
		f.err = fmt.Errorf("%s is null", name)
	default:
		if err := json.Unmarshal(value, into); err != nil {
			f.err = fmt.Errorf("%s: %w", name, err)
		}
	}
}

func (f *fieldReader) text(name string, into *[]byte) {
	var s string
	f.read(name, &s)
	*into = []byte(s)
}

// orNull runs read unless the field is null.
func (f *fieldReader) orNull(name string, read func()) {
	if value, ok := f.fields[name]; !ok || string(value) != "null" {
		read()
	}
}
