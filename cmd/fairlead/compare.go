package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"fairlead/compare"
	"fairlead/internal/localdb"
)

// A compareCmd takes no database from the environment: what it does to one is
// not for the one that happens to be set there.
type compareCmd struct {
	logFlags
	reportFlags

	DSN           string        `placeholder:"USER:PASSWORD@tcp(HOST:3306)/" help:"Database to compare on, in go-sql-driver form. A schema is made in it and dropped at the end. Without it, a private database is started for this run."`
	Schema        string        `placeholder:"NAME" help:"Empty schema to work in, for accounts that may not create one. What is made in it is dropped at the end."`
	Redis         string        `placeholder:"HOST:PORT" help:"Redis server to compare with: HOST:PORT, the path of a socket, or a URL. It is measured as it is."`
	RedisSetFsync bool          `help:"Set appendonly and appendfsync of the Redis server, to measure always and everysec; the former values are restored."`
	Designs       []string      `placeholder:"NAME" help:"Designs to compare: none, textbook, rowlock, fairlead, redis. Default: all, redis with its address only."`
	Clients       []int         `default:"64,512" help:"Numbers of callers, each with one request at a time."`
	For           time.Duration `default:"30s" help:"How long to measure each design at each number of clients."`
	Rounds        int           `default:"5" help:"Stretches that this is cut into, turn about with the other designs."`
	Planners      int           `default:"50" help:"Planners in the pool."`
	Connections   int           `default:"64" help:"Database connections for the designs that take one for each request."`
}

// Run exits with 1 if Fairlead's own design assigned wrongly, and with 2 if
// that could not be found out.
func (c *compareCmd) Run(ctx context.Context) error {
	tuneMemory() // as serve does; all designs run in this process
	log, err := c.logger()
	if err != nil {
		return err
	}
	ctx, stop := untilHangup(ctx)
	defer stop()
	o := c.options(log)
	if err := errors.Join(c.check(), o.Check(), c.reportFlags.check()); err != nil {
		return err
	}
	if o.DSN == "" {
		dsn, stop, err := passingDatabase(ctx, log)
		if err != nil {
			return err
		}
		defer func() { logError(log, "private database", stop()) }()
		o.DSN = dsn
	}
	bar := newBar("comparing", 0)
	o.Progress = func(done, total time.Duration) { bar.progress(int64(done.Seconds()), int64(total.Seconds())) }
	report, err := compare.Run(ctx, o)
	bar.end()
	if report == nil {
		return err
	}
	// What was measured is worth having, even if not all was cleaned up.
	if err := errors.Join(err, c.write(report, io.Discard)); err != nil {
		return err
	}
	if !report.OursClean() {
		return exitCode(1)
	}
	return nil
}

// untilHangup ends the context when the terminal goes, too: what was made on the
// server must not stay there because a connection to this machine broke. Under
// nohup that signal is ignored, and stays so.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// check refuses what the library takes for a default, or does not see.
func (c *compareCmd) check() error {
	switch {
	case c.For <= 0:
		return fmt.Errorf("--for %v: must be more than nothing", c.For)
	case c.Rounds < 1:
		return fmt.Errorf("--rounds %d: must be at least 1", c.Rounds)
	case c.Planners < 1:
		return fmt.Errorf("--planners %d: must be at least 1", c.Planners)
	case c.Connections < 1:
		return fmt.Errorf("--connections %d: must be at least 1", c.Connections)
	case c.Schema != "" && c.DSN == "":
		return errors.New("--schema is for a database of yours: give it with --dsn")
	}
	return nil
}

func (c *compareCmd) options(log *slog.Logger) compare.Options {
	return compare.Options{
		DSN:           c.DSN,
		Schema:        c.Schema,
		Redis:         c.Redis,
		RedisSetFsync: c.RedisSetFsync,
		Designs:       c.Designs,
		Clients:       c.Clients,
		For:           c.For,
		Rounds:        c.Rounds,
		Planners:      c.Planners,
		Connections:   c.Connections,
		Log:           log,
	}
}

// passingDatabase starts a private database in a folder that goes with it. The
// folder is in the user's cache: the system's for temporary files is often
// memory, where a commit costs nothing.
func passingDatabase(ctx context.Context, log *slog.Logger) (dsn string, stop func() error, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, fmt.Errorf("find the cache folder: %w", err)
	}
	base := filepath.Join(cache, "fairlead")
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp(base, "compare-")
	if err != nil {
		return "", nil, err
	}
	server, err := localdb.Start(ctx, localdb.Options{Dir: dir, Log: log, Once: true})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server.Config("").FormatDSN(), func() error { return errors.Join(server.Close(), os.RemoveAll(dir)) }, nil
}
