package compare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jmoiron/sqlx"
	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"

	"fairlead/assign"
	"fairlead/observe"
	"fairlead/store"
)

// ours is what "fairlead serve" runs behind HTTP, with its metrics and log and
// its default settings.
type ours struct {
	noSwitch
	store    *store.Store
	admin    *sqlx.DB // for the judge
	combiner *assign.Combiner
	writes   *observe.Writes
}

func openOurs(ctx context.Context, s *scratch, log *slog.Logger) (*ours, error) {
	if err := migrate(ctx, s.dsn(), log); err != nil {
		return nil, err
	}
	st, err := store.Open(s.dsn(), store.Options{Log: log})
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	metrics := observe.NewMetrics(registry)
	service := &assign.Service{
		Ledger: &observe.Ledger{Next: st, Metrics: metrics, Log: log},
		NewID:  func() string { return ulid.Make().String() },
	}
	combiner, err := assign.NewCombiner(service, assign.CombinerConfig{})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &ours{
		store:    st,
		admin:    s.admin,
		combiner: combiner,
		writes:   &observe.Writes{Next: combiner, Metrics: metrics, Code: func(error) string { return "error" }},
	}, nil
}

// migrate makes our tables on connections that are closed afterwards, so that
// none of them counts as one that assigning needs.
func migrate(ctx context.Context, dsn string, log *slog.Logger) error {
	st, err := store.Open(dsn, store.Options{Log: log})
	if err != nil {
		return err
	}
	defer st.Close()
	if _, err := st.Check(ctx); err != nil {
		return err
	}
	_, err = st.Migrate(ctx)
	return err
}

func (d *ours) name() string  { return Ours }
func (d *ours) title() string { return titles[Ours] }

func (d *ours) add(ctx context.Context, pool string, planners []string) error {
	if _, err := d.writes.ChangePool(ctx, assign.PoolChange{Pool: assign.PoolID(pool)}); err != nil {
		return err
	}
	for from := 0; from < len(planners); from += assign.MaxBulk {
		s := assign.Staffing{Pool: assign.PoolID(pool)}
		for _, p := range planners[from:min(len(planners), from+assign.MaxBulk)] {
			name := "Planner " + p
			s.Changes = append(s.Changes, assign.PlannerChange{ID: assign.PlannerID(p), Name: &name})
		}
		if _, err := d.writes.Staff(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (d *ours) assign(ctx context.Context, pool, key string) (answer, error) {
	a, err := d.writes.Assign(ctx, assign.Request{Pool: assign.PoolID(pool), Key: key, Wish: assign.NumberNone})
	return answer{planner: string(a.Planner), seq: a.Seq}, err
}

// ledger also replays the log, as "fairlead verify" does.
func (d *ours) ledger(ctx context.Context, pool string) (ledger, error) {
	l, err := readLedger(ctx, d.admin,
		`SELECT seq, planner, 0, idem_key FROM assignments FORCE INDEX (PRIMARY) WHERE pool = ? ORDER BY seq`,
		`SELECT planner, assigned FROM planners WHERE pool = ?`, pool)
	if err != nil {
		return l, err
	}
	sum, err := d.store.Verify(ctx, []assign.PoolID{assign.PoolID(pool)}, nil, func(f assign.Finding) {
		l.findings = append(l.findings, f.String())
	})
	if more := sum.Findings - int64(len(l.findings)); more > 0 {
		l.findings = append(l.findings, fmt.Sprintf("and %d more", more))
	}
	return l, err
}

func (d *ours) busy() int {
	n := 0
	for _, db := range d.store.DBs() {
		n += db.Stats().InUse
	}
	return n
}

func (d *ours) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return errors.Join(d.combiner.Close(ctx), d.store.Close())
}
