package store

import (
	"context"
	"errors"
	"slices"

	"fairlead/assign"
)

// The keys that phones are sealed with. Which phone is kept is the domain's,
// and written by units only; by which key it is kept is the operators'.

const (
	// All in one index. A phone that was taken away has no key.
	phoneKeys = `SELECT p.key_id AS "key", COUNT(*) AS phones FROM phones p FORCE INDEX (by_key) WHERE p.key_id > '' GROUP BY p.key_id ORDER BY p.key_id`

	// The index ends with the primary key, in whose order it is gone through.
	phonesOfKey = `SELECT p.pool, p.kind, p.owner, p.key_id AS "key", p.box, p.mark FROM phones p FORCE INDEX (by_key)
		WHERE p.key_id = ? AND (p.pool > ? OR p.pool = ? AND (p.kind > ? OR p.kind = ? AND p.owner > ?))
		ORDER BY p.pool, p.kind, p.owner LIMIT ?`

	// Only if it still is the phone that was read: what a unit has written
	// meanwhile is newer.
	resealPhone = `UPDATE phones SET key_id = ?, box = ?, mark = ? WHERE pool = ? AND kind = ? AND owner = ? AND key_id = ? AND box = ?`
)

// resealPage is how many phones are read at once. They are read without a
// lock, so it costs nobody anything but memory here.
const resealPage = 500

// Whose phone is kept.
const (
	PlannerPhone  = "planner"  // the owner is the planner's id
	CustomerPhone = "customer" // the owner is the id of the customer's assignment
)

// A KeptPhone is a phone with whose it is.
type KeptPhone struct {
	Pool  assign.PoolID
	Kind  string // PlannerPhone or CustomerPhone
	Owner string
	assign.Phone
}

// A PhoneKeyCount is how many phones are sealed with a key.
type PhoneKeyCount struct {
	Key    string // its id
	Phones int64
}

// PhoneKeys counts the phones by the keys that they are sealed with, in the
// order of the keys' ids; a key without phones is left out. Error:
// [assign.ErrUnavailable].
func (s *Store) PhoneKeys(ctx context.Context) ([]PhoneKeyCount, error) {
	var counts []PhoneKeyCount
	err := s.reads.SelectContext(ctx, &counts, phoneKeys)
	return counts, wrap("count phones by key", unreadable(ctx, err))
}

// Resealed is what became of the phones that were not under the current key.
type Resealed struct {
	Phones     int64              // sealed anew
	Overtaken  int64              // written by a unit meanwhile, and left as that wrote them
	Unreadable []UnreadablePhones // left as they were, by the ids of their keys
}

// UnreadablePhones are phones of one key that could not be opened.
type UnreadablePhones struct {
	PhoneKeyCount
	First KeptPhone
	Err   error // why not the first
}

// Reseal has every phone that is not sealed with the key current sealed anew by
// reseal, which opens a phone and seals it with that key. A phone for which
// reseal returns an [assign.ErrPhoneUnreadable] stays as it is and is counted;
// any other error ends the work, as the end of ctx does. What was done until
// then is kept, and another call goes on from there.
//
// It is no unit, and has neither a lock nor a seq: what a phone is does not
// change, only how it is kept. Units may run meanwhile; one row at a time is
// written, and of two writers the unit always wins. An instance that still
// seals with an older key leaves phones behind: look at [Store.PhoneKeys]
// afterwards.
//
// progress, unless it is nil, is told how many phones have been gone through.
// Error: [assign.ErrUnavailable], and those of reseal.
func (s *Store) Reseal(ctx context.Context, current string, reseal func(KeptPhone) (assign.Phone, error), progress func(done, total int64)) (Resealed, error) {
	keys, err := s.PhoneKeys(ctx)
	if err != nil {
		return Resealed{}, err
	}
	r := resealing{Store: s, reseal: reseal, progress: progress}
	keys = slices.DeleteFunc(keys, func(k PhoneKeyCount) bool { return k.Key == current })
	for _, k := range keys {
		r.total += k.Phones
	}
	for _, k := range keys {
		if err := r.key(ctx, k.Key); err != nil {
			return r.sum, wrap("reseal phones", err)
		}
	}
	return r.sum, nil
}

// A resealing is one call of Reseal.
type resealing struct {
	*Store
	reseal      func(KeptPhone) (assign.Phone, error)
	progress    func(done, total int64)
	sum         Resealed
	done, total int64
}

// key goes through the phones of one key.
func (r *resealing) key(ctx context.Context, key string) error {
	last := KeptPhone{Phone: assign.Phone{Key: key}}
	for {
		phones, err := r.page(ctx, last)
		if err != nil {
			return err
		}
		for _, p := range phones {
			if err := r.one(ctx, p); err != nil {
				return err
			}
		}
		if len(phones) < resealPage {
			return nil
		}
		last = phones[len(phones)-1]
	}
}

// page reads the phones behind last that have the same key.
func (r *resealing) page(ctx context.Context, last KeptPhone) ([]KeptPhone, error) {
	var phones []KeptPhone
	err := r.reads.SelectContext(ctx, &phones, phonesOfKey,
		last.Key, string(last.Pool), string(last.Pool), last.Kind, last.Kind, last.Owner, resealPage)
	return phones, unreadable(ctx, err)
}

func (r *resealing) one(ctx context.Context, p KeptPhone) error {
	if !p.IsZero() {
		if err := r.again(ctx, p); err != nil {
			return err
		}
	}
	r.done++
	if r.progress != nil {
		r.progress(r.done, max(r.done, r.total))
	}
	return nil
}

// again seals a phone anew.
func (r *resealing) again(ctx context.Context, p KeptPhone) error {
	sealed, err := r.reseal(p)
	if errors.Is(err, assign.ErrPhoneUnreadable) {
		r.sum.unreadable(p, err)
		return nil
	}
	if err != nil {
		return err
	}
	// Bytes, not strings: a server takes a string for text, and these are none.
	result, err := r.reads.ExecContext(ctx, resealPhone, sealed.Key, []byte(sealed.Box), []byte(sealed.Mark),
		string(p.Pool), p.Kind, p.Owner, p.Key, []byte(p.Box))
	if err != nil {
		return unreadable(ctx, err)
	}
	changed, err := result.RowsAffected()
	r.sum.Phones += changed
	r.sum.Overtaken += 1 - changed
	return err
}

// unreadable counts a phone, and keeps the first of each key. Keys are gone
// through one after the other.
func (s *Resealed) unreadable(p KeptPhone, err error) {
	if n := len(s.Unreadable); n == 0 || s.Unreadable[n-1].Key != p.Key {
		s.Unreadable = append(s.Unreadable, UnreadablePhones{PhoneKeyCount: PhoneKeyCount{Key: p.Key}, First: p, Err: err})
	}
	s.Unreadable[len(s.Unreadable)-1].Phones++
}
