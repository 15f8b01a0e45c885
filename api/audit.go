package api

import (
	"context"
	"net/http"

	"fairlead/assign"
)

// getAudit handles GET /v1/audit.
func (s *Server) getAudit(ctx context.Context, x *exchange) error {
	after, err := queried(x, "after", parseULID)
	if err != nil {
		return err
	}
	limit, err := x.limit()
	if err != nil {
		return err
	}
	page, err := s.Locks.Audit(ctx, after, limit)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, AuditList{
		Entries: each(page.Items, auditEntryOf),
		Next:    next(page, func(e assign.AuditEntry) string { return e.ID }),
	})
}

func auditEntryOf(e assign.AuditEntry) AuditEntry {
	return AuditEntry{
		ID:    e.ID,
		Kind:  string(e.Kind),
		At:    Time(e.At),
		Actor: e.Actor,
		Data:  e.Data,
	}
}
