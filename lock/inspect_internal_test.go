package lock

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/dbtest"
)

// TiDB answers 1 for every holder but the one who asks. Its process list has no
// state for those who wait.
func TestTiDBNamesNoHolder(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	db, name := d.Open(t), NameOf("test:"+d.Schema, "l")
	s, err := Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Get(t.Context(), name, time.Second); err != nil {
		t.Fatal(err)
	}
	srv := &server{QueryerContext: db, engine: TiDB}
	r, err := fromFunctions(t.Context(), srv, srv.spelling([]Name{name, name + "2"}))
	if err != nil || len(r.Locks) != 1 || r.Locks[0].Name != name || r.CannotSee == "" || r.Remedy != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if h := r.Locks[0].Holder; h == nil || h.ConnectionID != 0 || h.For >= 0 || h.Exact || h.User != "" {
		t.Errorf("holder is made up: %+v", h)
	}
	waiter := processRow{id: 7, user: "app", host: "10.0.0.7:51234", info: []byte(`SELECT GET_LOCK('Name', 5)`)}
	b := newBoard(srv.spelling(nil))
	if n := b.add(map[string]holding{"name": {}}, []session{waiter.session(TiDB)}); n != 0 {
		t.Errorf("%d waiters are nameless", n)
	}
	if l := b.locks["name"]; l == nil || len(l.Waiters) != 1 || l.Waiters[0].Host != "10.0.0.7" || l.Waiters[0].Exact {
		t.Errorf("waiter: %+v", l)
	}
}

func TestWithoutPort(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"10.0.0.7:51234": "10.0.0.7", "localhost": "localhost", "db.example:1": "db.example",
		"": "", "fe80::1:51234": "fe80::1", "fe80::beef": "fe80::beef",
	} {
		if got := withoutPort(host); got != want {
			t.Errorf("%q is %q, want %q", host, got, want)
		}
	}
}

func TestQuoteAccount(t *testing.T) {
	t.Parallel()
	for account, want := range map[string]string{
		"app@%": `'app'@'%'`, "o'brien@10.0.0.%": `'o''brien'@'10.0.0.%'`, "a@b@localhost": `'a@b'@'localhost'`, "@": `''@''`,
	} {
		if got := QuoteAccount(account); got != want {
			t.Errorf("%q is %s, want %s", account, got, want)
		}
	}
}

// Of what a plugin's time and the process list say, the smaller is believed.
func TestBetween(t *testing.T) {
	t.Parallel()
	busy := []byte("UPDATE t SET a = 1")
	for name, tt := range map[string]struct {
		s     session
		want  time.Duration
		exact bool
	}{
		"idle since":          {session{idle: true, precise: true, since: 4990, transaction: -1}, 5000, true},
		"idle later":          {session{idle: true, precise: true, since: 300, transaction: -1}, 300, false},
		"busy":                {session{statement: busy, precise: true, since: 300, transaction: -1}, 300, false},
		"transaction":         {session{statement: busy, precise: true, since: 300, transaction: 3000}, 3000, false},
		"transaction perhaps": {session{statement: busy, precise: true, since: 300, transaction: 4000}, 300, false},
		"older transaction":   {session{statement: busy, precise: true, since: 300, transaction: 9000}, 300, false},
		"in the statement":    {session{statement: []byte("select get_lock('a', 1), sleep(9)"), precise: true, since: 5000, transaction: -1}, 5000, false},
		"other's, not shown":  {unseen(7), 5000, false},
		"time in its seconds": {session{idle: true, since: 5000, transaction: -1}, 5000, false},
	} {
		s := tt.s
		s.holdsForAtMost = 5000 * time.Millisecond
		s.since, s.transaction = max(-1, s.since*time.Millisecond), max(-1, s.transaction*time.Millisecond)
		if d, exact := s.between(); d != tt.want*time.Millisecond || exact != tt.exact {
			t.Errorf("%s: %v, exact %v", name, d, exact)
		}
	}
}

// Names that were cut to the same are different locks; a session that two looks
// show as holder and as waiter is the holder.
func TestWhatCannotBeToldApart(t *testing.T) {
	t.Parallel()
	long, other := strings.Repeat("n", maxSeenName), strings.Repeat("o", maxSeenName)
	rest, cut := toldApart([]claim{
		{Name: long, Granted: true, Thread: 1}, {Name: long, Granted: true, Thread: 2}, {Name: long, Thread: 3},
		{Name: other, Granted: true, Thread: 4}, {Name: other, Thread: 5}, {Name: "short", Granted: true, Thread: 6}, {Name: "short", Granted: true, Thread: 7},
	})
	if !cut || len(rest) != 4 || slices.ContainsFunc(rest, func(c claim) bool { return c.Name == long }) {
		t.Errorf("cut %t, left %+v", cut, rest)
	}
	if _, cut := toldApart([]claim{{Name: long, Granted: true}, {Name: long}}); cut {
		t.Error("one holder is taken for two")
	}

	b := newBoard((&server{}).spelling(nil))
	b.holder("l", Owner{ConnectionID: 7})
	b.waiter("l", Owner{ConnectionID: 7})
	b.waiter("l", Owner{ConnectionID: 8})
	if w := b.sorted()[0].Waiters; len(w) != 1 || w[0].ConnectionID != 8 {
		t.Errorf("waiters %+v", w)
	}
}
