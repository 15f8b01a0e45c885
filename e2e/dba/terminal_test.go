package dba

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo terminal with a program on it, and what a person would
// see there.
type terminal struct {
	master *os.File
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error

	mu     sync.Mutex
	screen screen
}

// onTerminal runs a program on a terminal of this size.
func onTerminal(t *testing.T, cmd *exec.Cmd, width, height int) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(height), Col: uint16(width)}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{master: master, cmd: cmd, ended: make(chan struct{}), screen: newScreen(width, height)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			term.mu.Lock()
			term.screen.write(string(buffer[:n]))
			term.mu.Unlock()
			if err != nil {
				return // EIO: the program has ended
			}
		}
	}()
	go func() {
		defer close(term.ended)
		term.err = cmd.Wait()
		<-read
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-term.ended
		master.Close()
	})
	return term
}

// String is what is on the screen.
func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.String()
}

func (t *terminal) await(tt *testing.T, text string) {
	tt.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(t.String(), text) {
		if time.Now().After(deadline) {
			tt.Fatalf("the terminal does not show %q:\n%s", text, t)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (t *terminal) typed(tt *testing.T, keys string) {
	tt.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		tt.Fatal(err)
	}
}

// code waits for the end of the program, and returns its exit code.
func (t *terminal) code(tt *testing.T) int {
	tt.Helper()
	select {
	case <-t.ended:
		return t.cmd.ProcessState.ExitCode()
	case <-time.After(20 * time.Second):
		tt.Fatalf("the program does not end:\n%s", t)
		return -1
	}
}

// A screen understands as much of a terminal's language as the program speaks.
type screen struct {
	cells      [][]rune
	row, col   int
	unfinished string // escape sequence
	scrolled   int    // lines that went out at the top
}

func newScreen(width, height int) screen {
	s := screen{cells: make([][]rune, height)}
	for i := range s.cells {
		s.cells[i] = []rune(strings.Repeat(" ", width))
	}
	return s
}

func (s *screen) String() string {
	var lines []string
	for _, row := range s.cells {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (s *screen) write(text string) {
	for _, r := range text {
		switch {
		case s.unfinished != "" || r == '\x1b':
			s.escape(r)
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.down()
		default:
			if s.col == len(s.cells[s.row]) { // a line that is too long goes on below
				s.col = 0
				s.down()
			}
			s.cells[s.row][s.col] = r
			s.col++
		}
	}
}

func (s *screen) down() {
	if s.row++; s.row == len(s.cells) {
		s.row--
		s.scrolled++
		s.cells = append(s.cells[1:], []rune(strings.Repeat(" ", len(s.cells[0]))))
	}
}

func (s *screen) escape(r rune) {
	s.unfinished += string(r)
	switch s.unfinished {
	case "\x1b[H":
		s.row, s.col = 0, 0
	case "\x1b[2J":
		s.clear(0, 0)
	case "\x1b[K":
		copy(s.cells[s.row][s.col:], []rune(strings.Repeat(" ", len(s.cells[s.row])-s.col)))
	case "\x1b[J":
		s.clear(s.row, s.col)
	case "\x1b", "\x1b[", "\x1b[2":
		return
	default:
		panic(fmt.Sprintf("the program says %q to a terminal, which this one does not understand", s.unfinished))
	}
	s.unfinished = ""
}

// clear empties the screen from a cell to the end.
func (s *screen) clear(row, col int) {
	for ; row < len(s.cells); row, col = row+1, 0 {
		copy(s.cells[row][col:], []rune(strings.Repeat(" ", len(s.cells[row])-col)))
	}
}
