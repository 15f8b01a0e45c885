package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-sql-driver/mysql"

	"fairlead/internal/localdb"
)

const (
	envDSN    = "FAIRLEAD_TEST_DSN"
	envEngine = "FAIRLEAD_TEST_ENGINE"
)

// provide returns a server with its cfg and stop set.
func provide(ctx context.Context) (server, error) {
	if dsn := os.Getenv(envDSN); dsn != "" {
		return given(dsn)
	}
	engine, err := wantedEngine()
	if err != nil {
		return server{}, err
	}
	if os.Getenv(envImage) != "" {
		return startContainer(ctx, engine)
	}
	s, err := startPrivate(ctx)
	if !errors.Is(err, localdb.ErrNotFound) {
		return s, err
	}
	if dockerErr := dockerRuns(ctx); dockerErr != nil {
		return server{}, fmt.Errorf("%w (or use `make test`, which does that first; Docker would do too, but: %w)", err, dockerErr)
	}
	return startContainer(ctx, engine)
}

// given returns the server that the user named.
func given(dsn string) (server, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return server{}, fmt.Errorf("%s: %w", envDSN, err)
	}
	return server{cfg: cfg, stop: func() error { return nil }}, nil
}

// startPrivate returns a private server. Its data is of no use to anyone after
// the tests, so it is not given the time to write it.
func startPrivate(ctx context.Context) (server, error) {
	opts, err := privateOptions()
	if err != nil {
		return server{}, err
	}
	srv, err := localdb.Start(ctx, opts)
	if err != nil {
		return server{}, err
	}
	stop := func() error {
		_ = srv.Signal(os.Kill)
		return srv.Close()
	}
	return server{cfg: srv.Config(""), stop: stop}, nil
}

// installation returns the server program that private servers run.
func installation() (localdb.Installation, error) {
	engine, err := wantedEngine()
	if err != nil {
		return localdb.Installation{}, err
	}
	if engine == localdb.MySQL {
		return findMySQL()
	}
	return localdb.Find()
}

// wantedEngine returns the engine that private servers and containers are to
// run.
func wantedEngine() (localdb.Engine, error) {
	switch engine := localdb.Engine(os.Getenv(envEngine)); engine {
	case "":
		return localdb.MariaDB, nil
	case localdb.MariaDB, localdb.MySQL:
		return engine, nil
	default:
		return "", fmt.Errorf("%s is %q, want %s or %s", envEngine, engine, localdb.MariaDB, localdb.MySQL)
	}
}

// findMySQL returns the server that scripts/get-mysql.sh unpacked. It comes
// with the C library that it was built for, and hence its own loader.
func findMySQL() (localdb.Installation, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return localdb.Installation{}, fmt.Errorf("find the cache folder: %w", err)
	}
	usr := filepath.Join(cache, "fairlead", "mysql", "root", "usr")
	loaders, _ := filepath.Glob(filepath.Join(usr, "lib*", "ld-linux-*.so.*"))
	libs, _ := filepath.Glob(filepath.Join(usr, "lib", "*-linux-gnu*"))
	if len(loaders) == 0 || len(libs) == 0 {
		return localdb.Installation{}, fmt.Errorf("%w: there is no MySQL in %s; run scripts/get-mysql.sh, which unpacks one there",
			localdb.ErrNotFound, filepath.Dir(usr))
	}
	return localdb.Installation{
		Engine: localdb.MySQL,
		Server: filepath.Join(usr, "sbin", "mysqld"),
		Share:  filepath.Join(usr, "share", "mysql"),
		Libs:   libs,
		Loader: loaders[0],
	}, nil
}

// shutdown stops the shared server, if a test needed one, and removes this
// run's folder.
func shutdown() error {
	var err error
	if theServer.admin != nil {
		err = theServer.admin.Close()
	}
	if theServer.stop != nil {
		err = errors.Join(err, theServer.stop())
	}
	return errors.Join(err, run.remove())
}
