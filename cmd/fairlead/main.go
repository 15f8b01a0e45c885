// Command fairlead hands each incoming request to the planner who has been
// given the least, and never hands the same turn out twice.
//
// Each subcommand has a file of its own, and only wires: what it does is in the
// packages it imports.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

const description = `Fairlead gives each customer request to the planner who has been given the least, with a safe number, and never gives the same turn out twice.

Start with "fairlead serve": without a DSN it runs a private database of its own. Every flag with a $VARIABLE behind it can be set there instead.`

type cli struct {
	Serve   serveCmd   `cmd:"" help:"Serve the HTTP API."`
	Seed    seedCmd    `cmd:"" help:"Fill a pool: with a demo, or from CSV files of planners and numbers."`
	Verify  verifyCmd  `cmd:"" help:"Replay every decision from the log and compare. Exits 0 only when all is well."`
	Numbers numbersCmd `cmd:"" help:"Look after safe numbers: import and list them, take them out of use, and say how many a pool needs."`
	Load    loadCmd    `cmd:"" help:"Test a service under load: measure it, and judge every answer. Exits 0 only if all was right."`
	Compare compareCmd `cmd:"" help:"Measure ways to assign side by side on a database: Fairlead's, locks as they are usually written, none, and Redis."`
	Keys    keysCmd    `cmd:"" help:"Look after the keys that real phones are sealed with: make one, see which are in use, change them."`
	Locks   locksCmd   `cmd:"" help:"See every named lock of a server: who holds it, since when, who waits; and end a holder safely."`
	Doctor  doctorCmd  `cmd:"" help:"Look at the database as serve will use it: ok, warning or failure, and what to do. Exits 1 if serve would refuse it."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date, take a change back, or say where it stands."`
	Localdb localdbCmd `cmd:"" help:"Care for the server program of the private database."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	var c cli
	parser := kong.Must(&c,
		kong.Name("fairlead"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"data_dir": defaultDataDir(), "instance": defaultInstance()},
	)
	k, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "fairlead: %v\nRun with --help to see what there is.\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run()
	interrupted := ctx.Err() != nil
	stop()
	if code := (exitCode)(0); errors.As(err, &code) {
		os.Exit(int(code))
	}
	if interrupted && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted (%w)", err)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fairlead:", err)
		os.Exit(2)
	}
}

// An exitCode ends the program with a code and without another word: all has
// been said.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// defaultInstance tells this process from the others: on which host, and which
// there.
func defaultInstance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "fairlead"
	}
	return fmt.Sprintf("%.64s-%d", strings.ReplaceAll(host, ",", ""), os.Getpid())
}

// defaultDataDir is where a user's programs keep data, by the XDG rules.
func defaultDataDir() string {
	base := os.Getenv("XDG_DATA_HOME")
	if home, err := os.UserHomeDir(); base == "" && err == nil {
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "fairlead")
}
