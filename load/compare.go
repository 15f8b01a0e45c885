package load

import (
	"context"
	"time"
)

// compare holds the counters that the service keeps against what the log led
// to.
func (r *replay) compare(ctx context.Context, s *service, row poolRow) error {
	r.comparePool(row)
	if err := r.comparePlanners(ctx, s); err != nil {
		return err
	}
	return r.compareNumbers(ctx, s)
}

func (r *replay) comparePool(row poolRow) {
	held := int64(0)
	for _, n := range r.numbers {
		if n.holder != 0 {
			held++
		}
	}
	all := int64(len(r.planners))
	for _, c := range []struct {
		what       string
		kept, want int64
	}{
		{"planners", row.Planners, all},
		{"active_planners", row.Active, all},
		{"assigned", row.Assigned, r.done.Assignments},
		{"open", row.Open, r.open},
		{"spread", row.Spread, r.spreadNow()},
		{"numbers.total", row.Numbers.Total, int64(len(r.numbers))},
		{"numbers.active", row.Numbers.Active, held},
		{"numbers.free and cooling", row.Numbers.Free + row.Numbers.Cooling, int64(len(r.numbers)) - held},
		{"numbers.set_aside", row.Numbers.Aside, 0},
	} {
		if c.kept != c.want {
			r.wrong(ofCount, "the pool's %s is %d, and its log says %d", c.what, c.kept, c.want)
		}
	}
}

func (r *replay) spreadNow() int64 {
	if r.turns.len() == 0 {
		return 0
	}
	most := int64(0)
	for _, p := range r.planners {
		most = max(most, p.load)
	}
	return most - r.turns.first().load
}

func (r *replay) comparePlanners(ctx context.Context, s *service) error {
	seen := map[string]bool{}
	err := s.planners(ctx, r.id, func(row plannerRow) {
		p := r.planners[row.ID]
		if p == nil || seen[row.ID] {
			r.wrong(ofCount, "planner %s is listed, and is not in the log or was listed before", row.ID)
			return
		}
		seen[row.ID] = true
		last := time.Time{}
		if row.LastAt != nil {
			last = *row.LastAt
		}
		if row.Name != p.name || !row.Active || row.Assigned != p.load || row.Load != p.load || row.Open != p.open || !last.Equal(p.lastAt) {
			r.wrong(ofCount, "planner %s is kept as %q (active %t, assigned %d, load %d, open %d, last %v), and the log says %q (assigned %d, open %d, last %v)",
				row.ID, row.Name, row.Active, row.Assigned, row.Load, row.Open, last, p.name, p.load, p.open, p.lastAt)
		}
	})
	if err == nil && len(seen) != len(r.planners) {
		r.wrong(ofCount, "%d planners are listed, and the log has %d", len(seen), len(r.planners))
	}
	return err
}

func (r *replay) compareNumbers(ctx context.Context, s *service) error {
	listed := 0
	err := s.numbers(ctx, r.id, func(row numberRow) {
		listed++
		n := r.numbers[row.Number]
		if n == nil {
			r.wrong(ofCount, "number %s is listed, and is not in the log", row.Number)
			return
		}
		holder := ""
		if row.Assignment != nil {
			holder = *row.Assignment
		}
		if holder != n.id || (row.State == "active") != (n.holder != 0) || row.State == "set_aside" {
			r.wrong(ofCount, "number %s is kept as %s of %q, and the log says it is held by %q", row.Number, row.State, holder, n.id)
		}
	})
	if err == nil && listed != len(r.numbers) {
		r.wrong(ofCount, "%d numbers are listed, and the log has %d", listed, len(r.numbers))
	}
	return err
}
