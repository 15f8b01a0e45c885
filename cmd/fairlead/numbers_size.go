package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/numbering"
	"fairlead/internal/page/unit"
)

type numbersSizeCmd struct {
	Rate         string `required:"" placeholder:"40/h" help:"Requests that want a number, in the busiest stretch: 0.5/s, 3/min, 40/h, 1000/day."`
	TTL          string `name:"ttl" required:"" placeholder:"2h" help:"How long an assignment keeps its number on average; at most number_ttl_seconds. 90s, 30m, 2h, 7d."`
	Cooldown     string `required:"" placeholder:"24h" help:"How long a number rests after that (cooldown_seconds)."`
	Availability string `default:"99.9" placeholder:"PERCENT" help:"How many of a hundred requests shall find a number."`
	Have         int    `placeholder:"N" help:"Also say what so many numbers would do."`
	JSON         bool   `name:"json" help:"Write JSON."`
}

// Help is what --help says besides.
func (numbersSizeCmd) Help() string {
	return `A number is away for TTL + cool-down with each use. The share of requests that find none is Erlang's loss formula (Erlang B), as for the lines of a telephone exchange. How the times vary does not matter, only their mean. That requests come independently of each other does: in bursts more numbers are needed, so give the rate of the worst stretch that is as long as a number is away, not the year's mean.`
}

func (c *numbersSizeCmd) Run() error {
	s, err := c.size()
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	return s.writeText(os.Stdout)
}

// A sizing is how many numbers a pool needs, and why.
type sizing struct {
	RatePerSecond   float64     `json:"rate_per_second"`
	TTLSeconds      float64     `json:"ttl_seconds"`
	CooldownSeconds float64     `json:"cooldown_seconds"`
	Availability    float64     `json:"availability"` // of 1
	Load            float64     `json:"offered_load_erlangs"`
	Numbers         int         `json:"numbers"`
	Blocking        float64     `json:"blocking"`
	OneLess         stocked     `json:"one_less"`
	Have            *stockedNow `json:"have"`

	rate          numbering.Rate
	ttl, cooldown time.Duration
}

// stocked is how many requests find no number with so many of them.
type stocked struct {
	Numbers  int     `json:"numbers"`
	Blocking float64 `json:"blocking"`
}

type stockedNow struct {
	stocked
	Availability  float64 `json:"availability"`
	RatePerSecond float64 `json:"rate_per_second"` // that they bear at the availability that is wanted
}

func (c *numbersSizeCmd) size() (s sizing, err error) {
	if s.rate, err = numbering.ParseRate(c.Rate); err != nil {
		return s, fmt.Errorf("--rate: %w", err)
	}
	if s.ttl, err = parseSpan("--ttl", c.TTL); err != nil {
		return s, err
	}
	if s.cooldown, err = parseSpan("--cooldown", c.Cooldown); err != nil {
		return s, err
	}
	if s.ttl+s.cooldown == 0 {
		return s, errors.New("--ttl and --cooldown: one must be more than 0, or a number is never away")
	}
	if s.Availability, err = parseAvailability(c.Availability); err != nil {
		return s, err
	}
	if c.Have < 0 || c.Have > numbering.MaxNumbers {
		return s, fmt.Errorf("--have: must be from 1 to %d", numbering.MaxNumbers)
	}
	s.RatePerSecond, s.TTLSeconds, s.CooldownSeconds = s.rate.PerSecond(), s.ttl.Seconds(), s.cooldown.Seconds()
	return s, s.workOut(c.Have)
}

