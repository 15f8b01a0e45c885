package speed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"fairlead/api"
	"fairlead/observe"
	"fairlead/store"
)

// Servers are processes of their own, with their log in a file as it would be
// in production. Ours is the program as it is shipped; the others are this test
// program, run again with these variables.
const (
	envServe = "FAIRLEAD_SPEED_SERVE" // what to be: a name of ways
	envDSN   = "FAIRLEAD_SPEED_DSN"   // on which database
	envPool  = "FAIRLEAD_SPEED_CONNECTIONS"
)

// A server is a running one.
type server struct {
	addr, admin string
	pid         int
}

var announced = regexp.MustCompile(`serves http://(\S+).*?(?:operators: http://([^/]+)/.*)?$`)

// start runs cmd until the benchmark ends, and waits until it says where it
// serves.
func start(b *testing.B, cmd *exec.Cmd) *server {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		log.Close()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := announced.FindStringSubmatch(lines.Text()); found != nil {
			go io.Copy(io.Discard, out)
			return &server{addr: found[1], admin: found[2], pid: cmd.Process.Pid}
		}
	}
	said, _ := os.ReadFile(log.Name())
	b.Fatalf("%v ended before it served:\n%s", cmd.Args, said)
	return nil
}

// ours starts the program on the database, with further flags.
func ours(b *testing.B, dsn string, flags ...string) *server {
	b.Helper()
	return start(b, binary.Command(append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--dsn=" + dsn}, flags...)...))
}

// other starts this program as something to compare with.
func other(b *testing.B, name, dsn string) *server {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envServe+"="+name, envDSN+"="+dsn, envPool+"="+strconv.Itoa(textbookConnections))
	return start(b, cmd)
}

func (s *server) light() (caller, error) { return dialLight(s.addr) }
func (s *server) plain() (caller, error) { return dialPlain(s.addr) }

// memory is what the process has in memory, now or at most so far ("VmRSS",
// "VmHWM"), in MiB.
func (s *server) memory(b *testing.B, what string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		b.Skipf("memory cannot be seen here: %v", err)
	}
	_, rest, _ := strings.Cut(string(status), what+":")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// connections is how many connections to the database the process has open.
func (s *server) connections(b *testing.B) float64 {
	b.Helper()
	resp, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	open := 0.0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), "go_sql_open_connections{"); found {
			n, err := strconv.ParseFloat(text[strings.LastIndexByte(text, ' ')+1:], 64)
			if err != nil {
				b.Fatal(err)
			}
			open += n
		}
	}
	return open
}

// serve is what this program does when it is one of the others.
func serve(name string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler, err := handlerOf(name)
	if err != nil {
		return err
	}
	fmt.Printf("serves http://%s\n", l.Addr())
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	return s.Serve(l)
}

func handlerOf(name string) (http.Handler, error) {
	switch name {
	case "empty":
		e := echo.New()
		e.POST("/v1/pools/:pool/assignments", func(c echo.Context) error { return c.NoContent(http.StatusCreated) })
		return e, nil
	case "textbook":
		return textbookHandler(os.Getenv(envDSN))
	}
	return nil, errors.New("what is " + name + "?")
}

// textbookHandler is the same HTTP service, its log and metrics included, with
// the textbook lock behind it.
func textbookHandler(dsn string) (http.Handler, error) {
	log, err := observe.NewLog(os.Stderr, "text", "info")
	if err != nil {
		return nil, err
	}
	reads, err := store.Open(dsn, store.Options{Log: log})
	if err != nil {
		return nil, err
	}
	connections, err := strconv.Atoi(os.Getenv(envPool))
	if err != nil {
		return nil, err
	}
	book, err := newTextbook(dsn, connections)
	if err != nil {
		return nil, err
	}
	metrics := observe.NewMetrics(prometheus.NewRegistry())
	s := &api.Server{
		Writes:  &observe.Writes{Next: book, Metrics: metrics, Code: api.Code},
		Reads:   reads,
		Locks:   reads.Locks(),
		Log:     log,
		Observe: metrics.HTTP,
		Ready:   func(context.Context) error { return nil },
	}
	return s.Public(), nil
}
