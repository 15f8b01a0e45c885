package load

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"time"
)

// Options say what a run does. [Default] has values for all but Target.
type Options struct {
	// Target is the service's URL, and Token what it wants in the header
	// Authorization, if anything. TLS is for https; nil takes the system's.
	Target string      `json:"target"`
	Token  string      `json:"-"`
	TLS    *tls.Config `json:"-"`

	// Clients is how many calls may be under way. In a closed loop, which is
	// when Rate is 0, each client calls again as soon as it was answered. In an
	// open loop Rate calls begin each second, whatever the service does, for as
	// long as a client is free.
	Clients int  `json:"clients"`
	Rate    Rate `json:"rate"`

	// For is how long to measure; with a Count, which is of calls, it is that
	// many instead. What happens in the WarmUp before is judged, and not
	// measured.
	For    Seconds `json:"for_seconds"`
	Count  int64   `json:"count"`
	WarmUp Seconds `json:"warm_up_seconds"`

	// Pools are made for the run, each with so many planners and numbers,
	// unless Use names pools that are there.
	Pools    int      `json:"pools"`
	Planners int      `json:"planners"`
	Numbers  int      `json:"numbers"`
	Use      []string `json:"use"`

	// Shares, from 0 to 1: of assignments that are asked for once more with the
	// same key, that are released, and that want a number (half of them insist).
	Retries    float64 `json:"retries"`
	Releases   float64 `json:"releases"`
	WithNumber float64 `json:"with_number"`

	KeepAlive bool    `json:"keep_alive"`
	Timeout   Seconds `json:"timeout_seconds"` // for one call; the service is told if it is less than its own 10 s

	// Progress, if not nil, is called a few times a second, by one goroutine at
	// a time.
	Progress func(Progress) `json:"-"`
}

// Default is a run of half a minute by 64 clients in a closed loop.
func Default() Options {
	return Options{
		Clients: 64, For: Seconds(30 * time.Second), WarmUp: Seconds(2 * time.Second),
		Pools: 1, Planners: 50, Retries: 0.1, Releases: 0.3, KeepAlive: true, Timeout: Seconds(10 * time.Second),
	}
}

// Seconds is a duration that is a number of seconds in JSON.
type Seconds time.Duration

// MarshalJSON writes the number of seconds.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// UnmarshalJSON reads it again.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var n float64
	err := json.Unmarshal(b, &n)
	*s = Seconds(n * float64(time.Second))
	return err
}

// The most that a run can be asked for.
const (
	maxClients  = 20_000
	maxPools    = 10_000
	maxPlanners = 1_000_000
	maxNumbers  = 1_000_000
)

var poolID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,47}$`)

// Check says what is wrong with the options, in the words of the flags that
// set them.
func (o *Options) Check() error {
	if err := o.checkTarget(); err != nil {
		return err
	}
	if err := o.checkTimes(); err != nil {
		return err
	}
	if err := o.checkPools(); err != nil {
		return err
	}
	for _, s := range []struct {
		flag  string
		share float64
	}{{"--retries", o.Retries}, {"--releases", o.Releases}, {"--with-number", o.WithNumber}} {
		if !(s.share >= 0 && s.share <= 1) {
			return fmt.Errorf("%s %v: give a share from 0 to 1, such as 0.25 for a quarter", s.flag, s.share)
		}
	}
	if o.WithNumber > 0 && o.Numbers == 0 && len(o.Use) == 0 {
		return fmt.Errorf("--with-number %v: there are no numbers to give; add some with --numbers", o.WithNumber)
	}
	return nil
}

func (o *Options) checkTarget() error {
	u, err := url.Parse(o.Target)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("--target %q: give the service's URL, such as http://127.0.0.1:8080", o.Target)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("--target %q: give scheme, host, port and path only; a token goes into --token", u.Redacted())
	}
	return nil
}

func (o *Options) checkTimes() error {
	switch {
	case o.Clients < 1 || o.Clients > maxClients:
		return fmt.Errorf("--clients %d: must be 1 to %d", o.Clients, maxClients)
	case o.Rate < 0 || o.Rate > MaxRate:
		return fmt.Errorf("--rate %v: must be at most %d calls a second; leave it out for a closed loop", o.Rate, MaxRate)
	case o.Count < 0:
		return fmt.Errorf("--count %d: must be above 0; leave it out to measure for a time", o.Count)
	case o.Count == 0 && time.Duration(o.For) < 100*time.Millisecond:
		return fmt.Errorf("--for %v: must be at least 100ms; or give a --count", time.Duration(o.For))
	case o.WarmUp < 0:
		return fmt.Errorf("--warm-up %v: must not be negative; 0s leaves it out", time.Duration(o.WarmUp))
	case time.Duration(o.Timeout) < 10*time.Millisecond || time.Duration(o.Timeout) > 10*time.Minute:
		return fmt.Errorf("--timeout %v: must be 10ms to 10m", time.Duration(o.Timeout))
	}
	return nil
}

func (o *Options) checkPools() error {
	for _, id := range o.Use {
		if !poolID.MatchString(id) {
			return fmt.Errorf("--pool %q: is not a pool's id: 1 to 48 of a-z, 0-9, dot, underscore and hyphen, the first a letter or digit", id)
		}
	}
	switch {
	case len(o.Use) > 0:
		return nil
	case o.Pools < 1 || o.Pools > maxPools:
		return fmt.Errorf("--pools %d: must be 1 to %d", o.Pools, maxPools)
	case o.Planners < 1 || o.Planners > maxPlanners:
		return fmt.Errorf("--planners %d: must be 1 to %d", o.Planners, maxPlanners)
	case o.Numbers < 0 || o.Numbers > maxNumbers:
		return fmt.Errorf("--numbers %d: must be 0 to %d", o.Numbers, maxNumbers)
	}
	return nil
}
