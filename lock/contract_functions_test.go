package lock_test

import (
	"fmt"
	"testing"
)

// The states that a lock can be in for the session that asks.
var lockStates = []struct {
	name string
	make func(asker, other *actor)
}{
	{"never existed", func(_, _ *actor) {}},
	{"free again", func(_, other *actor) { other.take(); other.release() }},
	{"own", func(asker, _ *actor) { asker.take() }},
	{"own twice", func(asker, _ *actor) { asker.take(); asker.take() }},
	{"another's", func(_, other *actor) { other.take() }},
}

// TestContractFunctions is the table of the five functions: what each says of
// a lock in each state, to a session that holds no other.
func TestContractFunctions(t *testing.T) {
	t.Parallel()
	var cells []cell
	for _, f := range []struct {
		call string
		want []answers // by state
		lost string
	}{
		{`GET_LOCK(?, 0)`,
			[]answers{everywhere("1"), everywhere("1"), everywhere("1"), everywhere("1"), everywhere("0")},
			"that 1, and only 1, means that a unit may go on; with it two instances could decide for a pool at once"},
		{`IS_FREE_LOCK(?)`,
			[]answers{everywhere("1"), everywhere("1"), everywhere("0"), everywhere("0"), everywhere("0")},
			"IsFree, and with it what doctor and the list of locks say"},
		{`IS_USED_LOCK(?)`,
			[]answers{everywhere("NULL"), everywhere("NULL"), both("asker"), both("asker"), answers{"other", "other", "id 1"}},
			"UsedBy: the self-test that finds proxies, and the check that a kill hits the holder and nobody else"},
		{`RELEASE_LOCK(?)`,
			[]answers{{"NULL", "NULL", "0"}, {"NULL", "NULL", "0"}, everywhere("1"), everywhere("1"), everywhere("0")},
			"that only 1 means released: a unit whose lock was gone keeps its connection, or a clean one is thrown away"},
		{`RELEASE_ALL_LOCKS()`,
			[]answers{everywhere("0"), everywhere("0"), everywhere("1"), everywhere("2"), everywhere("0")},
			"ReleaseAll, which says how many takes it undid, and must leave other sessions' locks alone"},
	} {
		for i, state := range lockStates {
			cells = append(cells, cell{f.call + " " + state.name, f.want[i], func(s *scene) string {
				asker, other := s.session(), s.session()
				state.make(asker, other)
				return s.call(f.call, asker, other)
			}, f.lost})
		}
	}
	checkCells(t, cells)
}

// call asks one of the functions. Ids of sessions become roles.
func (s *scene) call(function string, asker, other *actor) string {
	if function == `RELEASE_ALL_LOCKS()` {
		return asker.ask(`SELECT ` + function)
	}
	got := asker.ask(`SELECT `+function, s.lock)
	if function != `IS_USED_LOCK(?)` || got == "NULL" {
		return got
	}
	switch got {
	case fmt.Sprint(asker.id):
		return "asker"
	case fmt.Sprint(other.id):
		return "other"
	}
	return "id " + got
}

func TestContractCounts(t *testing.T) {
	t.Parallel()
	const counted = "that a lock is counted: With inside With would let the outer one's lock go, and Release and ReleaseAll would say what is not so"
	checkCells(t, []cell{
		{"taken twice and released once is held", everywhere("0"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			a.take()
			a.release()
			return b.get(s.lock, 0)
		}, counted},
		{"taken twice and released twice is free", everywhere("1"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			a.take()
			a.release()
			a.release()
			return b.get(s.lock, 0)
		}, counted},
		{"released once too often", answers{"NULL", "NULL", "0"}, func(s *scene) string {
			a := s.session()
			a.take()
			a.release()
			return a.release()
		}, "that ErrNotHeld is noticed after a lock was lost"},
		{"taking again keeps nobody waiting", everywhere("1"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			waiter := b.queue() // who asked before
			again := a.get(s.lock, 0)
			a.do(`DO RELEASE_ALL_LOCKS()`)
			waiter.result()
			return again
		}, counted},
		{"several locks in one session", everywhere("0 0"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take("1")
			a.take("2") // before MySQL 5.7.5 this freed the first
			return b.get(s.lock+"1", 0) + " " + b.get(s.lock+"2", 0)
		}, "the self-test and the migrations, which take a lock beside another"},
		{"all released, of 1 + 2", everywhere("3 0"), func(s *scene) string {
			a := s.session()
			a.take("1")
			a.take("2")
			a.take("2")
			return a.ask(`SELECT RELEASE_ALL_LOCKS()`) + " " + a.ask(`SELECT RELEASE_ALL_LOCKS()`)
		}, "what ReleaseAll returns"},
		{"all released are free", everywhere("1 1"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take("1")
			a.take("2")
			a.take("2")
			a.do(`DO RELEASE_ALL_LOCKS()`)
			return b.get(s.lock+"1", 0) + " " + b.get(s.lock+"2", 0)
		}, "what ReleaseAll does"},
		{"another's release frees nothing", everywhere("0"), func(s *scene) string {
			a, b := s.session(), s.session()
			a.take()
			b.release()
			b.do(`DO RELEASE_ALL_LOCKS()`)
			return b.get(s.lock, 0)
		}, "that a session can end nobody's turn but its own"},
	})
}
