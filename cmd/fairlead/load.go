package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"fairlead/assign"
	"fairlead/load"
	"fairlead/store"
)

type loadCmd struct {
	Target string `env:"FAIRLEAD_LOAD_TARGET" placeholder:"URL" help:"Service to call, such as http://127.0.0.1:8080. Without it, one is started for the run."`
	Token  string `env:"FAIRLEAD_LOAD_TOKEN" help:"Bearer token, if the service wants one."`
	DSN    string `env:"FAIRLEAD_DSN" placeholder:"USER:PASSWORD@tcp(HOST:3306)/SCHEMA" help:"Database of the service that is started; with --target, the database behind it, to replay its tables at the end. Without both, a private one is made, and removed."`

	Clients int           `default:"64" help:"Calls that may be under way. In a closed loop, each client calls again as soon as it was answered."`
	Rate    string        `placeholder:"N[/s]" help:"Open loop: so many calls begin each second, whatever the service does; latency counts from when a call should have begun."`
	For     time.Duration `default:"30s" help:"How long to measure."`
	Count   int64         `help:"Measure so many calls instead of for a time. A call that is sent twice at once counts as one."`
	WarmUp  time.Duration `default:"2s" help:"Calls before that, judged and not measured."`
	Timeout time.Duration `default:"10s" help:"How long a call may take. Its outcome is then unknown, and found out at the end."`

	Pools    int      `default:"1" help:"Pools made for the run. They stay in the database."`
	Planners int      `default:"50" help:"Planners in each of them."`
	Numbers  int      `default:"0" help:"Safe numbers in each of them."`
	Pool     []string `placeholder:"NAME" help:"Use this pool, which is there, instead; may be given more than once. Less can be judged then."`

	Retries    float64 `default:"0.1" help:"Share of assignments that are asked for again with the same key, some while the first call is under way."`
	Releases   float64 `default:"0.3" help:"Share of assignments that are released."`
	WithNumber float64 `help:"Share of assignments that want a number, half of them insisting. Without it, all take one if there is one."`
	KeepAlive  bool    `default:"true" negatable:"" help:"Keep connections for further calls."`

	reportFlags
}

// Help is what --help says besides.
func (loadCmd) Help() string {
	return `Calls a service from many clients, measures, and judges every answer: PASS or FAIL.

Exit code 0 is PASS, 1 FAIL; 2 says that nothing could be measured. Ctrl-C ends the calls early, and what there is is judged and reported; a second one ends at once.

Examples:
  fairlead load                                      a private service and database, half a minute
  fairlead load --dsn 'user:pw@tcp(db:3306)/loadtest' --clients 256 --html report.html
  fairlead load --target http://127.0.0.1:8080 --rate 2000/s --for 5m --json -
  fairlead load --pools 100 --numbers 200 --with-number 0.5

Each run leaves its pools behind, named load-…, since history is never deleted: use a schema of its own.`
}

func (c *loadCmd) Run(ctx context.Context) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	s := &loadedService{url: c.Target, dsn: c.DSN}
	defer s.stop()
	defer s.endAtSecondSignal()()
	if c.Target == "" {
		if err := s.start(ctx); err != nil {
			return err
		}
	}
	o.Target = s.url
	line := newLoadLine()
	o.Progress = line.show
	report, err := load.Run(ctx, o)
	if err == nil && (c.DSN != "" || c.Target == "") {
		c.replayTables(context.WithoutCancel(ctx), s, report, line)
	}
	line.clear()
	if err != nil {
		s.explain()
		return err
	}
	if err := c.write(report, os.Stderr); err != nil {
		return err
	}
	if !report.Verdict.Pass {
		s.explain()
		return exitCode(1)
	}
	return nil
}

// options are the flags, checked before anything is started.
func (c *loadCmd) options() (o load.Options, err error) {
	o = load.Options{
		Target: c.Target, Token: c.Token, Clients: c.Clients,
		For: load.Seconds(c.For), Count: c.Count, WarmUp: load.Seconds(c.WarmUp), Timeout: load.Seconds(c.Timeout),
		Pools: c.Pools, Planners: c.Planners, Numbers: c.Numbers, Use: c.Pool,
		Retries: c.Retries, Releases: c.Releases, WithNumber: c.WithNumber, KeepAlive: c.KeepAlive,
	}
	if c.Rate != "" {
		if o.Rate, err = load.ParseRate(c.Rate); err != nil {
			return o, fmt.Errorf("--rate %w", err)
		}
	}
	checked := o
	if c.Target == "" {
		if len(c.Pool) > 0 && c.DSN == "" {
			return o, errors.New("--pool: a private database has no pools yet; give --target or --dsn, or leave --pool out")
		}
		checked.Target = "http://127.0.0.1"
	}
	return o, checked.Check()
}

// replayTables does what fairlead verify does, for the pools of the run.
func (c *loadCmd) replayTables(ctx context.Context, s *loadedService, report *load.Report, line *loadLine) {
	var pools []assign.PoolID
	for _, p := range report.Pools {
		pools = append(pools, assign.PoolID(p.ID))
	}
	var found []load.Violation
	var sum store.Verified
	flags := storeFlags{databaseFlags{DSN: s.dsn, DataDir: s.dir}, logFlags{LogFormat: "text", LogLevel: "warn"}}
	err := flags.withExisting(ctx, func(st *store.Store) (err error) {
		progress := func(done, total int64) { line.show(load.Progress{Phase: "replaying tables", Done: done, Of: total}) }
		sum, err = st.Verify(ctx, pools, progress, func(f assign.Finding) {
			found = append(found, load.Violation{Pool: string(f.Pool), Text: f.String()})
		})
		return err
	})
	report.AddDatabase(load.Replayed{Pools: int(sum.Pools), Assignments: sum.Assignments, Events: sum.Events}, found, err)
}
