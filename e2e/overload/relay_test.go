package overload

import (
	"fmt"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A relay stands between the instance and its database and keeps every packet
// for a while, which costs no processor time: a database that is slow because
// it is far away.
type relay struct{ *toxiproxy.Proxy }

func newRelay(t *testing.T, upstream string) *relay {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	r := &relay{toxiproxy.NewProxy(server, "database", "127.0.0.1:0", upstream)}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// slow makes each round trip take so much longer, half of it on either way.
func (r *relay) slow(t *testing.T, roundTrip time.Duration) {
	t.Helper()
	for _, way := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"type":"latency","stream":%q,"attributes":{"latency":%d}}`, way, roundTrip.Milliseconds()/2)
		if _, err := r.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatal(err)
		}
	}
}

// fast ends what slow did.
func (r *relay) fast(t *testing.T) {
	t.Helper()
	r.Toxics.ResetToxics(t.Context())
}
