package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairlead/assign"
)

// The most bytes that a body may have.
const (
	maxBody     = 16 << 10
	maxBulkBody = 4 << 20
)

func invalid(field, problem string) error {
	return &assign.InvalidError{Field: field, Problem: problem}
}

// outside is for numbers that are not from least to most.
func outside(field string, least, most int64) error {
	return invalid(field, fmt.Sprintf("must be %d to %d", least, most))
}

// body reads a JSON body of at most limit bytes. It is empty if there is none.
func (x *exchange) body(limit int64) ([]byte, error) {
	r := x.Request()
	switch {
	case r.ContentLength == 0:
		return nil, nil
	case r.ContentLength > limit:
		return nil, &tooLargeError{limit}
	case r.ContentLength > 0 && !declaredJSON(r.Header):
		return nil, errMediaType
	}
	// A body that trickles in must not outlast the caller's patience. Where that
	// cannot be set, the server's limit holds.
	c := http.NewResponseController(x.Response())
	_ = c.SetReadDeadline(x.bodyBy)
	// The writer beneath echo's is told when the limit is passed, so that the
	// connection is not kept for the rest of the body.
	b, err := io.ReadAll(http.MaxBytesReader(x.Response().Writer, r.Body, limit))
	switch e := (*http.MaxBytesError)(nil); {
	case errors.As(err, &e):
		return nil, &tooLargeError{limit}
	case err != nil:
		return nil, invalid("body", "did not arrive to its end in time")
	}
	// Behind the body net/http reads on, to see the client leave. To end that
	// read would cancel whatever else comes on this connection.
	_ = c.SetReadDeadline(time.Time{})
	if len(b) > 0 && !declaredJSON(r.Header) {
		return nil, errMediaType
	}
	return b, nil
}

// declaredJSON reports whether the headers say that the body is plain JSON in
// UTF-8. A missing type counts as another: it is what a browser can send to a
// foreign site without asking.
func declaredJSON(h http.Header) bool {
	types := h[echo.HeaderContentType]
	if len(types) != 1 || h.Get(echo.HeaderContentEncoding) != "" {
		return false
	}
	if types[0] == echo.MIMEApplicationJSON {
		return true
	}
	kind, params, err := mime.ParseMediaType(types[0])
	if err != nil || kind != echo.MIMEApplicationJSON {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}
