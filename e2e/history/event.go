package history

import (
	"cmp"
	"encoding/json"
	"time"

	"fairlead/api/client"
)

// What events say, as the API documents it.
type (
	poolChanged struct {
		settings
		Was *settings `json:"was"`
	}
	settings struct {
		Cooldown    int64              `json:"cooldown_seconds"`
		TTL         int64              `json:"number_ttl_seconds"`
		TTLFrom     string             `json:"number_ttl_from"`
		Sticky      client.Sticky      `json:"sticky"`
		OnExhausted client.OnExhausted `json:"on_exhausted"`
	}

	plannersChanged struct {
		Planners []plannerChanged `json:"planners"`
	}
	plannerChanged struct {
		ID string `json:"id"`
		plannerState
		Was          *plannerState `json:"was"`
		PhoneChanged bool          `json:"phone_changed"`
	}
	plannerState struct {
		Name   string `json:"name"`
		Active bool   `json:"active"`
		Base   int64  `json:"base"`
		Phone  bool   `json:"phone"`
	}

	numbersAdded struct {
		Numbers []string `json:"numbers"`
	}

	numbersSetAside struct {
		Numbers []struct {
			Number string `json:"number"`
		} `json:"numbers"`
	}

	numberChanged struct {
		Number string             `json:"number"`
		State  client.NumberState `json:"state"`
		Was    client.NumberState `json:"was"`
		FreeAt *time.Time         `json:"free_at"`
		Reason string             `json:"reason"`
	}

	numberTouched struct {
		Number     string     `json:"number"`
		Assignment string     `json:"assignment"`
		ExpiresAt  *time.Time `json:"expires_at"`
	}

	// ended is what is said of each assignment that ends.
	ended struct {
		ID     string     `json:"id"`
		Seq    int64      `json:"assignment_seq"`
		Number *string    `json:"number"`
		FreeAt *time.Time `json:"free_at"`
	}

	released struct {
		ended
		Reason string `json:"reason"`
	}

	releasedMany struct {
		Assignments []ended `json:"assignments"`
		Reason      string  `json:"reason"`
	}

	expired struct {
		Assignments []expiredOne `json:"assignments"`
	}
	expiredOne struct {
		ended
		EndedAt time.Time `json:"ended_at"`
	}

	voided struct {
		ended
		TurnsBack []turnBack `json:"turns_back"`
		Reason    string     `json:"reason"`
		Note      string     `json:"note"`
	}

	reassigned struct {
		ID        string     `json:"id"`
		Seq       int64      `json:"assignment_seq"`
		From      string     `json:"from"`
		To        string     `json:"to"`
		ToName    string     `json:"to_name"`
		Exclude   bool       `json:"exclude_current"`
		TurnsBack []turnBack `json:"turns_back"`
		Reason    string     `json:"reason"`
		Note      string     `json:"note"`
	}

	turnBack struct {
		Planner string     `json:"planner"`
		Turn    int64      `json:"turn"`
		LastSeq int64      `json:"last_seq"`
		LastAt  *time.Time `json:"last_at"`
	}
)

// kinds makes what an event of a kind says.
var kinds = map[string]func() any{
	"pool_changed":          func() any { return &poolChanged{} },
	"planners_changed":      func() any { return &plannersChanged{} },
	"numbers_added":         func() any { return &numbersAdded{} },
	"numbers_set_aside":     func() any { return &numbersSetAside{} },
	"number_changed":        func() any { return &numberChanged{} },
	"number_touched":        func() any { return &numberTouched{} },
	"assignment_released":   func() any { return &released{} },
	"assignments_released":  func() any { return &releasedMany{} },
	"assignments_expired":   func() any { return &expired{} },
	"assignment_voided":     func() any { return &voided{} },
	"assignment_reassigned": func() any { return &reassigned{} },
}

// decode reads what an event says, into a pointer to one of the types above.
// It is nil if that cannot be read.
func decode(e *client.Event) any {
	made, known := kinds[e.Kind]
	if !known {
		return nil
	}
	data := made()
	if json.Unmarshal(e.Data, data) != nil {
		return nil
	}
	if c, ok := data.(*poolChanged); ok {
		c.settings = c.settings.full()
		if c.Was != nil {
			*c.Was = c.Was.full()
		}
	}
	return data
}

// full has the default where an event says nothing, since it is older than the
// setting.
func (s settings) full() settings {
	s.TTLFrom = cmp.Or(s.TTLFrom, string(client.NumberTTLFromAssigned))
	s.Sticky = cmp.Or(s.Sticky, client.StickyAvoid)
	s.OnExhausted = cmp.Or(s.OnExhausted, client.OnExhaustedAssignWithout)
	return s
}

// rest is for how long a number rests behind an assignment.
func (s settings) rest() time.Duration { return time.Duration(s.Cooldown) * time.Second }

// expiry is when an assignment ends by itself whose number is given, or used,
// at a time; nil if never.
func (s settings) expiry(at time.Time) *time.Time {
	if s.TTL == 0 {
		return nil
	}
	at = at.Add(time.Duration(s.TTL) * time.Second)
	return &at
}

// afterUse is when an assignment ends by itself that was to end at was, once
// its number is used at a time.
func (s settings) afterUse(was *time.Time, at time.Time) *time.Time {
	if s.TTLFrom == string(client.NumberTTLFromLastUse) {
		return s.expiry(at)
	}
	return was
}

// endings are the assignments that an event ends, and when each ended.
func (e *entry) endings() (all []ended, at []time.Time) {
	one := func(c ended, t time.Time) { all, at = append(all, c), append(at, t) }
	switch c := e.data.(type) {
	case *released:
		one(c.ended, e.at)
	case *voided:
		one(c.ended, e.at)
	case *releasedMany:
		for _, a := range c.Assignments {
			one(a, e.at)
		}
	case *expired:
		for _, a := range c.Assignments {
			one(a.ended, a.EndedAt)
		}
	}
	return all, at
}

// turnsBack are the turns that an event gives back.
func (e *entry) turnsBack() []turnBack {
	switch c := e.data.(type) {
	case *voided:
		return c.TurnsBack
	case *reassigned:
		return c.TurnsBack
	}
	return nil
}

// joins reports whether the planner is new or comes back.
func (c plannerChanged) joins() bool { return c.Active && (c.Was == nil || !c.Was.Active) }

// flips reports whether the planner was there and was switched on or off.
func (c plannerChanged) flips() bool { return c.Was != nil && c.Was.Active != c.Active }
