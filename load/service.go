package load

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// serviceLimit is the most that the service takes for a call.
const serviceLimit = 10 * time.Second

// grace is how much longer than its deadline an answer is waited for.
const grace = 2 * time.Second

// A service is the one under test.
type service struct {
	client  *fasthttp.HostClient
	base    string // what every path is put behind
	host    string
	token   string
	timeout time.Duration
	closes  bool // every connection after one call
}

func connect(o *Options) (*service, error) {
	u, err := url.Parse(o.Target)
	if err != nil {
		return nil, err
	}
	tlsConfig := o.TLS
	if tlsConfig == nil {
		tlsConfig = &tls.Config{}
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return &service{
		base: strings.TrimSuffix(u.Path, "/"), host: u.Host, timeout: time.Duration(o.Timeout),
		token: o.Token, closes: !o.KeepAlive,
		client: &fasthttp.HostClient{
			Addr: address, IsTLS: u.Scheme == "https", TLSConfig: tlsConfig,
			Name:                      "fairlead-load",
			DialTimeout:               func(addr string, d time.Duration) (net.Conn, error) { return net.DialTimeout("tcp", addr, d) },
			MaxConns:                  2*o.Clients + 16, // some calls are repeated while they are under way
			MaxIdleConnDuration:       time.Minute,
			MaxIdemponentCallAttempts: 1, // whatever is repeated is repeated by us, who count it
			MaxResponseBodySize:       16 << 20,
			DisablePathNormalizing:    true,
		},
	}, nil
}

// A request is a call of the kinds that are measured.
type request struct {
	kind kind
	pool *subject
	key  string
	wish wish
	id   string // of the assignment to release
}

// A reply is what came back. It is good until the sender's next.
type reply struct {
	status      int
	body        []byte
	contentType []byte
	location    []byte
	retryAfter  []byte
	replayed    bool
	err         outcome // not ok if nothing came back that can be read
}

// A send makes one call at a time.
type send func(*request, *reply)

// sender returns a send with buffers of its own.
func (s *service) sender() send {
	call, response := &fasthttp.Request{}, &fasthttp.Response{}
	var path, body []byte
	return func(r *request, a *reply) {
		path = r.path(path[:0], s.base)
		body = r.body(body[:0])
		s.prepare(call, fasthttp.MethodPost, path, body)
		if s.timeout < serviceLimit {
			call.Header.Set("Request-Timeout", fmt.Sprint(s.timeout.Seconds()))
		}
		if r.kind != release {
			call.Header.Set("Idempotency-Key", r.key)
		}
		*a = reply{}
		if err := s.client.DoTimeout(call, response, s.timeout+grace); err != nil {
			a.err = failure(err)
			return
		}
		h := &response.Header
		a.status, a.body, a.contentType = response.StatusCode(), response.Body(), h.ContentType()
		a.location, a.retryAfter = h.Peek("Location"), h.Peek("Retry-After")
		a.replayed = string(h.Peek("Idempotency-Replayed")) == "true"
	}
}

// failure is how a call ended that was not answered. One that has no connection
// was never sent: else each of many such calls would have to be settled.
func failure(err error) outcome {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial" || errors.Is(err, fasthttp.ErrDialTimeout):
		return unreachable
	case errors.Is(err, fasthttp.ErrTimeout):
		return timeout
	}
	return broken
}

func (s *service) prepare(r *fasthttp.Request, method string, path, body []byte) {
	r.Reset()
	h := &r.Header
	h.SetMethod(method)
	h.SetRequestURIBytes(path)
	h.SetHost(s.host)
	if s.token != "" {
		h.Set("Authorization", "Bearer "+s.token)
	}
	if s.closes {
		h.SetConnectionClose()
	}
	if len(body) > 0 {
		h.SetContentType("application/json")
		r.SetBodyRaw(body)
	}
}

func (r *request) path(to []byte, base string) []byte {
	to = append(to, base...)
	if r.kind == release {
		return append(append(append(to, "/v1/assignments/"...), r.id...), "/release"...)
	}
	return append(append(append(to, "/v1/pools/"...), r.pool.id...), "/assignments"...)
}

// body needs no escapes: keys are our own.
func (r *request) body(to []byte) []byte {
	if r.kind == release {
		return to
	}
	to = append(append(append(to, `{"customer":"`...), r.key...), '"')
	if r.wish != preferred {
		to = append(append(append(to, `,"number":"`...), r.wish.String()...), '"')
	}
	return append(to, '}')
}

// patience is for how long calls that prepare and check a run are repeated.
const patience = 30 * time.Second

// ask makes a call that prepares or checks a run, and reads its answer. It
// repeats calls that the service could not answer just now, all of which can be
// repeated.
func (s *service) ask(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		again, err := s.askOnce(method, path, body, into)
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (s *service) askOnce(method, path string, body, into any) (again bool, err error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return false, err
		}
	}
	s.prepare(request, method, []byte(s.base+path), text)
	if err := s.client.DoTimeout(request, response, serviceLimit+grace); err != nil {
		return true, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if status := response.StatusCode(); status >= 300 {
		var p problem
		_ = json.Unmarshal(response.Body(), &p)
		return status == 503, &refusedError{fmt.Sprintf("%s %s", method, path), status, p}
	}
	if err := json.Unmarshal(response.Body(), into); err != nil {
		return false, fmt.Errorf("%s %s: %w: %s", method, path, err, excerpt(response.Body()))
	}
	return false, nil
}

// A refusedError is the refusal of a call that prepares or checks a run.
type refusedError struct {
	call   string
	status int
	problem
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s is refused with status %d %s: %s", e.call, e.status, e.Code, e.Detail)
}
