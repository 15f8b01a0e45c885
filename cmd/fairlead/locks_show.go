package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"fairlead/assign"
	"fairlead/lock"
	"fairlead/store"
)

type locksShowCmd struct {
	locksFlags

	Name string `arg:"" help:"The lock's full name, or a pool's id."`
	JSON bool   `name:"json" help:"Write JSON."`
}

func (c *locksShowCmd) Run(ctx context.Context) error {
	return c.withLocks(ctx, func(locks *store.Locks) error {
		list, err := lookAt(ctx, locks, c.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(os.Stdout, list, true)
		}
		return writeLocks(os.Stdout, list, widthOf(os.Stdout))
	})
}

// writeLocks writes all that there is to know about these locks.
func writeLocks(w io.Writer, list assign.LockList, width int) error {
	var b bytes.Buffer
	for _, v := range list.Locks {
		describe(&b, v, width)
		if len(v.Waiters) > 0 {
			fmt.Fprintln(&b)
			waitersTable(v.Waiters).write(&b, width)
		}
		fmt.Fprintln(&b)
		for _, line := range nextSteps(v) {
			if strings.HasPrefix(line, " ") { // to be pasted as it is
				fmt.Fprintln(&b, line)
				continue
			}
			fold(&b, "", line, width)
		}
		fmt.Fprintln(&b)
	}
	writeSource(&b, list, width)
	_, err := w.Write(b.Bytes())
	return err
}

// describe says which lock it is, and who holds it.
func describe(w io.Writer, v assign.LockView, width int) {
	row := func(head, text string) { fold(w, pad(head, 13, false), text, width) }
	row("Lock:", v.Name)
	row("Pool:", orNone(string(v.Pool)))
	if h := v.Holder; h == nil {
		row("Holder:", "nobody")
	} else {
		row("Holder:", "connection "+connection(*h)+", "+account(*h)+", program "+program(*h))
		row("Held for:", ageInWords(*h))
		row("Runs:", orNone(h.Statement))
	}
	row("Waiters:", fmt.Sprint(len(v.Waiters)))
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func ageInWords(s assign.SessionView) string {
	switch {
	case s.For < 0:
		return "unknown: the source cannot tell"
	case !s.Exact:
		return "about " + short(s.For) + ", mostly longer: that is how long the session has been in its present state"
	}
	return short(s.For)
}

// waitersTable has all waiters, and what they run.
func waitersTable(waiters []assign.SessionView) table {
	t := table{columns: []column{
		{head: "#", right: true}, {head: "CONN", right: true}, {head: "USER@HOST", least: 12}, {head: "PROGRAM", least: 8},
		{head: "WAITS", right: true}, {head: "RUNS", least: 8},
	}}
	for i, s := range waiters {
		t.rows = append(t.rows, []string{fmt.Sprint(i + 1), connection(s), account(s), program(s), age(s), printable(orNone(s.Statement))})
	}
	return t
}

// usualTime is longer than a unit of Fairlead's lasts when nothing is wrong.
const usualTime = 5 * time.Second

// nextSteps says what to do about a lock. Lines with a space in front are to be
// pasted.
func nextSteps(v assign.LockView) []string {
	h := v.Holder
	switch {
	case h == nil && len(v.Waiters) == 0:
		return []string{"Nothing to do: nobody holds it and nobody waits for it."}
	case h == nil:
		return []string{"Somebody waits and no holder can be seen: it is being handed over just now, or the source does not see the holder. Look again."}
	case h.ConnectionID == 0:
		return []string{"This server does not say which connection holds the lock, so it cannot be ended safely from here. See docs/dba.md."}
	}
	var steps []string
	if len(v.Waiters) == 0 {
		steps = append(steps, "Nobody waits for it: there is no hurry.")
	}
	if h.For < usualTime {
		steps = append(steps, "A unit of Fairlead's lasts milliseconds, seconds if it waits for a row. Look a few times before you end anything: a lock that changes hands is at work.")
	}
	if h.Program != "" && h.Program != "fairlead" && v.Pool != "" {
		steps = append(steps, "The holder is no service of Fairlead's. Ask whoever runs it first.")
	}
	steps = append(steps, `Does the holder itself wait for somebody's row? "fairlead locks sql" has a statement that tells. Then end that session rather than this one: the next holder would wait for the same row.`)
	if printable(v.Name) != v.Name {
		return append(steps, "The lock's name has characters that a terminal cannot show, so there is nothing here to paste; --json has the name.")
	}
	return append(steps,
		"To end the holder, if it still is this one:",
		"  "+killCommand(v),
		"  "+lock.KillStatement.For(lock.Name(v.Name), h.ConnectionID)+";",
		killMeans(v))
}

func killMeans(v assign.LockView) string {
	s := "Its transaction is rolled back, then the first waiter has the lock."
	if v.Ours {
		return s + " Calls of Fairlead's that were in it are made again inside the service, or answered 503: nothing is lost or given twice."
	}
	return s + " What its application makes of that, only its people can tell."
}

// killCommand is the command that ends a lock's holder, for a POSIX shell.
func killCommand(v assign.LockView) string {
	name := v.Name
	if v.Pool != "" {
		name = string(v.Pool)
	}
	anyLock := ""
	if !v.Ours {
		anyLock = " --any-lock"
	}
	return fmt.Sprintf("fairlead locks kill --connection %d --reason 'why'%s %s", v.Holder.ConnectionID, anyLock, shellArgument(name))
}

// shellArgument quotes s for a shell where it has to be.
func shellArgument(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._-") != "" || s == "" {
		s = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	if strings.HasPrefix(strings.TrimPrefix(s, "'"), "-") {
		return "-- " + s // not a flag
	}
	return s
}
