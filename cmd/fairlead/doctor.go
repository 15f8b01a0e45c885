package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"fairlead/store"
)

type doctorCmd struct {
	storeFlags

	JSON bool `name:"json" help:"Print an array of {check, level, says, do} instead of the table."`

	Units     int    `env:"FAIRLEAD_UNITS" default:"16" help:"As serve has it."`
	Reads     int    `env:"FAIRLEAD_READS" default:"8" help:"As serve has it."`
	Lock      string `env:"FAIRLEAD_LOCK" enum:"named,off" default:"named" help:"As serve has it (named, off)."`
	Migrate   string `env:"FAIRLEAD_MIGRATE" enum:"auto,off" default:"auto" help:"As serve has it (auto, off)."`
	Instances int    `default:"1" help:"Instances of that size that will share the database."`
}

// doctorTime bounds the whole look at a database.
const doctorTime = time.Minute

// Run exits with 1 if serve would refuse this database, and with 2 if it could
// not be looked at.
func (c *doctorCmd) Run(ctx context.Context) error {
	if c.Instances < 1 {
		return fmt.Errorf("--instances %d: must be 1 or more", c.Instances)
	}
	if err := c.exists(); err != nil {
		return err
	}
	log, err := c.logger()
	if err != nil {
		return err
	}
	dsn, stop, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer stop()
	st, err := store.Open(dsn, store.Options{Units: c.Units, Reads: c.Reads, LockOff: c.Lock == "off", Log: log})
	if err != nil {
		return err
	}
	defer st.Close()
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	found, err := st.Diagnose(ctx, store.Plan{Instances: c.Instances, MigrateOff: c.Migrate == "off"})
	if c.JSON {
		writeDiagnosesJSON(os.Stdout, found)
	} else {
		writeDiagnoses(os.Stdout, found)
	}
	if err == nil && count(found, store.LevelFailure) > 0 {
		return exitCode(1)
	}
	return err
}

// writeDiagnoses writes a table for people, with what to do under each line
// that wants it.
func writeDiagnoses(w io.Writer, found []store.Diagnosis) {
	if len(found) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range found {
		fmt.Fprintf(t, "%s\t%s\t%s\n", d.Check, d.Level, oneLine(d.Says))
		if d.Do != "" {
			fmt.Fprintf(t, "\t\tdo: %s\n", oneLine(d.Do))
		}
	}
	t.Flush()
	fmt.Fprintf(w, "\n%s\n", summary(found))
}

// oneLine keeps a server's words from breaking the table.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func summary(found []store.Diagnosis) string {
	failures, warnings := count(found, store.LevelFailure), count(found, store.LevelWarning)
	switch {
	case failures > 0:
		return fmt.Sprintf("%s, %s: serve refuses this database.", some(failures, "failure"), some(warnings, "warning"))
	case warnings > 0:
		return some(warnings, "warning") + ": serve works with this database."
	}
	return "All is well."
}

func some(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func count(found []store.Diagnosis, level store.Level) (n int) {
	for _, d := range found {
		if d.Level == level {
			n++
		}
	}
	return n
}

// writeDiagnosesJSON writes an array, which is empty if nothing was found out.
func writeDiagnosesJSON(w io.Writer, found []store.Diagnosis) {
	type diagnosis struct {
		Check string `json:"check"`
		Level string `json:"level"`
		Says  string `json:"says"`
		Do    string `json:"do"`
	}
	all := make([]diagnosis, len(found))
	for i, d := range found {
		all[i] = diagnosis{d.Check, string(d.Level), d.Says, d.Do}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	_ = e.Encode(all)
}
