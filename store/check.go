package store

import (
	"context"
	"errors"
	"strconv"

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

// Engines that are not like the others in something. TiDB is asked less: its
// named locks are of another kind.
const (
	mariadb = "MariaDB"
	tidb    = "TiDB"
)

func engineOf(version string) Engine {
	switch lock.DialectOf(version) {
	case lock.TiDB:
		return Engine{tidb, version}
	case lock.MariaDB:
		return Engine{mariadb, version}
	}
	return Engine{"MySQL", version}
}

// vital are the checks whose failures no program of ours can live with.
var vital = []check{checkEngine, checkWriter, checkBinlog, checkPacket, checkProxy, checkSession}

// Check connects, and finds out whether the server is one that Fairlead can
// keep its promises on. An error wrapping [ErrUnsuitable] is final, and says
// what [Store.Diagnose] says; any other may pass, for instance when the
// database is only down.
func (s *Store) Check(ctx context.Context) (Engine, error) {
	f, err := s.facts(ctx)
	if err != nil {
		return Engine{}, err
	}
	for _, c := range vital {
		v, err := c.look(ctx, s, f)
		if err == nil {
			err = v.refusal()
		}
		if err != nil {
			return f.engine, err
		}
	}
	size, _ := strconv.ParseInt(f.global["max_allowed_packet"], 10, 64)
	s.maxPacket.Store(size)
	return f.engine, nil
}

// CheckRights returns an error wrapping [ErrUnsuitable] if this account may not
// do what units and reads do. The tables should be there: who has rights on
// single tables has none on those that are not. That a server does not say is
// no error.
func (s *Store) CheckRights(ctx context.Context) error {
	v, err := lookAtRights(ctx, s, facts{})
	switch {
	case unanswered(err):
		return nil
	case err != nil:
		return err
	}
	return v.refusal()
}
