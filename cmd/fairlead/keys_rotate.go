package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"fairlead/assign"
	"fairlead/internal/page/unit"
	"fairlead/phone"
	"fairlead/store"
)

type keysRotateCmd struct {
	storeFlags
	phoneKeyFlags
}

// Help is what --help says besides.
func (keysRotateCmd) Help() string {
	return `The service may run meanwhile, and all instances must have the first key by then: see fairlead keys --help. It may be ended and run again at any time, and goes on where it was. What cannot be opened stays as it is. Exit codes: 0 every phone is sealed with the first key; 1 some are not, and it says which and why; 2 it could not be done to the end.`
}

func (c *keysRotateCmd) Run(ctx context.Context) error {
	ring, err := c.ring()
	if err != nil {
		return err
	}
	if ring.Empty() {
		return errors.New("there is no key to seal with: give it with FAIRLEAD_PHONE_KEYS or --phone-keys-file; fairlead keys new makes one")
	}
	return c.withExisting(ctx, func(st *store.Store) error {
		if err := st.CheckSchema(ctx); err != nil {
			return err
		}
		return rotate(ctx, st, ring)
	})
}

func rotate(ctx context.Context, st *store.Store, ring phone.Keyring) error {
	bar := newBar("sealing phones", 0)
	done, err := st.Reseal(ctx, ring.Current(), resealWith(ring), bar.progress)
	bar.end()
	if err != nil {
		fmt.Printf("%s sealed anew; run it again, and it goes on from there\n", unit.Plural(done.Phones, "phone"))
		return err
	}
	counts, err := st.PhoneKeys(ctx)
	if err != nil {
		return err
	}
	keys := keysInUse(ring, counts)
	writeRotated(os.Stdout, ring.Current(), done, keys)
	if len(behind(keys)) > 0 {
		return keyMissing
	}
	return nil
}

// resealWith opens phones with whichever key they need, and seals them with the
// current one.
func resealWith(ring phone.Keyring) func(store.KeptPhone) (assign.Phone, error) {
	return func(p store.KeptPhone) (assign.Phone, error) {
		about := phone.AboutPlanner(p.Pool, assign.PlannerID(p.Owner))
		if p.Kind == store.CustomerPhone {
			about = phone.AboutCustomer(p.Pool)
		}
		number, err := ring.Open(p.Phone, about)
		if err != nil {
			return assign.Phone{}, err
		}
		given, err := ring.Seal(number, about)
		return given.Phone, err
	}
}

// behind are the keys beside the current one that phones still need.
func behind(keys []keyInUse) (old []keyInUse) {
	for _, k := range keys {
		if !k.current && k.phones > 0 {
			old = append(old, k)
		}
	}
	return old
}

// writeRotated says what was done, and which keys may go: keys are as they are
// afterwards.
func writeRotated(w io.Writer, current string, done store.Resealed, keys []keyInUse) {
	fmt.Fprintf(w, "%s sealed anew with key %s\n", unit.Plural(done.Phones, "phone"), current)
	if done.Overtaken > 0 {
		fmt.Fprintf(w, "%s changed by the service meanwhile, and kept as it wrote them\n", unit.Plural(done.Overtaken, "phone"))
	}
	unreadable := map[string]bool{}
	for _, u := range done.Unreadable {
		unreadable[u.Key] = true
		fmt.Fprintf(w, "%s left as before, of key %s; the first is %s: %v\n", unit.Plural(u.Phones, "phone"), u.Key, whose(u.First), u.Err)
	}
	for _, k := range keys {
		switch {
		case k.current || !k.there:
		case k.phones == 0:
			fmt.Fprintf(w, "key %s may be taken away: no phone needs it (backups from before do)\n", k.id)
		case unreadable[k.id]:
			fmt.Fprintf(w, "key %s must stay until that is mended\n", k.id)
		default:
			fmt.Fprintf(w, "key %s must stay: %s sealed with it meanwhile. An instance has it for its first key: restart that with %s first, and rotate again\n",
				k.id, unit.Plural(k.phones, "phone"), current)
		}
	}
}

// whose says in words to whom a phone belongs.
func whose(p store.KeptPhone) string {
	if p.Kind == store.CustomerPhone {
		return fmt.Sprintf("of the customer of assignment %s in pool %s", p.Owner, p.Pool)
	}
	return fmt.Sprintf("of planner %s in pool %s", p.Owner, p.Pool)
}
