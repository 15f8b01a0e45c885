package failover

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"fairlead/internal/dbtest"
)

// A site is a primary with one replica.
type site struct {
	dialect
	primary, replica *node
	link             *relay // between them
	account          *node  // whose account the instances use
	schema           string
	password         string // of replicas
	nodes            int    // so far
}

// A node is a database server.
type node struct {
	*dbtest.Private
	admin *sqlx.DB
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{dialect: mariaDB, password: rand.Text()}
	if os.Getenv("FAIRLEAD_TEST_ENGINE") == "mysql" { // which dbtest goes by too
		s.dialect = mySQL
	}
	s.primary = s.newNode(t)
	s.account = s.primary
	s.schema = s.primary.New().Schema
	s.primary.must(t, fmt.Sprintf(`CREATE USER replica@'%%' IDENTIFIED BY '%s'`, s.password), `GRANT REPLICATION SLAVE ON *.* TO replica@'%'`)
	s.addReplica(t)
	return s
}

func (s *site) newNode(t *testing.T) *node {
	t.Helper()
	s.nodes++
	args := append([]string{fmt.Sprintf("--server-id=%d", s.nodes)}, s.args...)
	n := &node{Private: dbtest.Place{Host: "127.0.0.1"}.NewServer(t, args...)}
	cfg, err := mysql.ParseDSN(n.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = &mysql.NopLogger{} // it would tell that the server was killed
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.admin = sqlx.NewDb(sql.OpenDB(connector), "mysql")
	t.Cleanup(func() { n.admin.Close() })
	return n
}

// addReplica gives the primary a replica with all that it has, accounts
// included, and makes commits wait for it from now on.
func (s *site) addReplica(t *testing.T) {
	t.Helper()
	n := s.newNode(t)
	// The account that every new server is given comes from the primary too.
	n.must(t, `DROP USER fairlead@'%'`, s.forget)
	n.must(t, s.protect...)
	n.must(t, s.acknowledge...)
	s.link = newRelay(t, s.primary.Address())
	_, port, err := net.SplitHostPort(s.link.Listen)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range s.follow {
		n.must(t, strings.NewReplacer("{port}", port, "{password}", s.password).Replace(q))
	}
	s.primary.must(t, s.await...)
	eventually(t, "the replica follows", func(ctx context.Context) error {
		var name string
		var count int
		if err := s.primary.admin.QueryRowxContext(ctx, fmt.Sprintf(`SHOW GLOBAL STATUS LIKE '%s'`, s.followers)).Scan(&name, &count); err != nil || count == 1 {
			return err
		}
		return fmt.Errorf("%d followers", count)
	})
	s.replica = n
}

// dsn connects to the primary by way of a relay. Every replica has the account
// too.
func (s *site) dsn(by *relay) string { return s.account.NetworkDSN(by.Listen, s.schema) }

// takeOver makes the replica the primary, once it has applied all that it has
// received. The primary must be dead.
func (s *site) takeOver(t *testing.T) {
	t.Helper()
	s.replica.must(t, s.stopReceiving)
	received := s.arrived(t)
	var failed int
	if err := s.replica.admin.GetContext(t.Context(), &failed, s.applied, received); err != nil || failed != 0 {
		t.Fatalf("wait for %s to be applied: %d %v", received, failed, err)
	}
	s.replica.must(t, s.promote...)
	s.primary, s.replica = s.replica, nil
}

// arrived is what the replica has received, applied or not, in the server's
// own terms.
func (s *site) arrived(t *testing.T) string {
	t.Helper()
	status := map[string]any{}
	if err := s.replica.admin.QueryRowxContext(t.Context(), s.receivedFrom).MapScan(status); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s", status[s.received])
}

func (n *node) must(t *testing.T, queries ...string) {
	t.Helper()
	for _, q := range queries {
		if _, err := n.admin.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// eventually fails the test unless try succeeds within a while.
func eventually(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute; last: %v", what, err)
		}
	}
}
