package lock

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// A holding is that a session holds a lock.
type holding struct {
	id     int64
	atMost time.Duration // for so long; negative: not known
}

// fromFunctions asks for the holders of the names that are known, and of those
// that somebody in the process list waits for.
func fromFunctions(ctx context.Context, srv *server, sp spelling) (Report, error) {
	list, all, err := processes(ctx, srv)
	if err != nil {
		return Report{}, err
	}
	names := maps.Clone(sp.known)
	for _, s := range list {
		if s.waitsForLock {
			for _, name := range asksFor(s.statement) {
				names[string(sp.folded(name))] = sp.of(name)
			}
		}
	}
	ids, err := usedBy(ctx, srv, slices.Collect(maps.Values(names)))
	if err != nil {
		return Report{}, err
	}
	holders := make(map[string]holding, len(ids))
	for name, id := range ids {
		if srv.engine == TiDB {
			id = 0 // it says 1 for whoever it is
		}
		holders[string(name)] = holding{id: id, atMost: -1}
	}
	b := newBoard(sp)
	nameless := b.add(holders, list)
	g := processGaps(srv, FromFunctions, all, nameless)
	return b.report(FromFunctions, g), nil
}

// usedBy returns the connection ids of the holders of those of names that are
// held.
func usedBy(ctx context.Context, srv *server, names []Name) (map[Name]int64, error) {
	holders := map[Name]int64{}
	for some := range slices.Chunk(names, 100) { // one round trip for so many
		ids, err := usedByAtOnce(ctx, srv, some)
		switch {
		case errors.Is(err, ErrName) && len(some) == 1: // nobody holds what cannot be taken
		case errors.Is(err, ErrName):
			for i := range some {
				one, err := usedBy(ctx, srv, some[i:i+1])
				if err != nil {
					return nil, err
				}
				maps.Copy(holders, one)
			}
		case err != nil:
			return nil, err
		}
		maps.Copy(holders, ids)
	}
	return holders, nil
}

func usedByAtOnce(ctx context.Context, srv *server, names []Name) (map[Name]int64, error) {
	args, ids, dest := make([]any, len(names)), make([]sql.NullInt64, len(names)), make([]any, len(names))
	for i, name := range names {
		args[i], dest[i] = string(name), &ids[i]
	}
	query := `SELECT ` + strings.TrimSuffix(strings.Repeat(`IS_USED_LOCK(?),`, len(names)), `,`)
	if err := srv.QueryRowxContext(ctx, query, args...).Scan(dest...); err != nil {
		return nil, Typed(err)
	}
	holders := make(map[Name]int64, len(names))
	for i, id := range ids {
		if id.Valid {
			holders[names[i]] = id.Int64
		}
	}
	return holders, nil
}

// add adds holders, with what the process list says of them, and the waiters
// that it shows. It returns how many of these do not say what they wait for.
func (b *board) add(holders map[string]holding, list []session) (nameless int) {
	byID := make(map[int64]session, len(list))
	for _, s := range list {
		byID[s.id] = s
	}
	for name, h := range holders {
		s, seen := byID[h.id]
		if !seen {
			s = unseen(h.id)
		}
		s.holdsForAtMost = h.atMost
		b.holder(name, s.holder(Name(name), 0))
	}
	for _, s := range list {
		if !s.waitsForLock {
			continue
		}
		if name, ok := b.waitedFor(s); ok {
			b.waiter(name, s.waiter())
		} else {
			nameless++
		}
	}
	return nameless
}

// waitedFor finds the lock that a session waits for in its statement: the first
// that it has not got already.
func (b *board) waitedFor(s session) (name string, ok bool) {
	for _, name := range asksFor(s.statement) {
		if h := b.locks[b.of(name)]; name != "" && (h == nil || h.Holder == nil || h.Holder.ConnectionID != s.id) {
			return name, true
		}
	}
	return "", false
}
