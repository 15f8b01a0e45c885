package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/testcontainers/testcontainers-go"

	"fairlead/internal/localdb"
)

const (
	envImage       = "FAIRLEAD_TEST_IMAGE"
	serverPort     = "3306/tcp"
	containerLimit = 3 * time.Minute // to start answering, once the image is there
)

// images are what runs where FAIRLEAD_TEST_IMAGE does not say.
var images = map[localdb.Engine]string{
	localdb.MariaDB: "mariadb:11.4",
	localdb.MySQL:   "mysql:8.4",
}

// dockerRuns returns nil if containers can be started here.
func dockerRuns(ctx context.Context) error {
	docker, err := testcontainers.NewDockerProvider()
	if err != nil {
		return err
	}
	return docker.Health(ctx) // closes docker
}

// startContainer returns the server in a new container.
func startContainer(ctx context.Context, engine localdb.Engine) (server, error) {
	image := os.Getenv(envImage)
	if image == "" {
		image = images[engine]
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net = "root", rand.Text(), "tcp"
	c, err := testcontainers.Run(ctx, image,
		testcontainers.WithExposedPorts(serverPort),
		testcontainers.WithEnv(map[string]string{
			"MYSQL_ROOT_PASSWORD":   cfg.Passwd,
			"MARIADB_ROOT_PASSWORD": cfg.Passwd,
		}),
		testcontainers.WithCmd("--performance-schema=ON", "--performance-schema-instrument="+localdb.LockInstrument+"=ON"),
	)
	stop := func() error { return testcontainers.TerminateContainer(c) }
	if err == nil {
		err = awaitContainer(ctx, c, cfg)
	}
	if err != nil {
		return server{}, errors.Join(fmt.Errorf("run %s: %w", image, err), stop())
	}
	return server{cfg: cfg, stop: stop}, nil
}

// awaitContainer completes cfg and returns when the server answers a query
// over TCP. Words in the log are no sign: they differ between builds, and a
// server that is only being set up, without a network, says them too.
func awaitContainer(ctx context.Context, c *testcontainers.DockerContainer, cfg *mysql.Config) (err error) {
	ctx, cancel := context.WithTimeout(ctx, containerLimit)
	defer cancel()
	if cfg.Addr, err = c.PortEndpoint(ctx, serverPort, ""); err != nil {
		return err
	}
	db, err := open(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", ctx.Err(), err)
		}
		if state, stateErr := c.State(ctx); stateErr == nil && !state.Running {
			return fmt.Errorf("the container ended with status %d", state.ExitCode)
		}
	}
}
