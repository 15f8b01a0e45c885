package localdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrInUse means that another program, or another [Server] of this one, runs
// the database in the folder.
var ErrInUse = errors.New("the private database's folder is in use")

// maxSocketPath is how long the path of a unix socket may be: 103 bytes on
// macOS, 107 on Linux. The servers abort on a longer one.
const maxSocketPath = 103

const socketDirPrefix = "fairlead-db-"

// A folder is the private database's place on disk, claimed by this program.
type folder struct {
	root      string
	owner     *os.File
	socketDir string // a folder outside of root for the socket, or empty
}

func (f *folder) data() string       { return filepath.Join(f.root, "db") }
func (f *folder) pidFile() string    { return filepath.Join(f.data(), "server.pid") }
func (f *folder) logFile() string    { return filepath.Join(f.data(), "err.log") }
func (f *folder) readyFile() string  { return filepath.Join(f.data(), ".ready") }
func (f *folder) socketNote() string { return filepath.Join(f.root, "socket") }

// claim makes the folder if need be and takes its lock. Others may hold the
// lock for a moment just to see whether it is held, so it asks more than once.
func claim(ctx context.Context, root string) (*folder, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("private database: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "ibdata1")); err == nil {
		return nil, fmt.Errorf("private database: %s is the data folder of another server; give a folder of its own", root)
	}
	owner, err := openLock(filepath.Join(root, "lock"))
	if err != nil {
		return nil, fmt.Errorf("private database: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if err := flock(ctx, owner); err != nil {
		defer owner.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("%w: %s, by process %s", ErrInUse, root, readLine(owner))
		}
		return nil, fmt.Errorf("lock %s: %w", owner.Name(), err)
	}
	f := &folder{root: root, owner: owner}
	if err := f.sign(); err != nil {
		return nil, errors.Join(err, owner.Close())
	}
	return f, nil
}

// sign leaves the owner's process id for whoever finds the folder in use.
func (f *folder) sign() error {
	if err := f.owner.Truncate(0); err != nil {
		return fmt.Errorf("write %s: %w", f.owner.Name(), err)
	}
	if _, err := f.owner.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write %s: %w", f.owner.Name(), err)
	}
	return nil
}

// release gives the folder back. The server must have ended.
func (f *folder) release() error {
	err := remove(f.socketNote())
	if f.socketDir != "" {
		err = errors.Join(err, os.RemoveAll(f.socketDir))
	}
	return errors.Join(err, f.owner.Close())
}

// lockServer takes the lock that a server process holds for as long as it
// lives, for the next one to inherit. A server that is left over from an owner
// that was killed is told to end, and killed if it does not.
func (f *folder) lockServer(ctx context.Context) (*os.File, error) {
	lock, err := openLock(filepath.Join(f.root, "server.lock"))
	if err != nil {
		return nil, fmt.Errorf("private database: %w", err)
	}
	if err = f.outlive(ctx, lock); err == nil {
		err = remove(f.pidFile()) // whoever holds the lock next is not the one named there
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("wait for the last server in %s to end: %w", f.root, err)
	}
	return lock, nil
}

// outlive takes lock, ending the server that holds it if there is one.
func (f *folder) outlive(ctx context.Context, lock *os.File) error {
	if err := tryFlock(lock); !errors.Is(err, errLocked) {
		return err
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		// Only the process that holds the lock can have written this file.
		if pid, err := readPid(f.pidFile()); err == nil {
			_ = syscall.Kill(pid, sig)
		}
		patience, cancel := context.WithTimeout(ctx, stopLimit)
		err := flock(patience, lock)
		cancel()
		if !errors.Is(err, errLocked) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err() // whoever is in less of a hurry may have to kill it
		}
	}
	return errLocked
}

// prepare makes the data folder unless it is made already.
func (f *folder) prepare(ctx context.Context, opts Options) error {
	lock, err := f.lockServer(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	f.sweepSocket()

	made, err := f.madeBy()
	switch {
	case err != nil:
		return err
	case made == "":
		return f.make(ctx, opts, lock)
	case made != opts.Installation.Engine:
		return fmt.Errorf("%s was made by %s and cannot be run by %s", f.root, made, opts.Installation.Engine)
	}
	return f.shut()
}

// shut keeps others out of the server's folders, whatever became of their
// modes: who gets to the socket is root in the database.
func (f *folder) shut() error {
	for _, dir := range []string{f.data(), tmpFor(f.data())} {
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700)); err != nil {
			return fmt.Errorf("private database: %w", err)
		}
	}
	return nil
}

