package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"fairlead/assign"
	"fairlead/internal/page/unit"
	"fairlead/store"
)

type numbersListCmd struct {
	storeFlags

	Pool  string                   `required:"" help:"Pool whose numbers are listed."`
	State assign.NumberFilterState `enum:"free,active,cooling,draining,suspended,set_aside," default:"" help:"Only numbers in this state: free, active, cooling, draining, suspended or set_aside."`
	JSON  bool                     `name:"json" help:"Write JSON, each number as GET /v1/pools/{pool}/numbers shows it."`
}

// Help is what --help says besides.
func (numbersListCmd) Help() string {
	return `UNTIL is when a number that cools down is free again, and when the assignment of one that is in use ends by itself. LAST CALL is the latest that the telephone switch told of. Times are UTC.`
}

func (c *numbersListCmd) Run(ctx context.Context) error {
	pool, err := assign.ParsePoolID("--pool", c.Pool)
	if err != nil {
		return err
	}
	return c.withExisting(ctx, func(st *store.Store) error {
		if err := checkPool(ctx, st, pool); err != nil {
			return err
		}
		out := bufio.NewWriter(os.Stdout)
		write := writeNumbers
		if c.JSON {
			write = writeNumbersJSON
		}
		err := write(out, func(fn func(assign.NumberView) error) error { return eachNumber(ctx, st, pool, c.State, fn) })
		return cmp.Or(err, out.Flush())
	})
}

// numberRow has a width for each column, so that a list of a million need not
// be known to its end.
const numberRow = "%-21s  %-9s  %-20s  %-20s  %s\n"

func writeNumbers(w io.Writer, each func(func(assign.NumberView) error) error) error {
	n := 0
	err := each(func(v assign.NumberView) error {
		if n++; n == 1 {
			fmt.Fprintf(w, numberRow, "NUMBER", "STATE", "UNTIL", "LAST CALL", "ASSIGNMENT")
		}
		_, err := fmt.Fprintf(w, numberRow, v.Number, stateOf(v), moment(until(v)), moment(v.UsedAt), cmp.Or(v.Assignment, "-"))
		return err
	})
	if err == nil {
		fmt.Fprintln(w, unit.Plural(n, "number"))
	}
	return err
}

// stateOf is a number's state as people are shown it.
func stateOf(v assign.NumberView) string {
	if v.Cooling {
		return string(assign.ListCooling)
	}
	return string(v.State)
}

// until is when the number's state ends by itself; zero if it does not.
func until(v assign.NumberView) time.Time {
	if v.Cooling {
		return v.FreeAt
	}
	return v.ExpiresAt
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// numberJSON is a number as the API shows it.
type numberJSON struct {
	Number     assign.Number `json:"number"`
	State      string        `json:"state"`
	Assignment *string       `json:"assignment"`
	FreeAt     *time.Time    `json:"free_at"`
	ExpiresAt  *time.Time    `json:"expires_at"`
	UsedAt     *time.Time    `json:"used_at"`
	ReleasedAt *time.Time    `json:"released_at"`
}

func jsonOf(v assign.NumberView) numberJSON {
	n := numberJSON{Number: v.Number, State: stateOf(v), ExpiresAt: orNull(v.ExpiresAt), UsedAt: orNull(v.UsedAt), ReleasedAt: orNull(v.ReleasedAt)}
	if v.State == assign.NumberFree {
		n.FreeAt = orNull(v.FreeAt)
	}
	if v.Assignment != "" {
		n.Assignment = &v.Assignment
	}
	return n
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// writeNumbersJSON writes {"numbers": […]} with a number a line.
func writeNumbersJSON(w io.Writer, each func(func(assign.NumberView) error) error) error {
	sep := "{\"numbers\": ["
	err := each(func(v assign.NumberView) error {
		text, err := json.Marshal(jsonOf(v))
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n%s", sep, text)
		}
		sep = ","
		return err
	})
	if err != nil {
		return err
	}
	if sep != "," {
		fmt.Fprint(w, sep)
	}
	_, err = fmt.Fprintln(w, "\n]}")
	return err
}
