package speed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A caller asks for planners, one request at a time.
type caller interface {
	// assign wants a planner of pool for a key, and nothing but success.
	assign(pool, key string) error
	close()
}

// newKey is a key as callers make them: no two alike, and in no order, so that
// the index of keys is written all over.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// body asks for a planner, and for a number if there is one. The pools have
// none: a stock of numbers would end before the benchmark does.
const body = `{"customer":"customer-4711"}`

func path(pool string) string { return "/v1/pools/" + pool + "/assignments" }

// A lightCaller speaks just enough HTTP to cost the machine little, as wrk
// does.
type lightCaller struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

func dialLight(addr string) (caller, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &lightCaller{conn: conn, in: bufio.NewReader(conn)}, nil
}

func (c *lightCaller) close() { _ = c.conn.Close() }

func (c *lightCaller) assign(pool, key string) error {
	status, answer, err := c.send("POST", path(pool), "Idempotency-Key: "+key+"\r\n", body)
	if err == nil && !strings.Contains(status, "201") {
		err = fmt.Errorf("%s%s", status, answer)
	}
	return err
}

// send returns the first line of the answer, and its body.
func (c *lightCaller) send(method, path, header, body string) (status string, answer []byte, err error) {
	c.out.Reset()
	fmt.Fprintf(&c.out, "%s %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", method, path, header, len(body), body)
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return "", nil, err
	}
	if status, err = c.in.ReadString('\n'); err != nil {
		return "", nil, err
	}
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return "", nil, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(string(v)))
		}
	}
	answer = make([]byte, length)
	_, err = io.ReadFull(c.in, answer)
	return status, answer, err
}

// A plainCaller is Go's own client, which most services written in Go call
// with. It costs the machine about as much as a server does.
type plainCaller struct {
	client *http.Client
	base   string
}

func dialPlain(addr string) (caller, error) {
	return &plainCaller{
		client: &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second},
		base:   "http://" + addr,
	}, nil
}

func (c *plainCaller) close() { c.client.CloseIdleConnections() }

func (c *plainCaller) assign(pool, key string) error {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.base+path(pool), strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	resp, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return nil
}
