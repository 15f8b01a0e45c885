package load

import "testing"

// A pool of somebody else may refuse what does not say whether it needs a
// number; one of the run's own refuses only what does need one.
func TestWhoMayLackNumber(t *testing.T) {
	t.Parallel()
	own, foreign := &subject{own: true}, &subject{}
	for _, test := range []struct {
		q    request
		want bool
	}{
		{request{kind: assign, wish: required, pool: own}, true},
		{request{kind: assign, wish: preferred, pool: own}, false},
		{request{kind: assign, wish: none, pool: own}, false},
		{request{kind: assign, wish: preferred, pool: foreign}, true},
		{request{kind: repeat, wish: required, pool: foreign}, true},
		{request{kind: assign, wish: none, pool: foreign}, false},
		{request{kind: release, wish: required, pool: foreign}, false},
	} {
		if got := test.q.mayLackNumber(); got != test.want {
			t.Errorf("%v %s, own: %v: %v", test.q.kind, test.q.wish, test.q.pool.own, got)
		}
	}
}
