package lock

import (
	"context"
	"strings"
	"testing"

	"fairlead/internal/dbtest"
)

// A statement may hold bytes that are no text; ours do.
func TestProcessesBearBytes(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t).Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = db.ExecContext(ctx, "DO SLEEP(60), _binary'\xff\xfe\x80 mark'")
	}()
	defer func() { cancel(); <-done }()
	srv, err := ask(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		list, _, err := processes(t.Context(), srv)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if strings.Contains(string(p.statement), "\xff\xfe\x80 mark") {
				return
			}
		}
	}
	t.Error("the statement is not listed")
}
