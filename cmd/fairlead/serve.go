package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fairlead/api"
	"fairlead/assign"
	"fairlead/internal/seed"
	"fairlead/observe"
	"fairlead/phone"
	"fairlead/store"
)

type serveCmd struct {
	databaseFlags
	phoneKeyFlags
	logFlags

	Listen      string `env:"FAIRLEAD_LISTEN" default:"127.0.0.1:8080" help:"Address for callers."`
	AdminListen string `env:"FAIRLEAD_ADMIN_LISTEN" default:"127.0.0.1:8081" help:"Address for operators: metrics, health, locks. Keep it private."`
	Tokens      string `env:"FAIRLEAD_TOKENS" placeholder:"NAME:SECRET,…" help:"Bearer tokens that may use the API. Without any, only loopback is served."`
	Insecure    bool   `help:"Serve other addresses than loopback without tokens."`

	Lock     string `env:"FAIRLEAD_LOCK" enum:"named,off" default:"named" help:"Take the pool's named lock around each unit, or rely on the pool's row alone (named, off)."`
	LockWait int    `env:"FAIRLEAD_LOCK_WAIT" default:"5" help:"Seconds to wait for a pool's lock, 1 to 30."`
	Units    int    `env:"FAIRLEAD_UNITS" default:"16" help:"Pools that may be worked on at once, each on a database connection."`
	Reads    int    `env:"FAIRLEAD_READS" default:"8" help:"Further database connections, for reads."`
	Line     int    `env:"FAIRLEAD_LINE" default:"4096" help:"Calls that may wait for one pool; one more is refused."`

	Instance string `env:"FAIRLEAD_INSTANCE" default:"${instance}" help:"Name of this instance, which its connections show in the database's own tables."`

	AnyLock        bool `env:"FAIRLEAD_ANY_LOCK" help:"Let operators end the holders of other applications' locks too, on the admin address."`
	KillsPerMinute int  `env:"FAIRLEAD_KILLS_PER_MINUTE" default:"60" help:"How often operators may try to end the holder of a lock; a sixth of it at once."`

	ExpireEvery time.Duration `env:"FAIRLEAD_EXPIRE_EVERY" default:"30s" help:"How often to write down which assignments have ended by themselves, for the counts of open ones; 0s leaves that to the next calls."`

	Migrate    string        `env:"FAIRLEAD_MIGRATE" enum:"auto,off" default:"auto" help:"Bring the schema up to date at start, or refuse to start if it is not (auto, off)."`
	DrainPause time.Duration `env:"FAIRLEAD_DRAIN_PAUSE" default:"0s" help:"How long to go on serving after SIGTERM, not ready, for load balancers to notice."`
	Demo       bool          `help:"Make a demo pool if there is none, and print a request to try."`
}

type logFlags struct {
	LogFormat string `env:"FAIRLEAD_LOG_FORMAT" enum:"text,json" default:"text" help:"Log format (text, json)."`
	LogLevel  string `env:"FAIRLEAD_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged (debug, info, warn, error)."`
}

func (f logFlags) logger() (*slog.Logger, error) {
	return observe.NewLog(os.Stderr, f.LogFormat, f.LogLevel)
}

