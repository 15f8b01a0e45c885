package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"fairlead/api/client"
	"fairlead/e2e/wire"
	"fairlead/internal/dbtest"
)

// An instance is killed between its commit and its answer. Who asks another the
// same again gets the answer to what was done, and it was done once.
func TestLifeKilledBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	server := dbtest.Place{Host: "127.0.0.1"}.NewServer(t)
	for how, kind := range map[string]string{"release": "assignment_released", "void": "assignment_voided", "reassign": "assignment_reassigned"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			db := server.New()
			admin := db.Open(t)
			network := wire.New(t, server.Address())
			l := &life{T: t, db: db}
			l.i = binary.Start(t, "--dsn="+server.NetworkDSN(server.Address(), db.Schema), "--log-level=error")
			doomed := binary.Start(t, "--dsn="+server.NetworkDSN(network.Addr(), db.Schema), "--log-level=error")
			ask[client.Pool](l, 201, "PUT", "/v1/pools/"+lifePool, `{}`)
			l.staff(3)
			l.stock(1)
			a := l.assignTo("p0", "")
			body, header := "", []string{"Idempotency-Key", "once"}
			if how == "reassign" {
				body = `{"reason": "mistake"}`
			}

			trap := network.Arm(wire.Trap{Pool: lifePool, Step: wire.BehindCommit, Do: wire.Hold, For: time.Minute})
			answered := make(chan error, 1)
			go func() {
				req, err := http.NewRequest("POST", doomed.URL+"/v1/assignments/"+a.ID+"/"+how, bytes.NewBufferString(body))
				if err == nil {
					req.Header.Set("Content-Type", "application/json")
					req.Header.Set(header[0], header[1])
					var r *http.Response
					if r, err = doomed.HTTP.Do(req); err == nil {
						r.Body.Close()
					}
				}
				answered <- err
			}()
			var held wire.Sprung
			select {
			case held = <-trap.Sprung():
			case err := <-answered:
				t.Fatalf("the call was not caught: %v", err)
			}
			session, err := held.Session(t.Context(), admin)
			if err != nil {
				t.Fatal(err)
			}
			doomed.Kill(t)
			if err := <-answered; err == nil {
				t.Error("the killed instance has answered")
			}
			if _, err := admin.Exec(fmt.Sprint("KILL CONNECTION ", session)); err != nil { // as the server's own timeout would
				t.Fatal(err)
			}

			done := l.get(a.ID)
			if done.State == "active" && done.ReassignedTo == nil {
				t.Fatalf("it was not committed: %s", jsonOf(done))
			}
			for range 2 {
				l.unchanged(func() { l.same(done, l.end(a, how, body, header...)) })
			}
			if n := l.kinds(kind); n != 1 {
				t.Errorf("it was done %d times", n)
			}
			l.well()
		})
	}
}
