package assign

import "time"

// A PoolChange creates a pool or changes its settings. A nil field keeps what
// is, or the default in a new pool.
type PoolChange struct {
	Pool         PoolID
	Cooldown     *time.Duration
	NumberTTL    *time.Duration
	TTLFromUse   *bool
	Sticky       *bool
	NumberOrFail *bool
	Actor        string
}

// settings is what s becomes.
func (p PoolChange) settings(s Settings) Settings {
	change(&s.Cooldown, p.Cooldown)
	change(&s.NumberTTL, p.NumberTTL)
	change(&s.TTLFromUse, p.TTLFromUse)
	change(&s.Sticky, p.Sticky)
	change(&s.NumberOrFail, p.NumberOrFail)
	return s
}

func change[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

// settling is the call of one [PoolChange].
type settling struct {
	PoolChange
	eventID string

	created bool
	err     error
}

func (c *settling) alone() bool          { return true }
func (c *settling) fail(err error)       { c.err = err }
func (c *settling) unknown() error       { return ErrOutcomeUnknown }
func (c *settling) settled(s State) bool { return s.EventID == c.eventID }
func (c *settling) need(*Need)           {}
func (c *settling) size() int            { return 400 }

func (c *settling) decide(d *draft) {
	was := d.Pool.Settings
	d.Pool.Settings = c.settings(was)
	c.created = !d.state.Found
	d.Create = c.created
	data := PoolChanged{SettingsData: settingsData(d.Pool.Settings)}
	switch {
	case c.created:
		d.event(EventPool, c.eventID, c.Actor, data)
	case was != d.Pool.Settings:
		old := settingsData(was)
		data.Was = &old
		d.event(EventPool, c.eventID, c.Actor, data)
	}
}

// How settings are written, by callers and in events.
const (
	TTLFromAssigned = "assigned" // the default
	TTLFromLastUse  = "last_use"

	StickyAvoid  = "avoid" // the default
	StickyPrefer = "prefer"

	ExhaustedAssignWithout = "assign_without" // the default
	ExhaustedFail          = "fail"
)

// Words returns how the settings are written that are one of two words.
func (s Settings) Words() (ttlFrom, sticky, onExhausted string) {
	return either(s.TTLFromUse, TTLFromAssigned, TTLFromLastUse),
		either(s.Sticky, StickyAvoid, StickyPrefer),
		either(s.NumberOrFail, ExhaustedAssignWithout, ExhaustedFail)
}

func either(b bool, no, yes string) string {
	if b {
		return yes
	}
	return no
}

func settingsData(s Settings) SettingsData {
	d := SettingsData{CooldownSeconds: int64(s.Cooldown / time.Second), NumberTTLSeconds: int64(s.NumberTTL / time.Second)}
	d.NumberTTLFrom, d.Sticky, d.OnExhausted = s.Words()
	return d
}

// settings reads what an event says. What it leaves out is the default.
func (d SettingsData) settings() Settings {
	return Settings{
		Cooldown:     time.Duration(d.CooldownSeconds) * time.Second,
		NumberTTL:    time.Duration(d.NumberTTLSeconds) * time.Second,
		TTLFromUse:   d.NumberTTLFrom == TTLFromLastUse,
		Sticky:       d.Sticky == StickyPrefer,
		NumberOrFail: d.OnExhausted == ExhaustedFail,
	}
}

// CheckSeconds accepts what [Settings] allows for a cool-down or a life of so
// many seconds. Anything else is an [InvalidError] for field.
func CheckSeconds(field string, seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > int64(MaxCooldown/time.Second) {
		return 0, invalid(field, "must be 0 to %d", int64(MaxCooldown/time.Second))
	}
	return time.Duration(seconds) * time.Second, nil
}

// ParseWord accepts no and yes, and "" for no. Anything else is an
// [InvalidError] for field.
func ParseWord(field, s, no, yes string) (bool, error) {
	switch s {
	case "", no:
		return false, nil
	case yes:
		return true, nil
	}
	return false, invalid(field, "must be %q or %q", no, yes)
}
