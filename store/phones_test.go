package store_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"fairlead/assign"
	"fairlead/internal/storetest"
	"fairlead/phone"
	"fairlead/store"
)

// phoneRing is a ring of keys that are made of one byte each.
func phoneRing(t *testing.T, keys ...byte) phone.Keyring {
	t.Helper()
	var texts []string
	for _, b := range keys {
		texts = append(texts, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), 32))))
	}
	r, err := phone.ParseKeys(strings.Join(texts, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func about(p store.KeptPhone) string {
	if p.Kind == store.CustomerPhone {
		return phone.AboutCustomer(p.Pool)
	}
	return phone.AboutPlanner(p.Pool, assign.PlannerID(p.Owner))
}

// resealWith seals anew under r's current key.
func resealWith(r phone.Keyring) func(store.KeptPhone) (assign.Phone, error) {
	return func(p store.KeptPhone) (assign.Phone, error) {
		number, err := r.Open(p.Phone, about(p))
		if err != nil {
			return assign.Phone{}, err
		}
		given, err := r.Seal(number, about(p))
		return given.Phone, err
	}
}

// numberOf is the real phone of the owner in tests.
func numberOf(p store.KeptPhone) string { return fmt.Sprintf("010%08d", len(p.Pool)*1000+len(p.Owner)) }

// keep puts phones into the table, sealed by r. An owner whose name begins with
// "none" has a phone no more, and the box of one that begins with "bad" is
// somebody else's.
func keep(t *testing.T, db *sqlx.DB, r phone.Keyring, phones ...store.KeptPhone) {
	t.Helper()
	for i, p := range phones {
		about := about(p)
		if strings.HasPrefix(p.Owner, "bad") {
			about = "somebody else"
		}
		given, err := r.Seal(numberOf(p), about)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(p.Owner, "none") {
			phones[i].Phone = given.Phone
		}
	}
	for part := range slices.Chunk(phones, 500) {
		var args []any
		for _, p := range part {
			args = append(args, string(p.Pool), p.Kind, p.Owner, p.Key, []byte(p.Box), []byte(p.Mark))
		}
		values := strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?),", len(part)), ",")
		if _, err := db.ExecContext(t.Context(), `INSERT INTO phones (pool, kind, owner, key_id, box, mark) VALUES `+values, args...); err != nil {
			t.Fatal(err)
		}
	}
}

// kept is the whole table.
func kept(t *testing.T, db *sqlx.DB) []store.KeptPhone {
	t.Helper()
	var all []store.KeptPhone
	if err := db.SelectContext(t.Context(), &all, `SELECT pool, kind, owner, key_id AS "key", box, mark FROM phones ORDER BY pool, kind, owner`); err != nil {
		t.Fatal(err)
	}
	return all
}

// people are owners of phones in a pool: n planners, and n customers.
func people(pool assign.PoolID, n int) (all []store.KeptPhone) {
	for i := range n {
		all = append(all, store.KeptPhone{Pool: pool, Kind: store.PlannerPhone, Owner: fmt.Sprintf("p%0*d", 1+i%60, i)},
			store.KeptPhone{Pool: pool, Kind: store.CustomerPhone, Owner: fmt.Sprintf("01J%023d", i)})
	}
	return all
}

func planner(pool assign.PoolID, id string) store.KeptPhone {
	return store.KeptPhone{Pool: pool, Kind: store.PlannerPhone, Owner: id}
}

func counts(t *testing.T, s *store.Store) map[string]int64 {
	t.Helper()
	found, err := s.PhoneKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(found, func(a, b store.PhoneKeyCount) int { return strings.Compare(a.Key, b.Key) }) {
		t.Errorf("not in the order of ids: %v", found)
	}
	all := map[string]int64{}
	for _, c := range found {
		all[c.Key] += c.Phones
	}
	return all
}

// More phones than a page has, of two old keys, among those that need nothing
// and those that cannot be helped.
func TestReseal(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	now, old, older, lost := phoneRing(t, 'n'), phoneRing(t, 'o'), phoneRing(t, 'a'), phoneRing(t, 'l')
	keep(t, db, old, slices.Concat(people("demo", 400), people("demo-2", 250), people("z", 3))...)
	keep(t, db, older, slices.Concat(people("busan", 2), []store.KeptPhone{planner("demo", "bad-b"), planner("demo", "bad-a"), planner("demo", "none")})...)
	keep(t, db, lost, people("seoul", 5)...)
	keep(t, db, now, people("new", 7)...)
	before := kept(t, db)

	want := map[string]int64{old.Current(): 1306, older.Current(): 6, lost.Current(): 10, now.Current(): 14}
	if diff := cmp.Diff(want, counts(t, h.Store)); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	ring := phoneRing(t, 'n', 'o', 'a')
	var steps, total int64
	sum, err := h.Store.Reseal(t.Context(), ring.Current(), resealWith(ring), func(done, of int64) {
		if steps++; done != steps {
			t.Errorf("%d done after %d steps", done, steps)
		}
		total = of
	})
	if err != nil {
		t.Fatal(err)
	}
	if steps != 1322 || total != 1322 {
		t.Errorf("%d of %d were gone through", steps, total)
	}
	if sum.Phones != 1306+4 || sum.Overtaken != 0 {
		t.Errorf("resealed %d, overtaken %d", sum.Phones, sum.Overtaken)
	}
	unreadable := map[string]string{}
	for _, u := range sum.Unreadable {
		unreadable[u.Key] = fmt.Sprintf("%d %s/%s/%s %v", u.Phones, u.First.Pool, u.First.Kind, u.First.Owner, errors.Is(u.Err, assign.ErrPhoneUnreadable))
	}
	if diff := cmp.Diff(map[string]string{
		older.Current(): "2 demo/planner/bad-a true",
		lost.Current():  "10 seoul/customer/01J00000000000000000000000 true",
	}, unreadable); diff != "" {
		t.Errorf("unreadable (-want +got):\n%s", diff)
	}
	want = map[string]int64{now.Current(): 14 + 1310, older.Current(): 2, lost.Current(): 10}
	if diff := cmp.Diff(want, counts(t, h.Store)); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}

	after := kept(t, db)
	for i, was := range before {
		is := after[i]
		moves := was.Key == old.Current() || was.Key == older.Current() && !strings.HasPrefix(was.Owner, "bad")
		if !moves {
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("changed (-want +got):\n%s", diff)
			}
			continue
		}
		number, err := now.Open(is.Phone, about(is))
		if err != nil || number != numberOf(was) || is.Mark != now.Marks(number)[0].Mark {
			t.Errorf("%s/%s/%s: %q, %v, mark %x", is.Pool, is.Kind, is.Owner, number, err, is.Mark)
		}
	}
}

