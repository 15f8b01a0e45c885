package api

import (
	"context"
	"net/http"

	"fairlead/assign"
)

// putPlanner handles PUT /v1/pools/:pool/planners/:planner.
func (s *Server) putPlanner(ctx context.Context, x *exchange) error {
	staffing, err := x.staffing(replacing)
	if err != nil {
		return err
	}
	staffed, err := s.Writes.Staff(ctx, staffing)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if staffed.Created > 0 {
		status = http.StatusCreated
	}
	return x.answer(status, plannerOf(staffed.Last))
}

// patchPlanner handles PATCH /v1/pools/:pool/planners/:planner.
func (s *Server) patchPlanner(ctx context.Context, x *exchange) error {
	staffing, err := x.staffing(patching)
	if err != nil {
		return err
	}
	staffing.MustExist = true
	staffed, err := s.Writes.Staff(ctx, staffing)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, plannerOf(staffed.Last))
}

// replacing is the change that a PUT without any field is.
func replacing() assign.PlannerChange {
	return assign.PlannerChange{Name: new(string), Active: yes()}
}

// patching is the change that a PATCH without any field is.
func patching() assign.PlannerChange { return assign.PlannerChange{} }

func yes() *bool {
	b := true
	return &b
}

// staffing is a change of the one planner that the path names.
func (x *exchange) staffing(start func() assign.PlannerChange) (s assign.Staffing, err error) {
	s.Actor = x.actor
	if s.Pool, err = x.pool(); err != nil {
		return s, err
	}
	id, err := x.planner()
	if err != nil {
		return s, err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return s, err
	}
	change, err := decodePlanner(body, start())
	change.ID = id
	s.Changes = []assign.PlannerChange{change}
	return s, err
}

// decodePlanner lays the fields that body has over c.
func decodePlanner(body []byte, c assign.PlannerChange) (assign.PlannerChange, error) {
	d, err := newDecoder(body)
	if err != nil {
		return c, err
	}
	err = d.object("", func(name, field string) error { return plannerField(d, &c, name, field) })
	return c, err
}

// plannerField reads one field of a planner. Null is the default, as in a new
// planner.
func plannerField(d *decoder, c *assign.PlannerChange, name, field string) error {
	switch name {
	case "name":
		v, err := parsed(d.text, field, assign.ParseText)
		c.Name = &v
		return err
	case "active":
		v, err := d.boolean(field, true)
		c.Active = &v
		return err
	case "start":
		v, err := parsed(d.word, field, assign.ParseStart)
		c.Start = v
		return err
	}
	return unknown(field)
}

// postPlanners handles POST /v1/pools/:pool/planners.
func (s *Server) postPlanners(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	body, err := x.body(maxBulkBody)
	if err != nil {
		return err
	}
	changes, err := decodePlanners(body)
	if err != nil {
		return err
	}
	staffed, err := s.Writes.Staff(ctx, assign.Staffing{Pool: pool, Changes: changes, Actor: x.actor})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, PlannersResult{
		Created:   staffed.Created,
		Updated:   staffed.Updated,
		Unchanged: staffed.Unchanged,
	})
}

func decodePlanners(body []byte) (changes []assign.PlannerChange, err error) {
	err = decodeBulk(body, "planners", func(d *decoder, field string) error {
		c, err := plannersItem(d, field)
		changes = append(changes, c)
		return err
	})
	return changes, err
}

func plannersItem(d *decoder, field string) (assign.PlannerChange, error) {
	c := replacing()
	err := d.object(field, func(name, field string) (err error) {
		if name == "id" {
			c.ID, err = parsed(d.text, field, assign.ParsePlannerID)
			return err
		}
		return plannerField(d, &c, name, field)
	})
	if err == nil && c.ID == "" {
		err = invalid(field+".id", "is required")
	}
	return c, err
}

// getPlanners handles GET /v1/pools/:pool/planners.
func (s *Server) getPlanners(ctx context.Context, x *exchange) error {
	pool, err := x.pool()
	if err != nil {
		return err
	}
	after, err := queried(x, "after", assign.ParsePlannerID)
	if err != nil {
		return err
	}
	limit, err := x.limit()
	if err != nil {
		return err
	}
	page, err := s.Reads.Planners(ctx, pool, after, limit)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, PlannerList{
		Planners: each(page.Items, plannerOf),
		Next:     next(page, func(p assign.Planner) string { return string(p.ID) }),
	})
}

func plannerOf(p assign.Planner) Planner {
	return Planner{
		ID:             string(p.ID),
		Name:           p.Name,
		Active:         p.Active,
		Assigned:       p.Assigned,
		Open:           p.Open,
		Load:           p.Load(),
		LastAssignedAt: timeOrNull(p.LastAt),
	}
}
