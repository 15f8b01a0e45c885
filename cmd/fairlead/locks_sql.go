package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-sql-driver/mysql"

	"fairlead/internal/localdb"
	"fairlead/lock"
)

type locksSQLCmd struct {
	databaseFlags

	Engine string `enum:",mysql,mariadb,tidb" default:"" help:"Whose statements: mysql, mariadb or tidb. Without it the server of the DSN is asked; without that, all are printed."`
}

// Help is what --help says besides.
func (locksSQLCmd) Help() string {
	return `Prints statements that show who holds a lock, who waits, what the holder does and who blocks it, and the one that ends it safely. Replace the name and the connection id in them by yours. They are explained in docs/dba.md.`
}

func (c *locksSQLCmd) Run(ctx context.Context) error {
	return writeStatements(os.Stdout, c.dialects(ctx)...)
}

// dialects are those to print. A server that cannot be asked is no reason to
// print nothing: this is wanted most when nothing else works.
func (c *locksSQLCmd) dialects(ctx context.Context) []lock.Dialect {
	all := []lock.Dialect{lock.MySQL, lock.MariaDB, lock.TiDB}
	switch {
	case c.Engine != "":
		return []lock.Dialect{lock.Dialect(c.Engine)}
	case c.DSN == "" && localdb.Exists(c.DataDir):
		return []lock.Dialect{lock.MariaDB} // what a private database is
	case c.DSN == "":
		return all
	}
	dialect, err := dialectOf(ctx, c.DSN)
	if err != nil {
		fmt.Fprintf(os.Stderr, "fairlead: the server did not say what it is (%v); here are all\n", err)
		return all
	}
	return []lock.Dialect{dialect}
}

func dialectOf(ctx context.Context, dsn string) (lock.Dialect, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", err
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var version string
	err = db.QueryRowContext(ctx, `SELECT VERSION()`).Scan(&version)
	return lock.DialectOf(version), err
}

// commentWidth is where comments are folded.
const commentWidth = 100

// writeStatements writes what a client takes as it stands: all but the
// statements is comment.
func writeStatements(w io.Writer, dialects ...lock.Dialect) error {
	var b bytes.Buffer
	fold(&b, "-- ", fmt.Sprintf("Put your lock's name for '%s' and your connection id for %d. Accounts are those of docs/dba.md.", lock.ExampleLock, lock.ExampleHolder), 0)
	for _, d := range dialects {
		for i, s := range lock.Statements(d) {
			fmt.Fprintln(&b)
			comment(&b, fmt.Sprintf("%s %d. %s [%s]", d, i+1, s.Title, s.Account))
			comment(&b, s.Why)
			fmt.Fprintln(&b, s.Text+";")
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func comment(b *bytes.Buffer, text string) {
	var lines bytes.Buffer
	fold(&lines, "", text, commentWidth-3)
	for line := range bytes.Lines(lines.Bytes()) {
		b.WriteString("-- ")
		b.Write(line)
	}
}