// workOut fills in the results; have may be 0.
func (s *sizing) workOut(have int) (err error) {
	away, blocking := s.ttl+s.cooldown, 1-s.Availability
	s.Load = numbering.Load(s.RatePerSecond, away)
	if s.Numbers, err = numbering.NumbersFor(s.Load, blocking); err != nil {
		return fmt.Errorf("%s requests, each with a number for %s: %w", s.rate, spanText(away), err)
	}
	s.Blocking = numbering.Blocking(s.Load, s.Numbers)
	s.OneLess = stocked{s.Numbers - 1, numbering.Blocking(s.Load, s.Numbers-1)}
	if have > 0 {
		lost := numbering.Blocking(s.Load, have)
		s.Have = &stockedNow{stocked{have, lost}, 1 - lost, numbering.LoadFor(have, blocking) / away.Seconds()}
	}
	return nil
}

// maxSpan is the longest time that can be given; assignments and cool-downs
// cannot be longer.
const maxSpan = 10 * 365 * 24 * time.Hour

// parseSpan also knows days.
func parseSpan(flag, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, is := strings.CutSuffix(s, "d"); is {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		d = time.Duration(min(max(n, -1), 1e5) * 24 * float64(time.Hour))
	}
	if err != nil || d < 0 || d > maxSpan {
		return 0, fmt.Errorf("%s: %q must be a time such as 90s, 30m, 24h or 7d, at most ten years", flag, s)
	}
	return d, nil
}

// parseAvailability reads percent and returns a share of 1.
func parseAvailability(s string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !(n >= 1 && n <= 99.9999999) {
		return 0, fmt.Errorf("--availability: %q must be percent, from 1 to 99.9999999, such as 99.9", s)
	}
	return roundTo(n/100, 12), nil
}

func (s sizing) writeText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Offered load:  %s × (%s + %s) = %s erlangs: so many numbers would be in use or resting on average.\n",
		s.rate, spanText(s.ttl), spanText(s.cooldown), unit.Count(s.Load))
	fmt.Fprintf(&b, "Numbers:       %s, for %s of requests to find one; %s find none.\n", unit.Count(s.Numbers), percent(s.Availability), percent(s.Blocking))
	fmt.Fprintf(&b, "One less:      with %s, %s find none, which is too many.\n", unit.Count(s.OneLess.Numbers), over(s.OneLess.Blocking, 1-s.Availability))
	if h := s.Have; h != nil {
		fmt.Fprintf(&b, "You have:      %s; %s of requests find one, %s none. They bear %s at %s.\n", unit.Count(h.Numbers),
			percent(h.Availability), percent(h.Blocking), s.rate.Per(h.RatePerSecond), percent(s.Availability))
	}
	fmt.Fprint(&b, "\nBy Erlang's loss formula (Erlang B, 1917), for requests that come independently of each other. How the times\n"+
		"vary does not matter, only their mean. Bursts need more: give the rate of the worst stretch of "+spanText(s.ttl+s.cooldown)+".\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// percent writes a share of 1 with three digits that tell, from the end that
// is nearer: 99.9 %, 0.0968 %.
func percent(share float64) string {
	switch p := share * 100; {
	case p == 0:
		return "0 %"
	case p < 1e-6:
		return "under 0.000001 %"
	case p < 50:
		return plainDigits(p)
	case 100-p < 1e-7:
		return "100 %"
	default:
		rest := strconv.FormatFloat(100-p, 'g', 3, 64)
		near, _ := strconv.ParseFloat(rest, 64)
		return strconv.FormatFloat(roundTo(100-near, 9), 'f', -1, 64) + " %"
	}
}

// over is percent of a share that is larger than limit, if by little.
func over(share, limit float64) string {
	if text := percent(share); text != percent(limit) {
		return text
	}
	return "a little over " + percent(limit)
}

func plainDigits(p float64) string {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(p, 'g', 3, 64), 64)
	return strconv.FormatFloat(short, 'f', -1, 64) + " %"
}

// roundTo drops the noise behind so many decimals.
func roundTo(v float64, decimals int) float64 {
	n, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', decimals, 64), 64)
	return n
}

// spanText writes a time in the largest unit that it is whole in: 2h, 26h, 7d.
func spanText(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
