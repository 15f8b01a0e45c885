package localdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A child is a process that does not outlive this program (where the system
// can see to that), hears nothing of the terminal's Ctrl-C, and is reaped when
// it ends.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone and reaped
	err  error         // how it ended; readable after done
}

// spawn starts cmd, whose SysProcAttr it sets.
//
// The kernel ties the signal at the parent's death to the thread that forked,
// not to the process. So that thread waits for the child and does nothing
// else: the Go runtime must not end it in between.
func spawn(cmd *exec.Cmd) (*child, error) {
	cmd.SysProcAttr = attachedToParent()
	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	return c, <-started
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// state says how the process ended, once it has.
func (c *child) state() string { return c.cmd.ProcessState.String() }

// stop ends the process with SIGTERM, or with SIGKILL after grace, and waits
// until it is reaped. It returns an error if SIGTERM was not enough.
func (c *child) stop(grace time.Duration) error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.cmd.Process.Signal(syscall.SIGCONT) // a stopped process acts on SIGTERM only when it goes on
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-c.done:
		return nil
	case <-late.C:
	}
	_ = c.cmd.Process.Kill()
	<-c.done
	return fmt.Errorf("process %d did not end within %v and was killed", c.pid(), grace)
}

// runToEnd runs cmd as a child and returns how it ended. When ctx ends first
// the child is killed.
func runToEnd(ctx context.Context, cmd *exec.Cmd) error {
	c, err := spawn(cmd)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		killErr := c.cmd.Process.Kill()
		<-c.done
		if errors.Is(killErr, os.ErrProcessDone) {
			return c.err
		}
		return ctx.Err()
	}
}
