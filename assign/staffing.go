package assign

import "slices"

// A Start says with which load a planner joins who is new or comes back.
type Start string

const (
	// StartLevel raises the planner's load to the smallest of the other
	// active planners, so that nobody is flooded. It is the default.
	StartLevel Start = "level"

	// StartZero leaves the load as it is: the planner catches up.
	StartZero Start = "zero"
)

// ParseStart accepts "level", "zero", and "" for the default. Anything else is
// an [InvalidError] for field.
func ParseStart(field, s string) (Start, error) {
	switch v := Start(s); v {
	case "":
		return StartLevel, nil
	case StartLevel, StartZero:
		return v, nil
	}
	return "", invalid(field, `must be "level" or "zero"`)
}

// A PlannerChange creates a planner or changes one. A nil field keeps what is,
// which for a new planner is no name and active.
type PlannerChange struct {
	ID     PlannerID
	Name   *string
	Active *bool
	Phone  *GivenPhone // the zero value takes it away
	Start  Start       // empty means [StartLevel]
}

// A Staffing changes planners of a pool, all or none, each as if it came alone
// and in this order.
type Staffing struct {
	Pool    PoolID
	Changes []PlannerChange
	Actor   string

	// MustExist makes it an [ErrPlannerNotFound] to name an unknown planner,
	// instead of creating it.
	MustExist bool
}

// MaxBulk is the most planners or numbers that one call may name.
const MaxBulk = 10_000

// A Staffed is the answer to a [Staffing].
type Staffed struct {
	Created, Updated, Unchanged int
	Last                        PlannerView // as the last change left it
}

// staffing is the call of one [Staffing].
type staffing struct {
	Staffing
	eventID string

	answer Staffed
	err    error
}

func (c *staffing) alone() bool          { return true }
func (c *staffing) fail(err error)       { c.err = err }
func (c *staffing) unknown() error       { return ErrOutcomeUnknown }
func (c *staffing) settled(s State) bool { return s.EventID == c.eventID }
func (c *staffing) size() int            { return 0 }

// need asks for as many planners as there are changes: whoever joins, fewer
// have been switched off on the way, so that the smallest load of the others is
// among them.
func (c *staffing) need(n *Need) {
	n.Picks = len(c.Changes)
	for _, p := range c.Changes {
		n.Planners = append(n.Planners, p.ID)
	}
}

func (c *staffing) decide(d *draft) {
	c.answer, c.err = Staffed{}, nil
	if !d.state.Found {
		c.err = ErrPoolNotFound
		return
	}
	if c.MustExist && !c.known(d) {
		c.err = ErrPlannerNotFound
		return
	}
	if slices.ContainsFunc(c.Changes, func(p PlannerChange) bool { return p.Phone != nil && p.Phone.NoKey }) {
		c.err = ErrNoPhoneKey
		return
	}
	var data PlannersChanged
	for _, change := range c.Changes {
		if row := c.change(d, change); row != nil {
			data.Planners = append(data.Planners, *row)
		}
	}
	if data.Planners != nil {
		d.event(EventPlanners, c.eventID, c.Actor, data)
	}
}

func (c *staffing) known(d *draft) bool {
	for _, p := range c.Changes {
		if _, ok := d.planners[p.ID]; !ok {
			return false
		}
	}
	return true
}

// change applies one change and returns what the event says of it, or nil if
// it changes nothing.
func (c *staffing) change(d *draft, change PlannerChange) *PlannerChanged {
	s, existed := d.planners[change.ID]
	if !existed {
		s = &seat{Planner: Planner{ID: change.ID}, index: -1, added: true}
		d.planners[change.ID] = s
	}
	was, phone := dataOf(s), s.phone
	next := s.Planner
	next.Active = next.Active || !existed
	if change.Name != nil {
		next.Name = *change.Name
	}
	if change.Active != nil {
		next.Active = *change.Active
	}
	if joins := next.Active && !s.Active; joins && change.Start != StartZero {
		next.Base += d.behind(next)
	}
	if change.Phone != nil {
		s.phone = change.Phone.kept(phone)
	}
	s.Planner = next
	c.answer.Last = PlannerView{next, s.phone}
	row := &PlannerChanged{ID: s.ID, PlannerData: dataOf(s), Was: &was, PhoneChanged: s.phone != phone}
	switch {
	case !existed:
		c.answer.Created++
		d.Pool.Planners++
		row.Was = nil
	case row.PlannerData != was || row.PhoneChanged:
		c.answer.Updated++
	default:
		c.answer.Unchanged++
		return nil
	}
	s.rephoned = s.rephoned || row.PhoneChanged
	d.Pool.Active += count(next.Active) - count(existed && was.Active)
	d.moved(s)
	if s.Active {
		d.Pool.PickFrom = least(d.Pool.PickFrom, s.Rank())
	}
	return row
}

// behind is how much load p lacks to be level with the others, of whom the
// first in the order has the smallest.
func (d *draft) behind(p Planner) int64 {
	if first := d.first(); first != nil {
		return max(0, first.Load()-p.Load())
	}
	return 0
}

func dataOf(s *seat) PlannerData {
	return PlannerData{s.Name, s.Active, s.Base, !s.phone.IsZero()}
}

func count(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
