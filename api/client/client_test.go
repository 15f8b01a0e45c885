package client_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"fairlead/api"
	"fairlead/api/client"
	"fairlead/assign"
)

// writes assigns to Kim, or says that nobody is active; the rest of the
// interface is not asked for.
type writes struct {
	api.Writes
	err error
}

func (w writes) Assign(_ context.Context, r assign.Request) (assign.Assigned, error) {
	a := assign.Assignment{
		ID: "01K2ZJ5Y3QK8J4W1T9V6M7N2XB", Pool: r.Pool, Seq: 1, Planner: "kim", Key: r.Key, Customer: r.Customer,
		State: assign.AssignmentActive, AssignedAt: time.Date(2026, 3, 1, 9, 30, 0, 1000, time.UTC),
	}
	return assign.Assigned{Assignment: a, Replayed: true}, w.err
}

// The generated client understands the server.
func TestClient(t *testing.T) {
	t.Parallel()
	call := func(err error) *client.CreateAssignmentResponse {
		tokens, tokenErr := api.ParseTokens("shop:secret")
		if tokenErr != nil {
			t.Fatal(tokenErr)
		}
		s := httptest.NewServer((&api.Server{Writes: writes{err: err}, Tokens: tokens, Log: slog.New(slog.DiscardHandler)}).Public())
		defer s.Close()
		c, clientErr := client.NewClientWithResponses(s.URL, client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer secret")
			return nil
		}))
		if clientErr != nil {
			t.Fatal(clientErr)
		}
		key, seconds, customer := "k", 1.5, "김"
		resp, callErr := c.CreateAssignmentWithResponse(t.Context(), "demo",
			&client.CreateAssignmentParams{IdempotencyKey: &key, RequestTimeout: &seconds},
			client.AssignmentRequest{Customer: &customer})
		if callErr != nil {
			t.Fatal(callErr)
		}
		return resp
	}

	made := call(nil)
	a := made.JSON201
	if a == nil || a.Planner.ID != "kim" || a.Key != "k" || a.Customer != "김" || a.Number != nil || a.ReleasedAt != nil || a.AssignedAt.Nanosecond() != 1000 {
		t.Errorf("status %d, assignment %+v", made.StatusCode(), a)
	}
	if h := made.Headers201; h == nil || h.IdempotencyReplayed == nil || *h.IdempotencyReplayed != "true" {
		t.Errorf("headers %+v", h)
	}
	if p := client.ProblemIn(made.HTTPResponse, made.Body); p != nil {
		t.Errorf("problem %v in a success", p)
	}

	refused := call(assign.ErrNoPlanner)
	p := client.ProblemIn(refused.HTTPResponse, refused.Body)
	if p == nil || p.Code != client.ProblemCodeNoPlanner || p.Error() == "" {
		t.Errorf("status %d, problem %v", refused.StatusCode(), p)
	}
}
