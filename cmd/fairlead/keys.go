package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"fairlead/phone"
)

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Make a key and print it."`
	Status keysStatusCmd `cmd:"" help:"Say how many phones are sealed with which key. Exits 1 if a key is missing."`
	Rotate keysRotateCmd `cmd:"" help:"Seal every phone anew with the first key. Exits 1 if some phones are left with another."`
}

// Help is what --help says besides.
func (keysCmd) Help() string {
	return `Planners' and customers' real phones are kept sealed. The keys are yours, and nowhere in the database: 32 bytes each in base64, separated by commas or white space, # begins a comment. The first one seals; all of them open. Each has an id of 8 digits, which is made from the key and no secret.

To begin:
  (umask 077; fairlead keys new > phone.keys)
  fairlead serve --phone-keys-file=phone.keys

To change the key while the service runs:
  1. fairlead keys new; write it behind the old one, for every instance, and restart them one by one: now all can read what it seals
  2. write it first, and restart them one by one: now it seals what is new
  3. fairlead keys rotate; it says which keys may go
  4. take the old one away, and keep it as long as you keep backups from before

What a lost key has sealed, nobody can open. A key that is only missing loses nothing: put it back, and the phones are there.`
}

// phoneKeyFlags say where the keys are that phones are sealed with.
type phoneKeyFlags struct {
	PhoneKeys     string `env:"FAIRLEAD_PHONE_KEYS" placeholder:"KEY,…" help:"Keys that real phones are sealed with, the first for new ones; see fairlead keys. Without any, phones are refused. Others on this machine can see a flag: use the variable or the file."`
	PhoneKeysFile string `env:"FAIRLEAD_PHONE_KEYS_FILE" placeholder:"FILE" help:"File with these keys, one a line. Only its owner may write it, and its owner and group read it."`
}

// ring reads the keys. It has none if neither flag is given.
func (f phoneKeyFlags) ring() (phone.Keyring, error) {
	if f.PhoneKeys != "" && f.PhoneKeysFile != "" {
		return phone.Keyring{}, errors.New("--phone-keys and --phone-keys-file (or their variables) are both given: which of them has the keys?")
	}
	if f.PhoneKeysFile != "" {
		return ringOfFile(f.PhoneKeysFile)
	}
	ring, err := phone.ParseKeys(f.PhoneKeys)
	if err != nil {
		return ring, fmt.Errorf("--phone-keys: %w", err)
	}
	return ring, nil
}

// ringOfFile refuses a file without a key: whoever names one means to have
// phones.
func ringOfFile(name string) (phone.Keyring, error) {
	text, err := readSecret(name)
	if err != nil {
		return phone.Keyring{}, fmt.Errorf("--phone-keys-file: %w", err)
	}
	ring, err := phone.ParseKeys(text)
	if err == nil && ring.Empty() {
		err = errors.New("there is no key in it; fairlead keys new makes one")
	}
	if err != nil {
		return phone.Keyring{}, fmt.Errorf("--phone-keys-file %s: %w", name, err)
	}
	return ring, nil
}

// readSecret reads a file that only its owner may write, and its owner and
// group read: secrets are given to containers by a group. It looks at the file
// that it has open, which cannot be exchanged for another.
func readSecret(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", fmt.Errorf("%s is a folder", name)
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return "", fmt.Errorf("others than its owner and group have rights to %s, or its group more than to read (mode %04o): chmod 600 it, and think about who may have read it", name, mode)
	}
	text, err := io.ReadAll(f)
	return string(text), err
}

type keysNewCmd struct{}

// Help is what --help says besides.
func (keysNewCmd) Help() string {
	return `Prints 32 random bytes in base64 and nothing else. Keep it where the database is not, and keep a copy.`
}

func (keysNewCmd) Run() error {
	_, err := fmt.Println(phone.NewKey())
	return err
}
