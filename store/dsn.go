package store

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Limits that every session of ours has, in seconds. They bound how long
// others wait for one of our sessions that was cut off without a word.
const (
	waitTimeout       = 20 // idle, with or without a transaction
	rowLockTimeout    = 3  // waiting for a row
	schemaLockTimeout = 5  // waiting for DDL
)

// minReadTimeout is more than the longest wait for a lock, 30 s, which to the
// driver is a server that says nothing.
const minReadTimeout = 35 * time.Second

// strictMode makes the server refuse what it would otherwise bend: the fence
// relies on NULL in a NOT NULL column being an error.
const strictMode = "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// config turns a data source name into the driver's configuration: what it
// says of address, account, TLS, timeouts and collation is kept, what
// correctness needs is set. A name that asks for something else there is an
// error that says so.
func config(dsn string) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("data source name: %w", err)
	}
	if cfg.DBName == "" {
		return nil, fmt.Errorf("data source name: no database after the slash; write user:password@tcp(host:3306)/fairlead")
	}
	if err := conflict(dsn); err != nil {
		return nil, err
	}
	if cfg.ReadTimeout != 0 && cfg.ReadTimeout < minReadTimeout {
		return nil, fmt.Errorf("data source name: readTimeout=%v is shorter than a wait for a lock can be; leave it out, or make it %v or more", cfg.ReadTimeout, minReadTimeout)
	}
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	cfg.InterpolateParams = true
	cfg.RejectReadOnly = true
	cfg.CheckConnLiveness = true
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.ConnectionAttributes == "" {
		cfg.ConnectionAttributes = "program_name:fairlead"
	}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["time_zone"] = "'+00:00'"
	cfg.Params["sql_mode"] = "'" + strictMode + "'"
	for name, seconds := range map[string]int{
		"wait_timeout":             waitTimeout,
		"innodb_lock_wait_timeout": rowLockTimeout,
		"lock_wait_timeout":        schemaLockTimeout,
	} {
		cfg.Params[name] = fmt.Sprint(seconds)
	}
	return cfg, nil
}

// forced are the parameters that a data source name may repeat but not
// contradict, by what they are set to.
var forced = map[string]string{
	"parseTime":                "true",
	"loc":                      "UTC",
	"interpolateParams":        "true",
	"rejectReadOnly":           "true",
	"checkConnLiveness":        "true",
	"time_zone":                "'+00:00'",
	"sql_mode":                 "'" + strictMode + "'",
	"wait_timeout":             fmt.Sprint(waitTimeout),
	"innodb_lock_wait_timeout": fmt.Sprint(rowLockTimeout),
	"lock_wait_timeout":        fmt.Sprint(schemaLockTimeout),
}

func conflict(dsn string) error {
	_, query, _ := strings.Cut(dsn[strings.LastIndexByte(dsn, '/')+1:], "?")
	asked, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("data source name: parameters: %w", err)
	}
	for name, want := range forced {
		if got, ok := asked[name]; ok && !strings.EqualFold(got[0], want) {
			return fmt.Errorf("data source name: %s=%s cannot be: Fairlead needs %s; leave the parameter out", name, got[0], want)
		}
	}
	for _, name := range []string{"tx_isolation", "transaction_isolation", "autocommit", "allowAllFiles"} {
		if asked.Has(name) {
			return fmt.Errorf("data source name: %s cannot be set: Fairlead sets what it needs itself; leave the parameter out", name)
		}
	}
	return nil
}
