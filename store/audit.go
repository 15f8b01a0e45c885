package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/oklog/ulid/v2"

	"fairlead/assign"
	"fairlead/lock"
)

const (
	insertAudit = `INSERT INTO audit (id, happened_at, kind, actor, data) VALUES (?, NOW(6), ?, ?, ?)`
	listAudit   = `SELECT id, happened_at, kind, actor, data FROM audit WHERE id > ? ORDER BY id LIMIT ?`
)

// audit writes an entry, committed when it returns, and returns its id.
func audit(ctx context.Context, db sqlx.ExecerContext, kind assign.AuditKind, actor string, data any) (string, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	id := ulid.Make().String()
	_, err = db.ExecContext(ctx, insertAudit, id, string(kind), actor, string(text))
	return id, err
}

// Audit returns what operators did, oldest first, behind the entry with the id
// after; at most limit entries. Errors: [assign.ErrUnavailable].
func (l *Locks) Audit(ctx context.Context, after string, limit int) (assign.Page[assign.AuditEntry], error) {
	var rows []struct {
		ID         string
		HappenedAt time.Time `db:"happened_at"`
		Kind       string
		Actor      string
		Data       []byte
	}
	if err := l.db.SelectContext(ctx, &rows, listAudit, after, limit+1); err != nil {
		return assign.Page[assign.AuditEntry]{}, wrap("read audit", unreadable(ctx, err))
	}
	page := assign.Page[assign.AuditEntry]{More: len(rows) > limit}
	for _, r := range rows[:min(limit, len(rows))] {
		page.Items = append(page.Items, assign.AuditEntry{ID: r.ID, At: r.HappenedAt, Kind: assign.AuditKind(r.Kind), Actor: r.Actor, Data: r.Data})
	}
	return page, nil
}

// The data of audit entries about a kill. They hold no statements: what those
// are about is in them.
type (
	killAsked struct {
		Lock         string `json:"lock"`
		ConnectionID int64  `json:"connection_id"`
		Reason       string `json:"reason"`
		User         string `json:"user"`
		Host         string `json:"host"`
		Program      string `json:"program"`
		Instance     string `json:"instance"`
		HeldMs       *int64 `json:"held_ms"` // nil: not known
		HeldExact    bool   `json:"held_exact"`
		Waiters      int    `json:"waiters"`
	}
	killDone struct {
		Of           string `json:"of"` // id of the entry from before
		Freed        bool   `json:"freed"`
		FreedAfterMs *int64 `json:"freed_after_ms"`
	}
	killNotDone struct {
		Of    string `json:"of"`
		Error string `json:"error,omitempty"`
	}
)

// auditAsked writes that the holder of a lock is about to be ended. The id is
// empty if there is no audit to write to, which is an error unless the lock is
// another application's and l has no service behind it.
func (l *Locks) auditAsked(ctx context.Context, k assign.LockKill, v assign.LockView) (id string, err error) {
	switch {
	case l.schema == "" && strings.HasPrefix(v.Name, scopeOf("")):
		return "", fmt.Errorf("%w: name the schema of this lock in the data source name", assign.ErrNotAudited)
	case l.schema == "":
		return "", nil
	}
	asked := killAsked{
		Lock: v.Name, ConnectionID: k.ConnectionID, Reason: k.Reason,
		User: v.Holder.User, Host: v.Holder.Host, Program: v.Holder.Program, Instance: v.Holder.Instance,
		HeldExact: v.Holder.Exact, Waiters: len(v.Waiters),
	}
	if v.Holder.For >= 0 {
		asked.HeldMs = new(v.Holder.For.Milliseconds())
	}
	id, err = audit(ctx, l.kills, assign.AuditLockKill, k.Actor, asked)
	if n, _ := number(err); n == 1146 && !v.Ours && !l.service { // ER_NO_SUCH_TABLE
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", assign.ErrNotAudited, err)
	}
	return id, nil
}

// auditTime bounds the writing of what came of a kill.
const auditTime = 2 * time.Second

// auditEnded writes what came of a kill, as well as it can: the deed is done,
// or not, and the answer to whoever asked is about that. The context is not
// the request's, which may have run out of time over the kill.
func (l *Locks) auditEnded(ctx context.Context, actor string, done assign.LockKilled, failed error) {
	if done.AuditID == "" {
		return
	}
	kind, data := endOf(done, failed)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	if _, err := audit(ctx, l.kills, kind, actor, data); err != nil {
		l.log.WarnContext(ctx, "what came of a kill is not in the audit",
			slog.String("of", done.AuditID), slog.String("kind", string(kind)), slog.Any("err", err))
	}
}

// endOf says what came of a kill. Errors are told by number: the driver's texts
// have addresses and more in them.
func endOf(done assign.LockKilled, failed error) (assign.AuditKind, any) {
	if failed == nil {
		end := killDone{Of: done.AuditID, Freed: done.Freed}
		if done.Freed {
			end.FreedAfterMs = new(done.After.Milliseconds())
		}
		return assign.AuditLockKilled, end
	}
	end := killNotDone{Of: done.AuditID, Error: killError(failed)}
	if end.Error == "" {
		return assign.AuditLockKillUnclear, end
	}
	return assign.AuditLockKillFailed, end
}

// killError is why nobody was killed, empty if that is not known: the server
// did not come to say what became of the statement.
func killError(err error) string {
	switch {
	case errors.Is(err, lock.ErrHolderChanged):
		return "holder_changed"
	case errors.Is(err, lock.ErrKillDenied):
		return "kill_denied"
	}
	if n, said := number(err); said {
		return strconv.Itoa(int(n))
	}
	return ""
}
