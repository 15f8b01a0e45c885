package localdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	// startLimit bounds a start. It is generous because a server that was
	// killed first replays its log.
	startLimit = 5 * time.Minute
	// stopLimit bounds a clean shutdown. Past it the server is killed, which
	// costs a replay at the next start and no data.
	stopLimit = 30 * time.Second
)

// Options say how to run the server. Only Dir is required.
type Options struct {
	// Dir is the folder that holds everything. It is created if missing, and
	// with it the folders above.
	Dir string
	// Log receives what happens to the server after it started. Nil discards.
	Log *slog.Logger
	// Installation is the server program. The zero value means what [Find]
	// returns.
	Installation Installation
	// BufferPool is the memory for cached pages, in bytes. Zero means a
	// quarter of the memory this program may use, at least 256 MiB and at
	// most 8 GiB.
	BufferPool int64
	// RedoLog is the size of the write-ahead log, in bytes. Zero means a
	// quarter of the buffer pool, at least 96 MiB and at most 256 MiB: a
	// larger log smooths writes, and lengthens the start after a crash.
	RedoLog int64
	// ShowLocks turns the performance schema on, with the instrument that
	// lists holders and waiters of named locks. It costs memory.
	ShowLocks bool
	// Once leaves the server down when it ends by itself. By default it is
	// started again.
	Once bool
	// Templates is a folder that keeps freshly made data folders, one for
	// each server program, so that new ones are copies. It is filled on first
	// use and may be shared by several programs. Copies are not forced to the
	// disk, so this is for tests. Empty means that each data folder is made
	// anew, which takes half a second longer.
	Templates string
	// Args are further options of the server. They win over those that this
	// package sets.
	Args []string
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("localdb: no folder given")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, fmt.Errorf("localdb: %w", err)
	}
	o.Dir = dir
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Installation.Server == "" {
		if o.Installation, err = Find(); err != nil {
			return o, err
		}
	}
	if o.BufferPool == 0 {
		o.BufferPool = min(max(memory()/4, 256<<20), 8<<30)
	}
	if o.RedoLog == 0 {
		o.RedoLog = min(max(o.BufferPool/4, 96<<20), 256<<20)
	}
	return o, nil
}

// A Server is a running private database. Its methods may be called from any
// goroutine.
type Server struct {
	opts     Options
	folder   *folder
	socket   string
	cancel   context.CancelFunc // tells the supervisor to stop the server
	done     chan struct{}      // closed when the supervisor has
	closeErr error              // readable after done

	mu    sync.Mutex
	child *child // nil while there is none
}

// Start runs the private database in opts.Dir, making the folder first if need
// be, and returns when it answers. It is bounded by ctx and by five minutes;
// ctx has no say over the server afterwards.
//
// Start returns an error wrapping [ErrInUse] if another program, or another
// Server of this one, has the folder, and one wrapping [ErrNotFound] if there
// is no server program. The caller must call [Server.Close].
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	f, err := claim(ctx, opts.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, folder: f, done: make(chan struct{})}
	c, err := s.begin(ctx)
	if err != nil {
		return nil, errors.Join(err, f.release())
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	go s.supervise(life, c)
	return s, nil
}

func (s *Server) begin(ctx context.Context) (*child, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := s.folder.prepare(ctx, s.opts); err != nil {
		return nil, err
	}
	var err error
	if s.socket, err = s.folder.placeSocket(); err != nil {
		return nil, err
	}
	return s.launch(ctx)
}

// Config returns how to connect to the server with schema as the default
// database, which may be empty. It stays valid when the server is restarted.
func (s *Server) Config(schema string) *mysql.Config {
	return socketConfig(s.socket, schema)
}

func socketConfig(socket, schema string) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", socket, schema
	return cfg
}

// Pid returns the process id of the server, or 0 while there is none: after it
// ended by itself and before its successor runs, and after Close.
func (s *Server) Pid() int {
	if c := s.current(); c != nil {
		return c.pid()
	}
	return 0
}

// Signal sends sig to the server. It returns [os.ErrProcessDone] if there is
// none at the moment.
func (s *Server) Signal(sig os.Signal) error {
	if c := s.current(); c != nil {
		return c.cmd.Process.Signal(sig)
	}
	return os.ErrProcessDone
}

// Close stops the server, cleanly if it can within half a minute, and gives
// the folder back. Later calls do nothing and return the same.
func (s *Server) Close() error {
	s.cancel()
	<-s.done
	return s.closeErr
}

func (s *Server) current() *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.child
}

func (s *Server) setCurrent(c *child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.child = c
}
