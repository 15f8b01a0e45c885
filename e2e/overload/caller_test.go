package overload

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// A verdict is what a call came to.
type verdict uint8

const (
	assigned verdict = iota
	busy             // 503 pool_busy
	unknown          // 503 outcome_unknown
	unavailable
	strange // any other answer
	broken  // no answer
	verdicts
)

func (v verdict) String() string {
	return [...]string{"assigned", "pool_busy", "outcome_unknown", "unavailable", "strange answers", "broken connections"}[v]
}

// refused reports whether the answer says that nothing was changed.
func (v verdict) refused() bool { return v == busy || v == unavailable }

// A caller speaks just enough HTTP, over one connection that it keeps, to cost
// the machine little.
type caller struct {
	addr     string
	patience time.Duration // sent as Request-Timeout

	conn net.Conn // nil when the next call must dial
	in   *bufio.Reader
	out  bytes.Buffer
	body bytes.Buffer
}

func (c *caller) dial() error {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	c.conn = conn
	if c.in == nil {
		c.in = bufio.NewReaderSize(conn, 1024)
	}
	c.in.Reset(conn)
	return nil
}

// greet connects, and asks something at once: the instance hangs up soon on who
// says nothing at first.
func (c *caller) greet() error {
	if err := c.dial(); err != nil {
		return err
	}
	if _, err := c.conn.Write([]byte("GET /healthz HTTP/1.1\r\nHost: overload\r\n\r\n")); err != nil {
		return err
	}
	a, err := readHead(c.in)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, c.in, a.length)
	return err
}

func (c *caller) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// assign asks for a planner. The error says what is wrong with an answer that
// is not as promised, or why there is none.
func (c *caller) assign(pool, key string) (verdict, error) {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return broken, err
		}
	}
	a, err := c.exchange(pool, key)
	if err != nil {
		c.hangUp()
		return broken, err
	}
	if a.last {
		c.hangUp()
	}
	return a.judge(c.body.Bytes())
}

func (c *caller) exchange(pool, key string) (a answer, err error) {
	const body = `{"number":"none"}`
	c.out.Reset()
	fmt.Fprintf(&c.out, "POST /v1/pools/%s/assignments HTTP/1.1\r\nHost: overload\r\nContent-Type: application/json\r\n"+
		"Idempotency-Key: %s\r\nRequest-Timeout: %g\r\nContent-Length: %d\r\n\r\n%s", pool, key, c.patience.Seconds(), len(body), body)
	if err := c.conn.SetDeadline(time.Now().Add(c.patience + 30*time.Second)); err != nil {
		return a, err
	}
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return a, err
	}
	if a, err = readHead(c.in); err != nil {
		return a, err
	}
	c.body.Reset()
	_, err = io.CopyN(&c.body, c.in, a.length)
	return a, err
}

// An answer is the head of one.
type answer struct {
	status     int
	length     int64
	retryAfter int  // seconds; 0 if there is none
	last       bool // the server closes the connection
}

func readHead(in *bufio.Reader) (a answer, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return a, fmt.Errorf("status line %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, err
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return a, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			a.length, err = strconv.ParseInt(string(value), 10, 64)
		case "Retry-After":
			a.retryAfter, err = strconv.Atoi(string(value))
		case "Connection":
			a.last = string(value) == "close"
		}
		if err != nil {
			return a, err
		}
	}
}

func (a answer) judge(body []byte) (verdict, error) {
	v := strange
	switch {
	case a.status == 201:
		return assigned, nil
	case a.status != 503:
	case bytes.Contains(body, []byte(`"code":"pool_busy"`)):
		v = busy
	case bytes.Contains(body, []byte(`"code":"outcome_unknown"`)):
		v = unknown
	case bytes.Contains(body, []byte(`"code":"unavailable"`)):
		v = unavailable
	}
	switch {
	case v == strange:
		return v, fmt.Errorf("%d %s", a.status, body)
	case a.retryAfter < 1:
		return v, fmt.Errorf("no Retry-After with %s", body)
	}
	return v, nil
}