// A unit knows of a newer phone than the one that was read.
func TestResealLosesToUnits(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	old, ring := phoneRing(t, 'o'), phoneRing(t, 'n', 'o')
	keep(t, db, old, planner("demo", "changed"), planner("demo", "gone"), planner("demo", "none-now"), planner("demo", "same-key"), planner("demo", "still"))

	meanwhile := map[string]func(p store.KeptPhone){
		"changed":  func(p store.KeptPhone) { write(t, db, p, ring, "01099999999") },
		"same-key": func(p store.KeptPhone) { write(t, db, p, old, "01088888888") },
		"gone": func(p store.KeptPhone) {
			if _, err := db.Exec(`UPDATE phones SET key_id = '', box = '', mark = '' WHERE owner = 'gone'`); err != nil {
				t.Error(err)
			}
		},
	}
	sum, err := h.Store.Reseal(t.Context(), ring.Current(), func(p store.KeptPhone) (assign.Phone, error) {
		if unit := meanwhile[p.Owner]; unit != nil {
			unit(p)
		}
		return resealWith(ring)(p)
	}, nil)
	if err != nil || sum.Phones != 1 || sum.Overtaken != 3 || sum.Unreadable != nil {
		t.Errorf("%+v, %v", sum, err)
	}
	want := map[string]string{"changed": "01099999999", "same-key": "01088888888", "gone": "", "none-now": "", "still": numberOf(planner("demo", "still"))}
	got := map[string]string{}
	for _, p := range kept(t, db) {
		if got[p.Owner] = ""; !p.IsZero() {
			if got[p.Owner], err = ring.Open(p.Phone, about(p)); err != nil {
				t.Error(err)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What it lost to is seen to by the next.
	if sum, err = h.Store.Reseal(t.Context(), ring.Current(), resealWith(ring), nil); err != nil || sum.Phones != 1 {
		t.Errorf("again: %+v, %v", sum, err)
	}
	if diff := cmp.Diff(map[string]int64{ring.Current(): 3}, counts(t, h.Store)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// write replaces a phone, as a unit does.
func write(t *testing.T, db *sqlx.DB, p store.KeptPhone, r phone.Keyring, number string) {
	t.Helper()
	given, err := r.Seal(number, about(p))
	if err == nil {
		_, err = db.Exec(`UPDATE phones SET key_id = ?, box = ?, mark = ? WHERE pool = ? AND kind = ? AND owner = ?`,
			given.Key, []byte(given.Box), []byte(given.Mark), string(p.Pool), p.Kind, p.Owner)
	}
	if err != nil {
		t.Error(err)
	}
}

// What stops it leaves every phone readable, and the next call goes on.
func TestResealGoesOn(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	ring := phoneRing(t, 'n', 'o')
	keep(t, db, phoneRing(t, 'o'), people("demo", 50)...)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sum, err := h.Store.Reseal(ctx, ring.Current(), resealWith(ring), func(done, _ int64) {
		if done == 30 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || sum.Phones != 30 {
		t.Errorf("cancelled: %+v, %v", sum, err)
	}
	broken := errors.New("broken")
	left := 20
	sum, err = h.Store.Reseal(t.Context(), ring.Current(), func(p store.KeptPhone) (assign.Phone, error) {
		if left--; left < 0 {
			return assign.Phone{}, broken
		}
		return resealWith(ring)(p)
	}, nil)
	if !errors.Is(err, broken) || sum.Phones != 20 {
		t.Errorf("broken: %+v, %v", sum, err)
	}
	if sum, err = h.Store.Reseal(t.Context(), ring.Current(), resealWith(ring), nil); err != nil || sum.Phones != 50 {
		t.Errorf("the rest: %+v, %v", sum, err)
	}
	before := kept(t, db)
	if sum, err = h.Store.Reseal(t.Context(), ring.Current(), resealWith(ring), nil); err != nil || sum.Phones != 0 {
		t.Errorf("once more: %+v, %v", sum, err)
	}
	if diff := cmp.Diff(before, kept(t, db)); diff != "" {
		t.Errorf("who has nothing to do has changed (-want +got):\n%s", diff)
	}
}

// A page must be found in the index: read from the start each time, a million
// phones would be a billion reads.
func TestResealReadsEachPhoneOnce(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	db := h.Database.Open(t)
	keep(t, db, phoneRing(t, 'o'), slices.Concat(people("demo", 1500), people("demo-2", 500))...)
	if _, err := db.Exec(`ANALYZE TABLE phones`); err != nil {
		t.Fatal(err)
	}

	session := h.Store.DBs()["reads"]
	session.SetMaxOpenConns(1)
	read := func() (sum int64) {
		t.Helper()
		rows, err := session.QueryContext(t.Context(), `SHOW SESSION STATUS LIKE 'Handler_read%'`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var (
				name  string
				times int64
			)
			if err := rows.Scan(&name, &times); err != nil {
				t.Fatal(err)
			}
			sum += times
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	before := read()
	sum, err := h.Store.Reseal(t.Context(), "", func(store.KeptPhone) (assign.Phone, error) {
		return assign.Phone{}, assign.ErrPhoneUnreadable
	}, nil)
	if err != nil || len(sum.Unreadable) != 1 || sum.Unreadable[0].Phones != 4000 {
		t.Fatalf("%+v, %v", sum, err)
	}
	reads := read() - before
	t.Logf("%d reads", reads)
	if reads > 2*4000+1000 { // once to count, once to read
		t.Errorf("%d reads for 4,000 phones", reads)
	}
}

func TestPhoneKeysOfNone(t *testing.T) {
	t.Parallel()
	h := storetest.New(t, store.Options{})
	keep(t, h.Database.Open(t), phoneRing(t, 'o'), planner("demo", "none"))
	if got := counts(t, h.Store); len(got) != 0 {
		t.Errorf("phones are counted that are not there: %v", got)
	}
	if sum, err := h.Store.Reseal(t.Context(), "e381eed9", nil, nil); err != nil || sum.Phones != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.PhoneKeys(t.Context()); !errors.Is(err, assign.ErrUnavailable) {
		t.Errorf("without a database: %v", err)
	}
}
