package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"fairlead/internal/page/unit"
	"fairlead/phone"
	"fairlead/store"
)

type keysStatusCmd struct {
	storeFlags
	phoneKeyFlags
}

// Help is what --help says besides.
func (keysStatusCmd) Help() string {
	return `Opens no phone. Exit codes: 0 every phone's key is there; 1 one is missing; 2 it could not be found out.`
}

// keyMissing ends a command that has said which phones cannot be read, or stay
// behind.
const keyMissing exitCode = 1

func (c *keysStatusCmd) Run(ctx context.Context) error {
	ring, err := c.ring()
	if err != nil {
		return err
	}
	return c.withExisting(ctx, func(st *store.Store) error {
		if err := st.CheckSchema(ctx); err != nil {
			return err
		}
		counts, err := st.PhoneKeys(ctx)
		if err != nil {
			return err
		}
		keys := keysInUse(ring, counts)
		writeKeys(os.Stdout, keys)
		if len(missing(keys)) > 0 {
			return keyMissing
		}
		return nil
	})
}

// A keyInUse is a key that is there, or that phones are sealed with, or both.
type keyInUse struct {
	id             string
	phones         int64
	current, there bool
}

// keysInUse puts the keys that are there first, in their order.
func keysInUse(ring phone.Keyring, counts []store.PhoneKeyCount) (keys []keyInUse) {
	phones := map[string]int64{}
	for _, c := range counts {
		phones[c.Key] = c.Phones
	}
	for _, id := range ring.IDs() {
		keys = append(keys, keyInUse{id, phones[id], id == ring.Current(), true})
	}
	for _, c := range counts {
		if !ring.Has(c.Key) {
			keys = append(keys, keyInUse{id: c.Key, phones: c.Phones})
		}
	}
	return keys
}

func missing(keys []keyInUse) (gone []keyInUse) {
	for _, k := range keys {
		if !k.there {
			gone = append(gone, k)
		}
	}
	return gone
}

func writeKeys(w io.Writer, keys []keyInUse) {
	if len(keys) == 0 {
		fmt.Fprintln(w, "There is no key, and no phone is kept. Phones are refused until there is a key: fairlead keys new makes one.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "KEY\tPHONES\tSTATE\n")
	for _, k := range keys {
		fmt.Fprintf(t, "%s\t%s\t%s\n", k.id, unit.Count(k.phones), k.state())
	}
	t.Flush()
	for _, k := range missing(keys) {
		fmt.Fprintf(w, "\nKey %s is missing: %s cannot be read. Nothing is lost: put the key among the others, behind the first.\n", k.id, unit.Plural(k.phones, "phone"))
	}
}

func (k keyInUse) state() string {
	switch {
	case k.current:
		return "current"
	case !k.there:
		return "missing"
	case k.phones == 0:
		return "old; no phone needs it"
	}
	return "old; fairlead keys rotate makes it needless"
}
