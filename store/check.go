package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fairlead/lock"
)

// ErrUnsuitable means that the database answers, but that Fairlead cannot keep
// its promises on it. Waiting does not help.
var ErrUnsuitable = errors.New("this database cannot be used")

// An Engine is what answers behind the data source name.
type Engine struct {
	Name    string // MySQL, MariaDB or TiDB
	Version string // as the server says it
}

// Check connects, and finds out whether the server is one that Fairlead can
// keep its promises on. An error wrapping [ErrUnsuitable] is final; any other
// may pass, for instance when the database is only down.
func (s *Store) Check(ctx context.Context) (Engine, error) {
	var version string
	if err := s.reads.GetContext(ctx, &version, `SELECT VERSION()`); err != nil {
		return Engine{}, unreachable(err)
	}
	e := engineOf(version)
	for _, check := range []func(context.Context, Engine) error{s.checkVersion, s.checkWriter, s.checkBinlog, s.checkPacket, s.checkLock} {
		if err := check(ctx, e); err != nil {
			return e, err
		}
	}
	return e, nil
}

func engineOf(version string) Engine {
	switch {
	case strings.Contains(version, "TiDB"):
		return Engine{"TiDB", version}
	case strings.Contains(version, "MariaDB"):
		return Engine{"MariaDB", version}
	}
	return Engine{"MySQL", version}
}

// oldest is the first version of each engine that the promises were made for,
// as major*100 + minor.
var oldest = map[string]int{"MySQL": 800, "MariaDB": 1006, "TiDB": 0}

func (s *Store) checkVersion(_ context.Context, e Engine) error {
	// MariaDB may put 5.5.5- in front for the sake of old clients.
	parts := strings.SplitN(strings.TrimPrefix(e.Version, "5.5.5-"), ".", 3)
	major, _ := strconv.Atoi(parts[0])
	minor := 0
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	if major*100+minor < oldest[e.Name] {
		return fmt.Errorf("%w: %s %s is too old; use MySQL 8.0, MariaDB 10.6 or later", ErrUnsuitable, e.Name, e.Version)
	}
	return nil
}

// checkWriter refuses servers that are not the one writer: Galera commits on
// several nodes at once, none of which knows the others' named or row locks.
func (s *Store) checkWriter(ctx context.Context, _ Engine) error {
	for _, v := range []struct{ name, refuse, why string }{
		{"wsrep_on", "ON", "Galera is on (wsrep_on), and locks of one node are unknown to the others; use a single server"},
		{"read_only", "ON", "the server is read-only (read_only); use the one that takes writes"},
		{"super_read_only", "ON", "the server is read-only (super_read_only); use the one that takes writes"},
		{"group_replication_single_primary_mode", "OFF", "group replication has several primaries, and locks of one are unknown to the others; use single-primary mode"},
	} {
		value, err := s.variable(ctx, v.name)
		if err != nil {
			return err
		}
		if strings.EqualFold(value, v.refuse) {
			return fmt.Errorf("%w: %s", ErrUnsuitable, v.why)
		}
	}
	return nil
}

// checkBinlog refuses a binary log of statements, with which the server takes
// no writes under READ COMMITTED.
func (s *Store) checkBinlog(ctx context.Context, _ Engine) error {
	on, err := s.variable(ctx, "log_bin")
	if err != nil {
		return err
	}
	format, err := s.variable(ctx, "binlog_format")
	if err == nil && on == "ON" && format == "STATEMENT" {
		return fmt.Errorf("%w: binlog_format is STATEMENT, which takes no writes under READ COMMITTED; set it to ROW", ErrUnsuitable)
	}
	return err
}

// minPacket is the max_allowed_packet that large bulk calls need, in bytes. It
// is MariaDB's default; MySQL's is four times that.
const minPacket = 16 << 20

func (s *Store) checkPacket(ctx context.Context, _ Engine) error {
	value, err := s.variable(ctx, "max_allowed_packet")
	if err != nil {
		return err
	}
	size, _ := strconv.ParseInt(value, 10, 64)
	if size < minPacket {
		return fmt.Errorf("%w: max_allowed_packet is %s; set it to %d or more", ErrUnsuitable, value, minPacket)
	}
	s.maxPacket.Store(size)
	return nil
}

// variable returns a global variable of the server, empty if it has none of
// that name. A select of an unknown one would be an error.
func (s *Store) variable(ctx context.Context, name string) (string, error) {
	var got, value string
	err := s.reads.QueryRowxContext(ctx, `SHOW GLOBAL VARIABLES LIKE ?`, name).Scan(&got, &value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("ask for %s: %w", name, err)
	}
	return value, nil
}

func (s *Store) checkLock(ctx context.Context, e Engine) error {
	if s.lockOff {
		return nil
	}
	err := lock.SelfTest(ctx, s.reads, s.scope, e.Name != "TiDB")
	if errors.Is(err, lock.ErrShared) {
		return fmt.Errorf("%w: %w; connect to the server itself, or run with --lock=off", ErrUnsuitable, err)
	}
	return err
}
