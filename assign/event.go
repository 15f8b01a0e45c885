package assign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// An Event is any change of a pool that is not an assignment. It holds old and
// new values, so that the pool's whole history can be replayed.
type Event struct {
	Pool  PoolID
	Seq   int64
	ID    string // ULID of the call that caused it
	Kind  EventKind
	At    time.Time // UTC, whole microseconds
	Actor string    // name of the token that asked for it; empty if none was needed
	Data  json.RawMessage
}

// An EventKind tells what an event's Data decodes into.
type EventKind string

const (
	EventPool            EventKind = "pool_changed"        // [PoolChanged]
	EventPlanners        EventKind = "planners_changed"    // [PlannersChanged]
	EventNumbersAdded    EventKind = "numbers_added"       // [NumbersAdded]
	EventNumbersSetAside EventKind = "numbers_set_aside"   // [NumbersSetAside]
	EventReleased        EventKind = "assignment_released" // [Released]
)

// PoolChanged says what a pool's settings became. It is the first event of
// every pool, with Was nil.
type PoolChanged struct {
	SettingsData
	Was *SettingsData `json:"was"`
}

// SettingsData is [Settings] in an event.
type SettingsData struct {
	CooldownSeconds int64 `json:"cooldown_seconds"`
}

// PlannersChanged lists planners in the order in which they were changed.
type PlannersChanged struct {
	Planners []PlannerChanged `json:"planners"`
}

// PlannerChanged says what a planner became. Was is nil for a new one.
type PlannerChanged struct {
	ID PlannerID `json:"id"`
	PlannerData
	Was *PlannerData `json:"was"`
}

// PlannerData is the part of a [Planner] that events change.
type PlannerData struct {
	Name   string `json:"name"`
	Active bool   `json:"active"`
	Base   int64  `json:"base"`
}

// NumbersAdded lists numbers that became the pool's, free from then on.
type NumbersAdded struct {
	Numbers []Number `json:"numbers"`
}

// NumbersSetAside lists numbers that were taken out of use because the
// number's record and the assignments disagree about them, which only a hand
// in the tables can bring about. HeldBy is the assignment that claims the
// number, if one does.
type NumbersSetAside struct {
	Numbers []NumberSetAside `json:"numbers"`
}

// NumberSetAside is one number of [NumbersSetAside].
type NumberSetAside struct {
	Number Number      `json:"number"`
	Was    NumberState `json:"was"`
	HeldBy string      `json:"held_by"`
}

// Released says that the work of an assignment is over. Number and FreeAt are
// nil if it held none, or none that could be given back.
type Released struct {
	ID     string     `json:"id"`
	Seq    int64      `json:"assignment_seq"`
	Number *Number    `json:"number"`
	FreeAt *time.Time `json:"free_at"`
	Reason string     `json:"reason"`
}

// encode is for the types above, which always can be.
func encode(data any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // six bytes for a '<' that nobody here minds
	if err := e.Encode(data); err != nil {
		panic(fmt.Sprintf("encode %T: %v", data, err))
	}
	return bytes.TrimSpace(b.Bytes())
}
