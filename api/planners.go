package api

import (
	"context"
	"net/http"

	"fairlead/assign"
	"fairlead/phone"
)

// putPlanner handles PUT /v1/pools/:pool/planners/:planner.
func (s *Server) putPlanner(ctx context.Context, x *exchange) error {
	staffing, err := s.staffing(x, replacing)
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
	return x.answer(status, s.plannerOf(staffing.Pool, staffed.Last))
}

// patchPlanner handles PATCH /v1/pools/:pool/planners/:planner.
func (s *Server) patchPlanner(ctx context.Context, x *exchange) error {
	staffing, err := s.staffing(x, patching)
	if err != nil {
		return err
	}
	staffing.MustExist = true
	staffed, err := s.Writes.Staff(ctx, staffing)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, s.plannerOf(staffing.Pool, staffed.Last))
}

// A plannerBody is what a request says of a planner: a change whose phone is
// not sealed yet.
type plannerBody struct {
	assign.PlannerChange
	phone *string // in plain digits; nil keeps what is, empty takes it away
}

// replacing is what a PUT without any field says. It keeps the phone: lists of
// planners mostly come from systems that do not have it.
func replacing() plannerBody {
	return plannerBody{PlannerChange: assign.PlannerChange{Name: new(string), Active: yes()}}
}

// patching is what a PATCH without any field says.
func patching() plannerBody { return plannerBody{} }

func yes() *bool {
	b := true
	return &b
}

// staffing is a change of the one planner that the path names.
func (s *Server) staffing(x *exchange, start func() plannerBody) (assign.Staffing, error) {
	pool, err := x.pool()
	if err != nil {
		return assign.Staffing{}, err
	}
	id, err := x.planner()
	if err != nil {
		return assign.Staffing{}, err
	}
	body, err := x.body(maxBody)
	if err != nil {
		return assign.Staffing{}, err
	}
	b, err := decodePlanner(body, start())
	if err != nil {
		return assign.Staffing{}, err
	}
	b.ID = id
	changes, err := s.sealed(pool, b)
	return assign.Staffing{Pool: pool, Changes: changes, Actor: x.actor}, err
}

// sealed are the changes, each with its phone sealed for the planner.
func (s *Server) sealed(pool assign.PoolID, bodies ...plannerBody) ([]assign.PlannerChange, error) {
	changes := make([]assign.PlannerChange, len(bodies))
	for i, b := range bodies {
		if b.phone != nil && *b.phone != "" {
			given, err := s.Phones.Seal(*b.phone, phone.AboutPlanner(pool, b.ID))
			if err != nil {
				return nil, err
			}
			b.Phone = &given
		} else if b.phone != nil {
			b.Phone = new(assign.GivenPhone)
		}
		changes[i] = b.PlannerChange
	}
	return changes, nil
}

// decodePlanner lays the fields that body has over b.
func decodePlanner(body []byte, b plannerBody) (plannerBody, error) {
	d, err := newDecoder(body)
	if err != nil {
		return b, err
	}
	err = d.object("", func(name, field string) error { return plannerField(d, &b, name, field) })
	return b, err
}

// plannerField reads one field of a planner. Null is the default, as in a new
// planner.
func plannerField(d *decoder, b *plannerBody, name, field string) error {
	switch name {
	case "name":
		v, err := parsed(d.text, field, assign.ParseText)
		b.Name = &v
		return err
	case "active":
		v, err := d.boolean(field, true)
		b.Active = &v
		return err
	case "start":
		v, err := parsed(d.word, field, assign.ParseStart)
		b.Start = v
		return err
	case "phone":
		v, err := d.phone(field)
		b.phone = &v
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
	bodies, err := decodePlanners(body)
	if err != nil {
		return err
	}
	changes, err := s.sealed(pool, bodies...)
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

func decodePlanners(body []byte) (bodies []plannerBody, err error) {
	err = decodeBulk(body, "planners", func(d *decoder, field string) error {
		b, err := plannersItem(d, field)
		bodies = append(bodies, b)
		return err
	})
	return bodies, err
}

func plannersItem(d *decoder, field string) (plannerBody, error) {
	b := replacing()
	err := d.object(field, func(name, field string) (err error) {
		if name == "id" {
			b.ID, err = parsed(d.text, field, assign.ParsePlannerID)
			return err
		}
		return plannerField(d, &b, name, field)
	})
	if err == nil && b.ID == "" {
		err = invalid(field+".id", "is required")
	}
	return b, err
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
	page, err := s.Reads.Planners(ctx, pool, assign.PlannerFilter{After: after, Limit: limit})
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, s.plannerList(pool, page))
}

func (s *Server) plannerList(pool assign.PoolID, page assign.Page[assign.PlannerView]) PlannerList {
	return PlannerList{
		Planners: each(page.Items, func(p assign.PlannerView) Planner { return s.plannerOf(pool, p) }),
		Next:     next(page, func(p assign.PlannerView) string { return string(p.ID) }),
	}
}

func (s *Server) plannerOf(pool assign.PoolID, p assign.PlannerView) Planner {
	return Planner{
		ID:             string(p.ID),
		Name:           p.Name,
		Active:         p.Active,
		Phone:          s.masked(p.Phone, phone.AboutPlanner(pool, p.ID)),
		Assigned:       p.Assigned,
		Open:           p.Open,
		Load:           p.Load(),
		LastAssignedAt: timeOrNull(p.LastAt),
	}
}
