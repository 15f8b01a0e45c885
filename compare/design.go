package compare

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// A design is one way to hand out turns.
type design interface {
	name() string  // as [Result.Design] has it
	title() string // for people

	// add makes a pool with these planners, none of whom has been given
	// anything.
	add(ctx context.Context, pool string, planners []string) error

	// begin is called before each stretch.
	begin(ctx context.Context) error

	// assign hands out one turn of pool. Key is the idempotency key. It is
	// called by many goroutines at once.
	assign(ctx context.Context, pool, key string) (answer, error)

	// ledger returns what is on record of pool. Nothing else goes on.
	ledger(ctx context.Context, pool string) (ledger, error)

	// busy is how many connections are in use just now.
	busy() int
}

// An answer is what a caller is told.
type answer struct {
	planner string
	seq     int64 // position in the pool's log
	turn    int64 // which of the planner's turns it is; 0 if the design does not say
}

// A ledger is what a design has on record of a pool.
type ledger struct {
	records  []record         // in the order of the log
	ordered  bool             // the order of the log is that of the commits
	counts   map[string]int64 // of assignments, as the design keeps them with its planners
	findings []string         // of verify, if the design has one
}

// A record is an assignment on record.
type record struct {
	answer
	key string
}

// noSwitch is embedded by designs that have nothing to do before a stretch.
type noSwitch struct{}

func (noSwitch) begin(context.Context) error { return nil }

var titles = map[string]string{
	NoLock:      "no lock",
	Textbook:    "textbook lock",
	RowLock:     "row lock",
	Ours:        "Fairlead",
	RedisScript: "Redis",
}

// openDesign adds a design to the run; Redis may be two.
func (r *run) openDesign(ctx context.Context, name string, s *scratch, db *sqlx.DB) error {
	switch name {
	case Ours:
		d, err := openOurs(ctx, s, r.Log)
		if err != nil {
			return err
		}
		r.designs = append(r.designs, d)
		r.closers = append(r.closers, d.close)
	case RedisScript:
		return r.openRedis(ctx)
	default:
		t, err := newTables(ctx, db, name)
		if err != nil {
			return err
		}
		r.designs = append(r.designs, map[string]design{
			NoLock:   &noLock{tables: t},
			Textbook: &textbook{tables: t, scope: "textbook:" + s.schema},
			RowLock:  &rowLock{tables: t},
		}[name])
	}
	return nil
}
