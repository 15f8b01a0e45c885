package load

// A kind is a kind of call.
type kind uint8

const (
	assign kind = iota
	repeat      // an assignment that is asked for again
	release
	kinds
)

func (k kind) String() string { return [...]string{"assign", "repeat", "release"}[k] }

// A wish is whether an assignment wants a number.
type wish byte

const (
	preferred wish = 'p'
	required  wish = 'r'
	none      wish = 'n'
)

func (w wish) String() string {
	switch w {
	case required:
		return "required"
	case none:
		return "none"
	}
	return "preferred"
}

// Keys end in the wish, so that whoever sees a key knows what was asked for
// with it, millions of calls later.
func wishOf(key []byte) wish { return wish(key[len(key)-1]) }
