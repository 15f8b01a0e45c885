// Package migrations holds the schema's history, one numbered file a change,
// and moves a database along it.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"github.com/pressly/goose/v3"
)

//go:embed *.sql
var files embed.FS

// A Status says where a database stands in the schema's history.
type Status struct {
	Version int64 // of the database; 0 means empty
	Newest  int64 // that this program knows
	Pending []string
}

// Up applies what is pending and returns the names of what it applied. Only
// one program may migrate a database at a time; the caller holds a lock.
func Up(ctx context.Context, db *sql.DB) ([]string, error) {
	if err := mend(ctx, db); err != nil {
		return nil, err
	}
	p, err := provider(db)
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	return applied(results), err
}

// Down takes back the newest change, with the data in it, and returns its
// name. It returns an empty name if there is none.
func Down(ctx context.Context, db *sql.DB) (string, error) {
	p, err := provider(db)
	if err != nil {
		return "", err
	}
	if v, err := p.GetDBVersion(ctx); err != nil || v == 0 {
		return "", err
	}
	result, err := p.Down(ctx)
	if err != nil {
		return "", err
	}
	return result.Source.Path, nil
}

// StatusOf reports where db stands. It changes nothing.
func StatusOf(ctx context.Context, db *sql.DB) (Status, error) {
	p, err := provider(db)
	if err != nil {
		return Status{}, err
	}
	there, err := versionTable(ctx, db)
	if err != nil {
		return Status{}, err
	}
	if !there {
		return untouched(p), nil
	}
	list, err := p.Status(ctx)
	if err != nil {
		return Status{}, err
	}
	var s Status
	for _, m := range list {
		s.Newest = max(s.Newest, m.Source.Version)
		if m.State == goose.StatePending {
			s.Pending = append(s.Pending, m.Source.Path)
		} else {
			s.Version = max(s.Version, m.Source.Version)
		}
	}
	return s, nil
}

// mend removes a table of versions that has none. Goose makes the table and
// its first row in two steps, and cannot go on from between them.
func mend(ctx context.Context, db *sql.DB) error {
	there, err := versionTable(ctx, db)
	if err != nil || !there {
		return err
	}
	var versions int
	err = db.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+goose.DefaultTablename).Scan(&versions)
	if err != nil || versions > 0 {
		return err
	}
	_, err = db.ExecContext(ctx, `DROP TABLE `+goose.DefaultTablename)
	return err
}

// versionTable reports whether db has been migrated before.
func versionTable(ctx context.Context, db *sql.DB) (bool, error) {
	var tables int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?`, goose.DefaultTablename).Scan(&tables)
	return tables > 0, err
}

// untouched is the status of a database that goose would have to make its
// table in first.
func untouched(p *goose.Provider) (s Status) {
	for _, source := range p.ListSources() {
		s.Newest = max(s.Newest, source.Version)
		s.Pending = append(s.Pending, source.Path)
	}
	return s
}

func provider(db *sql.DB) (*goose.Provider, error) {
	p, err := goose.NewProvider(goose.DialectMySQL, db, files)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

func applied(results []*goose.MigrationResult) []string {
	names := make([]string, len(results))
	for i, r := range results {
		names[i] = r.Source.Path
	}
	return names
}
