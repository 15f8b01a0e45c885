package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"fairlead/migrations"
)

// changing are the rights that migrations need: up, and DROP to go back.
var changing = []string{"CREATE", "ALTER", "INDEX", "DROP"}

var checkMigrations = check{"migrations", func(ctx context.Context, s *Store, f facts) (verdict, error) {
	status, err := s.SchemaStatus(ctx)
	if err != nil {
		return verdict{}, err
	}
	behind := behind(status)
	switch {
	case len(status.Pending) == 0:
		return s.newer(ctx, status.Newest)
	case f.plan.MigrateOff:
		return note(fail(behind, migrateFirst)), nil
	case f.refusesWrites(): // a service that is to start here too
		return note(warn(behind, "run on the server that takes writes: fairlead migrate up")), nil
	}
	// The name is nobody's table.
	missing, err := missingOn(ctx, s.reads, "fairlead_doctor_"+strings.ToLower(rand.Text()[:10]), "", changing)
	if err != nil || len(missing) == 0 {
		return note(warn(behind+": serve brings it up to date when it starts", "to do it before, run: fairlead migrate up")), err
	}
	who, err := account(ctx, s.reads)
	rights := strings.Join(missing, ", ")
	return note(warn(behind+"; serve would bring it up to date when it starts, and "+who+" lacks "+rights+" to do it",
		fmt.Sprintf("run with an account that may: fairlead migrate up; or GRANT %s ON %s.* TO %s", rights, backticked(s.schema), who))), err
}}

// migrateFirst is what to do about a schema that is behind.
const migrateFirst = "run: fairlead migrate up"

func behind(status migrations.Status) string {
	return fmt.Sprintf("its schema has version %d and this program needs %d", status.Version, status.Newest)
}

// newer finds a schema that a later program has been at.
func (s *Store) newer(ctx context.Context, newest int64) (verdict, error) {
	var version int64
	err := s.reads.GetContext(ctx, &version, `SELECT COALESCE(MAX(version_id), 0) FROM `+versionTable)
	switch {
	case err != nil:
		return verdict{}, fmt.Errorf("ask for the schema's version: %w", err)
	case version > newest:
		return note(warn(fmt.Sprintf("its schema has version %d, of a newer program than this one, which knows %d", version, newest),
			"nothing if this is the older half of an update; else run the newer program")), nil
	}
	return verdict{fine: fmt.Sprintf("its schema has version %d, which is the newest", version)}, nil
}
