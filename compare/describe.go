package compare

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// durabilitySettings decide what a commit costs and what it is worth.
var durabilitySettings = []string{"innodb_flush_log_at_trx_commit", "innodb_flush_method", "log_bin", "sync_binlog"}

// describe asks the server who it is and how it commits.
func (s *scratch) describe(ctx context.Context) (Database, error) {
	conn, err := s.admin.Connx(ctx)
	if err != nil {
		return Database{}, err
	}
	defer conn.Close()
	var d Database
	if err := conn.GetContext(ctx, &d.Version, `SELECT VERSION()`); err != nil {
		return d, fmt.Errorf("ask for the version: %w", err)
	}
	d.Engine = engineOf(d.Version)
	value := map[string]string{}
	for _, name := range durabilitySettings {
		if value[name], err = variable(ctx, conn, name); err != nil {
			return d, err
		}
		d.Settings = append(d.Settings, Setting{name, value[name]})
	}
	d.Durable = durable(d.Engine, value)
	d.RoundTrip, err = roundTrip(ctx, conn)
	return d, err
}

func engineOf(version string) string {
	for _, name := range []string{"MariaDB", "TiDB"} {
		if strings.Contains(version, name) {
			return name
		}
	}
	return "MySQL"
}

// variable returns a global variable, empty if the server has none of the name.
func variable(ctx context.Context, conn *sqlx.Conn, name string) (string, error) {
	var got, value string
	err := conn.QueryRowxContext(ctx, `SHOW GLOBAL VARIABLES LIKE ?`, name).Scan(&got, &value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("ask for %s: %w", name, err)
	}
	return value, nil
}

// durable reports whether a commit waits for the disk. With a binary log it has
// to wait for that too: after a crash, what is not in it is rolled back.
func durable(engine string, value map[string]string) bool {
	flush, method := value["innodb_flush_log_at_trx_commit"], strings.ToLower(value["innodb_flush_method"])
	switch {
	case engine == "TiDB": // its variables of these names mean nothing
		return true
	case flush != "1" && !(engine == "MariaDB" && flush == "3"):
		return false
	case method == "nosync" || method == "littlesync":
		return false
	}
	return !strings.EqualFold(value["log_bin"], "ON") || value["sync_binlog"] == "1"
}

// roundTrips is how many are measured.
const roundTrips = 201

// roundTrip is the median time of the least statement there is, in
// milliseconds.
func roundTrip(ctx context.Context, conn *sqlx.Conn) (float64, error) {
	times := make([]time.Duration, roundTrips)
	for i := range times {
		began := time.Now()
		var one int
		if err := conn.GetContext(ctx, &one, `SELECT 1`); err != nil {
			return 0, fmt.Errorf("measure the round trip: %w", err)
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return milliseconds(times[len(times)/2]), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
