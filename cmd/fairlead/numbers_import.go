package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"fairlead/assign"
	"fairlead/internal/numbering"
	"fairlead/internal/page/unit"
	"fairlead/internal/seed"
	"fairlead/store"
)

type numbersImportCmd struct {
	storeFlags

	File       string           `arg:"" type:"existingfile" help:"The list; - reads the input."`
	Pool       string           `required:"" help:"Pool that gets the numbers. It must be there."`
	Format     numbering.Format `enum:"csv,json," default:"" help:"How the list is written: csv or json. Default: as its name ends, or else as it begins."`
	Form       numbering.Form   `enum:"national,e164" default:"national" help:"How the numbers are kept: national (050712345678; numbers of other countries as e164) or e164 (+8250712345678). To Fairlead these are different numbers: stay with one."`
	Region     string           `default:"KR" help:"Country whose numbers are written without a plus, by its ISO code."`
	SkipBad    bool             `help:"Leave wrong lines out and import the others. Without it, one wrong line and nothing is imported."`
	AnyKind    bool             `help:"Take mobile and premium-rate numbers, too, which no relay number should be."`
	DryRun     bool             `help:"Say what would happen, and write nothing."`
	AllRejects bool             `help:"List every wrong line, not only the first 20."`
}

// Help is what --help says besides.
func (numbersImportCmd) Help() string {
	return `CSV: a number a line; the first line may be the header "number", and a line that begins with # is a comment. JSON: strings or {"number": "…"}, in an array, in {"numbers": […]} or a line each.

Numbers may be written as people write them: 0507-1234-5678, (0507) 1234 5678, +82 (0)507 1234 5678, 0082-507-…, tel:+82-507-…, in full-width digits, with a spreadsheet's apostrophe. All are kept in one form, so that the same number is one number. Refused are those that a spreadsheet has damaged (5.07E+11, a lost zero), what is no number of any country, mobile numbers, and what another pool has.

Numbers that the pool has are left as they are, so an import that was cut short is finished by running it again. Up to 10,000 numbers are added all or none; a longer list is added in parts of as many.

Exit codes: 0 imported; 1 there are wrong lines, and without --skip-bad nothing was written; 2 it could not be done.`
}

// rejected ends an import whose list is to be mended first.
const rejected exitCode = 1

func (c *numbersImportCmd) Run(ctx context.Context) error {
	pool, err := assign.ParsePoolID("--pool", c.Pool)
	if err != nil {
		return err
	}
	rules := numbering.Rules{Form: c.Form, AnyKind: c.AnyKind}
	if rules.Region, err = numbering.ParseRegion(c.Region); err != nil {
		return fmt.Errorf("--region: %w", err)
	}
	list, err := c.read(rules)
	if err != nil {
		return err
	}
	if len(list.Rejects) > 0 && !c.SkipBad {
		return c.refuse(list)
	}
	return c.withExisting(ctx, func(st *store.Store) error {
		if err := checkPool(ctx, st, pool); err != nil {
			return err
		}
		there, err := compareWith(ctx, st, pool, &list)
		if err != nil {
			return err
		}
		switch {
		case len(list.Rejects) > 0 && !c.SkipBad:
			return c.refuse(list)
		case c.DryRun:
			c.writeRejects(os.Stdout, list)
			fmt.Printf("pool %s: %s would be added, %s there before, %s rejected; nothing was written\n", pool,
				unit.Count(len(list.Entries)-there), unit.Count(there), unit.Count(len(list.Rejects)))
			return nil
		}
		return c.write(ctx, st, pool, list)
	})
}

// read reads the file to its end.
func (c *numbersImportCmd) read(rules numbering.Rules) (numbering.List, error) {
	from, name := io.ReadCloser(os.Stdin), "the input"
	if c.File != "-" {
		name = c.File
		var err error
		if from, err = os.Open(c.File); err != nil {
			return numbering.List{}, err
		}
		defer from.Close()
	}
	list, err := rules.Read(from, c.File, c.Format)
	if err == nil && len(list.Entries)+len(list.Rejects) == 0 {
		err = errors.New("has no numbers")
	}
	if err != nil {
		return list, fmt.Errorf("%s: nothing was written: %w", name, err)
	}
	return list, nil
}

// checkPool makes no pool: a slip in its name would put the numbers where
// nobody gets them.
func checkPool(ctx context.Context, st *store.Store, pool assign.PoolID) error {
	if err := st.CheckSchema(ctx); err != nil {
		return err
	}
	_, err := st.Pool(ctx, pool)
	if errors.Is(err, assign.ErrPoolNotFound) {
		return fmt.Errorf("--pool: there is no pool %s: make it first, with PUT /v1/pools/%s", pool, pool)
	}
	return err
}

