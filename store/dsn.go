package store

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
)

// Limits that every session of ours has, in seconds. They bound how long
// others wait for one of our sessions that was cut off without a word.
const (
	waitTimeout       = 20 // idle, with or without a transaction; or not reading what the server sends
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
	cfg, err := looking(dsn)
	if err == nil && cfg.DBName == "" {
		return nil, fmt.Errorf("data source name: no database after the slash; write user:password@tcp(host:3306)/fairlead")
	}
	return cfg, err
}

// looking is config for who only looks, and needs no schema.
func looking(dsn string) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("data source name: %w", err)
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
	cfg.ConnectionAttributes = withAttribute(cfg.ConnectionAttributes, "program_name", "fairlead")
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	for name, value := range sessionVariables {
		cfg.Params[name] = value
	}
	return cfg, nil
}

// sessionVariables are what each of our sessions sets, whatever the server's
// own defaults are. A limit on the rows of a SELECT would hide planners from a
// unit; with autocommit off, a read would keep its first snapshot for ever.
var sessionVariables = map[string]string{
	"time_zone":                "'+00:00'",
	"sql_mode":                 "'" + strictMode + "'",
	"autocommit":               "1",
	"sql_select_limit":         "18446744073709551615",
	"wait_timeout":             fmt.Sprint(waitTimeout),
	"net_write_timeout":        fmt.Sprint(waitTimeout), // by default a minute
	"innodb_lock_wait_timeout": fmt.Sprint(rowLockTimeout),
	"lock_wait_timeout":        fmt.Sprint(schemaLockTimeout),
}

// The driver takes attributes in one text, name:value,name:value, without a way
// to escape anything. The server keeps those of a connection in 512 bytes by
// default, and cuts off what does not fit; the driver's own come first.
const maxInstance = 128

// named returns cfg for the connections of one instance's role, which shows in
// the server's own tables: performance_schema.session_connect_attrs. What the
// data source name says of the same kind is kept. An empty instance is left out.
func named(cfg *mysql.Config, instance, role string) (*mysql.Config, error) {
	if len(instance) > maxInstance || !utf8.ValidString(instance) ||
		strings.ContainsFunc(instance, func(r rune) bool { return r == ',' || !unicode.IsPrint(r) }) {
		return nil, fmt.Errorf("instance %q: it may have up to %d bytes of UTF-8, without commas and control characters", instance, maxInstance)
	}
	cfg = cfg.Clone()
	if instance != "" {
		cfg.ConnectionAttributes = withAttribute(cfg.ConnectionAttributes, "instance", instance)
	}
	cfg.ConnectionAttributes = withAttribute(cfg.ConnectionAttributes, "role", role)
	return cfg, nil
}

// withAttribute adds an attribute to those of a connection, unless it is there.
func withAttribute(all, name, value string) string {
	for a := range strings.SplitSeq(all, ",") {
		if strings.HasPrefix(a, name+":") {
			return all
		}
	}
	return strings.TrimPrefix(all+","+name+":"+value, ",")
}

// driverSettings are the driver's own parameters that must be as they are.
var driverSettings = map[string]string{
	"parseTime":         "true",
	"loc":               "UTC",
	"interpolateParams": "true",
	"rejectReadOnly":    "true",
	"checkConnLiveness": "true",
	"charset":           "utf8mb4", // others lose characters, and some can be escaped from
}

// notYours are parameters that may not be given at all.
var notYours = []string{"tx_isolation", "transaction_isolation", "allowAllFiles", "multiStatements"}

// conflict finds what a data source name asks for and must not. The server
// takes the names of variables in any case.
func conflict(dsn string) error {
	_, query, _ := strings.Cut(dsn[strings.LastIndexByte(dsn, '/')+1:], "?")
	asked, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("data source name: parameters: %w", err)
	}
	for name, values := range asked {
		for _, forced := range []map[string]string{driverSettings, sessionVariables} {
			for must, want := range forced {
				if strings.EqualFold(name, must) && (name != must || !strings.EqualFold(values[0], want)) {
					return fmt.Errorf("data source name: %s=%s cannot be: Fairlead needs %s=%s; leave the parameter out", name, values[0], must, want)
				}
			}
		}
		if slices.ContainsFunc(notYours, func(n string) bool { return strings.EqualFold(n, name) }) {
			return fmt.Errorf("data source name: %s cannot be set: Fairlead sets what it needs itself; leave the parameter out", name)
		}
	}
	if c := asked.Get("collation"); c != "" && !strings.HasPrefix(c, "utf8mb4_") {
		return fmt.Errorf("data source name: collation=%s cannot be: Fairlead needs one of utf8mb4", c)
	}
	return nil
}
