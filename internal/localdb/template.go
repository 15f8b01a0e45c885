package localdb

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// fromTemplate fills the empty folder data with a copy of the template, which
// it makes first if nobody has.
func fromTemplate(ctx context.Context, opts Options, data string) error {
	name, err := opts.Installation.fingerprint()
	if err != nil {
		return err
	}
	template := filepath.Join(opts.Templates, name)
	if err := makeTemplate(ctx, opts.Installation, template); err != nil {
		return fmt.Errorf("make the template %s: %w", template, err)
	}
	return copyFolder(template, data)
}

// fingerprint names what a data folder made by i depends on.
func (i Installation) fingerprint() (string, error) {
	info, err := os.Stat(i.Server)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, info.Size(), info.ModTime().UnixNano(), i.initArgs(""))
	if i.Engine == MariaDB {
		script, err := i.bootstrapSQL()
		if err != nil {
			return "", err
		}
		hash.Write(script)
	}
	return fmt.Sprintf("%s-%x", i.Engine, hash.Sum(nil)[:8]), nil
}

// makeTemplate makes the template beside its place and moves it there, so that
// it is either whole or absent.
func makeTemplate(ctx context.Context, inst Installation, template string) error {
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return err
	}
	lock, err := openLock(template + ".lock")
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := flock(ctx, lock); err != nil {
		return err
	}
	if _, err := os.Stat(template); err == nil {
		return nil
	}
	unfinished := template + ".unfinished"
	defer os.RemoveAll(tmpFor(unfinished))
	if err := makeFolders(unfinished); err != nil {
		return err
	}
	log, err := os.Create(template + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	if err := inst.initialise(ctx, unfinished, log, lock); err != nil {
		return fmt.Errorf("%w (see %s)", err, log.Name())
	}
	return os.Rename(unfinished, template)
}

// copyFolder copies what is in from to the existing folder to.
func copyFolder(from, to string) error {
	return fs.WalkDir(os.DirFS(from), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir():
			return os.Mkdir(filepath.Join(to, name), 0o700)
		case name == "auto.cnf": // the identity of one MySQL server
			return nil
		}
		return copyFile(filepath.Join(from, name), filepath.Join(to, name))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in) // lets the file system share blocks if it can
	return errors.Join(err, out.Close())
}
