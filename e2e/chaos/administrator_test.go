package chaos

import (
	"database/sql"
	"testing"
	"time"

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
	// Who was refused takes the place until the server is through with it.
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := n.admin.PingContext(t.Context()) // and it stays
		if err == nil {
			break
		}
		if !isFull(err) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if err := n.getIn(t.Context()); err != nil {
		t.Error(err)
	}
}
