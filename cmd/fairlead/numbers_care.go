package main

import (
	"context"
	"errors"
	"fmt"

	"fairlead/assign"
	"fairlead/store"
)

// careFlags are those of the subcommands that take numbers out of use or bring
// them back.
type careFlags struct {
	storeFlags

	Number []string `arg:"" help:"Numbers, as numbers list shows them; spaces, dots and hyphens do not matter."`
	Reason string   `help:"Why, for the log; at most 256 characters."`
}

type (
	numbersSuspendCmd struct{ careFlags }
	numbersDrainCmd   struct{ careFlags }
	numbersResumeCmd  struct{ careFlags }
)

func (c *numbersSuspendCmd) Run(ctx context.Context) error { return c.care(ctx, assign.CareSuspend) }
func (c *numbersDrainCmd) Run(ctx context.Context) error   { return c.care(ctx, assign.CareDrain) }
func (c *numbersResumeCmd) Run(ctx context.Context) error  { return c.care(ctx, assign.CareResume) }

// Help is what --help says besides.
func (numbersSuspendCmd) Help() string {
	return `The number's assignment, if it has one, goes on, but the telephone switch is told that the number leads nowhere. For a number that is misused, or whose line is out of order. Exit codes: 0 done for all; 1 not for all; 2 it could not be tried.`
}

// Help is what --help says besides.
func (numbersDrainCmd) Help() string {
	return `The number's assignment, if it has one, goes on, and calls are routed; nobody gets the number after that. For a number that goes back to the carrier. Exit codes: 0 done for all; 1 not for all; 2 it could not be tried.`
}

// Help is what --help says besides.
func (numbersResumeCmd) Help() string {
	return `A number that is in an assignment is active again, any other is free when its cool-down is over. One that was set aside comes back only if no live assignment claims it. Exit codes: 0 done for all; 1 not for all; 2 it could not be tried.`
}

// notForAll ends a command that did not do for all numbers what it was to do.
const notForAll exitCode = 1

func (c *careFlags) care(ctx context.Context, to assign.CareTo) error {
	numbers, err := c.check()
	if err != nil {
		return err
	}
	return c.withExisting(ctx, func(st *store.Store) error {
		if err := st.CheckSchema(ctx); err != nil {
			return err
		}
		combiner, err := combine(st, assign.CombinerConfig{})
		if err != nil {
			return err
		}
		var failed error
		for _, n := range numbers {
			v, err := combiner.Care(ctx, assign.Care{Number: n, To: to, Reason: c.Reason, Actor: operator()})
			if err != nil {
				failed = notForAll
			}
			fmt.Printf("%s: %s\n", n, cared(v, err))
		}
		return failed
	})
}

// check reads the flags. A slip in one number and nothing is done.
func (c *careFlags) check() (numbers []assign.Number, err error) {
	for _, s := range c.Number {
		n, err := assign.ParseNumber(fmt.Sprintf("number %q", printable(s)), s)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	_, err = assign.ParseText("--reason", c.Reason)
	return numbers, err
}

// cared says how a number is now, or why it is not as it should be.
func cared(v assign.NumberView, err error) string {
	switch {
	case errors.Is(err, assign.ErrNumberNotFound):
		return "no pool has it (+82… and 0… are different numbers)"
	case errors.Is(err, assign.ErrNumberAside):
		return "it is set aside, because two records disagree about it: it can be resumed when no live assignment claims it (fairlead verify says more)"
	case errors.Is(err, assign.ErrOutcomeUnknown):
		return "whether it was done is not known; do it again"
	case err != nil:
		return err.Error()
	case v.Cooling:
		return "cooling until " + moment(v.FreeAt)
	case v.Assignment == "":
		return string(v.State) + ", in no assignment"
	}
	return fmt.Sprintf("%s, in assignment %s", v.State, v.Assignment)
}
