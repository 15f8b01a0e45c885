package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"fairlead/assign"
)

// lastWord is how long connections stay open, once nobody new is let in, for
// their clients to be told with an answer that it is the last. A connection
// that is closed while it is idle may be closed just when a request comes in.
const lastWord = 250 * time.Millisecond

// defaultDrainLimit is longer than any request may take.
const defaultDrainLimit = 20 * time.Second

// Run serves callers on public and operators on admin until ctx is done, and
// closes both. It returns nil once every request that came in has its answer,
// or an error if that took too long or a listener failed.
//
// When ctx is done, /readyz says so at once. DrainPause later new connections
// are refused, those there are end with their next answer, and operators are
// served until the last of them is gone.
func (s *Server) Run(ctx context.Context, public, admin net.Listener) error {
	callers := s.start(public, s.Public())
	operators := s.start(admin, s.Admin())
	var failed error
	select {
	case <-ctx.Done():
		s.stopping.Store(true)
		s.Log.InfoContext(ctx, "stopping", slog.Duration("pause", s.DrainPause))
		s.sleep(s.DrainPause)
	case failed = <-callers.failed:
	case failed = <-operators.failed:
	}
	s.stopping.Store(true)
	s.draining.Store(true)
	callers.refuse()
	s.sleep(lastWord)

	limit := s.DrainLimit
	if limit == 0 {
		limit = defaultDrainLimit
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	err := callers.stop(bounded)
	operators.refuse()
	return errors.Join(failed, err, operators.stop(bounded))
}

// sleep waits out a step of the shutdown.
func (s *Server) sleep(d time.Duration) {
	after := s.after
	if after == nil {
		after = time.After
	}
	if d > 0 {
		<-after(d)
	}
}

// A serving is a listener being served.
type serving struct {
	*http.Server
	listener net.Listener
	failed   chan error    // gets one error if the listener fails
	done     chan struct{} // closed when nobody new is let in
}

func (s *Server) start(l net.Listener, h http.Handler) *serving {
	v := &serving{
		Server:   s.httpServer(h),
		listener: l,
		failed:   make(chan error, 1),
		done:     make(chan struct{}),
	}
	go func() {
		defer close(v.done)
		if err := v.Serve(l); !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			v.failed <- fmt.Errorf("serve %v: %w", l.Addr(), err)
		}
	}()
	return v
}

// httpServer bounds what a client can make us hold. Handlers bound themselves,
// and the reading of bodies, so there is time to write what they say. To read
// is allowed for as long: the limit also ends the read with which net/http
// watches for the client to leave, and with that the connection for calls that
// come later.
func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       assign.MaxWait + 5*time.Second,
		WriteTimeout:      assign.MaxWait + 5*time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
}

// refuse lets nobody new in.
func (v *serving) refuse() {
	_ = v.listener.Close()
	<-v.done
}

// stop waits for requests to finish, and cuts off those that do not by the end
// of ctx.
func (v *serving) stop(ctx context.Context) error {
	if err := v.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests did not finish: %w", err), v.Close())
	}
	return nil
}
