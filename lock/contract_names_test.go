package lock_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// syllables returns a random name of n characters that have three bytes each.
func syllables(n int) string {
	name := make([]rune, n)
	for i := range name {
		name[i] = '가' + rand.N('힣'-'가')
	}
	return string(name)
}

// TestContractNames asks which names a server takes. Fairlead's own are
// lower-case ASCII of 64 characters at most, so that nothing here befalls
// them; strangers' names are shown, and can be killed by.
func TestContractNames(t *testing.T) {
	t.Parallel()
	var cells []cell
	add := func(what string, want answers, name func(*scene) string, lost string) {
		cells = append(cells, cell{what, want, func(s *scene) string { return s.session().get(name(s), 0) }, lost})
	}
	long := func(n int) func(*scene) string {
		return func(s *scene) string { return s.lock + strings.Repeat("x", n-len(s.lock)) }
	}
	text := func(name string) func(*scene) string { return func(*scene) string { return name } }
	const limit = "the limit of NameOf: a name that the server refuses stops its pool, and one that it cuts is another pool's too"

	add("64 characters", everywhere("1"), long(64), limit)
	add("65 characters", answers{"1", "error 4163", "error 3057"}, long(65), limit)
	add("192 bytes", answers{mariadb: "1", mysql: "error 4163"}, long(192), limit)
	add("193 bytes", answers{mariadb: "error 1059", mysql: "error 4163"}, long(193), "that a name too long is ErrName")
	add("64 characters of three bytes", both("1"), text(syllables(64)), limit)
	add("65 characters of three bytes", answers{mariadb: "error 1059", mysql: "error 4163"}, text(syllables(65)), "that a name too long is ErrName")
	add("a character of four bytes", answers{mariadb: "1", mysql: "error 3057"},
		func(s *scene) string { return s.lock + "🔒" }, "that NameOf leaves out what is not ASCII, and that refusals are ErrName")
	add("bytes that are no text", answers{mariadb: "1", mysql: "error 4163"},
		func(s *scene) string { return s.lock + "\xff\xfe" }, "that NameOf leaves out what is not ASCII, and that refusals are ErrName")
	cells = append(cells, cell{"an integer", answers{"error 4079", "1", "1"}, func(s *scene) string {
		return s.session().ask(fmt.Sprintf(`SELECT GET_LOCK(%d, 0)`, rand.Int64()))
	}, "that names are always given as strings"})
	checkCells(t, cells)
}

// A name that is none, in each function.
func TestContractNoName(t *testing.T) {
	t.Parallel()
	var cells []cell
	for _, f := range []struct{ call, emptyMariaDB, emojiMariaDB string }{
		{`GET_LOCK(%s, 0)`, "NULL", "1"},
		{`IS_FREE_LOCK(%s)`, "NULL", "1"},
		{`IS_USED_LOCK(%s)`, "NULL", "NULL"},
		{`RELEASE_LOCK(%s)`, "NULL", "NULL"},
	} {
		for name, mariadb := range map[string]string{`''`: f.emptyMariaDB, `NULL`: f.emptyMariaDB, `'🔒'`: f.emojiMariaDB} {
			call := fmt.Sprintf(f.call, name)
			tidb := ""
			if name != `'🔒'` && strings.HasPrefix(call, "GET") {
				tidb = "error 3057"
			}
			cells = append(cells, cell{call, answers{mariadb, "error 3057", tidb}, func(s *scene) string {
				return s.session().ask(`SELECT ` + call)
			}, "what becomes of a name that is none: ErrName where the server says so, never a lock that all such names share"})
		}
	}
	checkCells(t, cells)
}

// TestContractSameName asks whether two names are one lock. "0" says that they
// are: the second cannot be had while the first is held.
func TestContractSameName(t *testing.T) {
	t.Parallel()
	const apart = "that pools whose names differ do not wait for each other; NameOf uses nothing in which engines differ"
	var cells []cell
	for _, c := range []struct {
		what, held, asked string
		want              answers
	}{
		{"the same", "k", "k", everywhere("0")},
		{"another case", "k", "K", answers{"1", "0", "0"}},
		{"another case of a letter with an accent", "é", "É", answers{mariadb: "1", mysql: "0"}},
		{"without the accent", "é", "e", both("1")},
		{"accent as a character of its own", "\u00e9", "e\u0301", both("1")},
		{"space behind", "k", "k ", both("1")},
		{"space before", " k", "  k", both("1")},
		{"line end behind", "k", "k\n", both("1")},
		{"cut at NUL", "k", "k\x00x", both("0")},
		{"like a pattern", "k_", "kx", everywhere("1")},
	} {
		cells = append(cells, cell{c.what, c.want, func(s *scene) string {
			a, b := s.session(), s.session()
			a.take(c.held)
			return b.get(s.lock+c.asked, 0)
		}, apart})
	}
	checkCells(t, cells)
}
