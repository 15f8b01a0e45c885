package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A loadedService is the service under test: somebody else's, or a child of
// this process, on a database of its own or on a given one.
type loadedService struct {
	url, dsn string
	dir      string // the private database's, to be removed
	log      string // the child's, if there is one
	child    *exec.Cmd
	gone     chan struct{}
	once     sync.Once
}

var serving = regexp.MustCompile(`Fairlead serves (http://[^\s]+)`)

// start runs fairlead serve and waits until it says where it serves.
func (s *loadedService) start(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "fairlead-load-"); err != nil {
		return err
	}
	log, err := os.CreateTemp("", "fairlead-load-*.log")
	if err != nil {
		return err
	}
	defer log.Close()
	s.log = log.Name()
	cmd := exec.Command(program, "serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--data-dir="+s.dir)
	cmd.Env = s.environment()
	cmd.Stderr = log
	cmd.SysProcAttr = attachedToParent()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.spawn(cmd); err != nil {
		return fmt.Errorf("start a service for the run: %w", err)
	}
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := serving.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
	}()
	select {
	case s.url = <-found:
		return nil
	case <-s.gone:
		s.explain()
		return errors.New("the service that was started for the run has ended")
	case <-time.After(2 * time.Minute):
		s.explain()
		return errors.New("the service that was started for the run is not ready after two minutes")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spawn starts the child from a thread that does nothing else: the system tells
// the child when that thread ends, not when the process does.
func (s *loadedService) spawn(cmd *exec.Cmd) error {
	s.child, s.gone = cmd, make(chan struct{})
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(s.gone)
	}()
	return <-started
}

// environment keeps the settings of the service but those that are its own here.
// The DSN goes here, since anybody can see a program's flags.
func (s *loadedService) environment() (env []string) {
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case "FAIRLEAD_DSN", "FAIRLEAD_LISTEN", "FAIRLEAD_ADMIN_LISTEN", "FAIRLEAD_TOKENS", "FAIRLEAD_DATA_DIR", "FAIRLEAD_DRAIN_PAUSE":
		default:
			env = append(env, e)
		}
	}
	if s.dsn != "" {
		env = append(env, "FAIRLEAD_DSN="+s.dsn)
	}
	return env
}

// explain says where to read on, if there is a log; it is kept then.
func (s *loadedService) explain() {
	if s.log == "" {
		return
	}
	path := s.log
	s.log = ""
	fmt.Fprintln(os.Stderr, "fairlead: the log of the service is", path)
}

// stop ends the child and removes what it left.
func (s *loadedService) stop() {
	s.once.Do(func() {
		if s.child != nil && s.child.Process != nil {
			_ = s.child.Process.Signal(syscall.SIGTERM)
			select {
			case <-s.gone:
			case <-time.After(40 * time.Second):
				_ = s.child.Process.Kill()
				<-s.gone
			}
		}
		if s.dir != "" {
			_ = os.RemoveAll(s.dir)
		}
		if s.log != "" {
			_ = os.Remove(s.log)
		}
	})
}

// endAtSecondSignal ends the program at the second Ctrl-C. The first one ends
// the context that [main] made.
func (s *loadedService) endAtSecondSignal() (stop func()) {
	signals, over := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for range 2 {
			select {
			case <-signals:
			case <-over:
				return
			}
		}
		fmt.Fprintln(os.Stderr, "\nfairlead: ended at the second signal")
		s.stop()
		os.Exit(130)
	}()
	return func() {
		signal.Stop(signals)
		close(over)
	}
}
