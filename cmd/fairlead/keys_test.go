package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
	"fairlead/phone"
	"fairlead/store"
)

// Keys of tests, and their ids.
const (
	keyA = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" // e381eed9
	keyB = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=" // 1eaa8723
)

func keyRing(t *testing.T, text string) phone.Keyring {
	t.Helper()
	r, err := phone.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// secretFile writes a file with these rights.
func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "phone.keys")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil { // the umask has no say here
		t.Fatal(err)
	}
	return name
}

func TestPhoneKeyFlags(t *testing.T) {
	t.Parallel()
	both := "# 2026\n" + keyB + "\n# 2025\n" + keyA + "\n"
	for name, tt := range map[string]struct {
		flags phoneKeyFlags
		want  string // ids, or what the error says
	}{
		"none":             {phoneKeyFlags{}, ""},
		"text":             {phoneKeyFlags{PhoneKeys: keyA + "," + keyB}, "e381eed9 1eaa8723"},
		"file":             {phoneKeyFlags{PhoneKeysFile: secretFile(t, both, 0o600)}, "1eaa8723 e381eed9"},
		"file, read only":  {phoneKeyFlags{PhoneKeysFile: secretFile(t, both, 0o400)}, "1eaa8723 e381eed9"},
		"both":             {phoneKeyFlags{PhoneKeys: keyA, PhoneKeysFile: secretFile(t, both, 0o600)}, "error: both given"},
		"bad text":         {phoneKeyFlags{PhoneKeys: keyA + ",AAECAwQFBgcI"}, "error: --phone-keys: key 2 must be 32 bytes"},
		"bad file":         {phoneKeyFlags{PhoneKeysFile: secretFile(t, both+keyA, 0o600)}, "error: phone.keys: key 3 is the same as key 2"},
		"file without key": {phoneKeyFlags{PhoneKeysFile: secretFile(t, "# later\n", 0o600)}, "error: there is no key in it"},
		"no file":          {phoneKeyFlags{PhoneKeysFile: filepath.Join(t.TempDir(), "none")}, "error: --phone-keys-file: open "},
		"a folder":         {phoneKeyFlags{PhoneKeysFile: t.TempDir()}, "error: is a folder"},
		"read by group":    {phoneKeyFlags{PhoneKeysFile: secretFile(t, both, 0o440)}, "1eaa8723 e381eed9"},
		"written by group": {phoneKeyFlags{PhoneKeysFile: secretFile(t, both, 0o660)}, "error: (mode 0660): chmod 600"},
		"read by all":      {phoneKeyFlags{PhoneKeysFile: secretFile(t, both, 0o604)}, "error: (mode 0604): chmod 600"},
		"written by all":   {phoneKeyFlags{PhoneKeysFile: secretFile(t, both, 0o602)}, "error: (mode 0602): chmod 600"},
	} {
		ring, err := tt.flags.ring()
		if want, fails := strings.CutPrefix(tt.want, "error: "); fails {
			if err == nil || !ring.Empty() || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "AwQF") {
				t.Errorf("%s: %v, %v", name, ring, err)
			}
			continue
		}
		if got := strings.Join(ring.IDs(), " "); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

func TestKeysTable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		keys   string
		counts []store.PhoneKeyCount
		want   string
	}{
		"nothing": {"", nil, `
There is no key, and no phone is kept. Phones are refused until there is a key: fairlead keys new makes one.
`},
		"unused": {keyA, nil, `
KEY       PHONES  STATE
e381eed9  0       current
`},
		"changing": {keyB + " " + keyA, []store.PhoneKeyCount{{Key: "1eaa8723", Phones: 12}, {Key: "e381eed9", Phones: 1204}}, `
KEY       PHONES  STATE
1eaa8723  12      current
e381eed9  1,204   old; fairlead keys rotate makes it needless
`},
		"changed": {keyB + " " + keyA, []store.PhoneKeyCount{{Key: "1eaa8723", Phones: 1216}}, `
KEY       PHONES  STATE
1eaa8723  1,216   current
e381eed9  0       old; no phone needs it
`},
		"missing": {keyA, []store.PhoneKeyCount{{Key: "1eaa8723", Phones: 1}, {Key: "99999999", Phones: 3}, {Key: "e381eed9", Phones: 5}}, `
KEY       PHONES  STATE
e381eed9  5       current
1eaa8723  1       missing
99999999  3       missing

Key 1eaa8723 is missing: 1 phone cannot be read. Nothing is lost: put the key among the others, behind the first.

Key 99999999 is missing: 3 phones cannot be read. Nothing is lost: put the key among the others, behind the first.
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			writeKeys(&got, keysInUse(keyRing(t, tt.keys), tt.counts))
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRotatedReport(t *testing.T) {
	t.Parallel()
	ring := keyRing(t, keyB+" "+keyA)
	lost := fmt.Errorf("%w: its key 99999999 is missing", assign.ErrPhoneUnreadable)
	for name, tt := range map[string]struct {
		done   store.Resealed
		counts []store.PhoneKeyCount
		left   int
		want   string
	}{
		"all": {store.Resealed{Phones: 1310}, []store.PhoneKeyCount{{Key: "1eaa8723", Phones: 1310}}, 0, `
1,310 phones sealed anew with key 1eaa8723
key e381eed9 may be taken away: no phone needs it (backups from before do)
`},
		"late instance": {store.Resealed{Phones: 5, Overtaken: 1}, []store.PhoneKeyCount{{Key: "1eaa8723", Phones: 5}, {Key: "e381eed9", Phones: 1}}, 1, `
5 phones sealed anew with key 1eaa8723
1 phone changed by the service meanwhile, and kept as it wrote them
key e381eed9 must stay: 1 phone sealed with it meanwhile. An instance has it for its first key: restart that with 1eaa8723 first, and rotate again
`},
		"unreadable": {store.Resealed{Unreadable: []store.UnreadablePhones{
			{PhoneKeyCount: store.PhoneKeyCount{Key: "99999999", Phones: 2}, First: store.KeptPhone{Pool: "demo", Kind: store.CustomerPhone, Owner: "01J"}, Err: lost},
			{PhoneKeyCount: store.PhoneKeyCount{Key: "e381eed9", Phones: 1}, First: store.KeptPhone{Pool: "demo", Kind: store.PlannerPhone, Owner: "kim"}, Err: assign.ErrPhoneUnreadable},
		}}, []store.PhoneKeyCount{{Key: "99999999", Phones: 2}, {Key: "e381eed9", Phones: 1}}, 2, `
0 phones sealed anew with key 1eaa8723
2 phones left as before, of key 99999999; the first is of the customer of assignment 01J in pool demo: phone cannot be read: its key 99999999 is missing
1 phone left as before, of key e381eed9; the first is of planner kim in pool demo: phone cannot be read
key e381eed9 must stay until that is mended
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := keysInUse(ring, tt.counts)
			if n := len(behind(keys)); n != tt.left {
				t.Errorf("%d keys are left behind, want %d", n, tt.left)
			}
			var got bytes.Buffer
			writeRotated(&got, ring.Current(), tt.done, keys)
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
