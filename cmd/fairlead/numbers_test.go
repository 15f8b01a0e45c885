package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead/assign"
	"fairlead/internal/numbering"
)

func TestNumbersSize(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cmd  numbersSizeCmd
		want string
	}{
		"a day's rest": {numbersSizeCmd{Rate: "40/h", TTL: "2h", Cooldown: "24h", Availability: "99.9", Have: 1000}, `
Offered load:  40/h × (2h + 24h) = 1,040 erlangs: so many numbers would be in use or resting on average.
Numbers:       1,113, for 99.9 % of requests to find one; 0.0989 % find none.
One less:      with 1,112, 0.106 % find none, which is too many.
You have:      1,000; 94.73 % of requests find one, 5.27 % none. They bear 35.78/h at 99.9 %.

By Erlang's loss formula (Erlang B, 1917), for requests that come independently of each other. How the times
vary does not matter, only their mean. Bursts need more: give the rate of the worst stretch of 26h.
`},
		"a million": {numbersSizeCmd{Rate: "0.5/s", TTL: "1d", Cooldown: "30d", Availability: "99.9%"}, `
Offered load:  0.5/s × (24h + 30d) = 1,339,200 erlangs: so many numbers would be in use or resting on average.
Numbers:       1,338,596, for 99.9 % of requests to find one; 0.1 % find none.
One less:      with 1,338,595, a little over 0.1 % find none, which is too many.

By Erlang's loss formula (Erlang B, 1917), for requests that come independently of each other. How the times
vary does not matter, only their mean. Bursts need more: give the rate of the worst stretch of 31d.
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := tt.cmd.size()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want[1:], rendered(t, s.writeText)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNumbersSizeJSON(t *testing.T) {
	t.Parallel()
	s, err := (&numbersSizeCmd{Rate: "3/min", TTL: "10m", Cooldown: "0s", Availability: "99"}).size()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	want := fmt.Sprintf(`{"rate_per_second":0.05,"ttl_seconds":600,"cooldown_seconds":0,"availability":0.99,"offered_load_erlangs":30,`+
		`"numbers":42,"blocking":%v,"one_less":{"numbers":41,"blocking":%v},"have":null}`, numbering.Blocking(30, 42), numbering.Blocking(30, 41))
	if err != nil || string(text) != want {
		t.Errorf("%s, %v\nwant %s", text, err, want)
	}
}

// What is wrong with a flag is said with its name.
func TestNumbersSizeRefuses(t *testing.T) {
	t.Parallel()
	good := numbersSizeCmd{Rate: "40/h", TTL: "2h", Cooldown: "24h", Availability: "99.9"}
	for want, change := range map[string]func(*numbersSizeCmd){
		"--rate: \"40\"":                   func(c *numbersSizeCmd) { c.Rate = "40" },
		"--ttl: \"2\"":                     func(c *numbersSizeCmd) { c.TTL = "2" },
		"--ttl: \"-2h\"":                   func(c *numbersSizeCmd) { c.TTL = "-2h" },
		"--cooldown: \"1000000d\"":         func(c *numbersSizeCmd) { c.Cooldown = "1000000d" },
		"--cooldown: \"nand\"":             func(c *numbersSizeCmd) { c.Cooldown = "nand" },
		"--ttl and --cooldown":             func(c *numbersSizeCmd) { c.TTL, c.Cooldown = "0s", "0d" },
		"--availability: \"100\"":          func(c *numbersSizeCmd) { c.Availability = "100" },
		"--availability: \"0.999\"":        func(c *numbersSizeCmd) { c.Availability = "0.999" },
		"--availability: \"nan\"":          func(c *numbersSizeCmd) { c.Availability = "nan" },
		"--have":                           func(c *numbersSizeCmd) { c.Have = -1 },
		"needs more than 10000000 numbers": func(c *numbersSizeCmd) { c.Rate = "1000/s" },
	} {
		c := good
		change(&c)
		if s, err := c.size(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %+v, %v; want an error with %q", c, s, err, want)
		}
	}
	if _, err := good.size(); err != nil {
		t.Error(err)
	}
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]string{
		0: "0 %", 1: "100 %", 0.5: "50 %", 0.999: "99.9 %", 0.9999: "99.99 %", 0.99999: "99.999 %", 0.000989: "0.0989 %", 0.12345: "12.3 %",
		0.9473040099: "94.73 %", 1e-12: "under 0.000001 %", 1 - 1e-12: "100 %", 0.9899: "98.99 %",
	} {
		if got := percent(share); got != want {
			t.Errorf("%v is %s, want %s", share, got, want)
		}
	}
}

func TestWriteRejects(t *testing.T) {
	t.Parallel()
	list := numbering.List{Rejects: []numbering.Reject{{Line: 2, Written: "***78", Reason: "is a mobile number", Kind: true}, {Line: 3, Reason: "is empty"}}}
	for i := range 20 {
		list.Rejects = append(list.Rejects, numbering.Reject{Line: 4 + i, Written: "x", Reason: "has letters"})
	}
	write := func(all bool) string {
		return rendered(t, func(w io.Writer) error { (&numbersImportCmd{AllRejects: all}).writeRejects(w, list); return nil })
	}
	some := write(false)
	if !strings.HasPrefix(some, "line 2: ***78 is a mobile number\nline 3: \"\" is empty\nline 4: x has letters\n") ||
		!strings.Contains(some, "line 21: x has letters\nand 2 more; --all-rejects lists them\nIf numbers of these kinds are meant to be there: --any-kind\n") {
		t.Error(some)
	}
	if all := write(true); strings.Count(all, "line ") != 22 || strings.Contains(all, "more;") {
		t.Error(all)
	}
	list.Rejects = list.Rejects[1:3]
	if few := write(false); strings.Contains(few, "--any-kind") || strings.Count(few, "\n") != 2 {
		t.Error(few)
	}
}

// sceneNumbers has a number in each state.
func sceneNumbers() []assign.NumberView {
	at := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	return []assign.NumberView{
		{NumberRecord: assign.NumberRecord{Number: "05070000001", State: assign.NumberFree, FreeAt: at}},
		{NumberRecord: assign.NumberRecord{Number: "05070000002", State: assign.NumberFree, FreeAt: at.Add(time.Hour), UsedAt: at, ReleasedAt: at}, Cooling: true},
		{NumberRecord: assign.NumberRecord{Number: "05070000003", State: assign.NumberActive, Assignment: "01J000000000000000000000A1", ExpiresAt: at.Add(2 * time.Hour), UsedAt: at}},
		{NumberRecord: assign.NumberRecord{Number: "+8250712345678", State: assign.NumberSuspended, Assignment: "01J000000000000000000000A2"}},
	}
}

func eachOf(numbers []assign.NumberView) func(func(assign.NumberView) error) error {
	return func(fn func(assign.NumberView) error) error {
		for _, n := range numbers {
			if err := fn(n); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestNumbersList(t *testing.T) {
	t.Parallel()
	want := `
NUMBER                 STATE      UNTIL                 LAST CALL             ASSIGNMENT
05070000001            free       -                     -                     -
05070000002            cooling    2026-11-24T03:00:00Z  2026-11-24T02:00:00Z  -
05070000003            active     2026-11-24T04:00:00Z  2026-11-24T02:00:00Z  01J000000000000000000000A1
+8250712345678         suspended  -                     -                     01J000000000000000000000A2
4 numbers
`
	got := rendered(t, func(w io.Writer) error { return writeNumbers(w, eachOf(sceneNumbers())) })
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := rendered(t, func(w io.Writer) error { return writeNumbers(w, eachOf(nil)) }); got != "0 numbers\n" {
		t.Error(got)
	}
}

func TestNumbersListJSON(t *testing.T) {
	t.Parallel()
	want := `{"numbers": [
{"number":"05070000001","state":"free","assignment":null,"free_at":"2026-11-24T02:00:00Z","expires_at":null,"used_at":null,"released_at":null},
{"number":"05070000002","state":"cooling","assignment":null,"free_at":"2026-11-24T03:00:00Z","expires_at":null,"used_at":"2026-11-24T02:00:00Z","released_at":"2026-11-24T02:00:00Z"},
{"number":"05070000003","state":"active","assignment":"01J000000000000000000000A1","free_at":null,"expires_at":"2026-11-24T04:00:00Z","used_at":"2026-11-24T02:00:00Z","released_at":null},
{"number":"+8250712345678","state":"suspended","assignment":"01J000000000000000000000A2","free_at":null,"expires_at":null,"used_at":null,"released_at":null}
]}
`
	got := rendered(t, func(w io.Writer) error { return writeNumbersJSON(w, eachOf(sceneNumbers())) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var none struct{ Numbers []any }
	if got := rendered(t, func(w io.Writer) error { return writeNumbersJSON(w, eachOf(nil)) }); json.Unmarshal([]byte(got), &none) != nil || none.Numbers == nil {
		t.Error(got)
	}
}

// A list that is cut off by an error is no document that could be taken for
// whole.
func TestNumbersListErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("database is gone")
	each := func(fn func(assign.NumberView) error) error { return errors.Join(fn(sceneNumbers()[0]), broken) }
	var text, asJSON strings.Builder
	if err := writeNumbers(&text, each); !errors.Is(err, broken) || strings.Contains(text.String(), "1 number") {
		t.Error(err, text.String())
	}
	if err := writeNumbersJSON(&asJSON, each); !errors.Is(err, broken) || json.Valid([]byte(asJSON.String())) {
		t.Error(err, asJSON.String())
	}
}

func TestCared(t *testing.T) {
	t.Parallel()
	numbers := sceneNumbers()
	for _, tt := range []struct {
		view assign.NumberView
		err  error
		want string
	}{
		{numbers[0], nil, "free, in no assignment"},
		{numbers[1], nil, "cooling until 2026-11-24T03:00:00Z"},
		{numbers[3], nil, "suspended, in assignment 01J000000000000000000000A2"},
		{assign.NumberView{}, fmt.Errorf("a: %w", assign.ErrNumberNotFound), "no pool has it"},
		{assign.NumberView{}, assign.ErrNumberAside, "it is set aside"},
		{assign.NumberView{}, &assign.UnknownError{}, "is not known; do it again"},
		{assign.NumberView{}, errors.New("database is gone"), "database is gone"},
	} {
		if got := cared(tt.view, tt.err); !strings.Contains(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