// madeBy returns the engine that made the data folder, or "" if it is not
// there or was not finished.
func (f *folder) madeBy() (Engine, error) {
	mark, err := os.ReadFile(f.readyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("private database: %w", err)
	}
	return Engine(bytes.TrimSpace(mark)), nil
}

// make makes the data folder, anew if someone was stopped half way.
func (f *folder) make(ctx context.Context, opts Options, lock *os.File) error {
	if err := f.clear(); err != nil {
		return err
	}
	log, err := f.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	if opts.Templates != "" {
		err = fromTemplate(ctx, opts, f.data())
	} else {
		err = opts.Installation.initialise(ctx, f.data(), log, lock)
	}
	if err != nil {
		return fmt.Errorf("make the private database in %s: %w\n%s", f.root, err, f.tail())
	}
	return writeSynced(f.readyFile(), string(opts.Installation.Engine)+"\n")
}

// clear leaves an empty data folder. It refuses to if there is anything in it
// that making a folder does not leave behind: an unfinished folder has no
// databases, so one that has them is worth more than its missing marker says.
func (f *folder) clear() error {
	dbs, err := databasesIn(f.data())
	if err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	if len(dbs) > 0 {
		return fmt.Errorf("%s holds databases (%s) but not the marker %s of a folder that Fairlead made; "+
			"move it away, or restore the marker if the folder is whole",
			f.data(), strings.Join(dbs, ", "), filepath.Base(f.readyFile()))
	}
	if err := makeFolders(f.data()); err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	return nil
}

// databasesIn lists the databases in a server's data folder that are not the
// server's own.
func databasesIn(data string) ([]string, error) {
	own := []string{"mysql", "performance_schema", "sys", "lost+found"}
	entries, err := os.ReadDir(data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var dbs []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), "#") && !slices.Contains(own, e.Name()) {
			dbs = append(dbs, e.Name())
		}
	}
	return dbs, err
}

// placeSocket returns the path for the server's socket: in the data folder, or
// in a private folder elsewhere if that path is too long for a socket.
func (f *folder) placeSocket() (string, error) {
	const name = "server.sock"
	if path := filepath.Join(f.data(), name); len(path) <= maxSocketPath {
		return path, nil
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(parent, socketDirPrefix)
		if err != nil {
			return "", fmt.Errorf("make a folder for the socket: %w", err)
		}
		f.socketDir = dir
		if path := filepath.Join(dir, name); len(path) <= maxSocketPath {
			return path, f.announce(path)
		}
		if err := os.Remove(dir); err != nil {
			return "", err
		}
	}
	return "", errors.New("no folder has a path short enough for a socket")
}

// announce notes the socket's path where [Join] looks for it.
func (f *folder) announce(socket string) error {
	return writeSynced(f.socketNote(), socket+"\n")
}

// sweepSocket removes the socket's folder of an owner that was killed.
func (f *folder) sweepSocket() {
	note, err := os.ReadFile(f.socketNote())
	if err != nil {
		return
	}
	dir := filepath.Dir(strings.TrimSpace(string(note)))
	if strings.HasPrefix(filepath.Base(dir), socketDirPrefix) {
		_ = os.RemoveAll(dir) // a few bytes in the temporary folder at worst
	}
	_ = os.Remove(f.socketNote())
}

// maxLog is how large err.log may be when a server starts. A larger one is set
// aside, and replaces the one set aside before.
const maxLog = 1 << 20

func (f *folder) openLog() (*os.File, error) {
	if info, err := os.Stat(f.logFile()); err == nil && info.Size() > maxLog {
		if err := os.Rename(f.logFile(), f.logFile()+".old"); err != nil {
			return nil, fmt.Errorf("set aside the server's log: %w", err)
		}
	}
	log, err := os.OpenFile(f.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	return log, nil
}

// tail returns the end of the server's log.
func (f *folder) tail() string {
	const size = 2000
	log, err := os.Open(f.logFile())
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	if end, err := log.Seek(0, io.SeekEnd); err == nil {
		_, _ = log.Seek(max(0, end-size), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(log, size))
	return string(text)
}
