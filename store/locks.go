package store

import (
	"context"
	"strings"

	"fairlead/assign"
	"fairlead/lock"
)

// maxKnownLocks bounds how many pools' locks are asked for one by one, where
// the server has no better way to tell.
const maxKnownLocks = 1000

// Locks returns the locks of this schema's pools that are held or waited for.
func (s *Store) Locks(ctx context.Context) (assign.LockList, error) {
	var pools []assign.PoolID
	err := s.reads.SelectContext(ctx, &pools, `SELECT pool FROM pools ORDER BY last_at DESC LIMIT ?`, maxKnownLocks)
	if err != nil {
		return assign.LockList{}, wrap("list pools", unreadable(ctx, err))
	}
	names := make([]lock.Name, len(pools))
	byName := make(map[lock.Name]assign.PoolID, len(pools))
	for i, pool := range pools {
		names[i] = s.LockName(pool)
		byName[names[i]] = pool
	}
	return s.locks(ctx, names, byName, func(name lock.Name) bool {
		_, ours := byName[name]
		return ours || strings.HasPrefix(string(name), s.scope+":")
	})
}

// Lock returns one lock by its name, or by its pool's id if there is no colon
// in name. A lock that is free, or that nobody ever took, is an answer too.
func (s *Store) Lock(ctx context.Context, name string) (assign.LockList, error) {
	full, byName := lock.Name(name), map[lock.Name]assign.PoolID{}
	if !strings.Contains(name, ":") {
		full = s.LockName(assign.PoolID(name))
		byName[full] = assign.PoolID(name)
	}
	list, err := s.locks(ctx, []lock.Name{full}, byName, func(n lock.Name) bool { return n == full })
	if err == nil && len(list.Locks) == 0 {
		list.Locks = []assign.LockView{s.view(lock.Held{Name: full}, byName)}
	}
	return list, err
}

func (s *Store) locks(ctx context.Context, known []lock.Name, byName map[lock.Name]assign.PoolID, ours func(lock.Name) bool) (assign.LockList, error) {
	held, source, err := lock.List(ctx, s.reads, known)
	if err != nil {
		return assign.LockList{}, unreadable(ctx, err)
	}
	list := assign.LockList{Source: string(source)}
	for _, h := range held {
		if ours(h.Name) {
			list.Locks = append(list.Locks, s.view(h, byName))
		}
	}
	return list, nil
}

func (s *Store) view(h lock.Held, byName map[lock.Name]assign.PoolID) assign.LockView {
	v := assign.LockView{Name: string(h.Name), Pool: byName[h.Name]}
	if rest, ok := strings.CutPrefix(v.Name, s.scope+":"); v.Pool == "" && ok && !strings.ContainsAny(rest, ":#") {
		v.Pool = assign.PoolID(rest)
	}
	if h.Holder != nil {
		holder := session(*h.Holder)
		v.Holder = &holder
	}
	for _, w := range h.Waiters {
		v.Waiters = append(v.Waiters, session(w))
	}
	return v
}

func session(o lock.Owner) assign.SessionView {
	return assign.SessionView{ConnectionID: o.ConnectionID, User: o.User, Host: o.Host, Program: o.Program, For: o.For}
}
