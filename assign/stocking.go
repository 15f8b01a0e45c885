package assign

// A Stocking gives numbers to a pool, all or none.
type Stocking struct {
	Pool    PoolID
	Numbers []Number
	Actor   string
}

// A Stocked is the answer to a [Stocking].
type Stocked struct {
	Added    int
	Existing int // that the pool had before, or that were named twice
}

// stocking is the call of one [Stocking].
type stocking struct {
	Stocking
	eventID string

	answer Stocked
	err    error
}

func (c *stocking) alone() bool          { return true }
func (c *stocking) fail(err error)       { c.err = err }
func (c *stocking) unknown() error       { return ErrOutcomeUnknown }
func (c *stocking) settled(s State) bool { return s.EventID == c.eventID }
func (c *stocking) need(n *Need)         { n.Numbers = c.Numbers }
func (c *stocking) size() int            { return 0 }

func (c *stocking) decide(d *draft) {
	c.answer, c.err = Stocked{}, nil
	if !d.state.Found {
		c.err = ErrPoolNotFound
		return
	}
	for _, n := range c.Numbers {
		if r, ok := d.state.Numbers[n]; ok && r.Pool != d.Pool.ID {
			c.err = &NumberTakenError{n}
			return
		}
	}
	var data NumbersAdded
	for _, n := range c.Numbers {
		if c.add(d, n) {
			data.Numbers = append(data.Numbers, n)
		}
	}
	c.answer = Stocked{Added: len(data.Numbers), Existing: len(c.Numbers) - len(data.Numbers)}
	if data.Numbers != nil {
		d.event(EventNumbersAdded, c.eventID, c.Actor, data)
	}
}

// add makes n the pool's and reports whether it was not.
func (c *stocking) add(d *draft, n Number) bool {
	if _, ok := d.state.Numbers[n]; ok {
		return false
	}
	if _, ok := d.numbers[n]; ok {
		return false
	}
	r := NumberRecord{Number: n, Pool: d.Pool.ID, State: NumberFree, FreeAt: d.now}
	d.put(NumberRecord{}, r)
	d.NewNumbers = true
	d.Pool.Numbers++
	d.Pool.FreeFrom = least(d.Pool.FreeFrom, r.Rank())
	return true
}
