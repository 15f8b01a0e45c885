package localdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// joinLimit is how long [Join] waits for a server that is starting.
const joinLimit = 15 * time.Second

// Join returns how to connect to the private database in dir that another
// program runs, with no default database. It reports false if nobody runs one,
// in which case the caller may [Start] it. If someone has the folder but the
// server does not answer within 15 seconds, the error wraps [ErrInUse].
func Join(ctx context.Context, dir string) (*mysql.Config, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		owned, err := hasOwner(dir)
		if err != nil || !owned {
			return nil, false, err
		}
		socket, err := announced(ctx, dir)
		if err == nil {
			return socketConfig(socket, ""), true, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, false, fmt.Errorf("%w: %s, by a program whose server does not answer: %w", ErrInUse, dir, err)
		}
	}
}

func hasOwner(dir string) (bool, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a running private database: %w", err)
	}
	defer lock.Close() // and with it the lock, had nobody held it
	switch err := tryFlock(lock); {
	case errors.Is(err, errLocked):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("look for a running private database: %w", err)
	}
	return false, nil
}

// announced returns the socket of the server in dir, if it answers.
func announced(ctx context.Context, dir string) (string, error) {
	note, err := os.ReadFile(filepath.Join(dir, "socket"))
	if err != nil {
		return "", err
	}
	socket := strings.TrimSpace(string(note))
	if _, err := answering(ctx, socket); err != nil {
		return "", err
	}
	return socket, nil
}

// answering returns the process id of the server that answers on socket.
func answering(ctx context.Context, socket string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cfg := socketConfig(socket, "")
	cfg.Logger = &mysql.NopLogger{} // a server that is not up yet is no news
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return 0, err
	}
	db := sql.OpenDB(conn)
	defer db.Close()
	var path string
	if err := db.QueryRowContext(ctx, "SELECT @@pid_file").Scan(&path); err != nil {
		return 0, err
	}
	return readPid(path)
}

// Remove deletes the private database in dir, ending a server that outlived
// its program. It returns an error wrapping [ErrInUse] if a program runs it.
func Remove(ctx context.Context, dir string) error {
	f, err := claim(ctx, dir)
	if err != nil {
		return err
	}
	lock, err := f.lockServer(ctx)
	if err != nil {
		return errors.Join(err, f.release())
	}
	defer lock.Close()
	f.sweepSocket()
	return errors.Join(os.RemoveAll(dir), f.release())
}

// Exists reports whether dir holds a private database, running or not.
func Exists(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	_, err = os.Stat((&folder{root: abs}).readyFile())
	return err == nil
}
