package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"golang.org/x/term"

	"fairlead/assign"
	"fairlead/store"
)

type locksKillCmd struct {
	locksFlags

	Name       string        `arg:"" help:"The lock's full name, or a pool's id."`
	Connection int64         `required:"" placeholder:"N" help:"The connection that holds it, as you saw it. If another does by now, nobody is ended."`
	Reason     string        `required:"" help:"Why, for the audit; 1 to 256 characters."`
	AnyLock    bool          `help:"Allow it for the lock of another application, too."`
	Yes        bool          `help:"Do not ask."`
	Wait       time.Duration `default:"30s" help:"How long to wait for the lock to be free: the server rolls the session's transaction back first."`
}

// Help is what --help says besides.
func (locksKillCmd) Help() string {
	return `Ends the session that holds a lock, after showing it and asking. The server compares the holder once more in the statement that ends it.

What happens then: the session's transaction is rolled back, the lock is free, and the first waiter has it. Calls of Fairlead's that were in the transaction are made again inside the service, or answered 503; nothing is lost or given twice.

It is written to the audit before it is done, with your name and the reason. To end sessions of other accounts takes CONNECTION_ADMIN on MySQL, CONNECTION ADMIN on MariaDB.

Exit codes: 0 ended and freed; 1 nobody was ended: the holder has changed, you said no, or the account may not; 2 could not look; 3 ended, and not free yet after --wait.`
}

// Exit codes of a kill.
const (
	killRefused  exitCode = 1
	killedNotYet exitCode = 3
)

func (c *locksKillCmd) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.withLocks(ctx, func(locks *store.Locks) error {
		list, err := lookAt(ctx, locks, c.Name)
		if err != nil {
			return err
		}
		v, held := c.target(list)
		if !held {
			return c.changed(v)
		}
		describe(os.Stdout, v, widthOf(os.Stdout))
		if !c.Yes && !confirm(ctx, os.Stdin, os.Stdout, "End it? [y/N] ") {
			fmt.Println("Nobody was ended.")
			return killRefused
		}
		return c.kill(ctx, locks)
	})
}

// target is the lock that the connection holds, else the first that was meant.
func (c *locksKillCmd) target(list assign.LockList) (v assign.LockView, held bool) {
	for _, v := range list.Locks {
		if v.Holder != nil && v.Holder.ConnectionID == c.Connection {
			return v, true
		}
	}
	if len(list.Locks) > 0 {
		v = list.Locks[0]
	}
	return v, false
}

func (c *locksKillCmd) check() error {
	if strings.TrimSpace(c.Reason) == "" {
		return errors.New("--reason: must not be blank: say why, for the audit")
	}
	if _, err := assign.ParseText("--reason", c.Reason); err != nil {
		return err
	}
	if c.Connection < 1 {
		return errors.New("--connection: must be a connection id, as fairlead locks shows it")
	}
	if !c.Yes && !term.IsTerminal(int(os.Stdin.Fd())) {
		return errors.New("there is no terminal to ask on: add --yes to end the session without being asked")
	}
	return nil
}

// confirm asks, and takes anything but a yes for a no.
func confirm(ctx context.Context, in io.Reader, out io.Writer, question string) bool {
	fmt.Fprint(out, question)
	said := make(chan string, 1)
	go func() { // a read from a terminal cannot be cut short
		line, _ := bufio.NewReader(in).ReadString('\n')
		said <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-said:
		return answer == "y" || answer == "yes"
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false
	}
}

func (c *locksKillCmd) kill(ctx context.Context, locks *store.Locks) error {
	killing, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	killed, err := locks.Kill(killing, assign.LockKill{
		Name: c.Name, ConnectionID: c.Connection, Reason: c.Reason, Actor: operator(), AnyLock: c.AnyLock,
	})
	switch {
	case errors.Is(err, assign.ErrHolderChanged):
		return c.changed(killed.Lock)
	case errors.Is(err, assign.ErrLockNotOurs):
		fmt.Println("Nobody was ended: this lock is another application's. Add --any-lock if you mean it.")
		return killRefused
	case errors.Is(err, assign.ErrKillDenied):
		fmt.Printf("Nobody was ended: %v.\nThe account needs CONNECTION_ADMIN on MySQL, CONNECTION ADMIN on MariaDB (the admin of docs/dba.md).\n", err)
		return killRefused
	case errors.Is(err, assign.ErrHolderUnknown):
		fmt.Println("Nobody was ended: this server does not say who holds a lock, so it could be the wrong one.")
		return killRefused
	case errors.Is(err, assign.ErrNotAudited):
		fmt.Printf("Nobody was ended: %v.\n", err)
		return killRefused
	case errors.Is(err, assign.ErrOutcomeUnknown):
		return fmt.Errorf("connection %d may have been ended or not; look again with fairlead locks show %s: %w", c.Connection, c.Name, err)
	case err != nil:
		return err
	}
	if killed.AuditID == "" {
		fmt.Println("There is no audit of Fairlead's on this server: keep a note of it yourself.")
	} else {
		fmt.Println("Audit:       " + killed.AuditID)
	}
	return c.await(ctx, locks, killed)
}

// changed says who has the lock instead.
func (c *locksKillCmd) changed(v assign.LockView) error {
	now := "The lock is free."
	if v.Holder != nil {
		now = fmt.Sprintf("Connection %s (%s) holds it.", connection(*v.Holder), account(*v.Holder))
	}
	fmt.Printf("Nobody was ended: connection %d does not hold the lock any more. %s\n", c.Connection, now)
	return killRefused
}

// await waits until the lock has left the session that was ended.
func (c *locksKillCmd) await(ctx context.Context, locks *store.Locks, killed assign.LockKilled) error {
	if killed.Freed {
		fmt.Printf("Ended connection %d; the lock was free after %s.\n", c.Connection, short(killed.After))
		return nil
	}
	began := time.Now().Add(-killed.After)
	fmt.Printf("Ended connection %d; the server rolls its transaction back, and the lock is free after that ...\n", c.Connection)
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		list, err := lookAt(ctx, locks, c.Name)
		if _, held := c.target(list); err == nil && !held {
			fmt.Printf("The lock was free after %s.\n", short(time.Since(began)))
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			fmt.Printf("Not free yet after %s. It will be when the rollback is over; ending anything else does not help.\n", short(time.Since(began)))
			return killedNotYet
		}
	}
}

// operator is who sits at the keyboard, for the audit: at most 64 characters.
func operator() string {
	name := os.Getenv("SUDO_USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	return cutRunes(printable(name), 64)
}

func cutRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}
