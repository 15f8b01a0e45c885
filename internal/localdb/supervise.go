package localdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	firstPause = 100 * time.Millisecond // before the first restart in a row
	lastPause  = 10 * time.Second       // pauses double up to this
	settled    = time.Minute            // a server that ran this long starts a new row
)

// supervise keeps a server running until ctx ends, then stops it and gives the
// folder back. c is running.
func (s *Server) supervise(ctx context.Context, c *child) {
	defer close(s.done)
	pause := firstPause
	for c != nil {
		born := time.Now()
		select {
		case <-ctx.Done():
			s.closeErr = c.stop(stopLimit)
			s.setCurrent(nil)
			c = nil
		case <-c.done:
			s.setCurrent(nil)
			s.logDeath(c)
			if time.Since(born) > settled {
				pause = firstPause
			}
			c = s.relaunch(ctx, &pause)
		}
	}
	s.closeErr = errors.Join(s.closeErr, s.folder.release())
}

// relaunch starts a successor, however many attempts that takes. It returns
// nil once ctx has ended.
func (s *Server) relaunch(ctx context.Context, pause *time.Duration) *child {
	if s.opts.Once {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*pause):
		}
		*pause = min(2*(*pause), lastPause)
		c, err := s.attempt(ctx)
		if err == nil {
			s.opts.Log.InfoContext(ctx, "private database is back", slog.Int("pid", c.pid()))
			return c
		}
		if ctx.Err() == nil {
			s.opts.Log.ErrorContext(ctx, "private database does not start",
				slog.Any("err", err), slog.Duration("next_attempt_in", *pause))
		}
	}
}

func (s *Server) attempt(ctx context.Context) (*child, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return s.launch(ctx)
}

func (s *Server) logDeath(c *child) {
	s.opts.Log.Error("private database ended by itself",
		slog.Int("pid", c.pid()), slog.String("state", c.state()), slog.String("err_log", s.folder.tail()))
}

// launch starts a server process and waits until it answers. On error none is
// left.
func (s *Server) launch(ctx context.Context) (*child, error) {
	lock, err := s.folder.lockServer(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // the server has its own

	log, err := s.folder.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()

	cmd := s.opts.Installation.command(s.args()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = append(cmd.ExtraFiles, lock)
	c, err := spawn(cmd)
	if err != nil {
		return nil, fmt.Errorf("start the private database: %w", err)
	}
	if err := s.await(ctx, c); err != nil {
		return nil, errors.Join(err, c.stop(stopLimit))
	}
	s.setCurrent(c)
	return c, nil
}

func (s *Server) args() []string {
	o := s.opts
	args := append(o.Installation.commonArgs(s.folder.data()), o.Installation.runArgs(o)...)
	args = append(args,
		"--socket="+s.socket,
		"--pid-file="+s.folder.pidFile(),
		"--skip-networking",
		"--skip-name-resolve",
		"--max-connections=300",
		"--max-allowed-packet=64M",
		"--default-time-zone=+00:00",
		"--character-set-server=utf8mb4",
		"--innodb-flush-log-at-trx-commit=1",
		fmt.Sprintf("--innodb-buffer-pool-size=%d", o.BufferPool),
	)
	return append(args, o.Args...)
}

// await returns when c answers on the socket. The answer must come from c: a
// server of someone else behind the same path must never be taken for ours.
func (s *Server) await(ctx context.Context, c *child) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		pid, err := answering(ctx, s.socket)
		if err == nil && pid == c.pid() {
			return s.folder.announce(s.socket)
		}
		if err == nil {
			return fmt.Errorf("%s is answered by process %d, not by the server started as %d", s.socket, pid, c.pid())
		}
		select {
		case <-tick.C:
		case <-c.done:
			return fmt.Errorf("%s ended while starting (%s):\n%s", s.opts.Installation.Server, c.state(), s.folder.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w; last: %w):\n%s", s.opts.Installation.Server, ctx.Err(), err, s.folder.tail())
		}
	}
}
