package api

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// readyWait is how long [Server.Ready] may take.
const readyWait = 2 * time.Second

var errStopping = errors.New("asked to stop")

// getHealth handles GET /healthz. That it is answered is the answer.
func (s *Server) getHealth(_ context.Context, x *exchange) error {
	return x.answer(http.StatusOK, Status{StatusStatusOk})
}

// getReadiness handles GET /readyz.
func (s *Server) getReadiness(ctx context.Context, x *exchange) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		return fmt.Errorf("%w: %w", errNotReady, err)
	}
	return x.answer(http.StatusOK, Status{StatusStatusOk})
}

func (s *Server) ready(ctx context.Context) error {
	if s.stopping.Load() {
		return errStopping
	}
	return s.Ready(ctx)
}

//go:embed openapi.yaml
var spec []byte

// getSpec handles GET /openapi.yaml.
func (s *Server) getSpec(_ context.Context, x *exchange) error {
	x.write(http.StatusOK, "application/yaml", spec)
	return nil
}
