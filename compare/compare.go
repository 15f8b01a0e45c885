// Package compare measures designs for handing out turns side by side, on a
// database of the user's choice, and judges whether what they handed out was
// right. It works without HTTP, in a schema of its own that is dropped at the
// end.
//
// All designs get the same work: callers, each with one request under way at
// any time, ask one pool for the planner who has the least, every time with an
// idempotency key that nobody has used. The designs take turns in short
// stretches, so that what else goes on at the server meets all of them alike.
package compare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// The designs.
const (
	NoLock      = "none"     // a transaction, and nothing that excludes others
	Textbook    = "textbook" // a named lock around each request
	RowLock     = "rowlock"  // SELECT … FOR UPDATE of the pool's row
	Ours        = "fairlead" // what "fairlead serve" runs
	RedisScript = "redis"    // a script in Redis
)

// Designs returns the names of all designs, in the order in which they are
// reported.
func Designs() []string { return []string{NoLock, Textbook, RowLock, Ours, RedisScript} }

// Options say what to compare. A zero value means the default, but for DSN,
// which is required. [Options.Check] names them as the flags of the command.
type Options struct {
	// DSN is the database, in the driver's form. What schema it names, if any,
	// is not touched.
	DSN string

	// Schema is an empty schema to work in, for accounts that may not create
	// one. The tables made in it are dropped at the end.
	Schema string

	// Redis is the address of a Redis server: HOST:PORT, the path of a socket,
	// or a URL of redis, rediss or unix. Empty leaves Redis out.
	Redis string

	// RedisSetFsync allows to set appendonly and appendfsync of the Redis
	// server, to measure it with "always" and with "everysec". The former
	// values are restored. By default it is measured as it is.
	RedisSetFsync bool

	Designs  []string      // default: all, Redis only with its address
	Clients  []int         // numbers of callers; default 64 and 512
	For      time.Duration // how long to measure each design at each number of clients; default 30 s
	Rounds   int           // stretches that this is cut into; default 5
	Planners int           // in each pool; default 50

	// Connections is how many database connections the designs of SQL may use
	// that take one for each request; default 64.
	Connections int

	Log *slog.Logger // default: nowhere

	// Progress, unless nil, is told several times a second how much of the
	// time to measure is over.
	Progress func(done, total time.Duration)
}

func (o Options) withDefaults() Options {
	if len(o.Designs) == 0 {
		o.Designs = Designs()
		if o.Redis == "" {
			o.Designs = slices.DeleteFunc(o.Designs, func(d string) bool { return d == RedisScript })
		}
	}
	if len(o.Clients) == 0 {
		o.Clients = []int{64, 512}
	}
	if o.For == 0 {
		o.For = 30 * time.Second
	}
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	if o.Planners == 0 {
		o.Planners = 50
	}
	if o.Connections == 0 {
		o.Connections = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(_, _ time.Duration) {}
	}
	return o
}

// maxClients is as many as wait in a line of ours at most.
const maxClients = 4096

// minStretch is the shortest stretch that says anything.
const minStretch = 100 * time.Millisecond

// Check returns an error if the options cannot work, without connecting to
// anything. An empty DSN is no error here.
func (o Options) Check() error {
	o = o.withDefaults()
	for _, n := range o.Clients {
		if err := within("--clients", n, 1, maxClients); err != nil {
			return err
		}
	}
	for i, n := range o.Clients {
		if slices.Contains(o.Clients[:i], n) {
			return fmt.Errorf("--clients: %d is there twice", n)
		}
	}
	for i, d := range o.Designs {
		if !slices.Contains(Designs(), d) {
			return fmt.Errorf("--designs: there is no %q; there are %s", d, strings.Join(Designs(), ", "))
		}
		if slices.Contains(o.Designs[:i], d) {
			return fmt.Errorf("--designs: %s is there twice", d)
		}
	}
	switch asked := slices.Contains(o.Designs, RedisScript); {
	case asked && o.Redis == "":
		return errors.New("--designs: redis needs a server; give its address with --redis")
	case !asked && o.Redis != "":
		return errors.New("--redis: there is an address, but redis is not among --designs")
	case o.RedisSetFsync && o.Redis == "":
		return errors.New("--redis-set-fsync: there is no server to set; give its address with --redis")
	case o.For/time.Duration(max(1, o.Rounds)) < minStretch:
		return fmt.Errorf("--for %v: %d rounds of it are shorter than %v each; give more time, or fewer --rounds", o.For, o.Rounds, minStretch)
	}
	if _, err := redisOptions(o.Redis); err != nil {
		return fmt.Errorf("--redis: %w", err)
	}
	return errors.Join(
		within("--rounds", o.Rounds, 1, 1000),
		within("--planners", o.Planners, 1, 100_000),
		within("--connections", o.Connections, 1, 10_000),
		checkSchemaName(o.Schema),
	)
}