// Run serves until ctx is done, and ends in the opposite order of starting:
// no new requests, answers for those there are, the database last.
func (c *serveCmd) Run(ctx context.Context) error {
	tuneMemory()
	log, err := c.logger()
	if err != nil {
		return err
	}
	tokens, err := api.ParseTokens(c.Tokens)
	if err != nil {
		return fmt.Errorf("--tokens: %w", err)
	}
	phones, err := c.ring()
	if err != nil {
		return err
	}
	if err := c.check(tokens.Empty()); err != nil {
		return err
	}
	log.InfoContext(ctx, "keys for phones", slog.String("current", phones.Current()), slog.Any("all", phones.IDs()))
	public, admin, err := c.listen()
	if err != nil {
		return err
	}
	dsn, stopDatabase, err := c.openOwn(ctx, log)
	if err != nil {
		return err
	}
	defer func() { logError(log, "private database", stopDatabase()) }()
	st, err := store.Open(dsn, store.Options{Units: c.Units, Reads: c.Reads, LockOff: c.Lock == "off", Instance: c.Instance, Log: log})
	if err != nil {
		return err
	}
	defer func() { logError(log, "connections", st.Close()) }()

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics := observe.NewMetrics(registry)
	for role, db := range st.DBs() {
		metrics.WatchPool(db, role)
	}
	combiner, err := combine(
		&observe.Ledger{Next: st, Metrics: metrics, Log: log},
		assign.CombinerConfig{Units: c.Units, Line: c.Line, LockWait: time.Duration(c.LockWait) * time.Second})
	if err != nil {
		return err
	}
	metrics.WatchCombiner(combiner.Stats)

	var prepared atomic.Bool
	server := &api.Server{
		Writes:  &observe.Writes{Next: combiner, Metrics: metrics, Code: api.Code},
		Reads:   st,
		Locks:   st.Locks(),
		AnyLock: c.AnyLock,
		Kills:   api.KillsPerMinute(c.KillsPerMinute),
		Log:     log,
		Tokens:  tokens,
		Phones:  phones,
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		Debug:   profiles(),
		Observe: metrics.HTTP,
		Ready: func(ctx context.Context) error {
			if !prepared.Load() {
				return errors.New("the database is not prepared yet")
			}
			return st.Writable(ctx)
		},
		Started:    prepared.Load,
		DrainPause: c.DrainPause,
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	behind := make(chan struct{}) // what goes on beside the serving
	go func() {
		defer close(behind)
		if err := c.prepare(ctx, st, combiner, log); err != nil {
			cancel(err)
			return
		}
		prepared.Store(true)
		c.greet(os.Stdout, public.Addr(), admin.Addr())
		warnOfPhones(ctx, st, phones, log)
		if c.ExpireEvery > 0 {
			expireEvery(ctx, c.ExpireEvery, st, combiner, log)
		}
	}()
	err = server.Run(ctx, public, admin)
	cancel(nil)
	<-behind
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	bounded, done := context.WithTimeout(context.WithoutCancel(ctx), assign.MaxWait)
	defer done()
	return errors.Join(err, combiner.Close(bounded))
}

// check refuses settings that cannot work, before anything is started.
func (c *serveCmd) check(open bool) error {
	for _, n := range []struct {
		flag               string
		value, least, most int
	}{
		{"--lock-wait", c.LockWait, 1, 30},
		{"--units", c.Units, 2, 1000},
		{"--reads", c.Reads, 2, 1000}, // the check of the lock takes two
		{"--line", c.Line, 1, 1_000_000},
		{"--kills-per-minute", c.KillsPerMinute, 1, 60_000},
	} {
		if n.value < n.least || n.value > n.most {
			return fmt.Errorf("%s %d: must be %d to %d", n.flag, n.value, n.least, n.most)
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{{"--drain-pause", c.DrainPause}, {"--expire-every", c.ExpireEvery}} {
		if d.value < 0 {
			return fmt.Errorf("%s %v: must not be negative", d.flag, d.value)
		}
	}
	return errors.Join(c.checkExposure("--listen", c.Listen, open), c.checkExposure("--admin-listen", c.AdminListen, open))
}

// checkExposure refuses to serve the world without tokens, unless told to.
func (c *serveCmd) checkExposure(flag, addr string, open bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	ip := net.ParseIP(host)
	if loopback := host == "localhost" || ip != nil && ip.IsLoopback(); loopback || !open || c.Insecure {
		return nil
	}
	return fmt.Errorf("%s %s can be reached from elsewhere and there are no tokens: set FAIRLEAD_TOKENS, or add --insecure", flag, addr)
}

func (c *serveCmd) listen() (public, admin net.Listener, err error) {
	if public, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, nil, fmt.Errorf("--listen: %w", err)
	}
	if admin, err = net.Listen("tcp", c.AdminListen); err != nil {
		_ = public.Close()
		return nil, nil, fmt.Errorf("--admin-listen: %w", err)
	}
	return public, admin, nil
}

// Pauses between attempts to reach a database that is down.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// checkTime bounds one look at the database, which may accept us and then say
// nothing.
const checkTime = 15 * time.Second

// prepare waits for the database and makes it fit for use. An error is final:
// waiting would not help.
func (c *serveCmd) prepare(ctx context.Context, st *store.Store, combiner *assign.Combiner, log *slog.Logger) error {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := c.prepareOnce(ctx, st, log)
		if err == nil {
			break
		}
		if errors.Is(err, store.ErrUnsuitable) {
			return err
		}
		log.WarnContext(ctx, "database not ready, trying again", slog.Duration("in", pause), slog.Any("err", err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if c.Demo {
		return seed.Demo(ctx, combiner)
	}
	return nil
}

func (c *serveCmd) prepareOnce(ctx context.Context, st *store.Store, log *slog.Logger) error {
	checking, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	engine, err := st.Check(checking)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "database", slog.String("engine", engine.Name), slog.String("version", engine.Version), slog.String("lock", c.Lock))
	if err := c.prepareSchema(ctx, st, log); err != nil {
		return err
	}
	checking, cancel = context.WithTimeout(ctx, checkTime) // a migration may take long
	defer cancel()
	return st.CheckRights(checking)
}

func (c *serveCmd) prepareSchema(ctx context.Context, st *store.Store, log *slog.Logger) error {
	if c.Migrate == "off" {
		return st.CheckSchema(ctx)
	}
	applied, err := st.Migrate(ctx)
	if len(applied) > 0 {
		log.InfoContext(ctx, "schema brought up to date", slog.Any("applied", applied))
	}
	return err
}

// warnOfPhones says which phones cannot be read with the keys that are there.
// The service serves all the same: only calls to those phones fail until their
// keys are back.
func warnOfPhones(ctx context.Context, st *store.Store, ring phone.Keyring, log *slog.Logger) {
	checking, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	counts, err := st.PhoneKeys(checking)
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "it is not known whether all phones can be read", slog.Any("err", err))
	}
	for _, k := range missing(keysInUse(ring, counts)) {
		log.WarnContext(ctx, "phones cannot be read: their key is missing; put it behind those that are there, and start again",
			slog.String("key", k.id), slog.Int64("phones", k.phones))
	}
}

// greet tells a person where to go.
func (c *serveCmd) greet(w io.Writer, public, admin net.Addr) {
	fmt.Fprintf(w, "\nFairlead serves http://%s (contract: http://%s/openapi.yaml; for operators: http://%s/metrics)\n", public, public, admin)
	if c.Demo {
		auth := ""
		if strings.TrimSpace(c.Tokens) != "" {
			auth = " -H 'Authorization: Bearer YOUR-SECRET'"
		}
		fmt.Fprintf(w, "\nGive a request to a planner:\n\n    curl -s%s -X POST http://%s/v1/pools/%s/assignments -H 'Idempotency-Key: first-request'\n", auth, public, seed.DemoPool)
	}
	fmt.Fprintln(w)
}

func logError(log *slog.Logger, what string, err error) {
	if err != nil {
		log.Error("did not close", slog.String("what", what), slog.Any("err", err))
	}
}
