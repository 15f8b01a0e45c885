package failover

import (
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A relay is an instance's way to the database, as a virtual address is that
// moves from one server to another.
type relay struct{ *toxiproxy.Proxy }

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	r := &relay{toxiproxy.NewProxy(server, "database", "127.0.0.1:0", to)}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// point sends new connections elsewhere, and cuts off those there are.
func (r *relay) point(t *testing.T, to string) {
	t.Helper()
	if err := r.Update(&toxiproxy.Proxy{Listen: r.Listen, Upstream: to, Enabled: true}); err != nil {
		t.Fatal(err)
	}
}

// holdUp delays what clients say from now on by a minute; what servers say
// arrives at once.
func (r *relay) holdUp(t *testing.T) {
	t.Helper()
	if _, err := r.Toxics.AddToxicJson(strings.NewReader(`{"type":"latency","stream":"upstream","attributes":{"latency":60000}}`)); err != nil {
		t.Fatal(err)
	}
}
