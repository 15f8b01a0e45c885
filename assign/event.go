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
	EventPool            EventKind = "pool_changed"          // [PoolChanged]
	EventPlanners        EventKind = "planners_changed"      // [PlannersChanged]
	EventNumbersAdded    EventKind = "numbers_added"         // [NumbersAdded]
	EventNumbersSetAside EventKind = "numbers_set_aside"     // [NumbersSetAside]
	EventNumberChanged   EventKind = "number_changed"        // [NumberChanged]
	EventNumberTouched   EventKind = "number_touched"        // [NumberTouched]
	EventReleased        EventKind = "assignment_released"   // [Released]
	EventReleasedMany    EventKind = "assignments_released"  // [ReleasedMany]
	EventExpired         EventKind = "assignments_expired"   // [Expired]
	EventVoided          EventKind = "assignment_voided"     // [Voided]
	EventReassigned      EventKind = "assignment_reassigned" // [Reassigned]
)

// PoolChanged says what a pool's settings became. It is the first event of
// every pool, with Was nil.
type PoolChanged struct {
	SettingsData
	Was *SettingsData `json:"was"`
}

// SettingsData is [Settings] in an event.
type SettingsData struct {
	CooldownSeconds  int64  `json:"cooldown_seconds"`
	NumberTTLSeconds int64  `json:"number_ttl_seconds"`
	NumberTTLFrom    string `json:"number_ttl_from"`
	Sticky           string `json:"sticky"`
	OnExhausted      string `json:"on_exhausted"`
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

	// PhoneChanged says that the phone became another. Which, no event says.
	PhoneChanged bool `json:"phone_changed,omitempty"`
}

// PlannerData is the part of a [Planner] that events change.
type PlannerData struct {
	Name   string `json:"name"`
	Active bool   `json:"active"`
	Base   int64  `json:"base"`
	Phone  bool   `json:"phone,omitempty"` // whether there is one
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

// NumberChanged says that a number was taken out of use or brought back.
// FreeAt is until when it rests, where it came back out of no assignment.
type NumberChanged struct {
	Number Number      `json:"number"`
	State  NumberState `json:"state"`
	Was    NumberState `json:"was"`
	FreeAt *time.Time  `json:"free_at"`
	Reason string      `json:"reason"`
}

// NumberTouched says that a call came in on a number. ExpiresAt is when its
// assignment ends by itself from now on; nil if never.
type NumberTouched struct {
	Number     Number     `json:"number"`
	Assignment string     `json:"assignment"` // its id
	ExpiresAt  *time.Time `json:"expires_at"`
}

// Ended says that an assignment is over. Number and FreeAt are nil if it held
// none, or none that could be given back; a number that is out of use is free
// no earlier than FreeAt either.
type Ended struct {
	ID     string     `json:"id"`
	Seq    int64      `json:"assignment_seq"`
	Number *Number    `json:"number"`
	FreeAt *time.Time `json:"free_at"`
}

// Released says that the work of an assignment is over.
type Released struct {
	Ended
	Reason string `json:"reason"`
}

// ReleasedMany is [Released] of many, by one call.
type ReleasedMany struct {
	Assignments []Ended `json:"assignments"`
	Reason      string  `json:"reason"`
}

// Expired says that assignments have ended by themselves, each at a time of
// its own before the event's.
type Expired struct {
	Assignments []ExpiredOne `json:"assignments"`
}

// ExpiredOne is one assignment of [Expired].
type ExpiredOne struct {
	Ended
	EndedAt time.Time `json:"ended_at"`
}

// Voided says that an assignment is as if it had not been. What is said of a
// number has no meaning if the assignment had ended before.
type Voided struct {
	Ended
	TurnsBack []TurnBack `json:"turns_back"`
	Reason    string     `json:"reason"`
	Note      string     `json:"note"`
}

// Reassigned says that an assignment went from one planner to another, who has
// a turn at the event's position for it.
type Reassigned struct {
	ID        string     `json:"id"`
	Seq       int64      `json:"assignment_seq"`
	From      PlannerID  `json:"from"`
	To        PlannerID  `json:"to"`
	ToName    string     `json:"to_name"` // as it was then
	Exclude   bool       `json:"exclude_current"`
	TurnsBack []TurnBack `json:"turns_back"` // none, or From's
	Reason    string     `json:"reason"`
	Note      string     `json:"note"`
}

// TurnBack says that a planner's turn no longer counts. LastSeq and LastAt are
// the planner's latest turn that does; 0 and nil if there is none.
type TurnBack struct {
	Planner PlannerID  `json:"planner"`
	Turn    int64      `json:"turn"` // its position
	LastSeq int64      `json:"last_seq"`
	LastAt  *time.Time `json:"last_at"`
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
