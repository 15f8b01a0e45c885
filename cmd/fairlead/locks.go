package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"

	"fairlead/assign"
	"fairlead/internal/localdb"
	"fairlead/observe"
	"fairlead/store"
)

type locksCmd struct {
	List locksListCmd `cmd:"" default:"withargs" help:"List the locks (what happens without a word)."`
	Show locksShowCmd `cmd:"" help:"Show one lock in full, and what to do next."`
	Kill locksKillCmd `cmd:"" help:"End the session that holds a lock, if it still is the one that you saw."`
	SQL  locksSQLCmd  `cmd:"" name:"sql" help:"Print statements to paste into a client."`
}

// Help is what --help says besides.
func (locksCmd) Help() string {
	return `Shows the named locks (GET_LOCK) of a MySQL or MariaDB server. It needs an account on the server and nothing else: no running service, no tables of Fairlead's.

At two in the morning, with FAIRLEAD_DSN='monitor:pw@tcp(db:3306)/fairlead':
  fairlead locks --watch                 who holds what, who waits; in place
  fairlead locks --all                   other applications' locks, too
  fairlead locks --json                  for programs; nothing is cut
  fairlead locks show demo               one pool's lock, and what to do next
  fairlead locks kill demo --connection 4711 --reason 'stuck since 02:10'
  fairlead locks sql                     statements for your own client

HELD is exact where it stands alone. "~" is how long the session has been in its present state, which is mostly less; "?" means that the source cannot tell. Below the table stand the source, what it cannot see, and how to get a better one.

"fairlead locks list --help" has the flags of the list. The grants that each kind of account needs are in docs/dba.md.`
}

// locksFlags say which server a subcommand looks at.
type locksFlags struct {
	databaseFlags
}

// lookTime bounds one look at the server's locks.
const lookTime = 10 * time.Second

// withLocks runs fn on the locks of the server.
func (f locksFlags) withLocks(ctx context.Context, fn func(*store.Locks) error) error {
	if f.DSN == "" && !localdb.Exists(f.DataDir) {
		return fmt.Errorf("which server? Give it with --dsn or FAIRLEAD_DSN; there is no private database in %s either", f.DataDir)
	}
	log, err := observe.NewLog(os.Stderr, "text", "warn")
	if err != nil {
		return err
	}
	dsn, stop, err := f.open(ctx, log)
	if err != nil {
		return err
	}
	defer stop()
	locks, err := store.OpenLocks(dsn)
	if err != nil {
		return err
	}
	defer locks.Close()
	return fn(locks)
}

// lookAt looks at a lock by its name or its pool's id. There is more than one
// if another application's lock has the pool's id for a name.
func lookAt(ctx context.Context, locks *store.Locks, name string) (assign.LockList, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return locks.Lock(ctx, name)
}

type locksListCmd struct {
	locksFlags

	All   bool          `help:"Show other applications' locks too. That is so anyway when the DSN names no schema."`
	Watch bool          `help:"Look again and again: in place on a terminal, else one block after the other. Ctrl-C ends it."`
	Every time.Duration `default:"1s" help:"Pause between two looks with --watch; at least 100ms."`
	JSON  bool          `name:"json" help:"Write JSON, with --watch a line for each look. Nothing is cut or left out."`
}

func (c *locksListCmd) Run(ctx context.Context) error {
	if c.Every < 100*time.Millisecond {
		return errors.New("--every: must be at least 100ms")
	}
	return c.withLocks(ctx, func(locks *store.Locks) error {
		look := c.look(locks)
		if c.Watch {
			return c.watch(ctx, look)
		}
		list, err := look(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(os.Stdout, list.LockList, true)
		}
		return locksPage{width: widthOf(os.Stdout)}.write(os.Stdout, list)
	})
}

// look returns what asks the server once.
func (c *locksListCmd) look(locks *store.Locks) func(context.Context) (seenLocks, error) {
	return func(ctx context.Context) (seenLocks, error) {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		list, err := locks.List(ctx, true)
		return c.shown(list), err
	}
}

// seenLocks are the locks that are to be shown, and how many of other
// applications there are besides.
type seenLocks struct {
	assign.LockList
	others int
}

func (c *locksListCmd) shown(list assign.LockList) seenLocks {
	if c.everything() {
		return seenLocks{LockList: list}
	}
	ours := slices.DeleteFunc(slices.Clone(list.Locks), func(l assign.LockView) bool { return !l.Ours })
	others := len(list.Locks) - len(ours)
	list.Locks = ours
	return seenLocks{list, others}
}

// everything reports whether locks of other applications are to be shown. A
// schema that is named may be Fairlead's; without one, no lock is ours.
func (c *locksListCmd) everything() bool {
	if c.All {
		return true
	}
	cfg, err := mysql.ParseDSN(c.DSN)
	return c.DSN != "" && err == nil && cfg.DBName == ""
}
