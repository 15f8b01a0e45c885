package store

import (
	"context"
	"fmt"
	"time"

	"fairlead/lock"
	"fairlead/migrations"
)

// migrateWait is how long a program waits for another that migrates the same
// database. Instances that start together all pass here.
const migrateWait = 30 * time.Second

// migrateTime is how long a change of the schema may take.
const migrateTime = 10 * time.Minute

// Migrate brings the schema up to date, under a named lock of its own, and
// returns the names of the changes that it made.
func (s *Store) Migrate(ctx context.Context) (applied []string, err error) {
	err = s.migrating(ctx, func(ctx context.Context) error {
		applied, err = migrations.Up(ctx, s.reads.DB)
		return err
	})
	return applied, err
}

// MigrateDown takes back the newest change, with the data in it, and returns
// its name, which is empty if there is none.
func (s *Store) MigrateDown(ctx context.Context) (undone string, err error) {
	err = s.migrating(ctx, func(ctx context.Context) error {
		undone, err = migrations.Down(ctx, s.reads.DB)
		return err
	})
	return undone, err
}

// SchemaStatus says where the schema stands.
func (s *Store) SchemaStatus(ctx context.Context) (migrations.Status, error) {
	return migrations.StatusOf(ctx, s.reads.DB)
}

// migrating holds the lock in one session and runs fn on others: goose takes
// connections as it pleases. Should the session die meanwhile, DDL of two
// programs would meet, and fail on what is there already.
func (s *Store) migrating(ctx context.Context, fn func(context.Context) error) error {
	name := lock.NameOf(s.scope, migrateKey)
	err := lock.With(ctx, s.reads, name, migrateWait, func(ctx context.Context, session *lock.Session) error {
		// The session has nothing to say for as long as fn takes.
		if _, err := session.ExecContext(ctx, `SET SESSION wait_timeout = ?`, int(migrateTime.Seconds())); err != nil {
			return err
		}
		// Half a change of the schema is worse than a late stop.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), migrateTime)
		defer cancel()
		if err := fn(ctx); err != nil {
			return err
		}
		_, err := session.ExecContext(ctx, `SET SESSION wait_timeout = ?`, waitTimeout)
		return err
	})
	if err != nil {
		return unmigrated(err)
	}
	return nil
}

// CheckSchema returns an error wrapping [ErrUnsuitable] if the schema is not
// the one that this program was made for.
func (s *Store) CheckSchema(ctx context.Context) error {
	status, err := s.SchemaStatus(ctx)
	if err != nil {
		return fmt.Errorf("look at the schema: %w", err)
	}
	if status.Version == 0 {
		if err := s.checkVersionRights(ctx); err != nil {
			return err
		}
	}
	if len(status.Pending) > 0 {
		return note(fail(behind(status), migrateFirst)).refusal()
	}
	return nil
}

// checkVersionRights tells a schema that is not there from one that this
// account may not look at.
func (s *Store) checkVersionRights(ctx context.Context) error {
	verbs := []string{"SELECT"}
	missing, err := missingOn(ctx, s.reads, versionTable, "version_id", verbs)
	if err != nil || len(missing) == 0 {
		return err
	}
	who, err := account(ctx, s.reads)
	if err != nil {
		return err
	}
	lacks := []lack{{versionTable, verbs}}
	return note(fail(who+" lacks "+listed(lacks)+", so it cannot be told which schema this is", s.grants(lacks, who))).refusal()
}