func within(flag string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s %d: must be %d to %d", flag, n, least, most)
	}
	return nil
}

// Run compares. However it ends, also when ctx does, it leaves neither tables
// nor keys behind, unless the error says that it could not remove them. With
// such an error there is a report too if all was measured.
func Run(ctx context.Context, o Options) (report *Report, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	r := &run{Options: o, report: &Report{
		At:             time.Now().UTC(),
		Planners:       o.Planners,
		Rounds:         o.Rounds,
		StretchSeconds: o.stretch().Seconds(),
		Warnings:       []string{},
	}}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	for _, clients := range o.Clients {
		if err := r.level(ctx, clients); err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("stopped before the end: %w", ctx.Err())
			}
			return nil, err
		}
	}
	r.report.Took = time.Since(r.report.At).Seconds()
	return r.report, nil
}

// stretch is how long one design is measured before it is the next one's turn.
func (o Options) stretch() time.Duration { return o.For / time.Duration(o.Rounds) }

// A run is one comparison under way.
type run struct {
	Options
	report  *Report
	designs []design
	closers []func() error // last first

	measured time.Duration // of all stretches so far
}

// close undoes what was opened, in the opposite order.
func (r *run) close() error {
	var errs []error
	for _, c := range slices.Backward(r.closers) {
		errs = append(errs, c())
	}
	r.closers = nil
	return errors.Join(errs...)
}

// open makes the designs, ready for their pools.
func (r *run) open(ctx context.Context) error {
	s, err := openScratch(ctx, r.DSN, r.Schema)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, s.close)
	if r.report.Database, err = s.describe(ctx); err != nil {
		return err
	}
	if !r.report.Database.Durable {
		r.warn("the database does not make commits durable (see its settings): what costs the designs of SQL most is missing, and the comparison says little")
	}
	db, err := s.connections(ctx, r.Connections)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, db.Close)
	for _, name := range r.Designs {
		if err := r.openDesign(ctx, name, s, db); err != nil {
			return fmt.Errorf("%s: %w", titles[name], err)
		}
	}
	return nil
}

func (r *run) warn(text string) { r.report.Warnings = append(r.report.Warnings, text) }

// level measures all designs with so many clients, turn about, and then judges
// them.
func (r *run) level(ctx context.Context, clients int) error {
	pool := fmt.Sprintf("hot-%d", clients)
	trials := make([]*trial, len(r.designs))
	for i, d := range r.designs {
		trials[i] = &trial{design: d, pool: pool, clients: clients, planners: plannerNames(r.Planners)}
		if err := trials[i].prepare(ctx, warmUp(r.stretch())); err != nil {
			return fmt.Errorf("%s: %w", d.title(), err)
		}
	}
	for round := range r.Rounds {
		for _, i := range order(len(trials), round) {
			t := trials[i]
			if err := t.stretch(ctx, r.stretch(), r.tick); err != nil {
				return fmt.Errorf("%s, %d clients: %w", t.title(), clients, err)
			}
			r.measured += r.stretch()
		}
	}
	level := Level{Clients: clients}
	for _, t := range trials {
		result, err := t.result(ctx)
		if err != nil {
			return fmt.Errorf("%s: read what was assigned: %w", t.title(), err)
		}
		level.Results = append(level.Results, result)
	}
	level.setRatios()
	r.report.Levels = append(r.report.Levels, level)
	return nil
}

// order is in which order n designs have their turn in a round. Every other
// round goes backwards: what a design leaves the server to do, as no lock
// leaves much to purge, does not always fall to the same other.
func order(n, round int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = (i + round) % n
	}
	if round%2 == 1 {
		slices.Reverse(places)
	}
	return places
}

// warmUp is how long a design runs, to open its connections and fill its
// caches, before it is measured for the first time.
func warmUp(stretch time.Duration) time.Duration { return min(stretch, time.Second) }

// tick tells how much of the time is over; of a stretch, so much.
func (r *run) tick(of time.Duration) {
	total := r.For * time.Duration(len(r.designs)*len(r.Clients))
	r.Progress(min(r.measured+of, total), total)
}

func plannerNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("p%06d", i+1)
	}
	return names
}
