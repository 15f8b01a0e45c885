package localdb

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNotFound means that no server program is on this machine.
var ErrNotFound = errors.New("no database server found")

// Find returns the MariaDB server on this machine: the one in PATH, else one
// in the places where packages put it, else the one that [Install] unpacked
// into Fairlead's cache folder. The error wraps [ErrNotFound] and says what to
// do next.
func Find() (Installation, error) {
	if path, err := exec.LookPath("mariadbd"); err == nil {
		if inst, ok := installed(path); ok {
			return inst, nil
		}
	}
	for _, path := range usualPlaces {
		if inst, ok := installed(path); ok {
			return inst, nil
		}
	}
	if root, err := cacheRoot("mariadb"); err == nil {
		if inst, ok := installed(filepath.Join(root, "usr/sbin/mariadbd")); ok {
			inst.Libs = libraryFolders(root)
			return inst, nil
		}
	}
	return Installation{}, fmt.Errorf("%w: there is no mariadbd in PATH nor in the usual places; "+
		"run `fairlead localdb install`, or give a database in FAIRLEAD_DSN", ErrNotFound)
}

var usualPlaces = []string{
	"/usr/sbin/mariadbd",
	"/usr/bin/mariadbd",
	"/usr/local/sbin/mariadbd",
	"/usr/local/bin/mariadbd",
	"/usr/libexec/mariadbd",
	"/usr/local/mysql/bin/mariadbd",
	"/opt/homebrew/bin/mariadbd",
	"/opt/homebrew/opt/mariadb/bin/mariadbd",
	"/usr/local/opt/mariadb/bin/mariadbd",
	"/opt/local/lib/mariadb/bin/mariadbd",
}

// installed reports the installation that the server program at path belongs
// to, if it is one that can be used.
func installed(path string) (Installation, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return Installation{}, false
	}
	paths := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		paths = append(paths, real) // Homebrew links programs, not what is beside them
	}
	for _, p := range paths {
		base := filepath.Dir(filepath.Dir(p))
		for _, name := range []string{"mysql", "mariadb"} {
			share := filepath.Join(base, "share", name)
			// Without the SQL that makes a data folder, a server could only
			// run folders that others made.
			if _, err := readScript(share, "system_tables.sql"); err == nil {
				return Installation{Engine: MariaDB, Server: p, Share: share}, true
			}
		}
	}
	return Installation{}, false
}

// cacheRoot returns the folder into which packages of an engine are unpacked,
// as if it were the root of the file system.
func cacheRoot(engine string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(cache, "fairlead", engine, "root"), nil
}

// libraryFolders returns the folders of shared libraries in an unpacked tree.
func libraryFolders(root string) []string {
	var folders []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // fails only on a bad pattern
		folders = append(folders, found...)
	}
	return folders
}
