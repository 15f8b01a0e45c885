package chaos

import (
	"database/sql"
	"testing"

	"fairlead/internal/dbtest"
)

// TestAdministratorGetsIn is the case in which the one place that is left for
// administrators is taken by a connection of our own that nobody uses.
func TestAdministratorGetsIn(t *testing.T) {
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t, "--max-connections=10")
	db := server.New()
	n := &nemesis{cluster: &cluster{t: t, server: server, db: db, admin: db.Open(t)}}
	strangers, err := sql.Open("mysql", server.NetworkDSN(server.Address(), db.Schema))
	if err != nil {
		t.Fatal(err)
	}
	defer strangers.Close()
	for err == nil {
		_, err = strangers.Conn(t.Context())
	}
	if !isFull(err) {
		t.Fatal(err)
	}
	if err := n.admin.PingContext(t.Context()); err != nil { // and it stays
		t.Fatal(err)
	}
	if err := n.getIn(t.Context()); err != nil {
		t.Error(err)
	}
}
