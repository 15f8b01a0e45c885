package main

import (
	"context"
	"os"

	"fairlead/internal/localdb"
)

type localdbCmd struct {
	Install localdbInstall `cmd:"" help:"Install a database server program (mariadbd) for the private database, if there is none. Starts no service."`
}

type localdbInstall struct{}

func (localdbInstall) Run(ctx context.Context) error { return localdb.Install(ctx, os.Stdout) }
