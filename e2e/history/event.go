package history

import (
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
		Cooldown int64 `json:"cooldown_seconds"`
	}

	plannersChanged struct {
		Planners []plannerChanged `json:"planners"`
	}
	plannerChanged struct {
		ID string `json:"id"`
		plannerState
		Was *plannerState `json:"was"`
	}
	plannerState struct {
		Name   string `json:"name"`
		Active bool   `json:"active"`
		Base   int64  `json:"base"`
	}

	numbersAdded struct {
		Numbers []string `json:"numbers"`
	}

	numbersSetAside struct {
		Numbers []struct {
			Number string `json:"number"`
		} `json:"numbers"`
	}

	released struct {
		ID     string     `json:"id"`
		Seq    int64      `json:"assignment_seq"`
		Number *string    `json:"number"`
		FreeAt *time.Time `json:"free_at"`
	}
)

// decode reads what an event says, into a pointer to one of the types above.
// It is nil if that cannot be read.
func decode(e *client.Event) any {
	var data any
	switch e.Kind {
	case "pool_changed":
		data = &poolChanged{}
	case "planners_changed":
		data = &plannersChanged{}
	case "numbers_added":
		data = &numbersAdded{}
	case "numbers_set_aside":
		data = &numbersSetAside{}
	case "assignment_released":
		data = &released{}
	default:
		return nil
	}
	if json.Unmarshal(e.Data, data) != nil {
		return nil
	}
	return data
}

// joins reports whether the planner is new or comes back.
func (c plannerChanged) joins() bool { return c.Active && (c.Was == nil || !c.Was.Active) }

// flips reports whether the planner was there and was switched on or off.
func (c plannerChanged) flips() bool { return c.Was != nil && c.Was.Active != c.Active }
