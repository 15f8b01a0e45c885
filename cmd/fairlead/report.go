package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// reportFlags say where a report goes besides the terminal.
type reportFlags struct {
	JSON string `name:"json" placeholder:"FILE" help:"Write the report as JSON too; - writes it to the output instead of the table."`
	HTML string `name:"html" placeholder:"FILE" help:"Write the report as a page with charts too, which needs no network."`
}

// A report is what a subcommand that measures ends with.
type report interface {
	WriteTable(io.Writer) error
	WriteHTML(io.Writer) error
}

// check finds out before the work whether its result can be written. It leaves
// what is in a file as it is.
func (f reportFlags) check() error {
	if f.JSON == "-" && f.HTML == "-" {
		return errors.New("--json and --html cannot both be written to the output")
	}
	return errors.Join(canWrite("--json", f.JSON), canWrite("--html", f.HTML))
}

func canWrite(flag, name string) error {
	if name == "" || name == "-" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return f.Close()
}

// write writes r wherever it is to go. The table goes to instead if the output
// is taken.
func (f reportFlags) write(r report, instead io.Writer) error {
	table := io.Writer(os.Stdout)
	if f.JSON == "-" || f.HTML == "-" {
		table = instead
	}
	if err := r.WriteTable(table); err != nil {
		return err
	}
	asJSON := func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	if err := toFile(f.JSON, asJSON); err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	if err := toFile(f.HTML, r.WriteHTML); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	return nil
}

// toFile writes to the file of that name; "-" is the output, and "" nothing.
func toFile(name string, write func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return write(os.Stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
