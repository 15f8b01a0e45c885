package assign

import "time"

// A PoolChange creates a pool or changes its settings.
type PoolChange struct {
	Pool     PoolID
	Cooldown *time.Duration // nil keeps what is, or the default in a new pool
	Actor    string
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
func (c *settling) size() int            { return 200 }

func (c *settling) decide(d *draft) {
	was := d.Pool.Settings
	if c.Cooldown != nil {
		d.Pool.Settings.Cooldown = *c.Cooldown
	}
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

func settingsData(s Settings) SettingsData {
	return SettingsData{CooldownSeconds: int64(s.Cooldown / time.Second)}
}

// CheckCooldown accepts what [Settings] allows for a cool-down of so many
// seconds. Anything else is an [InvalidError] for field.
func CheckCooldown(field string, seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > int64(MaxCooldown/time.Second) {
		return 0, invalid(field, "must be 0 to %d", int64(MaxCooldown/time.Second))
	}
	return time.Duration(seconds) * time.Second, nil
}