// compareWith rejects what another pool has, and what is there in the other
// form, and counts what the pool has already.
func compareWith(ctx context.Context, st *store.Store, pool assign.PoolID, list *numbering.List) (there int, err error) {
	known, err := st.PoolsOf(ctx, inBothForms(list.Entries))
	if err != nil {
		return 0, err
	}
	list.Entries = slices.DeleteFunc(list.Entries, func(e numbering.Entry) bool {
		owner, is := known[e.Number]
		otherOwner, otherIs := known[e.Other]
		reason := ""
		switch {
		case is && owner != pool:
			reason = fmt.Sprintf("belongs to pool %s", owner)
		case otherIs && e.Other != e.Number:
			reason = fmt.Sprintf("is in pool %s already, as %s (--form chooses how numbers are kept)", otherOwner, e.Other)
		case is:
			there++
		}
		if reason != "" {
			list.Rejects = append(list.Rejects, numbering.Reject{Line: e.Line, Written: string(e.Number), Reason: reason})
		}
		return reason != ""
	})
	slices.SortStableFunc(list.Rejects, func(a, b numbering.Reject) int { return cmp.Compare(a.Line, b.Line) })
	return there, nil
}

func inBothForms(entries []numbering.Entry) []assign.Number {
	numbers := make([]assign.Number, 0, 2*len(entries))
	for _, e := range entries {
		numbers = append(numbers, e.Number, e.Other)
	}
	return numbers
}

// findPage is how many numbers are listed at a time.
const findPage = 10_000

// eachNumber calls fn with each number of a pool in a state; "" is any.
func eachNumber(ctx context.Context, st *store.Store, pool assign.PoolID, state assign.NumberFilterState, fn func(assign.NumberView) error) error {
	for f := (assign.NumberFilter{State: state, Limit: findPage}); ; {
		numbers, err := st.Numbers(ctx, pool, f)
		if err != nil {
			return err
		}
		for _, n := range numbers.Items {
			f.After = n.Number
			if err := fn(n); err != nil {
				return err
			}
		}
		if !numbers.More {
			return nil
		}
	}
}

func (c *numbersImportCmd) write(ctx context.Context, st *store.Store, pool assign.PoolID, list numbering.List) error {
	c.writeRejects(os.Stdout, list)
	combiner, err := combine(st, assign.CombinerConfig{})
	if err != nil {
		return err
	}
	numbers := make([]assign.Number, len(list.Entries))
	for i, e := range list.Entries {
		numbers[i] = e.Number
	}
	bar := newBar("importing", int64(len(numbers)))
	done, err := seed.Pool(ctx, combiner, pool, operator(), nil, numbers, func(done int) { bar.to(int64(done)) })
	bar.end()
	written := done.Numbers.Added + done.Numbers.Existing
	fmt.Printf("pool %s: %s added, %s there before, %s rejected", pool,
		unit.Count(done.Numbers.Added), unit.Count(done.Numbers.Existing), unit.Count(len(list.Rejects)))
	if err == nil {
		fmt.Println()
		return nil
	}
	fmt.Printf(", %s not done\n", unit.Count(len(numbers)-written))
	return fmt.Errorf("%w; what was added stays, and the same command goes on from there%s", err, unclear(err))
}

// unclear says what is not known after an error.
func unclear(err error) string {
	if errors.Is(err, assign.ErrOutcomeUnknown) {
		return " (whether these numbers were added is not known; running it again tells)"
	}
	return ""
}

// refuse lists what is wrong with a list that is not imported.
func (c *numbersImportCmd) refuse(list numbering.List) error {
	c.writeRejects(os.Stdout, list)
	fmt.Printf("Nothing was imported: %s of %s. Mend the list, or leave them out with --skip-bad.\n",
		unit.Plural(len(list.Rejects), "wrong line"), unit.Count(len(list.Rejects)+len(list.Entries)))
	return rejected
}

// shownRejects is how many wrong lines are listed unless all are asked for.
const shownRejects = 20

func (c *numbersImportCmd) writeRejects(w io.Writer, list numbering.List) {
	shown := list.Rejects
	if !c.AllRejects {
		shown = shown[:min(shownRejects, len(shown))]
	}
	var b strings.Builder
	for _, r := range shown {
		fmt.Fprintf(&b, "line %d: %s %s\n", r.Line, written(r), r.Reason)
	}
	if more := len(list.Rejects) - len(shown); more > 0 {
		fmt.Fprintf(&b, "and %s more; --all-rejects lists them\n", unit.Count(more))
	}
	if slices.ContainsFunc(list.Rejects, func(r numbering.Reject) bool { return r.Kind }) {
		fmt.Fprintln(&b, "If numbers of these kinds are meant to be there: --any-kind")
	}
	_, _ = io.WriteString(w, b.String())
}

// written is what stands on a wrong line; an empty one has to be seen.
func written(r numbering.Reject) string {
	if strings.TrimSpace(r.Written) == "" {
		return `""`
	}
	return r.Written
}
