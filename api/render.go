package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// A Time is written in UTC with microseconds, which is how it is stored.
type Time time.Time

// MarshalJSON always writes all six digits, so that times of the same length
// sort as text.
func (t Time) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 32), `"2006-01-02T15:04:05.000000Z"`), nil
}

// timeOrNull is null for the zero time.
func timeOrNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return (*Time)(&t)
}

// textOrNull is null for no text.
func textOrNull[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	text := string(s)
	return &text
}

// numberOrNull is null for 0, where that stands for a number that is not known.
func numberOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is the largest buffer that is kept for later answers. A full page of
// a list would else stay in memory for ever.
const maxKept = 64 << 10

// answer renders v as a success.
func (x *exchange) answer(status int, v any) error {
	return x.render(status, echo.MIMEApplicationJSON, v)
}

func (x *exchange) render(status int, contentType string, v any) error {
	b := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= maxKept {
			b.Reset()
			buffers.Put(b)
		}
	}()
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode %T: %w", v, err)
	}
	x.write(status, contentType, b.Bytes())
	return nil
}

// write sends an answer. If that fails the client has gone, and nobody is left
// to tell.
func (x *exchange) write(status int, contentType string, body []byte) {
	w := x.Response()
	w.Header().Set(echo.HeaderContentType, contentType)
	w.Header().Set(echo.HeaderContentLength, strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if x.Request().Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
