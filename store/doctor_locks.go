package store

import (
	"cmp"
	"context"
	"errors"

	"fairlead/lock"
)

// checkProxy takes a lock of a random name to find out whether something moves
// our statements between sessions.
var checkProxy = check{"proxy", func(ctx context.Context, s *Store, f facts) (verdict, error) {
	if s.lockOff {
		return verdict{fine: "not asked: named locks are not used (--lock=off)"}, nil
	}
	err := lock.SelfTest(ctx, s.reads, s.scope, f.engine.Name != tidb)
	if errors.Is(err, lock.ErrShared) {
		return note(fail(err.Error(), "connect to the server itself, or run with --lock=off")), nil
	}
	return verdict{fine: "statements of one connection reach one session, and a named lock excludes another"}, err
}}

// checkLocks finds out how much of the locks people will see.
var checkLocks = check{"locks", func(ctx context.Context, s *Store, _ facts) (verdict, error) {
	report, err := lock.Inspect(ctx, s.reads, nil)
	if err != nil {
		return verdict{}, err
	}
	seen := "locks are read from " + string(report.Source)
	if report.CannotSee != "" {
		return note(warn(seen+". "+report.CannotSee, cmp.Or(report.Remedy, "nothing: this server has no better source"))), nil
	}
	return verdict{fine: seen + ": every holder and every waiter"}, nil
}}
